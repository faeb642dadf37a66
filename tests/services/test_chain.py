"""The chain of identity and custody of one dose on paper: nothing is missing, and what was changed shows."""

import io
import itertools
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import create_engine, text

from cellbank.domain.identifiers import printed
from cellbank.services.documents.chain import Chain, read_chain
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.papers import snapshot
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.installation import Installation
from tests.factories import production as make
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    bedside,
    infused_dose,
    ordered_dose,
    prepared_dose,
    weighed_subject,
)
from tests.factories.quality import released_lot, results_read_at
from tests.factories.world import World

DAY = make.DAY
KYIV = ZoneInfo("Europe/Kyiv")
REACTION = "Озноб і кашель; минулося без лікування. Їй стало краще за ґодину ☃"


@dataclass(frozen=True)
class Paper:
    """A document as a reader has it."""

    pdf: bytes
    pages: tuple[str, ...]

    @property
    def text(self) -> str:
        """All words, with one space between them."""
        return " ".join(" ".join(self.pages).split())


def paper(installation: Installation, dose: str) -> Paper:
    pdf = unissued_file(installation, "chain", dose)
    return Paper(pdf, tuple(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)))


@pytest.fixture(scope="module")
def dose(world: World) -> OrderedDose:
    """Through a bank vial to a dose with a near miss, a reaction and a reprinted label; its spare vial went back."""
    donor = make.eligible_donor(world)
    p0 = make.harvested_culture(world, make.donation(world, donor), total_cells=30_000_000)
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
    make.harvest(world, p1, at + 4 * DAY, total_cells=8 * 25_000_000 + 1_000_000)
    lot = released_lot(world, "product", 8, culture=p1, cells_per_vial=25_000_000)
    ready = results_read_at(world, lot.code) + 10 * DAY
    order = ordered_dose(world, lot=lot, at=ready, subject=weighed_subject(world, at=ready))
    made = prepared_dose(world, order)
    world.do("tina", "print_label_again", now=ready + 32 * MINUTE, code=made.code, reason="Label torn")
    wrong = bedside(world, made, wristband=weighed_subject(world, at=ready))
    world.codes("clara", "check_dose", now=ready + 35 * MINUTE, **wrong)
    infused_dose(world, made)
    world.do("clara", "record_reaction", now=ready + 70 * MINUTE, dose=made.code, serious=False, reaction=REACTION)
    given = {"residual_ml": "1", "vials": list(made.vials[:3])}
    world.do("tina", "reconcile_infusion", now=ready + 80 * MINUTE, dose=made.code, **given)
    return made


@pytest.fixture(scope="module")
def chain(installation: Installation, dose: OrderedDose) -> Chain:
    return read_chain(installation, dose.code)


@pytest.fixture(scope="module")
def document(installation: Installation, dose: OrderedDose) -> Paper:
    return paper(installation, dose.code)


def test_no_act_on_the_way_of_the_dose_is_missing(chain: Chain) -> None:
    names = {entry.name for entry in chain.entries}
    assert names >= {
        "register_donor",
        "record_consent",
        "determine_eligibility",
        "receive_donation",
        "isolate_tissue",
        "record_harvest",
        "thaw_bank_vial",
        "open_lot",
        "record_filling",
        "close_filling",
        "record_freezing",
        "store_vials",
        "release_lot",
        "enrol_subject",
        "answer_criteria",
        "sign_eligibility",
        "measure_weight",
        "confirm_weight",
        "order_dose",
        "pick_vial",
        "thaw_vial",
        "pool_and_count",
        "prepare_dose",
        "check_dose",
        "start_infusion",
        "stop_infusion",
        "record_reaction",
        "reconcile_infusion",
        "print_label_again",
    }
    assert [entry.name for entry in chain.refused] == ["check_dose"]


def test_every_act_stands_in_the_text_with_its_person_and_its_time(chain: Chain, document: Paper) -> None:
    for entry in (*chain.entries, *chain.refused):
        at = entry.at.astimezone(KYIV)
        row = rf"\b{entry.act} {at:%Y-%m-%d} {at:%H:%M %Z} {re.escape(entry.title)}"
        label = rf"{at:%Y-%m-%d %H:%M %Z} {entry.person} act {entry.act}\b"
        assert entry.person in document.text
        assert re.search(label if entry.stage == "printing" else row, document.text), entry
    for reason in chain.refused[0].refusals:
        assert reason in document.text


def test_the_line_is_drawn_and_told_through_the_bank_vial(chain: Chain, document: Paper) -> None:
    kinds = [node.kind for node in chain.trace.up]
    assert (kinds.count("lot"), kinds.count("culture")) == (2, 2)
    for node in (*chain.trace.up, chain.trace.start, *chain.trace.down):
        assert node.kind == "vial" or printed(node.code) in document.text, node


def test_custody_follows_each_vial_without_a_gap_and_ends_where_a_vial_left_the_dose(
    chain: Chain, dose: OrderedDose
) -> None:
    for vial in dose.vials:
        stays = [stay for stay in chain.stays if stay.vial == vial]
        assert all(one.until == other.since for one, other in itertools.pairwise(stays))
        states = [stay.state for stay in stays]
        assert states[:5] == ["PRINTED", "FILLED", "FROZEN", "IN_STOCK", "RESERVED"]
        spare = vial == dose.vials[3]
        assert states[5:] == (["IN_STOCK"] if spare else ["PICKED", "THAWED", "POOLED", "INFUSED"])
    assert "› Rack 1 › Box A › A1" in next(stay.where for stay in chain.stays if stay.state == "RESERVED")


def test_a_spare_vial_that_serves_another_dose_is_no_longer_of_this_one(
    world: World, installation: Installation
) -> None:
    first = ordered_dose(world)
    world.do("clara", "cancel_dose", now=first.at + MINUTE, dose=first.code, reason="Transferred")
    second = ordered_dose(world, lot=first.lot, at=first.at + 2 * MINUTE)
    assert set(first.vials) == set(second.vials)
    earlier, later = read_chain(installation, first.code), read_chain(installation, second.code)
    assert earlier.stays[-1].state == "IN_STOCK" and not [e for e in earlier.entries if e.at > first.at + MINUTE]
    assert [entry.name for entry in later.of_stage("vial")][-2:] == ["order_dose", "cancel_dose"]
    assert f"for dose {printed(first.code)}" in paper(installation, second.code).text


def test_the_arithmetic_of_the_order_and_of_the_draw_is_shown_step_by_step(document: Paper, dose: OrderedDose) -> None:
    for step in dose.result["calculation"]["steps"]:
        assert step["label"] in document.text and step["value"] in document.text
    assert "Calculation of the draw" in document.text and "Delivered dose" in document.text


def test_each_signature_has_name_time_meaning_and_whether_it_still_holds(chain: Chain, document: Paper) -> None:
    assert {(one.person, one.meaning) for one in chain.signatures} >= {
        ("Quinn Quality", "approved"),
        ("Oksana Quality", "released"),
        ("Cyril Clinician", "approved"),
        ("Clara Clinician", "approved"),
        ("Clara Clinician", "verified"),
        ("Cyril Clinician", "verified"),
    }
    assert all(one.holds for one in chain.signatures)
    for one in chain.signatures:
        at = one.at.astimezone(KYIV)
        row = f"{one.person} {one.meaning.capitalize()} {one.record[:1].upper()}{one.record[1:]} {at:%Y-%m-%d %H:%M %Z}"
        assert row in document.text, row
    assert "VOID" not in document.text


def test_people_stand_with_the_role_by_which_they_acted(chain: Chain) -> None:
    roles = {entry.person: entry.roles for entry in chain.entries}
    assert roles["Tina Technician"] == ("technician",) and roles["Oksana Quality"] == ("quality_officer",)


def test_a_reprint_and_a_reaction_in_ukrainian_are_on_it(document: Paper) -> None:
    assert "Reprint 1: Label torn" in document.text
    assert REACTION.replace("☃", "[U+2603]") in document.text


def test_every_page_has_its_number_and_the_digest_as_text_and_as_symbol(
    installation: Installation, document: Paper, dose: OrderedDose
) -> None:
    with snapshot(installation.engine) as connection:
        said = chain_paper(connection, dose.code)
    assert said is not None
    digest = said.digest
    pdf = pypdfium2.PdfDocument(document.pdf)
    assert len(pdf) == len(document.pages) > 3
    for number, (page, words) in enumerate(zip(pdf, document.pages, strict=True), start=1):
        assert f"Page {number} of {len(pdf)}" in words and digest in words
        assert "Chain of identity and custody" in words and "FIN A9999" in words and "cellbank 0." in words
        (symbol,) = zxingcpp.read_barcodes(page.render(scale=4).to_pil(), formats=zxingcpp.BarcodeFormat.DataMatrix)
        assert symbol.text == f"{dose.code} {digest.upper()}"


def test_nothing_is_printed_outside_the_margins(document: Paper) -> None:
    for page in pypdfium2.PdfDocument(document.pdf):
        width, height = page.get_size()
        words = page.get_textpage()
        for index in range(words.count_rects()):
            left, bottom, right, top = words.get_rect(index)
            assert left >= 40 and right <= width - 40 and bottom >= 15 and top <= height - 25


def test_the_same_record_is_the_same_document_to_the_byte(
    installation: Installation, document: Paper, dose: OrderedDose
) -> None:
    assert unissued_file(installation, "chain", dose.code) == document.pdf


def test_its_fonts_are_in_it(document: Paper) -> None:
    assert document.pdf.count(b"/FontFile2") >= 3 and io.BytesIO(document.pdf).read(5) == b"%PDF-"


def test_a_record_changed_after_it_was_signed_voids_the_signature(
    world: World, installation: Installation, databases: tuple[str, str]
) -> None:
    order = ordered_dose(world)
    owner = create_engine(databases[0])
    with owner.begin() as connection:  # behind the application's back: no act can do this
        connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        statement = text("UPDATE dose SET required_cells = required_cells + 1 WHERE code = :code")
        connection.execute(statement, {"code": order.code})
    owner.dispose()
    assert [one.holds for one in read_chain(installation, order.code).signatures if one.record.startswith("dose")] == [
        False
    ]
    assert "VOID – the record" in paper(installation, order.code).text


def test_a_dose_that_is_not_here_and_a_code_of_something_else(installation: Installation, dose: OrderedDose) -> None:
    for code in ("CHA999926999999", dose.subject):
        with pytest.raises(NotHere, match="There is no dose"):
            unissued_file(installation, "chain", code)
    with pytest.raises(Unreadable):
        unissued_file(installation, "chain", dose.code[:-3])  # one or two characters less can have the shape of a DIN
