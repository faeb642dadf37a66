"""Whoever gives a person a first password does not come in with it: it has two halves, known to two people."""

import datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from cellbank.domain.actor import Proof
from cellbank.domain.handed_codes import TRIES
from cellbank.services.people import account_changes, accounts, passwords, sites
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from tests.attack.test_two_people import HIS, added, row
from tests.factories.people import badge, confirm, newcomer
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World

pytestmark = [pytest.mark.requirement("R4"), pytest.mark.usefixtures("real_passwords")]


def proof(world: World, name: str, password: str, now: datetime.datetime | None = None) -> Proof | None:
    world.meet(name)
    given, at = Credentials(password), now or world.now
    return passwords.prove(world.installation, world.people[name], given, at, place=Place("test")).proof


def asked_for(world: World, how: str) -> tuple[str, str]:
    """Somebody with a first password of the administrator; and the half that was told to whoever confirmed it."""
    if how == "a new account":
        name, _ = added(world, "quality_officer")
    else:
        name = newcomer(world)
        world.do("ada", "reset_password", name=name, new_password=HIS, reason="forgotten")
    return name, confirm(world, name)["handed"]


@pytest.mark.parametrize("how", ["a new account", "a reset"])
def test_each_of_the_two_knows_half_of_a_first_password(world: World, how: str) -> None:
    name, half = asked_for(world, how)
    assert proof(world, name, HIS) is Proof.WRONG
    assert proof(world, name, half) is Proof.WRONG
    for typed in (f"{HIS}{half}", f"{HIS} {half.replace('-', '').lower()}"):
        assert proof(world, name, typed) is Proof.FIRST
    world.do(name, "change_password", new_password="quite another one")
    assert proof(world, name, "quite another one") is Proof.RIGHT
    assert proof(world, name, HIS + half) is Proof.WRONG


def test_the_half_is_told_to_nobody_else_and_kept_nowhere(world: World) -> None:
    _, half = asked_for(world, "a reset")
    with world.installation.reads.connect() as connection:
        for table in ("act", "change", "handed_code", "account_change", "person"):
            kept = connection.scalar(text(f"SELECT string_agg(to_jsonb(t)::text, '') FROM {table} t"))
            assert half not in kept and half.replace("-", "") not in kept


def test_a_half_that_is_guessed_is_dead_after_some_tries(world: World) -> None:
    name, half = asked_for(world, "a reset")
    later = world.now
    for _ in range(TRIES):
        assert proof(world, name, HIS + "0000-0000", later) is Proof.WRONG
        later += datetime.timedelta(minutes=20)  # the account was never locked
    assert proof(world, name, HIS + half, later) is Proof.WRONG


def test_guessing_the_password_kills_no_half(world: World) -> None:
    name, half = asked_for(world, "a reset")
    later = world.now
    for _ in range(TRIES + 1):
        assert proof(world, name, "a guess 0000-0000", later) is Proof.WRONG
        later += datetime.timedelta(minutes=20)
    assert proof(world, name, HIS + half, later) is Proof.FIRST


def test_a_half_is_good_for_some_days(world: World) -> None:
    name, half = asked_for(world, "a new account")
    hours = datetime.timedelta(hours=world.installation.config.code_hours)
    assert proof(world, name, HIS + half, world.now + hours) is Proof.WRONG


def test_another_reset_takes_the_place_of_the_first(world: World) -> None:
    name, half = asked_for(world, "a reset")
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="lost the note")
    other = confirm(world, name, now=world.now + datetime.timedelta(seconds=1))["handed"]
    later = world.now + datetime.timedelta(seconds=2)
    assert proof(world, name, HIS + half, later) is Proof.WRONG
    assert proof(world, name, HIS + other, later) is Proof.FIRST


def test_the_database_gives_no_first_password_without_a_half(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = newcomer(world)
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="to sign as him")
    monkeypatch.setattr(account_changes, "HAS_HALVES", frozenset())
    assert world.codes("quinn", "confirm_account_change", person=badge(world, name)) == ["SECOND_PERSON_NEEDED"]


def test_the_database_exchanges_no_first_password_without_its_half(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _ = asked_for(world, "a reset")
    world.meet(name)
    monkeypatch.setattr(accounts, "use_half", lambda *_: None)
    assert world.codes(name, "change_password", new_password=PASSWORD) == ["SECOND_PERSON_NEEDED"]


@pytest.mark.parametrize("how", ["a new account", "a reset"])
@pytest.mark.parametrize("gone", ["DELETE FROM handed_code", "UPDATE handed_code SET used_at = made_at"])
def test_a_half_that_is_gone_lets_nobody_in_until_another_reset(
    world: World, databases: tuple[str, str], how: str, gone: str
) -> None:
    name, half = asked_for(world, how)
    engine = create_engine(databases[0])
    with engine.begin() as owner:
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        owner.execute(
            text(f"{gone} WHERE person_id = (SELECT id FROM person WHERE name = :name)"),
            {"name": name},
        )
    engine.dispose()
    assert proof(world, name, HIS) is Proof.WRONG
    assert proof(world, name, HIS + half) is Proof.WRONG
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="the half is gone")
    other = confirm(world, name, now=world.now + datetime.timedelta(seconds=1))["handed"]
    assert proof(world, name, HIS + other, world.now + datetime.timedelta(seconds=2)) is Proof.FIRST


# ---- another site of a signer


def test_another_site_of_a_signer_is_given_by_two(world: World) -> None:
    there, name = second_site(world), newcomer(world)
    given: dict[str, Any] = {"name": name, "sites": [there.code], "reason": "helps out"}
    assert world.try_act("ada", "change_sites", **given).result["warnings"][0]["code"] == "SECOND_PERSON_NEEDED"
    assert row(world, name).also_at is None
    assert world.codes("ada", "confirm_account_change", person=badge(world, name)) == ["SAME_PERSON"]
    confirm(world, name)
    assert row(world, name).also_at == [there.code]
    world.do("ada", "change_sites", name=name, sites=[], reason="back home")  # taken away by one
    assert row(world, name).also_at is None


def test_the_database_gives_no_signer_another_site_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    there, name = second_site(world), newcomer(world)
    monkeypatch.setattr(sites, "asks_two", lambda work, roles: False)
    given = {"name": name, "sites": [there.code], "reason": "to sign there"}
    assert world.codes("ada", "change_sites", **given) == ["SECOND_PERSON_NEEDED"]
