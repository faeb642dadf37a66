"""Chromium in front of a real server, over a copy of a bank in which the story of the trial was played.

Every module gets a copy and a server of its own, so that the modules do not meet; the tests of one module do, and each
takes people and records that no other takes.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.stage import FLAGS, PROGRAMS, Stage, chromium_program, open_stage
from tests.browser.station import HEIGHT, WIDTH, Profile, Station
from tests.conftest import StoryInstallation

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here drives a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def stage(
    story_installation: StoryInstallation,
    request: pytest.FixtureRequest,
    door: socket.socket,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A server over a copy of the story."""
    name = request.module.__name__.rpartition(".")[2]
    installation = story_installation(f"{name}_{worker_id}", tmp_path_factory.mktemp(name))
    with open_stage(installation, door) as stage:
        yield stage
    installation.engine.dispose()


@pytest.fixture(scope="package")
def door() -> Iterator[socket.socket]:
    """Where the servers of all modules stand, one after the other: to the browser they are one place."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


@pytest.fixture(scope="session")
def program() -> str:
    """The path of the browser."""
    program = chromium_program()
    if program is None:
        reason = f"no Chromium on this machine: none of {', '.join(PROGRAMS)} is on the PATH"
        (pytest.fail if os.environ.get("CELLBANK_REQUIRE_ALL") == "1" else pytest.skip)(reason)
    return program


@pytest.fixture(scope="package")
def chromium(program: str):
    """The browser of all modules: Playwright runs once at a time in a process, and another folder uses it too."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def profiles() -> list[Profile]:
    """Those in which nobody sits."""
    return []


@pytest.fixture
def station(chromium, profiles: list[Profile], stage: Stage) -> Iterator[Callable[..., Station]]:
    """A function name -> a station with a scanner at which that person is signed in; without a name nobody is. A test
    that does to the browser what cannot be undone asks for one of its `own`.

    When the test ends no page may have broken the content policy or thrown an error in a script.
    """
    opened: list[tuple[Station, bool]] = []

    def sit_down(
        name: str = "", *, on: Stage = stage, own: bool = False, width: int = WIDTH, height: int = HEIGHT
    ) -> Station:
        is_shared = on is stage and not own
        profile = profiles.pop() if is_shared and profiles else Profile(chromium, on.url)
        made = Station(profile, on, name, width, height)
        opened.append((made, is_shared))
        return made

    yield sit_down
    complaints = [line for one, _ in opened for line in one.complaints]
    for one, is_shared in opened:
        if is_shared:
            one.profile.forget()
            profiles.append(one.profile)
        else:
            one.context.close()
    assert complaints == []


@pytest.fixture(autouse=True)
def no_thread_died(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An error in a thread of the server fails the test that caused it."""
    died: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: died.append(repr(hook.exc_value)))
    yield
    assert died == []
