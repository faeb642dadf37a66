"""Labels: a row for every printing, copies told apart, and every symbol read back from a 300 dpi print."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, command_code, printed
from cellbank.domain.scans import read_scan
from cellbank.outside.label_pdf import load_templates, render, shortened
from cellbank.outside.printers import PrinterProblem
from cellbank.records.people import Site
from cellbank.records.production import Culture, Lot
from cellbank.records.quality import Printing
from cellbank.services import catalogue
from cellbank.services.acts import REGISTRY, Malformed, run_act
from cellbank.services.labels import label_printing
from cellbank.services.labels.label_rows import FIN_NOTICE, command_labels
from cellbank.services.people.actors import SYSTEM
from tests.factories.by_hand import open_act
from tests.factories.clinic import screened_subject
from tests.factories.doses import counted_dose, prepared_dose, row_of
from tests.factories.lots import box, open_lot
from tests.factories.production import consented_donor, donation, growing_culture, harvested_culture, medium
from tests.factories.shipping import sealed_shipment
from tests.factories.world import World
from tests.outside.label_samples import SITE

pytestmark = pytest.mark.usefixtures("labels_drawn", "made_now")

REASON = "Label torn while it was put on."


def printings(world: World, code: str) -> list[label_printing.PrintedLabels]:
    with Session(world.installation.reads) as session:
        return label_printing.printings(session, code)


def row_by_id(world: World, printing_id: int) -> Printing:
    with Session(world.installation.reads) as session:
        return session.get_one(Printing, printing_id)


def only(world: World, code: str) -> tuple[int, dict[str, str]]:
    """The one printing of a record, and its one label."""
    (printing,) = printings(world, code)
    (row,) = row_by_id(world, printing.id).rows
    return printing.id, row


def read_back(world: World, printing_id: int) -> list[set[str]]:
    """The symbols of each label of a printing, as a scanner sees them on a 300 dpi print."""
    pages = pypdfium2.PdfDocument(label_printing.pdf_of(world.installation, printing_id))
    pictures = [page.render(scale=300 / 72, grayscale=True).to_pil() for page in pages]
    plain = zxingcpp.TextMode.Plain
    return [{found.text for found in zxingcpp.read_barcodes(picture, text_mode=plain)} for picture in pictures]


def words(world: World, printing_id: int, page: int = 0) -> str:
    return (
        pypdfium2.PdfDocument(label_printing.pdf_of(world.installation, printing_id))[page]
        .get_textpage()
        .get_text_range()
    )


def person(world: World, full_name: str = "Олександра Ґудзенко-Їжакевич") -> str:
    given = {"name": world.unique("p").replace("-", "."), "full_name": full_name, "roles": ["clinician"]}
    return str(world.do("ada", "add_person", new_password="correct horse battery", **given)["code"])


@contextmanager
def printer(world: World, printer: object) -> Iterator[None]:
    """The world with another printer."""
    usual = world.installation
    world.installation = dataclasses.replace(usual, printer=printer)
    try:
        yield
    finally:
        world.installation = usual


# --- printed with the act ---------------------------------------------------------------------


def test_every_label_of_a_lot_is_read_back_as_its_vial(world: World) -> None:
    lot = open_lot(world, vials=12)
    wraps, caps = printings(world, lot.code)
    shown = [(one.template, one.label_count, one.reprint, one.printed_by) for one in (wraps, caps)]
    assert shown == [("vial", 12, 0, "Tina Technician"), ("vial_cap", 12, 0, "Tina Technician")]
    for printing in (wraps, caps):
        symbols = [row["symbol"] for row in row_by_id(world, printing.id).rows]
        assert read_back(world, printing.id) == [{symbol} for symbol in symbols]
        scans = [read_scan(symbol) for symbol in symbols]
        assert [(scan.kind, scan.code) for scan in scans] == [(Kind.VIAL, code) for code in lot.vials]


def test_a_vial_label_says_what_is_recorded(world: World) -> None:
    lot = open_lot(world, "master_bank", vials=2)
    wraps, _ = printings(world, lot.code)
    first, second = row_by_id(world, wraps.id).rows
    with Session(world.installation.reads) as session:
        expires_on = session.scalars(select(Lot.expires_on).where(Lot.code == lot.code)).one()
    assert (first["lot"], first["cells_million"], first["volume_ml"]) == (lot.code, "25.0", "1.00")
    assert (first["division"], second["division"]) == tuple(code[13:] for code in lot.vials)
    assert (first["din"], first["fin_notice"]) == (printed(lot.vials[0][:13]), FIN_NOTICE)
    assert first["product"].startswith("Master bank P0") and first["storage"] == "−150 °C or colder"
    assert first["expires"] == expires_on.isoformat()
    assert first["symbol"].endswith(f"&>{expires_on.year % 1000:03d}{expires_on:%j}2359")
    assert f"EXP {expires_on}" in words(world, wraps.id) and "TRIAL USE ONLY" in words(world, wraps.id)


MADE: dict[str, tuple[Kind, Callable[[World], str]]] = {
    "donation": (Kind.DONATION, donation),
    "culture_vessel": (Kind.CULTURE, growing_culture),
    "storage_unit": (Kind.STORAGE, box),
    "person_badge": (Kind.PERSON, person),
    "wristband": (Kind.SUBJECT, screened_subject),
    "shipper": (Kind.SHIPMENT, lambda world: sealed_shipment(world).code),
}


@pytest.mark.parametrize("label", MADE)
def test_a_label_comes_with_the_act_and_is_read_back(world: World, label: str) -> None:
    kind, make = MADE[label]
    code = make(world)
    printing_id, row = only(world, code)
    scan = read_scan(row["symbol"])
    assert (scan.kind, scan.code) == (kind, code)
    assert read_back(world, printing_id) == [{row["symbol"]}]
    printing = row_by_id(world, printing_id)
    assert (printing.template, printing.template_digest) == (label, load_templates()[label].digest)
    sent = world.installation.config.data / "printed" / f"{printing_id:08d}-{label}-{code}.pdf"
    assert sent.read_bytes() == label_printing.pdf_of(world.installation, printing_id)


def test_a_dose_label_ties_the_infusion_to_its_subject_and_its_vials(world: World) -> None:
    dose = prepared_dose(world)
    printing_id, row = only(world, dose.code)
    record = row_of(world, dose.code)
    scan, bars = read_scan(row["symbol"]), read_scan(row["coi_symbol"])
    assert (scan.kind, scan.code) == (bars.kind, bars.code) == (Kind.DOSE, dose.code)
    assert read_back(world, printing_id) == [{row["symbol"], row["coi_symbol"]}]
    assert (row["infusion"], row["day"], row["volume_ml"]) == ("Infusion 1 of 3", "Day 1", "50.0")
    assert row["cells_million"] == "50.2" and record.delivered_cells == 50_151_200
    assert row["vials"] == ", ".join(sorted(code[13:] for code in dose.vials[: dose.needed]))
    assert row["lot"] == dose.lot.code and row["din"] == printed(dose.vials[0][:13])
    local = record.expires_at.astimezone(world.installation.config.timezone)
    assert row["expires"] == f"{local:%Y-%m-%d %H:%M} EET (UTC+02:00)"
    assert row["symbol"].endswith(f"&>{local.year % 1000:03d}{local:%j%H%M}")
    assert row["second_id"].startswith("…") and len(row["second_id"]) == 5


def test_each_culture_of_a_passage_has_a_label_of_its_own(world: World) -> None:
    parent = harvested_culture(world)
    with Session(world.installation.reads) as session:
        at = session.scalars(select(Culture.harvested_at).where(Culture.code == parent)).one()
    given = {"vessel": "T175", "vessel_count": 3, "area_cm2": 175, "viable_cells": 500_000, "reagents": [medium(world)]}
    result = world.do("tina", "passage_culture", now=at, culture=parent, **given)
    found = [only(world, code) for code in result["cultures"]]
    assert [printing_id for printing_id, _ in found] == result["printings"]
    assert [(row["symbol"], row["passage"]) for _, row in found] == [(code, "P1") for code in result["cultures"]]


def test_a_donation_is_in_quarantine_on_its_label_until_its_donor_is_eligible(world: World) -> None:
    _, row = only(world, donation(world, consented_donor(world)))
    assert (row["status"], row["warning"]) == ("QUARANTINE", "NOT EVALUATED FOR INFECTIOUS SUBSTANCES")
    _, row = only(world, donation(world))
    assert row["status"] == "ACCEPTED" and "warning" not in row
    assert row["collected"].endswith("EET (UTC+02:00)") and row["storage"] == "+2 to +8 °C"


def test_a_box_says_where_it_stands_and_what_it_holds(world: World) -> None:
    _, row = only(world, box(world, rows=5, columns=8))
    assert (row["type"], row["capacity"]) == ("Box", "5 × 8 = 40 vials")
    assert row["place"].endswith(" · Rack 1 · place 1")


def test_a_dry_run_prints_nothing(world: World) -> None:
    given = {"type": "tank", "name": world.unique("Tank")}
    with Session(world.installation.reads) as session:
        before = session.scalar(select(Printing.id).order_by(Printing.id.desc()).limit(1))
        assert world.try_act("tina", "add_storage_unit", dry_run=True, **given).accepted
        assert session.scalar(select(Printing.id).order_by(Printing.id.desc()).limit(1)) == before


# --- printed again ----------------------------------------------------------------------------


def test_a_copy_is_told_apart_and_has_the_same_symbol(world: World) -> None:
    code = box(world)
    result = world.do("tina", "print_label_again", code=code, reason=REASON)
    original, copy = printings(world, code)
    assert (original.reprint, original.reason, copy.reprint, copy.reason) == (0, None, 1, REASON)
    assert (result["code"], result["printings"]) == (code, [copy.id])
    assert "REPRINT" not in words(world, original.id) and "REPRINT 1" in words(world, copy.id)
    assert read_back(world, original.id) == read_back(world, copy.id)
    world.do("tina", "print_label_again", code=code, reason=REASON)
    assert "REPRINT 2" in words(world, printings(world, code)[-1].id)


def test_copies_are_counted_for_each_vial(world: World) -> None:
    lot = open_lot(world, vials=3)
    first, second, _ = lot.vials
    world.do("tina", "print_label_again", code=first, reason=REASON)
    world.do("tina", "print_label_again", code=second, reason=REASON)
    world.do("tina", "print_label_again", code=lot.code, vials=[first, second], reason=REASON)
    copies = [(one.template, one.label_count, one.reprint) for one in printings(world, first)]
    assert copies == [
        ("vial", 3, 0),
        ("vial_cap", 3, 0),
        ("vial", 1, 1),
        ("vial_cap", 1, 1),
        ("vial", 2, 2),
        ("vial_cap", 2, 2),
    ]
    assert [one.reprint for one in printings(world, lot.code)] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_a_copy_needs_a_reason(world: World) -> None:
    code = box(world)
    with pytest.raises(Malformed):
        world.do("tina", "print_label_again", code=code, reason="   ")
    with pytest.raises(Malformed):
        world.do("tina", "print_label_again", code=code)
    assert len(printings(world, code)) == 1


def test_what_bears_a_label_is_not_printed_as_if_it_were_new(world: World) -> None:
    code = box(world)
    refused = world.try_act("tina", "print_labels", code=code)
    assert [refusal.code.value for refusal in refused.refusals] == ["ALREADY_EXISTS"]
    assert "Print a label again" in refused.refusals[0].detail
    lot = open_lot(world, vials=2)
    assert world.codes("tina", "print_labels", code=lot.code) == ["ALREADY_EXISTS"]
    assert world.codes("tina", "print_labels", code=lot.code, vials=[lot.vials[0]]) == ["ALREADY_EXISTS"]


def test_what_bears_no_label_yet_is_labelled_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of a time when the program printed none."""
    monkeypatch.setattr("cellbank.services.storage.units.print_first", lambda *given: None)
    code = box(world)
    monkeypatch.undo()
    assert printings(world, code) == []
    refused = world.try_act("tina", "print_label_again", code=code, reason=REASON)
    assert [refusal.code.value for refusal in refused.refusals] == ["NOT_FOUND"]
    result = world.do("tina", "print_labels", code=code)
    printing_id, row = only(world, code)
    assert result["printings"] == [printing_id] and read_back(world, printing_id) == [{row["symbol"]}] == [{code}]
    assert world.codes("tina", "print_labels", code=code) == ["ALREADY_EXISTS"]


def test_a_vial_that_is_gone_gets_no_label(world: World) -> None:
    lot = open_lot(world, vials=3)
    world.do("tina", "record_filling", lot=lot.code, vials=list(lot.vials))
    world.do("tina", "discard_vial", vial=lot.vials[0], reason="Cap cracked.")
    assert world.codes("tina", "print_label_again", code=lot.vials[0], reason=REASON) == ["WRONG_STATE"]
    world.do("tina", "print_label_again", code=lot.code, reason=REASON)
    wraps = next(one for one in reversed(printings(world, lot.code)) if one.template == "vial")
    assert [row["division"] for row in row_by_id(world, wraps.id).rows] == [code[13:] for code in lot.vials[1:]]
    for vial in lot.vials[1:]:
        world.do("tina", "discard_vial", vial=vial, reason="Cap cracked.")
    assert world.codes("tina", "print_label_again", code=lot.code, reason=REASON) == ["WRONG_STATE"]


def test_vials_are_chosen_of_their_own_lot(world: World) -> None:
    lot, other = open_lot(world, vials=1), open_lot(world, vials=1)
    given = {"vials": list(other.vials), "reason": REASON}
    assert world.codes("tina", "print_label_again", code=lot.code, **given) == ["VIAL_MISMATCH"]
    assert world.codes("tina", "print_label_again", code=box(world), **given) == ["WRONG_KIND"]


def test_a_dose_has_no_label_before_it_is_drawn_up(world: World) -> None:
    dose = counted_dose(world)
    assert world.codes("tina", "print_labels", code=dose.code) == ["WRONG_STATE"]
    assert printings(world, dose.code) == []


def test_an_auditor_prints_nothing(world: World) -> None:
    assert world.codes("otto", "print_label_again", code=box(world), reason=REASON) == ["ROLE_NOT_ALLOWED"]


def test_everybody_has_a_sheet_of_command_barcodes(world: World) -> None:
    (printing_id,) = world.do("otto", "print_commands")["printings"]
    symbols = [row["symbol"] for row in row_by_id(world, printing_id).rows]
    assert command_code("sign_out") in symbols and command_code("open_lot") not in symbols
    assert read_back(world, printing_id) == [{symbol} for symbol in symbols]
    (printing_id,) = world.do("tina", "print_commands")["printings"]
    assert command_code("determine_eligibility") not in [row["symbol"] for row in row_by_id(world, printing_id).rows]


@pytest.mark.parametrize("name", sorted(catalogue.load()))
def test_every_act_fits_its_command_label(name: str) -> None:
    one = command_labels([REGISTRY[name]], "COMMANDS")
    assert render(load_templates()["command"], one.rows)


# --- the printer ------------------------------------------------------------------------------


class OutOfPaper:
    def send(self, pdf: bytes, job: str) -> str:
        raise PrinterProblem("The printer is out of labels.")


class Broken:
    def send(self, pdf: bytes, job: str) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(("fault", "said"), [(OutOfPaper(), "out of labels"), (Broken(), "error of the program")])
def test_a_printer_that_fails_undoes_nothing(world: World, fault: object, said: str) -> None:
    given = {"type": "tank", "name": world.unique("Tank")}
    with printer(world, fault):
        result = world.do("tina", "add_storage_unit", **given)
    assert result["state"] == "IN_SERVICE" and said in result["printing_failed"]
    printing_id, row = only(world, result["code"])
    assert read_back(world, printing_id) == [{row["symbol"]}]
    assert "printing_failed" not in world.do("tina", "print_label_again", code=result["code"], reason="No paper.")


def test_text_that_cannot_be_printed_undoes_nothing(world: World) -> None:
    given = {"trial_number": "UA01-0000000000000000000000000000017"}
    code = screened_subject(world, **given)
    (printing,) = printings(world, code)
    with pytest.raises(label_printing.NotPrintable, match="field subject is too long"):
        label_printing.pdf_of(world.installation, printing.id)


def test_a_label_of_another_template_is_not_passed_off_as_the_old_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    printing_id, _ = only(world, box(world))
    template = load_templates()["storage_unit"].model_copy(update={"digest": "0" * 64})
    monkeypatch.setattr(label_printing, "load_templates", lambda: {"storage_unit": template})
    with pytest.raises(label_printing.NotPrintable, match="another version of the template"):
        label_printing.pdf_of(world.installation, printing_id)


def test_a_printing_that_never_was_has_no_pdf(world: World) -> None:
    with pytest.raises(label_printing.NoSuchPrinting):
        label_printing.pdf_of(world.installation, 10**9)


def test_a_pdf_is_the_same_whenever_it_is_asked_for(world: World) -> None:
    lot = open_lot(world, vials=5)
    for printing in printings(world, lot.code):
        assert label_printing.pdf_of(world.installation, printing.id) == label_printing.pdf_of(
            world.installation, printing.id
        )


# --- names ------------------------------------------------------------------------------------


@pytest.fixture
def long_named_site(world: World) -> Iterator[str]:
    """The site under a name that no vial can hold."""
    with Session(world.installation.reads) as session:
        site = session.get_one(Site, 1)
    given = {"name": site.name, "fin": site.fin, "fin_registered": site.fin_registered, "timezone": site.timezone}
    run_act(world.installation, "configure_site", {**given, "name": SITE}, SYSTEM, door="test")
    yield SITE
    run_act(world.installation, "configure_site", given, SYSTEM, door="test")


def test_a_long_name_of_the_site_stops_no_lot(world: World, long_named_site: str) -> None:
    lot = open_lot(world, vials=1)
    wraps, _ = printings(world, lot.code)
    (row,) = row_by_id(world, wraps.id).rows
    short = row["site"]
    assert short.endswith("…") and long_named_site.startswith(short[:-1]) and len(short) > 20
    assert read_back(world, wraps.id) == [{row["symbol"]}]
    for make in (donation, growing_culture, box, person, screened_subject):
        printing_id, row = only(world, make(world))
        assert read_back(world, printing_id) == [{row["symbol"]}]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Box 4", "Box 4"),
        ("Coldest box of the second rack of the third tank", "Coldest box of the second rack…"),
        ("W" * 60, "WWWWWWWWWWWWWWW…"),
        ("Box 🧊 4", "Box ? 4"),
    ],
)
def test_a_name_is_cut_at_a_word_where_it_does_not_fit(name: str, shown: str) -> None:
    assert shortened(load_templates()["storage_unit"], "label", name) == shown


def test_the_database_takes_no_reprint_without_a_reason(world: World) -> None:
    """Not an empty reason, and not none at all, which a CHECK would let pass if it were not asked for by name."""
    again = text(
        "INSERT INTO printing "
        "(template, template_digest, record_kind, record_code, rows, label_count, reprint, reason, printed_at) "
        "VALUES ('vial', '', 'vial', 'V', '[]', 1, 1, :reason, now())"
    )
    for reason in (None, "", "  "):
        with world.installation.engine.connect() as connection:
            open_act(connection, "print_label_again")
            with pytest.raises(IntegrityError, match="a_reprint_has_a_reason"):
                connection.execute(again, {"reason": reason})
