"""What it costs to come in: the gate, and the look-up of a session, beside a scan and a bare look-up."""

from collections.abc import Iterator

from tests.bench.clients import Clients
from tests.bench.figures import Figure
from tests.bench.ratios import Requests, compare
from tests.bench.site import Site, at

ROUNDS, SECONDS = 7, 0.8


def measure(site: Site, clients: Clients) -> Iterator[Figure]:
    """The bare look-up behind the gate, against itself; a scan in a session, against it and against one with a key."""
    here = at(site, clients)

    def against(ours: Requests, bare: Requests) -> tuple[float, str]:
        found = compare(here, lambda: ours, bare, rounds=ROUNDS, seconds=SECONDS)
        return found.latency, found.note

    gated, note = against(site.gated_reads(1), site.bare_reads(1))
    yield Figure("a bare look-up behind the gate: median, 1 client", gated, "F", "at most", 1.15, note)
    in_session = site.scans_in_a_session(1)
    scan, note = against(in_session, site.bare_reads(1))
    yield Figure("scan in a session: median, 1 client", scan, "F", note=note)
    session, note = against(in_session, site.scans(1))
    yield Figure("scan in a session against one with a key: median", session, "×", note=note)
