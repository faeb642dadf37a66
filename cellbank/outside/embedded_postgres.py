"""The database server of a site that has none: PostgreSQL 18 from a wheel, in the application's data folder.

`start(data)` gives a running server, whoever started it:

- It makes `DATA/postgres/data` the first time, in a draft folder that is renamed when complete: a start that
  is killed halfway leaves nothing that looks like a database.
- A server that is already running there is used as it is; one that was killed is started again and recovers.
- Everything happens under a file lock, so two processes that start at once get one server.
- `keep_running` looks after a server that dies under the application, and starts it again.

Each handle holds a shared lock on a second file for as long as it is open. The handle that is closed last
finds nobody else there and stops the server. The kernel gives up the locks of a killed process, so a crash
leaves the server running, the next start uses it, and no list of process numbers can go stale. Worker
processes open no handle of their own: their parent gives them `app_url` in the environment and closes after
them.

The wheel brings the programs only; its own `get_server` is not used. That one fails on a folder with a space
in its path, gives crash recovery ten seconds, takes any process with the recorded number for the server,
keeps one lock for all users of the machine in /tmp, and never stops the server once a process that used it
was killed.

The server listens on a socket in a folder that only its own system user and root can enter, and on no network
address. Whoever can enter it may be any database role: on one machine, the rights of files are the
protection.
"""

import atexit
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

import psycopg

from cellbank.outside.embedded_place import EmbeddedPostgresProblem
from cellbank.outside.postgres_server import APP_ROLE, DATABASE, OWNER, Server

LOOK_SECONDS = 0.5  # between two looks whether the server is still there


def start(data: Path, *, durable: bool = True) -> "EmbeddedPostgres":
    """A handle on the running server in `data`, with the database and the application's role made if missing.

    `durable=False` is for tests: commits do not wait for the disk, and a power cut may lose the database.
    Raises EmbeddedPostgresProblem when the server cannot be started or belongs to somebody else.
    """
    data = data.expanduser().resolve()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(data):
            server = Server(data, durable)
            presence = _open_presence(data)
            try:
                server.ensure_running()
                server.ensure_database()
            except BaseException:
                _leave(server, presence)
                raise
    except (OSError, psycopg.Error) as error:
        raise EmbeddedPostgresProblem(f"The embedded database in {data} cannot be used: {error}") from error
    return EmbeddedPostgres(server, presence)


class EmbeddedPostgres:
    """An open handle on the server. A context manager: closed at the end of the block, or else at exit."""

    def __init__(self, server: "Server", presence: IO[bytes]) -> None:
        self._server = server
        self._presence = presence
        self._closed = threading.Event()
        self._opened_by = os.getpid()
        atexit.register(self.close)

    @property
    def owner_url(self) -> str:
        """SQLAlchemy URL of the database as the role that owns it: migrations only."""
        return self.url(OWNER)

    @property
    def app_url(self) -> str:
        """SQLAlchemy URL of the database as the role that the application works with."""
        return self.url(APP_ROLE)

    def url(self, role: str, database: str = DATABASE) -> str:
        """SQLAlchemy URL of any database of this server as any role."""
        socket = {"host": str(self._server.socket_folder), "port": "5432"}
        where = urlencode(socket, quote_via=quote, safe="/")
        return f"postgresql+psycopg://{quote(role, safe='')}@/{quote(database, safe='')}?{where}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._server.log

    @property
    def pid(self) -> int | None:
        """Process number of the server, or None while it is not running."""
        return self._server.pid()

    def keep_running(self) -> None:
        """From now on, for as long as this handle is open, start the server again whenever it is not there."""
        threading.Thread(target=self._keep, name="keep-postgres", daemon=True).start()

    def _keep(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            if self._server.pid() is not None:
                continue
            try:
                with _locked(self._server.data):
                    if not self._closed.is_set():
                        self._server.ensure_running()
            except (EmbeddedPostgresProblem, OSError, psycopg.Error) as error:
                print(f"cellbank: the embedded database was gone and does not start again: {error}", file=sys.stderr)

    def close(self) -> None:
        """Give the handle up; the last one stops the server. Nothing happens the second time or in a fork."""
        if self._presence.closed or os.getpid() != self._opened_by:
            return
        atexit.unregister(self.close)
        self._closed.set()
        with _locked(self._server.data):
            _leave(self._server, self._presence)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Start and stop one at a time; the kernel gives the lock up when the process dies."""
    with _open_lock_file(data / "postgres.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a process that was forked meanwhile has the same lock, and would keep it


def _open_presence(data: Path) -> IO[bytes]:
    """The shared lock that says: somebody uses the server."""
    file = _open_lock_file(data / "postgres.users")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def _leave(server: Server, presence: IO[bytes]) -> None:
    """Give the shared lock up; whoever is the last one there stops the server."""
    try:
        if _nobody_else_holds(presence):
            server.stop()
    finally:
        # A forked child has the same lock, and would keep it: closing alone is not enough.
        fcntl.flock(presence, fcntl.LOCK_UN)
        presence.close()


def _nobody_else_holds(presence: IO[bytes]) -> bool:
    try:
        fcntl.flock(presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_lock_file(path: Path) -> IO[bytes]:
    """A file to lock; its descriptor is not inherited by the programs that we start."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")
