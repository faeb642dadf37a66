"""Were the acts recorded when they say? Whoever owns the database can write any time into one, with the trigger off.

Three things tell. Along a chain `recorded_at` never falls. What an act says of itself (`at`) is of the same time, where
no story is played. And an act that a signed line of the heads does not have yet, and a later one has, was recorded
between the two, for both bear the time of the database: who puts it in later cannot put it between lines of last week.
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cellbank.outside.head_file import HeadLine
from cellbank.services.trail.trail_faults import Fault

# An act gets its time when it is closed and is seen when it is committed; lines are signed meanwhile.
SLACK = datetime.timedelta(minutes=5)
LONGEST_ACT = datetime.timedelta(hours=1, minutes=5)  # a refusal that a screen kept is an hour old at most

_PLAYED = text(
    """SELECT p.why, min(c.act_id) AS act, min(a.recorded_at) AS since
         FROM played_time p LEFT JOIN change c ON c.record_kind = 'played_time' AND c.record_id = p.id
         LEFT JOIN act a ON a.id = c.act_id GROUP BY p.id, p.why ORDER BY p.id"""
)
_IMPOSSIBLE = text(
    """SELECT * FROM (
         SELECT s.act_id, a.at, a.recorded_at,
                lag(a.recorded_at) OVER (PARTITION BY s.site_id ORDER BY s.number) AS before
           FROM seal s JOIN act a ON a.id = s.act_id) AS chained
        WHERE recorded_at < before
           OR act_id < :played AND (at > recorded_at + :slack OR at < recorded_at - CAST(:longest AS interval))
        ORDER BY act_id"""
)
_OUTSIDE = text(
    """SELECT w.place, first.id AS first, first.recorded_at AS first_at, last.id AS last, last.recorded_at AS last_at
         FROM unnest(CAST(:places AS bigint[]), CAST(:sites AS bigint[]), CAST(:firsts AS bigint[]),
                     CAST(:lasts AS bigint[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
              AS w (place, site, first, last, since, until)
         LEFT JOIN seal f ON f.site_id = w.site AND f.number = w.first
         LEFT JOIN act first ON first.id = f.act_id AND first.recorded_at < w.since - CAST(:slack AS interval)
         LEFT JOIN seal l ON l.site_id = w.site AND l.number = w.last
         LEFT JOIN act last ON last.id = l.act_id AND last.recorded_at > w.until + CAST(:slack AS interval)
        WHERE first.id IS NOT NULL OR last.id IS NOT NULL ORDER BY w.place LIMIT 1"""
)


@dataclass(frozen=True)
class Played:
    """A story is played here: acts may be of any time, from the act on that said so (None: none did)."""

    why: str
    act: int | None
    since: datetime.datetime | None


def played(connection: Connection) -> tuple[Played, ...]:
    """Why acts may be of any time; empty where they may not."""
    return tuple(Played(row.why, row.act, row.since) for row in connection.execute(_PLAYED))


def find_impossible_times(connection: Connection) -> tuple[list[Fault], list[str]]:
    """The first act whose times cannot be, and in words the acts that bear the time of the one before them, for the
    clock of the database was set back."""
    since = [one.act for one in played(connection) if one.act is not None]
    given = {"played": min(since, default=2**62), "slack": SLACK, "longest": LONGEST_ACT}
    faults, raised = [], []
    for row in connection.execute(_IMPOSSIBLE, given):
        if row.recorded_at == row.before and row.at <= row.recorded_at:
            raised.append(row.act_id)
        else:
            faults.append(_impossible(row.act_id, row.at, row.recorded_at, row.before))
    return faults[:1], [_set_back(raised)] if raised else []


def _set_back(raised: list[int]) -> str:
    acts = f"{len(raised)} acts from act {min(raised)} on"
    return f"{acts} bear the time of the one before them, not their own: the clock of the database was set back"


def _impossible(
    act: int, at: datetime.datetime, recorded_at: datetime.datetime, before: datetime.datetime | None
) -> Fault:
    if before is not None and recorded_at < before:
        return Fault("act", act, act, f"recorded at {recorded_at}, and the act before it in its chain at {before}")
    return Fault("act", act, act, f"it says that it is of {at}, and was recorded at {recorded_at}")


# --- between the signed heads -----------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """Acts of a site, by their numbers, that the line at `place` is the first to have, and when they were recorded."""

    place: int
    site: int
    first: int
    last: int | None  # None: no line has them yet
    since: datetime.datetime | None
    until: datetime.datetime | None


class SignedTimes:
    """Lines of the heads one after the other, and the windows that they leave. A clock that was set back widens one."""

    def __init__(self) -> None:
        self._before: HeadLine | None = None
        self._latest: datetime.datetime | None = None

    def windows(self, lines: Iterable[HeadLine]) -> Iterator[Window]:
        """What these lines say of the acts that came since the line before."""
        for line in lines:
            at = line.signed_at
            self._latest = max(at, self._latest or at)
            since = min(at, self._last_at) if self._last_at else None
            known = self._before.chains if self._before else {}
            for site, (number, _, _) in line.chains.items():
                had = known[site][0] if site in known else 0
                if number > had:
                    yield Window(line.place, site, had + 1, number, since, self._latest)
            self._before = line

    def rest(self) -> Iterator[Window]:
        """What no line has yet."""
        for site, (number, _, _) in self._before.chains.items() if self._before else ():
            yield Window(2**62, site, number + 1, None, self._last_at, None)

    @property
    def _last_at(self) -> datetime.datetime | None:
        return self._before.signed_at if self._before else None


def outside(connection: Connection, windows: Iterable[Window]) -> Fault | None:
    """The first act that was not recorded within its window."""
    all_of_them = list(windows)
    given = {
        "places": [one.place for one in all_of_them], "sites": [one.site for one in all_of_them],
        "firsts": [one.first for one in all_of_them], "lasts": [one.last for one in all_of_them],
        "since": [one.since for one in all_of_them], "until": [one.until for one in all_of_them], "slack": SLACK,
    }  # fmt: skip
    row = connection.execute(_OUTSIDE, given).one_or_none() if all_of_them else None
    if row is None:
        return None
    window = next(one for one in all_of_them if one.place == row.place)
    act, at, signed = (
        (row.first, row.first_at, f"heads that were signed at {window.since} do not have it")
        if row.first is not None
        else (row.last, row.last_at, f"heads that were signed at {window.until} have it")
    )
    return Fault("act", act, act, f"it says that it was recorded at {at}, and {signed}")
