"""What the attacks of a run came to: for each module what was tried, what held and what was found.

A test says with the fixture `tried` how much it tried; one that says nothing tried one thing. A test that fails has
found something, also where it failed before it could try: what was not shown to hold does not hold. What a machine
cannot play (a proxy that is not installed) is said as not played.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

ATTACK, TRIED, FOUND, NOTE = "attack", "tried", "found", "note"
FOLDER, WIDEST = Path(__file__).parent, 84


@dataclass
class Family:
    """The attacks of one module, by the first sentence of its docstring."""

    attack: str
    tried: int = 0
    held: int = 0
    found: int = 0
    not_played: int = 0
    notes: list[str] = field(default_factory=list)  # what was measured

    def add(self, tried: int, found: int, not_played: int = 0) -> None:
        """One test more, or one family of a sum."""
        self.tried += tried
        self.found += found
        self.held += tried - found
        self.not_played += not_played


class Table:
    """A plugin of the process that hears of all tests."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once; and what failed before or after it."""
        if report.when != "call" and report.passed:
            return
        said = report.user_properties
        words = next((str(value) for name, value in said if name == ATTACK), report.nodeid)
        family = self.families.setdefault(report.nodeid.partition("::")[0], Family(words))
        if report.when == "call":
            family.notes += [str(value) for name, value in said if name == NOTE]
        if report.skipped:
            family.add(0, 0, not_played=1)
        elif report.when == "teardown":
            family.add(1, 1)
        else:
            counts = [int(value) for name, value in said if name == TRIED]
            found = max(sum(int(value) for name, value in said if name == FOUND), int(report.failed))
            family.add(max(sum(counts), found, int(not counts)), found)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.section("attacks")
        terminalreporter.write_line(self.text())

    def text(self) -> str:
        """The table in columns."""
        families, total = [family for _, family in sorted(self.families.items())], Family("all of them")
        for family in families:
            total.add(family.tried, family.found, family.not_played)
        lines = [f"{'':<{WIDEST}}  {'tried':>6}  {'held':>6}  {'found':>5}  not played"]
        for family in (*families, total):
            words = family.attack if len(family.attack) <= WIDEST else family.attack[: WIDEST - 1] + "…"
            lines.append(
                f"{words:<{WIDEST}}  {family.tried:>6}  {family.held:>6}  {family.found:>5}  "
                f"{family.not_played or '':>10}".rstrip()
            )
        return "\n".join([*lines, "", *(note for family in families for note in family.notes)]).rstrip()

    def write(self, path: Path) -> None:
        """The same as JSON, by file."""
        found = {name: asdict(family) for name, family in sorted(self.families.items())}
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def name_attacks(items: list[pytest.Item]) -> None:
    """Let each test of this folder carry in its report what is attacked."""
    for item in items:
        if FOLDER in item.path.parents and isinstance(item, pytest.Function):
            said = " ".join((item.module.__doc__ or item.module.__name__).split())
            item.user_properties.append((ATTACK, said.partition(". ")[0].rstrip(".")))
