"""A results sheet: the text of a CSV file as an instrument or a spreadsheet writes it, read row by row.

Nothing is guessed. The columns are known by their names in the first row, in any order; the separator is a comma, a
semicolon or a tab. A cell that a spreadsheet would calculate is refused: nobody has seen its value. Every fault is
named by its row, counted as a spreadsheet counts, and its column.
"""

import csv
import datetime
import io
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from cellbank.domain.definition import mixed_script_words
from cellbank.domain.sheets.clock import Clock, Skipped
from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.wall_clock import both_passes

COLUMNS = (
    "sample", "lot", "culture", "donation", "donor", "test", "result", "unit", "sample_number", "method",
    "method_version", "instrument", "started_at", "resulted_at",
)  # fmt: skip
MOMENTS = ("started_at", "resulted_at")
NEEDED = "result"
MOST_ROWS = 2000
_DELIMITERS = ",;\t"
_NUMBER = re.compile(r"[+−-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?")
_WITH_UNIT = re.compile(rf"(?P<number>{_NUMBER.pattern})\s*(?P<unit>[^\d\s.,].*)")
_SAYS_DELIMITER = re.compile(r"sep=([,;\t])\s*")


@dataclass(frozen=True)
class SheetProblem:
    """One fault: its place, such as `row 7.unit`, `row 7` or `header`, and what is wrong there."""

    place: str
    sentence: str


@dataclass(frozen=True)
class SheetRow:
    """A row that is not empty: its number, and its cells that are not empty by the names of their columns."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """What a sheet says, and every fault of its form."""

    rows: tuple[SheetRow, ...]
    problems: tuple[SheetProblem, ...]


def read_sheet(text: str) -> Sheet:
    """Read the text of a sheet, with or without a byte-order mark."""
    records, broken = _records(text.removeprefix("\ufeff"))
    if broken:
        return Sheet((), (broken,))
    filled = [(number, cells) for number, cells in enumerate(records, start=1) if any(cell.strip() for cell in cells)]
    if not filled:
        return Sheet((), (SheetProblem("header", "The sheet is empty: it needs a row with the names of the columns"),))
    (_, header), *body = filled
    names = [_name(cell) for cell in header]
    problems = _header_problems(names)
    if not problems and not body:
        problems = [SheetProblem("header", "Below the names of the columns there is no row: nothing to import")]
    if len(body) > MOST_ROWS:
        problems.append(SheetProblem("header", f"The sheet has {len(body)} rows; at most {MOST_ROWS} at a time"))
    if problems:
        return Sheet((), tuple(problems))
    found = [problem for number, cells in body for problem in _row_problems(number, cells, names)]
    return Sheet(tuple(_row(number, cells, names) for number, cells in body), tuple(found))


def _records(text: str) -> tuple[list[list[str]], SheetProblem | None]:
    first, _, rest = text.lstrip().partition("\n")
    said = _SAYS_DELIMITER.fullmatch(first)  # what a spreadsheet writes for itself: no row
    delimiter = said[1] if said else max(_DELIMITERS, key=first.count)
    text = f"\n{rest}" if said else text
    read: list[list[str]] = []
    try:
        read.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        why = "a quotation mark is opened and not closed, or stands in the middle of a cell"
        if "limit" in str(error):
            why = "a cell is far too long"
        return read, SheetProblem(f"row {len(read) + 1}", f"The sheet cannot be read from here on: {why}")
    return read, None


def _name(cell: str) -> str:
    return re.sub(r"[\s_-]+", "_", cell.strip().lower())


def _header_problems(names: list[str]) -> list[SheetProblem]:
    known = ", ".join(COLUMNS)
    problems = [
        SheetProblem("header", f"“{name[:60]}” is no column of a results sheet. The columns are: {known}")
        for name in dict.fromkeys(names)
        if name not in COLUMNS
    ]
    twice = [name for name in dict.fromkeys(names) if name in COLUMNS and names.count(name) > 1]
    problems += [SheetProblem("header", f"The column {name} stands there twice") for name in twice]
    if NEEDED not in names and not problems:
        problems.append(SheetProblem("header", f"The column {NEEDED} is missing. The columns are: {known}"))
    return problems


def _row(number: int, cells: list[str], names: list[str]) -> SheetRow:
    return SheetRow(number, {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()})


def _row_problems(number: int, cells: list[str], names: list[str]) -> list[SheetProblem]:
    more = [cell for cell in cells[len(names) :] if cell.strip()]
    problems = (
        [SheetProblem(f"row {number}", f"has {len(cells)} cells under {len(names)} columns; is a separator in a text?")]
        if more
        else []
    )
    for name, cell in zip(names, cells, strict=False):
        why = _fault(cell.strip())
        if why:
            problems.append(SheetProblem(f"row {number}.{name}", f"{why}. Given: {cell.strip()[:60]!r}"))
    return problems


def _fault(cell: str) -> str | None:
    if cell[:1] in ("=", "@") or (cell[:1] in ("+", "-") and len(cell) > 1 and not _NUMBER.match(cell)):
        return "looks like a formula: give the value itself"
    mixed = mixed_script_words(cell)
    if mixed:
        return f"mixes Latin and Cyrillic letters in {', '.join(mixed)}: type it again with one keyboard layout"
    return None


def number_and_unit(cell: str) -> tuple[str, str | None]:
    """The number of a cell, and the unit that stands behind it in the same cell: `85,5 %`. What is no number stays."""
    found = _WITH_UNIT.fullmatch(cell)
    return (found["number"], found["unit"]) if found else (cell, None)


def moment_of(cell: str, zone: ZoneInfo) -> datetime.datetime:
    """The instant that a cell names, in its own zone or else on the wall of the site, read as in every other file.

    Raises ValueError for what is no date and time, and for a wall-clock time that the clock skipped or showed twice.
    """
    clock = Clock(zone)
    try:
        second = clock.read(cell.replace("T", " ", 1))
    except Skipped:
        raise ValueError(f"was never shown by the clock of {zone.key}: give it with its zone") from None
    except Unreadable as problem:
        raise ValueError(str(problem)) from None
    if clock.doubled:
        first, later = (f"{one:%H:%M%z}" for one in both_passes(second, zone))
        raise ValueError(f"was shown twice by the clock of {zone.key}: give it with its zone, {first} or {later}")
    return datetime.datetime.fromtimestamp(second, datetime.UTC)
