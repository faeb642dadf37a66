"""The times of a file: many spellings, one answer, seconds since 1970.

A time without an offset is the wall clock of the zone given. The order of day, month and year is said, told by the
dates themselves, or asked. The hour that the clocks repeat is handed to whoever knows the rows around it.
"""

import datetime
import re
from collections.abc import Iterable

from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.wall_clock import instants
from cellbank.domain.sheets.zones import called

UTC = datetime.UTC
HOUR = 3600
CENTURY = 2000
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day_first", "month_first", "year_first"
ORDERS = {DAY_FIRST: "day, month, year", MONTH_FIRST: "month, day, year", YEAR_FIRST: "year, month, day"}
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<min>\d\d)(?::(?P<sec>\d\d)(?:[.,]\d+)?)?(?:\s?(?P<half>[AP]\.?M\.?))?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_ISO = re.compile(rf"(?P<y>\d{{4}})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?:[ T]+{_CLOCK})?", re.IGNORECASE)
_OTHER = re.compile(
    rf"(?P<a>\d{{1,2}})(?P<sign>[./-])(?P<b>\d{{1,2}})(?P=sign)(?P<c>\d{{4}}|\d\d)(?:,? +{_CLOCK})?", re.IGNORECASE
)
_NAMED = re.compile(
    rf"(?P<d>\d{{1,2}})[ -](?P<name>[A-Za-z]{{3,9}})\.?[ -](?P<y>\d{{4}})(?:,? +{_CLOCK})?", re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LOOKS_LIKE_TIME = re.compile(r"\d[./-]\d|\d:\d\d")


class OrderUnknown(Unreadable):
    """A date that could be read in more than one order."""


def looks_like_a_time(text: str) -> bool:
    """Whether somebody meant a date or a time: then it must be one."""
    return _LOOKS_LIKE_TIME.search(text) is not None


def orders_of(text: str) -> frozenset[str] | None:
    """The orders in which a date makes sense; None where it is written in one order only, or is no date."""
    found = None if _ISO.fullmatch(text) else _OTHER.fullmatch(text)
    if found is None:
        return None
    return frozenset(order for order in _orders(found) if _date(found, order) is not None)


def day_in(text: str, order: str) -> datetime.date | None:
    """The date that a text is in this order; None where it is none."""
    if found := _ISO.fullmatch(text):
        return _valid(found["y"], found["m"], found["d"])
    found = _OTHER.fullmatch(text)
    return _date(found, order) if found else None


def _orders(found: re.Match[str]) -> tuple[str, ...]:
    with_century = len(found["c"]) == 4
    if found["sign"] == ".":
        return (DAY_FIRST,) if with_century else (DAY_FIRST, YEAR_FIRST)
    return (DAY_FIRST, MONTH_FIRST) if with_century else (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)


def _date(found: re.Match[str], order: str) -> datetime.date | None:
    a, b, c = found["a"], found["b"], found["c"]
    if order == YEAR_FIRST:
        return _valid(a, b, c)
    return _valid(c, b, a) if order == DAY_FIRST else _valid(c, a, b)


def _valid(year: str, month: str, day: str) -> datetime.date | None:
    try:
        return datetime.date(int(year) + (CENTURY if len(year) <= 2 else 0), int(month), int(day))
    except ValueError:
        return None


class Clock:
    """Reads the times of one file. `order` says how 03/04/26 is meant; "": nobody said.

    `hours` and `rests` remember the two parts of a time, up to the hour and after it: a year of readings has 8766 hours
    and a few hundred endings.
    """

    def __init__(self, zone: datetime.tzinfo, order: str = ""):
        self.zone = zone
        self.order = order
        self.hours: dict[str, int] = {}
        self.rests: dict[str, int] = {}
        self.doubled = False  # of the time that was read last: it came twice, and this is the first
        self.with_offset: bool | None = None  # whether the times have their own; None: none was read

    def read(self, text: str) -> int:
        """The second since 1970 of a time. Raises Unreadable, OrderUnknown."""
        found = _ISO.fullmatch(text) or _OTHER.fullmatch(text) or _NAMED.fullmatch(text)
        if found is None or found["hour"] is None:
            raise Unreadable(f"{text[:40]!r} is no date and time like 2026-11-22 14:05:00 or 22.11.2026 14:05")
        local = self._wall(found, text)
        offset = _offset(found["zone"])
        if self.with_offset is None:
            self.with_offset = offset is not None
        if self.with_offset != (offset is not None):
            raise Unreadable(f"{text[:40]!r}: some times of the file have an offset and others have none")
        self.doubled = False
        within = local.minute * 60 + local.second
        hour = local.replace(minute=0, second=0)
        base = int(hour.replace(tzinfo=UTC).timestamp()) if offset is not None else self._plain_hour(hour)
        if base is None:
            return self._at_the_change(local, text)
        if found.end("hour") == 13 and not found["half"]:
            self.hours[text[:13]], self.rests[text[13:]] = base, within - (offset or 0)
        return base + within - (offset or 0)

    def _wall(self, found: re.Match[str], text: str) -> datetime.datetime:
        """The wall clock's time."""
        hour = int(found["hour"])
        if found["half"]:
            if not 1 <= hour <= 12:
                raise Unreadable(f"{text[:40]!r} has no such hour")
            hour = hour % 12 + (12 if found["half"].upper().startswith("P") else 0)
        day = self._day(found, text)
        try:
            return datetime.datetime(day.year, day.month, day.day, hour, int(found["min"]), int(found["sec"] or 0))
        except ValueError as error:
            raise Unreadable(f"{text[:40]!r} is no date and time: {error}") from None

    def _day(self, found: re.Match[str], text: str) -> datetime.date:
        if "c" in found.re.groupindex:
            day = self._ordered(found, text)
        elif "name" in found.re.groupindex:
            month = found["name"][:3].casefold()
            day = _valid(found["y"], str(_MONTHS.index(month) + 1), found["d"]) if month in _MONTHS else None
        else:
            day = _valid(found["y"], found["m"], found["d"])
        if day is None:
            raise Unreadable(f"{text[:40]!r} is no date and time: there is no such day")
        return day

    def _ordered(self, found: re.Match[str], text: str) -> datetime.date | None:
        orders = _orders(found)
        if len(orders) > 1 and self.order not in orders:
            raise OrderUnknown(f"{text[:40]!r} could be {' or '.join(ORDERS[one] for one in orders)}: say which")
        return _date(found, orders[0] if len(orders) == 1 else self.order)

    def _plain_hour(self, hour: datetime.datetime) -> int | None:
        """The second at which an hour of the zone begins; None when its clocks change within it."""
        ends = hour.replace(minute=59, second=59)
        offsets = {
            moment.replace(tzinfo=self.zone, fold=fold).utcoffset() for moment in (hour, ends) for fold in (0, 1)
        }
        return int(hour.replace(tzinfo=self.zone).timestamp()) if len(offsets) == 1 else None

    def _at_the_change(self, local: datetime.datetime, text: str) -> int:
        found = instants(local, self.zone)
        if not found:
            told = f"{text[:40]!r} did not exist in {called(self.zone)}: the clocks were put forward"
            raise Skipped(told, int(local.replace(tzinfo=self.zone).timestamp()))
        self.doubled = len(found) > 1
        return int(found[0].timestamp())


class Skipped(Unreadable):
    """A time that the clocks of the zone skip, around this second: whoever wrote it does not follow them."""

    def __init__(self, told: str, around: int):
        self.around = around
        super().__init__(told)


def possible_orders(dates: Iterable[str], until: datetime.date | None) -> frozenset[str]:
    """The orders in which every one of these dates makes sense, and none lies after `until`."""
    possible = frozenset(ORDERS)
    for text in set(dates):
        orders = orders_of(text)
        if orders is not None:
            possible &= {order for order in orders if until is None or (day_in(text, order) or until) <= until}
    return possible


def fixed_zones(zone: datetime.tzinfo, around: int) -> list[datetime.timezone]:
    """Zones without summer time that a clock may keep which does not follow `zone`: each of its offsets around this
    second, and UTC."""
    days = (datetime.datetime.fromtimestamp(around + 86400 * step, zone) for step in (-2, 2))
    offsets = {day.utcoffset() or datetime.timedelta() for day in days}
    return [datetime.timezone(offset) for offset in sorted(offsets | {datetime.timedelta()}, reverse=True)]


def _offset(text: str | None) -> int | None:
    """Seconds east of UTC; None where nothing was written."""
    if not text:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise Unreadable(f"{text!r} is no offset from UTC")
    return (1 if text[0] == "+" else -1) * (hours * HOUR + minutes * 60)
