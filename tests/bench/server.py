"""The server under test: granian as in production, the application, and beside it a bare Flask application.

The bare one answers under /bare and is the yardstick F of all ratios: one indexed SELECT of a vial, or one INSERT and
commit into a plain table, on the same server process and the same database; no sign-in, no trail, no hooks. Under
/gated it answers once more, behind the gate.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from flask import Flask, jsonify
from sqlalchemy import text

from cellbank import LARGEST, create_app, gate
from cellbank.cli.serving import wire_options
from cellbank.domain.actor import Proof
from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.outside.postgres_server import APP_ROLE
from cellbank.services import acts
from cellbank.services.installation import Installation
from cellbank.services.people.passwords import Proved
from tests.ports import free_port

WORKERS, START_SECONDS = 2, 30
PLAIN_TABLE = """
    CREATE TABLE IF NOT EXISTS bench_note (id bigserial PRIMARY KEY, code text NOT NULL,
                                           at timestamptz NOT NULL DEFAULT now());
    GRANT SELECT, INSERT ON bench_note TO cellbank_app;
    GRANT USAGE ON SEQUENCE bench_note_id_seq TO cellbank_app
"""
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def bare_app(installation: Installation) -> Flask:
    """The yardstick."""
    app = Flask("bare")
    reads = installation.reads
    select = text("SELECT id, code, state FROM vial WHERE code = :code")
    insert = text("INSERT INTO bench_note (code) VALUES (:code)")

    @app.get("/bare/<code>")
    @app.get("/gated/<code>")
    def read(code: str) -> Any:
        with reads.connect() as connection:
            row = connection.execute(select, {"code": code}).one()
        return jsonify(id=row.id, code=row.code, state=row.state)

    @app.post("/bare/<code>")
    def write(code: str) -> Any:
        with installation.engine.begin() as connection:
            connection.execute(insert, {"code": code})
        return jsonify(accepted=True)

    return app


def make_app() -> Wsgi:
    """What each worker serves: the application of the CELLBANK_* settings, and the bare one.

    A password that is given counts as proved, or argon2's tenth of a second would be all that is measured of a
    signature; it is spent before the act begins and locks nothing.
    """
    acts.prove_signature = _proved
    app = create_app()
    bare, gated = bare_app(app.extensions["cellbank"]), bare_app(app.extensions["cellbank"])
    gate.register(gated, LARGEST, ())

    def dispatch(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        first = environ["PATH_INFO"].split("/", 2)[1]
        chosen = {"bare": bare, "gated": gated}.get(first, app)
        return chosen(environ, start_response)

    return dispatch


def _proved(_bank: Any, _registered: Any, parsed: Any, *_: Any, **__: Any) -> Proved:
    return Proved(None if getattr(parsed, "password", None) is None else Proof.RIGHT)


class Server:
    """The running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int):
        self.process = process
        self.port = port

    def worker_megabytes(self) -> float:
        """Resident memory of the largest worker process, in MB of 10⁶ bytes."""
        return max(child.memory_info().rss for child in self.workers()) / 1e6

    def workers(self) -> list[psutil.Process]:
        """The processes that answer; the helpers of multiprocessing are none."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


@contextmanager
def running(server: EmbeddedPostgres, database: str, folder: Path) -> Iterator[Server]:
    """A server process on one of the databases."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CELLBANK_")}
    environ |= {"CELLBANK_DATABASE_URL": server.url(APP_ROLE, database), "CELLBANK_DATA": str(folder)}
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.bench.server", str(port)]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(process, port)
            yield Server(process, port)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_SECONDS)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(1)  # the second worker is a moment later
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start; see server.log in the bench's folder") from None
            time.sleep(0.1)


def main() -> None:
    """Serve until interrupted, with the settings of `cellbank serve`."""
    from granian import Granian

    Granian(
        "tests.bench.server:make_app",
        factory=True,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        workers=WORKERS,
        log_level="warning",
        **wire_options(),
    ).serve()


if __name__ == "__main__":
    main()
