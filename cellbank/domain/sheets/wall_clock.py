"""The wall clock of a zone: which instants it means. One, as a rule; two in the hour that autumn repeats; none in the
hour that spring skips."""

import datetime

UTC = datetime.UTC


def instants(wall: datetime.datetime, zone: datetime.tzinfo) -> tuple[datetime.datetime, ...]:
    """The instants at which the clock of this zone shows a time, each with its offset, in their order."""
    both = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    shown = [one.astimezone(UTC).astimezone(zone) for one in both]
    there = {one.astimezone(UTC): one for one in shown if one.replace(tzinfo=None, fold=0) == wall.replace(fold=0)}
    return tuple(with_offset(there[at]) for at in sorted(there))


def beside_the_skipped(wall: datetime.datetime, zone: datetime.tzinfo) -> tuple[datetime.datetime, ...]:
    """The two instants that a time in the skipped hour may stand for: by the clock before the change, and after it."""
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    return tuple(with_offset(one.astimezone(zone)) for one in both)


def both_passes(first: int, zone: datetime.tzinfo) -> tuple[datetime.datetime, datetime.datetime]:
    """The two instants of a time in the hour that autumn repeats, by the second of the first."""
    moment = datetime.datetime.fromtimestamp(first, zone)
    one, other = instants(moment.replace(tzinfo=None, fold=0), zone)
    return one, other


def with_offset(moment: datetime.datetime) -> datetime.datetime:
    """The same instant, its offset fixed: it prints as 2026-10-25T03:30:00+03:00."""
    offset = moment.utcoffset()
    assert offset is not None
    return moment.replace(tzinfo=datetime.timezone(offset), fold=0)
