"""An installation of its own in a folder: a real server started by the command line, with its embedded database.

What its beginning takes (a database made and migrated, a person, a key) is done once a run; every site is a copy.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from cellbank.outside import embedded_postgres
from tests.conftest import held
from tests.ports import free_port

START_SECONDS = 60
FIRST, OWN, TOKEN = "a first password", "a password of my own", "token-of-tina"


class Site:
    """An installation in a folder of its own, run by the command line."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("CELLBANK_")}
        self.environ |= {"CELLBANK_DATA": str(folder), "CELLBANK_PORT": str(self.port)}
        self.server: subprocess.Popen | None = None
        self.token = ""
        self.statuses: set[int] = set()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "import sys; from cellbank.cli import main; sys.exit(main())", *arguments]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        """A command that must succeed."""
        done = subprocess.run(
            self.command(*arguments), env=self.environ, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        self.server = subprocess.Popen(
            self.command("serve"), env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while self.request("GET", "/api/openapi.json") is None:
            assert self.server.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end, and see that nothing of it is left."""
        family = psutil.Process(self.server.pid).children(recursive=True)
        self.server.send_signal(signal.SIGINT)
        assert self.server.wait(30) == 0
        assert not psutil.wait_procs(family, timeout=10)[1]

    def request(self, method: str, path: str, body: object = None, key: str = "") -> tuple[int, dict] | None:
        """The status and body of an answer; None when there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            self.statuses.add(answer.status)
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def postmaster(self) -> int:
        return int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def runs(self) -> bool:
        """Whether the server does."""
        return self.server is not None and self.server.poll() is None


@contextmanager
def installed(name: str, run_folder: Path, folder: Path | None = None) -> Iterator[Site]:
    """A site with one technician, `tina` with the password OWN, and a token of hers; not started. It lies in `folder`
    or in one of its own, not in tmp_path: pytest shuts the database's user out of that one."""
    own = folder or Path(tempfile.mkdtemp(prefix=f"cellbank-{name}-"))
    original = _original(run_folder)
    subprocess.run(["cp", "-a", f"{original}/.", str(own)], check=True)
    site = Site(own)
    site.token = (original / TOKEN).read_text()
    try:
        yield site
    finally:
        if site.runs():
            site.server.terminate()
            site.server.wait(30)
        embedded_postgres.start(own).close()  # the last one stops a server that a kill has left behind
        shutil.rmtree(own, ignore_errors=folder is not None)


def _original(run_folder: Path) -> Path:
    """What all sites of this run are copies of; whoever comes first makes it."""
    kept = run_folder / "installation"
    with held(run_folder / "installation.lock"):
        if not kept.exists():
            draft = Path(tempfile.mkdtemp(prefix="cellbank-original-"))
            _install(Site(draft))
            shutil.move(draft, kept)
    return kept


def _install(site: Site) -> None:
    with embedded_postgres.start(site.folder):
        site.run("migrate")
        person = ("--full-name", "Tina Technician", "--role", "technician", "--password-stdin")
        site.run("user", "add", "tina", *person, stdin=FIRST)
        site.run("act", "change_password", "--as", "tina", "--password-stdin", stdin=f"{FIRST}\n{OWN}\n")
        asked = ("create_token", "--as", "tina", "--json", '{"title": "attack"}', "--password-stdin")
        done = site.run("act", *asked, stdin=OWN)
    (site.folder / TOKEN).write_text(json.loads(done.stdout)["result"]["token"])


def plain_url(url: str) -> str:
    """A database's URL as psycopg itself reads it."""
    return url.replace("postgresql+psycopg", "postgresql")
