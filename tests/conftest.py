"""One embedded PostgreSQL a run, one furnished template, one copy of it for each module.

Tests commit for real, because the seal and the deferred constraints are part of what is tested; each test makes its own
donors, lots and subjects through the real acts (tests/factories) and asserts about those.
"""

import datetime
import fcntl
import gc
import pickle
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Connection, create_engine, text

from cellbank import config
from cellbank.outside import account_key
from cellbank.outside.embedded_postgres import EmbeddedPostgres, start
from cellbank.outside.label_pdf import lay_out, render
from cellbank.outside.label_templates import Template
from cellbank.records.base import open_engine
from cellbank.records.migrate import migrate
from cellbank.records.played_time import allow_played_time
from cellbank.services.installation import Installation
from cellbank.services.labels import label_printing
from cellbank.services.people import passwords, sessions
from cellbank.services.start import find_printer
from tests.backup import restore, save
from tests.compliance import Matrix, note_requirements
from tests.factories.by_hand import authority_aside
from tests.factories.stock import Stock, make_stock
from tests.factories.world import World
from tests.wheel import play_the_demo

TEMPLATE = "cellbank_template"
FURNISHED = "cellbank_furnished"
START = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
LONG_RUN = 500  # tests in a world: of fewer, a stock costs more than it saves
STORY, DRAFT = "cellbank_story", "cellbank_story_draft"
MAINTENANCE = "postgres"  # from where databases are made: nobody else is in it
# A tenth of a second and 64 MiB a password is what a thief shall pay, not each of thousands of signed acts in tests.
WAIT = sessions.WRONG_ANSWERS_AFTER
BLANK = b"%PDF-1.4\n%%EOF\n"
CHEAP, REAL = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), passwords.HASHER


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Passwords of the tests are hashed with little work."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_with(patch, CHEAP)
        yield


@pytest.fixture(scope="session", autouse=True)
def labels_laid_out() -> Iterator[None]:
    """Labels that acts print are laid out, with all that is refused there, and their PDF is left blank: drawing takes
    half the time of an act that prints, and few tests look."""

    def leave_blank(template: Template, rows: Sequence[Mapping[str, str]], *, reprint: int = 0) -> bytes:
        lay_out(template, rows, reprint)
        return BLANK

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_printing, "render", leave_blank)
        yield


@pytest.fixture(scope="module")
def labels_drawn() -> Iterator[None]:
    """Labels that acts print are drawn: for the tests that look at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_printing, "render", render)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(run_folder: Path) -> Iterator[None]:
    """A template is compiled once a run, and not by each application that is made."""
    folder = run_folder / "templates"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", FileSystemBytecodeCache(str(folder)))
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


def pytest_collection_finish() -> None:
    """What was collected is no garbage: an act takes a tenth less when it is not looked for so often."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


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


# What no owner does without the triggers off: from now on acts are of their time again.
UNPLAYED = (
    "SET LOCAL session_replication_role = replica; DELETE FROM played_time; SET LOCAL session_replication_role = origin"
)


@contextmanager
def rolled_back(owner_url: str) -> Iterator[Connection]:
    """psql as the owner of the tables, in a transaction that is rolled back: the next test finds all sound."""
    engine = create_engine(owner_url, connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres, run_folder: Path) -> str:
    """The name of a migrated, empty database to copy."""
    with held(run_folder / "template.lock"):
        if not _exists(postgres, TEMPLATE):
            _statement(postgres, f"CREATE DATABASE {TEMPLATE}")
            migrate(database_url(postgres.owner_url, TEMPLATE))
            allow_played_time(database_url(postgres.owner_url, TEMPLATE), "The tests move the clock of the bank.")
    return TEMPLATE


@pytest.fixture(scope="session")
def fresh_database(postgres: EmbeddedPostgres, template: str, run_folder: Path, worker_id: str):
    """Make a copy of the template; returns a function name -> (owner URL, application URL)."""

    def make(name: str) -> tuple[str, str]:
        database = f"{name}_{worker_id}"
        with held(run_folder / "template.lock"):
            _copy(postgres, template, database)
        return database_url(postgres.owner_url, database), database_url(postgres.app_url, database)

    return make


def make_installation(app_url: str, folder: Path) -> Installation:
    """An installation on this database, with the settings of a fresh one."""
    settings = config.load(
        {
            "CELLBANK_DATA": str(folder),
            "CELLBANK_DATABASE_URL": app_url,
            "CELLBANK_WRONG_IDENTITIES": "100",
            "CELLBANK_ADDRESS_FAILURES": "10000",
        }
    )
    return Installation(settings, open_engine(app_url), find_printer(settings))


@pytest.fixture(scope="session")
def furnished(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, template: str, run_folder: Path, worker_id: str
) -> "Furnished":
    """Worlds in databases of their own."""
    in_a_world = sum("furnished" in getattr(item, "fixturenames", ()) for item in request.session.items)
    return Furnished(postgres, template, run_folder, worker_id, in_a_world >= LONG_RUN)


class Furnished:
    """Databases with what tests start from, to be copied: a world, and for a long run a stock of lots and doses too.

    Whoever comes first makes the stock; while it is being made, the others go on without.
    """

    def __init__(self, postgres: EmbeddedPostgres, template: str, folder: Path, worker: str, long_run: bool):
        self.postgres, self.template, self.folder = postgres, template, folder
        self.worker, self.long_run = worker, long_run

    @contextmanager
    def world(
        self, name: str, folder: Path, statements: Sequence[str] = (), *, stock: bool = False, seed: int = 7
    ) -> Iterator[World]:
        """A world in a new copy, with its files in `folder`; its owner has executed `statements` on the database.

        Without a stock there is nobody and nothing but people and definitions: for whoever counts or changes those.
        """
        kind = self._best(stock=stock and self.long_run)
        owner_url, app_url = self.urls(name)
        with held(self.folder / "template.lock"):
            _copy(self.postgres, f"{FURNISHED}_{kind}", f"{name}_{self.worker}")
        shutil.copytree(self._files(kind), folder, dirs_exist_ok=True)
        owner = create_engine(owner_url)
        with owner.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        owner.dispose()
        installation = make_installation(app_url, folder)
        try:
            yield World(installation, random.Random(seed), START, pickle.loads(self._pickle(kind).read_bytes()))
        finally:
            installation.engine.dispose()

    def urls(self, name: str) -> tuple[str, str]:
        """Owner URL and application URL of the copy of this name."""
        database = f"{name}_{self.worker}"
        return database_url(self.postgres.owner_url, database), database_url(self.postgres.app_url, database)

    def _best(self, *, stock: bool) -> str:
        self._made("world", self.template, lambda world: Stock(dict(world.people), dict(world.stock.shared)), wait=True)
        if stock and self._made("stock", f"{FURNISHED}_world", make_stock, wait=False):
            return "stock"
        return "world"

    def _files(self, kind: str) -> Path:
        return self.folder / f"{FURNISHED}_{kind}"

    def _pickle(self, kind: str) -> Path:
        return self.folder / f"{FURNISHED}_{kind}.pickle"

    def _made(self, kind: str, of: str, furnish: Callable[[World], Stock], *, wait: bool) -> bool:
        """Whether it is there; makes it, unless another worker is at it and nobody wants to wait."""
        if self._pickle(kind).exists():
            return True
        with held(self.folder / f"{kind}.lock", wait=wait) as ours:
            if ours and not self._pickle(kind).exists():
                self._make(kind, of, furnish)
            return ours

    def _make(self, kind: str, of: str, furnish: Callable[[World], Stock]) -> None:
        database = f"{FURNISHED}_{kind}"
        with held(self.folder / "template.lock"):
            _copy(self.postgres, of, database)
        if (self.folder / of).is_dir():  # its keys belong to its rows
            shutil.copytree(self.folder / of, self._files(kind), dirs_exist_ok=True)
        installation = make_installation(database_url(self.postgres.app_url, database), self._files(kind))
        with pytest.MonkeyPatch.context() as patch:
            _hash_with(patch, CHEAP)  # whoever comes first, and has real passwords for itself
            stock = furnish(World(installation, random.Random(kind), START))
        installation.engine.dispose()
        draft = self._pickle(kind).with_suffix(".draft")
        draft.write_bytes(pickle.dumps(stock))
        draft.rename(self._pickle(kind))


@contextmanager
def held(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock among the workers; False where another holds it and nobody wants to wait."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@pytest.fixture(scope="module")
def world(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """People, definitions in force and a tank: what every test starts from, in a database of this module's own."""
    folder = tmp_path_factory.mktemp("bank")
    with furnished.world("test", folder, stock=True, seed=20260502) as world:
        yield world
    shutil.rmtree(folder)


@pytest.fixture
def made_now(world: World) -> Iterator[None]:
    """What a test asks the factories for is made in it, and not taken from the stock: it looks at how it is made."""
    waiting, world.stock.waiting = world.stock.waiting, {}
    yield
    world.stock.waiting = waiting


@pytest.fixture(scope="module")
def installation(world: World) -> Installation:
    """This module's installation."""
    return world.installation


@pytest.fixture(scope="module")
def databases(world: World, furnished: Furnished) -> tuple[str, str]:
    """Owner URL and application URL of this module's database."""
    return furnished.urls("test")


@pytest.fixture
def each_rule_alone(databases: tuple[str, str]) -> Iterator[None]:
    """For attacks on one rule that is not about who acts: most of what it turns away is no business of any act, and is
    turned away for that."""
    with authority_aside(databases[0]):
        yield


@pytest.fixture(scope="session")
def story_database(postgres: EmbeddedPostgres, run_folder: Path) -> Callable[[str], str]:
    """A function name -> URL of a fresh copy of the database with the story, for the application's role.

    The story is played once a run, by whoever asks first and as `cellbank demo` of the installed wheel; a backup of it
    is restored here, and then only copied.
    """
    with held(run_folder / "story.lock"):
        if not _exists(postgres, STORY):
            _play(run_folder / "wheel")
            _statement(postgres, f"DROP DATABASE IF EXISTS {DRAFT} WITH (FORCE)")
            restore(run_folder / "wheel" / "story.dump", database_url(postgres.owner_url, DRAFT))
            _statement(postgres, f"ALTER DATABASE {DRAFT} RENAME TO {STORY}")  # one restored halfway has another name

    def copy(name: str) -> str:
        with held(run_folder / "story.lock"):
            _copy(postgres, STORY, name)
        return database_url(postgres.app_url, name)

    return copy


StoryInstallation = Callable[[str, Path], Installation]


@pytest.fixture(scope="session")
def story_installation(story_database: Callable[[str], str], run_folder: Path) -> StoryInstallation:
    """A function name, folder -> an installation on a fresh copy of the story. Its people are known by the key in the
    data folder of the demo, so that this is in the folder as well."""

    def make(name: str, folder: Path) -> Installation:
        url = story_database(name)
        shutil.copy2(run_folder / "wheel" / "demo" / account_key.FILE, folder)
        return make_installation(url, folder)

    return make


def _play(folder: Path) -> None:
    """Leave a backup of the story in the folder; the data folder of its demo is inside."""
    shutil.rmtree(folder, ignore_errors=True)
    play_the_demo(folder)
    with start(folder / "demo") as server:
        save(server.owner_url, folder / "story.dump")


def _exists(postgres: EmbeddedPostgres, name: str) -> bool:
    engine = create_engine(database_url(postgres.owner_url, MAINTENANCE))
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name})
    engine.dispose()
    return bool(found)


def _copy(postgres: EmbeddedPostgres, template: str, database: str) -> None:
    _statement(postgres, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    _statement(postgres, f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY FILE_COPY")
    _statement(postgres, f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")  # of rights a copy has none


def _statement(postgres: EmbeddedPostgres, statement: str) -> None:
    engine = create_engine(database_url(postgres.owner_url, MAINTENANCE), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
