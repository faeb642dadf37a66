"""What runs is killed under load, and nothing acknowledged is lost, half done or done twice; it comes back by itself.

A real server started by the command line with its embedded, durable database, SIGKILL at any moment, and clients that
record as fast as they can. Whoever was told *nothing was recorded* was told the truth, and whoever was told nothing
learns it by their key. Only what somebody has to start again (the application: the service manager of the machine) is
started here, at once.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine

from cellbank.outside import embedded_postgres
from cellbank.services.trail import verification
from tests.attack.installation import START_SECONDS, Site, installed
from tests.attack.load import clients_at_work, harm_done
from tests.attack.size import sized
from tests.waiting import wait_until

pytestmark = pytest.mark.races

ROUNDS = sized(1, 34)  # of each kind: 204
BEFORE_THE_BLOW, AFTER_IT = 12, 8  # acknowledged acts
IN_A_ROW = 10  # good answers: both workers have given some
BACK_SECONDS = 10


@pytest.fixture(scope="module")
def site(run_folder: Path) -> Iterator[Site]:
    with installed("kill", run_folder) as site:
        yield site


def workers(site: Site) -> list[psutil.Process]:
    return psutil.Process(site.server.pid).children(recursive=True)


def database_family(site: Site) -> list[psutil.Process]:
    postmaster = psutil.Process(site.postmaster())
    return [postmaster, *postmaster.children(recursive=True)]


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def application(site: Site) -> None:
    """Its parent alone: the workers end with it, and PostgreSQL goes on."""
    family, postmaster = workers(site), site.postmaster()
    site.server.kill()
    site.server.wait(10)
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert len(gone) >= 2 and not alive, alive
    assert psutil.pid_exists(postmaster)
    site.start()


def worker(site: Site) -> None:
    """The other one goes on, and the parent starts a new one."""
    before = workers(site)
    kill(before[:1])
    wait_until(lambda: len(workers(site)) == len(before))


def backend(site: Site) -> None:
    """One connection of PostgreSQL, which then restarts itself."""
    for_us = [one for one in database_family(site)[1:] if "cellbank_app" in " ".join(one.cmdline())]
    kill(for_us[:1])


def postgresql(site: Site) -> None:
    """The whole database server: the application starts it again."""
    kill(database_family(site))


def everything(site: Site) -> None:
    """The application and PostgreSQL, as in a power cut; the next start recovers the database."""
    kill([psutil.Process(site.server.pid), *workers(site), *database_family(site)])
    site.server.wait(10)
    site.start()


def restart(site: Site) -> None:
    """Nobody is killed: it is asked to end, finishes what is under way, and is started again."""
    site.stop()
    site.start()


ENDS = {blow.__name__: blow for blow in (application, worker, backend, postgresql, everything, restart)}
STARTED_AGAIN = {"application", "everything", "restart"}


def answers(site: Site) -> bool:
    answer = site.request("GET", "/api/scan/DR00019")
    assert answer is None or answer[0] in (200, 404, 503), answer
    return answer is not None and answer[0] != 503


def seconds_until_back(site: Site, struck: float) -> float:
    """From the blow to the first of so many good answers in a row."""
    row: list[float] = []
    while len(row) < IN_A_ROW:
        row = [*row, time.monotonic()] if answers(site) else []
        assert time.monotonic() - struck < START_SECONDS
        if not row:
            time.sleep(0.05)
    return row[0] - struck


@pytest.mark.requirement("R3")
@pytest.mark.parametrize("what", ENDS)
def test_what_was_acknowledged_stands_once_and_whole(site: Site, tried: Callable[..., None], what: str) -> None:
    back, acknowledged, again, dice, harm = [], 0, 0, random.Random(what), []
    for number in range(ROUNDS):
        name = f"{what.upper()}{number}"
        if not site.runs():
            site.start()
        with clients_at_work(site, name) as told:
            wait_until(lambda told=told: len(told.recorded) >= BEFORE_THE_BLOW)
            time.sleep(dice.random() * 0.05)
            struck = time.monotonic()
            ENDS[what](site)
            back.append(seconds_until_back(site, struck))
            before = len(told.recorded)
            wait_until(lambda told=told, before=before: len(told.recorded) >= before + AFTER_IT)
        if found := harm_done(site, name, told):
            harm.append(found)
        acknowledged, again = acknowledged + len(told.recorded), again + told.asked_again
    tried(
        ROUNDS,
        len(harm),
        f"{what}: {acknowledged} acts acknowledged, {again} asked again under their key; "
        f"back in {statistics.median(back):.1f} s, at most {max(back):.1f} s",
    )
    assert not harm
    assert max(back) < (START_SECONDS if what in STARTED_AGAIN else BACK_SECONDS)


@pytest.mark.requirement("R3")
def test_afterwards_the_trail_verifies_and_with_the_last_one_postgresql_stops(site: Site) -> None:
    if not site.runs():
        site.start()
    with embedded_postgres.start(site.folder) as server:
        engine = create_engine(server.owner_url)
        with engine.connect() as connection:
            verdict = verification.check(connection)
        engine.dispose()
    assert verdict.fault is None and verdict.acts > 0
    postmaster = psutil.Process(site.postmaster())
    site.stop()
    gone, _ = psutil.wait_procs([postmaster], timeout=10)
    assert gone and not (site.folder / "postgres" / "data" / "postmaster.pid").exists()
