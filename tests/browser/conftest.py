"""Chromium in front of a real server, over a copy of a bank in which the story of the trial was played.

The story is played once a run into a database that is then only copied. Every module gets a copy and a server of its
own, so that the modules do not meet; the tests of one module do, and each takes people and records that no other takes.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cellbank import story
from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.services import catalogue
from tests.browser.stage import FLAGS, Stage, open_stage
from tests.browser.station import Station
from tests.conftest import database_url, make_bank

STORY, DRAFT = "cellbank_story", "cellbank_story_draft"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here drives a browser; under `--dist loadgroup` they share one worker, one browser and one server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def story_database(postgres: EmbeddedPostgres, template: str, run_folder: Path) -> Callable[[str], str]:
    """A function name -> URL of a fresh copy of the database with the story, for the application's role."""
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


@pytest.fixture(scope="module")
def stage(
    story_database: Callable[[str], str],
    request: pytest.FixtureRequest,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A server on a free port over a copy of the story."""
    name = request.module.__name__.rpartition(".")[2]
    bank = make_bank(story_database(f"{name}_{worker_id}"), tmp_path_factory.mktemp(name))
    with open_stage(bank) as stage:
        yield stage
    bank.engine.dispose()


@pytest.fixture(scope="session")
def chromium():
    """The browser of this worker."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        reason = f"no Chromium on this machine: none of {', '.join(PROGRAMS)} is on the PATH"
        (pytest.fail if os.environ.get("CELLBANK_REQUIRE_ALL") == "1" else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def station(chromium, stage: Stage) -> Iterator[Callable[..., Station]]:
    """A function name -> a station with a scanner at which that person is signed in; without a name nobody is.

    When the test ends no page may have broken the content policy or thrown an error in a script.
    """
    opened: list[Station] = []

    def sit_down(name: str = "", *, on: Stage = stage, width: int = 1366, height: int = 768) -> Station:
        made = Station(chromium, on, name, width, height)
        opened.append(made)
        return made

    yield sit_down
    complaints = [line for one in opened for line in one.complaints]
    for one in opened:
        one.leave()
    assert complaints == []


@pytest.fixture(autouse=True)
def no_thread_died(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An error in a thread of the server fails the test that caused it."""
    died: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: died.append(repr(hook.exc_value)))
    yield
    assert died == []
