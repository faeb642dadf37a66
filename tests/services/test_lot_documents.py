"""Certificate and batch record of a lot on paper: every step, every value that was changed, who signed; marked as what
the sheet is not."""

import datetime
import re

import pytest
from sqlalchemy import create_engine, text

from cellbank.services.documents.batch_growth import growth_chart
from cellbank.services.documents.batch_lineage import read_batch
from cellbank.services.documents.certificate import NOT_RELEASED
from cellbank.services.documents.issuing import issued_file, unissued_file
from cellbank.services.documents.papers import snapshot
from cellbank.services.documents.record_export import export
from cellbank.services.finding.missing import NotHere
from cellbank.services.installation import Installation
from tests.factories import production as make
from tests.factories.freezing import MODEL, cooling, freezing_run, frozen_at, run_row
from tests.factories.lots import FrozenLot, fill_started_at, frozen_lot, open_lot, stored_lot
from tests.factories.quality import DAY, enter, passed_lot, released_lot, required_tests, results_read_at, review
from tests.factories.world import World
from tests.services.test_documents import words

NAME = "Ґалаґан-Нечуй-Левицька-Старицька, технологиня"


@pytest.fixture(scope="module")
def donation(world: World) -> str:
    return make.donation(world)


@pytest.fixture(scope="module")
def lot(world: World, donation: str) -> FrozenLot:
    """A released lot of the second passage, with a copy of a label, and a result that was corrected."""
    culture = make.harvested_culture(world, donation, total_cells=4 * 25_000_000 + 1_000_000, passages=2)
    made = stored_lot(world, vials=4, culture=culture)
    freezing_run(world, made.code)
    at = fill_started_at(world, made.code) + 2 * DAY
    world.do("tina", "print_label_again", now=at, code=made.vials[0], reason=f"Порвана етикетка, {NAME}")
    wrong = enter(world, made.code, "CD73", "97.5")
    read = results_read_at(world, made.code)
    world.do("taras", "correct_result", now=read, result=wrong, number="98.5", reason="Misread: 98.5 on the printout")
    results = [enter(world, made.code, test) for test in _others(world, made.code)]
    review(world, made.code, *results, _correction(world, wrong))
    world.do("quinn", "review_batch_record", now=read + DAY, lot=made.code)
    world.do("oksana", "release_lot", now=read + 2 * DAY, lot=made.code)
    return made


def _others(world: World, lot: str) -> list[str]:
    return [test.code for test in required_tests(world, lot) if test.code != "CD73"]


def _correction(world: World, wrong: str) -> str:
    statement = text("SELECT c.code FROM test_result c JOIN test_result f ON f.id = c.corrects_id WHERE f.code = :code")
    with world.installation.reads.connect() as connection:
        return str(connection.scalar(statement, {"code": wrong}))


@pytest.fixture(scope="module")
def certificate(installation: Installation, lot: FrozenLot) -> str:
    return words(unissued_file(installation, "certificate", lot.code))


@pytest.fixture(scope="module")
def record(installation: Installation, lot: FrozenLot) -> str:
    return words(unissued_file(installation, "batch_record", lot.code))


# --- the certificate --------------------------------------------------------------------------


@pytest.mark.requirement("R10")
def test_the_certificate_bears_the_signature_of_the_release(
    certificate: str, installation: Installation, lot: FrozenLot
) -> None:
    assert re.search(rf"Oksana Quality Released Lot {lot.code} [\d-]+ [\d:]+ EES?T \d+ valid", certificate)
    assert NOT_RELEASED not in certificate and "VOID" not in certificate


def test_every_test_stands_with_method_limit_result_and_people(certificate: str) -> None:
    for said in (
        "95 % or more",
        "no growth",
        "Ph. Eur. 2.6.1",
        "in specification",
        "reviewed by Quinn Quality",
        "Taras Technician",
        "70 % or more",
        "Tests after thaw",
    ):
        assert said in certificate, said


@pytest.mark.requirement("R2")
def test_a_value_changed_since_first_entry_is_flagged_with_what_it_was(certificate: str) -> None:
    assert "First value 97.5 %" in certificate and "Changed since first entry: was 97.5 %" in certificate
    assert "Misread: 98.5 on the printout" in certificate


@pytest.mark.parametrize("make_lot", [frozen_lot, stored_lot, passed_lot])
def test_a_lot_that_is_not_released_has_no_certificate(
    world: World, installation: Installation, donation: str, make_lot
) -> None:
    code = make_lot(world, vials=3, donation=donation).code
    said = words(unissued_file(installation, "certificate", code))
    assert NOT_RELEASED in said and "Nobody has signed the release of this lot." in said


def test_an_empty_lot_has_its_documents(world: World, installation: Installation, donation: str) -> None:
    code = open_lot(world, vials=3, donation=donation).code
    assert NOT_RELEASED in words(unissued_file(installation, "certificate", code))
    said = words(unissued_file(installation, "batch_record", code))
    assert "The batch record has not been reviewed." in said and "not yet reviewed" in said


def test_a_stopped_lot_says_so_on_every_page(world: World, installation: Installation, donation: str) -> None:
    code = released_lot(world, vials=3, donation=donation).code
    world.do("quinn", "hold_lot", lot=code, reason="Complaint from the ward")
    for type_ in ("certificate", "batch_record"):
        assert "ON HOLD – must not be used" in words(unissued_file(installation, type_, code))
    world.do("oksana", "recall_lot", lot=code, reason="Found wanting")
    assert "RECALLED – must not be used" in words(unissued_file(installation, "certificate", code))


@pytest.mark.requirement("R2")
def test_a_lot_changed_behind_the_signature_is_marked(
    world: World, installation: Installation, donation: str, databases: tuple[str, str]
) -> None:
    code = released_lot(world, vials=3, donation=donation).code
    owner = create_engine(databases[0])
    with owner.begin() as connection:  # behind the application's back: no act can do this
        connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        connection.execute(text("UPDATE lot SET cells_per_vial = 1 WHERE code = :code"), {"code": code})
    owner.dispose()
    said = words(unissued_file(installation, "certificate", code))
    assert "THE SIGNATURE OF THE RELEASE IS VOID" in said and "VOID" in said
    assert export(installation, code).signatures[0].is_void


def test_a_certificate_of_what_is_not_a_lot(installation: Installation, donation: str) -> None:
    with pytest.raises(NotHere):
        unissued_file(installation, "certificate", donation)


# --- the batch record -------------------------------------------------------------------------


@pytest.mark.requirement("R25")
def test_every_step_has_who_performed_and_who_checked_it(record: str) -> None:
    for step in (
        "Receive a donation",
        "Isolate cells from tissue",
        "Harvest and count",
        "Passage a culture",
        "Open a lot for filling",
        "Scan vials as filled",
        "Close the filling of a lot",
        "Freeze a lot",
        "Put vials away",
    ):
        assert re.search(rf"{step} .{{1,600}}?T\w+ Technician technician Reviewed: Quinn Quality BR", record), step
    assert "not yet reviewed" not in record and "Reviewed by Quinn Quality" in record


@pytest.mark.requirement("R25")
def test_the_review_counts_no_longer_when_a_step_came_after_it(
    world: World, installation: Installation, donation: str
) -> None:
    code = passed_lot(world, vials=3, donation=donation).code
    assert "It has not changed since." in words(unissued_file(installation, "batch_record", code))
    world.do("tina", "use_vial_for_testing", vial=_vial(world, code), tests="Sterility again")
    said = words(unissued_file(installation, "batch_record", code))
    assert "not yet reviewed" in said and "Qc used 1" in said


def _vial(world: World, lot: str) -> str:
    with world.installation.reads.connect() as connection:
        statement = text("SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id WHERE l.code = :code LIMIT 1")
        return str(connection.scalar(statement, {"code": lot}))


@pytest.mark.requirement("R20")
def test_a_late_entry_keeps_both_times(world: World, installation: Installation) -> None:
    din = make.donation(world)
    culture = make.growing_culture(world, din)
    begun = make.delivered(world) + make.DAY
    happened, entered = begun + 14 * make.DAY, begun + 15 * make.DAY + datetime.timedelta(minutes=7)
    counted = {"total_cells": 80_000_000, "viability_percent": "95", "confluence_percent": "80"}
    world.do("tina", "record_harvest", now=entered, culture=culture, harvested_at=happened, **counted)
    lot = frozen_lot(world, vials=3, culture=culture).code
    said = words(unissued_file(installation, "batch_record", lot))
    assert f"{happened:%Y-%m-%d}" in said
    why = "Written down on paper at the bench first"
    assert re.search(rf"entered {entered:%Y-%m-%d} \d\d:{entered:%M} EES?T: {why} Harvest and count", said)


def test_counts_doublings_and_the_balance_of_each_harvest_are_shown(record: str) -> None:
    assert "tissue, not counted" in record and "3.00 ×10⁶ living" in record and "95 % viable" in record
    assert record.count("closed") >= 3 and "not accounted for" not in record


def test_the_growth_curve_runs_through_all_passages(installation: Installation, lot: FrozenLot) -> None:
    with snapshot(installation.engine) as connection:
        lot_id = connection.scalar(text("SELECT id FROM lot WHERE code = :code"), {"code": lot.code})
        batch = read_batch(connection, int(lot_id))
    chart = growth_chart(batch.cultures)
    assert chart is not None
    (doublings,) = chart.panels[0].curves
    assert len(batch.cultures) == 3 and [days for days, _ in doublings.points] == [0, 14, 18, 22]
    levels = [level for _, level in doublings.points]
    assert levels == sorted(levels) and levels[-1] == float(batch.cultures[-1]["cumulative_doublings"])
    assert chart.panels[1].curves[1].points[0] == (14.0, 3_000_000.0)


def test_a_bank_vial_brings_the_steps_of_its_own_lot(world: World, installation: Installation) -> None:
    p0 = make.harvested_culture(world, make.donation(world), total_cells=3 * 5_000_000 + 1_000_000)
    master = released_lot(world, "master_bank", 3, culture=p0, cells_per_vial=5_000_000)
    at = results_read_at(world, master.code) + 5 * DAY
    p1 = world.do(
        "tina",
        "thaw_bank_vial",
        now=at,
        vial=master.vials[0],
        vessel="T1000",
        area_cm2=1000,
        viable_cells=3_000_000,
        reagents=[make.medium(world)],
    )["code"]
    make.harvest(world, p1, at + 4 * DAY, total_cells=3 * 25_000_000 + 1_000_000)
    said = words(unissued_file(installation, "batch_record", frozen_lot(world, vials=3, culture=p1).code))
    assert "Thaw a bank vial" in said and said.count("Open a lot for filling") == 2 and master.code in said
    assert "not accounted for" not in said


def test_labels_are_reconciled_and_copies_have_their_reasons(record: str) -> None:
    assert "Cryovial, wrap 4 4 0 0 closed" in record
    assert "Reprint 1: Порвана етикетка" in record and "Ґалаґан-Нечуй-Левицька" in record


def test_reagents_stand_with_their_lots(record: str) -> None:
    assert "MEM alpha" in record and "certificate CoA 12" in record


def test_a_deviation_of_what_the_lot_came_from_stands_in_its_record(world: World, installation: Installation) -> None:
    din = make.donation(world)
    code = frozen_lot(world, vials=3, donation=din).code
    given = {"title": "Incubator at 35 °C", "description": "For two hours in the night", "classification": "minor"}
    world.do("tina", "open_deviation", records=[din], occurred_at=world.now, **given)
    said = words(unissued_file(installation, "batch_record", code))
    assert "Incubator at 35 °C" in said and f"donation {din}" in said.replace("- ", "")


def test_the_batch_record_of_two_hundred_vials_needs_few_statements_and_is_whole(
    world: World, installation: Installation
) -> None:
    code = stored_lot(world, vials=200, cells_per_vial=5_000_000).code
    said = words(unissued_file(installation, "batch_record", code))
    assert "Numbered 200" in said and "In stock 200" in said and "200 of" not in said


@pytest.mark.requirement("R1")
def test_an_issued_batch_record_names_the_version_and_its_digest(
    world: World, installation: Installation, lot: FrozenLot
) -> None:
    code = world.do("quinn", "issue_document", code=lot.code, type="batch_record")["code"]
    found = issued_file(installation, code)
    said = words(found.pdf)
    assert found.same and "cellbank 0." in said and re.search(r"record sha256 [0-9a-f]{64}", said)


# --- the freezing run -------------------------------------------------------------------------


def test_the_batch_record_names_the_freezing_run_its_digest_and_what_was_found(
    world: World, installation: Installation, lot: FrozenLot, record: str
) -> None:
    with snapshot(installation.reads) as connection:
        of_lot = text("SELECT r.code FROM freezer_run r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot")
        code = connection.scalar(of_lot, {"lot": lot.code})
    run = run_row(world, code)
    assert f"{code} " in record and "within the band" in record and MODEL in record
    assert run.sha256 in record.replace(" ", "")


def test_a_run_outside_its_band_and_a_withdrawn_file_stay_in_the_batch_record(
    world: World, installation: Installation, donation: str
) -> None:
    made = stored_lot(world, donation=donation)
    assert "No file of the freezer was imported." in words(unissued_file(installation, "batch_record", made.code))
    wrong = freezing_run(world, made.code, cooling(frozen_at(world, made.code), lag=4.0))["code"]
    world.do("tina", "withdraw_freezing_run", run=wrong, reason="The file of the run before")
    warm = freezing_run(world, made.code, cooling(frozen_at(world, made.code), lag=25.0))
    shown = words(unissued_file(installation, "batch_record", made.code))
    assert f"{wrong}, sha256" in shown and "withdrawn by Tina Technician: The file of the run before" in shown
    assert f"deviation {warm['deviation']} open" in shown and "2 times outside the band" in shown
    assert "35.0 18.28 °C" in shown  # the longest departure, and how far outside it was
