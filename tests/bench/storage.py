"""The cold store: a tank of 40,000 vials moved in one act, and the map of the largest box."""

import datetime
import statistics
import time
from collections.abc import Iterator

from cellbank import create_app
from cellbank.services.installation import server_time
from cellbank.services.storage.box_map import box_map
from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.factories.world import PASSWORD
from tests.web.conftest import Browser

# A tank of the bench has 25 racks of 20 boxes of 100 vials.
FULL_TANKS = """SELECT t.code FROM storage_unit t WHERE t.type = 'tank' AND (
    SELECT count(*) FROM storage_unit r JOIN storage_unit b ON b.parent_id = r.id JOIN placement p ON p.box_id = b.id
     WHERE r.parent_id = t.id AND p.taken_at IS NULL) >= 40000 ORDER BY t.id LIMIT 4"""
ROWS, COLUMNS = 16, 24
VIALS = """SELECT v.code FROM vial v JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
    WHERE v.state = 'IN_STOCK' ORDER BY hashint8(v.id) LIMIT 384"""
ROUNDS = 9


def measure(site: Site) -> Iterator[Figure]:
    """Both figures; nothing to move in a bank that has no such tank."""
    tanks = site.column(FULL_TANKS)
    if tanks:
        yield Figure("a tank of 40,000 vials moved: one act", _move_s(site, tanks), "s", "at most", 2)
    yield from _map_ms(site)


def _move_s(site: Site, tanks: list[str]) -> float:
    """Into a room, tank after tank; the slowest of them."""
    world = site.world
    room = world.do("tina", "add_storage_unit", now=server_time(), type="room", name="Bench room")["code"]
    times = []
    for tank in tanks:
        start = time.perf_counter()
        moved = world.do("tina", "move_storage_unit", now=server_time(), unit=tank, into=room)
        times.append(time.perf_counter() - start)
        assert moved["vials"] >= 40_000
    return max(times)


def _map_ms(site: Site) -> Iterator[Figure]:
    """A full box of 16 × 24: what is read, and the page as the server gives it."""
    world, now = site.world, server_time()
    rack = site.column("SELECT r.code FROM storage_unit r WHERE r.type = 'rack' ORDER BY r.id LIMIT 1")[0]
    size = {"rows": ROWS, "columns": COLUMNS}
    box = world.do("tina", "add_storage_unit", now=now, type="box", name="Bench box", parent=rack, **size)["code"]
    vials = site.column(VIALS)
    reasons = dict.fromkeys(vials, "moved for the measurement")
    at = now + datetime.timedelta(seconds=1)
    world.do("tina", "rescan_box", now=at, box=box, vials=vials, reasons=reasons)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = box_map(site.installation, box, at)
        times.append(1000 * (time.perf_counter() - start))
        assert found is not None and found.is_full
    yield Figure("box map 16 × 24: read", statistics.median(times), "ms")
    yield Figure("box map 16 × 24: the page on the server", _page_ms(site, box), "ms", "at most", 100)


def _page_ms(site: Site, box: str) -> float:
    browser = Browser(create_app(site.installation).test_client())
    browser.enter("tina", PASSWORD)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        page = browser.get(f"/storage/fill/{box}")
        times.append(1000 * (time.perf_counter() - start))
        assert page.status_code == 200 and page.text.count("data-place") == ROWS * COLUMNS
    return statistics.median(times)
