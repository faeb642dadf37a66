"""The watch over silent probes: what a look writes, and the looks of a server that runs."""

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from cellbank.cli import watching
from tests.cli.test_cli import acting, known, query  # noqa: F401 (fixtures)
from tests.ports import free_port
from tests.waiting import wait_until

LIMITS = {
    "warn_above_c": "-150", "warn_minutes": 10, "critical_above_c": "-135", "critical_readings": 2,
    "reject_above_c": "-80", "gap_minutes": 15, "acknowledge_minutes": 30, "name": "Top", "model": "Gateway",
    "calibrated_on": "2026-01-01", "calibration_due_on": "2027-01-01",
}  # fmt: skip
EXCURSIONS = "SELECT e.category FROM excursion e JOIN probe p ON p.id = e.probe_id WHERE p.code = :code"
LOOKS = "SELECT count(*) FROM act WHERE name = 'look_for_silence'"
LONGEST = 60


@pytest.fixture
def silent(acting) -> Callable[[], str]:  # noqa: F811
    """A function that makes a probe whose last reading is a day old; returns its code."""

    def make() -> str:
        act = acting("zoryana", "technician")
        tank = json.loads(act("add_storage_unit", type="tank", name=f"Tank {time.time_ns()}").out)["result"]["code"]
        code = json.loads(act("add_probe", unit=tank, **LIMITS).out)["result"]["code"]
        at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        read = act("record_readings", probe=code, readings=[{"at": at.isoformat(), "celsius": "-187"}])
        assert read.status == 0, read.err
        return str(code)

    return make


def test_a_look_notes_a_silence_once_and_otherwise_writes_nothing(cellbank, silent, query) -> None:  # noqa: F811
    code = silent()
    before = query(LOOKS)[0][0]
    assert code in json.loads(cellbank("readings", "watch").out)["result"]["silent"]
    for _ in range(2):
        said = cellbank("readings", "watch")
        assert said.status == 0 and json.loads(said.out)["result"]["silent"] == []
    assert query(EXCURSIONS, code=code) == [("silent",)]
    assert query(LOOKS)[0][0] == before + 1


@pytest.fixture
def server(environ: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`cellbank serve` that looks every second; what it says lies in server.log."""
    environ |= {"CELLBANK_PORT": str(free_port()), "CELLBANK_WORKERS": "1", "CELLBANK_WATCH_SECONDS": "1"}
    command = [sys.executable, "-m", "cellbank.cli", "serve"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=dict(os.environ), stdout=log, stderr=log)
        yield process
        process.kill()
        process.wait()


@contextmanager
def database_away(owner_url: str) -> Iterator[None]:
    """Let nobody into this one database meanwhile."""
    url = make_url(owner_url)
    database = sql.Identifier(url.database or "")
    beside = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(beside, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        try:
            yield
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))


def test_a_server_that_runs_notes_silences_also_after_the_database_was_away(
    server: subprocess.Popen[str],
    silent,
    query,  # noqa: F811
    urls,
    tmp_path: Path,
) -> None:
    first = silent()
    wait_until(lambda: query(EXCURSIONS, code=first) == [("silent",)], LONGEST)
    with database_away(urls[0]):
        wait_until(lambda: "The database cannot be used" in (tmp_path / "server.log").read_text(), LONGEST)
    second = silent()
    wait_until(lambda: query(EXCURSIONS, code=second) == [("silent",)], LONGEST)
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0


def test_no_look_begins_where_the_watch_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr(watching.threading.Thread, "start", begun.append)
    with watching.watching(*watching.looks_of(0, 0, 0)):
        pass
    assert begun == []
