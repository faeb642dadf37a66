"""What is done again writes anew what it wrote: the database lets an act do so where that is what it is for."""

from sqlalchemy import text

from tests.factories.deviations import action_row, deviation_row, investigated_deviation, planned_action
from tests.factories.doses import ordered_dose, row_of
from tests.factories.lots import stored_lot
from tests.factories.production import DAY, accepted_reagent
from tests.factories.world import World


def test_a_deviation_is_investigated_again_before_and_after_it_was_closed(world: World) -> None:
    code = investigated_deviation(world)
    for who, found in (("quinn", "A second probe"), ("taras", "The hinge")):
        told = {"investigation": found, "root_cause": "Worn"}
        world.do(who, "investigate_deviation", deviation=code, **told)
    world.do("quinn", "close_deviation", deviation=code, decision="Repaired")
    world.do("quinn", "reopen_deviation", deviation=code, reason="It opened again")
    world.do("taras", "investigate_deviation", deviation=code, investigation="The frame", root_cause="Bent")
    world.do("quinn", "close_deviation", deviation=code, decision="A new frame")
    row = deviation_row(world, code)
    assert (row.state, row.root_cause, row.decision) == ("CLOSED", "Bent", "A new frame")


def test_an_action_that_did_not_help_is_verified_once_more(world: World) -> None:
    action = planned_action(world, investigated_deviation(world))
    for helped, seen in ((False, "It opened again"), (True, "A month without alarm")):
        world.do("taras", "complete_action", action=action, done_note="New hinge")
        world.do("oksana", "verify_action", action=action, effective=helped, verification=seen)
    row = action_row(world, action)
    assert (row.state, row.verification) == ("VERIFIED", "A month without alarm")


def test_a_dose_is_planned_anew_more_than_once(world: World) -> None:
    dose = ordered_dose(world)
    for days, why in ((1, "The ward is full"), (2, "So it is tomorrow")):
        on = (dose.at + days * DAY).date()
        world.do("clara", "plan_dose_anew", now=dose.at, dose=dose.code, planned_on=on, reason=why)
    row = row_of(world, dose.code)
    assert (row.planned_on, row.planned_anew_because) == ((dose.at + 2 * DAY).date(), "So it is tomorrow")


def test_a_reagent_is_decided_about_more_than_once(world: World) -> None:
    code = accepted_reagent(world)
    for decision, certificate in (("reject", "CoA 2"), ("accept", "CoA 3")):
        decided = {"decision": decision, "certificate": certificate, "reason": "The maker wrote again"}
        world.do("quinn", "decide_reagent", reagent=code, **decided)


def test_whoever_counts_a_box_says_how_long_it_was_out(world: World) -> None:
    lot = stored_lot(world, vials=2)
    for who, act in (("tina", "count_box"), ("taras", "count_again")):
        world.do(who, act, box=lot.box, vials=list(lot.vials), seconds_out=40)
    with world.installation.reads.connect() as connection:
        asked = "SELECT count(*) FROM warming_event w JOIN storage_unit u ON u.id = w.unit_id WHERE u.code = :box"
        assert connection.scalar(text(asked), {"box": lot.box}) == 2
