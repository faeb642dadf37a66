"""The bedside: GO for the right patient and STOP for everything else, each refused scan kept."""

import csv
import datetime
import io
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.dose import given_cells, given_percent, one_decimal
from cellbank.domain.identifiers import Kind, dose_symbol
from cellbank.records.clinic import GIVEN_CELLS, GIVEN_PERCENT
from cellbank.records.quality import Signature
from cellbank.records.trail import Act
from cellbank.services.constraints import refusal_for
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.documents.recall_document import recall_csv
from cellbank.services.lookup.boards import dose_board
from cellbank.services.lookup.cards import read_face
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    checked_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
    vial_states,
    weighed,
)
from tests.factories.lots import FrozenLot
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=100)


@pytest.fixture
def dose(world: World, lot: FrozenLot) -> OrderedDose:
    return prepared_dose(world, ordered_dose(world, lot=lot))


def checking(world: World, dose: OrderedDose, who: str = "clara", **given: Any) -> list[str]:
    at = given.pop("now", dose.at + 40 * MINUTE)
    return world.codes(who, "check_dose", now=at, **bedside(world, dose, **given))


# --- GO ---------------------------------------------------------------------------------------


@pytest.mark.requirement("R16")
def test_two_people_say_go_and_both_sign(world: World, dose: OrderedDose) -> None:
    checked_dose(world, dose)
    row = row_of(world, dose.code)
    assert (row.state, row.first_checked_by_id, row.second_checked_by_id) == (
        "CHECKED",
        world.people["clara"].id,
        world.people["cyril"].id,
    )
    with Session(world.installation.reads) as session:
        signed = select(Signature.full_name).where(Signature.record_id == row.id, Signature.meaning == "verified")
        names = session.scalars(signed.where(Signature.record_kind == "dose").order_by(Signature.id)).all()
    assert names == ["Clara Clinician", "Cyril Clinician"]


def test_a_dry_run_shows_go_with_what_is_compared_and_changes_nothing(world: World, dose: OrderedDose) -> None:
    at = dose.at + 40 * MINUTE
    shown = world.accepted(world.try_act("clara", "check_dose", dry_run=True, now=at, **bedside(world, dose)))[
        "bedside"
    ]
    assert (shown["dose"], shown["subject"], shown["infusion_number"]) == (dose.code, dose.subject, 1)
    assert row_of(world, dose.code).state == "PREPARED"


def test_the_birth_date_is_a_second_identifier_too(world: World, dose: OrderedDose) -> None:
    assert checking(world, dose, read_back="1970-04-01") == []
    assert checking(world, dose, "cyril", read_back="01.04.1970") == []


# --- STOP -------------------------------------------------------------------------------------


@pytest.mark.requirement("R16")
def test_the_same_person_does_not_check_twice_and_the_preparer_not_at_all(world: World, dose: OrderedDose) -> None:
    assert checking(world, dose) == []
    assert checking(world, dose) == ["SAME_PERSON"]
    assert checking(world, dose, "taras") == ["ROLE_NOT_ALLOWED"]


def test_another_wristband_or_another_answer_is_stop(world: World, dose: OrderedDose) -> None:
    assert checking(world, dose, wristband=enrolled_subject(world)) == ["WRISTBAND_MISMATCH"]
    assert checking(world, dose, read_back="1970-04-02") == ["WRISTBAND_MISMATCH"]


def test_the_label_of_another_dose_is_stop(world: World, lot: FrozenLot, dose: OrderedDose) -> None:
    other = prepared_dose(world, ordered_dose(world, lot=lot))
    label = bedside(world, other)["dose_label"]
    assert set(checking(world, dose, dose_label=label)) == {"WRISTBAND_MISMATCH"}


@pytest.mark.requirement("R7")
def test_an_obsolete_label_and_a_typed_number_are_stop(world: World, dose: OrderedDose) -> None:
    old = dose_symbol(dose.code, datetime.datetime(2026, 3, 2, 11, 0))
    assert checking(world, dose, dose_label=old) == ["DOSE_LABEL_MISMATCH"]
    assert checking(world, dose, dose_label=dose.code) == ["WRONG_KIND"]


def test_nobody_goes_back_behind_the_expiry_without_a_word(world: World, dose: OrderedDose) -> None:
    expiry = row_of(world, dose.code).expires_at
    told = {"now": expiry + MINUTE, "happened_at": expiry - MINUTE}
    assert checking(world, dose, **told) == ["LATE_REASON_NEEDED"]
    assert checking(world, dose, **told, entered_late_because="The tablet was flat") == []


def test_the_third_mismatch_calls_the_quality_officer(world: World, dose: OrderedDose) -> None:
    stranger, at = enrolled_subject(world), dose.at + 40 * MINUTE
    scans = bedside(world, dose, wristband=stranger)
    details = [world.try_act("clara", "check_dose", now=at, **scans).refusals[0].detail for _ in range(3)]
    assert ["stop and call the quality officer" in detail for detail in details] == [False, False, True]


GARBLED = {
    "keyboard layout": ("dose_label", "чрф9999260000013"),
    "cut short": ("dose_label", "=+02000&/CHA999926"),
    "look-alike": ("wristband", "SЈ0001X"),
    "check character": ("wristband", "SJ0001A"),
    "no code": ("wristband", "bed 12"),
}


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("field_and_scan", GARBLED.values(), ids=GARBLED)
def test_a_garbled_scan_is_refused_and_kept_as_it_came(
    world: World, dose: OrderedDose, field_and_scan: tuple[str, str]
) -> None:
    field, scan = field_and_scan
    outcome = world.try_act("clara", "check_dose", now=dose.at + 40 * MINUTE, **bedside(world, dose, **{field: scan}))
    assert [one.code.value for one in outcome.refusals] == ["SCAN_UNREADABLE"]
    with Session(world.installation.reads) as session:
        kept = session.get_one(Act, outcome.act)
    assert kept.outcome == "refused" and kept.given[field] == scan


def test_label_and_wristband_taken_for_each_other_are_refused_by_kind(world: World, dose: OrderedDose) -> None:
    right = bedside(world, dose)
    swapped = {"dose_label": right["wristband"], "wristband": right["dose_label"]}
    assert set(checking(world, dose, **swapped)) == {"WRONG_KIND"}


def test_a_dose_of_nobody_is_not_found(world: World, dose: OrderedDose) -> None:
    assert checking(world, dose, dose_label="CHA999926999999") == ["NOT_FOUND"]


def test_time_over_is_stop_at_the_very_minute(world: World, dose: OrderedDose) -> None:
    over = dose.at + 5 * MINUTE + 4 * HOUR
    assert checking(world, dose, now=over - MINUTE) == []
    assert checking(world, dose, "cyril", now=over) == ["OUT_OF_TIME"]


def test_a_withdrawn_subject_a_held_lot_and_a_changed_weight_are_stop(world: World) -> None:
    dose = prepared_dose(world)
    weighed(world, dose.subject, "60.0", dose.at + 20 * MINUTE)
    assert checking(world, dose) == ["WEIGHT_STALE"]
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason="Question of the auditor")
    world.do("clara", "withdraw_subject", subject=dose.subject, reason="Wishes to stop")
    assert checking(world, dose) == ["SUBJECT_NOT_ENROLLED", "ON_HOLD", "LOT_NOT_RELEASED", "WEIGHT_STALE"]


# --- the infusion -----------------------------------------------------------------------------


def test_nothing_starts_without_the_second_check(world: World, dose: OrderedDose) -> None:
    assert checking(world, dose) == []
    at = dose.at + 45 * MINUTE
    assert world.codes("clara", "start_infusion", now=at, dose=dose.code) == ["WRONG_STATE"]


def test_what_changed_since_the_checks_is_asked_again(world: World, dose: OrderedDose) -> None:
    checked_dose(world, dose)
    over = dose.at + 5 * MINUTE + 4 * HOUR
    assert world.codes("clara", "start_infusion", now=over, dose=dose.code) == ["OUT_OF_TIME"]
    world.do("clara", "withdraw_subject", subject=dose.subject, reason="Wishes to stop")
    at = dose.at + 45 * MINUTE
    assert world.codes("clara", "start_infusion", now=at, dose=dose.code) == ["SUBJECT_NOT_ENROLLED"]


def test_an_infusion_is_given_and_accounted_for(world: World) -> None:
    dose = infused_dose(world)
    row = row_of(world, dose.code)
    assert (row.state, row.study_day) == ("INFUSED", 1)
    assert vial_states(world, dose.lot.code)[:4] == ["INFUSED"] * 3 + ["IN_STOCK"]
    given = {"dose": dose.code, "residual_ml": "1"}
    codes = world.codes("tina", "reconcile_infusion", vials=list(dose.vials[:2]), **given)
    assert codes == ["NOT_ENOUGH_VIALS"]
    more = {"dose": dose.code, "residual_ml": "2", "vials": list(dose.vials[:3])}
    assert world.codes("tina", "reconcile_infusion", **more) == ["FIGURES_CONTRADICT"]
    world.do("tina", "reconcile_infusion", vials=list(dose.vials[:3]), **given)
    assert row_of(world, dose.code).state == "RECONCILED"
    seen = ["Shivering, passed by itself", "Temperature 37.2 °C"]
    for hours, reaction in enumerate(seen, 3):
        noted = {"dose": dose.code, "serious": False, "reaction": reaction}
        world.do("clara", "record_reaction", now=dose.at + hours * HOUR, **noted)
    board = dose_board(world.installation, dose.code)
    assert board is not None and [(one.text, one.by, one.is_serious) for one in board.reactions] == [
        (reaction, "Clara Clinician", False) for reaction in seen
    ]


def test_a_reaction_of_before_the_start_is_noted_and_points_at_the_times(world: World, dose: OrderedDose) -> None:
    infused_dose(world, dose)
    told = {"happened_at": dose.at + 44 * MINUTE, "entered_late_because": "The patient was looked after first"}
    noted = {"dose": dose.code, "serious": True, "reaction": "Shortness of breath", "now": dose.at + 2 * HOUR}
    outcome = world.try_act("clara", "record_reaction", **noted, **told)
    assert outcome.accepted and [one["code"] for one in outcome.result["warnings"]] == ["OUT_OF_ORDER"]


def test_a_volume_that_cannot_be_and_an_infusion_stopped_early(world: World, dose: OrderedDose) -> None:
    checked_dose(world, dose)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    at, stop = dose.at + 50 * MINUTE, {"dose": dose.code}
    assert world.codes("clara", "stop_infusion", now=at, volume_given_ml="50.1", **stop) == ["FIGURES_CONTRADICT"]
    assert world.codes("clara", "stop_infusion", now=at, volume_given_ml="20", **stop) == ["REASON_NEEDED"]
    shown = world.do("clara", "stop_infusion", now=at, volume_given_ml="20", reason="Shivering", **stop)
    assert row_of(world, dose.code).outcome_reason == "Shivering"
    # 13.9 mL × 3.608 million = 50 151 200 cells in 50 mL
    assert (shown["given_cells"], shown["given_percent"]) == (20_060_480, "40.1")


def test_what_is_told_is_what_went_in_and_not_what_was_drawn(world: World, lot: FrozenLot, dose: OrderedDose) -> None:
    checked_dose(world, dose)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    stop = {"dose": dose.code, "volume_given_ml": "20", "reason": "Shivering"}
    world.do("clara", "stop_infusion", now=dose.at + 50 * MINUTE, **stop)
    row = row_of(world, dose.code)
    assert (row.given_cells, row.given_percent, row.delivered_cells) == (20_060_480, Decimal("40.1"), 50_151_200)
    face = read_face(world.installation, Kind.DOSE, dose.code)
    assert face is not None and ("Cells given", "20.1 ×10⁶ (40.1 % of the dose)") in face.facts
    recall = [line for line in csv.DictReader(io.StringIO(recall_csv(world.installation, lot.code)))]
    told = next(line for line in recall if line["code"] == dose.code)
    assert (told["given_cells"], told["given_percent"]) == ("20060480", "40.1")
    with world.installation.reads.connect() as connection:
        assert "20.1 ×10⁶ (40.1 % of the dose)" in str(chain_paper(connection, dose.code))


@pytest.mark.parametrize(
    ("delivered", "given", "prepared", "required"),
    [
        (50_151_200, "20", "50", 50_000_000),
        (50_151_200, "0", "50", 50_000_000),
        (50_000_000, "0.1", "30", 50_000_000),  # a third of a cell is no cell
        (85_400_000, "33.333", "99.999", 84_885_688),
        (1, "0.001", "0.003", 3),
        (9_999_999, "49.999", "50", 1_000_000_000),  # 0.99998 %
        (40_050_000, "50", "50", 100_000_000),  # a half of the last place is rounded up
    ],
)
def test_the_database_counts_what_went_in_as_the_rule_does(
    world: World, delivered: int, given: str, prepared: str, required: int
) -> None:
    """Nobody writes the two columns, so only the formulas could differ: each is asked by itself."""
    values = {
        "delivered_cells": delivered,
        "volume_given_ml": given,
        "final_volume_ml": prepared,
        "required_cells": required,
    }
    types = {name: "numeric(9, 3)" if name.endswith("_ml") else "bigint" for name in values}
    row = ", ".join(f"CAST(:{name} AS {type_}) AS {name}" for name, type_ in types.items())
    with Session(world.installation.reads) as session:
        statement = text(f"SELECT {GIVEN_CELLS}, {GIVEN_PERCENT} FROM (SELECT {row}) AS dose")
        found = session.execute(statement, values).one()
    volumes = (delivered, Decimal(given), Decimal(prepared))
    assert tuple(found) == (given_cells(*volumes), one_decimal(given_percent(*volumes, required)))


def test_the_database_alone_lets_no_more_be_given_than_was_prepared(world: World, dose: OrderedDose) -> None:
    infused_dose(world, dose)
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE dose SET volume_given_ml = 50.5 WHERE code = :dose"), {"dose": dose.code})
    refusal = refusal_for(caught.value)
    assert refusal is not None and refusal.code.value == "FIGURES_CONTRADICT"


def test_the_trail_tells_the_whole_story_of_a_dose(world: World, dose: OrderedDose) -> None:
    infused_dose(world, dose)
    with Session(world.installation.reads) as session:
        acts = select(Act.name).where(Act.record_code == dose.code, Act.outcome == "accepted").order_by(Act.id)
        names = list(session.scalars(acts))
    assert names == [
        "order_dose",
        *["pick_vial"] * 3,
        *["thaw_vial"] * 3,
        "pool_and_count",
        "prepare_dose",
        "check_dose",
        "check_dose",
        "start_infusion",
        "stop_infusion",
    ]
