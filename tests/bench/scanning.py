"""A box of 81 filled by a scanner, in a browser: when the page takes the next code, and how many come in a second."""

import statistics
from collections.abc import Iterator

from cellbank.services.bank import server_time
from tests.bench.figures import Figure
from tests.bench.site import Site, take
from tests.browser.scanner import Desk, scan_fast
from tests.browser.stage import chromium_program
from tests.factories.world import PASSWORD

ROUNDS, SENT_A_SECOND = 3, 25
STANDING = """SELECT v.code FROM placement p JOIN vial v ON v.id = p.vial_id JOIN storage_unit u ON u.id = p.box_id
    WHERE u.code = %s AND p.taken_at IS NULL ORDER BY p.position"""


def measure(site: Site) -> Iterator[Figure]:
    """Both figures; none without Chromium."""
    program = chromium_program()
    if program is None:
        print("put-away by scan is not measured: there is no Chromium on this machine", flush=True)
        return
    desk = Desk(program, f"http://127.0.0.1:{site.server.port}", "tina", PASSWORD)
    pulls = []
    for _ in range(ROUNDS):
        box, vials = _box(site), take(site.frozen_vials, 81)
        pulls.append(scan_fast(desk, f"/storage/fill/{box}", vials, SENT_A_SECOND))
        assert site.column(STANDING, box) == vials, f"box {box} does not hold what was scanned, in this order"
    slowest = [max(pull.waits_ms) for pull in pulls]
    typical = statistics.median(wait for pull in pulls for wait in pull.waits_ms)
    note = f"the slowest of 81 scans; in {ROUNDS} boxes {min(slowest):.0f} to {max(slowest):.0f}, median {typical:.1f}"
    yield Figure("put-away by scan: ready for the next code", statistics.median(slowest), "ms", "at most", 150, note)
    works = statistics.median(max(pull.works_ms) for pull in pulls)
    yield Figure("put-away by scan: the page's own work on a code", works, "ms", note="the rest is the driver's")
    pace = statistics.median(pull.a_second for pull in pulls)
    yield Figure("put-away by scan: codes a second, none lost", pace, "", "at least", 20)


def _box(site: Site) -> str:
    rack = site.column("SELECT code FROM storage_unit WHERE type = 'rack' ORDER BY id DESC LIMIT 1")[0]
    given = {"type": "box", "name": "Bench box", "parent": rack, "rows": 9, "columns": 9}
    return str(site.world.do("tina", "add_storage_unit", now=server_time(), **given)["code"])
