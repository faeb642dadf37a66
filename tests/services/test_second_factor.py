"""The second factor: set up, confirmed, asked for where the role needs it, used once, taken back."""

import dataclasses
import datetime
import threading

import pyotp
import pytest
from sqlalchemy import text

from cellbank.domain.actor import Proof
from cellbank.domain.lifecycle.roles import Role
from cellbank.outside.account_key import account_key
from cellbank.services.acts import Malformed, Outcome, run_act
from cellbank.services.installation import Installation
from cellbank.services.people import passwords, sessions
from cellbank.services.people.actors import actor_by_name
from cellbank.services.people.one_time_codes import new_secret, step_of
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from tests.factories.people import accept, confirm, enrol, handed, newcomer, set_up, to_sign, train
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("real_passwords")

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def strict(world: World) -> Installation:
    """The same bank where quality officers have a second factor."""
    config = dataclasses.replace(world.installation.config, second_factor_roles=frozenset({Role.QUALITY_OFFICER}))
    return dataclasses.replace(world.installation, config=config)


def officer(world: World) -> str:
    """A quality officer who may sign, but for the second factor."""
    name = newcomer(world)
    accept(world, name)
    train(world, name, "2026-01-01", "2026-12-31")
    return name


def sign(
    world: World, installation: Installation, name: str, *, now: datetime.datetime | None = None, **given: str
) -> Outcome:
    """A signature of somebody new to their session, unless told otherwise."""
    continued = bool(given.pop("continued", ""))
    wanted = {**to_sign(world), "password": PASSWORD, **given}
    actor = actor_by_name(installation, name)
    assert actor is not None
    return run_act(
        installation, "decide_reagent", wanted, actor, door="test", now=now or world.now, continued=continued
    )


def codes(outcome: Outcome) -> list[str]:
    return [refusal.code.value for refusal in outcome.refusals]


def test_codes_are_those_of_rfc_6238_and_may_be_a_step_off() -> None:
    secret, at = new_secret(), datetime.datetime.fromtimestamp(1_000_000_020, datetime.UTC)
    app = pyotp.TOTP(secret)
    step = int(at.timestamp()) // 30
    for away in (-1, 0, 1):
        assert step_of(secret, app.at(at + away * 30 * SECOND), at) == step + away
    assert all(step_of(secret, app.at(at + away * SECOND), at) is None for away in (-60, 60))
    assert step_of(secret, f" {app.at(at)[:3]} {app.at(at)[3:]} ", at) == step
    assert all(step_of(secret, wrong, at) is None for wrong in ("", "12345", "ÄÖÜ123", "\ud800", "1" * 20))


@pytest.mark.requirement("R23")
def test_a_role_with_a_second_factor_signs_nothing_without_one(world: World, strict: Installation) -> None:
    name = officer(world)
    assert codes(sign(world, strict, name)) == ["SECOND_FACTOR_NEEDED"]
    assert sign(world, world.installation, name).accepted  # where no role needs one, nobody is asked
    app = enrol(world, name)
    assert codes(sign(world, strict, name)) == ["SIGNATURE_NEEDED"]
    assert sign(world, strict, name, one_time_code=app.at(world.now)).accepted
    assert sign(world, strict, name, continued="yes").accepted  # later in the session: the password


@pytest.mark.requirement("R23", "R13")
def test_no_code_works_twice(world: World, strict: Installation) -> None:
    name = officer(world)
    code = enrol(world, name).at(world.now)
    assert sign(world, strict, name, one_time_code=code).accepted
    again = sign(world, strict, name, one_time_code=code)
    assert codes(again) == ["SIGNATURE_WRONG"] and "has been used" in again.refusals[0].detail
    earlier = sign(world, strict, name, one_time_code=pyotp.TOTP(_secret(world, name)).at(world.now - 30 * SECOND))
    assert codes(earlier) == ["SIGNATURE_WRONG"]
    with world.installation.reads.connect() as connection:
        assert connection.scalar(text("SELECT failure_count FROM person WHERE name = :n"), {"n": name}) == 0


def _secret(world: World, name: str) -> str:
    with world.installation.reads.connect() as connection:
        kept = connection.scalar(text("SELECT totp_secret FROM person WHERE name = :n"), {"n": name})
    return account_key(world.installation.config.data).opened(kept, of=name)


@pytest.mark.races
@pytest.mark.requirement("R23")
def test_a_code_used_twice_at_once_signs_once(world: World, strict: Installation) -> None:
    name = officer(world)
    code = enrol(world, name).at(world.now)
    outcomes, together = [], threading.Barrier(2)
    waiting = [to_sign(world) for _ in range(2)]
    actor = actor_by_name(strict, name)

    def attempt(wanted: dict[str, str]) -> None:
        given = {**wanted, "password": PASSWORD, "one_time_code": code}
        together.wait()
        outcomes.append(run_act(strict, "decide_reagent", given, actor, door="test", now=world.now))

    threads = [threading.Thread(target=attempt, args=(wanted,)) for wanted in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert codes(refused) == ["SIGNATURE_WRONG"]


@pytest.mark.requirement("R23", "R15")
def test_wrong_codes_count_as_wrong_passwords_and_lock(world: World, strict: Installation) -> None:
    name = officer(world)
    app = enrol(world, name)
    for _ in range(5):
        wrong = sign(world, strict, name, one_time_code="000000" if app.at(world.now) != "000000" else "000001")
        assert codes(wrong) == ["SIGNATURE_WRONG"] and "one-time code is wrong" in wrong.refusals[0].detail
    assert codes(sign(world, strict, name, one_time_code=app.at(world.now))) == ["ACCOUNT_LOCKED"]


@pytest.mark.requirement("R23")
def test_signing_in_needs_the_code_and_uses_it_up(world: World, strict: Installation) -> None:
    name = officer(world)
    app = enrol(world, name)

    def come(code: str | None) -> sessions.SignInAnswer:
        return sessions.prove(strict, name, Credentials(PASSWORD, code), world.now, place=Place("test"))

    assert come(None).standing is None
    proof = come(app.at(world.now))
    assert proof.standing is not None and proof.once is not None
    actor = proof.standing.actor
    assert run_act(strict, "sign_in", {}, actor, door="test", now=world.now, once=proof.once).accepted
    assert codes(run_act(strict, "sign_in", {}, actor, door="test", now=world.now, once=proof.once)) == [
        "SIGNATURE_WRONG"
    ]
    assert come(app.at(world.now)).standing is None
    assert come(app.at(world.now + 30 * SECOND)).standing is not None  # the next code, a step ahead


@pytest.mark.requirement("R23")
def test_a_confirmed_factor_is_replaced_only_after_an_administrator_reset_it(world: World) -> None:
    name = officer(world)
    enrol(world, name)
    assert world.codes(name, "set_up_second_factor") == ["SECOND_FACTOR_NEEDED"]
    assert world.codes(name, "confirm_second_factor", one_time_code="123456") == ["SIGNATURE_WRONG"]
    assert world.codes("ada", "hand_over_code", name=name) == ["ALREADY_EXISTS"]
    given = {"name": name, "reason": "the telephone was lost"}
    assert world.codes("quinn", "reset_second_factor", **given) == ["ROLE_NOT_ALLOWED"]
    world.do("ada", "reset_second_factor", **given)
    assert world.meet(name).has_second_factor  # nothing has changed yet
    confirm(world, name)
    assert not world.meet(name).has_second_factor
    enrol(world, name)
    assert world.meet(name).has_second_factor


def test_a_factor_is_confirmed_by_a_right_code_only(world: World) -> None:
    name = officer(world)
    assert world.codes(name, "confirm_second_factor", one_time_code="123456") == ["SIGNATURE_WRONG"]
    set_up(world, name, handed(world, name))
    assert world.codes(name, "confirm_second_factor", one_time_code="no code") == ["SIGNATURE_WRONG"]
    assert not world.meet(name).has_second_factor
    with pytest.raises(Malformed) as malformed:
        world.try_act(name, "confirm_second_factor", one_time_code="1" * 300)
    assert "1" * 21 not in str(malformed.value)


@pytest.mark.requirement("R23", "R5")
def test_the_secret_is_told_once_and_the_trail_does_not_hold_it(world: World) -> None:
    name = officer(world)
    secret = set_up(world, name, handed(world, name))["secret"]
    with world.installation.reads.connect() as connection:
        trail = connection.scalar(text("SELECT string_agg(before::text || after::text, '') FROM change"))
        acts = connection.scalar(text("SELECT string_agg(given::text || coalesce(result::text, ''), '') FROM act"))
        assert secret not in connection.scalar(text("SELECT string_agg(to_jsonb(p)::text, '') FROM person p"))
    assert secret not in trail + acts and '"totp_next": "(hidden) ' in trail


@pytest.mark.requirement("R13")
def test_the_name_given_with_a_signature_must_be_that_of_who_acts(world: World) -> None:
    assert sign(world, world.installation, "quinn", signer=" Quinn ").accepted
    wrong = sign(world, world.installation, "quinn", signer="oksana")
    assert codes(wrong) == ["SIGNATURE_WRONG"]
    proved = passwords.prove(
        world.installation,
        world.people["quinn"],
        Credentials(PASSWORD, signer="oksana"),
        world.now,
        place=Place("test"),
    )
    assert proved.proof is Proof.WRONG_AMONG
    world.do("ada", "unlock_person", name="quinn", reason="the wrong names were those of a test")
