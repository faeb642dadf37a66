"""Whatever a person reads as a time, or as the day of one, was put into words in one place: `domain/wall.py`. A day is
the site's: nothing takes it from an instant without asking for a zone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cellbank

PACKAGE = Path(cellbank.__file__).parent
WRITES = "domain/wall.py"
# What is no text for people, or no instant: symbols and rows of the database, the ticks of a chart under its own
# dates, what somebody typed and is asked about, how a birth date may be typed, a setting of PostgreSQL, files that the
# story makes as a logger would.
OTHERS = {
    "domain/identifiers.py", "domain/result_sheet.py", "services/temperature/reading_store.py",
    "services/temperature/temperature_chart.py", "services/trail/trail_chain.py",
    "outside/postgres_server.py", "domain/rules/infusion.py",
    "web/reading.py", "story/temperature.py", "story/freezing.py", "story/player.py",
}  # fmt: skip


def formatted(source: str) -> Iterator[int]:
    """The lines on which a time or a day is put into words, or an ISO time or a bare UTC into a text."""
    tree = ast.parse(source)
    of_docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in of_docs:
            if any(sign in node.value for sign in ("%H", "%d", "%j", "HH24", "} UTC")):
                yield node.lineno
        elif isinstance(node, ast.JoinedStr):
            inside = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            names = {call.func.attr for call in inside if isinstance(call.func, ast.Attribute)}
            after = [part.value for part in node.values if isinstance(part, ast.Constant)]
            if names & {"isoformat", "strftime", "tzname"} or any(text.startswith(" UTC") for text in after):
                yield node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in ("strftime", "ctime"):
            yield node.lineno


# A day that a statement takes from an instant in the zone of the session, which is UTC.
_UTC_DAY = re.compile(r":now AS date|\w_at(?:::| AS )date|current_date|now\(\)::date|date_trunc", re.IGNORECASE)


def days_of_no_zone(source: str) -> Iterator[int]:
    """The lines on which an instant becomes a day, and no zone says whose."""
    for node in ast.walk(ast.parse(source)):
        if _called(node) == "date" and not node.args:
            if _called(node.func.value) != "astimezone":
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _UTC_DAY.search(node.value):
            yield node.lineno


def _called(node: ast.AST) -> str:
    """The name of the method that is called; empty for anything else."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


@pytest.mark.parametrize(
    "source",
    ['f"{at:%Y-%m-%d}"', "work.now.date()", '"CAST(:now AS date)"', '"c.started_at::date"', 'at.strftime("x")'],
)
def test_the_sweep_finds_each_kind(source: str) -> None:
    assert [*formatted(source), *days_of_no_zone(source)]


def test_no_day_is_taken_in_the_zone_of_the_server() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("story/") and (lines := sorted(set(days_of_no_zone(path.read_text())))):
            found[name] = lines
    assert not found


def test_one_place_puts_times_into_words() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if lines := sorted(set(formatted(path.read_text()))):
            found[name] = lines
    assert found.keys() - OTHERS == {WRITES}, {name: found[name] for name in found.keys() - OTHERS - {WRITES}}
    assert found.keys() >= OTHERS, "No longer needed here: " + ", ".join(sorted(OTHERS - found.keys()))


def test_pages_ask_the_filter() -> None:
    for path in sorted(PACKAGE.rglob("*.html")):
        source = path.read_text()
        assert "strftime" not in source and "astimezone" not in source, path
        for line in source.splitlines():
            told = line.count(".isoformat()")
            assert told == line.count('.isoformat() }}"') + line.count(".isoformat() if"), f"{path}: {line}"
