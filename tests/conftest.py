"""One embedded PostgreSQL a run, one migrated template, one copy of it for each worker.

Tests commit for real, because the seal and the deferred constraints are part of what is tested; each test makes its own
donors, lots and subjects through the real acts (tests/factories) and asserts about those.
"""

import datetime
import fcntl
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text

from cellbank import config, story
from cellbank.outside.embedded_postgres import EmbeddedPostgres, start
from cellbank.records.base import open_engine
from cellbank.records.migrate import migrate
from cellbank.services import catalogue
from cellbank.services.bank import Bank
from cellbank.services.people import passwords, sessions
from cellbank.services.start import find_printer
from tests.compliance import Matrix, note_requirements
from tests.factories.world import World

TEMPLATE = "cellbank_template"
STORY, DRAFT = "cellbank_story", "cellbank_story_draft"
# A tenth of a second and 64 MiB a password is what a thief shall pay, not each of thousands of signed acts in tests.
WAIT = sessions.WRONG_ANSWERS_AFTER
CHEAP, REAL = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), passwords.HASHER


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Passwords of the tests are hashed with little work."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_with(patch, CHEAP)
        yield


@pytest.fixture(scope="module")
def real_passwords() -> Iterator[None]:
    """Passwords are hashed as in an installation: for the tests of signing in and signing themselves."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_with(patch, REAL)
        yield


def _hash_with(patch: pytest.MonkeyPatch, hasher: PasswordHasher) -> None:
    patch.setattr(passwords, "HASHER", hasher)
    patch.setattr(sessions, "WRONG_ANSWERS_AFTER", 0.0)
    patch.setattr(passwords, "_NOBODYS_HASH", hasher.hash("nobody has this password"))


def pytest_configure(config: pytest.Config) -> None:
    """Gather what the tests prove, in the process that hears of all of them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Matrix(), "compliance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test carries what it proves in its report."""
    note_requirements(items)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The server of this run; whoever comes first starts it, whoever leaves last stops it."""
    with start(run_folder / "postgres", durable=False) as server:
        yield server


def database_url(url: str, database: str) -> str:
    """The same server, another database."""
    return url.replace("/cellbank?", f"/{database}?")


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres, run_folder: Path) -> str:
    """The name of a migrated, empty database to copy."""
    with (run_folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = create_engine(postgres.owner_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            made = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": TEMPLATE})
            if not made:
                connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
                migrate(database_url(postgres.owner_url, TEMPLATE))
        engine.dispose()
    return TEMPLATE


@pytest.fixture(scope="session")
def fresh_database(postgres: EmbeddedPostgres, template: str, run_folder: Path, worker_id: str):
    """Make a copy of the template; returns a function name -> (owner URL, application URL)."""

    def make(name: str) -> tuple[str, str]:
        database = f"{name}_{worker_id}"
        with (run_folder / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            engine = create_engine(postgres.owner_url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
                connection.execute(text(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY FILE_COPY"))
            engine.dispose()
        return database_url(postgres.owner_url, database), database_url(postgres.app_url, database)

    return make


def make_bank(app_url: str, folder: Path) -> Bank:
    """An installation on this database, with the settings of a fresh one."""
    settings = config.load(
        {"CELLBANK_DATA": str(folder), "CELLBANK_DATABASE_URL": app_url, "CELLBANK_WRONG_IDENTITIES": "100"}
    )
    return Bank(settings, open_engine(app_url), find_printer(settings))


@pytest.fixture(scope="session")
def databases(fresh_database) -> tuple[str, str]:
    """Owner URL and application URL of this worker's database."""
    return fresh_database("test")


@pytest.fixture(scope="session")
def bank(databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """This worker's installation."""
    bank = make_bank(databases[1], tmp_path_factory.mktemp("bank"))
    yield bank
    bank.engine.dispose()


@pytest.fixture(scope="session")
def world(bank: Bank) -> World:
    """People, definitions in force and a tank: what every test starts from."""
    return World(bank, random.Random(20260502), datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC))


@pytest.fixture(scope="session")
def story_database(postgres: EmbeddedPostgres, template: str, run_folder: Path) -> Callable[[str], str]:
    """A function name -> URL of a fresh copy of the database with the story, for the application's role.

    The story is played once a run, by whoever asks first, into a database that is then only copied.
    """
    with (run_folder / "story.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists(postgres, STORY):
            _statement(postgres, f"DROP DATABASE IF EXISTS {DRAFT} WITH (FORCE)")
            _statement(postgres, f"CREATE DATABASE {DRAFT} TEMPLATE {template} STRATEGY FILE_COPY")
            _play(database_url(postgres.app_url, DRAFT), run_folder / "story")
            _statement(postgres, f"ALTER DATABASE {DRAFT} RENAME TO {STORY}")  # a story played halfway has another name

    def copy(name: str) -> str:
        with (run_folder / "story.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            _statement(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            _statement(postgres, f"CREATE DATABASE {name} TEMPLATE {STORY} STRATEGY FILE_COPY")
        return database_url(postgres.app_url, name)

    return copy


def _play(url: str, folder: Path) -> None:
    catalogue.load()
    bank = make_bank(url, folder)
    try:
        story.play(bank, tell=lambda _: None)
    finally:
        bank.engine.dispose()


def _exists(postgres: EmbeddedPostgres, name: str) -> bool:
    engine = create_engine(postgres.owner_url)
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name})
    engine.dispose()
    return bool(found)


def _statement(postgres: EmbeddedPostgres, statement: str) -> None:
    engine = create_engine(postgres.owner_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
