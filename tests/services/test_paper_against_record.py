"""A dose that was given though its record says otherwise, or nobody knows all of it: what its form tells is entered, by
two people, and a deviation names what was not allowed or is not known. There is no dead end."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.positions import position_name
from cellbank.records.clinic import Dose
from cellbank.records.deviations import Deviation
from cellbank.records.production import Vial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.services.acts import Malformed
from cellbank.services.clinic import paper_judgement
from cellbank.services.lookup.scanning import look_up
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    counted_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
    thawed_dose,
    vial_states,
)
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.people import by_two, newcomer, train
from tests.factories.world import World
from tests.services.test_from_paper import HOUR, LACKING, WHY, confirmation, form, made

LATER = 5 * HOUR


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=150)


def entered(world: World, dose: OrderedDose, given: dict[str, Any]) -> tuple[set[str], Deviation | None]:
    """Enter and confirm a form; returns the reasons that the first person was told, and the deviation."""
    told = world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **given)["will_open_a_deviation"]
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert outcome.accepted, outcome.refusals
    assert row_of(world, dose.code).state == "INFUSED"
    with Session(world.installation.reads) as session:
        opened = session.scalar(select(Deviation).where(Deviation.code == outcome.result.get("deviation")))
    codes = {one["code"] for one in told}
    assert opened is not None or not codes
    assert all(code in opened.description for code in codes if opened)
    return codes, opened


def state_of(world: World, vial: str) -> tuple[str, str | None]:
    with Session(world.installation.reads) as session:
        return session.execute(select(Vial.state, Dose.code).outerjoin(Dose).where(Vial.code == vial)).one()  # type: ignore[return-value]


# --- the record says otherwise ----------------------------------------------------------------


@pytest.mark.requirement("R20")
def test_a_dose_that_was_ordered_after_it_was_given_is_recorded(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    before = OrderedDose(dose.code, dose.subject, dose.lot, dose.vials, dose.needed, dose.at - 2 * HOUR, dose.result)
    given = form(before, *LACKING["ordered"])
    told = world.do("clara", "enter_dose_from_paper", now=dose.at + HOUR, **given)["will_open_a_deviation"]
    assert {one["code"] for one in told} == {"NOT_ORDERED"}
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **{**confirmation(before), "now": dose.at + HOUR})
    assert outcome.accepted and "NOT_ORDERED" in str(outcome.result["irregularities"])


def given_up(world: World, stage: str, lot: FrozenLot) -> tuple[OrderedDose, tuple[str, ...]]:
    """A dose that was cancelled or discarded, and what of it is not in the record."""
    dose = ordered_dose(world, lot=lot)
    late = {"now": dose.at + 35 * MINUTE, "dose": dose.code, "reason": "Thought to be lost"}
    if stage == "cancelled":
        world.do("clara", "cancel_dose", **late)
        return dose, LACKING["ordered"]
    {"thawed": thawed_dose, "counted": counted_dose, "prepared": prepared_dose}[stage](world, dose)
    world.do("tina", "discard_dose", **late)
    return dose, LACKING[stage]


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("stage", ["cancelled", "thawed", "counted", "prepared"])
def test_a_dose_that_was_given_up_and_given_all_the_same_is_recorded(world: World, lot: FrozenLot, stage: str) -> None:
    dose, lacking = given_up(world, stage, lot)
    codes, deviation = entered(world, dose, form(dose, *lacking))
    assert "RECORDED_OTHERWISE" in codes and deviation is not None and deviation.classification == "critical"
    assert "a_finished_dose_is_not_given" in deviation.description
    assert all(state_of(world, vial) == ("INFUSED", dose.code) for vial in dose.vials[: dose.needed])


def test_its_symbol_offers_its_form_to_the_clinician(world: World, lot: FrozenLot) -> None:
    dose, _ = given_up(world, "prepared", lot)
    assert "enter_dose_from_paper" in [
        one.name for one in look_up(world.installation, world.people["clara"], dose.code).acts
    ]


@pytest.mark.requirement("R20")
def test_a_dose_in_whose_place_another_one_was_given_is_recorded_beside_it(world: World, lot: FrozenLot) -> None:
    """The subject got both: the database keeps two doses of one number for a late fact, and for nothing else."""
    dose, lacking = given_up(world, "prepared", lot)
    second = ordered_dose(world, lot=lot, subject=dose.subject, at=dose.at + 60 * MINUTE)
    infused_dose(world, prepared_dose(world, second))
    codes, _ = entered(world, dose, form(dose, *lacking))
    assert {"DUPLICATE_DOSE", "RECORDED_OTHERWISE"} <= codes
    assert row_of(world, dose.code).given_beside and not row_of(world, second.code).given_beside


@pytest.mark.requirement("R20")
@pytest.mark.the_database_refuses("a_form_is_confirmed_before_the_next_dose")
def test_no_dose_goes_on_while_a_form_tells_of_another_one_as_given(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dose that was ordered in its place least of all: not by the rule, and not by the database; nor afterwards."""
    dose, lacking = given_up(world, "prepared", lot)
    second = prepared_dose(world, ordered_dose(world, lot=lot, subject=dose.subject, at=dose.at + 60 * MINUTE))
    check = {"now": second.at + HOUR, **bedside(world, second)}
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **form(dose, *lacking))
    refused = world.try_act("cyril", "check_dose", **check).refusals[0]
    assert refused.code.value == "DECISION_NEEDED" and dose.code in refused.detail
    with monkeypatch.context() as patch:
        patch.setattr("cellbank.domain.rules.standing.next_dose_refusals", lambda facts: ())
        assert world.codes("cyril", "check_dose", **check) == ["DECISION_NEEDED"]
    world.do("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert "DUPLICATE_DOSE" in world.codes("cyril", "check_dose", **check)


@pytest.mark.parametrize("booked", ["discarded", "missing", "used for testing"])
def test_a_vial_that_is_booked_out_and_was_given_all_the_same_is_recorded(
    world: World, lot: FrozenLot, booked: str
) -> None:
    dose = ordered_dose(world, lot=lot)
    states = zip(lot.vials, vial_states(world, lot.code), strict=True)
    wrong = next(vial for vial, state in states if state == "IN_STOCK")
    if booked == "discarded":
        world.do("tina", "discard_vial", vial=wrong, reason="Said to be broken")
    elif booked == "used for testing":
        world.do("tina", "use_vial_for_testing", vial=wrong, tests="Sterility")
    else:
        stand = [vial for vial in lot.vials if vial != wrong and state_of(world, vial)[0] in ("IN_STOCK", "RESERVED")]
        world.do("tina", "rescan_box", box=lot.box, **seen(world, lot, stand), reasons={wrong: "Not at its place"})
    given = form(dose, *LACKING["ordered"])
    given["thaw"] = {**given["thaw"], "vials": [*dose.vials[: dose.needed - 1], wrong]}
    codes, deviation = entered(world, dose, given)
    assert {"RECORDED_OTHERWISE", "VIAL_NOT_RESERVED"} <= codes and deviation is not None
    assert "a_discarded_vial_is_not_given" in deviation.description
    assert state_of(world, wrong) == ("INFUSED", dose.code)


def seen(world: World, lot: FrozenLot, vials: list[str]) -> dict[str, Any]:
    """What stands in the box, as the book has it."""
    places = (
        select(Vial.code, Placement.position, StorageUnit.column_count)
        .join(Placement, Placement.vial_id == Vial.id)
        .join(StorageUnit, StorageUnit.id == Placement.box_id)
        .where(StorageUnit.code == lot.box, Placement.taken_at.is_(None), Vial.code.in_(vials))
    )
    with Session(world.installation.reads) as session:
        rows = session.execute(places).all()
    names = [position_name(position, columns) for _, position, columns in rows]
    return {"vials": [row[0] for row in rows], "positions": names}


def test_a_vial_that_is_in_another_dose_stays_there_and_a_deviation_names_it(world: World, lot: FrozenLot) -> None:
    other = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    dose = ordered_dose(world, lot=lot)
    given = form(dose, *LACKING["ordered"])
    given["thaw"] = {**given["thaw"], "vials": [*dose.vials[: dose.needed - 1], other.vials[0]]}
    codes, deviation = entered(world, dose, given)
    assert codes == {"RECORDED_OTHERWISE"} and deviation is not None and deviation.classification == "critical"
    assert state_of(world, other.vials[0]) == ("INFUSED", other.code)


def test_a_vial_that_was_thawed_and_is_not_on_the_form_is_looked_for(world: World, lot: FrozenLot) -> None:
    dose = thawed_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["thawed"], stop_reason="As on the form")
    given["thaw"] = {**given["thaw"], "vials": list(dose.vials[: dose.needed - 1])}
    codes, deviation = entered(world, dose, given)
    left = dose.vials[dose.needed - 1]
    assert "RECORDED_OTHERWISE" in codes and deviation is not None and left[-6:] in deviation.description
    assert state_of(world, left) == ("THAWED", dose.code)
    world.do("tina", "discard_vial", vial=left, reason="Found in the waste", now=dose.at + 7 * HOUR)


@pytest.mark.parametrize(
    ("stage", "again"),
    [("counted", {"thaw", "count"}), ("prepared", {"preparation"}), ("checked", {"first_checked_at"})],
)
def test_what_was_done_again_on_paper_is_entered_beside_what_is_recorded(
    world: World, lot: FrozenLot, stage: str, again: set[str]
) -> None:
    """A count of minutes ago that was repeated after the network was cut. A check that was proved stays as it is."""
    dose = made(world, stage, lot)
    given = form(dose, *LACKING[stage], *again)
    if stage == "prepared":
        given["preparation"] = {**given["preparation"], "drawn_ml": "13.8"}
    if stage == "checked":
        given["first_checked_at"] += 2 * MINUTE
    before = row_of(world, dose.code)
    codes, deviation = entered(world, dose, given)
    assert "RECORDED_OTHERWISE" in codes and deviation is not None and "Find out which is true" in deviation.description
    row = row_of(world, dose.code)
    assert str(row.draw_ml) == ("13.800" if stage == "prepared" else "13.900")
    assert stage != "checked" or row.first_checked_at == before.first_checked_at


# --- figures that contradict each other, and what nobody knows --------------------------------

FIGURES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("prepared", {"volume_given_ml": "490"}, {"FIGURES_CONTRADICT"}),
    ("prepared", {"volume_given_ml": None, "not_on_the_form": ["volume given"]}, {"NOT_ON_THE_FORM"}),
    ("ordered", {"count": {"diluent": None}, "not_on_the_form": ["diluent"]}, {"NOT_ON_THE_FORM"}),
    ("ordered", {"count": {"diluent": "water"}}, {"OTHER_DILUENT"}),
    ("ordered", {"count": {"total_cells_per_ml": 41_000_000}}, {"FIGURES_CONTRADICT"}),
    ("ordered", {"count": {"viability_percent": "0"}, "stop_reason": "As on the form"},
     {"VIABILITY_TOO_LOW", "DOSE_OUT_OF_BAND"}),
    ("ordered", {"preparation": {"drawn_ml": "60"}}, {"FIGURES_CONTRADICT"}),
]  # fmt: skip


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(("stage", "change", "expected"), FIGURES)
def test_figures_that_cannot_be_and_what_nobody_knows_are_told_with_their_deviation(
    world: World, lot: FrozenLot, stage: str, change: dict[str, Any], expected: set[str]
) -> None:
    dose = ordered_dose(world, lot=lot)
    if stage == "prepared":
        prepared_dose(world, dose)
    given = form(dose, *LACKING[stage])
    for name, value in change.items():
        given[name] = {**given[name], **value} if isinstance(value, dict) else value
    codes, _ = entered(world, dose, {name: value for name, value in given.items() if value is not None})
    assert expected <= codes
    row = row_of(world, dose.code)
    assert (row.volume_given_ml is None, row.given_cells is None) == (given["volume_given_ml"] is None,) * 2


@pytest.mark.requirement("R20")
def test_what_was_given_is_accounted_for_also_where_nobody_knows_how_much(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["prepared"], not_on_the_form=["volume given"])
    entered(world, dose, {name: value for name, value in given.items() if name != "volume_given_ml"})
    left = {"dose": dose.code, "residual_ml": "1", "vials": list(dose.vials[: dose.needed - 1])}
    now = dose.at + 7 * HOUR
    assert world.codes("tina", "reconcile_infusion", now=now, **left) == ["NOT_ENOUGH_VIALS"]
    late = {"happened_at": now - HOUR, "entered_late_because": "The empty vial was thrown away"}
    outcome = world.try_act("tina", "reconcile_infusion", now=now, **left, **late)
    assert outcome.accepted and outcome.result["deviation"]


def test_unknown_is_said_and_never_just_left_out(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["prepared"])
    silent = {name: value for name, value in given.items() if name != "volume_given_ml"}
    for wrong in (silent, {**given, "not_on_the_form": ["volume given"]}):
        with pytest.raises(Malformed) as caught:
            world.try_act("clara", "enter_dose_from_paper", now=dose.at + LATER, **wrong)
        assert "volume given" in caught.value.problems[0].message


def test_a_form_is_told_late_however_soon_it_is_entered(world: World, lot: FrozenLot) -> None:
    """The tablet fell down a minute before: what was not allowed is told at once, and waits for no ten minutes."""
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["prepared"], volume_given_ml="51")
    world.do("clara", "enter_dose_from_paper", now=dose.at + 61 * MINUTE, **given)
    told = {"happened_at": dose.at + 45 * MINUTE, "entered_late_because": WHY}
    soon = datetime.timedelta(minutes=62)
    outcome = world.try_act("cyril", "confirm_dose_from_paper", dose=dose.code, now=dose.at + soon, **told)
    assert outcome.accepted and outcome.result["deviation"]


# --- each vial by its own lot -----------------------------------------------------------------


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("what", ["on hold", "recalled", "in quarantine"])
def test_each_vial_is_judged_by_the_lot_that_it_is_of(world: World, lot: FrozenLot, what: str) -> None:
    dose, other = ordered_dose(world, lot=lot), product_lot(world)
    act, code = {
        "on hold": ("hold_lot", "ON_HOLD"),
        "recalled": ("recall_lot", "LOT_NOT_RELEASED"),
        "in quarantine": ("", "LOT_NOT_RELEASED"),
    }[what]
    if act:
        world.do("oksana", act, lot=other.code, reason="Sterility of another lot")
    else:
        other = stored_lot(world)
    given = form(dose, *LACKING["ordered"])
    given["thaw"] = {**given["thaw"], "vials": [*dose.vials[: dose.needed - 1], other.vials[0]]}
    codes, deviation = entered(world, dose, given)
    assert code in codes and deviation is not None and other.code in deviation.description


@pytest.mark.parametrize(("who", "why"), [("clinician", "was no technician"), ("untrained", "no valid training")])
def test_whoever_drew_it_up_had_the_role_and_a_training_then(world: World, lot: FrozenLot, who: str, why: str) -> None:
    dose = ordered_dose(world, lot=lot)
    name = newcomer(world, who if who == "clinician" else "technician")
    given = form(dose, *LACKING["ordered"])
    given["preparation"] = {**given["preparation"], "prepared_by": name}
    codes, deviation = entered(world, dose, given)
    assert codes == {"NOT_QUALIFIED"} and deviation is not None and why in deviation.description


def test_the_role_counts_that_they_had_then_and_not_the_one_of_today(world: World, lot: FrozenLot) -> None:
    name = newcomer(world, "technician")
    on = world.now.date()
    train(world, name, str(on - datetime.timedelta(days=300)), str(on + datetime.timedelta(days=60)), "technician")
    dose = ordered_dose(world, lot=lot)
    by_two(world, "change_roles", name, dose.at + 2 * HOUR, roles=["quality_officer"], reason="Promoted")
    given = form(dose, *LACKING["ordered"])
    given["preparation"] = {**given["preparation"], "prepared_by": name}
    codes, _ = entered(world, dose, given)
    assert codes == set()


# --- the twins --------------------------------------------------------------------------------


def test_the_database_tells_it_where_no_rule_does(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_judgement, "recorded_otherwise", lambda *known: ())
    monkeypatch.setattr(paper_judgement, "stop_refusals", lambda facts: ())
    dose, lacking = given_up(world, "prepared", lot)
    codes, deviation = entered(world, dose, form(dose, *lacking, volume_given_ml="51"))
    assert codes == set() and deviation is not None
    told = {"a_finished_dose_is_not_given", "a_discarded_vial_is_not_given", "no_more_than_prepared"}
    assert all(rule in deviation.description for rule in told)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("UPDATE dose SET state = 'INFUSED' WHERE code = :dose", "a_finished_dose_is_not_given"),
        ("UPDATE dose SET state = 'CHECKED' WHERE code = :dose", "a_finished_dose_stays_finished"),
        ("UPDATE dose SET given_beside = true WHERE code = :dose", "one_live_dose_per_subject_and_day"),
        ("UPDATE dose SET volume_given_ml = 51 WHERE code = :dose", "no_more_than_prepared"),
        ("UPDATE vial SET state = 'INFUSED' WHERE code = :vial", "a_discarded_vial_is_not_given"),
    ],
)
def test_the_database_lets_none_of_it_pass_in_time(world: World, lot: FrozenLot, change: str, rule: str) -> None:
    dose, _ = given_up(world, "prepared", lot)
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(change), {"dose": dose.code, "vial": dose.vials[0]})
    assert caught.value.orig.diag.constraint_name == rule  # type: ignore[union-attr]
