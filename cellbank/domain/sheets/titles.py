"""Where a file says what: the row of titles, the columns of time, temperature, serial number and zone, and what the
rows above the titles tell."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from cellbank.domain.sheets.faults import FileProblem, asks
from cellbank.domain.sheets.mapping import NOTHING, Mapping
from cellbank.domain.sheets.measured import is_another, is_plain
from cellbank.domain.sheets.rows import legible
from cellbank.domain.sheets.units import EVERY_UNIT, SCALED, UNITS, unit_above, unit_of_cell, unit_of_title
from cellbank.domain.sheets.zones import UnknownZone, Zone, called, zone_called, zone_told

HEAD_ROWS = 400
DELIMITERS = ";\t,"
_TIME = ("time", "час", "zeit")
_DATE = ("date", "дата", "datum")
_NOT_TIME = ("elapsed", "interval", "zone", "пояс", "runtime", "run time")
_ELAPSED = ("elapsed", "runtime", "run time", "minutes", "хвилин")
_VALUE = ("temp", "°c", "°f", "ºc", "ºf", "℃", "℉", "celsius", "fahrenheit", "темп", "°с")
_CHANNEL = re.compile(r"(ch|channel|канал)[ .#_-]?\d+")
_SERIAL = ("serial", "s/n", "sensor id", "logger id", "device id", "серійний")
_SERIAL_WITHIN = re.compile(r"\bs/n:?\s*([\w-]*\d[\w-]*)", re.IGNORECASE)
_NUMBER = re.compile(r"^\s*[+−-]?\d")
_OF_DAY = re.compile(r"\d:\d\d")
_OF_YEAR = re.compile(r"\d[./-]\d|\d[ -][A-Za-z]{3}")
_ZONE = ("zone", "offset", "часовий пояс", "tz")
_UNIT = ("unit", "einheit", "одиниц")
FROM_FILE, AS_GIVEN = "file", "given"


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
    unit: int | None
    units_told: tuple[str, ...]  # by the title, the row below it and rows above, be they known or not
    serial_told: str
    titles: tuple[str, ...]
    of_times: tuple[str, ...]  # the titles of date and time, and what stands below them in a row of units
    above: tuple[tuple[str, ...], ...]
    wanted: Mapping
    learned: Mapping

    @property
    def needed(self) -> int:
        """The last place without which a row is no reading."""
        places = (self.time, self.value, self.date, self.zone, self.unit)
        return max(place for place in places if place is not None)

    def clock(self, usual: Zone) -> Zone:
        """The zone in which the times are written: the one that the file names, else the one given, else the usual one.
        Asks where the file names another one than was given, or one that is not known."""
        given = zone_called(self.mapping.clock) if self.mapping.clock else None
        try:
            told = zone_told(self.of_times, self.above)
        except UnknownZone as name:
            if given is not None and self._is_answered(str(name)):
                return given
            choices = [(called(one), called(one)) for one in name.possible or (usual, zone_called("UTC"))]
            raise asks("zone", f"The file names the time zone {str(name)!r}: which one is it?", choices) from None
        if told is None and given is not None and not self._is_answered(""):
            meant, earlier = {called(one): called(one) for one in (given, usual)}, self.learned.named_zone
            sentence = f"The file names no time zone; {called(given)} was given for {earlier!r}. Which one is it?"
            raise asks("zone", sentence, list(meant.items()))
        if told is None or given is None or called(told) == called(given):
            return told or given or usual
        if self.mapping.told_zone == FROM_FILE:
            return told
        if self.mapping.told_zone == AS_GIVEN and self._is_answered(called(told)):
            return given
        choices = [(FROM_FILE, f"{called(told)}, as the file says"), (AS_GIVEN, f"{called(given)}, as was given")]
        sentence = f"The file says that its times are {called(told)}; the time zone given is {called(given)}."
        raise asks("told_zone", sentence, choices)

    def _is_answered(self, named: str) -> bool:
        """Whether the zone was given about this file, or about one that named the same."""
        return bool(self.wanted.clock or self.wanted.told_zone) or self.learned.named_zone == named

    def named_zone(self) -> str:
        """What the file names as its zone, be it known or not."""
        try:
            told = zone_told(self.of_times, self.above)
        except UnknownZone as name:
            return str(name)
        return "" if told is None else called(told)


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
    titles, below = rows[number], rows[number + 1 :]
    times = times_of(titles, below, wanted, learned)
    value = _value(titles, below, wanted, learned) if times else None
    if value is None:
        return None
    time = _the_one("time_column", "the time of the readings", titles, below, times)
    date = _date(titles, below, time, wanted, learned)
    lowered = [title.lower() for title in titles]
    serials = [place for place in _likely(lowered, _SERIAL) if not _SERIAL_WITHIN.search(titles[place])]
    serial = _first(_named(titles, wanted.serial) if wanted.serial else serials)
    zone = _first(_named(titles, wanted.zone) if wanted.zone else _likely(lowered, _ZONE, _VALUE))
    above = tuple(tuple(row) for row in rows[:number])
    units_row = below[0] if _is_row_of_units(below, time, value) else []
    units = _units_told(titles, value, units_row, above)
    beside = _unit_beside(titles, below[bool(units_row) :], value, wanted, learned)
    mapping = Mapping(
        time=titles[time],
        date="" if date is None else titles[date],
        value=titles[value],
        serial="" if serial is None else titles[serial],
        zone="" if zone is None else titles[zone],
        unit=_unit(titles[value], units, wanted, learned if beside is None else NOTHING),
        date_order=wanted.date_order,
        clock=wanted.clock or learned.clock,
        told_zone=wanted.told_zone or learned.told_zone,
        times=wanted.times or (learned.times if learned.time == titles[time] else ""),
    )
    of_times = (titles[place] for place in (date, time) if place is not None), units_row[time : time + 1]
    found = Columns(
        delimiter,
        number + (2 if units_row else 1),
        len(titles),
        mapping,
        time,
        value,
        date,
        serial,
        zone,
        beside,
        units,
        next(filter(None, map(_told, above)), "") or _serial_within(titles),
        tuple(titles),
        tuple(itertools.chain(*of_times)),
        above,
        wanted,
        learned,
    )
    named = found.named_zone() if wanted.clock or wanted.told_zone else learned.named_zone
    return replace(found, mapping=replace(mapping, named_zone=named if mapping.clock else ""))


def _value(titles: list[str], below: Sequence[list[str]], wanted: Mapping, learned: Mapping) -> int | None:
    """The column of the temperature: the one that says no more than that it was measured. Asks where several could be
    it, where it could be another temperature (a set point, the room), or where the learned one has gone."""
    if wanted.value:
        return _first(_named(titles, wanted.value))
    known = _named(titles, learned.value) if learned.value else []
    if known:
        return known[0]
    lowered = [title.lower() for title in titles]
    values = _likely(lowered, _VALUE)
    if all(is_another(titles[place]) for place in values):
        values += [place for place, title in enumerate(lowered) if _CHANNEL.match(title) and place not in values]
    numbers = [place for place in values if _shows(below, place, _NUMBER)]
    values = numbers or values
    measured = [place for place in values if not is_another(titles[place])]
    if not values or (len(measured) == 1 and is_plain(titles[measured[0]]) and not learned.value):
        return _first(measured)
    if not numbers:  # no titles: words above a table
        return None
    named = ", ".join(repr(titles[place]) for place in measured or values)
    sentence = f"Several columns could be the temperature: {named}. Name the one of this probe."
    if len(measured or values) == 1:
        sentence = f"The column {named} may be another temperature than that of this probe. Name its column."
    if learned.value:
        sentence = f"The column {learned.value!r}, from which this probe was read, is not here. Name its column."
    others = [place for place in values if place not in measured]
    raise _which("value_column", sentence, titles, below, [*measured, *others])


def _the_one(field: str, what: str, titles: list[str], below: Sequence[list[str]], places: Sequence[int]) -> int:
    """The one place. Asks where there are several."""
    if len(places) == 1:
        return places[0]
    named = ", ".join(repr(titles[place]) for place in places)
    raise _which(field, f"Several columns could be {what}: {named}. Name the right one.", titles, below, places)


def _which(
    field: str, sentence: str, titles: Sequence[str], below: Sequence[list[str]], places: Sequence[int]
) -> Exception:
    """The question for a column, with the first and the last value of each."""
    choices = [(titles[place], f"{titles[place]}: {_ends(below, place)}") for place in places]
    return asks(field, sentence, choices, [titles, *below[:3]])


def _ends(rows: Sequence[list[str]], place: int) -> str:
    """The first value of a column, and the last of the rows that were looked at."""
    cells = [row[place] for row in rows if len(row) > place and re.search(r"\d", row[place])]
    return f"{cells[0]} … {cells[-1]}" if cells else "–"


def _units_told(
    titles: Sequence[str], value: int, units_row: Sequence[str], above: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """What title, row of units and rows above say of the unit: each answer once."""
    beside = [title for place, title in enumerate(titles) if place != value]
    row = _unit_in(units_row[value]) if units_row else ""
    return tuple(dict.fromkeys(filter(None, (unit_of_title(titles[value], beside), row, unit_above(above)))))


def _unit(title: str, told: Sequence[str], wanted: Mapping, learned: Mapping) -> str:
    """The unit of the temperature as the file tells it, else as was given or learned; nothing where it must be asked.
    Asks where the one given is another one."""
    if len(told) == 1 and told[0] != SCALED:
        if wanted.unit and told[0] != wanted.unit:
            sentence = f"The title {title!r} says {UNITS[told[0]]}; the unit given is {EVERY_UNIT[wanted.unit]}."
            raise asks("unit", sentence, [(told[0], f"{UNITS[told[0]]}, as the title says")])
        return told[0]
    is_of_it = learned.value == title or not (told or learned.value)  # a factor is asked for, title by title
    return wanted.unit or (learned.unit if is_of_it else "")


def _unit_in(cell: str) -> str:
    """The unit in a cell of its own."""
    return unit_of_cell(cell) or unit_of_title(cell)


def _is_row_of_units(below: Sequence[list[str]], time: int, value: int) -> bool:
    """Whether the row under the titles has units and no reading."""
    first = below[0] if below else []
    if len(first) <= max(time, value) or any(one.search(first[time]) for one in (_OF_DAY, _OF_YEAR, _NUMBER)):
        return False
    return bool(_unit_in(first[value]))


def _unit_beside(
    titles: Sequence[str], below: Sequence[list[str]], value: int, wanted: Mapping, learned: Mapping
) -> int | None:
    """The column in which each row has the unit of the temperature: the one that is called after it, or the next one
    on that side on which every temperature of the file has one. Asks where neither tells, until the unit is said."""
    lowered = [title.lower() for title in titles]
    places = _likely(lowered, _UNIT)
    cells = {place: {_unit_in(row[place]) for row in below[:3] if len(row) > place} - {""} for place in places}
    units = {place: found for place, found in cells.items() if found}
    others = [place for place in _temperatures(lowered) if place not in units and _shows(below, place, _NUMBER)]
    found = [place for place in units if _stem(titles[place]) == _stem(titles[value])]
    found = found or [value + side for side in (1, -1) if all(place + side in units for place in {value, *others})]
    if not found and not {*others} - {value}:
        found = list(units)
    said = set().union(*units.values())
    if len(found) == 1 or not said:
        return _first(found)
    if wanted.unit or (learned.value == titles[value] and learned.unit in said):
        return None
    sentence = f"It is not certain which column has the unit of {titles[value]!r}. Say the unit."
    raise asks("unit", sentence, [(unit, UNITS[unit]) for unit in UNITS if unit in said], [titles, *below[:3]])


def _stem(title: str) -> str:
    """What a title says beside that a unit stands here."""
    return re.sub(r"[\W_]|units?|einheit|одиниц\w*", "", title.lower())


def _temperatures(lowered: list[str]) -> list[int]:
    """The columns whose title may be that of a temperature."""
    return [*_likely(lowered, _VALUE), *(place for place, title in enumerate(lowered) if _CHANNEL.match(title))]


def ask_unit(columns: Columns, found: Sequence[Sequence[str]]) -> Exception:
    """The question for a temperature whose unit stands nowhere, or with a factor, or as two different ones."""
    title, told = columns.mapping.value, columns.units_told
    sentence, units = f"The file does not say in which unit {title!r} is.", UNITS
    if SCALED in told:
        sentence, units = f"The file speaks of a factor beside {title!r}: what do its numbers count?", EVERY_UNIT
    elif told:
        units = {unit: UNITS[unit] for unit in told}
        sentence = f"The file says in two ways in which unit {title!r} is: {', '.join(units.values())}."
    return asks("unit", sentence, list(units.items()), [columns.titles, *found])


def times_of(titles: list[str], below: Sequence[list[str]], wanted: Mapping, learned: Mapping = NOTHING) -> list[int]:
    """The columns that may be the time: the one that was named or learned, else all of such titles and cells."""
    if wanted.time:
        return _named(titles, wanted.time)
    if learned.time and (known := _named(titles, learned.time)):
        return known
    lowered = [title.lower() for title in titles]
    times, dates = _likely(lowered, _TIME, _NOT_TIME), _likely(lowered, _DATE, _NOT_TIME)
    times = sorted({*times, *(place for place in dates if _shows(below, place, _OF_DAY))})
    possible = times or dates or _likely(lowered, _ELAPSED)
    return [place for place in possible if _shows(below, place, _OF_DAY)] or possible


def _date(titles: list[str], below: Sequence[list[str]], time: int, wanted: Mapping, learned: Mapping) -> int | None:
    """The column of the date, where it is another one than that of the time. Asks where there are several."""
    if wanted.date:
        return _first(_named(titles, wanted.date))
    if not wanted.time and learned.time == titles[time]:
        return _first(_named(titles, learned.date)) if learned.date else None
    lowered = [title.lower() for title in titles]
    if _shows(below, time, _OF_YEAR) or any(word in lowered[time] for word in (*_DATE, "stamp")):
        return None
    dates = _likely(lowered, _DATE, _NOT_TIME)
    dates = [place for place in dates if _shows(below, place, _OF_YEAR)] or dates
    return _the_one("date_column", "the date of the readings", titles, below, dates) if dates else None


def _shows(below: Sequence[list[str]], place: int, pattern: re.Pattern[str]) -> bool:
    """Whether one of the first cells of a column is such."""
    return any(len(row) > place and pattern.search(row[place]) for row in below[:4])


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
            if len(titles) > 1 and times_of(titles, rows[number + 1 :], wanted):
                yield titles, rows[number + 1 :]


def titles_with(titles: Sequence[str], words: Sequence[str], never: Sequence[str] = ()) -> list[str]:
    """The titles in which one of these words stands, none of those, and nothing that tells of another temperature."""
    places = _likely([title.lower() for title in titles], words, never)
    return [titles[place] for place in places if not is_another(titles[place])]


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
