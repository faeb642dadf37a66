"""A temperature logger's file, read strictly and in one pass: every row is a reading, or the whole file is refused.

Decided here, because loggers leave it open: rows in any order are sorted and counted; the same time with the same value
twice is counted once; the same time with two values is a fault; °F become °C, rounded to 0.01; a cell without a number
is a fault, unless the person says that such rows are to be left out (they then count as silence). A million rows take
8 MB: a reading is one number, the second since 1970 and the hundredths of a degree.
"""

import csv
import datetime
import heapq
import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from cellbank.domain.logger_clock import Clock, Unreadable
from cellbank.domain.logger_header import HEAD_ROWS, Columns, FileProblem, Mapping, find_columns

__all__ = ["MOST_ROWS", "FileProblem", "LoggerFile", "Mapping", "pack", "read_logger_file", "unpacked"]

MOST_ROWS = 5_000_000  # 95 years of 10-minute readings
MOST_PROBLEMS = 20
TOLD_EVERY = 20_000
MOST_REMEMBERED = 100_000
_COLDEST, _WARMEST = -27315, 20000
_NUMBER = re.compile(r"([+-]?)(\d{1,4})(?:([.,])(\d{1,10}))?\s*(?:°?\s?[CF])?")
_OFFSET = 1 << 15


def pack(second: int, hundredths: int) -> int:
    """A reading as one number; numbers sort as times do."""
    return (second << 16) | (hundredths + _OFFSET)


def unpacked(keys: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Readings as (second, hundredths)."""
    return ((key >> 16, (key & 0xFFFF) - _OFFSET) for key in keys)


@dataclass
class LoggerFile:
    """What a file holds: its readings in the order of time, and what was noticed."""

    mapping: Mapping
    serial: str = ""
    readings: "array[int]" = field(default_factory=lambda: array("q"))
    rows: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    left_out: int = 0


def read_logger_file(
    lines: Iterable[str],
    wanted: Mapping,
    zone: ZoneInfo,
    *,
    skip_unreadable: bool = False,
    most_rows: int = MOST_ROWS,
    tell: Callable[[int], None] = lambda rows: None,
) -> LoggerFile:
    """Read the lines of a file. Times without an offset are of `zone`; `tell` hears the number of rows now and then.

    Raises FileProblem with up to twenty faults.
    """
    stream = iter(lines)
    try:
        head = list(itertools.islice(stream, HEAD_ROWS))
        columns = find_columns(head, wanted)
        reader = _Reader(columns, zone, skip_unreadable, most_rows, tell)
        reader.read(itertools.chain(head[columns.rows_before :], stream))
    except csv.Error as error:
        raise FileProblem(f"The file is no CSV: {error}.") from None
    return reader.finished()


class _Reader:
    """The one pass through the rows."""

    def __init__(
        self, columns: Columns, zone: ZoneInfo, skip_unreadable: bool, most_rows: int, tell: Callable[[int], None]
    ):
        self.columns = columns
        self.clock = Clock(zone, {"day_first": True, "month_first": False}.get(columns.mapping.date_order))
        self.values: dict[str, int] = {}
        self.skip_unreadable = skip_unreadable
        self.most_rows = most_rows
        self.tell = tell
        self.file = LoggerFile(columns.mapping, columns.serial_told)
        self.problems: list[str] = []
        self.in_order = True

    def read(self, lines: Iterable[str]) -> None:
        """Every row, so many at a time."""
        rows = csv.reader(lines, delimiter=self.columns.delimiter)
        before, first = None, -1
        while first != self.file.rows:
            first = self.file.rows
            before = self._read_rows(itertools.islice(rows, TOLD_EVERY), before)
            self.tell(self.file.rows)
            if self.file.rows > self.most_rows:
                raise FileProblem(f"The file has more than {self.most_rows:,} rows. Export a shorter time.")

    def _read_rows(self, rows: Iterable[Sequence[str]], before: int | None) -> int | None:
        """Written for speed: two look-ups for the time and one for the value; whatever is not yet known raises."""
        file, columns, first = self.file, self.columns, self.file.rows
        number = first
        hours, rests, values, append = self.clock.hours, self.clock.rests, self.values, self.file.readings.append
        time_at, value_at, serial_at, width = columns.time, columns.value, columns.serial, columns.width
        joined = columns.date is not None or columns.zone is not None
        last = -(1 << 62) if before is None else before
        out_of_order = 0
        for number, cells in enumerate(rows, start=first + 1):
            try:
                time = self._joined(cells) if joined else cells[time_at]
                at, value = hours[time[:13]] + rests[time[13:]], values[cells[value_at]]
                usual = len(cells) == width and (serial_at is None or cells[serial_at] == file.serial)
            except (KeyError, IndexError):
                usual = False
            if not usual:
                file.rows = number
                found = self._slowly(cells, None if last < 0 else last)
                if found is None:
                    continue
                at, value = found
            if at <= last:
                self.in_order = False
                out_of_order += at < last
            last = at
            append((at << 16) + value)
        file.rows = number
        file.out_of_order += out_of_order
        return None if last < 0 else last

    def _joined(self, cells: Sequence[str]) -> str:
        """Date, time and zone of a row as one text."""
        places = (self.columns.date, self.columns.time, self.columns.zone)
        return " ".join(cells[place].strip() for place in places if place is not None)

    def finished(self) -> LoggerFile:
        """The file, its readings sorted and each time once. Raises FileProblem with all that was found."""
        if not self.problems and not self.in_order:
            self._sort()
            self._drop_repeated()
        if not self.problems and not self.file.readings:
            self.problems.append("The file has titles and no reading.")
        if self.problems:
            raise FileProblem(*self.problems)
        return self.file

    def _slowly(self, cells: Sequence[str], before: int | None) -> tuple[int, int] | None:
        """A row with something that was not met before; None when it is empty, left out or wrong."""
        columns = self.columns
        if not any(cell.strip() for cell in cells):
            return None
        if len(cells) != columns.width and not self._is_wide_enough(cells):
            return None
        if columns.serial is not None:
            self._serial(cells[columns.serial].strip())
        try:
            at = self.clock.read(self._joined(cells).strip(), before)
        except Unreadable as problem:
            self._wrong(str(problem))
            return None
        text = cells[columns.value]
        try:
            value = read_celsius(text, columns.mapping.unit) + _OFFSET
        except Unreadable as problem:
            if self.skip_unreadable:
                self.file.left_out += 1
            else:
                self._wrong(f"{problem}. Correct the file, or have rows without a number left out")
            return None
        if len(self.values) < MOST_REMEMBERED:
            self.values[text] = value
        return at, value

    def _serial(self, serial: str) -> None:
        if not self.file.serial:
            self.file.serial = serial
        elif serial != self.file.serial:
            self._wrong(f"it is of the logger {serial[:30]!r}, the rows before of {self.file.serial[:30]!r}")

    def _is_wide_enough(self, cells: Sequence[str]) -> bool:
        """Whether a row with another number of cells than titles holds all that is needed."""
        columns = self.columns
        if len(cells) > columns.width and any(cell.strip() for cell in cells[columns.width :]):
            comma = " Decimal commas need another delimiter: export with semicolons" if columns.delimiter == "," else ""
            self._wrong(f"it has {len(cells)} cells under {columns.width} titles.{comma}")
            return False
        places = (columns.time, columns.value, columns.date, columns.zone, columns.serial)
        if len(cells) <= max(place for place in places if place is not None):
            self._wrong(f"it has {len(cells)} of {columns.width} cells: the file seems to be cut off there")
            return False
        return True

    def _wrong(self, what: str) -> None:
        row = self.columns.rows_before + self.file.rows
        self.problems.append(f"Row {row}: {what}.")
        if len(self.problems) >= MOST_PROBLEMS:
            raise FileProblem(*self.problems, "There may be more.")

    def _sort(self) -> None:
        """In pieces, so that a file in the wrong order does not take ten times the memory of one in the right order."""
        keys, piece = self.file.readings, 1 << 17
        pieces = [array("q", sorted(keys[start : start + piece])) for start in range(0, len(keys), piece)]
        self.file.readings = pieces[0] if len(pieces) == 1 else array("q", heapq.merge(*pieces))

    def _drop_repeated(self) -> None:
        keys = self.file.readings
        repeated = [place for place in range(1, len(keys)) if keys[place] >> 16 == keys[place - 1] >> 16]
        if not repeated:
            return
        for place in repeated:
            if keys[place] != keys[place - 1]:
                pair = sorted({value / 100 for _, value in unpacked(keys[place - 1 : place + 1])})
                self.problems.append(f"{_shown(keys[place] >> 16)} has two values: {pair[0]:.2f} and {pair[1]:.2f} °C.")
                if len(self.problems) >= MOST_PROBLEMS:
                    return
        dropped = set(repeated)
        self.file.duplicates = len(repeated)
        self.file.readings = array("q", (key for place, key in enumerate(keys) if place not in dropped))


def read_celsius(text: str, unit: str = "C") -> int:
    """A temperature in hundredths of a degree Celsius, from °C or °F, with a point or a comma. Raises Unreadable."""
    found = _NUMBER.fullmatch(text.strip().replace("−", "-"))
    if found is None:
        raise Unreadable(f"{text[:30]!r} is no temperature")
    sign, whole, _, part = found.groups()
    value = Decimal(f"{sign}{whole}.{part or 0}")
    if unit == "F":
        value = (value - 32) * 5 / 9
    hundredths = int((value * 100).to_integral_value(ROUND_HALF_EVEN))
    if not _COLDEST <= hundredths <= _WARMEST:
        raise Unreadable(f"{text[:30]!r} is outside −273.15 to 200 °C")
    return hundredths


def _shown(second: int) -> str:
    return f"{datetime.datetime.fromtimestamp(second, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
