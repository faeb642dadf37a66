"""Readings and what becomes of them: an import against a bare COPY of the same rows into the same table, the exposure
of a full tank, and a year's chart of one probe."""

import datetime
import random
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg

from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.outside.postgres_server import OWNER
from cellbank.records.migrate import migrate
from cellbank.services.temperature.exposure import exposures
from cellbank.services.temperature.temperature_chart import chart_of, drawing_of
from cellbank.web.drawing import svg
from tests.bench.databases import open_installation, plain_url
from tests.bench.figures import Figure, median_of_ratios
from tests.factories.temperature import import_file, probe, tank
from tests.factories.world import World

ROWS, ROUNDS = 1_000_000, 3
NAME = "bank_readings"
YEAR_ROWS = 105_120
DECADE_ROWS, VIALS, LOTS, BOXES = 10_000_000, 50_000, 500, 625
EVERY = datetime.timedelta(seconds=30)
FIRST = datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)


def measure(server: EmbeddedPostgres, folder: Path) -> Iterator[Figure]:
    """In a database of its own, made anew."""
    _statement(server, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"CREATE DATABASE {NAME}")
    migrate(server.url(OWNER, NAME))
    installation = open_installation(server, NAME, folder)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    world = World(installation, random.Random(7), now - datetime.timedelta(days=1))
    try:
        yield from _imports(server, world)
        yield from _exposures(server, world)
        yield from _charts(server, world)
    finally:
        installation.engine.dispose()
        _statement(server, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def _statement(server: EmbeddedPostgres, *statements: str) -> None:
    with psycopg.connect(plain_url(server.owner_url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


# --- import -----------------------------------------------------------------------------------


def logger_file(start: datetime.datetime, rows: int) -> bytes:
    """A trace around −185 °C that grows warm for half an hour each month."""
    chance, lines = random.Random(str(start)), ["Date/Time;Temperature (°C)"]
    for number in range(rows):
        warm = number % 86_400 < 60
        value = (-125 if warm else -185) + chance.random() * 4
        lines.append(f"{start + number * EVERY:%Y-%m-%d %H:%M:%S};{value:.2f}")
    return "\n".join([*lines, ""]).encode()


def _imports(server: EmbeddedPostgres, world: World) -> Iterator[Figure]:
    ours, bare, peak = [], [], 0.0
    for number in range(ROUNDS):
        content = logger_file(FIRST, ROWS + number)
        code = probe(world)
        with _Memory() as memory:
            began = time.perf_counter()
            result = import_file(world, code, content, zone="UTC")
            ours.append((ROWS + number) / (time.perf_counter() - began))
        peak = max(peak, memory.grown)
        assert result["new_readings"] == ROWS + number and len(result["excursions"]) > 2
        bare.append(_bare_copy(server, world, code, content))
    ratio = median_of_ratios(ours, bare)
    note = f"{statistics.median(ours):,.0f} rows/s, bare {statistics.median(bare):,.0f}"
    yield Figure("import of 1,000,000 readings against a bare COPY", ratio, "×", "at least", 0.4, note)
    yield Figure("memory of that import above idle", peak, "MB", "at most", 60)


class _Memory:
    """The most that this process grows by meanwhile, looked at a hundred times a second."""

    def __enter__(self) -> "_Memory":
        self._process, self._done = psutil.Process(), threading.Event()
        self._idle = self._most = self._process.memory_info().rss
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()
        self.grown = (self._most - self._idle) / 1e6


def _bare_copy(server: EmbeddedPostgres, world: World, code: str, content: bytes) -> float:
    """Rows a second of COPY alone: the same rows, as the import wrote them, for a probe that does not exist."""
    with psycopg.connect(plain_url(server.url(OWNER, NAME))) as connection:
        connection.execute("SET timezone = 'UTC'")
        rows = bytearray()
        statement = (
            "COPY (SELECT -r.import_id, r.import_id, r.at, r.celsius FROM reading r JOIN probe p ON p.id = r.probe_id "
            f"WHERE p.code = '{code}' ORDER BY r.at) TO STDOUT"
        )
        with connection.cursor().copy(statement) as out:
            for piece in out:
                rows += piece
        count = rows.count(b"\n")
        connection.execute("SET LOCAL session_replication_role = replica")
        began = time.perf_counter()
        with connection.cursor().copy("COPY reading (probe_id, import_id, at, celsius) FROM STDIN") as copy:
            for start in range(0, len(rows), 1 << 20):
                copy.write(rows[start : start + (1 << 20)])
        connection.commit()
        return count / (time.perf_counter() - began)


# --- exposure ---------------------------------------------------------------------------------

_TANK = """
INSERT INTO storage_unit (site_id, parent_id, code, type, name, name_key, place, row_count, column_count, state)
  SELECT 1, u.id, 'BENCH' || n, 'box', 'Box ' || n, 'box' || n, n, 9, 9, 'IN_SERVICE' FROM storage_unit u,
         generate_series(1, %(boxes)s) n
   WHERE u.code = %(tank)s;
"""


def _exposures(server: EmbeddedPostgres, world: World) -> Iterator[Figure]:
    """Fifty thousand vials that came in 500 lots over ten years, half of them gone again, each at a time of its own."""
    unit = tank(world)
    code = probe(world, unit)
    with psycopg.connect(plain_url(server.url(OWNER, NAME))) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        connection.execute(_TANK, {"boxes": BOXES, "tank": unit})
        given = {"probe": code, "rows": DECADE_ROWS, "vials": VIALS, "lots": LOTS, "boxes": BOXES}
        for statement in _DECADE:
            connection.execute(statement, given)
        connection.execute("SELECT setval(pg_get_serial_sequence('excursion', 'id'), 1000000)")
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE reading, excursion, placement, vial, lot, storage_unit")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = exposures(world.installation, code, world.now)
        times.append(time.perf_counter() - began)
    note = f"{len(found):,} vials exposed, {sum(one.excursions for one in found):,} times"
    yield Figure("exposure of 50,000 vials over 10 years", statistics.median(times), "s", "at most", 2, note)


# Straight into the tables: what matters is how many rows there are, not how they came there.
_DECADE = (
    """INSERT INTO reading (probe_id, import_id, at, celsius)
       SELECT p.id, 0, '2016-01-01'::timestamptz + n * interval '31.5 s',
              CASE WHEN n %% 50000 < 40 THEN -125 ELSE -185 END + (n * 7919 %% 400) / 100.0
         FROM probe p, generate_series(0::bigint, %(rows)s - 1) n WHERE p.code = %(probe)s""",
    """INSERT INTO excursion (id, site_id, code, probe_id, storage_unit_id, category, started_at, ended_at, peak_c,
         warn_above_c, critical_above_c, reject_above_c, warn_seconds, critical_seconds, reject_seconds,
         warn_degree_seconds, critical_degree_seconds, reject_degree_seconds, found_at, state)
       SELECT 500000 + n, 1, 'BENCH' || n, p.id, p.storage_unit_id, 'critical',
              '2016-01-01'::timestamptz + n * 50000 * interval '31.5 s',
              '2016-01-01'::timestamptz + (n * 50000 + 40) * interval '31.5 s', -121.01, -150, -135, -80,
              1260, 1260, 0, 34000, 15000, 0, now(), 'OPEN'
         FROM probe p, generate_series(0::bigint, %(rows)s / 50000 - 1) n WHERE p.code = %(probe)s""",
    """INSERT INTO lot (id, code, specification_id, donation_id, site_id, purpose, product_code, passage,
         cumulative_doublings, planned_vial_count, cells_per_vial, volume_ml, cryoprotectant, dmso_percent,
         fill_started_at, expires_on, state)
       SELECT 100000 + n, 'BENCH' || n, 1, 1, 1, 'product', 'D0001V99', 4, 9, 100, 25000000, 1, 'DMSO', 10, now(),
              now(), 'RELEASED'
         FROM generate_series(1, %(lots)s) n""",
    """INSERT INTO vial (id, code, lot_id, donation_id, site_id, state)
       SELECT 1000000 + n, 'BENCH' || lpad(n::text, 6, '0'), 100001 + n %% %(lots)s, 1, 1, 'IN_STOCK'
         FROM generate_series(1::bigint, %(vials)s) n""",
    """INSERT INTO placement (vial_id, box_id, position, placed_at, taken_at)
       SELECT 1000000 + n, b.first + n %% %(boxes)s, 1 + n / %(boxes)s,
              '2016-01-01'::timestamptz + (n * 104729 %% 86400000) * interval '3.5 s',
              CASE WHEN n %% 2 = 0 THEN '2026-01-01'::timestamptz + n * interval '7 s' END
         FROM generate_series(1::bigint, %(vials)s) n,
              (SELECT min(id) AS first FROM storage_unit WHERE code LIKE 'BENCH%%') b""",
)


# --- chart ------------------------------------------------------------------------------------


def _charts(server: EmbeddedPostgres, world: World) -> Iterator[Figure]:
    code = probe(world)
    now = world.now
    with psycopg.connect(plain_url(server.url(OWNER, NAME))) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            """INSERT INTO reading (probe_id, import_id, at, celsius)
               SELECT p.id, 0, %(now)s - n * interval '5 min',
                      -185 + (n * 7919 %% 1600) / 100.0 + 40 * (n %% 20000 < 5)::int
                 FROM probe p, generate_series(1::bigint, %(rows)s) n WHERE p.code = %(probe)s""",
            {"now": now, "rows": YEAR_ROWS, "probe": code},
        )
        connection.commit()
    times, size = [], 0
    for _ in range(7):
        began = time.perf_counter()
        drawing = svg(drawing_of(chart_of(world.installation, code, now - datetime.timedelta(days=365), now)))
        times.append(1000 * (time.perf_counter() - began))
        size = len(drawing.encode())
    yield Figure(
        "a year's chart of one probe", statistics.median(times), "ms", "at most", 150, f"{YEAR_ROWS:,} readings"
    )
    yield Figure("that chart", size / 1000, "kB", "at most", 60)
