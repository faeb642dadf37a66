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
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql

from cellbank.outside import embedded_place as place
from cellbank.outside.embedded_place import POSTGRES_MAJOR, EmbeddedPostgresProblem

DATABASE = "cellbank"
OWNER = "postgres"
APP_ROLE = "cellbank_app"
# Recovery after a crash reads the log since the last checkpoint: minutes on a slow disk, not seconds.
START_SECONDS = 300
STOP_SECONDS = 60
# When the server was killed, its last sessions take a moment to notice, and a new server waits for them to go.
LAUNCH_ATTEMPTS = 10
LAUNCH_PAUSE_SECONDS = 0.3
LOOK_SECONDS = 0.5  # between two looks whether the server is still there

# Written into postgresql.conf when the database is made; an operator may change them with ALTER SYSTEM.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start(data: Path, *, durable: bool = True) -> "EmbeddedPostgres":
    """A handle on the running server in `data`, with the database and the application's role made if missing.

    `durable=False` is for tests: commits do not wait for the disk, and a power cut may lose the database.
    Raises EmbeddedPostgresProblem when the server cannot be started or belongs to somebody else.
    """
    data = data.expanduser().resolve()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(data):
            server = _Server(data, durable)
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

    def __init__(self, server: "_Server", presence: IO[bytes]) -> None:
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


class _Server:
    """The server in one data folder, seen from outside. Who starts or stops it holds the folder's lock."""

    def __init__(self, data: Path, durable: bool) -> None:
        self.data = data
        self.durable = durable
        self.home = data / "postgres"
        self.cluster = self.home / "data"
        self.log = self.home / "log"
        self.user = place.system_user(self.cluster)
        self.socket_folder = place.socket_folder(self.home, self.user)

    def ensure_running(self) -> None:
        """Make the database if there is none, start the server if it is down, wait until it answers."""
        place.make_private_folder(self.home, self.user)
        place.make_private_folder(self.socket_folder, self.user)
        if os.geteuid() == 0:
            place.open_the_way(self.home)
        if not self.cluster.exists():
            self._make_cluster()
        self._check_version()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedPostgresProblem(f"No answer after {START_SECONDS} seconds.{self._log_tail()}")
            if self.pid() is None:
                self._launch_patiently()
            else:  # starting, recovering or shutting down
                time.sleep(0.05)

    def ensure_database(self) -> None:
        """Make the database and the application's role, which owns nothing; refuse a server for tests."""
        with self._connect() as connection:
            if self.durable and connection.execute("SHOW fsync").fetchone() == ("off",):
                raise EmbeddedPostgresProblem(
                    f"The server in {self.home} runs without fsync, as tests want it: stop that one first."
                )
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def stop(self) -> None:
        """Stop the server: open transactions are rolled back, then everything is written to disk."""
        if self.pid() is not None:
            self._run("pg_ctl", "stop", "-D", ".", "-m", "fast", "-w", "-t", str(STOP_SECONDS), "-s")
        with suppress(OSError):  # of interest in /tmp only, where nothing should be left behind
            self.socket_folder.rmdir()

    def pid(self) -> int | None:
        """Process number of this folder's server, or None if the one on record is dead or another program's.

        The server is known by its command line: in a container, root may read that of another user's process,
        but not its working folder.
        """
        try:
            recorded = self._recorded_pid()
            return recorded if self._socket_option() in psutil.Process(recorded).cmdline() else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    def _recorded_pid(self) -> int:
        """Raises FileNotFoundError without a pid file, ValueError while it is being written."""
        return int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])

    def _socket_option(self) -> str:
        return f'--unix_socket_directories="{self.socket_folder}"'

    def _make_cluster(self) -> None:
        """initdb in a draft folder, with the same character rules and messages on every machine."""
        draft = self.home / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        options = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        if not self.durable:
            options.append("--no-sync")
        self._run(
            "initdb",
            "-D",
            draft.name,
            "-U",
            OWNER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *options,
            folder=self.home,
        )
        draft.rename(self.cluster)

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != POSTGRES_MAJOR:
            raise EmbeddedPostgresProblem(
                f"{self.cluster} was made by PostgreSQL {found} and this is {POSTGRES_MAJOR}: dump it with "
                "the old version and load it into a new folder."
            )

    def _launch_patiently(self) -> None:
        for _ in range(LAUNCH_ATTEMPTS - 1):
            with suppress(EmbeddedPostgresProblem):
                return self._launch()
            time.sleep(LAUNCH_PAUSE_SECONDS)
        return self._launch()

    def _launch(self) -> None:
        """Start the server and wait. It leads its own session: Ctrl-C in our terminal does not reach it."""
        self._forget_dead_server()
        options = [self._socket_option()]
        if not self.durable:
            options += [f"--{name}={value}" for name, value in NOT_DURABLE.items()]
        # Paths are relative to the folder it runs in: pg_ctl puts -D and -l into a shell command unescaped.
        try:
            self._run(
                "pg_ctl",
                "start",
                "-D",
                ".",
                "-l",
                "../log",
                "-o",
                shlex.join(options),
                "-w",
                "-t",
                str(START_SECONDS),
                "-s",
            )
        except EmbeddedPostgresProblem as problem:
            raise EmbeddedPostgresProblem(f"{problem}{self._log_tail()}") from problem

    def _forget_dead_server(self) -> None:
        """Remove the lock files of a dead server whose process number is taken.

        Another program may have got the number, or the dead process keeps it: in a container without an init nobody
        collects it. PostgreSQL takes either for a running server and refuses to start. It still looks for living
        processes of the old server itself, by the shared memory they hold.
        """
        with suppress(FileNotFoundError, ValueError):
            if psutil.pid_exists(self._recorded_pid()):
                (self.socket_folder / f"{place.SOCKET_NAME}.lock").unlink(missing_ok=True)
                (self.cluster / "postmaster.pid").unlink()

    def _answers(self) -> bool:
        if self.pid() is None:
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder),
            port=5432,
            user=OWNER,
            dbname="postgres",
            connect_timeout=10,
            autocommit=True,
        )

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        """Run one of PostgreSQL's programs as the server's user, with nothing of our environment.

        Its output goes to a file and not to a pipe, which the server would inherit and keep open.
        """
        as_user = self.user if os.geteuid() == 0 else None
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [place.programs() / program, *arguments],
                cwd=folder or self.cluster,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                umask=0o077,
                user=as_user and as_user.pw_uid,
                group=as_user and as_user.pw_gid,
                extra_groups=None if as_user is None else [],
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if done.returncode != 0:
            raise EmbeddedPostgresProblem(f"{program} failed in {self.home}: {said}")

    def _log_tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
        except FileNotFoundError:
            return ""
        return "\n".join([f"\nThe end of {self.log}:", *lines])


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


def _leave(server: _Server, presence: IO[bytes]) -> None:
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
