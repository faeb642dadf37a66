"""An attacker with a copy of somebody's cookie, or with the secret key of the installation."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask_login.utils import encode_cookie

from cellbank.web import session as web_session
from tests.attack.table import FOUND, NOTE, TRIED, name_attacks
from tests.factories.people import accept, newcomer
from tests.factories.world import World
from tests.web.conftest import Browser, app, signed_in

__all__ = ["app", "signed_in"]

COOKIE = "cellbank"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each attack has a line in the table of `make attack`."""
    name_attacks(items)


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Say how much was tried and, where a test gathers what it finds, how much was found: `tried(690, found=2)`.

    Said before the test asserts that nothing was. What is said twice is added up. A note with the figures that were
    measured stands below the table.
    """

    def say(count: int, found: int = 0, note: str = "") -> None:
        request.node.user_properties += [(TRIED, count), (FOUND, found), *([(NOTE, note)] if note else [])]

    return say


@dataclass
class Thief:
    """Somebody at another machine with this cookie, and a form that was fetched while it was good for something."""

    browser: Browser
    world: World

    def reads(self) -> bool:
        """Whether a page shows something, or the API does."""
        page = self.browser.client.get("/list/donors")
        code = self.world.do("tina", "register_donor", pseudonym=self.world.unique("D"), birth_year=1990)["code"]
        return page.status_code == 200 or self.browser.client.get(f"/api/scan/{code}").status_code == 200

    def acts(self) -> bool:
        """Whether an act is done, or is refused in the name of the person: either says that they were there."""
        before = self._acts_of_all()
        sent = {"pseudonym": self.world.unique("D"), "birth_year": "1990", "intent": "do", "csrf_token": self.token}
        self.browser.client.post("/act/register_donor", data=sent)
        return self._acts_of_all() > before

    def _acts_of_all(self) -> int:
        with self.world.installation.reads.connect() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM act WHERE name = 'register_donor'").scalar_one()

    @property
    def token(self) -> str:
        return self.browser.token


@dataclass
class Victim:
    """Somebody who is signed in, and whose cookie can be copied at any moment."""

    name: str
    browser: Browser


@pytest.fixture
def victim(world: World, signed_in: Callable[[str], Browser]) -> Victim:
    """A technician of their own: what is done to their account disturbs nobody."""
    name = newcomer(world, "technician")
    accept(world, name)
    browser = signed_in(name)
    browser.get("/act/register_donor")
    return Victim(name, browser)


@pytest.fixture
def copy(app: Flask, world: World) -> Callable[[Browser], Thief]:
    """Copy the cookie of a browser to another machine."""

    def make(browser: Browser) -> Thief:
        cookie = browser.client.get_cookie(COOKIE)
        assert cookie is not None
        thief = Thief(Browser(app.test_client()), world)
        thief.browser.client.set_cookie(COOKIE, cookie.value)
        thief.browser.get("/act/register_donor")
        thief.browser.get("/act/register_donor")
        assert thief.reads() and thief.acts()  # or the attack proves nothing
        return thief

    return make


@pytest.fixture
def forge(app: Flask, world: World) -> Callable[[dict], Thief]:
    """A cookie made with the secret key alone."""

    def make(content: dict) -> Thief:
        signer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert signer is not None
        thief = Thief(Browser(app.test_client()), world)
        thief.browser.client.set_cookie(COOKIE, signer.dumps(content))
        remembered = encode_cookie(content["_user_id"], app.config["SECRET_KEY"])
        thief.browser.client.set_cookie("remember_token", remembered)
        thief.browser.get("/sign-in")
        return thief

    return make


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock of the sessions forward by so many minutes."""
    import datetime

    real = web_session.server_time

    def move(minutes: float) -> None:
        monkeypatch.setattr(web_session, "server_time", lambda: real() + datetime.timedelta(minutes=minutes))

    return move
