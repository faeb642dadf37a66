"""The picture of a probe's trace: limits as lines, excursions as shaded bands, the readings as the lowest and highest
of each pixel column."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import text

from cellbank.outside.drawing import Drawing, Mark
from cellbank.services.installation import Installation
from cellbank.services.temperature.trace_drawing import COLUMNS, LEFT, Frame

HOUR = 3600
STEPS = tuple(HOUR * hours for hours in (1, 3, 6, 12, 24, 48, 168, 336, 730, 1461, 2922, 8766, 17532, 43830))
MOST_TICKS = 8
UTC = datetime.UTC
MOST_BANDS = 300


@dataclass(frozen=True)
class Band:
    """An excursion in the picture."""

    code: str
    kind: str
    since: datetime.datetime
    until: datetime.datetime


@dataclass(frozen=True)
class Chart:
    """What the picture shows. `columns`: (number, lowest, highest), without those in which there is no reading."""

    since: datetime.datetime
    until: datetime.datetime
    zone: ZoneInfo
    gap_minutes: int
    limits: tuple[tuple[str, float], ...]
    columns: tuple[tuple[int, float, float], ...]
    bands: tuple[Band, ...]


_PROBE = text(
    """SELECT p.id, p.warn_above_c, p.critical_above_c, p.reject_above_c, p.gap_minutes, p.last_at, s.timezone,
              (SELECT min(at) FROM reading r WHERE r.probe_id = p.id) AS first_at
         FROM probe p JOIN site s ON s.id = p.site_id WHERE p.code = :code"""
)
_COLUMNS = text(
    """SELECT date_bin(:step, at, :since) AS bin, min(celsius)::float8 AS low, max(celsius)::float8 AS high
         FROM reading WHERE probe_id = :probe AND at >= :since AND at < :until GROUP BY 1 ORDER BY 1"""
)
_BANDS = text(
    f"""SELECT code, category, greatest(started_at, :since), least(coalesce(ended_at, :until), :until) FROM excursion
        WHERE probe_id = :probe AND started_at < :until AND coalesce(ended_at, 'infinity') >= :since
        ORDER BY array_position(ARRAY['silent', 'warning', 'critical', 'reject'], category) DESC, started_at DESC
        LIMIT {MOST_BANDS}"""
)


def chart_of(
    installation: Installation,
    probe_code: str,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
) -> Chart | None:
    """The picture of a probe over a time, or over the last week that it has readings of; None: there is no such probe
    or no reading."""
    with installation.reads.connect() as connection:
        probe = connection.execute(_PROBE, {"code": probe_code}).one_or_none()
        if probe is None or probe.first_at is None:
            return None
        last = probe.last_at or probe.first_at
        until = until or last + datetime.timedelta(minutes=1)
        since = max(probe.first_at, since or until - datetime.timedelta(days=7))
        since = min(since, until - datetime.timedelta(minutes=5))
        step = (until - since) / COLUMNS
        given = {"probe": probe.id, "since": since, "until": until}
        rows = connection.execute(_COLUMNS, {**given, "step": step}).all()
        bands = connection.execute(_BANDS, given).all()
    limits = (
        ("warning", float(probe.warn_above_c)),
        ("critical", float(probe.critical_above_c)),
        ("reject", float(probe.reject_above_c)),
    )
    columns = tuple((round((row.bin - since) / step), row.low, row.high) for row in rows)
    zone = ZoneInfo(probe.timezone)
    return Chart(since, until, zone, probe.gap_minutes, limits, columns, tuple(Band(*row) for row in bands))


# --- the drawing ------------------------------------------------------------------------------


def drawing_of(chart: Chart, title: str = "") -> Drawing:
    """The picture as a drawing."""
    return _Trace(chart).drawing(title)


class _Trace(Frame):
    """The chart with its scales."""

    def __init__(self, chart: Chart):
        self.chart = chart
        shown = [value for _, low, high in chart.columns for value in (low, high)] or [-190.0]
        warm = max(shown)
        # The limit above the warmest reading is always in the picture: it says how near that was.
        ceiling = next((limit for _, limit in chart.limits if limit > warm), warm)
        super().__init__(chart.since, chart.until, min(*shown, -196.0) - 4, max(warm, ceiling) + 6)

    def marks(self) -> Iterator[Mark]:
        yield from (self.band(one.kind, one.since, one.until, one.code) for one in reversed(self.chart.bands))
        yield from self.scales(self._ticks())
        yield from self._limits()
        yield from self.trace("trace", self.chart.columns, self.chart.gap_minutes)

    def _ticks(self) -> Iterator[tuple[datetime.datetime, str]]:
        step = next((one for one in STEPS if self.seconds / one <= MOST_TICKS), STEPS[-1])
        zone = self.chart.zone
        midnight = self.chart.since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for number in range(int(self.seconds // step) + 26):
            wall = midnight + datetime.timedelta(seconds=number * step)
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            if self.chart.since <= at <= self.chart.until:
                yield at, f"{wall:%H:%M}" if step < 24 * HOUR and wall.hour else f"{wall:%Y-%m-%d}"

    def _limits(self) -> Iterator[Mark]:
        for name, celsius in self.chart.limits:
            if self.low < celsius < self.high:
                y = self.y(celsius)
                yield Mark("line", name, ((LEFT, y), (LEFT + COLUMNS, y)))
                yield Mark("word", name, ((LEFT + COLUMNS + 4, y + 4),), name)
