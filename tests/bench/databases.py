"""The databases of the bench: each generated once and kept, each run on a copy that is thrown away."""

import datetime
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import create_engine

from cellbank import config
from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.outside.postgres_server import APP_ROLE, OWNER
from cellbank.outside.printers import FolderPrinter
from cellbank.records.base import open_engine
from cellbank.records.migrate import migrate
from cellbank.records.played_time import allow_played_time
from cellbank.services.installation import Installation
from tests.bench.big_bank import BigBank, Size
from tests.bench.checking import check
from tests.bench.loading import Loader
from tests.factories.world import World

SEED = 20261122
# In postgresql.conf of the embedded server this is what an installation has; only the load itself asks for more.
WHILE_LOADING = ("SET maintenance_work_mem = '256MB'", "SET work_mem = '64MB'", "SET synchronous_commit = off")


def plain_url(url: str) -> str:
    """The URL as psycopg itself reads it."""
    return url.replace("postgresql+psycopg", "postgresql")


def open_installation(server: EmbeddedPostgres, database: str, folder: Path) -> Installation:
    """An installation on one of the databases."""
    url = server.url(APP_ROLE, database)
    settings = config.load({"CELLBANK_DATA": str(folder), "CELLBANK_DATABASE_URL": url})
    return Installation(settings, open_engine(url), FolderPrinter(folder / "printed"))


Tell = Callable[[str], None]


def generated(server: EmbeddedPostgres, name: str, size: Size, folder: Path, tell: Tell) -> str:
    """The bank of this size, made and checked first if it is not there."""

    def story(loader: Loader, definitions: dict[str, int]) -> None:
        BigBank(loader, loader.now, definitions["specification"], definitions["protocol"], SEED).make(size, tell)

    return made(server, name, story, folder, tell)


def made(
    server: EmbeddedPostgres, name: str, story: Callable[[Loader, dict[str, int]], None], folder: Path, tell: Tell
) -> str:
    """The database that a story fills, made and checked first if it is not there."""
    if not _exists(server, name):
        start = time.perf_counter()
        draft = f"{name}_draft"
        _run(server, f"DROP DATABASE IF EXISTS {draft}", f"CREATE DATABASE {draft}")
        _generate(server, draft, story, folder, tell)
        _run(server, f"ALTER DATABASE {draft} RENAME TO {name}")
        tell(f"{name}: made in {time.perf_counter() - start:.0f} s")
    return name


def _generate(
    server: EmbeddedPostgres, name: str, story: Callable[[Loader, dict[str, int]], None], folder: Path, tell: Tell
) -> None:
    migrate(server.url(OWNER, name))
    allow_played_time(server.url(OWNER, name), "The bench plays most of a year.")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    installation = open_installation(server, name, folder)
    World(installation, random.Random(SEED), now - 330 * datetime.timedelta(days=1))
    installation.engine.dispose()
    with psycopg.connect(plain_url(server.url(OWNER, name))) as connection:
        for setting in WHILE_LOADING:
            connection.execute(setting)
        people = dict(connection.execute("SELECT name, id FROM person").fetchall())
        definitions = dict(connection.execute("SELECT type, id FROM definition WHERE state = 'EFFECTIVE'").fetchall())
        loader = Loader(connection, people, now)
        story(loader, definitions)
        loader.finish(tell)
        check(connection, tell)
    with psycopg.connect(plain_url(server.url(OWNER, name)), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE)")


@contextmanager
def copied(server: EmbeddedPostgres, name: str) -> Iterator[str]:
    """A copy to work on: what a run uses up is there again for the next."""
    copy = f"{name}_run"
    _run(
        server,
        f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)",
        f"CREATE DATABASE {copy} TEMPLATE {name} STRATEGY FILE_COPY",
        f"REVOKE TEMPORARY ON DATABASE {copy} FROM PUBLIC",  # of rights a copy has none
    )
    yield copy
    _run(server, f"DROP DATABASE {copy} WITH (FORCE)")


def _exists(server: EmbeddedPostgres, name: str) -> bool:
    engine = create_engine(server.owner_url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).one_or_none()
    engine.dispose()
    return found is not None


def _run(server: EmbeddedPostgres, *statements: str) -> None:
    with psycopg.connect(plain_url(server.owner_url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
