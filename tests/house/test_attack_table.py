"""The table of the attacks counts what was tried once, and a failure of any kind as something found."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.attack.table import ATTACK, FOUND, NOTE, TRIED, Table


def report(file: str, outcome: Any, when: Any = "call", *said: tuple[str, object]) -> pytest.TestReport:
    properties = [(ATTACK, f"What {file} attacks"), *said]
    return pytest.TestReport(f"{file}.py::test", (file, 1, "test"), {}, outcome, "", when, user_properties=properties)


def test_what_was_tried_is_counted_once_and_every_failure_is_found(tmp_path: Path) -> None:
    table = Table()
    for one in (
        report("swept", "passed", "setup"),
        report("swept", "passed", "call", (TRIED, 690), (FOUND, 0)),
        report("swept", "passed", "teardown"),
        report("swept", "failed", "call", (TRIED, 300), (FOUND, 2)),
        report("silent", "passed", "call", (NOTE, "A figure.")),
        report("silent", "failed"),
        report("silent", "failed", "call", (TRIED, 5)),
        report("broken", "failed", "setup"),
        report("broken", "passed"),
        report("broken", "failed", "teardown"),
        report("absent", "skipped", "setup"),
    ):
        table.pytest_runtest_logreport(one)
    table.write(tmp_path / "found.json")
    found = {name: tuple(row.values()) for name, row in json.loads((tmp_path / "found.json").read_text()).items()}
    assert found == {
        "swept.py": ("What swept attacks", 990, 988, 2, 0, []),
        "silent.py": ("What silent attacks", 7, 5, 2, 0, ["A figure."]),
        "broken.py": ("What broken attacks", 3, 1, 2, 0, []),
        "absent.py": ("What absent attacks", 0, 0, 0, 1, []),
    }
    *lines, empty, note = table.text().splitlines()
    assert not empty and note == "A figure."
    assert [line.split()[:3] for line in lines[1:]] == [
        ["What", f, "attacks"] for f in sorted(("swept", "silent", "broken", "absent"))
    ] + [["all", "of", "them"]]
    assert lines[-1].split()[3:] == ["1000", "994", "6", "1"]
