"""Whoever knows a password alone gets no second factor; who lost theirs comes in once with each recovery code."""

import dataclasses
import datetime
from typing import Any

import pyotp
import pytest
from sqlalchemy import create_engine, text

from cellbank.domain.actor import OneTime, Proof
from cellbank.domain.handed_codes import TRIES
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.people import handed_codes, passwords, second_factor
from cellbank.services.people.passwords import Credentials, Proved
from cellbank.services.people.places import Place
from tests.factories.people import confirm, enrol, handed, newcomer, set_up
from tests.factories.world import PASSWORD, World

pytestmark = [pytest.mark.requirement("R23"), pytest.mark.usefixtures("real_passwords")]


@pytest.fixture(scope="module")
def strict(world: World) -> Installation:
    """The same bank where quality officers have a second factor."""
    config = dataclasses.replace(world.installation.config, second_factor_roles=frozenset({Role.QUALITY_OFFICER}))
    return dataclasses.replace(world.installation, config=config)


def proved(
    world: World,
    name: str,
    code: str | None,
    *,
    installation: Installation | None = None,
    now: datetime.datetime | None = None,
    password: str = PASSWORD,
    enrols: bool = True,
) -> Proved:
    given, at = Credentials(password, code), now or world.now
    return passwords.prove(
        installation or world.installation, world.meet(name), given, at, place=Place("test"), enrols=enrols
    )


def try_set_up(world: World, name: str, once: OneTime | None) -> list[str]:
    outcome = run_act(
        world.installation, "set_up_second_factor", {}, world.meet(name), door="test", now=world.now, once=once
    )
    return [refusal.code.value for refusal in outcome.refusals]


def recovery_codes(world: World, name: str) -> list[str]:
    before = world.now - datetime.timedelta(seconds=120)
    secret = set_up(world, name, handed(world, name, before), before)["secret"]
    code = pyotp.TOTP(secret).at(before)
    return world.do(name, "confirm_second_factor", one_time_code=code, now=before)["recovery"]


def test_the_password_alone_sets_up_nothing(world: World) -> None:
    name = newcomer(world)
    for code in (None, "", "0000-0000", "123456"):
        assert proved(world, name, code).proof in (Proof.CODE_MISSING, Proof.WRONG_AMONG)
    assert try_set_up(world, name, None) == ["SECOND_FACTOR_NEEDED"]


def test_a_code_that_was_handed_over_works_once_for_its_owner_with_the_password(world: World) -> None:
    name, other = newcomer(world), newcomer(world)
    code = handed(world, name)
    assert proved(world, other, code).once is None
    assert proved(world, name, code, password="a guess of mine").proof is Proof.WRONG_AMONG
    once = proved(world, name, code).once
    assert try_set_up(world, name, once) == []
    assert try_set_up(world, name, once) == ["SIGNATURE_WRONG"]
    assert proved(world, name, code).once is None


def test_it_is_good_for_some_days_and_the_last_one_counts(world: World) -> None:
    name = newcomer(world)
    first, second = handed(world, name), handed(world, name)
    assert proved(world, name, first).once is None
    hours = datetime.timedelta(hours=world.installation.config.code_hours)
    assert proved(world, name, second, now=world.now + hours).once is None
    assert proved(world, name, second).once is not None


def test_it_is_dead_after_some_tries(world: World) -> None:
    name = newcomer(world)
    code, later = handed(world, name), world.now
    for _ in range(TRIES):
        assert proved(world, name, "0000-0000", now=later).once is None
        later += datetime.timedelta(minutes=20)
    assert proved(world, name, code, now=later).once is None


def test_nobody_hands_a_code_over_to_themself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.codes("ada", "hand_over_code", name="ada") == ["SAME_PERSON"]
    assert world.codes("quinn", "hand_over_code", name=newcomer(world)) == ["ROLE_NOT_ALLOWED"]
    monkeypatch.setattr(second_factor, "_own", lambda work, person: [])
    assert world.codes("ada", "hand_over_code", name="ada") == ["SAME_PERSON"]


def test_a_factor_is_replaced_with_itself_and_counts_until_then(world: World, strict: Installation) -> None:
    name = newcomer(world)
    app = enrol(world, name)
    assert world.codes("ada", "hand_over_code", name=name) == ["ALREADY_EXISTS"]
    once = proved(world, name, app.at(world.now)).once
    assert try_set_up(world, name, once) == []
    later = world.now + datetime.timedelta(seconds=30)
    assert proved(world, name, app.at(later), installation=strict, now=later, enrols=False).once is not None


def test_with_a_recovery_code_one_comes_in_once_and_is_told(world: World, strict: Installation) -> None:
    name = newcomer(world)
    codes = recovery_codes(world, name)
    assert len(set(codes)) == 10
    assert proved(world, name, codes[0], installation=strict, password="a guess of mine", enrols=False).once is None
    once = proved(world, name, codes[0].lower(), installation=strict, enrols=False).once
    actor = world.people[name]
    assert run_act(strict, "sign_in", {}, actor, door="test", now=world.now, once=once).accepted
    assert not run_act(strict, "sign_in", {}, actor, door="test", now=world.now, once=once).accepted
    assert proved(world, name, codes[0], installation=strict, enrols=False).once is None
    told = handed_codes.recovery_used_lately(world.installation, actor.id, world.now)
    assert told is not None and told.left == 9
    world.do("ada", "reset_second_factor", name=name, reason="the telephone was lost")
    confirm(world, name)
    assert proved(world, name, codes[1], installation=strict).once is None


def test_who_reads_the_database_makes_no_code(world: World) -> None:
    name = newcomer(world)
    codes = recovery_codes(world, name)
    with world.installation.reads.connect() as connection:
        secret = connection.scalar(text("SELECT totp_secret FROM person WHERE name = :name"), {"name": name})
        kept = connection.scalar(text("SELECT string_agg(to_jsonb(c)::text, '') FROM handed_code c"))
    assert not secret.isupper() and codes[0] not in kept


def test_a_code_copied_to_another_person_opens_nothing(
    world: World, strict: Installation, databases: tuple[str, str]
) -> None:
    """Whoever owns the database knows the digest of a code of their own, and gives it to somebody else."""
    name, other = newcomer(world), newcomer(world)
    mine, _ = recovery_codes(world, name), recovery_codes(world, other)
    engine = create_engine(databases[0])
    with engine.begin() as owner:
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        owner.execute(
            text(
                "UPDATE handed_code o SET digest = m.digest FROM handed_code m JOIN person p ON p.id = m.person_id "
                "WHERE p.name = :mine AND m.purpose = 'recovery' AND o.purpose = 'recovery' "
                "AND o.person_id = (SELECT id FROM person WHERE name = :other)"
            ),
            {"mine": name, "other": other},
        )
    engine.dispose()
    assert not any(proved(world, other, code, installation=strict, enrols=False).once for code in mine[:3])


def test_the_database_lets_nobody_set_up_a_factor_with_the_password_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, other = newcomer(world), newcomer(world)
    enrol(world, other)
    monkeypatch.setattr(second_factor, "_needs_code", lambda person: None)
    monkeypatch.setattr(second_factor.Work, "judge", _judged_without_empty(second_factor.Work.judge))
    for who in (name, other):
        assert try_set_up(world, who, None) == ["SECOND_FACTOR_NEEDED"]


def _judged_without_empty(judge: Any) -> Any:
    def judged(work: Any, *records: Any, refusals: Any = (), **more: Any) -> None:
        judge(work, *records, refusals=[one for one in refusals if one], **more)

    return judged


def test_the_database_takes_no_other_secret_than_the_one_that_was_set_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = newcomer(world)
    set_up(world, name, handed(world, name))
    real = second_factor.hand_over

    def slip_in(work: Any, person: Any, *more: Any) -> Any:
        person.totp_secret = "ANOTHERSECRET"
        return real(work, person, *more)

    monkeypatch.setattr(second_factor, "hand_over", slip_in)
    monkeypatch.setattr(second_factor, "step_of", lambda *_: 1)
    assert world.codes(name, "confirm_second_factor", one_time_code="123456") == ["SECOND_FACTOR_NEEDED"]
