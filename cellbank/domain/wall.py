"""Times as people read them: on the clock of a site, to the minute, with the name of its zone.

Nothing else puts an instant into words (a house test looks for it). What other programs read is ISO 8601 in UTC.
"""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial

# An instant in a text of the database: to_char cannot name a zone.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")


def on_the_wall(at: datetime, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """2026-11-22 14:05 EET: on the clock of `zone`, or on the one that `at` bears. Two zones a year must not be taken
    for each other. Raises ValueError for a time of no zone, which is no instant."""
    there = _there(at, zone)
    return f"{as_written(there, seconds=seconds)} {there.tzname()}"


def as_written(wall: datetime, *, seconds: bool = False) -> str:
    """2026-11-22 14:05: a time that a label or a file bears without a zone, as it stands there."""
    return f"{wall:%Y-%m-%d %H:%M:%S}" if seconds else f"{wall:%Y-%m-%d %H:%M}"


def hour_on_the_wall(at: datetime, zone: tzinfo | None = None) -> str:
    """14:05 EET: the same where the date is known."""
    there = _there(at, zone)
    return f"{there:%H:%M} {there.tzname()}"


def day_on_the_wall(at: datetime, zone: tzinfo) -> str:
    """2026-11-22: the day that the calendar of a site shows at an instant, where its hour says no more."""
    return f"{_there(at, zone):%Y-%m-%d}"


def span_on_the_wall(since: datetime, until: datetime, zone: tzinfo | None = None) -> str:
    """2026-11-22 14:05 EET – 2026-11-22 16:20 EET."""
    return f"{on_the_wall(since, zone)} – {on_the_wall(until, zone)}"


def for_any_clock(at: datetime, zone: tzinfo) -> str:
    """2026-05-03 12:00 EEST (UTC+03:00): read on another clock, in another country, it is still one instant."""
    offset = f"{_there(at, zone):%z}"
    return f"{on_the_wall(at, zone)} (UTC{offset[:3]}:{offset[3:5]})"


def text_on_the_wall(text: str, zone: tzinfo) -> str:
    """A text with its ISO instants put on the clock of `zone`."""
    return told_by(partial(on_the_wall, zone=zone), text)


def told_by(time: Callable[[datetime], str], text: str) -> str:
    """A text with its ISO instants told by a clock at hand."""
    return _INSTANT.sub(lambda found: time(datetime.fromisoformat(found[0])), text)


def _there(at: datetime, zone: tzinfo | None) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone")
    return at.astimezone(zone) if zone else at
