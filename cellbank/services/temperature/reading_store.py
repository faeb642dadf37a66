"""Readings on their way into the database: what is new among them, the rule over it, COPY, and what was found.

Readings later than the probe's last one continue its watch, at the speed of COPY. Late ones (a logger's memory that
overlaps, a gap filled afterwards) are compared with what is stored: the same value is known, another one is refused,
and the time around new ones is judged again; what was found before never changes.
"""

import datetime
import hashlib
import heapq
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import text

from cellbank.domain.logger_file import pack, unpacked
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.temperature import Excursion, Watch, excursions, told_already
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.site_time import on_site
from cellbank.services.temperature.probes import limits_of

ROWS_AT_ONCE = 20_000
LOGGER_SKEW = datetime.timedelta(minutes=2)  # between the clock of a device and the server's (domain: H22)
UTC = datetime.UTC
Tell = Callable[[float], None]


def moment(second: int) -> datetime.datetime:
    """The instant of a second since 1970."""
    return datetime.datetime.fromtimestamp(second, UTC)


def second(at: datetime.datetime) -> int:
    """The second since 1970 of an instant."""
    return int(at.timestamp())


@dataclass
class Taken:
    """What readings bring: those that are new, what they show, and the watch as it stands after them."""

    watch: Watch
    late: "array[int]"
    later: "array[int]"
    known: int = 0
    ended: list[Excursion] = field(default_factory=list)
    going_on: tuple[Excursion, ...] = ()
    conflicts: list[str] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """How many rows are new."""
        return len(self.late) + len(self.later)

    @property
    def found(self) -> list[Excursion]:
        """Every excursion in which something is new."""
        return [*self.ended, *self.going_on]

    def keys(self) -> Iterator[int]:
        """The new readings in their order."""
        return iter((*self.late, *self.later)) if self.late else iter(self.later)


def look_at(work: Work, probe: Probe, readings: "array[int]", refused: list[Refusal]) -> Taken:
    """What readings, sorted and each time once, bring to a probe; nothing is written. Lock the probe before."""
    watch = Watch.of(limits_of(probe), probe.watch)
    stored_until = second(probe.last_at) if probe.last_at else -(1 << 40)
    cut = bisect_right(readings, (stored_until << 16) | 0xFFFF)
    taken = Taken(watch, array("q"), readings[cut:] if cut else readings)
    if cut:
        _compare(work, probe, readings[:cut], taken)
    if taken.later and watch.last is not None and taken.later[0] >> 16 < watch.last:
        watch.resume(taken.later[0] >> 16)  # late readings of a silence that was explained meanwhile
    taken.ended += watch.read(unpacked(taken.later))
    taken.going_on = watch.going_on()
    if readings and readings[-1] >> 16 > second(work.now + LOGGER_SKEW):
        refused.append(_in_the_future(work, readings))
    if taken.conflicts:
        sentence = (
            "Other values are stored for the same times of probe {probe}: {which}. Is it the right probe, and does the "
            "logger's clock go right?"
        )
        which = "; ".join(taken.conflicts[:3])
        refused.append(refuse(Code.READINGS_DIFFER, sentence, probe=probe.code, which=which))
    return taken


def _in_the_future(work: Work, readings: "array[int]") -> Refusal:
    sentence = (
        "The last reading ({at}) lies in the future: the server's clock says {now}. Set the logger's clock, or give "
        "the zone in which it writes."
    )
    return refuse(Code.IN_THE_FUTURE, sentence, at=moment(readings[-1] >> 16), now=work.now)


_STORED = text(
    """SELECT extract(epoch FROM at)::bigint AS second, (celsius * 100)::int AS value FROM reading
        WHERE probe_id = :probe AND at BETWEEN :first AND :last ORDER BY at LIMIT :most"""
)
_AROUND = text(
    """SELECT coalesce((SELECT max(at) FROM reading WHERE probe_id = :probe AND at < :first), :first) AS first,
              coalesce((SELECT min(at) FROM reading WHERE probe_id = :probe AND at > :last), :last) AS last"""
)


def _stored(work: Work, probe: Probe, first: datetime.datetime, last: datetime.datetime) -> Iterator[tuple[int, int]]:
    """What is stored of a probe between two times, in its order, so many rows at a time. (No cursor of the server: a
    check reads outside a transaction.)"""
    while first <= last:
        given = {"probe": probe.id, "first": first, "last": last, "most": ROWS_AT_ONCE}
        rows = work.session.execute(_STORED, given).all()
        yield from ((row.second, row.value) for row in rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        first = moment(rows[-1].second + 1)


def _compare(work: Work, probe: Probe, readings: "array[int]", taken: Taken) -> None:
    """Sort out the readings that are not later than the last stored one."""
    stored = _stored(work, probe, moment(readings[0] >> 16), moment(readings[-1] >> 16))
    there = next(stored, None)
    for at, value in unpacked(readings):
        while there is not None and there[0] < at:
            there = next(stored, None)
        if there is None or there[0] > at:
            taken.late.append(pack(at, value))
        elif there[1] == value:
            taken.known += 1
        else:
            taken.conflicts.append(f"{on_site(work, moment(at))} {there[1] / 100:.2f} °C, not {value / 100:.2f} °C")
    if taken.late and not taken.conflicts:
        taken.ended += _found_late(work, probe, taken)


def _found_late(work: Work, probe: Probe, taken: Taken) -> list[Excursion]:
    """The excursions around late readings that nothing stored covers already."""
    ends = {"probe": probe.id, "first": moment(taken.late[0] >> 16), "last": moment(taken.late[-1] >> 16)}
    around = work.session.execute(_AROUND, ends).one()
    stored = _stored(work, probe, around.first, around.last)
    found = excursions(limits_of(probe), heapq.merge(stored, unpacked(taken.late)))
    rows = work.session.execute(_KNOWN, {"probe": probe.id, "first": around.first, "last": around.last})
    known = [Excursion(*row) for row in rows]
    return [one for one in map(_ended, found) if not told_already(one, known)]


_KNOWN = text(
    """SELECT category, extract(epoch FROM started_at)::bigint, extract(epoch FROM ended_at)::bigint,
              (peak_c * 100)::int FROM excursion
        WHERE probe_id = :probe AND started_at <= :last AND coalesce(ended_at, 'infinity') >= :first"""
)


def _ended(excursion: Excursion) -> Excursion:
    """One that the last late reading leaves open ends with it: what follows is judged already."""
    if excursion.ended is not None:
        return excursion
    held = excursion.seconds[0]
    return Excursion(
        excursion.kind,
        excursion.started,
        excursion.started + held,
        excursion.peak,
        excursion.seconds,
        excursion.degree_seconds,
    )


# --- writing ----------------------------------------------------------------------------------

_MINUTES = [f"{minute:02d}:{one:02d}+00\t" for minute in range(60) for one in range(60)]


def copy_readings(work: Work, probe_id: int, import_id: int, keys: Iterable[int], count: int, tell: Tell) -> str:
    """Write readings with COPY; returns the sha256 of what was written, as `stored_digest` computes it again."""
    work.session.execute(text("SET LOCAL statement_timeout = 0"))  # five million rows take longer than any page may
    driver = work.session.connection().connection.driver_connection
    assert driver is not None
    digest, done, lines = hashlib.sha256(), 0, _lines(keys)
    start = f"{probe_id}\t{import_id}\t"
    with driver.cursor().copy("COPY reading (probe_id, import_id, at, celsius) FROM STDIN") as copy:
        while piece := list(islice(lines, ROWS_AT_ONCE)):
            content = (start + start.join(piece)).encode()
            digest.update(content)
            copy.write(content)
            done += len(piece)
            tell(done / max(1, count))
    return digest.hexdigest()


def _lines(keys: Iterable[int]) -> Iterator[str]:
    """Time and temperature as COPY writes them, the hour and the value remembered."""
    hours: dict[int, str] = {}
    values: dict[int, str] = {}
    for key in keys:
        hour, rest = divmod(key >> 16, 3600)
        code = key & 0xFFFF
        if hour not in hours:
            hours[hour] = f"{moment(hour * 3600):%Y-%m-%d %H}:"
        if code not in values:
            values[code] = _celsius(code)
        yield hours[hour] + _MINUTES[rest] + values[code]


def _celsius(code: int) -> str:
    hundredths = code - (1 << 15)
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}\n"


def stored_digest(
    connection: Any, probe_id: int, import_id: int, first: datetime.datetime, last: datetime.datetime
) -> str:
    """The sha256 of the rows of an import as they are stored now."""
    driver = connection.connection.driver_connection
    digest = hashlib.sha256()
    statement = (
        "COPY (SELECT probe_id, import_id, at, celsius FROM reading WHERE probe_id = %s AND import_id = %s "
        "AND at BETWEEN %s AND %s ORDER BY at) TO STDOUT"
    )
    with driver.cursor().copy(statement, [probe_id, import_id, first, last]) as copy:
        for content in copy:
            digest.update(content)
    return digest.hexdigest()
