"""Deviations: opened by anybody, linked to anything, investigated by one, closed by another; and what they stop."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import ON_PAPER, Kind, record_code
from cellbank.records.quality import Signature
from cellbank.records.work import Work
from cellbank.services.acts import Malformed
from cellbank.services.lookup.cards import QUESTIONS
from cellbank.services.lookup.hints import hints_for
from cellbank.services.lookup.work import worklists
from cellbank.services.quality import actions, deviations
from cellbank.services.quality.deviation_board import deviation_board
from tests.factories.deviations import (
    action_row,
    closed_deviation,
    deviation_row,
    investigated_deviation,
    links_of,
    open_deviation,
    planned_action,
)
from tests.factories.doses import ordered_dose
from tests.factories.holds import donor_of, lot_of_bank, lot_row
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.production import accepted_reagent, donation, growing_culture, harvested_culture
from tests.factories.quality import enter, passed_lot, released_lot
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    """A lot put away, for tests that only link it."""
    return stored_lot(world, vials=2)


# --- opening and linking ----------------------------------------------------------------------


@pytest.mark.requirement("R20")
def test_anybody_of_the_floor_opens_a_deviation_about_anything(world: World, lot: FrozenLot) -> None:
    code = open_deviation(world, lot.vials[0], str(lot.box), classification="critical", occurred_at=world.now - DAY)
    row = deviation_row(world, code)
    assert (row.state, row.classification, row.due_on) == ("OPEN", "critical", (world.now + 10 * DAY).date())
    assert links_of(world, code) == {("vial", lot.vials[0]), ("lot", lot.code), ("storage_unit", lot.box)}
    assert deviation_row(world, open_deviation(world, classification="minor")).due_on == (world.now + 60 * DAY).date()
    given = {"title": "Wrong dose", "description": "Nearly", "classification": "minor"}
    assert world.codes("clara", "open_deviation", **given) == []
    assert world.codes("otto", "open_deviation", **given) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("ada", "open_deviation", **given) == ["ROLE_NOT_ALLOWED"]


def test_a_result_brings_what_was_tested_and_a_dose_itself_alone(world: World) -> None:
    dose = ordered_dose(world)
    result = enter(world, dose.lot.code, "CD73")
    assert links_of(world, open_deviation(world, result)) == {("test_result", result), ("lot", dose.lot.code)}
    assert links_of(world, open_deviation(world, dose.code)) == {("dose", dose.code)}


def test_a_deviation_in_time_to_come_or_about_what_is_not_here_is_refused(world: World, lot: FrozenLot) -> None:
    given: dict[str, Any] = {"title": "T", "description": "D", "classification": "minor"}
    assert world.codes("tina", "open_deviation", **given, occurred_at=world.now + DAY) == ["IN_THE_FUTURE"]
    assert world.codes("tina", "open_deviation", **given, records=[lot.code, record_code(Kind.LOT, 999_999)]) == [
        "NOT_FOUND"
    ]
    with pytest.raises(Malformed, match="scanned twice"):
        world.try_act("tina", "open_deviation", **given, records=[lot.code, lot.code])
    with pytest.raises(Malformed, match="classification"):
        world.try_act("tina", "open_deviation", **{**given, "classification": "grave"})


def test_every_kind_of_code_is_of_a_record_that_can_be_linked() -> None:
    assert set(QUESTIONS) == set(Kind) - ON_PAPER


def test_a_deviation_is_linked_to_more_and_never_twice(world: World, lot: FrozenLot) -> None:
    code = open_deviation(world, lot.vials[0])
    given = {"deviation": code, "records": [lot.vials[0], lot.vials[1]]}
    assert world.do("clara", "link_deviation", **given)["links"] == [lot.vials[1]]
    assert world.codes("clara", "link_deviation", **given) == ["ALREADY_EXISTS"]


# --- classifying, investigating, closing ------------------------------------------------------


def test_classifying_anew_takes_an_officer_and_a_reason_and_moves_the_day(world: World) -> None:
    code = investigated_deviation(world)
    given = {"deviation": code, "classification": "critical"}
    assert world.codes("tina", "classify_deviation", **given, reason="Cells died") == ["ROLE_NOT_ALLOWED"]
    with pytest.raises(Malformed, match="reason"):
        world.try_act("quinn", "classify_deviation", **given)
    raised = world.do("quinn", "classify_deviation", **given, reason="Cells died")
    assert raised["due_on"] == str((world.now + 10 * DAY).date())
    assert world.codes("quinn", "classify_deviation", **given, reason="Once again") == ["ALREADY_EXISTS"]
    given["classification"] = "minor"
    lowered = world.do("quinn", "lower_deviation", now=world.now + 3 * DAY, **given, reason="The probe was wrong")
    assert lowered["due_on"] == str((world.now + 60 * DAY).date())
    assert world.codes("quinn", "lower_deviation", **given, reason="Once again") == ["ALREADY_EXISTS"]


@pytest.mark.requirement("R25", "R20")
def test_a_deviation_is_closed_signed_by_somebody_who_neither_opened_nor_investigated_it(world: World) -> None:
    code = investigated_deviation(world)
    closing = {"deviation": code, "decision": "No effect on the cells"}
    assert world.codes("tina", "close_deviation", **closing) == ["ROLE_NOT_ALLOWED"]
    assert "SIGNATURE_NEEDED" in world.codes("quinn", "close_deviation", **closing, password=None)
    assert world.do("quinn", "close_deviation", **closing)["state"] == "CLOSED"
    row = deviation_row(world, code)
    assert (row.decision, row.closed_at) == ("No effect on the cells", world.now)
    with Session(world.installation.reads) as session:
        signed = select(Signature.meaning, Signature.full_name).where(Signature.record_kind == "deviation")
        assert session.execute(signed.where(Signature.record_id == row.id)).all() == [("approved", "Quinn Quality")]


@pytest.mark.parametrize("who", ["opener", "investigator"])
def test_who_opened_or_investigated_it_does_not_close_it(world: World, who: str) -> None:
    opener, investigator = ("quinn", "taras") if who == "opener" else ("tina", "quinn")
    given = {"title": "Label torn", "description": "One vial", "classification": "minor"}
    code = world.do(opener, "open_deviation", **given)["code"]
    assert world.codes("oksana", "close_deviation", deviation=code, decision="Nothing") == ["WRONG_STATE"]
    told = {"investigation": "Looked at the roll", "root_cause": "Old ribbon"}
    world.do(investigator, "investigate_deviation", deviation=code, **told)
    assert world.codes("quinn", "close_deviation", deviation=code, decision="Nothing") == ["SAME_PERSON"]
    assert world.codes("oksana", "close_deviation", deviation=code, decision="Nothing") == []


def test_a_closed_deviation_changes_only_by_reopening(world: World, lot: FrozenLot) -> None:
    code = closed_deviation(world)
    link = {"deviation": code, "records": [lot.code]}
    assert world.codes("tina", "link_deviation", **link) == ["WRONG_STATE"]
    assert world.codes("quinn", "classify_deviation", deviation=code, classification="critical", reason="Too late") == [
        "WRONG_STATE"
    ]
    again = {"deviation": code, "reason": "It happened again"}
    assert world.codes("taras", "reopen_deviation", **again) == ["ROLE_NOT_ALLOWED"]
    world.do("oksana", "reopen_deviation", now=world.now + 5 * DAY, **again)
    row = deviation_row(world, code)
    assert (row.state, row.closed_at, row.due_on) == ("OPEN", None, (world.now + 35 * DAY).date())
    assert world.codes("tina", "link_deviation", **link) == []


# --- actions ----------------------------------------------------------------------------------


def test_a_corrective_action_is_done_before_the_closing_and_verified_by_another(world: World) -> None:
    code = investigated_deviation(world)
    action, later = planned_action(world, code), planned_action(world, code, type="preventive")
    closing = {"deviation": code, "decision": "Repaired"}
    refused = world.try_act("oksana", "close_deviation", **closing).refusals
    assert [one.code.value for one in refused] == ["CRITERION_OPEN"] and action in refused[0].detail
    world.do("taras", "complete_action", action=action, done_note="New hinge")
    assert world.do("oksana", "close_deviation", **closing)["state"] == "CLOSED"
    verdict = {"action": action, "effective": True, "verification": "A month without alarm"}
    assert world.codes("taras", "verify_action", **verdict) == ["ROLE_NOT_ALLOWED"]
    assert world.do("quinn", "verify_action", **verdict)["state"] == "VERIFIED"
    assert action_row(world, later).state == "PLANNED"


def test_an_action_that_did_not_help_is_to_be_done_again(world: World) -> None:
    code = investigated_deviation(world)
    action = planned_action(world, code)
    world.do("quinn", "complete_action", action=action, done_note="New hinge")
    verdict = {"action": action, "effective": False, "verification": "It opened again"}
    assert world.codes("quinn", "verify_action", **verdict) == ["SAME_PERSON"]
    world.do("oksana", "verify_action", **verdict)
    row = action_row(world, action)
    assert (row.state, row.done_at, row.done_by_id, row.done_note) == ("PLANNED", None, None, None)
    world.do("taras", "complete_action", action=action, done_note="New door")
    world.do("quinn", "close_deviation", deviation=code, decision="Repaired")
    assert world.codes("oksana", "verify_action", **verdict) == ["WRONG_STATE"]  # the deviation is reopened first


def test_an_action_is_planned_for_somebody_who_works_here_by_a_day_to_come(world: World) -> None:
    code = open_deviation(world)
    given: dict[str, Any] = {"deviation": code, "type": "corrective", "description": "Repair"}
    tomorrow, yesterday = (world.now + DAY).date(), (world.now - DAY).date()
    for name, due_on, codes in (("ada", tomorrow, ["ROLE_NOT_ALLOWED"]), ("tina", yesterday, ["OUT_OF_ORDER"])):
        planned = {**given, "responsible": name, "due_on": due_on}
        assert world.codes("quinn", "plan_action", **planned) == codes
    nobody = {**given, "responsible": "nobody", "due_on": tomorrow}
    assert world.codes("quinn", "plan_action", **nobody) == ["NOT_FOUND"]
    closed = {**given, "deviation": closed_deviation(world), "responsible": "tina"}
    assert world.codes("quinn", "plan_action", **closed, due_on=tomorrow) == ["WRONG_STATE"]
    done = {"action": planned_action(world, code), "done_note": "Done", "done_at": world.now + DAY}
    assert world.codes("taras", "complete_action", **done) == ["IN_THE_FUTURE"]


# --- what a deviation stops, through every path of lineage ------------------------------------


def paths(world: World, reagent: str, bank: FrozenLot, made: FrozenLot) -> dict[str, list[str]]:
    """Records that stand above a lot, or in it, by the name of the path."""
    with world.installation.reads.connect() as connection:
        row = connection.execute(
            text("""SELECT n.code AS donation, c.code AS culture FROM lot l JOIN donation n ON n.id = l.donation_id
                    JOIN lot_source s ON s.lot_id = l.id JOIN culture c ON c.id = s.culture_id WHERE l.code = :lot"""),
            {"lot": made.code},
        ).one()
    return {
        "donor": [donor_of(world, made.code)],
        "donation": [row.donation],
        "culture": [row.culture],
        "bank lot": [bank.code],
        "bank vial": [bank.vials[0]],
        "reagent of the bank": [reagent],
        "lot": [made.code],
        "vial": [made.vials[0]],
        "result": [enter(world, made.code, "CD73", resulted_at=world.now)],
        "tank": [str(made.box)],
    }


@pytest.mark.requirement("R25")
def test_an_open_major_deviation_stops_a_release_through_every_path(world: World) -> None:
    reagent = accepted_reagent(world)
    culture = harvested_culture(world, total_cells=3 * 5_000_000 + 1_000_000, reagent=reagent)
    bank = released_lot(world, "master_bank", 3, culture=culture, cells_per_vial=5_000_000)
    made = lot_of_bank(world, bank)
    home = stored_lot(world, vials=1).box
    world.do("taras", "store_vials", vials=list(made.vials), box=home)
    lot = FrozenLot(made.code, made.vials, home)
    assert "DEVIATION_OPEN" not in world.codes("oksana", "release_lot", lot=lot.code)
    for path, records in paths(world, reagent, bank, lot).items():
        code = investigated_deviation(world, *records)
        assert "DEVIATION_OPEN" in world.codes("oksana", "release_lot", lot=lot.code), path
        board = deviation_board(world.installation, code, world.now)
        assert board is not None and lot.code in [one.code for one in board.lots], path
        world.do("quinn", "lower_deviation", deviation=code, classification="minor", reason="No effect on it")
        assert "DEVIATION_OPEN" not in world.codes("oksana", "release_lot", lot=lot.code), path


@pytest.mark.the_database_refuses("no_release_with_an_open_deviation")
def test_the_database_releases_nothing_with_a_major_deviation_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = passed_lot(world, vials=2).code
    open_deviation(world, donor_of(world, lot))
    monkeypatch.setattr("cellbank.services.quality.decisions.release_criteria", lambda _: ())
    assert world.codes("oksana", "release_lot", lot=lot) == ["DEVIATION_OPEN"]
    assert lot_row(world, lot).state == "QUARANTINE"


def test_the_page_shows_every_affected_lot_with_its_doses_and_subjects(world: World) -> None:
    dose = ordered_dose(world)
    code = open_deviation(world, donor_of(world, dose.lot.code))
    board = deviation_board(world.installation, code, world.now)
    assert board is not None
    [affected] = board.lots
    assert (affected.code, affected.doses, affected.subjects) == (dose.lot.code, (dose.code,), (dose.subject,))
    assert affected.vials_in_stock == len(dose.lot.vials) - len(dose.vials)
    assert deviation_board(world.installation, "DVZZZZZZ", world.now) is None


def test_what_is_due_stands_in_the_worklists_and_shows_as_late(world: World) -> None:
    code = open_deviation(world, classification="critical")
    action = planned_action(world, code)
    for who in ("tina", "quinn", "clara"):
        lists = {one.name: one for one in worklists(world.installation, world.people[who].roles, world.now)}
        items = {item.code: item for item in lists["actions"].items}
        assert "Taras Technician" in items[action].detail and items[action].due is not None
        assert items[action].due > world.now + 6 * DAY
    board = deviation_board(world.installation, code, world.now + 11 * DAY)
    assert board is not None and board.is_late and [one.is_late for one in board.actions] == [True]


# --- the database, with the rules off ---------------------------------------------------------


@pytest.mark.the_database_refuses(
    "ck_corrective_action_verified_by_another_person",
    "ck_deviation_closed_by_another_person",
    "no_closing_before_the_correction",
)
def test_the_database_closes_nothing_by_the_wrong_person_or_too_early(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"title": "Label torn", "description": "One vial", "classification": "minor"}
    code = world.do("quinn", "open_deviation", **given)["code"]
    world.do("taras", "investigate_deviation", deviation=code, investigation="Looked", root_cause="Old ribbon")
    closing = {"deviation": code, "decision": "Nothing"}
    monkeypatch.setattr(Work, "_same_person", lambda *_: [])
    assert world.codes("quinn", "close_deviation", **closing) == ["SAME_PERSON"]
    action = planned_action(world, code)
    monkeypatch.setattr(deviations, "closing_refusals", lambda *_: ())
    assert world.codes("oksana", "close_deviation", **closing) == ["CRITERION_OPEN"]
    world.do("quinn", "complete_action", action=action, done_note="New roll")
    verdict = {"action": action, "effective": True, "verification": "Seen"}
    assert world.codes("quinn", "verify_action", **verdict) == ["SAME_PERSON"]


@pytest.mark.the_database_refuses("a_deviation_is_lowered_by_another", "a_deviation_is_lowered_with_a_signature")
def test_the_database_lowers_nothing_by_the_wrong_person_or_unsigned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"title": "Label torn", "description": "One vial", "classification": "major"}
    code = world.do("quinn", "open_deviation", **given)["code"]
    world.do("taras", "investigate_deviation", deviation=code, investigation="Looked", root_cause="Old ribbon")
    lower = {"deviation": code, "classification": "minor", "reason": "It was nothing"}
    monkeypatch.setattr(Work, "_same_person", lambda *_: [])
    assert world.codes("quinn", "lower_deviation", **lower) == ["SAME_PERSON"]
    monkeypatch.setattr(deviations, "raising_refusals", lambda *_: ())
    assert world.codes("oksana", "classify_deviation", **lower) == ["SECOND_PERSON_NEEDED"]


@pytest.mark.the_database_refuses("nothing_is_added_to_a_closed_deviation")
def test_the_database_leaves_a_closed_deviation_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = closed_deviation(world)
    with pytest.raises(IntegrityError, match="deviation is closed"), world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE deviation SET decision = 'Other' WHERE code = :code"), {"code": code})
    monkeypatch.setattr(actions, "closed_refusals", lambda *_: ())
    planned = {"deviation": code, "type": "corrective", "description": "Late", "responsible": "tina"}
    assert world.codes("quinn", "plan_action", **planned, due_on=(world.now + DAY).date()) == ["WRONG_STATE"]


def test_a_growing_culture_is_affected_before_it_is_a_lot(world: World) -> None:
    din = donation(world)
    culture = growing_culture(world, din)
    code = open_deviation(world, culture)
    board = deviation_board(world.installation, code, world.now)
    assert board is not None and board.lots == () and links_of(world, code) == {("culture", culture)}


def test_the_form_of_an_action_offers_who_works_here(world: World) -> None:
    offered = dict(hints_for(world.installation, "plan_action", {}).offers["responsible"])
    assert offered["taras"] == "Taras Technician" and "clara" in offered and "ada" not in offered
