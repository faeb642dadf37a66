"""A dose that was given from its paper form: two people enter it afterwards, from whichever state it was in, also after
its expiry; what was not allowed about it is a deviation, and nothing of it is lost."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.refusals import Code
from cellbank.records.clinic import Dose
from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Vial
from cellbank.services.clinic.at_bedside import judge_standing
from cellbank.services.clinic.steps import dose_steps
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.lookup.scanning import look_up
from cellbank.services.signing.to_sign import to_sign
from tests.factories.by_hand import CLOSE, open_act
from tests.factories.doses import (
    COUNT,
    MINUTE,
    OrderedDose,
    bedside,
    checked_dose,
    counted_dose,
    ordered_dose,
    picked_dose,
    prepared_dose,
    product_lot,
    row_of,
    thawed_dose,
    vial_states,
)
from tests.factories.lots import FrozenLot
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
WHY = "The network was down from 10 to 14"


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=90)


def form(dose: OrderedDose, *parts: str, start: int = 45, **given: Any) -> dict[str, Any]:
    """The form as it was filled in at the tank and at the bedside; `parts` are those that the record lacks."""
    at = dose.at
    whole = {
        "thaw": {"started_at": at + 5 * MINUTE, "vials": list(dose.vials[: dose.needed])},
        "count": {"counted_at": at + 20 * MINUTE, **COUNT},
        "preparation": {
            "prepared_at": at + 30 * MINUTE,
            "prepared_by": "taras",
            "drawn_ml": "13.9",
            "final_volume_ml": "50",
        },
        "first_checked_at": at + 40 * MINUTE,
        "second_checked_at": at + 41 * MINUTE,
    }
    given = {"volume_given_ml": "49", "reason": WHY, **given}
    times = {"started_at": at + start * MINUTE, "stopped_at": at + (start + 15) * MINUTE}
    return {"dose": dose.code, **{name: whole[name] for name in parts}, **times, **given}


LACKING = {
    "ordered": ("thaw", "count", "preparation", "first_checked_at", "second_checked_at"),
    "picked": ("thaw", "count", "preparation", "first_checked_at", "second_checked_at"),
    "thawed": ("thaw", "count", "preparation", "first_checked_at", "second_checked_at"),
    "counted": ("preparation", "first_checked_at", "second_checked_at"),
    "prepared": ("first_checked_at", "second_checked_at"),
    "checked once": ("second_checked_at",),
    "checked": (),
    "infusing": (),
}


def checked_once(world: World, dose: OrderedDose) -> OrderedDose:
    prepared_dose(world, dose)
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose))
    return dose


def infusing(world: World, dose: OrderedDose) -> OrderedDose:
    """The network is cut after the start."""
    checked_dose(world, prepared_dose(world, dose))
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    return dose


MADE = {"picked": picked_dose, "thawed": thawed_dose, "counted": counted_dose, "prepared": prepared_dose,
        "checked once": checked_once, "infusing": infusing,
        "checked": lambda world, dose: checked_dose(world, prepared_dose(world, dose))}  # fmt: skip


def made(world: World, stage: str, lot: FrozenLot) -> OrderedDose:
    dose = ordered_dose(world, lot=lot)
    return dose if stage == "ordered" else MADE[stage](world, dose)


def confirmation(dose: OrderedDose, start: int = 45, **given: Any) -> dict[str, Any]:
    told = {"happened_at": dose.at + start * MINUTE, "entered_late_because": WHY}
    return {"dose": dose.code, "now": dose.at + 6 * HOUR, **told, **given}


@pytest.mark.the_database_refuses("what_paper_tells_as_given_is_not_given_again")
def test_what_is_entered_as_given_is_not_given_again(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the second person has confirmed it: in the rule, in the database, on every screen, among the acts."""
    dose = made(world, "prepared", lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + HOUR, **form(dose, *LACKING["prepared"]))
    check = {"now": dose.at + HOUR, **bedside(world, dose)}
    refused = world.try_act("cyril", "check_dose", **check).refusals[0]
    assert refused.code is Code.DECISION_NEEDED and "was given, as its paper form tells" in refused.detail
    stops = judge_standing(world.installation, dose.code, dose.at + HOUR)
    assert stops is not None and refused.detail in [one.detail for one in stops.refusals]
    assert look_up(world.installation, world.people["cyril"], dose.code).acts[0].name == "confirm_dose_from_paper"
    monkeypatch.setattr("cellbank.domain.rules.standing.next_dose_refusals", lambda facts: ())
    assert world.codes("cyril", "check_dose", **check) == ["WRONG_STATE"]
    world.do("cyril", "confirm_dose_from_paper", **confirmation(dose, now=dose.at + 2 * HOUR))
    assert row_of(world, dose.code).state == "INFUSED"


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("stage", list(LACKING))
def test_a_dose_is_entered_whole_from_whichever_state_it_was_in(world: World, lot: FrozenLot, stage: str) -> None:
    dose = made(world, stage, lot)
    given = form(dose, *LACKING[stage])
    if stage == "infusing":
        given.pop("started_at")
    world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given)
    assert row_of(world, dose.code).state != "INFUSED"
    waiting = to_sign(world.installation, "confirm_dose_from_paper", {"dose": dose.code}, dose.at + 6 * HOUR)
    assert waiting is not None and "49 mL" in str(waiting.blocks) and "Nothing." in str(waiting.blocks)
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert outcome.accepted, outcome.refusals
    row = row_of(world, dose.code)
    assert (row.state, row.infusion_started_at, row.infusion_stopped_at) == (
        "INFUSED",
        dose.at + 45 * MINUTE,
        dose.at + 60 * MINUTE,
    )
    people = {name: person.id for name, person in world.people.items()}
    assert (row.prepared_by_id, row.first_checked_by_id, row.second_checked_by_id) == (
        people["taras"],
        people["clara"],
        people["cyril"],
    )
    assert (row.thaw_started_at, row.counted_at) == (dose.at + 5 * MINUTE, dose.at + 20 * MINUTE)
    assert "deviation" not in outcome.result
    states = dict(zip(lot.vials, vial_states(world, lot.code), strict=True))
    assert [states[vial] for vial in dose.vials] == ["INFUSED"] * dose.needed + ["IN_STOCK"]


@pytest.mark.requirement("R20")
def test_a_dose_given_after_its_expiry_is_recorded_with_its_deviation(world: World, lot: FrozenLot) -> None:
    dose = made(world, "ordered", lot)
    late = form(dose, *LACKING["ordered"], start=250)
    entered = world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **late)
    assert [one["code"] for one in entered["will_open_a_deviation"]] == ["OUT_OF_TIME"]
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose, start=250))
    assert outcome.accepted and row_of(world, dose.code).state == "INFUSED"
    with Session(world.installation.reads) as session:
        found = session.scalars(select(Deviation).where(Deviation.code == outcome.result["deviation"])).one()
        links = set(session.scalars(select(DeviationLink.record_code).where(DeviationLink.deviation_id == found.id)))
    assert found.classification == "critical" and WHY in found.description and "OUT_OF_TIME" in found.description
    assert {dose.code, dose.subject, lot.code} <= links


def test_two_people_who_did_not_draw_it_up_sign_for_the_same_form(world: World, lot: FrozenLot) -> None:
    dose = made(world, "picked", lot)
    given = form(dose, *LACKING["picked"])
    assert world.codes("cyril", "confirm_dose_from_paper", **confirmation(dose)) == ["NOT_FOUND"]
    mine = {**given, "preparation": {**given["preparation"], "prepared_by": "clara"}}
    assert world.codes("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **mine) == ["SAME_PERSON"]
    assert world.codes("tina", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given) == ["ROLE_NOT_ALLOWED"]
    world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given)
    world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given)  # corrected: the first is replaced
    assert world.codes("clara", "confirm_dose_from_paper", **confirmation(dose)) == ["SAME_PERSON"]
    assert world.codes("cyril", "confirm_dose_from_paper", **confirmation(dose, start=46)) == ["READINGS_DIFFER"]
    unproved = confirmation(dose, password="wrong")
    assert world.codes("cyril", "confirm_dose_from_paper", **unproved) == ["SIGNATURE_WRONG"]
    world.do("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert "WRONG_STATE" in world.codes("clara", "enter_dose_from_paper", now=dose.at + 7 * HOUR, **given)


@pytest.mark.parametrize(
    ("stage", "parts", "change", "code"),
    [
        ("ordered", ("thaw",), {}, "CRITERION_OPEN"),
        ("prepared", LACKING["prepared"], {"volume_given_ml": "20"}, "REASON_NEEDED"),
        ("prepared", LACKING["prepared"], {"start": 400}, "IN_THE_FUTURE"),
    ],
)
def test_a_form_that_cannot_be_is_refused(
    world: World, lot: FrozenLot, stage: str, parts: tuple[str, ...], change: dict[str, Any], code: str
) -> None:
    dose = made(world, stage, lot)
    given = form(dose, *parts, **change)
    assert code in world.codes("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given)


# --- the wrong vial ---------------------------------------------------------------------------


def other_vial(world: World, lot: FrozenLot, whose: str) -> tuple[str, str | None]:
    """A vial that was not kept for the dose, and the dose that it was kept for."""
    if whose == "another dose":
        kept = ordered_dose(world, lot=lot)
        return kept.vials[0], kept.code
    if whose == "another lot":
        return product_lot(world).vials[0], None
    return next(
        vial for vial, state in zip(lot.vials, vial_states(world, lot.code), strict=True) if state == "IN_STOCK"
    ), None


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("whose", "codes"),
    [
        ("nobody", {"VIAL_NOT_RESERVED"}),
        ("another dose", {"VIAL_NOT_RESERVED", "one_live_reservation_per_vial"}),
        ("another lot", {"VIAL_NOT_RESERVED", "MIXED_LOTS", "a_dose_comes_from_one_lot"}),
    ],
)
def test_a_wrong_vial_that_was_really_given_is_recorded_with_a_critical_deviation(
    world: World, lot: FrozenLot, whose: str, codes: set[str]
) -> None:
    dose = made(world, "ordered", lot)
    wrong, kept_for = other_vial(world, lot, whose)
    given = form(dose, *LACKING["ordered"])
    vials = [*dose.vials[: dose.needed - 1], wrong]
    given["thaw"] = {**given["thaw"], "vials": vials}
    entered = world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **given)
    told = {one["code"] for one in entered["will_open_a_deviation"]}
    assert "VIAL_NOT_RESERVED" in told and told <= codes
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert outcome.accepted, outcome.refusals
    with Session(world.installation.reads) as session:
        found = session.scalars(select(Deviation).where(Deviation.code == outcome.result["deviation"])).one()
        links = set(session.scalars(select(DeviationLink.record_code).where(DeviationLink.deviation_id == found.id)))
        rows = session.execute(select(Vial.state, Dose.code).join(Dose).where(Vial.code.in_(vials))).all()
    assert set(rows) == {("INFUSED", dose.code)} and len(rows) == len(vials)
    assert found.classification == "critical" and all(code in found.description for code in codes)
    assert {wrong, dose.code, *([kept_for] if kept_for else [])} <= links


# --- the twin ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_rule_alone")
@pytest.mark.requirement("R20")
@pytest.mark.the_database_refuses("a_form_is_signed_by_both")
def test_the_database_wants_the_signatures_of_two_clinicians_under_a_form(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = made(world, "prepared", lot)
    entering = {"now": dose.at + HOUR, **form(dose, *LACKING["prepared"])}
    with monkeypatch.context() as unsigned:
        unsigned.setattr("cellbank.records.work.Work.sign", lambda work: work.session.flush())
        assert world.codes("clara", "enter_dose_from_paper", **entering) == ["SIGNATURE_NEEDED"]
    world.do("clara", "enter_dose_from_paper", **entering)
    for who, broken in (("cyril", "a_form_is_signed_by_both"), ("quinn", "a_clinician_verifies_the_form")):
        statement = text(
            "UPDATE dose_paper SET confirmed_by_id = :who, confirmed_at = now(), state = 'CONFIRMED' "
            "WHERE dose_id = (SELECT id FROM dose WHERE code = :code)"
        )
        with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
            open_act(connection, person=world.people[who].id)
            connection.execute(statement, {"who": world.people[who].id, "code": dose.code})
            connection.execute(CLOSE)
            connection.execute(text("SET CONSTRAINTS dose_paper_is_signed IMMEDIATE"))
        assert caught.value.orig.diag.constraint_name == broken  # type: ignore[union-attr]


@pytest.mark.parametrize("who", ["entered_by_id", "confirmed_by_id"])
def test_the_database_lets_nobody_sign_for_the_form_of_a_dose_that_they_drew_up(
    world: World, lot: FrozenLot, who: str
) -> None:
    dose = made(world, "prepared", lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **form(dose, *LACKING["prepared"]))
    change = f"UPDATE dose_paper SET {who} = :who" + (", state = 'CONFIRMED'" if who == "confirmed_by_id" else "")
    statement = text(change + " WHERE dose_id = (SELECT id FROM dose WHERE code = :code)")
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(statement, {"who": world.people["taras"].id, "code": dose.code})
    assert caught.value.orig.diag.constraint_name == "preparer_does_not_sign_the_form"  # type: ignore[union-attr]


def test_each_step_tells_both_times_its_people_and_its_form(world: World, lot: FrozenLot) -> None:
    """On the page of the dose and in its chain: who did it, who entered it from the form, when, and why so late."""
    dose = made(world, "counted", lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + 5 * HOUR, **form(dose, *LACKING["counted"]))
    world.do("cyril", "confirm_dose_from_paper", **confirmation(dose))
    with world.installation.reads.connect() as connection:
        steps = {one.label: one for one in dose_steps(connection, row_of(world, dose.code).id)}
        said = str(chain_paper(connection, dose.code))
    assert not steps["Counted"].from_paper and steps["Counted"].happened_at is None
    first, drawn = steps["First check"], steps["Drawn up"]
    assert (first.happened_at, first.at, first.late_reason) == (dose.at + 40 * MINUTE, dose.at + 6 * HOUR, WHY)
    assert first.by == "Clara Clinician" and drawn.by not in (None, "Clara Clinician")
    assert first.from_paper and first.entered_by == ("Clara Clinician", steps["Second check"].by)
    assert "from paper: entered by Clara Clinician" in said and WHY in said
