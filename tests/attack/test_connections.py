"""Strangers who hold connections of five kinds, all at once: people who are signed in go on scanning."""

import datetime
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor as pool
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from cellbank.outside import embedded_postgres
from tests.attack.hostile import KINDS, strangers
from tests.attack.installation import Site, installed, plain_url
from tests.attack.size import in_full, sized

EACH = 40  # connections of a kind: two hundred together
SCANS = sized(30, 300)
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
def test_who_is_signed_in_goes_on_scanning_beside_strangers_that_hold_connections(site: Site, kind: str) -> None:
    scan_times(site, 5)
    quiet = scan_times(site, SCANS)
    with ExitStack() as stack:
        for each in KINDS if kind == "all of them" else [kind]:
            stack.enter_context(strangers(site.port, each, EACH))
        beside = scan_times(site, SCANS)
        registered = site.request("POST", "/api/acts/register_donor", {"pseudonym": f"B-{kind}", "birth_year": 1990})
        assert registered is not None and registered[0] == 200, registered
    before, p95 = (times[int(len(times) * 0.95)] for times in (quiet, beside))
    print(f"{kind}: p95 of a scan {p95 * 1000:.0f} ms, {p95 / before:.1f} times the quiet one")


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
