"""The page of a freezing run: its picture with the band shaded, its departures, and the other runs of its lot."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.freezing_band import FreezingBand
from cellbank.outside.drawing import Drawing, Mark
from cellbank.services.common import read_specification
from cellbank.services.installation import Installation
from cellbank.services.temperature.trace_drawing import COLUMNS, LEFT, Frame

MINUTE = datetime.timedelta(minutes=1)
MARGIN = 5 * MINUTE  # before minute 0 and after the last point of the band
MOST_TICKS = 10
Reading = tuple[datetime.datetime, float]


@dataclass(frozen=True)
class DepartureLine:
    """One departure from the band, or the nucleation that it allows; degrees from the nearer edge."""

    kind: str
    since: datetime.datetime
    until: datetime.datetime
    minutes: str
    worst_c: str
    degree_minutes: str


@dataclass(frozen=True)
class RunChart:
    """What the picture shows. `edges`: the points of the band, (time, low, high)."""

    began: datetime.datetime
    gap_minutes: int
    edges: tuple[tuple[datetime.datetime, float, float], ...]
    product: tuple[Reading, ...]
    chamber: tuple[Reading, ...]
    departures: tuple[DepartureLine, ...]


@dataclass(frozen=True)
class OtherRun:
    """Another run that was imported for the same lot."""

    code: str
    state: str
    reason: str


@dataclass(frozen=True)
class RunBoard:
    """A freezing run with its picture."""

    chart: RunChart
    others: tuple[OtherRun, ...]

    @property
    def departures(self) -> tuple[DepartureLine, ...]:
        """What the comparison found, in its order."""
        return self.chart.departures


_RUN = text(
    """SELECT r.id, r.lot_id, r.program, r.began_at, r.departures, f.content FROM freezer_run r
         JOIN lot l ON l.id = r.lot_id JOIN definition f ON f.id = l.specification_id WHERE r.code = :code"""
)
_READINGS = text(
    "SELECT at, celsius::float8 FROM freezer_reading WHERE run_id = :run AND channel = :channel ORDER BY at"
)
_OTHERS = text(
    """SELECT code, state, coalesce(withdrawal_reason, '') FROM freezer_run
        WHERE lot_id = :lot AND id <> :run ORDER BY id"""
)


def run_board(installation: Installation, code: str) -> RunBoard | None:
    """The page of a freezing run; None when there is none."""
    with installation.reads.connect() as connection:
        row: Any = connection.execute(_RUN, {"code": code}).one_or_none()
        if row is None:
            return None
        others = connection.execute(_OTHERS, {"lot": row.lot_id, "run": row.id}).all()
        return RunBoard(_chart(connection, row), tuple(OtherRun(*one) for one in others))


def run_chart(connection: Connection, code: str) -> RunChart:
    """The picture of a run that is there."""
    return _chart(connection, connection.execute(_RUN, {"code": code}).one())


def _chart(connection: Connection, row: Any) -> RunChart:
    band = read_specification(row.content).freezing.band(row.program)
    assert band is not None  # the specification of a lot never changes, and it had one

    def channel(name: str) -> tuple[Reading, ...]:
        readings = connection.execute(_READINGS, {"run": row.id, "channel": name})
        return tuple((at, celsius) for at, celsius in readings)

    return RunChart(
        row.began_at,
        band.gap_minutes,
        _edges(band, row.began_at),
        channel("product"),
        channel("chamber"),
        tuple(_line(one) for one in row.departures),
    )


def _edges(band: FreezingBand, began: datetime.datetime) -> tuple[tuple[datetime.datetime, float, float], ...]:
    return tuple((began + float(one.minute) * MINUTE, float(one.low), float(one.high)) for one in band.points)


def _line(told: dict[str, str]) -> DepartureLine:
    since, until = (datetime.datetime.fromisoformat(told[end]) for end in ("since", "until"))
    return DepartureLine(told["kind"], since, until, told["minutes"], told["worst_c"], told["degree_minutes"])


# --- the drawing ------------------------------------------------------------------------------


def drawing_of(chart: RunChart, title: str = "") -> Drawing:
    """The picture as a drawing."""
    return _Run(chart).drawing(title)


class _Run(Frame):
    """The run with its scales: minutes of the program from left to right."""

    def __init__(self, chart: RunChart):
        self.chart = chart
        since, until = chart.began - MARGIN, chart.edges[-1][0] + MARGIN
        self.product, self.chamber = (
            [one for one in readings if since <= one[0] <= until] for readings in (chart.product, chart.chamber)
        )
        shown = [value for _, value in (*self.product, *self.chamber)]
        shown += [value for _, low, high in chart.edges for value in (low, high)]
        super().__init__(since, until, min(shown) - 4, max(shown) + 6)

    def marks(self) -> Iterator[Mark]:
        edges = self.chart.edges
        above = [(self.x(at), self.y(high)) for at, _, high in edges]
        below = [(self.x(at), self.y(low)) for at, low, _ in reversed(edges)]
        for one in self.chart.departures:
            if one.since < self.until:
                yield self.band(one.kind, one.since, min(one.until, self.until), f"{one.minutes} min")
        yield Mark("area", "program", (*above, *below))
        yield from self.scales(self._ticks())
        yield from self.trace("chamber", self.columns(self.chamber), self.chart.gap_minutes)
        yield from self.trace("trace", self.columns(self.product), self.chart.gap_minutes)
        yield from self._names()

    def _ticks(self) -> Iterator[tuple[datetime.datetime, str]]:
        minutes = self.seconds / 60
        step = next(one for one in (5, 10, 20, 30, 60, 120, 240, 1440) if minutes / one <= MOST_TICKS or one == 1440)
        for minute in range(0, int(minutes) + 1, step):
            if (at := self.chart.began + minute * MINUTE) <= self.until:
                yield at, f"{minute} min"

    def _names(self) -> Iterator[Mark]:
        """What each line is, at its right end, one below the other."""
        at_end = [("band", "program", sum(self.chart.edges[-1][1:]) / 2)]
        at_end += [
            (name, tone, readings[-1][1])
            for name, tone, readings in (("product", "trace", self.product), ("chamber", "chamber", self.chamber))
            if readings
        ]
        lowest = 0.0
        for name, tone, celsius in sorted(at_end, key=lambda one: -one[2]):
            lowest = max(self.y(celsius) + 4, lowest + 13)
            yield Mark("word", tone, ((LEFT + COLUMNS + 4, lowest),), name)
