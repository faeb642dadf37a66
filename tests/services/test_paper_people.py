"""Whom a paper form names: by their names, as they stood then, whoever enters and confirms it, and whoever has left
since; and what of a dose was not done, or nobody knows."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.clinic import Dose, DosePaper
from cellbank.services.clinic.steps import dose_steps
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.signing.to_sign import to_sign
from tests.factories.doses import MINUTE, OrderedDose, ordered_dose, prepared_dose, product_lot, row_of
from tests.factories.lots import FrozenLot
from tests.factories.people import by_two, newcomer, train
from tests.factories.world import World
from tests.house.test_what_is_signed import words_of
from tests.services.test_from_paper import HOUR, LACKING, WHY, confirmation, form
from tests.services.test_paper_against_record import entered

LATER = 5 * HOUR


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=110)


def prepared(world: World, lot: FrozenLot) -> OrderedDose:
    return prepared_dose(world, ordered_dose(world, lot=lot))


def a_clinician(world: World) -> str:
    """Somebody who may check and sign."""
    name = newcomer(world, "clinician")
    world.may_sign(name)
    return name


def drawn_by(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {**given, "preparation": {**given["preparation"], "prepared_by": name}}


# --- whoever has left -------------------------------------------------------------------------


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("leaves", ["change_roles", "disable_person"])
def test_a_form_whose_first_person_has_left_is_confirmed(world: World, lot: FrozenLot, leaves: str) -> None:
    dose, first = prepared(world, lot), a_clinician(world)
    world.do(first, "enter_dose_from_paper", now=dose.at + HOUR, **form(dose, *LACKING["prepared"]))
    if leaves == "change_roles":
        by_two(world, "change_roles", first, dose.at + 2 * HOUR, roles=["quality_officer"], reason="Another post")
    else:
        world.do("ada", "disable_person", name=first, reason="Has left", now=dose.at + 2 * HOUR)
    outcome = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose))
    assert outcome.accepted and "deviation" not in outcome.result, outcome.refusals
    row = row_of(world, dose.code)
    assert row.first_checked_by_id == world.people[first].id and row.second_checked_by_id == world.people["cyril"].id


@pytest.mark.requirement("R20")
def test_others_enter_and_confirm_what_two_who_have_left_checked(world: World, lot: FrozenLot) -> None:
    """All four names are kept: who stood at the bed, and who read the paper."""
    dose, gone, also_gone = prepared(world, lot), a_clinician(world), a_clinician(world)
    for who in (gone, also_gone):
        world.do("ada", "disable_person", name=who, reason="Has left", now=dose.at + HOUR)
    given = form(dose, *LACKING["prepared"], first_checked_by=gone, second_checked_by=f"Newcomer {also_gone}")
    codes, deviation = entered(world, dose, given)
    assert codes == set() and deviation is None  # they were clinicians, and trained, when they did it
    row = row_of(world, dose.code)
    assert (row.first_checked_by_id, row.second_checked_by_id) == (world.people[gone].id, world.people[also_gone].id)
    with world.installation.reads.connect() as connection:
        steps = {one.label: one for one in dose_steps(connection, row.id)}
    assert steps["First check"].by == f"Newcomer {gone}"
    assert steps["First check"].entered_by == ("Clara Clinician", "Cyril Clinician")


def test_whoever_checked_first_at_the_screen_may_confirm_who_checked_second(world: World, lot: FrozenLot) -> None:
    """With two clinicians in the house nobody is missing: the second one enters, under their own name."""
    from tests.services.test_from_paper import checked_once

    dose = checked_once(world, ordered_dose(world, lot=lot))
    given = form(dose, "second_checked_at")
    world.do("cyril", "enter_dose_from_paper", now=dose.at + HOUR, **given)
    assert world.codes("clara", "confirm_dose_from_paper", **confirmation(dose)) == ["SAME_PERSON"]
    world.do("cyril", "enter_dose_from_paper", now=dose.at + HOUR, **given, second_checked_by="cyril")
    world.do("clara", "confirm_dose_from_paper", **confirmation(dose))
    assert row_of(world, dose.code).second_checked_by_id == world.people["cyril"].id


# --- as they stood then -----------------------------------------------------------------------


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(("revoked_after", "expected"), [(2 * HOUR, set()), (-2 * HOUR, {"NOT_QUALIFIED"})])
def test_a_training_counts_as_it_stood_then(
    world: World, lot: FrozenLot, revoked_after: datetime.timedelta, expected: set[str]
) -> None:
    dose, name = ordered_dose(world, lot=lot), newcomer(world, "technician")
    training = train(world, name, "2025-01-01", "2099-12-31", "technician")
    world.do("ada", "revoke_training", training=training, reason="A new procedure", now=dose.at + revoked_after)
    codes, _ = entered(world, dose, drawn_by(form(dose, *LACKING["ordered"]), name))
    assert codes == expected


@pytest.mark.parametrize("which", ["first_checked_by", "second_checked_by"])
def test_a_check_by_whoever_was_no_clinician_then_is_told(world: World, lot: FrozenLot, which: str) -> None:
    dose = prepared(world, lot)
    codes, deviation = entered(world, dose, form(dose, *LACKING["prepared"], **{which: "tina"}))
    assert codes == {"NOT_QUALIFIED"} and deviation is not None and "was no clinician then" in deviation.description


@pytest.mark.requirement("R20")
def test_somebody_without_an_account_is_named_as_it_is_written(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    codes, deviation = entered(world, dose, drawn_by(form(dose, *LACKING["ordered"]), "N. Bank, agency"))
    assert codes == {"NOT_QUALIFIED"} and deviation is not None and "N. Bank, agency" in deviation.description
    row = row_of(world, dose.code)
    assert row.prepared_by_id is None and row.prepared_at == dose.at + 30 * MINUTE
    with world.installation.reads.connect() as connection:
        assert "Drawn up" in str(chain_paper(connection, dose.code))


@pytest.mark.requirement("R20", "R5")
@pytest.mark.parametrize(
    ("names", "lost", "said"),
    [
        ({"first_checked_by": "taras"}, ["first"], "drew dose"),
        ({"first_checked_by": "cyril"}, ["second"], "no second person"),
        ({"first_checked_by": "cyril", "second_checked_by": "cyril"}, ["second"], "no second person"),
        ({"first_checked_by": "An Agency", "second_checked_by": "an agency"}, ["first", "second"], "no second person"),
    ],
)
def test_a_check_of_ones_own_work_was_none_and_is_told(
    world: World, lot: FrozenLot, names: dict[str, str], lost: list[str], said: str
) -> None:
    dose = prepared(world, lot)
    codes, deviation = entered(world, dose, form(dose, *LACKING["prepared"], **{"second_checked_by": "cyril", **names}))
    assert "NOT_QUALIFIED" in codes and deviation is not None and said in deviation.description
    assert "no_infusion_without_two_verifiers" in deviation.description
    row = row_of(world, dose.code)
    assert [one for one in ("first", "second") if getattr(row, f"{one}_checked_by_id") is None] == lost


# --- what was not done, or nobody knows -------------------------------------------------------


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    "unknown",
    [
        ["count"],
        ["preparation"],
        ["first check", "second check"],
        ["second check"],
        ["count", "preparation", "volume given", "first check", "second check"],
    ],
)
def test_a_dose_of_which_not_all_was_done_is_recorded(world: World, lot: FrozenLot, unknown: list[str]) -> None:
    dose = ordered_dose(world, lot=lot)
    fields = {"first check": "first_checked_at", "second check": "second_checked_at", "volume given": "volume_given_ml"}
    given = form(dose, *LACKING["ordered"], not_on_the_form=unknown)
    for name in unknown:
        del given[fields.get(name, name)]
    codes, deviation = entered(world, dose, given)
    assert "NOT_ON_THE_FORM" in codes and deviation is not None and ", ".join(unknown) in deviation.description
    with world.installation.reads.connect() as connection:
        assert dose.code[-6:] in str(chain_paper(connection, dose.code))
    left = {"dose": dose.code, "residual_ml": "1", "vials": list(dose.vials[: dose.needed])}
    assert world.try_act("tina", "reconcile_infusion", now=dose.at + 7 * HOUR, **left).accepted


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("UPDATE dose SET state = 'INFUSED' WHERE code = :dose", "no_infusion_without_two_verifiers"),
        (
            "UPDATE dose SET state = 'INFUSED', viability_percent = NULL, first_checked_by_id = 6, "
            "second_checked_by_id = 7 WHERE code = :dose",
            "prepared_is_complete",
        ),
    ],
)
def test_the_database_lets_none_of_it_pass_in_time(world: World, lot: FrozenLot, change: str, rule: str) -> None:
    dose = prepared(world, lot)
    ids = {"6": world.people["clara"].id, "7": world.people["cyril"].id}
    change = change.replace("= 6", f"= {ids['6']}").replace("= 7", f"= {ids['7']}")
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(change), {"dose": dose.code})
    assert caught.value.orig.diag.constraint_name == rule  # type: ignore[union-attr]


# --- what is signed ---------------------------------------------------------------------------


@pytest.mark.requirement("R4", "R20")
def test_what_the_form_writes_stands_on_the_page_before_it_is_signed(world: World, lot: FrozenLot) -> None:
    """Cells, percent, expiry, whether it is short: no form says it; and nothing is signed before it stood there."""
    dose = ordered_dose(world, lot=lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **form(dose, *LACKING["ordered"]))
    given = {name: value for name, value in confirmation(dose).items() if name != "now"}
    now = dose.at + 6 * HOUR
    waiting = to_sign(world.installation, "confirm_dose_from_paper", given, now)
    assert waiting is not None and waiting.waits
    checked = world.try_act("cyril", "confirm_dose_from_paper", **confirmation(dose), dry_run=True)
    page = to_sign(world.installation, "confirm_dose_from_paper", given, now, checked.result)
    assert page is not None and not page.waits
    said = words_of(page).split("What will stand in the dose")[1]
    written = checked.result["will_stand_in_the_dose"]
    world.do("cyril", "confirm_dose_from_paper", **confirmation(dose))
    row = row_of(world, dose.code)
    assert {column: getattr(row, column) for column in written} == written
    for shown in (
        "Living cells drawn 50.2",
        f"Of the dose {row.delivered_percent} %",
        "Short",
        "Clara Clinician",
        "Cyril Clinician",
        "Taras Technician",
    ):
        assert shown in said, (shown, said)
    signed, before = (set(Dose.signed_by(f"{act}_dose_from_paper")) for act in ("confirm", "enter"))
    assert set(written) >= signed - before - {"short_dose_reason", "band_reason"}


# --- taken back -------------------------------------------------------------------------------


@pytest.mark.requirement("R20")
def test_a_form_of_the_wrong_dose_is_taken_back_by_another_person(world: World, lot: FrozenLot) -> None:
    dose = ordered_dose(world, lot=lot)
    world.do("clara", "enter_dose_from_paper", now=dose.at + LATER, **form(dose, *LACKING["ordered"]))
    back = {"now": dose.at + LATER, "dose": dose.code, "reason": "It is the form of another dose"}
    assert world.codes("clara", "take_back_paper_form", **back) == ["SAME_PERSON"]
    assert world.codes("tina", "take_back_paper_form", **back) == ["ROLE_NOT_ALLOWED"]
    page = to_sign(world.installation, "take_back_paper_form", {"dose": dose.code}, back["now"])
    assert page is not None and WHY in words_of(page)
    world.do("cyril", "take_back_paper_form", **back)
    with Session(world.installation.reads) as session:
        states = session.scalars(select(DosePaper.state).join(Dose).where(Dose.code == dose.code)).all()
    assert states == ["TAKEN_BACK"] and row_of(world, dose.code).state == "ORDERED"
    assert world.codes("cyril", "take_back_paper_form", **back) == ["NOT_FOUND"]
