"""Where a logger's file says what: the row of titles, and the columns of time, temperature, serial number and zone."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Any

HEAD_ROWS = 60
DELIMITERS = ";\t,"
_TIME = ("time", "час", "zeit")
_DATE = ("date", "дата", "datum")
_NOT_TIME = ("elapsed", "interval", "zone", "пояс", "runtime")
_VALUE = ("temp", "°c", "°f", "celsius", "fahrenheit", "темп")
_NOT_VALUE = ("unit", "limit", "alarm", "min", "max", "ambient")
_CHANNEL = re.compile(r"(ch|channel|канал)[ .#_-]?\d+")
_SERIAL = ("serial", "s/n", "sensor id", "logger id", "device id", "серійний")
_ZONE = ("zone", "offset", "часовий пояс")
_FAHRENHEIT = re.compile(r"°\s?f\b|\(f\)|\[f\]|fahrenheit", re.IGNORECASE)


class FileProblem(Exception):
    """A file that cannot be read as readings; `problems` has a sentence for each fault. Nothing of it is kept."""

    def __init__(self, *problems: str):
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class Mapping:
    """The titles of the columns, as a person or the file gave them; empty: look for it."""

    time: str = ""
    date: str = ""  # where date and time stand in two columns
    value: str = ""
    serial: str = ""
    zone: str = ""
    unit: str = ""  # C or F
    date_order: str = ""  # day_first or month_first
    chamber: str = ""  # of a freezer's file: the temperature around the product

    def filled_from(self, kept: "Mapping") -> "Mapping":
        """This one, and what another one knows where this says nothing."""
        return Mapping(**{f.name: getattr(self, f.name) or getattr(kept, f.name) for f in fields(self)})

    def as_json(self) -> dict[str, Any]:
        """What is known, by name."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Columns:
    """Where the cells stand in each row, and what the rows before the titles told."""

    delimiter: str
    rows_before: int  # titles included
    width: int
    mapping: Mapping
    time: int
    value: int
    date: int | None
    serial: int | None
    zone: int | None
    serial_told: str


def find_columns(head: Sequence[str], wanted: Mapping) -> Columns:
    """Find the titles within the first rows. Raises FileProblem, which says what was found instead."""
    if not any(line.strip() for line in head):
        raise FileProblem("The file is empty.")
    best: list[str] = []
    for delimiter in DELIMITERS:
        told = ""
        for number, cells in enumerate(csv.reader(islice(head, HEAD_ROWS), delimiter=delimiter), start=1):
            titles = [cell.strip() for cell in cells]
            if len(titles) > 1 and (found := _columns(delimiter, number, titles, wanted, told)):
                return found
            told = told or _told(titles)
            if len(titles) > len(best):
                best = titles
    named = ", ".join(repr(title[:30]) for title in best[:12])
    raise FileProblem(
        f"No titles of a time and a temperature column in the first {HEAD_ROWS} rows (delimiters ; tab and comma). The "
        f"widest row has: {named}. Name the columns, or export the file as CSV with titles."
    )


def _columns(delimiter: str, number: int, titles: list[str], wanted: Mapping, told: str) -> Columns | None:
    lowered = [title.lower() for title in titles]
    time, date = _time_and_date(titles, lowered, wanted)
    values = _named(titles, wanted.value) if wanted.value else _likely(lowered, _VALUE, _NOT_VALUE)
    if not wanted.value and not values:
        values = [place for place, title in enumerate(lowered) if _CHANNEL.match(title)]
    if time is None or not values:
        return None
    if len(values) > 1:
        several = ", ".join(repr(titles[place]) for place in values)
        raise FileProblem(f"Several columns could be the temperature: {several}. Name the one of this probe.")
    serial = _first(_named(titles, wanted.serial) if wanted.serial else _likely(lowered, _SERIAL))
    zone = _first(_named(titles, wanted.zone) if wanted.zone else _likely(lowered, _ZONE))
    title = titles[values[0]]
    mapping = Mapping(
        time=titles[time], date="" if date is None else titles[date], value=title,
        serial="" if serial is None else titles[serial], zone="" if zone is None else titles[zone],
        unit=wanted.unit or ("F" if _FAHRENHEIT.search(title) else "C"), date_order=wanted.date_order,
    )  # fmt: skip
    return Columns(delimiter, number, len(titles), mapping, time, values[0], date, serial, zone, told)


def _time_and_date(titles: list[str], lowered: list[str], wanted: Mapping) -> tuple[int | None, int | None]:
    """The column of the time, and that of the date where it is another one."""
    if wanted.time:
        return _first(_named(titles, wanted.time)), _first(_named(titles, wanted.date)) if wanted.date else None
    times, dates = _likely(lowered, _TIME, _NOT_TIME), _likely(lowered, _DATE, _NOT_TIME)
    both = [place for place in times if place in dates or "stamp" in lowered[place]]
    if both:
        return both[0], None
    if times and dates:
        return times[0], dates[0]
    return _first(times or dates), None


def _likely(lowered: list[str], words: Sequence[str], never: Sequence[str] = ()) -> list[int]:
    return [
        place
        for place, title in enumerate(lowered)
        if any(word in title for word in words) and not any(word in title for word in never)
    ]


def rows_of_titles(head: Sequence[str], wanted: Mapping) -> Iterator[list[str]]:
    """The rows that could be the titles: those in which a column of the time stands."""
    for delimiter in DELIMITERS:
        for cells in csv.reader(islice(head, HEAD_ROWS), delimiter=delimiter):
            titles = [cell.strip() for cell in cells]
            if len(titles) > 1 and _time_and_date(titles, [title.lower() for title in titles], wanted)[0] is not None:
                yield titles


def titles_with(titles: Sequence[str], words: Sequence[str], never: Sequence[str] = ()) -> list[str]:
    """The titles in which one of these words stands, and none of those."""
    return [titles[place] for place in _likely([title.lower() for title in titles], words, never)]


def _named(titles: list[str], name: str) -> list[int]:
    return [place for place, title in enumerate(titles) if title.casefold() == name.casefold()][:1]


def _first(places: list[int]) -> int | None:
    return places[0] if places else None


def _told(cells: list[str]) -> str:
    """The serial number in a row above the titles: `Serial;12345` or `Serial number: 12345`."""
    first = cells[0].lower() if cells else ""
    if not any(word in first for word in _SERIAL):
        return ""
    if len(cells) > 1 and cells[1]:
        return cells[1]
    return cells[0].partition(":")[2].strip()
