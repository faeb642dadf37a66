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
    _create(url)
    _run("pg_restore", "--exit-on-error", "--dbname", _libpq(url), str(dump))


def written(url: str) -> str:
    """The database as statements."""
    return _run("pg_dump", _libpq(url))


def read_in(statements: bytes, url: str) -> None:
    """Make the database of this URL by such statements."""
    _create(url)
    _run("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", _libpq(url), given=statements.decode())


def _create(url: str) -> None:
    target = make_url(url)
    _run("createdb", "--host", str(target.query["host"]), "--username", str(target.username), str(target.database))


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _run(program: str, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run([programs() / program, *arguments], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
