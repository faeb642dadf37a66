"""From excursion to vials: which vials stood there when, and what each of them was exposed to.

From the intervals of placements and of the storage tree, not from the present. A vial that stood through a whole
excursion takes its figures; only where it came or went in the middle are the readings of that time added up again, by
the same rule (`domain/rules/temperature.py`): a reading holds until the next one.

Vials that came and went between the same excursions have the same exposure, so that it is worked out once for each such
group: fifty thousand vials are a few hundred groups.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.services.installation import Installation

LEVELS = ("warn", "critical", "reject")
_SUMS = [f"{level}_{what}" for what in ("seconds", "degree_seconds") for level in LEVELS]


class Exposure(NamedTuple):
    """What a vial was exposed to in the unit of one probe: how often, how warm at most, how long above each limit, and
    how long nobody knew. `worst` is the gravest kind."""

    vial: str
    lot: str
    excursions: int
    undecided: int
    worst: str
    peak_c: Decimal
    silent_seconds: int
    warn_seconds: int
    critical_seconds: int
    reject_seconds: int
    warn_degree_seconds: Decimal
    critical_degree_seconds: Decimal
    reject_degree_seconds: Decimal

    @property
    def seconds(self) -> tuple[int, int, int]:
        """Above the warning, the critical and the rejecting limit."""
        return self.warn_seconds, self.critical_seconds, self.reject_seconds

    @property
    def degree_minutes(self) -> tuple[Decimal, Decimal, Decimal]:
        """°C·min above each of them."""
        sums = (self.warn_degree_seconds, self.critical_degree_seconds, self.reject_degree_seconds)
        warn, critical, reject = (one / 60 for one in sums)
        return warn, critical, reject


# The excursions of a unit's probes with an end; one that goes on has its figures up to the last reading.
_FOUND = """found AS MATERIALIZED (
  SELECT e.*, coalesce(e.ended_at, greatest(:now, e.started_at)) AS until FROM excursion e WHERE e.probe_id = :probe
)"""

# What stood in the unit, vial by vial; a stay outside the excursions' whole time cannot matter.
_STAYS = """stays AS MATERIALIZED (
  SELECT p.vial_id, greatest(p.placed_at, w.since) AS since, least(coalesce(p.taken_at, 'infinity'), w.until) AS until
    FROM units_within(:unit) w JOIN placement p ON p.box_id = w.unit_id
   WHERE greatest(p.placed_at, w.since) < least(coalesce(p.taken_at, 'infinity'), w.until)
)"""

# `width_bucket` counts the excursions that began before a stay ended, and those that ended before it began: the two
# counts say which ones it shared. Only a time inside an excursion matters itself.
_GROUPS = """ends AS (
  SELECT array_agg(started_at ORDER BY started_at) AS starts, array_agg(until ORDER BY until) AS untils FROM found
), placed AS MATERIALIZED (
  SELECT vial_id, since, until, width_bucket(since, untils) AS gone, width_bucket(until, starts) AS begun,
         width_bucket(since, starts) AS begun_at_since, width_bucket(until, untils) AS gone_at_until
    FROM stays, ends WHERE starts IS NOT NULL
), keyed AS MATERIALIZED (
  SELECT *, dense_rank() OVER (ORDER BY gone, begun, since, until) AS number FROM (
    SELECT vial_id, gone, begun, CASE WHEN begun_at_since > gone THEN since ELSE '-infinity' END AS since,
           CASE WHEN begun > gone_at_until THEN until ELSE 'infinity' END AS until
      FROM placed WHERE begun > gone) k
), groups AS MATERIALIZED (
  SELECT DISTINCT ON (number) number, gone, begun, since, until FROM keyed ORDER BY number
), spans AS MATERIALIZED (
  SELECT number, gone, begun, since, until,
         coalesce(nullif(since, '-infinity'), CASE WHEN gone = 0 THEN '-infinity'
                                                   ELSE untils[gone] END) AS really_since,
         coalesce(nullif(until, 'infinity'), CASE WHEN begun = cardinality(starts) THEN 'infinity'
                                                  ELSE starts[begun + 1] END) AS really_until
    FROM groups, ends
), shared AS MATERIALIZED (
  SELECT s.number, f.id, f.category, f.state, f.peak_c, {stored},
         greatest(s.really_since, f.started_at) AS s, least(s.really_until, f.until) AS u,
         s.really_since <= f.started_at AND s.really_until >= f.until AS whole
    FROM spans s JOIN found f ON f.started_at < s.really_until AND f.until > s.really_since
)"""

# The readings that held during a part of an excursion. A silence has none: only its time counts.
_MEASURED = """parts AS MATERIALIZED (SELECT DISTINCT id, s, u FROM shared WHERE NOT whole AND category <> 'silent'),
held AS MATERIALIZED (
  SELECT f.id, r.at, r.celsius, f.warn_above_c, f.critical_above_c, f.reject_above_c,
         lead(r.at, 1, coalesce(f.ended_at, r.at)) OVER (PARTITION BY f.id ORDER BY r.at) AS next
    FROM (SELECT DISTINCT id FROM parts) p JOIN found f ON f.id = p.id
    JOIN reading r ON r.probe_id = f.probe_id AND r.at >= f.started_at AND r.at < f.until
), measured AS (
  SELECT p.id, p.s, p.u, max(h.celsius) AS peak_c, {measured}
    FROM parts p JOIN held h ON h.id = p.id AND h.at < p.u AND h.next > p.s
    CROSS JOIN LATERAL (SELECT extract(epoch FROM least(h.next, p.u) - greatest(h.at, p.s)) AS seconds) t
   GROUP BY p.id, p.s, p.u
), counted AS (
  SELECT sh.number, sh.id, sh.category, sh.state, coalesce(m.peak_c, sh.peak_c) AS peak_c,
         CASE WHEN sh.category = 'silent' THEN extract(epoch FROM sh.u - sh.s) ELSE 0 END AS silent_seconds, {either}
    FROM shared sh LEFT JOIN measured m ON (m.id, m.s, m.u) = (sh.id, sh.s, sh.u)
), exposed AS MATERIALIZED (
  SELECT number, count(*) AS excursions, count(*) FILTER (WHERE state = 'OPEN') AS undecided,
         max(array_position(ARRAY['silent', 'warning', 'critical', 'reject'], category)) AS worst,
         max(peak_c) AS peak_c, sum(silent_seconds) AS silent_seconds, {sums}
    FROM counted GROUP BY number
)"""

_COLUMNS = {
    "stored": ", ".join(f"f.{name} AS {name}" for name in _SUMS),
    "measured": ", ".join(
        f"coalesce(sum(t.seconds{weight}) FILTER (WHERE h.celsius > h.{level}_above_c), 0) AS {level}_{what}"
        for level in LEVELS
        for what, weight in (("seconds", ""), ("degree_seconds", f" * (h.celsius - h.{level}_above_c)"))
    ),
    "either": ", ".join(
        f"CASE WHEN sh.whole THEN sh.{name} ELSE coalesce(m.{name}, 0) END AS {name}" for name in _SUMS
    ),
    "sums": ", ".join(f"sum({name}) AS {name}" for name in _SUMS),
}
_WITH = f"WITH {_FOUND}, {_STAYS}, {_GROUPS.format(**_COLUMNS)}, {_MEASURED.format(**_COLUMNS)}"
_TOTALS = ", ".join(
    f"sum(x.{name}){cast} AS {name}"
    for name, cast in (
        ("silent_seconds", "::bigint"),
        *((name, "" if "degree" in name else "::bigint") for name in _SUMS),
    )
)
_VIALS = text(
    f"""{_WITH}
SELECT v.code AS vial, l.code AS lot, y.excursions, y.undecided,
       (ARRAY['silent', 'warning', 'critical', 'reject'])[y.worst] AS worst, y.peak_c, y.silent_seconds,
       {", ".join(_SUMS)}
  FROM (SELECT k.vial_id, sum(x.excursions)::int AS excursions, sum(x.undecided)::int AS undecided,
               max(x.worst) AS worst, max(x.peak_c) AS peak_c, {_TOTALS}
          FROM keyed k JOIN exposed x USING (number) GROUP BY k.vial_id) y
  JOIN vial v ON v.id = y.vial_id JOIN lot l ON l.id = v.lot_id ORDER BY v.code"""
)
_PROBE = text("SELECT id, storage_unit_id FROM probe WHERE code = :code")


def exposures(installation: Installation, probe_code: str, now: datetime.datetime) -> tuple[Exposure, ...]:
    """What every vial that ever stood in the probe's unit was exposed to there, in the order of the codes. Vials that
    stood through no excursion are not in it; () too when there is no such probe."""
    with installation.reads.connect() as connection:
        probe = connection.execute(_PROBE, {"code": probe_code}).one_or_none()
        if probe is None:
            return ()
        given = {"probe": probe.id, "unit": probe.storage_unit_id, "now": now}
        return tuple(map(Exposure._make, connection.execute(_VIALS, given)))


# --- one vial, one lot ------------------------------------------------------------------------


@dataclass(frozen=True)
class Lived:
    """An excursion through which a vial stood, or vials of a lot, and the time that they shared."""

    excursion: str
    kind: str
    state: str
    probe: str
    unit: str
    since: datetime.datetime
    until: datetime.datetime | None
    peak_c: Decimal
    vials: int


_LIVED = text(
    """SELECT e.code AS excursion, e.category AS kind, e.state, p.code AS probe, u.name AS unit, min(t.since) AS since,
              nullif(max(t.until), 'infinity') AS until, e.peak_c, count(DISTINCT t.vial_id) AS vials
         FROM stood_through(:lot, :vial) t JOIN excursion e ON e.id = t.excursion_id
         JOIN probe p ON p.id = e.probe_id JOIN storage_unit u ON u.id = e.storage_unit_id
        GROUP BY e.id, p.code, u.name ORDER BY e.started_at, e.id"""
)


def lot_excursions(session: Session, lot_id: int) -> tuple[Lived, ...]:
    """Every excursion through which a vial of the lot stood, in the order of time."""
    return tuple(Lived(*row) for row in session.execute(_LIVED, {"lot": lot_id, "vial": None}))


def thermal_life(installation: Installation, vial_code: str) -> tuple[Lived, ...]:
    """Every excursion through which one vial stood, in the order of time."""
    with Session(installation.reads) as session:
        vial = session.scalar(text("SELECT id FROM vial WHERE code = :code"), {"code": vial_code})
        return tuple(Lived(*row) for row in session.execute(_LIVED, {"lot": None, "vial": vial or 0}))


# --- who watches ------------------------------------------------------------------------------

_WATCHED = text(
    """WITH box AS MATERIALIZED (  -- told to stop at the first, the planner walks through every vial of the bank
         SELECT DISTINCT p.box_id FROM vial v JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
          WHERE v.lot_id = :lot)
       SELECT EXISTS (
         SELECT FROM box
          WHERE NOT EXISTS (SELECT FROM units_around(box.box_id) up JOIN probe ON probe.storage_unit_id = up.unit_id
                             WHERE probe.state = 'IN_USE' AND up.until = 'infinity'))"""
)


def stands_unwatched(session: Session, lot_id: int) -> bool:
    """Whether a vial of the lot stands where no probe in use watches."""
    return bool(session.scalar(_WATCHED, {"lot": lot_id}))
