"""A dose that was given without an order, when no order would be taken any more: its record is opened, its form is
entered by two people, and a deviation names all that was not allowed."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.services.lookup.scanning import look_up
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import (
    DAY,
    OrderedDose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
    weighed_subject,
)
from tests.factories.lots import FrozenLot
from tests.factories.world import World
from tests.services.test_from_paper import HOUR, LACKING, form
from tests.services.test_paper_against_record import entered, state_of

REASON = "The server was down on the day of the infusion"


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=60)


def registration(world: World, subject: str, lot: FrozenLot, **given: Any) -> dict[str, Any]:
    told = {"happened_at": world.now, "entered_late_because": REASON}
    return {"now": world.now + 4 * HOUR, "subject": subject, "lot": lot.code, **told, **given}


def registered(world: World, subject: str, lot: FrozenLot, vials: list[str] | None = None, **given: Any) -> OrderedDose:
    """A dose that was given without an order, of vials that stood in the tank."""
    result = world.do("clara", "register_unordered_dose", **registration(world, subject, lot, **given))
    free = vials or [vial for vial in lot.vials if state_of(world, vial)[0] == "IN_STOCK"][:3]
    return OrderedDose(result["code"], subject, lot, tuple(free), 3, world.now, result)


def spoil(world: World, what: str, subject: str, lot: FrozenLot) -> None:
    """Why no order would be taken now."""
    acts: dict[str, tuple[str, str, dict[str, Any]]] = {
        "held": ("oksana", "hold_lot", {"lot": lot.code, "reason": "A doubt"}),
        "recalled": ("oksana", "recall_lot", {"lot": lot.code, "reason": "Sterility"}),
        "withdrawn": ("clara", "withdraw_subject", {"subject": subject, "reason": "Wishes to stop"}),
    }
    who, act, given = acts[what]
    world.do(who, act, now=world.now + HOUR, **given)


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("what", "code"), [("held", "ON_HOLD"), ("recalled", "LOT_NOT_RELEASED"), ("withdrawn", "SUBJECT_NOT_ENROLLED")]
)
def test_what_was_given_is_recorded_when_no_order_is_taken_any_more(world: World, what: str, code: str) -> None:
    lot, subject = product_lot(world), weighed_subject(world)
    spoil(world, what, subject, lot)
    order = {"now": world.now + 4 * HOUR, "subject": subject, "lot": lot.code}
    assert world.codes("clara", "order_dose", **order)
    dose = registered(world, subject, lot, list(lot.vials[:3]))
    assert "enter_dose_from_paper" in [
        one.name for one in look_up(world.installation, world.people["clara"], dose.code).acts
    ]
    codes, deviation = entered(world, dose, form(dose, *LACKING["ordered"]))
    assert {"NOT_ORDERED", "VIAL_NOT_RESERVED", code} <= codes and deviation is not None
    assert deviation.classification == "critical" and "without an order" in deviation.description
    row = row_of(world, dose.code)
    assert (row.state, row.required_cells, row.infusion_number) == ("INFUSED", 50_000_000, 1)
    assert all(state_of(world, vial) == ("INFUSED", dose.code) for vial in dose.vials)


@pytest.mark.requirement("R20")
def test_vials_that_are_booked_to_another_dose_or_destroyed_are_recorded(world: World, lot: FrozenLot) -> None:
    other, subject = ordered_dose(world, lot=lot), weighed_subject(world)
    gone = next(vial for vial in lot.vials if state_of(world, vial)[0] == "IN_STOCK")
    world.do("tina", "discard_vial", vial=gone, reason="Said to be broken")
    dose = registered(world, subject, lot, [gone, *other.vials[:2]])
    codes, _ = entered(world, dose, form(dose, *LACKING["ordered"]))
    assert {"NOT_ORDERED", "RECORDED_OTHERWISE", "VIAL_NOT_RESERVED"} <= codes


@pytest.mark.requirement("R20")
def test_without_a_weight_the_form_says_how_many_cells_were_meant(world: World, lot: FrozenLot) -> None:
    subject = enrolled_subject(world, at=world.now)
    given = registration(world, subject, lot)
    assert world.codes("clara", "register_unordered_dose", **given) == ["CRITERION_OPEN"]
    dose = registered(world, subject, lot, required_cells=52_000_000)
    codes, _ = entered(world, dose, form(dose, *LACKING["ordered"]))
    assert {"NOT_ORDERED", "WEIGHT_MISSING"} <= codes and row_of(world, dose.code).required_cells == 52_000_000


def test_an_infusion_that_has_a_record_is_entered_there(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    given = registration(world, dose.subject, lot, infusion_number=1)
    [refused] = world.try_act("clara", "register_unordered_dose", **given).refusals
    assert refused.code.value == "ALREADY_EXISTS" and dose.code in refused.detail
    registered(world, subject := weighed_subject(world), lot)
    again = registration(world, subject, lot, infusion_number=1)  # a double click under another key
    assert world.codes("clara", "register_unordered_dose", **again) == ["ALREADY_EXISTS"]


@pytest.mark.requirement("R20")
def test_a_second_infusion_of_one_number_is_recorded_beside_the_first(world: World, lot: FrozenLot) -> None:
    first = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    dose = registered(world, first.subject, lot, infusion_number=1)
    codes, deviation = entered(world, dose, form(dose, *LACKING["ordered"]))
    assert "DUPLICATE_DOSE" in codes and deviation is not None and row_of(world, dose.code).given_beside


@pytest.mark.requirement("R20")
@pytest.mark.the_database_refuses("a_form_is_confirmed_before_the_next_dose")
def test_no_other_dose_goes_on_before_its_form_is_confirmed(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = registered(world, weighed_subject(world), lot)
    order = {"now": world.now + 4 * HOUR, "subject": dose.subject, "lot": lot.code}
    assert "DECISION_NEEDED" in world.codes("clara", "order_dose", **order)
    with monkeypatch.context() as off:
        off.setattr("cellbank.domain.rules.dosing.subject_refusals", lambda facts: ())
        off.setattr("cellbank.domain.rules.dosing.plan_refusals", lambda facts: ())
        assert world.codes("clara", "order_dose", **order, infusion_number=2) == ["DECISION_NEEDED"]
    world.do("clara", "cancel_dose", dose=dose.code, reason="Nothing was given", now=world.now + 4 * HOUR)
    assert world.codes("clara", "order_dose", **order) == []


def test_only_a_clinician_tells_of_it_and_not_of_the_future(world: World, lot: FrozenLot) -> None:
    subject = weighed_subject(world)
    assert world.codes("tina", "register_unordered_dose", **registration(world, subject, lot)) == ["ROLE_NOT_ALLOWED"]
    ahead = registration(world, subject, lot, happened_at=world.now + DAY)
    assert "IN_THE_FUTURE" in world.codes("clara", "register_unordered_dose", **ahead)


def test_the_database_takes_no_dose_without_an_order_in_time(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    copy = text(
        "INSERT INTO dose (site_id, subject_id, lot_id, code, infusion_number, day, planned_on, ordered_at, "
        "ordered_by_id, required_cells, vials_needed, vials_spare, calculation, state) "
        "SELECT site_id, subject_id, lot_id, 'CHX', 9, day, planned_on, ordered_at, ordered_by_id, "
        "required_cells, vials_needed, vials_spare, calculation, 'UNORDERED' "
        "FROM dose WHERE code = :dose"
    )
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(copy, {"dose": dose.code})
    assert caught.value.orig.diag.constraint_name == "only_what_was_given_has_no_order"  # type: ignore[union-attr]
