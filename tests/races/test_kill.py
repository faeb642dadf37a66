"""The application, then PostgreSQL, killed while acts arrive over HTTP: nothing acknowledged is lost or half done.

A real server started by the command line, with its embedded database, is killed with SIGKILL several times while
clients register donors as fast as they can; after each restart every donor that was acknowledged is there once, under
the act that was told, and the trail verifies.
"""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest
from sqlalchemy import create_engine, text

from cellbank.outside import embedded_postgres
from tests.attack.installation import Site, installed

pytestmark = pytest.mark.races

CLIENTS = 4
BEFORE_THE_BLOW = 40  # acknowledged acts


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with installed("kill") as site:
        yield site


@pytest.fixture(autouse=True)
def nothing_goes_on(site: Site) -> Iterator[None]:
    """Whatever a test leaves running when it fails is ended: the next one starts its own."""
    yield
    if site.server is not None and site.server.poll() is None:
        site.server.terminate()
        site.server.wait(30)


def under_load(site: Site, name: str, blow: Callable[[], None]) -> tuple[dict[str, int], set[str]]:
    """Register donors from several clients and strike; what was acknowledged (pseudonym -> act), and what was sent."""
    acknowledged: dict[str, int] = {}
    sent: set[str] = set()
    over = threading.Event()

    def register(client: int) -> None:
        for number in range(100_000):
            if over.is_set():
                return
            pseudonym = f"{name}-{client}-{number}"
            sent.add(pseudonym)
            answer = site.request("POST", "/api/acts/register_donor", {"pseudonym": pseudonym, "birth_year": 1990})
            if answer is not None and answer[0] == 200:
                acknowledged[pseudonym] = answer[1]["act"]
            elif answer is None:
                time.sleep(0.02)

    clients = [threading.Thread(target=register, args=(client,)) for client in range(CLIENTS)]
    for thread in clients:
        thread.start()
    try:
        wait_until(lambda: len(acknowledged) >= BEFORE_THE_BLOW)
        blow()
    finally:
        threading.Timer(0.3, over.set).start()
    for thread in clients:
        thread.join()
    return acknowledged, sent


def check_everything(site: Site, acknowledged: dict[str, int], sent: set[str]) -> None:
    """What was acknowledged is there under its act; whatever else is there was sent, and is whole."""
    with embedded_postgres.start(site.folder) as server:
        engine = create_engine(server.app_url)
        with engine.connect() as connection:
            rows = connection.execute(
                text("""SELECT d.pseudonym, a.id, a.outcome FROM donor d
                          LEFT JOIN change c ON c.record_kind = 'donor' AND c.record_id = d.id AND c.before IS NULL
                          LEFT JOIN act a ON a.id = c.act_id JOIN seal s ON s.act_id = a.id""")
            ).all()
            donors = connection.scalar(text("SELECT count(*) FROM donor"))
        engine.dispose()
    found = {pseudonym: act for pseudonym, act, outcome in rows if outcome == "accepted"}
    assert len(found) == len(rows) == donors
    assert acknowledged.items() <= found.items()
    assert {pseudonym for pseudonym in found if pseudonym.split("-")[0] in {s.split("-")[0] for s in sent}} <= sent


def is_up_again(site: Site) -> bool:
    answer = site.request("GET", "/api/scan/DR00019")
    return answer is not None and answer[0] in (200, 404, 422)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.requirement("R3")
def test_the_application_is_killed(site: Site) -> None:
    """kill -9 of the parent: its workers end with it, PostgreSQL goes on, and the next start uses it."""
    site.start()
    workers = psutil.Process(site.server.pid).children(recursive=True)
    postmaster = site.postmaster()
    acknowledged, sent = under_load(site, "APP", site.server.kill)
    site.server.wait(10)
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert len(gone) >= 2 and not alive, alive
    assert psutil.pid_exists(postmaster)
    check_everything(site, acknowledged, sent)
    site.start()
    assert is_up_again(site)
    site.stop()
    assert "OK" in site.run("trail", "verify").stdout


def test_a_worker_is_killed(site: Site) -> None:
    """The other worker goes on answering, and the parent starts a new one."""
    site.start()
    workers = psutil.Process(site.server.pid).children(recursive=True)
    acknowledged, sent = under_load(site, "WORKER", workers[0].kill)
    wait_until(lambda: len(psutil.Process(site.server.pid).children(recursive=True)) == len(workers))
    assert is_up_again(site)
    site.stop()
    check_everything(site, acknowledged, sent)
    assert "OK" in site.run("trail", "verify").stdout


@pytest.mark.requirement("R3")
def test_postgresql_is_killed_under_the_application(site: Site) -> None:
    """kill -9 of the whole database server: it is started again, and the application goes on by itself within ten
    seconds. Whoever waited is told the truth: 503 or the answer, and never an error of the program."""
    site.start()
    first = psutil.Process(site.postmaster())
    family = [first, *first.children(recursive=True)]

    def kill_all() -> None:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        struck.append(time.monotonic())
        wait_until(lambda: is_up_again(site), seconds=10)
        struck.append(time.monotonic())

    struck: list[float] = []
    acknowledged, sent = under_load(site, "UNDER", kill_all)
    assert struck[1] - struck[0] < 10 and site.statuses <= {200, 404, 422, 503}, site.statuses
    answers = [site.request("GET", "/api/scan/DR00019") for _ in range(50)]
    assert all(answer is not None and answer[0] in (200, 404, 422) for answer in answers), answers
    site.stop()
    check_everything(site, acknowledged, sent)
    assert "OK" in site.run("trail", "verify").stdout


@pytest.mark.requirement("R3")
def test_postgresql_and_the_application_are_killed(site: Site) -> None:
    """kill -9 of both: the next start recovers the database."""
    site.start()
    server = psutil.Process(site.postmaster())

    def kill_all() -> None:
        for process in [server, *server.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    acknowledged, sent = under_load(site, "PG", kill_all)
    site.server.kill()
    site.server.wait(10)
    check_everything(site, acknowledged, sent)
    site.start()
    assert is_up_again(site)
    site.stop()
    assert "OK" in site.run("trail", "verify").stdout


def test_one_connection_of_postgresql_is_killed(site: Site) -> None:
    """kill -9 of one backend: PostgreSQL restarts itself, and the running application finds it again by itself."""
    site.start()
    server = psutil.Process(site.postmaster())

    def kill_one() -> None:
        backends = [child for child in server.children() if "cellbank_app" in " ".join(child.cmdline())]
        backends[0].kill()

    acknowledged, sent = under_load(site, "BACKEND", kill_one)
    wait_until(lambda: is_up_again(site))
    answers = [site.request("GET", "/api/scan/DR00019") for _ in range(20)]
    assert all(answer is not None and answer[0] in (200, 404, 422) for answer in answers), answers
    site.stop()
    check_everything(site, acknowledged, sent)
    assert "OK" in site.run("trail", "verify").stdout


def test_after_the_last_one_has_gone_postgresql_is_stopped(site: Site) -> None:
    site.start()
    postmaster = psutil.Process(site.postmaster())
    site.stop()
    gone, _ = psutil.wait_procs([postmaster], timeout=10)
    assert gone and not (site.folder / "postgres" / "data" / "postmaster.pid").exists()


def test_a_port_that_is_taken_is_refused(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ = site.environ | {"CELLBANK_PORT": str(taken.getsockname()[1])}
        done = subprocess.run(site.command("serve"), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Nothing can listen" in done.stderr
