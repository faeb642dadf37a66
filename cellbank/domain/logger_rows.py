"""The rows of a temperature logger's file, in one pass: each is a reading, is asked about, or is wrong."""

import csv
import datetime
import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cellbank.domain.question import Choice, Question
from cellbank.domain.sheets.clock import Clock, OrderUnknown, Skipped, fixed_zones, looks_like_a_time
from cellbank.domain.sheets.doubled_hour import passes
from cellbank.domain.sheets.faults import FileAsks, FileProblem, Unreadable, asks
from cellbank.domain.sheets.kinds_of_time import Read, reader_of_times
from cellbank.domain.sheets.mapping import NOTHING, Mapping
from cellbank.domain.sheets.readings import OFFSET, in_order, repeated, unpacked
from cellbank.domain.sheets.rows import legible
from cellbank.domain.sheets.temperatures import hundredths_of, read_number
from cellbank.domain.sheets.titles import Columns, ask_unit
from cellbank.domain.sheets.units import EVERY_UNIT, NOT_TOLD, UNITS, unit_of_cell
from cellbank.domain.sheets.zones import Zone, called
from cellbank.domain.wall import as_written, on_the_wall

MOST_PROBLEMS = 20
TOLD_EVERY = 20_000
PREVIEW = 3
MOST_REMEMBERED = 100_000
EARLIEST = -(1 << 62)  # before any reading
_ELAPSED = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Said:
    """What is known of a file beside its text: what a person gave (`wanted`), what was learned from the last file of
    the same source, the usual zone, the start of the run, and the day after which nothing can have been measured."""

    zone: Zone
    wanted: Mapping = NOTHING
    learned: Mapping = NOTHING
    start: datetime.datetime | None = None
    until: datetime.date | None = None
    skip_unreadable: bool = False


@dataclass
class LoggerFile:
    """What a file holds: its readings in the order of time, and what was noticed."""

    mapping: Mapping
    zone: str = ""  # in which its times were read
    serial: str = ""
    readings: "array[int]" = field(default_factory=lambda: array("q"))
    rows: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    left_out: int = 0
    left_out_rows: list[str] = field(default_factory=list)  # the first of them, as they stand there


class RowReader:
    """The one pass through the rows. What is remembered of one row for the next was judged first."""

    def __init__(self, columns: Columns, said: Said, order: str, most_rows: int, tell: Callable[[int], None]):
        self.columns = columns
        self.said = said
        self.zone, self.which_zone = _zone(columns, said.zone)
        self.clock = Clock(self.zone, order)
        self.reads_time: Read | None = None
        self.unit = columns.mapping.unit
        self.unit_in_cells = False
        self.unit_cell = ""  # of the row before, where a column has the unit
        self.values: dict[str, int] = {}
        self.most_rows = most_rows
        self.tell = tell
        self.file = LoggerFile(columns.mapping, called(self.zone), columns.serial_told)
        self.problems: list[str] = []
        self.no_readings: list[str] = []  # rows that are none, as they stand there
        self.preview: list[list[str]] = []
        self.doubled: list[int] = []  # places of readings in the hour that came twice
        self.skipped: Skipped | None = None  # the first one
        self.in_order = True

    def read(self, lines: Iterable[str]) -> None:
        """Every row, so many at a time."""
        rows = csv.reader(lines, delimiter=self.columns.delimiter)
        before, first = EARLIEST, -1
        while first != self.file.rows:
            first = self.file.rows
            with legible():
                before = self._read_rows(itertools.islice(rows, TOLD_EVERY), before)
            self.tell(self.file.rows)
            if self.file.rows > self.most_rows:
                raise FileProblem(f"The file has more than {self.most_rows:,} rows. Export a shorter time.")

    def _read_rows(self, rows: Iterable[Sequence[str]], before: int) -> int:
        """Written for speed: two look-ups for the time and one for the value; whatever is not yet known raises."""
        file, columns, first = self.file, self.columns, self.file.rows
        number = first
        hours, rests, values, append = self.clock.hours, self.clock.rests, self.values, self.file.readings.append
        time_at, value_at, serial_at, width = columns.time, columns.value, columns.serial, columns.width
        unit_at = columns.unit
        joined = columns.date is not None or columns.zone is not None
        last, out_of_order = before, 0
        for number, cells in enumerate(rows, start=first + 1):
            try:
                time = self._joined(cells) if joined else cells[time_at]
                at, value = hours[time[:13]] + rests[time[13:]], values[cells[value_at]]
                usual = len(cells) == width and (serial_at is None or cells[serial_at] == file.serial)
                usual = usual and (unit_at is None or cells[unit_at] == self.unit_cell)
            except (KeyError, IndexError):
                usual = False
            if not usual:
                file.rows = number
                found = self._slowly(cells)
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
        return last

    def _joined(self, cells: Sequence[str]) -> str:
        """Date, time and zone of a row as one text."""
        places = (self.columns.date, self.columns.time, self.columns.zone)
        return " ".join(cells[place].strip() for place in places if place is not None)

    def finished(self) -> LoggerFile:
        """The file, its readings sorted and each time once. Raises FileProblem with all that was found."""
        if self.problems:
            raise FileProblem(*self.problems, *self.no_readings)
        self._ask()
        if not self.in_order:
            self.file.readings = in_order(self.file.readings)
            self._drop_repeated()
        if not self.file.readings:
            self.problems.append("The file has titles and no reading.")
        if self.problems:
            raise FileProblem(*self.problems)
        self.file.mapping = replace(self.columns.mapping, unit=self.unit, date_order=self.clock.order)
        return self.file

    def _ask(self) -> None:
        """Ask what only a person can know, the gravest first."""
        if self.which_zone and not self.clock.with_offset:
            raise self.which_zone
        if self.skipped:
            told = f"{self.skipped}. The logger keeps another time: say which zone it is"
            raise self._which_zone(told, self.skipped.around)
        if self.no_readings and not self.said.skip_unreadable:
            raise self._leave_out()
        if self.file.readings and self.unit == NOT_TOLD:
            raise ask_unit(self.columns, self.preview)
        if self.doubled:
            self._tell_passes()

    def _leave_out(self) -> FileAsks:
        """The question for rows that are no readings: each of them is named, and may be left out."""
        choice = Choice("true", f"leave out these rows: {len(self.no_readings)}")
        return FileAsks(Question("skip_unreadable", (choice,)), *self.no_readings)

    def _which_zone(self, sentence: str, around: int) -> FileAsks:
        """The question for the zone: those of a clock that does not follow the change around this second."""
        zones = fixed_zones(self.zone, around)
        return asks("zone", f"{sentence}.", [(called(one), f"{called(one)}, all year") for one in zones], self.preview)

    def _tell_passes(self) -> None:
        """Which pass through the doubled hour each of its rows is of, hour by hour. Asks where the order does not
        tell."""
        readings = self.file.readings
        for places in _runs(self.doubled):
            start, end = places[0], places[-1] + 1
            first = [key >> 16 for key in readings[start:end]]
            around = (
                [key >> 16 for key in readings[max(0, start - 2) : start]],
                [key >> 16 for key in readings[end : end + 2]],
            )
            found = passes(around[0], first, around[1])
            if found is None:
                raise self._which_zone(
                    f"{_shown(first[0], self.zone)} came twice in {called(self.zone)}, for the clocks were put back, "
                    "and the order of the rows does not tell which it is. Say which zone the logger keeps, or export "
                    "the file in UTC, the oldest row first",
                    first[0],
                )
            for place, second in zip(places, found, strict=True):
                readings[place] = (second << 16) | (readings[place] & 0xFFFF)
        self.file.out_of_order = sum(two >> 16 < one >> 16 for one, two in itertools.pairwise(readings))
        self.in_order = all(two >> 16 > one >> 16 for one, two in itertools.pairwise(readings))

    def _slowly(self, cells: Sequence[str]) -> tuple[int, int] | None:
        """A row with something that was not met before; None when it is empty, left out or wrong."""
        columns = self.columns
        if not any(cell.strip() for cell in cells):
            return None
        if len(self.preview) < PREVIEW:
            self.preview.append(list(cells))
        if not self._has_time(cells):
            told = "".join(cells[columns.time : columns.time + 1])[:40]
            self._no_reading(cells, f"{told!r} is no date and time")
            return None
        if not self._wide(cells) or self._has_more(cells):
            self._bad_width(cells)
            return None
        try:
            at = self._time(self._joined(cells).strip())
        except OrderUnknown:
            raise
        except Skipped as problem:
            self.skipped = self.skipped or problem
            return None
        except Unreadable as problem:
            self._wrong(str(problem))
            return None
        value = self._value(cells)
        if value is None:
            return None
        if columns.serial is not None and len(cells) > columns.serial:
            self._serial(cells[columns.serial].strip())
        if self.clock.doubled:
            self.doubled.append(len(self.file.readings))
        return at, value

    def _has_time(self, cells: Sequence[str]) -> bool:
        """Whether somebody meant a time: then it must be one."""
        text = cells[self.columns.time] if len(cells) > self.columns.time else ""
        return looks_like_a_time(text) or _ELAPSED.fullmatch(text.strip()) is not None

    def _time(self, text: str) -> int:
        self.clock.doubled = False
        if not self.file.readings and self.reads_time is None:
            self.reads_time = reader_of_times(self.columns, self.clock, text, self.said.start) or self.clock.read
        return (self.reads_time or self.clock.read)(text)

    def _value(self, cells: Sequence[str]) -> int | None:
        text = cells[self.columns.value]
        try:
            number, unit = read_number(text)
            unit = self._unit_beside(cells) or unit
        except Unreadable as problem:
            self._no_reading(cells, str(problem))
            return None
        try:
            self._check_unit(text, unit)
            value = hundredths_of(number, text, self.unit or unit) + OFFSET
        except Unreadable as problem:
            self._wrong(str(problem))
            return None
        if self.columns.unit is not None:
            self.unit_cell = cells[self.columns.unit]
        if len(self.values) < MOST_REMEMBERED:
            self.values[text] = value
        return value

    def _unit_beside(self, cells: Sequence[str]) -> str:
        """The unit that stands in a column of its own. Raises Unreadable for what is none of a temperature."""
        place = self.columns.unit
        if place is None:
            return NOT_TOLD
        unit = unit_of_cell(cells[place])
        if unit is None:
            raise Unreadable(f"{cells[place][:30]!r} is no unit of temperature that is known")
        return unit

    def _check_unit(self, text: str, unit: str) -> None:
        """The unit of a cell, which is that of the whole column. Raises Unreadable where it is another one."""
        if unit and self.unit and unit != self.unit.partition("/")[0]:
            said = f"the column is in {EVERY_UNIT[self.unit]}"
            raise Unreadable(f"{text[:30]!r} says {UNITS[unit]}, and {said}")
        if not self.columns.mapping.unit and self.values and bool(unit) != self.unit_in_cells:
            raise Unreadable(f"{text[:30]!r}: some cells have a unit and others have none")
        if unit and not self.unit:
            self.unit, self.unit_in_cells = NOT_TOLD if self.columns.units_told else unit, True

    def _no_reading(self, cells: Sequence[str], why: str) -> None:
        """A row that is no reading: a line under the table, a message, a fault of the sensor."""
        row = self.columns.rows_before + self.file.rows
        told = self.columns.delimiter.join(cells).strip()[:80]
        if self.said.skip_unreadable:
            self.file.left_out += 1
            if len(self.file.left_out_rows) < MOST_PROBLEMS:
                self.file.left_out_rows.append(f"Row {row}: {told}")
            return
        self.no_readings.append(f"Row {row}: {why}: {told!r}. Correct the file, or have such rows left out.")
        if len(self.no_readings) >= MOST_PROBLEMS:
            raise FileProblem(*self.problems, *self.no_readings, "There may be more.")

    def _serial(self, serial: str) -> None:
        if not self.file.serial:
            self.file.serial = serial
        elif serial and serial != self.file.serial:
            self._wrong(f"it is of the logger {serial[:30]!r}, the rows before of {self.file.serial[:30]!r}")

    def _wide(self, cells: Sequence[str]) -> bool:
        return len(cells) > self.columns.needed

    def _has_more(self, cells: Sequence[str]) -> bool:
        """Whether something stands in a cell that has no title."""
        width = self.columns.width
        return len(cells) > width and any(cell.strip() for cell in cells[width:])

    def _bad_width(self, cells: Sequence[str]) -> None:
        """A row with more or fewer cells than it needs."""
        columns = self.columns
        if self._has_more(cells):
            comma = (
                ". Decimal commas need another delimiter: export with semicolons" if columns.delimiter == "," else ""
            )
            self._wrong(f"it has {len(cells)} cells under {columns.width} titles{comma}")
        else:
            self._wrong(f"it has {len(cells)} of {columns.width} cells: the file seems to be cut off there")

    def _wrong(self, what: str) -> None:
        row = self.columns.rows_before + self.file.rows
        self.problems.append(f"Row {row}: {what}.")
        if len(self.problems) >= MOST_PROBLEMS:
            raise FileProblem(*self.problems, "There may be more.")

    def _drop_repeated(self) -> None:
        keys = self.file.readings
        places = repeated(keys)
        for place in places:
            if keys[place] != keys[place - 1]:
                pair = sorted({value / 100 for _, value in unpacked(keys[place - 1 : place + 1])})
                self.problems.append(f"{_shown(keys[place] >> 16)} has two values: {pair[0]:.2f} and {pair[1]:.2f} °C.")
                if len(self.problems) >= MOST_PROBLEMS:
                    return
        dropped = set(places)
        self.file.duplicates = len(places)
        self.file.readings = array("q", (key for place, key in enumerate(keys) if place not in dropped))


def _zone(columns: Columns, usual: Zone) -> tuple[Zone, FileAsks | None]:
    """The zone of the times, or the usual one with the question for it: one that times with an offset need not have."""
    try:
        return columns.clock(usual), None
    except FileAsks as asked:
        return usual, asked


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Places that follow each other."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _shown(second: int, zone: datetime.tzinfo = datetime.UTC) -> str:
    at = datetime.datetime.fromtimestamp(second, zone)
    return on_the_wall(at, seconds=True) if zone is datetime.UTC else as_written(at, seconds=True)
