"""Where two people do it there are two: whoever began it still may when the other one signs, and it is to be done."""

from typing import Any

import pytest
from sqlalchemy import text

from cellbank.services.installation import server_time
from cellbank.services.people import account_changes, training, unlocking
from tests.attack.test_guessing_passwords import REASON, lock_from_outside, row
from tests.attack.test_two_people import DAYS, HIS
from tests.factories.people import accept, badge, confirm, newcomer
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser

pytestmark = [pytest.mark.requirement("R4"), pytest.mark.usefixtures("real_passwords")]

RULES = pytest.mark.parametrize("rule", [True, False], ids=["rule", "database"])


def off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule in Python asks nothing; the database does."""
    for module in (account_changes, unlocking, training):
        monkeypatch.setattr(module, "not_two", lambda *_: ())


def second_administrator(world: World) -> str:
    name = newcomer(world, "administrator")
    accept(world, name)
    return name


@RULES
def test_what_a_disabled_administrator_asked_for_is_not_done(
    world: World, monkeypatch: pytest.MonkeyPatch, rule: bool
) -> None:
    bad, name = second_administrator(world), newcomer(world)
    world.do(bad, "reset_password", name=name, new_password=HIS, reason="to sign as him")
    given = {"name": name, "role": "quality_officer", "procedure": "SOP-7", **DAYS}
    made = world.do(bad, "record_training", **given)["code"]
    world.do("ada", "disable_person", name=bad, reason="found out")
    if not rule:
        off(monkeypatch)
    assert world.codes("quinn", "confirm_account_change", person=badge(world, name)) == ["SECOND_PERSON_NEEDED"]
    assert world.codes("quinn", "confirm_training", training=made) == ["SECOND_PERSON_NEEDED"]
    world.do("quinn", "decline_account_change", person=badge(world, name), reason="asked for by nobody")
    world.do("quinn", "revoke_training", training=made, reason="recorded by nobody")


@RULES
def test_who_lost_the_role_asks_for_nothing_any_more(world: World, monkeypatch: pytest.MonkeyPatch, rule: bool) -> None:
    bad, name = second_administrator(world), newcomer(world)
    world.do(bad, "change_roles", name=name, roles=["clinician", "quality_officer"], reason="the ward")
    world.do("ada", "change_roles", name=bad, roles=["technician"], reason="back to the bench")
    confirm(world, bad)
    if not rule:
        off(monkeypatch)
    assert world.codes("quinn", "confirm_account_change", person=badge(world, name)) == ["SECOND_PERSON_NEEDED"]


def test_who_asks_for_other_roles_of_their_own_may_lose_the_one_that_asked(world: World) -> None:
    name = second_administrator(world)
    world.do(name, "change_roles", name=name, roles=["technician"], reason="back to the bench")
    confirm(world, name)
    assert row(world, name).roles == ["technician"]


@pytest.fixture
def locked(world: World) -> str:
    name = newcomer(world, "clinician")
    accept(world, name)
    lock_from_outside(world, name)
    return name


@RULES
def test_nobody_unlocks_with_somebody_whose_account_is_over(
    world: World, locked: str, monkeypatch: pytest.MonkeyPatch, rule: bool
) -> None:
    bad = newcomer(world, "technician")
    world.do(bad, "unlock_together", person=badge(world, locked), **REASON)
    world.do("ada", "disable_person", name=bad, reason="found out")
    if not rule:
        off(monkeypatch)
    assert world.codes("taras", "confirm_unlock", person=badge(world, locked)) == ["SECOND_PERSON_NEEDED"]
    assert row(world, locked).locked_until is not None


def test_what_is_open_already_is_not_unlocked(world: World, locked: str) -> None:
    world.do("tina", "unlock_together", person=badge(world, locked), **REASON)
    world.do("ada", "unlock_person", name=locked, reason="called by telephone")
    refused = world.try_act("taras", "confirm_unlock", person=badge(world, locked))
    assert [one.code.value for one in refused.refusals] == ["WRONG_STATE"]
    assert "not locked" in refused.refusals[0].detail


# ---- one page, two acts


@pytest.fixture
def locked_now(world: World) -> str:
    """By the clock of the pages."""
    name = newcomer(world, "clinician")
    accept(world, name)
    lock_from_outside(world, name, server_time())
    return name


@pytest.mark.parametrize("length", [1, 192, 193, 197, 200])
def test_a_long_key_does_the_second_act_as_well(signed_in: Any, world: World, locked_now: str, length: int) -> None:
    page: Browser = signed_in("tina")
    key = (world.unique("k") + "x" * length)[:length] if length > 1 else world.unique("k")
    sent = both(world, locked_now) | {"key": key}
    assert page.post("/act/unlock_together", sent).status_code == 303
    assert row(world, locked_now).locked_until is None


def test_the_page_says_what_stands_although_the_second_act_is_refused(
    signed_in: Any, world: World, locked_now: str
) -> None:
    untrained = newcomer(world, "technician")  # and has not accepted the statement
    page: Browser = signed_in("tina")
    shown = page.post("/act/unlock_together", both(world, locked_now) | {"second.name": untrained})
    with world.installation.reads.connect() as connection:
        asked = connection.scalar(text("SELECT max(id) FROM act WHERE name = 'unlock_together'"))
    assert shown.status_code == 409 and f"Recorded, as act {asked}" in shown.text
    assert "Nothing was recorded" not in shown.text and row(world, locked_now).locked_until is not None


def both(world: World, locked: str) -> dict[str, str]:
    """The form of the page, filled by two people."""
    return {
        "person": badge(world, locked),
        "password": PASSWORD,
        "second.name": "taras",
        "second.password": PASSWORD,
        **REASON,
    }


def test_the_page_of_somebody_who_is_locked_out_says_one_thing(signed_in: Any, world: World, locked_now: str) -> None:
    page: Browser = signed_in("ada")
    record = page.get(f"/record/{badge(world, locked_now)}").text
    state = record.split('class="card-state"')[1].split("</div>")[0]
    assert "Locked" in state and "state-stop" in state and "may sign in" not in record and "state-good" not in state
