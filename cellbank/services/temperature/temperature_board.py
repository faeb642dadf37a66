"""The pages of a probe and of an excursion: its picture, its excursions, and what stood there."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from cellbank.services.installation import Installation
from cellbank.services.temperature.temperature_chart import Chart, chart_of

SHOWN = 100
MINUTE = datetime.timedelta(minutes=1)
PERIODS = {"day": 1, "week": 7, "month": 31, "year": 366}


@dataclass(frozen=True)
class ExcursionLine:
    """One excursion in a list; minutes and degree-minutes above the warning limit."""

    code: str
    kind: str
    state: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    peak_c: Decimal
    minutes: Decimal
    degree_minutes: Decimal
    acknowledged: bool


@dataclass(frozen=True)
class LotThere:
    """A lot of which vials stood in a unit during an excursion."""

    code: str
    state: str
    vials: int
    now_there: int


@dataclass(frozen=True)
class ProbeBoard:
    """A probe over a period."""

    chart: Chart | None
    period: str
    excursions: tuple[ExcursionLine, ...]
    total: int


@dataclass(frozen=True)
class ExcursionBoard:
    """An excursion with its figures above each limit, its picture, and the lots that stood there."""

    chart: Chart | None
    figures: tuple[tuple[str, Decimal, Decimal, Decimal], ...]  # limit, °C, minutes, °C·min
    lots: tuple[LotThere, ...]
    held: tuple[str, ...]


_LINES = text(
    f"""SELECT code, category, state, started_at, ended_at, peak_c, warn_seconds / 60.0, warn_degree_seconds / 60,
              acknowledged_at IS NOT NULL, count(*) OVER () AS total FROM excursion
        WHERE probe_id = (SELECT id FROM probe WHERE code = :code) ORDER BY started_at DESC, id DESC LIMIT {SHOWN}"""
)


def probe_board(installation: Installation, code: str, period: str, now: datetime.datetime) -> ProbeBoard:
    """The page of a probe; `period` is a day, week, month or year up to now, or up to the last reading of a probe that
    has been silent for half of that: its silence belongs to the picture."""
    period = period if period in PERIODS else "week"
    with installation.reads.connect() as connection:
        last = connection.scalar(text("SELECT last_at FROM probe WHERE code = :code"), {"code": code})
        rows = connection.execute(_LINES, {"code": code}).all()
    span = datetime.timedelta(days=PERIODS[period])
    until = max(now, last) if last and now - last < span / 2 else last
    chart = chart_of(installation, code, until - span, until + MINUTE) if until else None
    return ProbeBoard(chart, period, tuple(ExcursionLine(*row[:9]) for row in rows), rows[0].total if rows else 0)


_EXCURSION = text("SELECT e.*, p.code AS probe FROM excursion e JOIN probe p ON p.id = e.probe_id WHERE e.code = :code")
_LOTS = text(
    """SELECT l.code, l.state, count(DISTINCT p.vial_id), count(DISTINCT p.vial_id) FILTER (WHERE p.taken_at IS NULL)
         FROM excursion e CROSS JOIN LATERAL units_within(e.storage_unit_id) w
         JOIN placement p ON p.box_id = w.unit_id
          AND greatest(w.since, p.placed_at, e.started_at) <= least(w.until, coalesce(p.taken_at, 'infinity'),
                                                                    coalesce(e.ended_at, 'infinity'))
         JOIN vial v ON v.id = p.vial_id JOIN lot l ON l.id = v.lot_id
        WHERE e.code = :code GROUP BY l.id ORDER BY l.id"""
)
_HOLDS = text("SELECT h.code FROM hold h JOIN excursion e ON e.id = h.excursion_id WHERE e.code = :code ORDER BY h.id")


def lots_there(connection: Connection, code: str) -> tuple[LotThere, ...]:
    """The lots that had vials where an excursion was measured, while it lasted."""
    return tuple(LotThere(*one) for one in connection.execute(_LOTS, {"code": code}))


def excursion_board(installation: Installation, code: str, now: datetime.datetime) -> ExcursionBoard | None:
    """The page of an excursion; None when there is none."""
    with installation.reads.connect() as connection:
        row: Any = connection.execute(_EXCURSION, {"code": code}).one_or_none()
        if row is None:
            return None
        lots = lots_there(connection, code)
        held = tuple(connection.scalars(_HOLDS, {"code": code}))
    until = row.ended_at or now
    around = max(datetime.timedelta(hours=2), (until - row.started_at) / 2)
    chart = chart_of(installation, row.probe, row.started_at - around, until + around if row.ended_at else until)
    figures = tuple(
        (
            name,
            getattr(row, f"{level}_above_c"),
            Decimal(getattr(row, f"{level}_seconds")) / 60,
            getattr(row, f"{level}_degree_seconds") / 60,
        )
        for name, level in (("warning", "warn"), ("critical", "critical"), ("reject", "reject"))
    )
    return ExcursionBoard(chart, figures, lots, held)
