"""`make mutate` makes the faults that it tells of, each one and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from tools.mutate import faults as mutate

JUDGED = """
class Facts:
    def may(self, age: int, signed: bool) -> bool:
        if age >= 18 and signed:
            return not self.old(age)
        return False

    def old(self, age):
        return any(year for year in range(age) if year > 89)
"""
ASKED = ((17, True), (18, True), (18, False), (19, True), (89, True), (90, True), (91, True))


def answers(path: Path, fault: mutate.Fault | None) -> list[Any]:
    named: dict[str, Any] = {}
    exec(mutate.module_with(fault) if fault else compile(path.read_text(), str(path), "exec"), named)
    return [named["Facts"]().may(*asked) for asked in ASKED]


def test_each_fault_changes_what_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "judged.py"
    path.write_text(JUDGED)
    monkeypatch.setattr(mutate, "DOMAIN", tmp_path)
    faults = list(mutate.faults_in(path))
    right = answers(path, None)
    assert right == [False, True, False, True, True, True, False]
    unseen = [fault.name for fault in faults if answers(path, fault) == right]
    assert {fault.kind for fault in faults} == {
        "turned",
        "moved",
        "and is or",
        "no not",
        "the other answer",
        "one more",
        "always",
        "never",
        "all of them",
    }
    assert unseen == []
