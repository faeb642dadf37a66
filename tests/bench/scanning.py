"""A box of 81 filled by a scanner, in a browser: when the page takes the next code, and how many come in a second."""

import statistics
from collections.abc import Iterator

from cellbank.services.installation import server_time
from tests.bench.figures import Figure
from tests.bench.site import Site, take
from tests.browser.scanner import Desk, scan_fast
from tests.browser.stage import chromium_program
from tests.factories.world import PASSWORD

ROUNDS, SENT_A_SECOND = 3, 21
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
    works = statistics.median(max(pull.works_ms) for pull in pulls)
    waits = statistics.median(max(pull.waits_ms) for pull in pulls)
    typical = statistics.median(work for pull in pulls for work in pull.works_ms)
    note = f"from the Enter in the page, the slowest of 81; median {typical:.1f} ms"
    yield Figure("put-away by scan: ready for the next code", works, "ms", "at most", 150, note)
    note = "as above, with the driver's way to the browser: large on a busy machine"
    yield Figure("put-away by scan: from the trigger of the scanner", waits, "ms", note=note)
    pace = statistics.median(pull.a_second for pull in pulls)
    yield Figure("put-away by scan: codes a second, none lost", pace, "", "at least", 20)


def _box(site: Site) -> str:
    rack = site.column("SELECT code FROM storage_unit WHERE type = 'rack' ORDER BY id DESC LIMIT 1")[0]
    given = {"type": "box", "name": "Bench box", "parent": rack, "rows": 9, "columns": 9}
    return str(site.world.do("tina", "add_storage_unit", now=server_time(), **given)["code"])
