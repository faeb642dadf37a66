"""Holds: a lot stopped through whatever it came from or stands in, and freed to exactly where it was."""

import datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.quality import Hold
from cellbank.services.quality import holds
from cellbank.services.stopping import holding
from cellbank.services.storage import units
from tests.factories.holds import (
    consent_of,
    donor_of,
    hold_state,
    lot_of_bank,
    lot_row,
    moves,
    stands,
)
from tests.factories.lots import filled_lot, frozen_lot, stored_lot
from tests.factories.production import (
    accepted_reagent,
    consent,
    donation,
    donor_results,
    eligible_donor,
    harvested_culture,
)
from tests.factories.quality import (
    enter,
    passed_lot,
    released_lot,
    results_read_at,
    review,
)
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
HELD = ("ON_HOLD", "QUARANTINE")


@pytest.fixture(scope="module")
def din(world: World) -> str:
    """A donation for the lots of all tests that leave its donor alone."""
    return donation(world)


# --- holds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("released", [True, False], ids=["released", "in quarantine"])
def test_a_hold_returns_the_lot_to_exactly_where_it_was(world: World, din: str, released: bool) -> None:
    lot = (released_lot if released else stored_lot)(world, vials=3, donation=din).code
    before = lot_row(world, lot).state
    hold = world.do("quinn", "hold_lot", lot=lot, reason="Complaint from the ward")
    assert hold["lots_stopped"] == [lot] and lot_row(world, lot).state == "ON_HOLD"
    lifted = world.do("oksana", "lift_hold", hold=hold["code"], reason="Complaint cleared up")
    assert lifted["lots_returned"] == {lot: before}
    row = lot_row(world, lot)
    assert (row.state, row.state_before_hold) == (before, None)
    assert moves(world, lot)[-2:] == [("hold_lot", "ON_HOLD"), ("lift_hold", before)]
    assert world.codes("oksana", "lift_hold", hold=hold["code"], reason="Once again") == ["WRONG_STATE"]


def test_a_lot_stays_while_another_hold_reaches_it(world: World, din: str) -> None:
    lot = released_lot(world, vials=3, donation=din).code
    first = world.do("quinn", "hold_lot", lot=lot, reason="First doubt")["code"]
    second = world.do("quinn", "hold_lot", lot=lot, reason="Second doubt")["code"]
    assert world.do("oksana", "lift_hold", hold=first, reason="First cleared")["lots_returned"] == {}
    assert (lot_row(world, lot).state, hold_state(world, first)) == ("ON_HOLD", "LIFTED")
    assert world.do("oksana", "lift_hold", hold=second, reason="Second cleared")["lots_returned"] == {lot: "RELEASED"}


def test_a_held_lot_is_not_released(world: World, din: str) -> None:
    lot = passed_lot(world, vials=3, donation=din).code
    world.do("quinn", "hold_lot", lot=lot, reason="A doubt about it")
    assert world.codes("oksana", "release_lot", lot=lot) == ["ON_HOLD", "WRONG_STATE"]


def test_a_donor_hold_is_lifted_only_with_consent(world: World) -> None:
    donor = eligible_donor(world)
    din = donation(world, donor)
    released = released_lot(world, vials=3, donation=din).code
    fresh = stored_lot(world, vials=3, donation=din).code
    hold = world.do("tina", "withdraw_consent", consent=consent_of(world, donor), reason="Her wish")
    assert sorted(hold["lots_stopped"]) == sorted([released, fresh])
    given: dict[str, Any] = {"hold": hold["hold"], "reason": "She came back"}
    assert world.codes("oksana", "lift_hold", **given) == ["CONSENT_MISSING"]
    consent(world, donor)
    assert world.do("oksana", "lift_hold", **given)["lots_returned"] == {released: "RELEASED", fresh: "QUARANTINE"}
    assert (lot_row(world, released).state, lot_row(world, fresh).state) == ("RELEASED", "QUARANTINE")


def test_the_hold_of_an_ineligible_donor_stays(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    donor = donor_of(world, lot)
    decided = {"donor": donor, "decision": "ineligible", "reason": "Late diagnosis"}
    hold = world.do("quinn", "determine_eligibility", **decided)["hold"]
    assert world.codes("oksana", "lift_hold", hold=hold, reason="Try anyway") == ["DONOR_NOT_ELIGIBLE"]


def test_a_lot_does_not_go_back_to_released_against_a_result(world: World, din: str) -> None:
    lot = released_lot(world, vials=3, donation=din).code
    hold = world.do("quinn", "hold_lot", lot=lot, reason="Sterility is tested again")["code"]
    late = enter(world, lot, "STERILITY", "growth", resulted_at=results_read_at(world, lot) + DAY)
    review(world, lot, late)
    refused = world.codes("oksana", "lift_hold", hold=hold, reason="Nothing found")
    assert refused == ["OUT_OF_SPECIFICATION", "DEVIATION_OPEN"]
    assert world.do("oksana", "recall_lot", lot=lot, reason="Sterility failed")["state"] == "RECALLED"


def test_a_performer_does_not_lift(world: World, din: str) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    hold = world.do("quinn", "hold_lot", lot=lot, reason="A doubt about it")["code"]
    enter(world, lot, "CD73", who="oksana")
    assert world.codes("oksana", "lift_hold", hold=hold, reason="All is well") == ["SAME_PERSON"]


def test_an_unknown_hold_is_not_found(world: World) -> None:
    assert world.codes("oksana", "lift_hold", hold="HDZZZZQ5", reason="All is well") == ["NOT_FOUND"]


def test_a_lot_frozen_under_a_hold_is_stopped_and_freed(world: World) -> None:
    donor = eligible_donor(world)
    culture = harvested_culture(world, donation(world, donor), total_cells=76_000_000)
    withdrawn = world.do("tina", "withdraw_consent", consent=consent_of(world, donor), reason="Her wish")
    lot = frozen_lot(world, vials=3, culture=culture).code
    assert (lot_row(world, lot).state, lot_row(world, lot).state_before_hold) == ("ON_HOLD", "QUARANTINE")
    consent(world, donor)
    freed = world.do("oksana", "lift_hold", hold=withdrawn["hold"], reason="New consent")
    assert freed["lots_returned"] == {lot: "QUARANTINE"}


@pytest.mark.the_database_refuses("no_hold_is_lifted_on_an_ineligible_donor", "no_hold_is_lifted_without_consent")
def test_the_database_releases_nothing_without_consent_or_of_an_ineligible_donor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = released_lot(world, vials=3).code
    donor = donor_of(world, lot)
    hold = world.do("tina", "withdraw_consent", consent=consent_of(world, donor), reason="Her wish")["hold"]
    monkeypatch.setattr(holds, "lift_refusals", lambda _: ())
    assert world.codes("oksana", "lift_hold", hold=hold, reason="Not allowed") == ["CONSENT_MISSING"]
    consent(world, donor)
    decided = {"donor": donor, "decision": "ineligible", "reason": "Late diagnosis"}
    world.do("quinn", "determine_eligibility", **decided)
    monkeypatch.setattr(holds, "_without_other_hold", lambda work, hold, reached: reached)
    assert world.codes("oksana", "lift_hold", hold=hold, reason="Not allowed") == ["DONOR_NOT_ELIGIBLE"]
    assert lot_row(world, lot).state == "ON_HOLD"


@pytest.mark.requirement("R19")
# --- through lineage --------------------------------------------------------------------------


@pytest.mark.requirement("R6")
def test_a_bank_on_hold_stops_what_was_made_from_it_and_what_is_frozen_later(world: World) -> None:
    bank = released_lot(world, "master_bank", 3, cells_per_vial=5_000_000)
    made = lot_of_bank(world, bank).code
    second = world.do(
        "tina",
        "thaw_bank_vial",
        now=world.now - 40 * DAY,
        vial=bank.vials[1],
        vessel="T1000",
        area_cm2=1000,
        viable_cells=3_000_000,
        reagents=[accepted_reagent(world)],
    )["code"]
    hold = world.do("quinn", "hold_lot", lot=bank.code, reason="Mycoplasma in the room")
    assert hold["lots_stopped"] == [bank.code, made]
    world.do(
        "tina",
        "record_harvest",
        now=world.now - 36 * DAY,
        culture=second,
        total_cells=76_000_000,
        viability_percent="95",
    )
    later = frozen_lot(world, vials=3, culture=second).code
    assert stands(world, bank.code, made, later) == [("ON_HOLD", "RELEASED"), HELD, HELD]
    lifted = world.do("oksana", "lift_hold", hold=hold["code"], reason="The room is clean")
    assert lifted["lots_returned"] == {bank.code: "RELEASED", made: "QUARANTINE", later: "QUARANTINE"}


def test_a_lot_of_a_bank_stays_while_its_own_hold_stands(world: World) -> None:
    bank = released_lot(world, "master_bank", 3, cells_per_vial=5_000_000)
    made = lot_of_bank(world, bank).code
    above = world.do("quinn", "hold_lot", lot=bank.code, reason="A doubt about the bank")["code"]
    own = world.do("quinn", "hold_lot", lot=made, reason="A doubt about the lot")["code"]
    assert world.do("oksana", "lift_hold", hold=above, reason="Cleared up")["lots_returned"] == {bank.code: "RELEASED"}
    assert world.do("oksana", "lift_hold", hold=own, reason="Cleared up")["lots_returned"] == {made: "QUARANTINE"}


def test_a_donor_is_put_on_hold_by_a_quality_officer(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    donor = donor_of(world, lot)
    given: dict[str, Any] = {"donor": donor, "reason": "The registry reports a late diagnosis"}
    assert world.codes("tina", "hold_donor", **given) == ["ROLE_NOT_ALLOWED"]
    hold = world.do("quinn", "hold_donor", **given)
    assert hold["lots_stopped"] == [lot] and stands(world, lot) == [HELD]
    lifted = world.do("oksana", "lift_hold", hold=hold["code"], reason="It was another person")
    assert lifted["lots_returned"] == {lot: "QUARANTINE"}


@pytest.mark.requirement("R6")
def test_a_donor_confirmed_reactive_is_put_on_hold_in_the_same_act(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    donor = donor_of(world, lot)
    results = donor_results(world, donor, tests=("SYPHILIS", "HIV-AB"), choice="positive", reviewed=False)
    assert lot_row(world, lot).state == "QUARANTINE"  # one person's entry is not a finding yet
    found = world.do("taras", "review_results", results=results, confirmed=True)
    assert found["lots_stopped"] == [lot] and stands(world, lot) == [HELD]
    with Session(world.installation.reads) as session:
        [hold] = session.query(Hold).filter(Hold.code == found["hold"])
    assert all(code in hold.reason for code in results)
    assert world.codes("oksana", "lift_hold", hold=found["hold"], reason="Try anyway") == ["OUT_OF_SPECIFICATION"]


def test_a_disputed_reactive_result_stops_nothing(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    results = donor_results(world, donor_of(world, lot), tests=("SYPHILIS",), choice="positive", reviewed=False)
    world.do("taras", "review_results", results=results, confirmed=False, note="Another donor's tube")
    assert lot_row(world, lot).state == "QUARANTINE"


@pytest.mark.requirement("R6")
def test_a_recalled_reagent_stops_every_lot_that_it_touched_and_is_used_no_more(world: World, din: str) -> None:
    reagent = accepted_reagent(world)
    culture = harvested_culture(world, din, total_cells=76_000_000, reagent=reagent)
    growing = harvested_culture(world, din, total_cells=76_000_000, reagent=reagent)
    touched, other = frozen_lot(world, vials=3, culture=culture).code, stored_lot(world, vials=3, donation=din).code
    given = {"reagent": reagent, "reason": "Endotoxin found by the maker"}
    assert world.codes("tina", "recall_reagent", **given) == ["ROLE_NOT_ALLOWED"]
    recalled = world.do("quinn", "recall_reagent", **given)
    assert (recalled["state"], recalled["lots_stopped"]) == ("RECALLED", [touched])
    later = frozen_lot(world, vials=3, culture=growing).code
    assert stands(world, touched, later, other) == [HELD, HELD, ("QUARANTINE", None)]
    again = {"donation": din, "method": "explant", "vessel": "T175", "area_cm2": 175, "reagents": [reagent]}
    assert "REAGENT_QUARANTINED" in world.codes("tina", "isolate_tissue", **again)
    assert world.codes("quinn", "recall_reagent", **given) == ["WRONG_STATE"]
    lifted = world.do("oksana", "lift_hold", hold=recalled["hold"], reason="Both lots tested, below the limit")
    assert lifted["lots_returned"] == {touched: "QUARANTINE", later: "QUARANTINE"}


def test_a_reagent_rejected_after_its_use_stops_what_it_touched(world: World, din: str) -> None:
    reagent = accepted_reagent(world)
    culture = harvested_culture(world, din, total_cells=76_000_000, reagent=reagent)
    lot = frozen_lot(world, vials=3, culture=culture).code
    decision = {"reagent": reagent, "decision": "reject", "reason": "Certificate withdrawn"}
    assert world.do("quinn", "decide_reagent", **decision)["lots_stopped"] == [lot]
    unused = {**decision, "reagent": accepted_reagent(world)}
    assert "hold" not in world.do("quinn", "decide_reagent", **unused)


@pytest.mark.requirement("R6")
def test_a_failed_tank_stops_what_stands_in_it_and_what_was_carried_out_of_it(world: World, din: str) -> None:
    inside, moved, other = (stored_lot(world, vials=3, donation=din) for _ in range(3))
    tank = tank_of(world, str(inside.box))
    rescue = {"vial": moved.vials[0], "box": inside.box}
    world.do("taras", "move_vial", now=world.now + DAY, **rescue)
    world.do("taras", "move_vial", now=world.now + 3 * DAY, vial=moved.vials[0], box=other.box)
    given = {"unit": tank, "reason": "No nitrogen in the morning", "failed_at": world.now + 2 * DAY}
    failed = world.do("tina", "report_storage_failure", now=world.now + 4 * DAY, **given)
    assert (failed["state"], failed["lots_stopped"]) == ("FAILED", [inside.code, moved.code])
    assert stands(world, other.code) == [("QUARANTINE", None)]
    refill = {"vials": [frozen_lot(world, vials=1, donation=din).vials[0]], "box": inside.box}
    assert "STORAGE_OUT_OF_SERVICE" in world.codes("taras", "store_vials", **refill)
    back = {"unit": tank, "reason": "Repaired and cold"}
    assert world.codes("tina", "return_to_service", **back) == ["ON_HOLD"]
    saved = {"vial": inside.vials[0], "box": other.box}
    world.do("taras", "move_vial", now=world.now + 4 * DAY, **saved)  # what is in it can be saved
    lifted = world.do("oksana", "lift_hold", hold=failed["hold"], reason="The probe never passed -150 °C")
    assert lifted["lots_returned"] == {inside.code: "QUARANTINE", moved.code: "QUARANTINE"}
    assert world.do("tina", "return_to_service", **back)["state"] == "IN_SERVICE"


def test_a_failure_is_not_reported_for_tomorrow(world: World, din: str) -> None:
    lot = stored_lot(world, vials=1, donation=din)
    given = {"unit": lot.box, "reason": "It will break", "failed_at": world.now + DAY}
    assert world.codes("tina", "report_storage_failure", **given) == ["IN_THE_FUTURE"]


def tank_of(world: World, box: str) -> str:
    with world.installation.reads.connect() as connection:
        statement = """WITH RECURSIVE up AS (SELECT id, parent_id, code FROM storage_unit WHERE code = :box
                       UNION SELECT u.id, u.parent_id, u.code FROM up JOIN storage_unit u ON u.id = up.parent_id)
                       SELECT code FROM up WHERE parent_id IS NULL"""
        return str(connection.scalar(text(statement), {"box": box}))


# --- the database, with the rules off ---------------------------------------------------------


@pytest.mark.the_database_refuses("a_held_lot_is_born_on_hold")
def test_the_database_lets_no_lot_below_a_hold_into_quarantine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reagent = accepted_reagent(world)
    filled = filled_lot(world, vials=3, culture=harvested_culture(world, total_cells=76_000_000, reagent=reagent))
    world.do("quinn", "recall_reagent", reagent=reagent, reason="Endotoxin found by the maker")
    monkeypatch.setattr("cellbank.services.production.freezing.held", lambda *_: False)
    at = lot_row(world, filled.code).fill_started_at + DAY / 48
    assert world.codes("tina", "record_freezing", now=at, lot=filled.code, program="CRF-1") == ["ON_HOLD"]


@pytest.mark.the_database_refuses("a_hold_stops_every_lot_below")
def test_the_database_takes_no_hold_that_leaves_a_lot_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = stored_lot(world, vials=1).code
    monkeypatch.setattr(holding, "lots_reached", lambda *_: [])
    refused = world.codes("quinn", "hold_donor", donor=donor_of(world, lot), reason="A doubt about her")
    assert refused == ["CHANGED_MEANWHILE"] and lot_row(world, lot).state == "QUARANTINE"


@pytest.mark.the_database_refuses("no_hold_is_lifted_against_a_result")
def test_the_database_lifts_no_hold_of_a_reactive_donor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    donor = donor_of(world, stored_lot(world, vials=1).code)
    results = donor_results(world, donor, tests=("SYPHILIS",), choice="positive", reviewed=False)
    hold = world.do("taras", "review_results", results=results, confirmed=True)["hold"]
    monkeypatch.setattr(holds, "lift_refusals", lambda _: ())
    assert world.codes("oksana", "lift_hold", hold=hold, reason="Not allowed") == ["OUT_OF_SPECIFICATION"]
    assert hold_state(world, hold) == "PLACED"


@pytest.mark.the_database_refuses("a_failed_unit_waits_for_its_hold")
def test_the_database_takes_no_failed_tank_back_before_its_hold_is_lifted(
    world: World, din: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = stored_lot(world, vials=1, donation=din).box
    world.do("tina", "report_storage_failure", unit=box, reason="The lid was open")
    monkeypatch.setattr(units, "return_refusals", lambda *_: ())
    assert world.codes("tina", "return_to_service", unit=box, reason="Closed again") == ["ON_HOLD"]


def test_the_application_cannot_release_under_a_hold_by_sql(world: World, din: str) -> None:
    lot = stored_lot(world, vials=1, donation=din).code
    world.do("quinn", "hold_lot", lot=lot, reason="A doubt about it")
    with pytest.raises(IntegrityError, match="a hold is in force"), world.installation.engine.begin() as connection:
        statement = "UPDATE lot SET state = 'RELEASED', state_before_hold = NULL WHERE code = :lot"
        connection.execute(text(statement), {"lot": lot})
