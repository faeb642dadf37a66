"""Backup and restore with the programs of PostgreSQL, as docs/operations.md says."""

import subprocess
from pathlib import Path

from sqlalchemy import make_url

from cellbank.outside.embedded_place import programs


def save(url: str, dump: Path) -> None:
    """Write the database into a file."""
    _run("pg_dump", "-Fc", "-f", str(dump), _libpq(url))


def restore(dump: Path, url: str) -> None:
    """Make the database of this URL from the file; its owner is the one of the URL."""
    target = make_url(url)
    _run("createdb", "--host", str(target.query["host"]), "--username", str(target.username), str(target.database))
    _run("pg_restore", "--exit-on-error", "--dbname", _libpq(url), str(dump))


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([programs() / program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
