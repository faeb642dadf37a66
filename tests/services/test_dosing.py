"""Weights and orders: the arithmetic through the act, every reason against an order, and what an order keeps."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.clinic import Dose, Weight
from cellbank.records.production import Vial
from cellbank.records.quality import Signature
from cellbank.records.trail import Act, Change
from tests.factories.clinic import enrolled_subject, screened_subject
from tests.factories.doses import (
    infused_dose,
    ordered_dose,
    pick,
    prepared_dose,
    product_lot,
    row_of,
    vial_states,
    weighed,
    weighed_subject,
)
from tests.factories.lots import FrozenLot
from tests.factories.quality import passed_lot
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    """One lot for all tests of this file that do not look at its stock."""
    return product_lot(world, vials=120)


@pytest.fixture
def subject(world: World) -> str:
    return weighed_subject(world)


# --- weights ----------------------------------------------------------------------------------


def test_a_weight_is_measured_by_one_person_and_confirmed_by_another(world: World) -> None:
    code = weighed(world, enrolled_subject(world), "73.4")
    with Session(world.installation.reads) as session:
        weight = session.scalars(select(Weight).where(Weight.code == code)).one()
    assert (weight.state, weight.weight_kg, weight.method) == ("CONFIRMED", Decimal("73.4"), "standing_scale")
    assert (weight.measured_by_id, weight.confirmed_by_id) == (world.people["clara"].id, world.people["cyril"].id)


def measured(world: World, subject: str, weight_kg: str, **given: Any) -> str:
    given = {"subject": subject, "weight_kg": weight_kg, "method": "bed_scale", **given}
    return str(world.do("clara", "measure_weight", **given)["code"])


@pytest.mark.requirement("R16")
def test_a_weight_is_not_confirmed_by_whoever_measured_it(world: World) -> None:
    weight = measured(world, enrolled_subject(world), "73.4")
    assert world.codes("clara", "confirm_weight", weight=weight, weight_kg="73.4") == ["SAME_PERSON"]


def test_a_weight_is_not_confirmed_by_somebody_who_read_another_and_is_not_told(world: World) -> None:
    weight = measured(world, enrolled_subject(world), "73.4")
    outcome = world.try_act("cyril", "confirm_weight", weight=weight, weight_kg="74.3")
    assert [one.code.value for one in outcome.refusals] == ["WEIGHT_MISMATCH"]
    assert "73.4" not in outcome.refusals[0].detail


def test_a_weight_of_the_future_is_refused(world: World) -> None:
    given = {"subject": enrolled_subject(world), "weight_kg": "70", "method": "bed_scale"}
    codes = world.codes("clara", "measure_weight", measured_at=world.now + HOUR, **given)
    assert codes == ["IN_THE_FUTURE"]


def test_a_weight_far_from_the_last_one_is_noted(world: World, subject: str) -> None:
    given = {"subject": subject, "weight_kg": "56.0", "method": "bed_scale"}
    note = world.do("clara", "measure_weight", **given)["weight_note"]
    assert note.startswith("12.0 % from 50.0 kg") and "ordered again" in note


# --- the order --------------------------------------------------------------------------------


def test_an_order_reserves_its_vials_and_the_spare_one_and_keeps_every_step(world: World) -> None:
    dose = ordered_dose(world)
    row = row_of(world, dose.code)
    assert (row.state, row.required_cells, row.vials_needed, row.vials_spare) == ("ORDERED", 50_000_000, 3, 1)
    assert (row.infusion_number, row.day, row.planned_on) == (1, 1, world.now.date())
    assert vial_states(world, dose.lot.code) == ["RESERVED"] * 4 + ["IN_STOCK"] * 4
    assert dose.vials == dose.lot.vials[:4]
    assert dose.code.startswith("CHA999926")
    kept = row.calculation
    assert (kept["required_cells"], kept["viable_cells_per_vial"], kept["expected_cells"]) == (
        50_000_000,
        "19125000",
        57_375_000,
    )
    labels = [step["label"] for step in kept["steps"]]
    assert labels == [
        f"Recovery of lot {dose.lot.code}",
        f"Viability of lot {dose.lot.code}",
        f"Endotoxin of lot {dose.lot.code}",
        "Required cells",
        "Viable cells per vial",
        "Vials",
        "Expected dose",
        "Vials to reserve",
        "DMSO",
        "Endotoxin",
    ]
    assert all("latest reviewed" in step["formula"] for step in kept["steps"][:3])


def test_an_order_is_signed_and_stands_in_the_trail(world: World) -> None:
    dose = row_of(world, ordered_dose(world).code)
    with Session(world.installation.reads) as session:
        signed = select(Signature.meaning, Signature.full_name).where(Signature.record_kind == "dose")
        assert session.execute(signed.where(Signature.record_id == dose.id)).all() == [("approved", "Clara Clinician")]
        acts = select(Act.name).join(Change).where(Change.record_kind == "dose", Change.record_id == dose.id)
        assert list(session.scalars(acts)) == ["order_dose"]
        vials = select(Change.id).join(Act).where(Change.record_kind == "vial", Act.record_code == dose.code)
        assert len(session.scalars(vials).all()) == 4


WORKED = [  # domain reference §6.2: weight, million cells a vial, vials, expected cells, percent
    ("50.0", 25, 3, 57_375_000, "459/4"),
    ("73.4", 25, 4, 76_500_000, "38250/367"),
    ("120.0", 25, 7, 133_875_000, "1785/16"),
    ("50.0", 50, 2, 76_500_000, "153"),
    ("73.4", 50, 2, 76_500_000, "38250/367"),
    ("120.0", 50, 4, 153_000_000, "255/2"),
]


@pytest.fixture(scope="module")
def dense(world: World) -> FrozenLot:
    return product_lot(world, vials=10, cells_per_vial=50_000_000)


@pytest.mark.parametrize(("weight_kg", "millions", "vials", "expected", "percent"), WORKED)
def test_the_worked_examples_through_the_act(
    world: World,
    lot: FrozenLot,
    dense: FrozenLot,
    weight_kg: str,
    millions: int,
    vials: int,
    expected: int,
    percent: str,
) -> None:
    chosen = lot if millions == 25 else dense
    patient = weighed_subject(world, weight_kg)
    outcome = world.try_act("clara", "order_dose", dry_run=True, subject=patient, lot=chosen.code)
    shown = world.accepted(outcome)["calculation"]
    assert (shown["vials"], shown["expected_cells"], shown["expected_percent"]) == (vials, expected, percent)
    assert len(outcome.result["vials"]) == vials + 1
    with Session(world.installation.reads) as session:
        assert (
            session.scalar(
                select(Dose.id)
                .join(Dose.__table__.metadata.tables["subject"])
                .where(Dose.__table__.metadata.tables["subject"].c.code == patient)
            )
            is None
        )


def test_an_exact_edge_takes_three_vials_and_not_four(world: World) -> None:
    """31.5 kg, 25 million, recovery 90 %, viability 70 %: floats give three vials, the truth is two."""
    thin = product_lot(world, vials=4, PT_VIABILITY="70")
    shown = ordered_dose(world, weight_kg="31.5", lot=thin).result["calculation"]
    assert (shown["vials"], shown["expected_percent"]) == (2, "100")


def test_the_latest_reviewed_result_decides(world: World) -> None:
    own = product_lot(world)
    given = {"lot": own.code, "started_at": world.now - 2 * DAY, "resulted_at": world.now - DAY}
    later = world.do("tina", "enter_result", test="PT-RECOVERY", number="75", **given)["code"]
    subject = weighed_subject(world)

    def per_vial() -> str:
        outcome = world.try_act("clara", "order_dose", dry_run=True, subject=subject, lot=own.code)
        return str(world.accepted(outcome)["calculation"]["viable_cells_per_vial"])

    assert per_vial() == "19125000"  # entered is not reviewed
    world.do("taras", "review_results", results=[later], confirmed=True)
    assert per_vial() == "15937500"


def test_the_lot_that_expires_first_is_chosen_and_then_the_subject_stays_with_its_lot(world: World) -> None:
    subject = weighed_subject(world)
    first = world.do("clara", "order_dose", subject=subject)
    row = row_of(world, first["code"])
    with Session(world.installation.reads) as session:
        lot_id = session.scalars(select(Vial.lot_id).where(Vial.dose_id == row.id).distinct()).one()
    assert lot_id == row.lot_id
    world.do("clara", "cancel_dose", dose=first["code"], reason="Not today")


# --- why not ----------------------------------------------------------------------------------


def refused(world: World, subject: str, lot: FrozenLot, **given: Any) -> list[str]:
    return world.codes("clara", "order_dose", subject=subject, lot=lot.code, **given)


def test_the_control_arm_never_receives_a_dose(world: World, lot: FrozenLot) -> None:
    subject = enrolled_subject(world, "CTL")
    weighed(world, subject, "60.0")
    assert refused(world, subject, lot) == ["CONTROL_ARM"]


def test_a_subject_in_screening_or_withdrawn_receives_no_dose(world: World, lot: FrozenLot, subject: str) -> None:
    screened = screened_subject(world)
    weighed(world, screened, "60.0")
    assert refused(world, screened, lot) == ["SUBJECT_NOT_ENROLLED"]
    world.do("clara", "withdraw_subject", subject=subject, reason="Wishes to stop")
    assert refused(world, subject, lot) == ["SUBJECT_NOT_ENROLLED"]


def test_no_weight_no_dose(world: World, lot: FrozenLot) -> None:
    subject = enrolled_subject(world)
    assert refused(world, subject, lot) == ["WEIGHT_MISSING"]
    measured(world, subject, "60.0")
    assert refused(world, subject, lot) == ["WEIGHT_MISSING"]  # nobody has confirmed it


def test_a_weight_of_four_days_ago_is_stale(world: World, lot: FrozenLot) -> None:
    subject = enrolled_subject(world, at=world.now - 5 * DAY)
    weighed(world, subject, "60.0", world.now - 72 * HOUR)
    assert refused(world, subject, lot) == []  # exactly 72 h
    other = enrolled_subject(world, at=world.now - 5 * DAY)
    weighed(world, other, "60.0", world.now - 73 * HOUR)
    assert refused(world, other, lot) == ["WEIGHT_STALE"]


def test_a_newer_weight_far_away_has_to_be_confirmed_first(world: World, lot: FrozenLot, subject: str) -> None:
    measured(world, subject, "56.0", now=world.now + HOUR)
    assert refused(world, subject, lot, now=world.now + 2 * HOUR) == ["WEIGHT_STALE"]


def test_a_dose_exists_once_for_each_day(world: World, lot: FrozenLot, subject: str) -> None:
    ordered_dose(world, subject=subject, lot=lot)
    assert refused(world, subject, lot, infusion_number=1) == ["DUPLICATE_DOSE"]
    assert refused(world, subject, lot, planned_on=(world.now + 3 * DAY).date(), infusion_number=2)[0] == "TOO_EARLY"
    assert "TOO_MANY_DOSES" in refused(world, subject, lot, infusion_number=4)


def test_the_second_infusion_has_its_window_its_rest_and_its_day(world: World, lot: FrozenLot) -> None:
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    later = world.now + 3 * DAY
    weighed(world, dose.subject, "50.0", later)

    def on(days: int, **given: Any) -> list[str]:
        planned = (world.now + days * DAY).date()
        return refused(world, dose.subject, lot, now=later, planned_on=planned, **given)

    deviation = {"deviation_reason": "Subject in another hospital until then"}
    assert on(1)[0] == "OUTSIDE_WINDOW" and "TOO_EARLY" in on(1) and "OUT_OF_ORDER" in on(1)
    assert "DUPLICATE_DOSE" in on(0)
    assert on(5) == ["OUTSIDE_WINDOW"]
    assert on(7) == ["OUTSIDE_WINDOW", "WEIGHT_STALE"]
    result = world.do(
        "clara",
        "order_dose",
        now=later,
        subject=dose.subject,
        lot=lot.code,
        planned_on=(world.now + 5 * DAY).date(),
        **deviation,
    )
    assert (result["infusion_number"], result["study_day"]) == (2, 6)
    assert row_of(world, result["code"]).deviation_reason == deviation["deviation_reason"]


def test_a_lot_that_is_not_released_or_on_hold_gives_nothing(world: World, subject: str) -> None:
    tested = passed_lot(world)
    assert refused(world, subject, tested) == ["LOT_NOT_RELEASED"]
    own = product_lot(world)
    world.do("quinn", "hold_lot", lot=own.code, reason="Question of the auditor")
    assert refused(world, subject, own) == ["ON_HOLD", "LOT_NOT_RELEASED"]


def test_an_expired_lot_gives_nothing(world: World, lot: FrozenLot) -> None:
    late = world.now + 900 * DAY
    subject = enrolled_subject(world, at=late)
    weighed(world, subject, "50.0", late)
    assert refused(world, subject, lot, now=late) == ["EXPIRED"]


def test_too_few_vials_are_refused_whole(world: World, subject: str) -> None:
    own = product_lot(world, vials=3)
    outcome = world.try_act("clara", "order_dose", subject=subject, lot=own.code)
    assert [one.code.value for one in outcome.refusals] == ["NOT_ENOUGH_VIALS"]
    assert "4 vials" in outcome.refusals[0].detail and "3 free" in outcome.refusals[0].detail
    assert vial_states(world, own.code) == ["IN_STOCK"] * 3


def test_endotoxin_per_kg_is_looked_at(world: World, lot: FrozenLot) -> None:
    """5 EU per 10⁶ cells passes the lot and makes exactly 5 EU/kg at 10⁶ cells/kg: at the limit, allowed."""
    edge = product_lot(world, ENDOTOXIN="5")
    shown = ordered_dose(world, lot=edge).result["calculation"]
    assert Decimal(shown["endotoxin_eu_per_kg"]) == 5


def test_a_technician_orders_no_dose_and_an_order_needs_a_password(world: World, lot: FrozenLot, subject: str) -> None:
    assert world.codes("tina", "order_dose", subject=subject, lot=lot.code) == ["ROLE_NOT_ALLOWED"]
    assert refused(world, subject, lot, password="wrong horse battery") == ["SIGNATURE_WRONG"]


# --- cancelled --------------------------------------------------------------------------------


def test_a_cancelled_dose_frees_its_vials_but_a_picked_one_is_returned_by_hand(world: World) -> None:
    dose = ordered_dose(world)
    pick(world, dose, dose.vials[0])
    result = world.do("clara", "cancel_dose", dose=dose.code, reason="Fever")
    assert result["vials_to_return"] == [dose.vials[0]]
    assert vial_states(world, dose.lot.code) == ["PICKED"] + ["IN_STOCK"] * 7
    row = row_of(world, dose.code)
    assert (row.state, row.outcome_reason) == ("CANCELLED", "Fever")
    assert world.codes("clara", "cancel_dose", dose=dose.code, reason="Fever") == ["WRONG_STATE"]
