"""Where a file says what: the row of titles, the columns of time, temperature, serial number and zone, and what the
rows above the titles tell."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Any

from cellbank.domain.sheets.faults import FileProblem, asks
from cellbank.domain.sheets.rows import legible
from cellbank.domain.sheets.units import UNITS, unit_of_cell, unit_of_title
from cellbank.domain.sheets.zones import UnknownZone, Zone, called, zone_above, zone_called, zone_in

HEAD_ROWS = 400
DELIMITERS = ";\t,"
_TIME = ("time", "час", "zeit")
_DATE = ("date", "дата", "datum")
_NOT_TIME = ("elapsed", "interval", "zone", "пояс", "runtime", "run time")
_ELAPSED = ("elapsed", "runtime", "run time", "minutes", "хвилин")
_VALUE = ("temp", "°c", "°f", "ºc", "ºf", "℃", "℉", "celsius", "fahrenheit", "темп", "°с")
_NOT_VALUE = ("unit", "limit", "alarm", "min", "max", "ambient", "dew", "humid", "точка роси")
_CHANNEL = re.compile(r"(ch|channel|канал)[ .#_-]?\d+")
_SERIAL = ("serial", "s/n", "sensor id", "logger id", "device id", "серійний")
_SERIAL_WITHIN = re.compile(r"\bs/n:?\s*([\w-]*\d[\w-]*)", re.IGNORECASE)
_ZONE = ("zone", "offset", "часовий пояс")
FROM_FILE, AS_GIVEN = "file", "given"


@dataclass(frozen=True)
class Mapping:
    """What the columns are called and mean, as a person or the file said it; empty: look for it."""

    time: str = ""
    date: str = ""  # where date and time stand in two columns
    value: str = ""
    serial: str = ""
    zone: str = ""  # the column in which each row has its own
    unit: str = ""  # C, F or K
    date_order: str = ""  # day_first, month_first or year_first
    chamber: str = ""  # of a freezer's file: the temperature around the product
    clock: str = ""  # the zone in which the times are written
    told_zone: str = ""  # file or given: which one holds where the file names another zone
    times: str = ""  # how the times are written where it is no date and time (sheets/kinds_of_time.py)

    def filled_from(self, kept: "Mapping") -> "Mapping":
        """This one, and what another one knows where this says nothing."""
        return Mapping(**{f.name: getattr(self, f.name) or getattr(kept, f.name) for f in fields(self)})

    def as_json(self) -> dict[str, Any]:
        """What is known, by name."""
        return {name: value for name, value in asdict(self).items() if value}


NOTHING = Mapping()


@dataclass(frozen=True)
class Columns:
    """Where the cells stand in each row, and what the rows before the readings told."""

    delimiter: str
    rows_before: int  # titles and a row of units included
    width: int
    mapping: Mapping
    time: int
    value: int
    date: int | None
    serial: int | None
    zone: int | None
    serial_told: str
    titles: tuple[str, ...]
    above: tuple[tuple[str, ...], ...]

    @property
    def needed(self) -> int:
        """The last place without which a row is no reading."""
        return max(place for place in (self.time, self.value, self.date, self.zone) if place is not None)

    def clock(self, usual: Zone) -> Zone:
        """The zone in which the times are written: the one that the file names, else the one given, else the usual one.
        Asks where the file names another one than was given, or one that is not known."""
        given = zone_called(self.mapping.clock) if self.mapping.clock else None
        try:
            told = zone_in(self.mapping.time) or zone_above(self.above)
        except UnknownZone as name:
            if given is not None:
                return given
            choices = [(called(one), called(one)) for one in (usual, zone_called("UTC"))]
            raise asks("zone", f"The file names the time zone {str(name)!r}: which one is it?", choices) from None
        if told is None or given is None or called(told) == called(given):
            return told or given or usual
        if self.mapping.told_zone:
            return told if self.mapping.told_zone == FROM_FILE else given
        choices = [(FROM_FILE, f"{called(told)}, as the file says"), (AS_GIVEN, f"{called(given)}, as was given")]
        sentence = f"The file says that its times are {called(told)}; the time zone given is {called(given)}."
        raise asks("told_zone", sentence, choices)


def find_columns(head: Sequence[str], wanted: Mapping, learned: Mapping = NOTHING) -> Columns:
    """Find the titles within the first rows. Raises FileProblem, which says what was found instead; FileAsks where more
    than one column could be meant, or where the one that was learned is gone."""
    if not any(line.strip() for line in head):
        raise FileProblem("The file is empty.")
    best: list[str] = []
    for delimiter in DELIMITERS:
        rows = _rows(head, delimiter)
        for number, titles in enumerate(rows):
            if len(titles) > 1 and (found := _columns(delimiter, number, rows, wanted, learned)):
                return found
            if len(titles) > len(best):
                best = titles
    named = ", ".join(repr(title[:30]) for title in best[:12])
    raise FileProblem(
        f"No titles of a time and a temperature column in the first {HEAD_ROWS} rows (delimiters ; tab and comma). The "
        f"widest row has: {named}. Name the columns, or export the file as CSV with titles."
    )


def _rows(head: Sequence[str], delimiter: str) -> list[list[str]]:
    with legible():
        return [[cell.strip() for cell in cells] for cells in csv.reader(islice(head, HEAD_ROWS), delimiter=delimiter)]


def _columns(
    delimiter: str, number: int, rows: Sequence[list[str]], wanted: Mapping, learned: Mapping
) -> Columns | None:
    titles = rows[number]
    lowered = [title.lower() for title in titles]
    time, date = _time_and_date(titles, lowered, wanted, learned)
    if time is None:
        return None
    value = _value(titles, lowered, rows[number + 1 :], wanted, learned)
    if value is None:
        return None
    serials = [place for place in _likely(lowered, _SERIAL) if not _SERIAL_WITHIN.search(titles[place])]
    serial = _first(_named(titles, wanted.serial) if wanted.serial else serials)
    zone = _first(_named(titles, wanted.zone) if wanted.zone else _likely(lowered, _ZONE, _VALUE))
    units_row = _unit_below(rows, number, time, value)
    mapping = Mapping(
        time=titles[time], date="" if date is None else titles[date], value=titles[value],
        serial="" if serial is None else titles[serial], zone="" if zone is None else titles[zone],
        unit=_unit(titles, value, units_row or "", wanted, learned), date_order=wanted.date_order,
        clock=wanted.clock or learned.clock, told_zone=wanted.told_zone or learned.told_zone,
        times=wanted.times or learned.times,
    )  # fmt: skip
    above = tuple(tuple(row) for row in rows[:number])
    told = next(filter(None, map(_told, above)), "") or _serial_within(titles)
    before = number + (1 if units_row is None else 2)
    return Columns(
        delimiter, before, len(titles), mapping, time, value, date, serial, zone, told, tuple(titles), above
    )  # fmt: skip


def _value(
    titles: list[str], lowered: list[str], below: Sequence[list[str]], wanted: Mapping, learned: Mapping
) -> int | None:
    """The column of the temperature. Asks where several could be it, or where the learned one has gone."""
    if wanted.value:
        return _first(_named(titles, wanted.value))
    known = _named(titles, learned.value) if learned.value else []
    if known:
        return known[0]
    values = _likely(lowered, _VALUE, _NOT_VALUE) or [
        place for place, title in enumerate(lowered) if _CHANNEL.match(title)
    ]
    if not values or (len(values) == 1 and not learned.value):
        return _first(values)
    several = ", ".join(repr(titles[place]) for place in values)
    sentence = f"Several columns could be the temperature: {several}. Name the one of this probe."
    if learned.value:
        sentence = f"The column {learned.value!r}, from which this probe was read, is not here. Name its column."
    choices = [(titles[place], f"{titles[place]}: {_ends(below, place)}") for place in values]
    raise asks("value_column", sentence, choices, [titles, *below[:3]])


def _ends(rows: Sequence[list[str]], place: int) -> str:
    """The first value of a column, and the last of the rows that were looked at."""
    cells = [row[place] for row in rows if len(row) > place and re.search(r"\d", row[place])]
    return f"{cells[0]} … {cells[-1]}" if cells else "–"


def _unit(titles: list[str], value: int, below: str, wanted: Mapping, learned: Mapping) -> str:
    """The unit of the temperature as its title or the row below tells it, else as was given or learned. Asks where the
    one given is another one."""
    told = unit_of_title(titles[value], [title for place, title in enumerate(titles) if place != value]) or below
    if told and wanted.unit and told != wanted.unit:
        sentence = f"The title {titles[value]!r} says {UNITS[told]}; the unit given is {UNITS[wanted.unit]}."
        raise asks("unit", sentence, [(told, f"{UNITS[told]}, as the title says")])
    return told or wanted.unit or learned.unit


def _unit_below(rows: Sequence[list[str]], number: int, time: int, value: int) -> str | None:
    """The unit in a row of units under the titles; None where there is no such row."""
    below = rows[number + 1] if len(rows) > number + 1 else []
    if len(below) <= max(time, value) or re.search(r"\d", below[time]):
        return None
    return unit_of_cell(below[value]) or None


def ask_unit(columns: Columns, found: Sequence[Sequence[str]]) -> Exception:
    """The question for a temperature whose unit stands nowhere."""
    sentence = f"The file does not say in which unit {columns.mapping.value!r} is."
    return asks("unit", sentence, list(UNITS.items()), [columns.titles, *found])


def _time_and_date(
    titles: list[str], lowered: list[str], wanted: Mapping, learned: Mapping = NOTHING
) -> tuple[int | None, int | None]:
    """The column of the time, and that of the date where it is another one."""
    if wanted.time:
        return _first(_named(titles, wanted.time)), _first(_named(titles, wanted.date)) if wanted.date else None
    if learned.time and _named(titles, learned.time):
        return _first(_named(titles, learned.time)), _first(_named(titles, learned.date)) if learned.date else None
    times, dates = _likely(lowered, _TIME, _NOT_TIME), _likely(lowered, _DATE, _NOT_TIME)
    both = [place for place in times if place in dates or "stamp" in lowered[place]]
    if both:
        return both[0], None
    if times and dates:
        return times[0], dates[0]
    return _first(times or dates or _likely(lowered, _ELAPSED)), None


def _likely(lowered: list[str], words: Sequence[str], never: Sequence[str] = ()) -> list[int]:
    return [
        place
        for place, title in enumerate(lowered)
        if any(word in title for word in words) and not any(word in title for word in never)
    ]


def rows_of_titles(head: Sequence[str], wanted: Mapping) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The rows that could be the titles, each with those below it: those in which a column of the time stands."""
    for delimiter in DELIMITERS:
        rows = _rows(head, delimiter)
        for number, titles in enumerate(rows):
            if len(titles) > 1 and _time_and_date(titles, [title.lower() for title in titles], wanted)[0] is not None:
                yield titles, rows[number + 1 :]


def titles_with(titles: Sequence[str], words: Sequence[str], never: Sequence[str] = ()) -> list[str]:
    """The titles in which one of these words stands, and none of those."""
    return [titles[place] for place in _likely([title.lower() for title in titles], words, never)]


def _named(titles: Sequence[str], name: str) -> list[int]:
    return [place for place, title in enumerate(titles) if title.casefold() == name.casefold()][:1]


def _first(places: list[int]) -> int | None:
    return places[0] if places else None


def _told(cells: Sequence[str]) -> str:
    """The serial number in a row above the titles: `Serial;12345` or `Serial number: 12345`."""
    first = cells[0].lower() if cells else ""
    if not any(word in first for word in _SERIAL):
        return ""
    if len(cells) > 1 and cells[1]:
        return cells[1]
    return cells[0].partition(":")[2].strip()


def _serial_within(titles: Sequence[str]) -> str:
    """The serial number that stands in the titles themselves, where they all name one: `Temp (LGR S/N: 2099)`."""
    found = {numbers[0] for title in titles if (numbers := _SERIAL_WITHIN.findall(title))}
    return found.pop() if len(found) == 1 else ""
