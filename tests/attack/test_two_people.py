"""An administrator with bad intent, alone: makes nobody who signs, and signs as nobody."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.domain.accounts import has_power
from cellbank.domain.actor import Proof
from cellbank.domain.lifecycle.roles import EVERYBODY, Role
from cellbank.domain.lifecycle.table import TRANSITIONS, powers, roles_for
from cellbank.records.work import Work
from cellbank.services.people import account_changes, accounts, passwords, second_factor, training
from cellbank.services.people.actors import actor_by_name
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from tests.factories.clinic import enrolled_subject
from tests.factories.people import accept, badge, confirm, enrol, newcomer, to_sign, train
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World

pytestmark = [pytest.mark.requirement("R4"), pytest.mark.usefixtures("real_passwords")]

HIS = "chosen by the administrator"
DAYS = {"trained_on": "2026-01-01", "valid_until": "2026-12-31"}


def added(world: World, *roles: str) -> tuple[str, str]:
    """Sign-in name and badge of an account that the administrator asks for."""
    name = world.unique("q").replace("-", ".")
    given = {"name": name, "full_name": f"Person {name}", "roles": list(roles), "new_password": HIS}
    return name, world.do("ada", "add_person", **given)["code"]


def row(world: World, name: str) -> Any:
    with world.installation.reads.connect() as connection:
        return connection.execute(text("SELECT * FROM person WHERE name = :name"), {"name": name}).one()


# ---- what one administrator asks for, alone


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SYSTEM}))
def test_a_new_account_with_power_signs_in_only_once_another_has_confirmed_it(world: World, role: str) -> None:
    name, code = added(world, role)
    assert actor_by_name(world.installation, name) is None
    assert world.codes("ada", "confirm_account_change", person=code) == ["SAME_PERSON"]
    world.do("quinn", "confirm_account_change", person=code)
    assert actor_by_name(world.installation, name) is not None
    assert row(world, name).must_change_password


def test_nobody_alone_gives_themself_the_eyes_of_an_auditor(world: World) -> None:
    """Who a patient is, is told to auditors: an administrator made one, or took one over, and asked."""
    subject = enrolled_subject(world)
    name, _ = added(world, "auditor")
    assert actor_by_name(world.installation, name) is None
    other = newcomer(world, "auditor")
    world.do(other, "look_at_identity", subject=subject)
    world.do("ada", "reset_password", name=other, new_password=HIS, reason="to look as him")
    given = Credentials(HIS)
    assert (
        passwords.prove(world.installation, world.meet(other), given, world.now, place=Place("test")).proof
        is Proof.WRONG
    )


def test_whoever_may_what_not_everybody_may_is_made_by_two() -> None:
    """By the table and not by a list: so that a role with a new power needs nobody to think of it."""
    some = {row.act for row in TRANSITIONS if not row.roles >= EVERYBODY}
    able = {role for act in some for role in roles_for(act)} - {Role.SYSTEM}
    assert {"look_at_identity", "issue_document", "release_lot", "add_person"} <= some
    assert able <= powers() and {role for role in Role if has_power([role])} == powers()


def test_nobody_knows_the_password_of_another(world: World) -> None:
    given = {"name": "some.body", "full_name": "S", "roles": ["technician"], "new_password": HIS, "must_change": False}
    assert world.codes("ada", "add_person", **given) == ["ROLE_NOT_ALLOWED"]


@pytest.mark.parametrize(
    ("act", "given", "same"),
    [
        ("change_roles", {"roles": ["quality_officer", "clinician"]}, ("roles",)),
        ("reset_password", {"new_password": HIS}, ("password_hash", "must_change_password")),
        ("reset_second_factor", {}, ("totp_secret", "totp_confirmed_at")),
    ],
)
def test_what_is_asked_for_an_account_that_signs_changes_nothing_alone(
    world: World, act: str, given: dict[str, Any], same: tuple[str, ...]
) -> None:
    name = newcomer(world)
    enrol(world, name)
    before = row(world, name)
    outcome = world.try_act("ada", act, name=name, reason="to sign for them", **given)
    assert outcome.accepted and outcome.result["warnings"][0]["code"] == "SECOND_PERSON_NEEDED"
    after = row(world, name)
    assert all(getattr(before, column) == getattr(after, column) for column in same)
    assert world.codes("ada", "confirm_account_change", person=before.code) == ["SAME_PERSON"]
    assert world.codes(name, "confirm_account_change", person=before.code)
    confirm(world, name)
    changed = row(world, name)
    assert any(getattr(before, column) != getattr(changed, column) for column in same)


def test_an_officer_whose_password_is_reset_goes_on_with_the_old_one_until_it_is_confirmed(world: World) -> None:
    name = newcomer(world)
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="to sign as him")

    def proof(password: str) -> Proof | None:
        given, at = Credentials(password), world.now
        return passwords.prove(world.installation, world.people[name], given, at, place=Place("test")).proof

    assert (proof(PASSWORD), proof(HIS)) == (Proof.RIGHT, Proof.WRONG)
    half = confirm(world, name)["handed"]
    assert (proof(PASSWORD), proof(HIS), proof(HIS + half)) == (Proof.WRONG, Proof.WRONG, Proof.FIRST)


def test_a_role_is_taken_away_by_one(world: World) -> None:
    name = newcomer(world, "quality_officer", "technician")
    world.do("ada", "change_roles", name=name, roles=["technician"], reason="no longer reviews")
    assert row(world, name).roles == ["technician"]


def test_what_is_declined_has_changed_nothing(world: World) -> None:
    name, code = added(world, "quality_officer")
    world.do("quinn", "decline_account_change", person=code, reason="nobody knows this person")
    assert row(world, name).state == "DISABLED"
    other = newcomer(world)
    world.do("ada", "reset_password", name=other, new_password=HIS, reason="a mistake")
    world.do("ada", "decline_account_change", person=badge(world, other), reason="asked for by mistake")
    assert row(world, other).state == "ACTIVE"
    assert world.codes("quinn", "confirm_account_change", person=badge(world, other)) == ["NOT_FOUND"]


def test_one_change_waits_at_a_time(world: World) -> None:
    name = newcomer(world)
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="forgotten")
    assert world.codes("ada", "reset_second_factor", name=name, reason="lost it") == ["ALREADY_EXISTS"]
    assert world.codes("ada", "change_roles", name=name, roles=["clinician"], reason="the ward") == ["ALREADY_EXISTS"]


def test_a_disabled_account_does_not_come_back_with_a_confirmation(world: World) -> None:
    name = newcomer(world)
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="forgotten")
    world.do("ada", "disable_person", name=name, reason="left the site")
    assert "WRONG_STATE" in world.codes("quinn", "confirm_account_change", person=badge(world, name))
    with world.installation.reads.connect() as connection:
        left = connection.execute(
            text("SELECT state, password_hash FROM account_change WHERE person_id = :id"), {"id": world.people[name].id}
        )
        assert [tuple(row) for row in left] == [("DECLINED", None)]


# ---- trainings


def test_a_training_counts_once_a_second_person_has_confirmed_it(world: World) -> None:
    name, waiting = newcomer(world), to_sign(world)
    accept(world, name)
    given = {"name": name, "role": "quality_officer", "procedure": "SOP-7 version 2", **DAYS}
    code = world.do("ada", "record_training", **given)["code"]
    world.meet(name)
    assert world.codes(name, "decide_reagent", **waiting) == ["TRAINING_EXPIRED"]
    assert world.codes("ada", "confirm_training", training=code) == ["SAME_PERSON"]
    assert "SAME_PERSON" in world.codes(name, "confirm_training", training=code)
    world.do("quinn", "confirm_training", training=code)
    world.meet(name)
    assert world.try_act(name, "decide_reagent", **waiting).accepted


def test_quality_of_another_site_decides_about_nobody_here(world: World) -> None:
    there = second_site(world)
    name = newcomer(world)
    made = train(world, name, "2026-01-01", "2026-12-31")
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="forgotten")
    theirs = there.quality_officer
    given = {"name": name, "role": "quality_officer", "procedure": "SOP-7", **DAYS}
    assert world.codes(theirs, "record_training", **given) == ["OTHER_SITE"]
    assert world.codes(theirs, "revoke_training", training=made, reason="of no use to them") == ["OTHER_SITE"]
    for act, more in (("confirm_account_change", {}), ("decline_account_change", {"reason": "of no use"})):
        assert set(world.codes(theirs, act, person=badge(world, name), **more)) == {"OTHER_SITE"}


def test_an_administrator_signs_for_accounts_and_for_nothing_else(world: World) -> None:
    other, _ = added(world, "administrator")
    confirm(world, other)
    world.meet(other)
    world.do(other, "change_password", new_password=PASSWORD)
    accept(world, other)
    name, code = added(world, "technician")
    world.do(other, "confirm_account_change", person=code)
    assert row(world, name).state == "ACTIVE"
    assert world.codes(other, "decide_reagent", **to_sign(world)) == ["ROLE_NOT_ALLOWED"]


# ---- the database, with the rules off


@pytest.mark.parametrize(
    ("module", "act", "given"),
    [
        (accounts, "add_person", {"full_name": "New", "roles": ["quality_officer"], "new_password": HIS}),
        (accounts, "add_person", {"full_name": "New", "roles": ["auditor"], "new_password": HIS}),
        (accounts, "reset_password", {"new_password": HIS, "reason": "to sign"}),
        (second_factor, "reset_second_factor", {"reason": "to sign"}),
        (accounts, "change_roles", {"roles": ["clinician", "quality_officer"], "reason": "to sign"}),
        (accounts, "change_roles", {"roles": ["auditor"], "reason": "to look"}),
    ],
)
def test_the_database_lets_no_signer_be_changed_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, act: str, given: dict[str, Any]
) -> None:
    name = world.unique("z").replace("-", ".") if act == "add_person" else newcomer(world)
    if act == "reset_second_factor":
        enrol(world, name)
    monkeypatch.setattr(module, "asks_two", lambda work, roles: False)
    monkeypatch.setattr(accounts, "gains_power", lambda before, after: False)
    refused = world.try_act("ada", act, name=name, **given)
    assert [one.code.value for one in refused.refusals] == ["SECOND_PERSON_NEEDED"]
    assert "second person" in refused.refusals[0].detail


def test_the_database_lets_nobody_confirm_what_they_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = newcomer(world)
    accept(world, "ada")
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="to sign")
    given = {"name": name, "role": "quality_officer", "procedure": "SOP-7", **DAYS}
    code = world.do("ada", "record_training", **given)["code"]
    monkeypatch.setattr(Work, "_same_person", lambda self, subject, row: [])
    assert world.codes("ada", "confirm_account_change", person=badge(world, name)) == ["SAME_PERSON"]
    assert world.codes("ada", "confirm_training", training=code) == ["SAME_PERSON"]


def test_the_database_counts_no_training_that_nobody_confirmed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "counts_at_once", lambda work: True)
    given = {"name": newcomer(world), "role": "quality_officer", "procedure": "SOP-7", **DAYS}
    monkeypatch.setattr(Work, "_role_refusals", lambda self, rows: [])
    assert world.codes("ada", "record_training", **given) == ["SECOND_PERSON_NEEDED"]


def test_the_database_keeps_what_was_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = newcomer(world)
    world.do("ada", "change_roles", name=name, roles=["clinician", "quality_officer"], reason="the ward")

    def widen(work: Work, person: Any, *_: Any, **__: Any) -> None:
        change = account_changes.open_change(work, person)
        change.roles = person.roles = ["clinician", "quality_officer", "technician"]

    monkeypatch.setattr(account_changes, "_do", widen)
    assert world.codes("quinn", "confirm_account_change", person=badge(world, name)) == ["CHANGED_MEANWHILE"]


def test_at_psql_nothing_of_it_is_possible_either(world: World, databases: Any) -> None:
    name = newcomer(world)
    with pytest.raises(Exception, match="act"), world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE person SET password_hash = 'x' WHERE name = :name"), {"name": name})


# ---- at the same moment


def test_of_two_who_confirm_at_once_one_does(world: World) -> None:
    name = newcomer(world)
    world.do("ada", "reset_password", name=name, new_password=HIS, reason="forgotten")
    code, found, start = badge(world, name), [], threading.Barrier(2)

    def go(who: str) -> None:
        start.wait()
        found.append(world.try_act(who, "confirm_account_change", person=code).accepted)

    threads = [threading.Thread(target=go, args=(who,)) for who in ("quinn", "oksana")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [False, True]


def test_of_two_who_ask_at_once_one_waits(world: World) -> None:
    name = newcomer(world)
    other, _ = added(world, "administrator")
    confirm(world, other)
    world.meet(other)
    found, start = [], threading.Barrier(2)

    def go(who: str) -> None:
        start.wait()
        found.append(world.try_act(who, "reset_password", name=name, new_password=HIS, reason="forgotten").accepted)

    threads = [threading.Thread(target=go, args=(who,)) for who in ("ada", other)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [False, True]
