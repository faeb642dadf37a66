"""A serious reaction is entered in the moment in which the next dose is ordered, checked or started: the step is
refused, or stands before the reaction in the trail. Never after it: then somebody went on who could have known.

The step is held open at its two open moments: when it has judged, and when it has written and not yet committed. Each
race is run with the lock of the application off, where the database decides, and with the database's off, where the
application does; with both off it goes wrong.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from cellbank.services.clinic.treatment import undecided
from tests.conftest import Furnished
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    checked_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    weighed,
)
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, judge_together, without_locks
from tests.races.test_dosing_races import at_once, came_of

pytestmark = pytest.mark.races
DAYS = 3 * 24 * 60 * MINUTE  # between the first infusion and the second
WITHOUT_THE_TWIN = [
    "ALTER TABLE dose DISABLE TRIGGER dose_is_ordered_decided",
    "ALTER TABLE dose DISABLE TRIGGER dose_is_given_decided",
]
NOBODY_DECIDES_TWICE = ["ALTER TABLE treatment_decision DISABLE TRIGGER decision_is_about_what_is_open"]
Step = tuple[str, str, dict[str, Any]]  # who, act, given


def first(world: World) -> OrderedDose:
    return infused_dose(world, prepared_dose(world, ordered_dose(world, lot=product_lot(world, vials=8))))


def order(world: World, given: OrderedDose) -> Step:
    at = given.at + DAYS
    weighed(world, given.subject, "50.0", at)
    return "clara", "order_dose", {"now": at, "subject": given.subject, "lot": given.lot.code}


def second(world: World, given: OrderedDose) -> OrderedDose:
    _, _, asked = order(world, given)
    return prepared_dose(world, ordered_dose(world, lot=given.lot, subject=given.subject, at=asked["now"]))


def check(world: World, given: OrderedDose) -> Step:
    dose = second(world, given)
    return "clara", "check_dose", {"now": dose.at + 40 * MINUTE, **bedside(world, dose)}


def start(world: World, given: OrderedDose) -> Step:
    dose = checked_dose(world, second(world, given))
    return "clara", "start_infusion", {"now": dose.at + 45 * MINUTE, "dose": dose.code}


STEPS = [order, check, start]


def react(world: World, given: OrderedDose) -> Outcome:
    noted = {"dose": given.code, "serious": True, "reaction": "Shortness of breath"}
    return world.try_act("cyril", "record_reaction", now=given.at + DAYS, **noted)


def open_critical(world: World, given: OrderedDose) -> Outcome:
    found = {"records": [given.code], "title": "The bag was found torn", "description": "At the port of the bag"}
    at = given.at + DAYS
    return world.try_act("cyril", "open_deviation", now=at, classification="critical", **found)


def react_while(
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    moment: str,
    step: Step,
    given: OrderedDose,
    patience_s: float,
    happens: Callable[[World, OrderedDose], Outcome] = react,
) -> tuple[Outcome, Outcome]:
    """What happens to the subject is entered while the step stands still at this moment, for so long at most."""
    who, act, asked = step
    reached, entered, whole = threading.Event(), threading.Event(), getattr(Work, moment)

    def stand_still(work: Work, *args: Any, **named: Any) -> None:
        whole(work, *args, **named)
        if work.act == act and not reached.is_set():
            reached.set()
            entered.wait(timeout=patience_s)

    monkeypatch.setattr(Work, moment, stand_still)
    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(world.try_act, who, act, **asked)
        assert reached.wait(timeout=MUST_MEET_S)
        reaction = happens(world, given)
        entered.set()
        return going_on.result(), reaction


SEALED = text(
    """SELECT s.number FROM seal s JOIN act a ON a.id = s.act_id
        WHERE a.name = :act AND a.outcome = 'accepted' ORDER BY a.id DESC LIMIT 1"""
)


def went_on_after_it(world: World, act: str, outcome: Outcome, what: str = "record_reaction") -> bool:
    """Whether the step was accepted and yet stands behind the reaction in the trail."""
    if not outcome.accepted:
        assert [one.code.value for one in outcome.refusals] == ["DECISION_NEEDED"]
        return False
    with world.installation.reads.connect() as connection:
        step, reaction = (connection.scalar(SEALED, {"act": name}) for name in (act, what))
    return bool(step > reaction)


@pytest.mark.parametrize("moment", ["judge", "sign"])
@pytest.mark.parametrize("step", STEPS)
def test_without_the_lock_the_database_stops_the_step(
    world: World, monkeypatch: pytest.MonkeyPatch, step: Callable[..., Step], moment: str
) -> None:
    given = first(world)
    asked = step(world, given)
    without_locks(monkeypatch)
    outcome, reaction = react_while(monkeypatch, world, moment, asked, given, 1.0)
    assert reaction.accepted and not went_on_after_it(world, asked[1], outcome)


@pytest.mark.parametrize("moment", ["judge", "sign"])
def test_a_critical_deviation_comes_in_turn_too(world: World, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    given = first(world)
    asked = start(world, given)
    outcome, opened = react_while(monkeypatch, world, moment, asked, given, 1.0, open_critical)
    assert opened.accepted and not went_on_after_it(world, asked[1], outcome, "open_deviation")


@pytest.mark.parametrize("step", STEPS)
def test_without_the_database_the_lock_keeps_the_reaction_out(
    furnished: Furnished,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[..., Step],
) -> None:
    with furnished.world(f"by_rule_{step.__name__}", tmp_path, WITHOUT_THE_TWIN, stock=True) as world:
        given = first(world)
        asked = step(world, given)
        outcome, reaction = react_while(monkeypatch, world, "judge", asked, given, 1.0)
        assert reaction.accepted and not went_on_after_it(world, asked[1], outcome)
        # and whoever comes later is refused by the rule alone
        who, act, given_later = asked
        if act != "start_infusion":
            assert not world.try_act(who if act == "order_dose" else "cyril", act, **given_later).accepted


def test_without_lock_and_database_a_dose_starts_after_a_serious_reaction(
    furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with furnished.world("after_reaction", tmp_path, WITHOUT_THE_TWIN, stock=True) as world:
        given = first(world)
        asked = start(world, given)
        without_locks(monkeypatch)
        outcome, reaction = react_while(monkeypatch, world, "judge", asked, given, MUST_MEET_S)
        assert outcome.accepted and reaction.accepted and went_on_after_it(world, asked[1], outcome)


# --- two clinicians decide --------------------------------------------------------------------


def decide_twice(world: World, given: OrderedDose) -> list[Outcome]:
    asked = {"subject": given.subject, "reason": "Seen by the board", "now": given.at + DAYS}
    return at_once(*(partial(world.try_act, who, "continue_treatment", **asked) for who in ("clara", "cyril")))


def test_two_clinicians_decide_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = first(world)
    open_critical(world, given)
    judge_together(monkeypatch)
    assert came_of(decide_twice(world, given)) == ["WRONG_STATE", "accepted"]


def test_without_the_lock_the_database_takes_one_decision(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = first(world)
    open_critical(world, given)
    without_locks(monkeypatch)
    judge_together(monkeypatch, MUST_MEET_S)
    assert came_of(decide_twice(world, given)) == ["CHANGED_MEANWHILE", "accepted"]


def test_without_lock_and_database_the_same_is_decided_twice(
    furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with furnished.world("decided_twice", tmp_path, NOBODY_DECIDES_TWICE, stock=True) as world:
        given = first(world)
        open_critical(world, given)
        without_locks(monkeypatch)
        judge_together(monkeypatch, MUST_MEET_S)
        assert came_of(decide_twice(world, given)) == ["accepted", "accepted"]


def test_a_reaction_that_comes_while_a_clinician_decides_is_not_covered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = first(world)
    react(world, given)
    asked = {"subject": given.subject, "reason": "Seen by the board", "now": given.at + DAYS}
    deciding = "clara", "continue_treatment", asked
    without_locks(monkeypatch)
    decided, reaction = react_while(monkeypatch, world, "judge", deciding, given, 1.0)
    assert decided.accepted and reaction.accepted
    assert len(undecided(world.installation, given.subject)) == 1
