"""What the pages tell of messages: to the administrator, and to whoever changes their own address."""

from collections.abc import Iterator

import pytest

from cellbank import create_app
from cellbank.domain.actor import Actor
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.outbox.sender import send_due
from tests.factories.mail import Mailbox, mail_server, mailing
from tests.factories.people import by_two, newcomer
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture(scope="module")
def mailed(world: World, box: Mailbox) -> Installation:
    return mailing(world.installation, box.port)


def unlock(world: World, installation: Installation, actor: Actor, name: str) -> None:
    given = {"name": name, "reason": "called by telephone"}
    World.accepted(run_act(installation, "unlock_person", given, actor, door="test", now=world.now))


def test_the_administrator_reads_that_messages_are_not_set_up(world: World, signed_in) -> None:
    assert "Messages are not set up" in signed_in("ada").get("/").text
    assert "Messages are not set up" not in signed_in("tina").get("/").text


def test_the_administrator_reads_whom_a_message_did_not_reach(
    world: World, mailed: Installation, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = newcomer(world, "auditor")
    address, ada = f"{name}@bank.example", world.people["ada"]
    with monkeypatch.context() as patched:
        patched.setattr(world, "installation", mailed)
        by_two(world, "change_address", name, email=address, reason="was missing")
    box.answers[address] = "550 <b>nobody</b> here"
    unlock(world, mailed, ada, name)
    assert send_due(mailed).given_up == 2
    browser = Browser(create_app(mailed).test_client())
    assert browser.enter("ada").status_code == 302
    page = browser.get("/").text
    assert f"({address}) was given up" in page and "550 &lt;b&gt;nobody&lt;/b&gt; here" in page
    assert "have no address" in page and "not set up" not in page


def test_one_changes_the_own_address_with_the_password(mailed: Installation, world: World) -> None:
    name = newcomer(world, "auditor")
    browser = Browser(create_app(mailed).test_client())
    assert browser.enter(name).status_code == 302
    assert "/act/change_my_address" in browser.get("/").text
    page = browser.get("/act/change_my_address").text
    assert 'type="password"' in page
    wrong = browser.post("/act/change_my_address", {"email": "o@bank", "password": PASSWORD, "commit": "1"})
    assert "must have the name of a mail domain" in wrong.text
