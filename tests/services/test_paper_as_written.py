"""What stands on a paper form is entered as it is written: times that cross, a reaction before the start. What is told
of a patient counts from the moment at which the first person tells it."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.clinic import Dose, Reaction
from cellbank.services.clinic.at_bedside import judge_standing
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
    thawed_dose,
)
from tests.factories.lots import FrozenLot
from tests.factories.world import World
from tests.services.test_from_paper import HOUR, LACKING, form
from tests.services.test_paper_against_record import entered, given_up

LATER = 5 * HOUR


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=110)


def moved(given: dict[str, Any], **minutes: float) -> dict[str, Any]:
    """The form with some of its times written otherwise, by so many minutes."""
    for name, by in minutes.items():
        part, _, field = name.partition("__")
        if field:
            given[part] = {**given[part], field: given[part][field] + by * MINUTE}
        else:
            given[part] += by * MINUTE
    return given


CROSSED = [
    {"thaw__started_at": 40},  # after the drawing up
    {"count__counted_at": -30},  # before the thaw
    {"preparation__prepared_at": 12},
    {"first_checked_at": 3},
    {"second_checked_at": 30},  # after the start
    {"stopped_at": -30},  # before the start
]


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("change", CROSSED)
def test_times_that_cross_are_entered_as_written_with_their_deviation(
    world: World, lot: FrozenLot, change: dict[str, float]
) -> None:
    dose = ordered_dose(world, lot=lot)
    given = moved(form(dose, *LACKING["ordered"]), **change)
    codes, deviation = entered(world, dose, given)
    assert "FIGURES_CONTRADICT" in codes and deviation is not None and "lies before" in deviation.description
    row = row_of(world, dose.code)
    assert (row.thaw_started_at, row.counted_at) == (given["thaw"]["started_at"], given["count"]["counted_at"])
    assert (row.infusion_started_at, row.infusion_stopped_at) == (given["started_at"], given["stopped_at"])


def test_a_thaw_from_before_its_vials_were_put_away_is_entered_as_written(world: World, lot: FrozenLot) -> None:
    """They stood in the tank until then at least: the book of places is kept in order."""
    dose = ordered_dose(world, lot=lot)
    with world.installation.reads.connect() as connection:
        put_away = connection.scalar(
            text("SELECT max(p.placed_at) FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.code = :code"),
            {"code": dose.vials[0]},
        )
    given = form(dose, *LACKING["ordered"])
    given["thaw"] = {**given["thaw"], "started_at": put_away - HOUR}
    codes, deviation = entered(world, dose, given)
    assert "FIGURES_CONTRADICT" in codes and deviation is not None and "putting away" in deviation.description


def test_what_would_have_happened_before_its_vials_were_made_is_read_off_again(world: World, lot: FrozenLot) -> None:
    """A wrong year: nobody gave cells that did not exist."""
    dose = ordered_dose(world, lot=lot)
    given = moved(form(dose, *LACKING["ordered"]), thaw__started_at=-60 * 24 * 365 * 3)
    assert world.codes("clara", "enter_dose_from_paper", now=dose.at + LATER, **given) == ["OUT_OF_ORDER"]


# --- the reaction -----------------------------------------------------------------------------


def seen(dose: OrderedDose, minute: int = 50, *, serious: bool = True) -> dict[str, Any]:
    return {"seen": "Shivering, a blanket", "serious": serious, "happened_at": dose.at + minute * MINUTE}


def reactions(world: World, dose: OrderedDose) -> list[Reaction]:
    with Session(world.installation.reads) as session:
        return list(session.scalars(select(Reaction).join(Dose).where(Dose.code == dose.code)))


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("minute", [50, 44])
def test_the_reaction_on_the_form_is_noted_as_it_is_written(world: World, lot: FrozenLot, minute: int) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    codes, _ = entered(world, dose, form(dose, *LACKING["prepared"], reaction=seen(dose, minute)))
    assert codes == ({"FIGURES_CONTRADICT"} if minute < 45 else set())
    [told] = reactions(world, dose)
    assert (told.text, told.is_serious) == ("Shivering, a blanket", True)
    assert told.happened_at == dose.at + minute * MINUTE and told.noted_by_id == world.people["clara"].id


def test_a_form_that_is_entered_again_tells_its_reaction_once(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["prepared"], reaction=seen(dose))
    for serious in (True, True, False):
        given["reaction"] = seen(dose, serious=serious)
        world.do("clara", "enter_dose_from_paper", now=dose.at + HOUR, **given)
    assert [one.is_serious for one in reactions(world, dose)] == [True, False]  # what was told stays told


@pytest.mark.requirement("R20", "R17")
@pytest.mark.the_database_refuses("a_decision_comes_before_the_next_dose")
def test_a_serious_reaction_on_a_form_stops_the_next_dose_before_it_is_confirmed(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the order, at the thaw and at the bedside, by the rule, and by the database where the rule is off."""
    dose, lacking = given_up(world, "prepared", lot)
    second = prepared_dose(world, ordered_dose(world, lot=lot, subject=dose.subject, at=dose.at + 60 * MINUTE))
    given = form(dose, *lacking, reaction=seen(dose))
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **given)
    check = {"now": second.at + HOUR, **bedside(world, second)}
    refused = world.try_act("cyril", "check_dose", **check).refusals
    assert {one.code.value for one in refused} == {"DECISION_NEEDED"}
    assert f"serious reaction to dose {dose.code}" in " ".join(one.detail for one in refused)
    stops = judge_standing(world.installation, second.code, second.at + HOUR)
    assert stops is not None and [one.detail for one in stops.refusals] == [one.detail for one in refused]
    monkeypatch.setattr("cellbank.domain.rules.standing.next_dose_refusals", lambda facts: ())
    assert world.codes("cyril", "check_dose", **check) == ["DECISION_NEEDED"]


# --- a form that waits --------------------------------------------------------------------------


def waiting(world: World, lot: FrozenLot) -> OrderedDose:
    """A dose that was discarded in the record, and of which a form tells that it was given."""
    dose, lacking = given_up(world, "prepared", lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + HOUR, **form(dose, *lacking))
    return dose


@pytest.mark.requirement("R20")
@pytest.mark.the_database_refuses("a_form_is_confirmed_before_the_next_dose")
def test_no_dose_is_ordered_while_a_form_of_the_subject_waits(
    world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = waiting(world, lot)
    order = {"now": dose.at + HOUR, "subject": dose.subject, "lot": lot.code}
    [refused] = world.try_act("clara", "order_dose", **order).refusals
    assert refused.code.value == "DECISION_NEEDED" and dose.code in refused.detail and "paper form" in refused.detail
    monkeypatch.setattr("cellbank.domain.rules.standing.next_dose_refusals", lambda facts: ())
    assert world.codes("clara", "order_dose", **order) == ["DECISION_NEEDED"]


@pytest.mark.requirement("R20")
def test_no_vial_is_thawed_for_a_subject_of_whom_a_form_waits(world: World, lot: FrozenLot) -> None:
    dose, lacking = given_up(world, "cancelled", lot)
    second = thawed_dose(world, ordered_dose(world, lot=lot, subject=dose.subject, at=dose.at + 60 * MINUTE))
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **form(dose, *lacking))
    stops = judge_standing(world.installation, second.code, second.at + 10 * MINUTE)
    assert stops is not None and [one.code.value for one in stops.refusals] == ["DECISION_NEEDED"]
    world.do("tina", "fetch_spare", now=second.at + 6 * MINUTE, dose=second.code, reason="A vial is cracked")
    spare = {"dose": second.code, "vial": second.vials[second.needed], "box": lot.box}
    assert "DECISION_NEEDED" in world.codes("tina", "pick_vial", now=second.at + 7 * MINUTE, **spare)


def test_the_database_lets_no_dose_end_before_it_began(world: World, lot: FrozenLot) -> None:
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    change = text("UPDATE dose SET infusion_stopped_at = infusion_started_at - interval '1 minute' WHERE code = :dose")
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(change, {"dose": dose.code})
    assert caught.value.orig.diag.constraint_name == "stopped_after_started"  # type: ignore[union-attr]


def test_what_was_told_of_the_future_is_refused(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    given = form(dose, *LACKING["prepared"], reaction=seen(dose, 24 * 60))
    assert world.codes("clara", "enter_dose_from_paper", now=dose.at + LATER, **given) == ["IN_THE_FUTURE"]


@pytest.mark.requirement("R20")
def test_a_vial_that_nobody_has_is_entered_as_it_is_written(world: World, lot: FrozenLot) -> None:
    """It is read again later: what was given, was given."""
    dose = ordered_dose(world, lot=lot)
    given = form(dose, *LACKING["ordered"])
    unknown = f"{given['thaw']['vials'][0][:13]}999999"
    given["thaw"]["vials"] = [*given["thaw"]["vials"], unknown]
    codes, deviation = entered(world, dose, given)
    assert deviation is not None and "no vial of this bank" in deviation.description, (codes, deviation)


def test_what_is_against_a_form_is_told_by_the_clock_of_the_site(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    given = moved(form(dose, *LACKING["ordered"]), stopped_at=-30)
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **given)
    with world.installation.reads.connect() as connection:
        said = str(connection.scalar(text("SELECT irregular FROM dose_paper ORDER BY id DESC LIMIT 1")))
    assert "lies before" in said and "UTC" not in said
