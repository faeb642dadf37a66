"""Strangers who hold connections of five kinds, all at once: people who are signed in go on scanning."""

import datetime
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor as pool
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from cellbank.outside import embedded_postgres
from tests.attack.hostile import KINDS, strangers
from tests.attack.installation import Site, installed, plain_url
from tests.attack.size import in_full, sized

MOST_SECONDS, MOST_TIMES = 5, 10
MOST_MEGABYTES = 300  # of a worker afterwards; it has some 180
EACH = 40  # connections of a kind: two hundred together
SCANS, LARGE_BODIES = sized(30, 300), sized(64, 1000)
# Each kind alone tells which one it is that hurts; all at once is the worse.
STRANGERS = [*KINDS, "all of them"] if in_full() else ["all of them"]


@pytest.fixture(scope="module")
def site(run_folder: Path) -> Iterator[Site]:
    with installed("connections", run_folder) as site:
        site.start()
        yield site
        site.stop()


def scan_times(site: Site, count: int) -> list[float]:
    """Seconds of so many scans, in order of length; each was answered."""
    times = []
    for _ in range(count):
        began = time.monotonic()
        answer = site.request("GET", "/api/scan/DR00019")
        times.append(time.monotonic() - began)
        assert answer is not None and answer[0] in (200, 404), answer
    return sorted(times)


@pytest.mark.parametrize("kind", STRANGERS)
def test_who_is_signed_in_goes_on_scanning_beside_strangers_that_hold_connections(
    site: Site, tried: Callable[..., None], kind: str
) -> None:
    kinds = KINDS if kind == "all of them" else [kind]
    scan_times(site, 5)
    quiet = scan_times(site, SCANS)
    with ExitStack() as stack:
        for each in kinds:
            stack.enter_context(strangers(site.port, each, EACH))
        beside = scan_times(site, SCANS)
        registered = site.request("POST", "/api/acts/register_donor", {"pseudonym": f"B-{kind}", "birth_year": 1990})
        assert registered is not None and registered[0] == 200, registered
    before, p95 = (times[int(len(times) * 0.95)] for times in (quiet, beside))
    count = EACH * len(kinds)
    figures = f"p95 of a scan {p95 * 1000:.0f} ms, {p95 / before:.1f} times the quiet {before * 1000:.0f} ms"
    tried(count, 0, f"{count} connections ({kind}): {figures}")
    assert p95 < MOST_SECONDS
    assert p95 < MOST_TIMES * before or not in_full()  # of a machine that has nothing else to do


def test_a_hundred_acts_that_wait_for_one_record_let_scans_pass(site: Site) -> None:
    done = site.request("POST", "/api/acts/register_donor", {"pseudonym": "AWAITED", "birth_year": 1990})
    assert done is not None and done[0] == 200
    donor = done[1]["result"]["code"]
    with (
        pool(100) as acts,
        embedded_postgres.start(site.folder) as server,
        psycopg.connect(plain_url(server.owner_url)) as holds,
    ):
        holds.execute("SELECT 1 FROM donor WHERE code = %s FOR UPDATE", (donor,))
        given = {"donor": donor, "given_on": str(datetime.date.today()), "scope": "clinical_use", "version": "1.0"}
        waiting = [acts.submit(site.request, "POST", "/api/acts/record_consent", given) for _ in range(100)]
        time.sleep(1)
        scan_times(site, SCANS)
        holds.rollback()
        answers = [one.result() for one in waiting]
    statuses = {answer[0] for answer in answers if answer is not None}
    assert None not in answers and statuses <= {200, 409, 422, 503}, statuses
    assert 503 in statuses


def test_what_many_large_bodies_took_is_given_back(site: Site, tried: Callable[..., None]) -> None:
    """A worker had grown to 1.3 GB."""
    body = {"title": "x" * 900_000, "description": "Large.", "classification": "minor"}
    with pool(16) as senders:
        sent = [senders.submit(site.request, "POST", "/api/acts/open_deviation", body) for _ in range(LARGE_BODIES)]
    assert {one.result()[0] for one in sent if one.result()} <= {422, 503}
    largest = max(worker.memory_info().rss for worker in psutil.Process(site.server.pid).children()) / 1e6
    tried(LARGE_BODIES, 0, f"after {LARGE_BODIES} bodies of 0.9 MB a worker has {largest:.0f} MB")
    assert largest < MOST_MEGABYTES
