"""Downtime forms: what stands on them, that their symbols scan, where these lead, and that none is a wristband."""

import dataclasses
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import text

from cellbank.domain.identifiers import Form, Kind, form_code, printed
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.refusals import Code
from cellbank.domain.scans import Scan, read_scan
from cellbank.outside.printers import FolderPrinter
from cellbank.services.acts import REGISTRY
from cellbank.services.documents.downtime_forms import SHEETS
from cellbank.services.documents.downtime_printing import blank_forms, doses_of, forms_of_day
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.lookup.on_paper import OfDose, act_of_form
from cellbank.services.lookup.scanning import Card, Command, look_up
from tests.factories.doses import (
    MINUTE,
    bedside,
    checked_dose,
    counted_dose,
    infused_dose,
    ordered_dose,
    picked_dose,
    prepared_dose,
    thawed_dose,
)
from tests.factories.world import World

NO = {Code.WRONG_KIND.value, Code.SCAN_UNREADABLE.value, Code.DOSE_LABEL_MISMATCH.value}
DPI = 203  # the coarsest printer of the house


def symbols(pdf: bytes) -> list[set[str]]:
    """The symbols of each page, as a scanner sees them on a print of 203 dpi."""
    pages = [page.render(scale=DPI / 72, grayscale=True).to_pil() for page in pypdfium2.PdfDocument(pdf)]
    plain = zxingcpp.TextMode.Plain
    return [{one.text for one in zxingcpp.read_barcodes(page, text_mode=plain)} for page in pages]


def words(pdf: bytes) -> list[str]:
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]
    return [" ".join(page.split()) for page in pages]


def test_each_sheet_bears_its_form_its_dose_and_its_subject_to_scan(world: World) -> None:
    dose = prepared_dose(world)
    found = symbols(unissued_file(world.installation, "downtime_forms", dose.code))
    assert len(found) == len(SHEETS)
    for form, on_page in zip(SHEETS, found, strict=True):
        assert {form_code(form, dose.code), dose.code, form_code(Form.SUBJECT, dose.subject)} <= on_page


def test_nothing_on_a_form_passes_for_a_wristband_or_a_label(world: World) -> None:
    """Scanned instead of the patient and the bag a sheet of paper would prove two things that nobody looked at."""
    dose = prepared_dose(world)
    for raw in set().union(*symbols(unissued_file(world.installation, "downtime_forms", dose.code))):
        for field in ("wristband", "dose_label"):
            scans = bedside(world, dose, **{field: raw})
            assert NO & set(world.codes("clara", "check_dose", now=dose.at + 40 * MINUTE, **scans)), raw


def test_a_form_tells_what_hands_need_and_not_who_the_patient_is(world: World) -> None:
    dose = ordered_dose(world)
    pick, thaw, give = words(unissued_file(world.installation, "downtime_forms", dose.code))
    for vial in dose.vials:
        assert printed(vial) in pick and printed(vial) in thaw
    for part in ("Picked by", "signature", "›"):
        assert part in pick, part
    for part in ("Pooled volume, mL", "Viability, %", "Not below 70 % viable", "Drawn up by"):
        assert part in thaw, part
    for part in ("First check", "Second check", "Started at", "Volume given, mL", "signature"):
        assert part in give, part
    with world.installation.reads.connect() as connection:
        statement = text("SELECT trial_number, second_identifier, born_on::text FROM subject WHERE code = :code")
        number, second, born = connection.execute(statement, {"code": dose.subject}).one()
    for page in (pick, thaw, give):
        assert number in page and printed(dose.code) in page
        assert second not in page and second[-4:] not in page.replace(number, "") and born not in page


def test_what_has_happened_since_is_another_sheet(world: World) -> None:
    dose = picked_dose(world)
    pick = words(unissued_file(world.installation, "downtime_forms", dose.code))[0]
    assert printed(dose.vials[0]) not in pick and printed(dose.vials[-1]) in pick  # the spare one stays in the tank


def test_the_forms_of_a_day_are_one_file_and_each_dose_counts_its_own_pages(world: World) -> None:
    first, second = ordered_dose(world), ordered_dose(world)
    with world.installation.reads.connect() as connection:
        day = connection.scalar(text("SELECT planned_on FROM dose WHERE code = :code"), {"code": first.code})
    codes = [dose["code"] for dose in doses_of(world.installation, day)]
    assert {first.code, second.code} <= set(codes)
    pdf = forms_of_day(world.installation, day, "Tina Technician")
    assert pdf is not None
    pages = words(pdf)
    assert len(pages) == 3 * len(codes) and all("Printed" in page and "by Tina Technician" in page for page in pages)
    for at, code in enumerate(codes):
        for number, page in enumerate(pages[3 * at : 3 * at + 3], start=1):
            assert f"Page {number} of 3" in page and printed(code) in page
    assert forms_of_day(world.installation, day.replace(year=2031), "Tina Technician") is None


def test_blank_forms_have_room_and_lead_to_the_same_pages(world: World) -> None:
    pdf = blank_forms(world.installation, "Tina Technician")
    for form, found in zip(SHEETS, symbols(pdf), strict=True):
        assert form_code(form) in found
    assert all("Blank" in page for page in words(pdf))
    found = look_up(world.installation, world.people["tina"], form_code(Form.PICK))
    assert isinstance(found, Command) and found.act.name == "pick_vial" and found.filled == {}


def test_the_site_prints_in_its_own_language(world: World) -> None:
    config = dataclasses.replace(world.installation.config, language="uk")
    said = " ".join(words(blank_forms(dataclasses.replace(world.installation, config=config), "Tina")))
    assert "Доза" in said  # a word that the catalogue has had from the first day


def test_a_form_leads_to_the_act_that_its_dose_needs_next(world: World) -> None:
    def led(form: Form, dose: str) -> tuple[str, dict[str, str]] | str:
        found = look_up(world.installation, world.people["tina"], form_code(form, dose))
        return found.state if isinstance(found, Card) else (found.act.name, dict(found.filled))

    ordered, picked, thawed = ordered_dose(world).code, picked_dose(world).code, thawed_dose(world).code
    counted, prepared = counted_dose(world).code, prepared_dose(world).code
    assert led(Form.PICK, ordered) == ("pick_vial", {"dose": ordered})
    assert led(Form.THAW, ordered) == "ORDERED"
    assert led(Form.THAW, picked) == ("thaw_vial", {"dose": picked})
    assert led(Form.THAW, thawed) == ("pool_and_count", {"dose": thawed})
    assert led(Form.THAW, counted) == ("prepare_dose", {"dose": counted})
    assert led(Form.PICK, prepared) == "PREPARED"
    assert led(Form.BEDSIDE, counted) == ("enter_dose_from_paper", {"dose": counted})
    assert led(Form.BEDSIDE, infused_dose(world).code) == "INFUSED"
    subject = look_up(world.installation, world.people["tina"], form_code(Form.SUBJECT, ordered_dose(world).subject))
    assert isinstance(subject, Card) and subject.kind == "subject"


def test_every_act_that_a_form_leads_to_is_one() -> None:
    doses = [OfDose(state, more, by) for state in (None, *STATES["dose"]) for more in (True, False) for by in (None, 2)]
    found = {act_of_form(form, dose, 1) for form in SHEETS for dose in doses}
    assert found - {None} <= set(REGISTRY)
    assert all(act_of_form(form, OfDose(), 1) for form in SHEETS)  # a blank form always leads somewhere


def test_the_form_that_one_has_entered_is_shown_to_the_other_to_be_confirmed(world: World) -> None:
    dose = checked_dose(world, prepared_dose(world))
    given = {"started_at": dose.at + 45 * MINUTE, "stopped_at": dose.at + 60 * MINUTE, "volume_given_ml": "50"}
    world.do("clara", "enter_dose_from_paper", now=dose.at + 90 * MINUTE, dose=dose.code, **given, reason="Outage")
    for who, act in (("clara", "enter_dose_from_paper"), ("cyril", "confirm_dose_from_paper")):
        led = look_up(world.installation, world.people[who], form_code(Form.BEDSIDE, dose.code))
        assert isinstance(led, Command) and (led.act.name, led.filled) == (act, {"dose": dose.code})


@pytest.mark.usefixtures("made_now")
def test_the_bedside_form_is_printed_with_the_dose_label(world: World, tmp_path: Path) -> None:
    printing = dataclasses.replace(world.installation, form_printer=FolderPrinter(tmp_path))
    plain, world.installation = world.installation, printing
    try:
        dose = prepared_dose(world)
        world.do("tina", "print_label_again", now=dose.at, code=dose.code, reason="The label was torn.")
    finally:
        world.installation = plain
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and all(dose.code in file.name for file in files)
    (found,) = symbols(files[0].read_bytes())
    assert form_code(Form.BEDSIDE, dose.code) in found


def test_a_form_that_is_not_printed_undoes_nothing(world: World, tmp_path: Path) -> None:
    plain, world.installation = (
        world.installation,
        dataclasses.replace(world.installation, form_printer=FolderPrinter(tmp_path / "gone")),
    )
    try:
        dose = counted_dose(world)
        given = {"drawn_ml": "13.9", "final_volume_ml": "50"}
        done = world.do("taras", "prepare_dose", now=dose.at, dose=dose.code, **given)
    finally:
        world.installation = plain
    assert done["state"] == "PREPARED" and "downtime form" in done["form_not_printed"]


@pytest.mark.parametrize("form", SHEETS)
def test_a_form_reads_back_as_what_it_is(form: Form) -> None:
    code = form_code(form, "CHA999926000001")
    assert read_scan(code) == Scan(Kind.FORM, code, code, {"form": form, "of": "CHA999926000001"}, checked=True)
