"""What a stop would touch, counted and listed; and the recall list on paper and as CSV."""

import csv
import io
import time

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from cellbank.domain.identifiers import Kind, record_code
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.recall_document import NOT_STOPPED, recall_csv
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.quality.impact import NOWHERE, PAGE, impact, vials_touched
from tests.factories.doses import OrderedDose, infused_dose, ordered_dose, prepared_dose, product_lot
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.world import World

WHY = "A particle was found in a vial of this lot"


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=12)


@pytest.fixture(scope="module")
def given(world: World, lot: FrozenLot) -> OrderedDose:
    return infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))


@pytest.fixture(scope="module")
def waiting(world: World, lot: FrozenLot, given: OrderedDose) -> OrderedDose:
    return ordered_dose(world, lot=lot)


def trial_number(world: World, subject: str) -> str:
    with world.installation.reads.connect() as connection:
        return connection.scalar(text("SELECT trial_number FROM subject WHERE code = :code"), {"code": subject})


def test_a_stop_of_a_lot_touches_its_vials_doses_and_subjects(
    world: World, lot: FrozenLot, given: OrderedDose, waiting: OrderedDose
) -> None:
    found = impact(world.installation, lot.code)
    assert found.vials == 12 and found.by_state == {"IN_STOCK": 5, "INFUSED": 3, "RESERVED": 4}
    (place,) = found.places
    assert place.box == lot.box and place.total == 9 and place.where.endswith("Rack 1 › Box A")
    assert {(dose.code, dose.was_received, dose.is_under_way) for dose in found.doses} == {
        (given.code, True, False),
        (waiting.code, False, True),
    }
    assert found.received == (trial_number(world, given.subject),)
    assert found.waiting == (trial_number(world, waiting.subject),)


def test_every_vial_has_its_place_in_the_order_of_the_tank(
    world: World, lot: FrozenLot, given: OrderedDose, waiting: OrderedDose
) -> None:
    vials = vials_touched(world.installation, lot.code)
    assert len(vials) == 12
    assert [vial.where for vial in vials[-3:]] == [NOWHERE] * 3 and {vial.state for vial in vials[-3:]} == {"INFUSED"}
    stored = [vial for vial in vials if vial.where != NOWHERE]
    assert [vial.number for vial in stored] == sorted(vial.number for vial in stored)


def test_a_donor_and_a_box_reach_their_lots_too(world: World, lot: FrozenLot) -> None:
    with world.installation.reads.connect() as connection:
        statement = """SELECT o.code FROM lot l JOIN donation d ON d.id = l.donation_id
                         JOIN donor o ON o.id = d.donor_id WHERE l.code = :lot"""
        donor = connection.scalar(text(statement), {"lot": lot.code})
    assert [one.code for one in impact(world.installation, donor).lots] == [lot.code]
    assert [one.code for one in impact(world.installation, str(lot.box)).lots] == [lot.code]


@pytest.mark.parametrize(
    ("code", "error"),
    [(record_code(Kind.LOT, 999_999), NotHere), ("rubbish", Unreadable), (record_code(Kind.PERSON, 1), NotHere)],
)
def test_an_unknown_code_touches_nothing(world: World, code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        impact(world.installation, code)


def test_a_thousand_vials_are_counted_at_once(world: World) -> None:
    lot = stored_lot(world, vials=1000, cells_per_vial=5_000_000)
    impact(world.installation, lot.code)
    start = time.perf_counter()
    found = impact(world.installation, lot.code)
    page = vials_touched(world.installation, lot.code, 2)
    spent = time.perf_counter() - start
    assert found.vials == 1000 and found.pages == 5 and len(page) == PAGE and page[0].number == PAGE + 1
    assert spent < 0.5, f"{1000 * spent:.0f} ms"


# --- the recall list --------------------------------------------------------------------------


def pdf_text(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages)


@pytest.mark.requirement("R2")
def test_the_list_is_a_preview_before_and_a_recall_list_after(world: World) -> None:
    dose = infused_dose(world)
    before = pdf_text(unissued_file(world.installation, "recall_list", dose.lot.code))
    assert NOT_STOPPED in before and trial_number(world, dose.subject) in before
    (notice,) = world.do("oksana", "recall_lot", lot=dose.lot.code, reason=WHY)["notices"]
    after = unissued_file(world.installation, "recall_list", dose.lot.code)
    assert after == unissued_file(world.installation, "recall_list", dose.lot.code)
    assert NOT_STOPPED not in pdf_text(after) and WHY in pdf_text(after) and "not answered" in pdf_text(after)
    answer = {"dose": dose.code, "done": "patient_told", "note": "Two days of observation"}
    world.do("clara", "answer_notice", notice=notice, answers=[answer])
    told = pdf_text(unissued_file(world.installation, "recall_list", dose.lot.code))
    assert "Patient told: Two days of observation" in told and "Clara Clinician" in told


def test_the_csv_has_a_line_for_each_lot_dose_and_vial(
    world: World, lot: FrozenLot, given: OrderedDose, waiting: OrderedDose
) -> None:
    lines = list(csv.DictReader(io.StringIO(recall_csv(world.installation, lot.code))))
    assert [line["record"] for line in lines] == ["lot"] + 2 * ["dose"] + 12 * ["vial"]
    doses = {line["code"]: line for line in lines if line["record"] == "dose"}
    assert doses[given.code]["given_at"] and not doses[waiting.code]["given_at"]
    assert {line["code"] for line in lines if line["record"] == "vial"} == set(lot.vials)


def test_no_text_of_the_csv_is_a_formula(world: World) -> None:
    dose = infused_dose(world)
    (notice,) = world.do("oksana", "recall_lot", lot=dose.lot.code, reason=WHY)["notices"]
    answer = {"dose": dose.code, "done": "other", "note": '=HYPERLINK("http://x", "y"), told the subject'}
    world.do("clara", "answer_notice", notice=notice, answers=[answer])
    [line] = [
        one for one in csv.DictReader(io.StringIO(recall_csv(world.installation, dose.lot.code))) if one["measures"]
    ]
    assert line["measures"].startswith("Other: =HYPERLINK") and line["answered_by"] == "Clara Clinician"
