"""Nobody learns at a door which sign-in names there are, nor which accounts are locked: same answer, same time."""

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask

from cellbank.services.people import passwords, sessions
from tests.conftest import WAIT
from tests.factories.people import newcomer
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser

pytestmark = pytest.mark.requirement("R15")

Knock = Callable[..., tuple[int, str]]


@pytest.fixture
def page(app: Flask) -> Knock:
    browser = Browser(app.test_client())
    browser.get("/sign-in")

    def knock(name: str, password: str, address: str = "127.0.0.1") -> tuple[int, str]:
        at = {"REMOTE_ADDR": address}
        answer = browser.post("/sign-in", {"name": name, "password": password}, environ_overrides=at)
        return answer.status_code, re.sub(r'"[\w.-]{60,}"', "TOKEN", answer.text.replace(name, "NAME"))

    return knock


@pytest.fixture
def api(app: Flask) -> Knock:
    client = app.test_client()

    def knock(name: str, password: str, address: str = "127.0.0.1") -> tuple[int, str]:
        at = {"REMOTE_ADDR": address}
        answer = client.post("/api/tokens", json={"name": name, "password": password}, environ_overrides=at)
        return answer.status_code, answer.text.replace(name, "NAME")

    return knock


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a stranger could measure: comparisons of passwords, and how long the answer was held back. A clock that
    stands still in place of the true one, which a busy machine would make a matter of luck."""
    done: list[str] = []
    verifies = passwords._verifies

    def compared(stored: str | None, password: str) -> bool:
        done.append("compared")
        return verifies(stored, password)

    monkeypatch.setattr(passwords, "_verifies", compared)
    monkeypatch.setattr(sessions, "WRONG_ANSWERS_AFTER", WAIT)
    clock = SimpleNamespace(monotonic=lambda: 1000.0, sleep=lambda seconds: done.append(f"held back until {seconds}"))
    monkeypatch.setattr(sessions, "time", clock)
    return done


@pytest.mark.parametrize("door", ["page", "api"])
def test_unknown_wrong_disabled_and_locked_are_one_answer(door: str, request, world: World, work: list[str]) -> None:
    knock: Knock = request.getfixturevalue(door)
    shut, disabled, there = newcomer(world), newcomer(world), newcomer(world)
    world.do("ada", "disable_person", name=disabled, reason="left the site")
    for _ in range(world.installation.config.lockout_failures):
        knock(shut, "a guess of mine", "192.0.2.66")
    told = knock(shut, PASSWORD)  # whoever has the password is no stranger to the account
    assert told[0] in (401, 403) and "locked until" in told[1]
    tried = {
        "unknown": ("nobody.at.all", PASSWORD),
        "wrong": (there, "a guess of mine"),
        "disabled": (disabled, PASSWORD),
        "locked, wrong password": (shut, "a guess of mine"),
        "absurd": ("x" * 39, "y" * 5000),
    }
    answers, spent = {}, {}
    for what, (name, password) in tried.items():
        work.clear()
        answers[what] = knock(name, password)
        spent[what] = tuple(work)
    assert len(set(answers.values())) == 1, answers
    work.clear()
    assert knock(shut, PASSWORD) == told
    assert {*spent.values(), tuple(work)} == {("compared", f"held back until {WAIT}")}, spent
    for number in range(world.installation.config.lockout_failures - 1):
        knock(shut, "a guess of mine", f"192.0.2.{100 + number}")
    work.clear()
    assert knock(shut, PASSWORD) == answers["wrong"]  # no more of them are looked at while it is locked
    assert tuple(work) == ("compared", f"held back until {WAIT}")


@pytest.mark.parametrize("door", ["page", "api"])
def test_a_pause_is_of_every_name_alike(door: str, request, world: World, work: list[str]) -> None:
    knock: Knock = request.getfixturevalue(door)
    shut, there, unknown = newcomer(world), newcomer(world), world.unique("x").lower()
    for _ in range(world.installation.config.lockout_failures):
        knock(shut, "a guess of mine", "192.0.2.67")
        for name in (there, unknown):
            knock(name, "a guess of mine", f"192.0.2.{68 if door == 'api' else 69}")
    address = f"192.0.2.{68 if door == 'api' else 69}"
    for _ in range(world.installation.config.lockout_failures):
        knock(shut, PASSWORD, address)
    answers, spent = set(), set()
    for name in (shut, there, unknown):
        work.clear()
        answers.add(knock(name, PASSWORD, address))
        spent.add(tuple(work))
    assert {status for status, _ in answers} == {429} and len(answers) == 1, answers
    assert spent == {()}  # answered at once, of every name: nothing was compared
