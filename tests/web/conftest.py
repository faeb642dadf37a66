"""The pages on this worker's bank, and people who are signed in."""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cellbank import create_app
from tests.conftest import Furnished
from tests.factories.world import PASSWORD, World

MIDDAY = 13


@pytest.fixture(scope="module")
def midday(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose site lies where it is midday now: for what is done to a dose on its day by the clock of the server,
    which anywhere else would be another day soon after midnight."""
    east = MIDDAY - datetime.datetime.now(datetime.UTC).hour
    zone = f"Etc/GMT{-east:+d}"
    there = f"UPDATE site SET timezone = '{zone}'"
    moved = ["ALTER TABLE site DISABLE TRIGGER USER", there, "ALTER TABLE site ENABLE TRIGGER USER"]
    with furnished.world("midday", tmp_path_factory.mktemp("midday"), moved, stock=True) as world:
        world.zone = ZoneInfo(zone)
        world.people = {name: replace(actor, zone=zone) for name, actor in world.people.items()}
        yield world


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return create_app(world.installation)


class Browser:
    """A test client that sends the token of the last page, and what it showed to sign, as a browser does."""

    def __init__(self, client: FlaskClient):
        self.client = client
        self.token = self.seen = ""

    def get(self, path: str, **options) -> TestResponse:
        return self._remember(self.client.get(path, **options))

    def post(self, path: str, data: dict | None = None, **options) -> TestResponse:
        return self._remember(self.client.post(path, data=self._hidden() | (data or {}), **options))

    def _hidden(self) -> dict:
        return {"csrf_token": self.token, **({"seen": self.seen} if self.seen else {})}

    def _remember(self, response: TestResponse) -> TestResponse:
        shown = re.search(r'name="seen" value="([^"]+)"', response.text) if response.mimetype == "text/html" else None
        self.seen = shown[1] if shown else ""
        found = (
            re.search(r'name="csrf-token" content="([^"]+)"', response.text)
            if response.mimetype == "text/html"
            else None
        )
        if found:
            self.token = found[1]
        return response

    def enter(self, name: str, password: str = PASSWORD, **more) -> TestResponse:
        self.get("/sign-in")
        return self.post("/sign-in", {"name": name, "password": password, **more})


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Nobody is signed in."""
    return Browser(app.test_client())


@pytest.fixture(scope="module")
def regular(app: Flask) -> Callable[[str], Browser]:
    """The same, signed in once for the module: for tests that only look."""
    known: dict[str, Browser] = {}

    def make(name: str) -> Browser:
        if name not in known:
            known[name] = Browser(app.test_client())
            assert known[name].enter(name).status_code == 302
        return known[name]

    return make


@pytest.fixture
def signed_in(app: Flask) -> Callable[[str], Browser]:
    """A function name -> browser in which that person is signed in."""

    def make(name: str) -> Browser:
        made = Browser(app.test_client())
        assert made.enter(name).status_code == 302
        made.get("/")
        return made

    return make
