"""The server programs of PostgreSQL over one data folder: made, started, found again, stopped."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

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


class Server:
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
