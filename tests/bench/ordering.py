"""Eight people order doses from one hot lot at once: nobody gets a vial that another has, nobody is kept waiting."""

from collections.abc import Iterator

from tests.bench.clients import Clients, request
from tests.bench.figures import Figure
from tests.bench.site import Site, at, deal

CLIENTS, ORDERS = 8, 320
HOT_LOT = "SELECT code FROM lot WHERE planned_vial_count = 1000 AND state = 'RELEASED' ORDER BY id LIMIT 1"
WAITING_SUBJECTS = """SELECT code FROM subject s WHERE state = 'ENROLLED' AND trial_number LIKE 'BENCH-%%'
                         AND NOT EXISTS (SELECT FROM dose d WHERE d.subject_id = s.id) ORDER BY id LIMIT %s"""
# Doses whose vials are not exactly those that were promised: booked twice, or short.
BADLY_BOOKED = """SELECT d.code FROM dose d JOIN lot l ON l.id = d.lot_id WHERE l.code = %s
                     AND (SELECT count(*) FROM vial v WHERE v.dose_id = d.id AND v.state = 'RESERVED')
                         <> d.vials_needed + d.vials_spare"""
# What the trail tells: a vial that two orders reserved.
RESERVED_TWICE = """SELECT c.record_id::text FROM change c JOIN act a ON a.id = c.act_id
                     WHERE a.name = 'order_dose' AND c.record_kind = 'vial' AND a.door = 'api'
                     GROUP BY c.record_id HAVING count(*) > 1"""


def measure(site: Site, clients: Clients) -> Iterator[Figure]:
    """Passwords count as proved (`server.make_app`): argon2 takes 0.1 s on purpose, before anything is locked."""
    (lot,) = site.column(HOT_LOT)
    subjects = site.column(WAITING_SUBJECTS, ORDERS)
    for subject in subjects:
        _weigh(site, subject)
    given = [{"subject": subject, "lot": lot, "password": "proved"} for subject in subjects]
    orders = [request("POST", "/api/acts/order_dose", site.tokens["clara"], one) for one in given]
    warm, hot = orders[:CLIENTS], orders[CLIENTS:]
    at(site, clients).run(deal(warm, CLIENTS), 10, again=False)
    found = at(site, clients).run(deal(hot, CLIENTS), 30, again=False)
    note = f"{found.per_second:.0f} orders/s, median {1000 * found.median:.1f} ms" + "".join(found.wrong[:1])
    yield Figure("order from a hot lot, 8 clients: p99", 1000 * found.percentile(99), "ms", "at most", 50, note)
    yield Figure("order from a hot lot: refused or failed", len(found.wrong), "", "at most", 0, f"of {len(hot)}")
    booked = len(site.column(BADLY_BOOKED, lot)) + len(site.column(RESERVED_TWICE))
    yield Figure("order from a hot lot: booked twice or short", booked, "", "at most", 0)


def _weigh(site: Site, subject: str) -> None:
    weight = site.world.do("clara", "measure_weight", subject=subject, weight_kg="50.0", method="standing_scale")
    site.world.do("cyril", "confirm_weight", weight=weight["code"], weight_kg="50.0")
