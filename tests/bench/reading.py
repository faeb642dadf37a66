"""Scan to verdict: a vial looked up, and a bedside check judged, against a bare look-up."""

from collections.abc import Callable, Iterator

from tests.bench.clients import Clients
from tests.bench.figures import Figure, median_of_ratios
from tests.bench.ratios import Comparison, Requests, Wrong, compare
from tests.bench.site import Site, at

ROUNDS, SECONDS = 7, 0.8


def measure(large: Site, small: Site, clients: Clients) -> Iterator[Figure]:
    """Both kinds of verdict."""
    yield from _verdict("scan", Site.scans, large, small, clients)
    yield from _verdict("bedside check, dry run", Site.bedside_checks, large, small, clients)


def _verdict(
    name: str, ours: Callable[[Site, int], Requests], large: Site, small: Site, clients: Clients
) -> Iterator[Figure]:
    many = _compare(ours, large, clients, 8)
    yield Figure(f"{name}: throughput, 8 clients", many.throughput, "F", "at least", 0.4, many.note)
    one = _compare(ours, large, clients, 1)
    yield Figure(f"{name}: median, 1 client", one.latency, "F", "at most", 2.5, one.note)
    slower = _larger_against_smaller(ours, large, small, clients)
    yield Figure(f"{name}: large bank against small", slower, "×", "at most", 1.3)


def _compare(ours: Callable[[Site, int], Requests], site: Site, clients: Clients, count: int) -> Comparison:
    requests = ours(site, count)
    return compare(at(site, clients), lambda: requests, site.bare_reads(count), rounds=ROUNDS, seconds=SECONDS)


def _larger_against_smaller(ours: Callable[[Site, int], Requests], large: Site, small: Site, clients: Clients) -> float:
    """The median of one client in both banks in turn."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append([at(site, clients).run(ours(site, 1), SECONDS) for site in (large, small)])
    if wrong := [sentence for pair in rounds for reading in pair for sentence in reading.wrong]:
        raise Wrong(wrong[0])
    return median_of_ratios([pair[0].median for pair in rounds], [pair[1].median for pair in rounds])
