"""The times of a logger's file: many spellings, one answer, seconds since 1970.

A time without an offset is the wall clock of the zone given. An hour that the clocks skip in spring is refused. The
hour that they repeat in autumn is resolved by the order of the rows: the first way through it is summer time, and the
step back is the change; where the order cannot tell, it is refused.
"""

import datetime
import re
from zoneinfo import ZoneInfo

UTC = datetime.UTC
_ISO = re.compile(
    r"(?P<y>\d{4})[-/.](?P<m>\d\d)[-/.](?P<d>\d\d)[ T](?P<hour>\d\d):(?P<min>\d\d)(?::(?P<sec>\d\d)(?:[.,]\d+)?)?"
    r"(?P<half>)\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_WESTERN = re.compile(
    r"(?P<a>\d{1,2})(?P<sign>[./-])(?P<b>\d{1,2})[./-](?P<y>\d{4}),? +(?P<hour>\d{1,2}):(?P<min>\d\d)"
    r"(?::(?P<sec>\d\d)(?:[.,]\d+)?)?(?: ?(?P<half>[AP]M))?\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
HOUR = 3600


class Unreadable(ValueError):
    """A cell that is no time, or no temperature; the sentence says why."""


class Clock:
    """Reads the times of one file. `day_first` says how 03/04/2026 is meant; None: nobody said.

    `hours` and `rests` remember the two parts of a time, up to the hour and after it: a year of readings has 8766 hours
    and a few hundred endings.
    """

    def __init__(self, zone: ZoneInfo, day_first: bool | None):
        self.zone = zone
        self.day_first = day_first
        self.hours: dict[str, int] = {}
        self.rests: dict[str, int] = {}
        self._with_offset: bool | None = None

    def read(self, text: str, before: int | None) -> int:
        """The second since 1970 of a time; `before` is that of the row before. Raises Unreadable."""
        found = _ISO.fullmatch(text) or _WESTERN.fullmatch(text)
        if found is None:
            raise Unreadable(f"{text[:40]!r} is no date and time like 2026-11-22 14:05:00 or 22.11.2026 14:05")
        local = self._wall(found, text)
        offset = _offset(found["zone"])
        if self._with_offset is None:
            self._with_offset = offset is not None
        if self._with_offset != (offset is not None):
            raise Unreadable(f"{text[:40]!r}: some times of the file have an offset and others have none")
        within = local.minute * 60 + local.second
        hour = local.replace(minute=0, second=0)
        base = int(hour.replace(tzinfo=UTC).timestamp()) if offset is not None else self._plain_hour(hour)
        if base is None:
            return self._at_the_change(local, text, before)
        if found.end("hour") == 13 and not found["half"]:
            self.hours[text[:13]], self.rests[text[13:]] = base, within - (offset or 0)
        return base + within - (offset or 0)

    def _wall(self, found: re.Match[str], text: str) -> datetime.datetime:
        """The wall clock's time."""
        parts = found.groupdict()
        month, day = (parts["m"], parts["d"]) if "m" in parts else self._month_and_day(parts, text)
        hour = int(parts["hour"])
        if parts["half"]:
            if not 1 <= hour <= 12:
                raise Unreadable(f"{text[:40]!r} has no such hour")
            hour = hour % 12 + (12 if parts["half"].upper() == "PM" else 0)
        try:
            return datetime.datetime(
                int(parts["y"]), int(month), int(day), hour, int(parts["min"]), int(parts["sec"] or 0)
            )
        except ValueError as error:
            raise Unreadable(f"{text[:40]!r} is no date and time: {error}") from None

    def _month_and_day(self, parts: dict[str, str], text: str) -> tuple[str, str]:
        day_first = True if parts["sign"] == "." else self.day_first
        if day_first is None:
            raise Unreadable(f"{text[:40]!r} could be day/month or month/day: say which (order of the date)")
        return (parts["b"], parts["a"]) if day_first else (parts["a"], parts["b"])

    def _plain_hour(self, hour: datetime.datetime) -> int | None:
        """The second at which an hour of the zone begins; None when its clocks change within it."""
        ends = hour.replace(minute=59, second=59)
        offsets = {
            moment.replace(tzinfo=self.zone, fold=fold).utcoffset() for moment in (hour, ends) for fold in (0, 1)
        }
        return int(hour.replace(tzinfo=self.zone).timestamp()) if len(offsets) == 1 else None

    def _at_the_change(self, local: datetime.datetime, text: str, before: int | None) -> int:
        summer, winter = (int(local.replace(tzinfo=self.zone, fold=fold).timestamp()) for fold in (0, 1))
        back = datetime.datetime.fromtimestamp(summer, self.zone).replace(tzinfo=None)
        if back != local:
            raise Unreadable(
                f"{text[:40]!r} did not exist in {self.zone.key}: the clocks were put forward. Give the logger's own "
                "zone"
            )
        if summer == winter:
            return summer
        # The step back at the change is at most an hour: what is further behind is another order of rows.
        if before is not None and summer >= before > summer - 6 * HOUR:
            return summer
        if before is not None and winter >= before > winter - HOUR - 1:
            return winter
        raise Unreadable(
            f"{text[:40]!r} came twice in {self.zone.key}, for the clocks were put back, and the order of the rows "
            "does not tell which it is. Export the file in UTC, the oldest row first"
        )


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
