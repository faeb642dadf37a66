"""After a serious reaction, or with a critical deviation of a dose open, the next dose waits for a signed decision."""

import datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.rules import standing
from cellbank.domain.rules.standing import SubjectFacts, next_dose_refusals, nothing_to_decide_refusals
from cellbank.services.acts import Malformed
from cellbank.services.clinic.at_bedside import judge_standing
from cellbank.services.clinic.reactions import Noted
from cellbank.services.clinic.treatment import undecided
from cellbank.services.constraints import refusal_for
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.documents.papers import snapshot
from cellbank.services.lookup.boards import calendar, dose_board
from cellbank.services.lookup.scanning import Card, look_up
from cellbank.services.lookup.work import worklists
from cellbank.services.signing.to_sign import to_sign
from cellbank.services.trail.history import signatures
from cellbank.services.wording.values import clock
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    checked_dose,
    infused_dose,
    ordered_dose,
    pick,
    prepared_dose,
    product_lot,
    weighed,
)
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
GOES_ON = {"reason": "Seen by the board; the reaction has passed without harm"}
NO = ["DECISION_NEEDED"]


def first(world: World) -> OrderedDose:
    """The first infusion of a subject, given; there is enough of the lot for the second."""
    return infused_dose(world, prepared_dose(world, ordered_dose(world, lot=product_lot(world, vials=8))))


def second(world: World, given: OrderedDose, **more: Any) -> OrderedDose:
    """The second infusion, three days later, as the plan has it."""
    at = given.at + 3 * DAY
    weighed(world, given.subject, "50.0", at)
    return ordered_dose(world, lot=given.lot, subject=given.subject, at=at, **more)


def react(world: World, dose: OrderedDose, *, serious: bool = True, who: str = "clara") -> None:
    noted = {"dose": dose.code, "serious": serious, "reaction": "Shortness of breath; oxygen, two days in hospital"}
    world.do(who, "record_reaction", now=dose.at + 2 * 60 * MINUTE, **noted)


def deviation(world: World, dose: OrderedDose, classification: str, at: datetime.datetime) -> str:
    given = {"records": [dose.code], "title": "The bag was found torn", "description": "Torn at the port of the bag"}
    return str(world.do("clara", "open_deviation", now=at, classification=classification, **given)["code"])


def order_again(world: World, given: OrderedDose) -> list[str]:
    at = given.at + 3 * DAY
    weighed(world, given.subject, "50.0", at)
    return world.codes("clara", "order_dose", now=at, subject=given.subject, lot=given.lot.code)


def decide(world: World, dose: OrderedDose, at: datetime.datetime) -> dict[str, Any]:
    return world.do("cyril", "continue_treatment", now=at, subject=dose.subject, **GOES_ON)


# --- the rule ---------------------------------------------------------------------------------


def test_the_rule_names_each_concern_and_asks_for_nothing_without_one() -> None:
    calm = SubjectFacts("SJ0001W", "ENROLLED", "A", True)
    worried = SubjectFacts("SJ0001W", "ENROLLED", "A", True, ("serious reaction to dose CH1", "critical deviation DV1"))
    assert list(next_dose_refusals(calm)) == []
    [refusal] = next_dose_refusals(worried)
    assert refusal.code == "DECISION_NEEDED"
    assert "serious reaction to dose CH1, critical deviation DV1" in refusal.detail
    assert nothing_to_decide_refusals(worried) == () and nothing_to_decide_refusals(calm)
    ended = SubjectFacts("SJ0001W", "COMPLETED", "A", True, worried.undecided)
    assert "is completed" in nothing_to_decide_refusals(ended)[0].detail


# --- serious reactions ------------------------------------------------------------------------


@pytest.mark.requirement("R2")
def test_a_serious_reaction_stops_the_next_order_until_a_clinician_has_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellbank.services.lookup.work.SHOWN", 1000)  # others wait here as well
    given = first(world)
    react(world, given)
    assert order_again(world, given) == NO
    assert undecided(world.installation, given.subject) == (f"serious reaction to dose {given.code}",)
    [listed] = [
        one for one in worklists(world.installation, frozenset({Role.CLINICIAN}), world.now) if one.name == "undecided"
    ]
    assert (given.subject, "continue_treatment") in [(item.code, item.act) for item in listed.items]
    assert world.codes("tina", "continue_treatment", subject=given.subject, **GOES_ON) == ["ROLE_NOT_ALLOWED"]
    made = decide(world, given, given.at + DAY)
    [signed] = signatures(world.installation, "treatment_decision", made["code"])
    assert (signed.person, signed.meaning, signed.is_void) == ("Cyril Clinician", "approved", False)
    card = look_up(world.installation, world.people["clara"], made["code"])
    assert isinstance(card, Card) and given.code in dict(card.facts)["In spite of"]
    assert order_again(world, given) == []


@pytest.mark.requirement("R20")
def test_nobody_decides_alone_about_a_reaction_that_they_noted(world: World) -> None:
    """Of two clinicians who noted one each, each decides about that of the other: there is no dead end."""
    given = first(world)
    react(world, given)
    asked = {"now": given.at + DAY, "subject": given.subject, **GOES_ON}
    assert world.codes("clara", "continue_treatment", **asked) == ["SAME_PERSON"]
    shown = to_sign(world.installation.seen_by(world.people["clara"]), "continue_treatment", asked, given.at + DAY)
    assert shown is not None and "another clinician decides" in str(shown.blocks)
    react(world, given, who="cyril")
    assert len(world.do("clara", "continue_treatment", **asked)["covers"]) == 1
    assert len(undecided(world.installation, given.subject)) == 1 and order_again(world, given) == NO
    decide(world, given, given.at + 2 * DAY)
    assert order_again(world, given) == []


def test_the_database_lets_nobody_decide_about_their_own_reaction(world: World) -> None:
    given = first(world)
    react(world, given)
    decision = text(
        """INSERT INTO treatment_decision (code, subject_id, covers, reason, decided_at, decided_by_id, state)
           SELECT 'TD0000', d.subject_id, jsonb_build_array(jsonb_build_object('kind', 'reaction', 'id', r.id)),
                  'Alone', now(), r.noted_by_id, 'DECIDED'
             FROM reaction r JOIN dose d ON d.id = r.dose_id WHERE d.code = :dose"""
    )
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(decision, {"dose": given.code})
    refusal = refusal_for(caught.value)
    assert refusal is not None and refusal.code == "SAME_PERSON"


def test_a_reaction_that_is_not_serious_stops_nothing_and_nobody_may_leave_it_open(world: World) -> None:
    given = first(world)
    react(world, given, serious=False)
    with pytest.raises(Malformed) as missing:
        world.try_act("clara", "record_reaction", dose=given.code, reaction="Flush")
    assert [problem.field for problem in missing.value.problems] == ["serious"]
    assert order_again(world, given) == []
    assert world.codes("clara", "continue_treatment", subject=given.subject, **GOES_ON) == ["WRONG_STATE"]


def test_a_decision_covers_what_was_open_and_nothing_that_comes(world: World) -> None:
    given = first(world)
    react(world, given)
    decide(world, given, given.at + DAY)
    react(world, given)
    assert order_again(world, given) == NO


def test_what_runs_is_for_those_at_the_bed(world: World) -> None:
    dose = checked_dose(world)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    react(world, dose)
    judged = judge_standing(world.installation, dose.code, dose.at + 50 * MINUTE)
    assert judged is not None and judged.refusals == ()


def told_late(world: World, given: OrderedDose, now: datetime.datetime) -> None:
    """A serious reaction to the earlier dose, of which the ward hears only now."""
    late = {"happened_at": (given.at + 2 * DAY).isoformat(), "entered_late_because": "The family has called"}
    noted = {"dose": given.code, "serious": True, "reaction": "Two days in hospital", **late}
    world.do("clara", "record_reaction", now=now, **noted)


def judged_now(world: World, dose: OrderedDose, minutes: int) -> list[str]:
    """What a screen that watches the dose is answered."""
    judged = judge_standing(world.installation, dose.code, dose.at + minutes * MINUTE)
    assert judged is not None
    return [refusal.code.value for refusal in judged.refusals]


def test_what_is_told_late_of_an_earlier_dose_stops_one_that_is_prepared(world: World) -> None:
    given = first(world)
    dose = prepared_dose(world, second(world, given))
    assert judged_now(world, dose, 35) == []
    told_late(world, given, dose.at + 36 * MINUTE)
    assert judged_now(world, dose, 37) == NO
    check = dose.at + 40 * MINUTE
    assert world.codes("clara", "check_dose", now=check, **bedside(world, dose)) == NO
    decide(world, dose, check)
    assert judged_now(world, dose, 41) == []


def test_what_is_told_late_of_an_earlier_dose_stops_one_that_is_checked_or_runs(world: World) -> None:
    given = first(world)
    dose = checked_dose(world, prepared_dose(world, second(world, given)))
    told_late(world, given, dose.at + 42 * MINUTE)
    start = {"now": dose.at + 45 * MINUTE, "dose": dose.code}
    assert judged_now(world, dose, 43) == world.codes("clara", "start_infusion", **start) == NO
    decide(world, dose, dose.at + 44 * MINUTE)
    world.do("clara", "start_infusion", **start)
    assert judged_now(world, dose, 46) == []
    told_late(world, given, dose.at + 47 * MINUTE)
    assert judged_now(world, dose, 48) == NO


# --- on its way -------------------------------------------------------------------------------


def test_a_dose_on_its_way_stops_at_every_step_that_could_still_be_left_undone(world: World) -> None:
    given = first(world)
    dose = second(world, given)
    react(world, given)
    picking = {"now": dose.at, "dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0]}
    assert world.codes("tina", "pick_vial", **picking) == NO
    decide(world, given, dose.at)
    pick(world, dose, dose.vials[0])


@pytest.mark.the_database_refuses("a_decision_comes_before_the_next_dose")
def test_a_prepared_dose_stops_at_the_check_and_at_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the rule, and by the database with the rule off."""
    given = first(world)
    dose = prepared_dose(world, second(world, given))
    found = deviation(world, given, "critical", dose.at + 35 * MINUTE)
    check, start = dose.at + 40 * MINUTE, dose.at + 45 * MINUTE
    scans = bedside(world, dose)
    assert world.codes("clara", "check_dose", now=check, **scans) == NO
    with monkeypatch.context() as off:
        off.setattr(standing, "next_dose_refusals", lambda _: ())
        assert world.codes("clara", "check_dose", now=check, **scans) == NO
    decide(world, given, check)
    checked_dose(world, dose)
    seen = {"investigation": "The port was looked at", "root_cause": "A clamp"}
    world.do("tina", "investigate_deviation", now=check, deviation=found, **seen)
    world.do("quinn", "lower_deviation", now=check, deviation=found, classification="major", reason="Seen again")
    world.do("quinn", "classify_deviation", now=start, deviation=found, classification="critical", reason="Worse")
    assert world.codes("clara", "start_infusion", now=start, dose=dose.code) == NO
    monkeypatch.setattr(standing, "next_dose_refusals", lambda _: ())
    assert world.codes("clara", "start_infusion", now=start, dose=dose.code) == NO


@pytest.mark.the_database_refuses("a_decision_comes_before_the_next_dose")
def test_the_database_orders_no_dose_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = first(world)
    react(world, given)
    monkeypatch.setattr(standing, "next_dose_refusals", lambda _: ())
    assert order_again(world, given) == NO
    decide(world, given, given.at + DAY)
    assert order_again(world, given) == []


def test_the_rule_stands_without_the_database(world: World) -> None:
    """A judgement alone writes nothing, so that only the rule can say no."""
    given = first(world)
    react(world, given)
    at = given.at + 3 * DAY
    weighed(world, given.subject, "50.0", at)
    order = {"subject": given.subject, "lot": given.lot.code}
    outcome = world.try_act("clara", "order_dose", now=at, dry_run=True, **order)
    assert [refusal.code.value for refusal in outcome.refusals] == NO


# --- critical deviations ----------------------------------------------------------------------


def test_only_an_open_critical_deviation_of_the_dose_itself_counts(world: World) -> None:
    given, at = first(world), world.now + DAY
    deviation(world, given, "major", at)
    world.do(
        "clara",
        "open_deviation",
        now=at,
        classification="critical",
        records=[given.lot.code],
        title="The lot",
        description="About the lot and not about the dose",
    )
    assert undecided(world.installation, given.subject) == ()
    found = deviation(world, given, "critical", at)
    assert undecided(world.installation, given.subject) == (f"critical deviation {found} (The bag was found torn)",)


def test_a_deviation_that_is_opened_again_is_decided_again(world: World) -> None:
    given, at = first(world), world.now + DAY
    found = deviation(world, given, "critical", at)
    decide(world, given, at + MINUTE)
    assert undecided(world.installation, given.subject) == ()
    about = {"deviation": found}
    investigated = {"investigation": "The port was cracked by the clamp", "root_cause": "A clamp of another make"}
    world.do("tina", "investigate_deviation", now=at + DAY, **about, **investigated)
    world.do("quinn", "close_deviation", now=at + 2 * DAY, **about, decision="The clamps are replaced")
    assert undecided(world.installation, given.subject) == ()
    world.do("quinn", "reopen_deviation", now=at + 3 * DAY, **about, reason="It has happened again")
    assert len(undecided(world.installation, given.subject)) == 1


def test_another_subject_is_not_stopped(world: World) -> None:
    lot = product_lot(world, vials=12)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    react(world, given)
    assert ordered_dose(world, lot=lot).code
    assert undecided(world.installation, given.subject)


# --- what stands in front of whoever decides --------------------------------------------------


@pytest.mark.requirement("R4")
def test_what_is_decided_stands_above_the_signature_complete(world: World) -> None:
    given = first(world)
    late = {"happened_at": (given.at + 2 * 60 * MINUTE).isoformat(), "entered_late_because": "Told on the phone"}
    noted = {"dose": given.code, "serious": True, "reaction": "Shortness of breath", **late}
    world.do("clara", "record_reaction", now=given.at + DAY, **noted)
    found = deviation(world, given, "critical", given.at + DAY)
    content = to_sign(world.installation, "continue_treatment", {"subject": given.subject}, given.at + 2 * DAY)
    assert content is not None
    said = str(content.blocks)
    for wanted in (
        "Serious reaction",
        "Shortness of breath",
        given.code,
        given.lot.code,
        "infusion 1, Day 1",
        "Clara Clinician",
        "Told on the phone",
        "Critical deviation",
        found,
        "The bag was found torn",
        "Torn at the port of the bag",
    ):
        assert wanted in said, (wanted, said)


def test_dose_subject_and_chain_tell_when_it_happened_and_when_and_why_it_was_entered_late(world: World) -> None:
    given = first(world)
    happened, entered = given.at + 2 * 60 * MINUTE, given.at + DAY
    late = {"happened_at": happened.isoformat(), "entered_late_because": "Told on the phone"}
    noted = {"dose": given.code, "serious": True, "reaction": "Shortness of breath", **late}
    world.do("clara", "record_reaction", now=entered, **noted)
    board, plan = dose_board(world.installation, given.code), calendar(world.installation, given.subject, entered)
    assert board is not None and plan is not None
    [of_dose], [of_subject] = board.reactions, plan.reactions
    assert (
        of_dose
        == of_subject
        == Noted(given.code, entered, "Clara Clinician", True, "Shortness of breath", happened, "Told on the phone")
    )
    with snapshot(world.installation.engine) as connection:
        said = str(chain_paper(connection, given.code))
    entry = "Clara Clinician, serious: Shortness of breath"
    assert entry in said and f"entered {clock(world.installation.zone)(entered)}: Told on the phone" in said
