"""Messages about one's account: who is told what, by a real mail server."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from cellbank.services.acts import run_act
from cellbank.services.outbox.sender import send_due
from cellbank.services.people import passwords
from cellbank.services.people.actors import SYSTEM
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from tests.factories.mail import Mailbox, mail_server, mailing
from tests.factories.people import by_two, confirm, enrol, handed, newcomer, set_up
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World

HIS = "chosen by the administrator"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def mailed(world: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which messages are set up."""
    monkeypatch.setattr(
        world, "installation", mailing(world.installation, box.port, public_url="https://cells.example")
    )
    return world


def reachable(world: World, *roles: str) -> tuple[str, str]:
    """Somebody with an address, who has heard of nothing yet; sign-in name and address."""
    name = newcomer(world, *roles)
    address = f"{name}@bank.example"
    given = {"name": name, "email": address, "reason": "the address was missing"}
    World.accepted(
        run_act(world.installation, "change_address", given, world.people["ada"], door="test", now=world.now)
    )
    confirm(world, name)
    world.meet(name)
    send_due(world.installation)
    return name, address


def waiting(world: World) -> int:
    with world.installation.reads.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")))


def latest(world: World, box: Mailbox, address: str) -> tuple[str, str]:
    """Subject and text of what has just arrived there."""
    before = len(box.of(address))
    assert send_due(world.installation).failed == 0
    (message,) = box.of(address)[before:]
    assert message["To"] == address and message["From"] == "cellbank@bank.example"
    return message["Subject"], message.get_content()


# ---- who is told


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(
    ("act", "given", "subject", "says"),
    [
        ("reset_password", {"new_password": HIS}, "Your password was reset", "password"),
        ("change_roles", {"roles": ["quality_officer", "clinician"]}, "Your roles were changed", "Clinician, Quality"),
        ("reset_second_factor", {}, "Your second factor was taken back", "second factor"),
    ],
)
def test_whose_account_two_people_change_is_told_by_whom(
    mailed: World, box: Mailbox, act: str, given: dict[str, Any], subject: str, says: str
) -> None:
    name, address = reachable(mailed, "quality_officer")
    mailed.do("ada", act, name=name, reason="a secret reason", **given)
    assert send_due(mailed.installation).sent == 0  # nothing has changed yet
    confirm(mailed, name)
    told, body = latest(mailed, box, address)
    assert told == subject and says in body and name in body
    assert "Asked for by Ada Administrator, confirmed by Oksana Quality." in body
    assert "2026-03-02 10:00 EET" in body and "https://cells.example" in body and "in person or by telephone" in body
    assert HIS not in body and "secret reason" not in body


def test_other_sites_an_unlocked_and_a_disabled_account_are_told(mailed: World, box: Mailbox) -> None:
    name, address = reachable(mailed, "auditor")
    site = second_site(mailed).code
    by_two(mailed, "change_sites", name, sites=[site], reason="works there too")
    assert site in latest(mailed, box, address)[1]
    mailed.do("ada", "unlock_person", name=name, reason="called by telephone")
    assert latest(mailed, box, address)[0] == "Your account was unlocked"
    mailed.do("ada", "disable_person", name=name, reason="left the bank")
    subject, body = latest(mailed, box, address)
    assert subject == "Your account was disabled" and "Done by Ada Administrator." in body


def test_a_lock_is_told_once(mailed: World, box: Mailbox) -> None:
    name, address = reachable(mailed)
    for number in range(mailed.installation.config.lockout_failures + 3):
        place = Place("web", "a stranger", f"203.0.113.{number}")
        passwords.prove(mailed.installation, mailed.people[name], Credentials(HIS), mailed.now, place=place)
    subject, body = latest(mailed, box, address)
    assert subject == "Your account is locked" and "Done by" not in body and "EET" in body


def test_a_recovery_code_that_is_used_is_told_and_so_are_changes_of_ones_own(mailed: World, box: Mailbox) -> None:
    name, address = reachable(mailed)
    told = set_up(mailed, name, handed(mailed, name))
    code = pyotp.TOTP(told["secret"]).at(mailed.now)
    recovery = mailed.do(name, "confirm_second_factor", one_time_code=code)["recovery"]
    assert latest(mailed, box, address)[0] == "Your second factor was set up"
    given = Credentials(PASSWORD, recovery[0])
    once = passwords.prove(
        mailed.installation, mailed.people[name], given, mailed.now, place=Place("test"), enrols=True
    ).once
    assert run_act(
        mailed.installation, "sign_in", {}, mailed.people[name], door="test", now=mailed.now, once=once
    ).accepted
    subject, body = latest(mailed, box, address)
    assert subject == "A recovery code was used" and recovery[0] not in body
    mailed.do(name, "change_password", new_password="another long password")
    assert latest(mailed, box, address)[0] == "Your password was changed"


def test_a_new_account_is_told_that_its_password_comes_by_hand(mailed: World, box: Mailbox) -> None:
    name = mailed.unique("m").replace("-", ".")
    given = {"name": name, "full_name": "Olena", "roles": ["auditor"], "new_password": HIS, "email": "o@Банк.example"}
    mailed.do("ada", "add_person", **given)
    confirm(mailed, name)
    subject, body = latest(mailed, box, "o@xn--80ab2al.example")
    assert subject == "Your account was opened" and HIS not in body


# ---- the address


def test_of_another_address_the_old_and_the_new_one_are_told(mailed: World, box: Mailbox) -> None:
    name, address = reachable(mailed)
    by_two(mailed, "change_address", name, email=f"new.{address}", reason="another domain")
    assert send_due(mailed.installation).sent == 2
    both = [box.of(one)[-1] for one in (address, f"new.{address}")]
    assert {one["Subject"] for one in both} == {"Your address for messages was changed"}
    assert mailed.codes(name, "change_my_address", email=address, password=None) == ["SIGNATURE_NEEDED"]
    assert mailed.codes(name, "change_my_address", email=address, password="wrong guess of mine") == ["SIGNATURE_WRONG"]
    mailed.do(name, "change_my_address", email=address, password=PASSWORD)
    assert send_due(mailed.installation).sent == 2
    assert "whoever was signed in" in box.of(f"new.{address}")[-1].get_content()


@pytest.mark.the_database_refuses("a_signer_is_changed_by_two")
def test_nobody_alone_turns_the_messages_of_a_signer_away(mailed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = reachable(mailed)
    monkeypatch.setattr("cellbank.services.people.accounts.asks_two", lambda work, roles: False)
    given = {"name": name, "email": "ada@evil.example", "reason": "so that he hears nothing"}
    assert mailed.codes("ada", "change_address", **given) == ["SECOND_PERSON_NEEDED"]
    assert waiting(mailed) == 0


# ---- who is not


def test_what_is_refused_or_only_checked_tells_nobody(mailed: World) -> None:
    name, _ = reachable(mailed, "auditor")
    given = {"name": name, "reason": "to see what happens"}
    assert mailed.try_act("ada", "unlock_person", dry_run=True, **given).accepted
    assert mailed.codes("quinn", "unlock_person", **given) == ["ROLE_NOT_ALLOWED"]
    mailed.do("ada", "unlock_person", key="the.same", **given)
    mailed.do("ada", "unlock_person", key="the.same", **given)
    assert waiting(mailed) == 1
    send_due(mailed.installation)


def test_without_a_mail_server_or_an_address_nothing_is_written(world: World, mailed: World) -> None:
    name = newcomer(mailed, "auditor")
    mailed.do("ada", "unlock_person", name=name, reason="has no address")
    assert waiting(mailed) == 0
    name, _ = reachable(mailed, "auditor")
    installation = dataclasses.replace(
        mailed.installation, config=dataclasses.replace(mailed.installation.config, smtp_url=None)
    )
    given = {"name": name, "reason": "messages are not set up"}
    World.accepted(run_act(installation, "unlock_person", given, world.people["ada"], door="test", now=world.now))
    assert waiting(mailed) == 0 and send_due(installation).sent == 0


def test_the_installation_tells_as_well(mailed: World, box: Mailbox) -> None:
    name, address = reachable(mailed, "auditor")
    given = {"name": name, "email": address, "reason": "from the command line"}
    assert not run_act(mailed.installation, "change_address", given, SYSTEM, door="test", now=mailed.now).accepted
    enrol(mailed, name)
    assert send_due(mailed.installation).sent == 1
