"""Accepted acts: one vial put away, against a bare insert; and acts on many vials, in statements and milliseconds."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from cellbank.services.acts import run_act
from tests.bench.clients import Clients
from tests.bench.figures import Figure
from tests.bench.ratios import compare
from tests.bench.site import Site, at, take

ROUNDS, SECONDS = 5, 0.8
PER_ROUND = {1: 240, 8: 100}  # acts of one client, at most
LARGE_ACTS = 8
LOTS_BEING_FILLED = (
    """SELECT l.code FROM lot l WHERE l.state = 'IN_PROCESS' AND l.planned_vial_count = 200 ORDER BY id"""
)
VIALS_OF = "SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id WHERE l.code = %s ORDER BY v.number"


def measure(site: Site, clients: Clients) -> Iterator[Figure]:
    """Single acts from one and from eight clients on one site, then the large ones."""
    for count, bound in ((1, 0.4), (8, 0.3)):
        each = PER_ROUND[count]
        found = compare(
            at(site, clients),
            lambda count=count, each=each: site.put_aways(count, each),
            site.bare_writes(count),
            rounds=ROUNDS,
            seconds=SECONDS,
            again=False,
        )
        name = f"put one vial away: throughput, {count} client{'s' if count > 1 else ''}"
        yield Figure(name, found.throughput, "F", "at least", bound, found.note)
    lots = site.column(LOTS_BEING_FILLED)[:LARGE_ACTS]
    yield from _large(
        "fill 200 vials", "record_filling", site, [{"lot": lot, "vials": site.column(VIALS_OF, lot)} for lot in lots]
    )
    boxes = take(site.empty_boxes, LARGE_ACTS)
    yield from _large(
        "put a box of 100 away",
        "store_vials",
        site,
        [{"box": box, "vials": take(site.frozen_vials, 100)} for box in boxes],
    )


def _large(name: str, act: str, site: Site, all_given: list[Mapping[str, Any]]) -> Iterator[Figure]:
    """An act on many vials, several times; the first one warms up."""
    counts, times = [], []
    for given in all_given:
        with statements(site.installation.engine) as counted:
            start = time.perf_counter()
            outcome = run_act(site.installation, act, given, site.world.people["tina"], door="api")
            times.append(1000 * (time.perf_counter() - start))
        site.world.accepted(outcome)
        counts.append(len(counted))
    yield Figure(f"{name}: statements", max(counts), "", "at most", 15)
    yield Figure(f"{name}: on the server", statistics.median(times[1:]), "ms", "at most", 100)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements sent within; one that is sent for many rows counts as many."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        sent.extend([statement] * (len(parameters) if executemany else 1))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
