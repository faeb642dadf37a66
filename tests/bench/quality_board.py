"""The release board of a large lot: 500 vials, 60 results, 3,000 rows of the trail, made through the real acts."""

import statistics
import time
from collections.abc import Callable, Iterator

from cellbank.services.lookup.boards import lot_board
from cellbank.services.quality.impact import impact
from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.factories.lots import box, stored_lot
from tests.factories.quality import enter, required_tests, results_read_at, review

VIALS, RESULTS, TRAIL_ROWS, TIMES = 500, 60, 3000, 20
ROWS = """WITH the AS (SELECT id FROM lot WHERE code = %s),
          vials AS (SELECT v.id FROM vial v JOIN the ON the.id = v.lot_id)
          SELECT count(*) FROM change c WHERE (c.record_kind, c.record_id) IN (
            SELECT 'lot', id FROM the
            UNION ALL SELECT 'vial', id FROM vials
            UNION ALL SELECT 'placement', p.id FROM placement p JOIN vials ON vials.id = p.vial_id
            UNION ALL SELECT 'test_result', r.id FROM test_result r JOIN the ON the.id = r.lot_id)"""
VIALS_OF = "SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id WHERE l.code = %s ORDER BY v.number"


def measure(site: Site) -> Iterator[Figure]:
    """What a quality officer waits for, on the server: all that is read of the lot and judged."""
    lot = large_lot(site)
    rows = int(site.column(ROWS, lot)[0])
    if rows < TRAIL_ROWS:
        raise AssertionError(f"the lot of this bench has only {rows} rows of the trail")
    officer, now = site.world.people["oksana"].id, site.world.now
    board = _milliseconds(lambda: lot_board(site.installation, lot, now, officer))
    note = f"{VIALS} vials, {RESULTS} results, {rows:,} rows of the trail"
    yield Figure("release board of a large lot: on the server", board, "ms", "at most", 150, note)
    yield Figure(
        "what a recall of it would touch", _milliseconds(lambda: impact(site.installation, lot)), "ms", "at most", 150
    )


def large_lot(site: Site) -> str:
    """A lot put away, half of it moved once more, with its tests done again and again and all results reviewed."""
    world = site.world
    lot = stored_lot(world, vials=VIALS, cells_per_vial=5_000_000).code
    tests = [test.code for test in required_tests(world, lot)]
    results = [enter(world, lot, tests[number % len(tests)]) for number in range(RESULTS)]
    review(world, lot, *results)
    other, at = box(world, rows=26, columns=20), results_read_at(world, lot)
    for vial in site.column(VIALS_OF, lot)[::2]:
        world.do("tina", "move_vial", now=at, vial=vial, box=other)
    return lot


def _milliseconds(read: Callable[[], object]) -> float:
    read()
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)
