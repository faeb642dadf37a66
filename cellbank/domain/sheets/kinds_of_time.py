"""How the rows of a file tell their time: a date and a time; a time, its date above the table; or the time since a
start that stands above, or that a person gives. What the file does not tell is asked."""

import datetime
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from cellbank.domain.sheets.clock import ORDERS, Clock, day_in, orders_of
from cellbank.domain.sheets.faults import Unreadable, asks
from cellbank.domain.sheets.titles import Columns

CLOCK, ELAPSED, SECONDS, MINUTES, HOURS = "clock", "elapsed", "seconds", "minutes", "hours"
KINDS = {
    CLOCK: "time of day",
    ELAPSED: "hours:minutes:seconds since the start",
    SECONDS: "seconds since the start",
    MINUTES: "minutes since the start",
    HOURS: "hours since the start",
}
_LENGTH = {SECONDS: 1, MINUTES: 60, HOURS: 3600}
_UNITS = ((MINUTES, r"\bmin|хв"), (SECONDS, r"\bsec|\(s\)|\[s\]|\bсек"), (HOURS, r"\bhours?\b|\(h\)|\[h\]|\bгод"))
_HMS = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?( ?[AP]\.?M\.?)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,7}(?:[.,]\d{1,6})?")
_START = ("start", "begin", "початок", "beginn")
_DATE = ("date", "дата", "datum")
HALF_A_DAY = 12 * 3600
Read = Callable[[str], int]


def reader_of_times(columns: Columns, clock: Clock, first: str, start: datetime.datetime | None) -> Read | None:
    """How to read the times of this file, looking at its first one; None: each has its own date.

    `start`: the start that a person gave. Asks for what neither the file nor a person tells.
    """
    hms, number = _HMS.fullmatch(first), _NUMBER.fullmatch(first)
    if hms is None and number is None:
        return None
    kind = columns.mapping.times or _kind(columns, first, is_number=number is not None)
    began = start or _start_above(columns, clock)
    if kind == CLOCK:
        return _on_the_day(clock, _day(columns, clock, began))
    if began is None:
        told = f"The times are {KINDS[kind]}, and the file does not say when it started."
        raise asks("started_at", told, [], [columns.titles, (first,)])
    second = int(began.timestamp())
    return lambda text: second + _elapsed(text, kind)


def _kind(columns: Columns, first: str, *, is_number: bool) -> str:
    title = columns.mapping.time.casefold()
    if is_number:
        kinds = [kind for kind, pattern in _UNITS if re.search(pattern, title)]
        if len(kinds) == 1:
            return kinds[0]
        raise _which_kind(columns, first, (SECONDS, MINUTES, HOURS))
    if any(word in title for word in ("elapsed", "runtime", "run time")):
        return ELAPSED
    starts = _cells_after(columns, _START)
    if starts and _seconds(first) == 0 and not any(re.search(r"\b0?0:00", cell) for cell in starts):
        return ELAPSED
    if starts and _seconds(first) != 0 and any(first in cell for cell in starts):
        return CLOCK
    if _cells_after(columns, _DATE) and not starts:
        return CLOCK
    raise _which_kind(columns, first, (CLOCK, ELAPSED))


def _which_kind(columns: Columns, first: str, kinds: Sequence[str]) -> Exception:
    sentence = f"The times of the file are like {first!r}: how are they meant?"
    return asks("times", sentence, [(kind, KINDS[kind]) for kind in kinds], [columns.titles, (first,)])


def _cells_after(columns: Columns, words: Sequence[str]) -> list[str]:
    """What stands above the titles behind one of these words, in the next cell or after a colon."""
    found = []
    for cells in columns.above:
        if cells and any(word in cells[0].casefold() for word in words):
            rest = " ".join(cell for cell in cells[1:] if cell) or cells[0].partition(":")[2].strip()
            found += [rest] if rest else []
    return found


def _start_above(columns: Columns, clock: Clock) -> datetime.datetime | None:
    """The start that stands above the titles, as a date and a time."""
    for text in _cells_after(columns, _START):
        if orders_of(text) is None and day_in(text, "") is None:
            continue
        second = clock.read(text)
        if clock.doubled:
            raise asks("started_at", f"The start {text!r} came twice: the clocks were put back. Which is it?", [])
        return datetime.datetime.fromtimestamp(second, clock.zone)
    return None


def _day(columns: Columns, clock: Clock, began: datetime.datetime | None) -> datetime.date:
    """The date above the titles, or that of the start."""
    if began is not None:
        return began.astimezone(clock.zone).date()
    for text in _cells_after(columns, _DATE):
        orders = orders_of(text)
        if orders is not None and len(orders) > 1 and clock.order not in orders:
            meant = [(order, f"{ORDERS[order]}: {day_in(text, order)}") for order in ORDERS if order in orders]
            raise asks("date_order", f"The date above the table, {text!r}, could be meant in several ways.", meant)
        day = day_in(text, next(iter(orders)) if orders and len(orders) == 1 else clock.order)
        if day is not None:
            return day
    raise asks("started_at", "The rows have a time and no date, and no date stands above them.", [])


def _on_the_day(clock: Clock, day: datetime.date) -> Read:
    """Reads times of one day and of the days after it: a time far behind the one before is the next day's."""
    last, days = 0, 0

    def read(text: str) -> int:
        nonlocal last, days
        now = _seconds(text)
        if now < last - HALF_A_DAY:
            days += 1
        last = now
        return clock.read(f"{day + datetime.timedelta(days=days)} {text}")

    return read


def _seconds(text: str) -> int:
    found = _HMS.fullmatch(text)
    if found is None:
        raise Unreadable(f"{text[:40]!r} is no time like 14:05:00")
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if found[4]:
        hours = hours % 12 + (12 if "P" in found[4].upper() else 0)
    if minutes > 59 or seconds > 59:
        raise Unreadable(f"{text[:40]!r} is no time like 14:05:00")
    return hours * 3600 + minutes * 60 + seconds


def _elapsed(text: str, kind: str) -> int:
    if kind == ELAPSED:
        return _seconds(text)
    if _NUMBER.fullmatch(text) is None:
        raise Unreadable(f"{text[:40]!r} is no number of {kind}")
    return int((Decimal(text.replace(",", ".")) * _LENGTH[kind]).to_integral_value())
