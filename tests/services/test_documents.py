"""Documents that were issued: printed again they are the same bytes, or they say what changed."""

import io
import json
from dataclasses import replace

import pypdf
import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.outside.document_pdf import Facts, Heading, Run, Table, Text
from cellbank.records.quality import DocumentIssue
from cellbank.services import document_printing, documents
from cellbank.services.acts import Malformed
from cellbank.services.bank import Bank
from cellbank.services.document_changes import Difference, Step, differences
from cellbank.services.documents import NotAsIssued, issued_file, issued_of, unissued_file
from cellbank.services.papers import Paper, as_data, from_data
from cellbank.services.scanning import NotHere, Unreadable
from tests.factories.doses import ordered_dose
from tests.factories.world import World

MINUTE_WORDS = ("one", "two")


def words(pdf: bytes) -> str:
    """All text of a PDF, with one space between its words."""
    pages = (page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
    return " ".join(" ".join(pages).split())


def rows(bank: Bank, record: str) -> list[DocumentIssue]:
    with Session(bank.reads) as session:
        found = select(DocumentIssue).where(DocumentIssue.record_code == record).order_by(DocumentIssue.edition)
        return list(session.scalars(found))


@pytest.fixture(scope="module")
def dose(world: World) -> str:
    """A dose that the tests of this module change."""
    return ordered_dose(world).code


def issue(world: World, code: str, type_: str = "chain", who: str = "quinn", **given: object) -> dict[str, object]:
    return world.do(who, "issue_document", code=code, type=type_, **given)


@pytest.mark.requirement("R2")
def test_an_unchanged_record_is_issued_once_and_printed_the_same_to_the_byte(
    world: World, bank: Bank, dose: str
) -> None:
    first, again = issue(world, dose), issue(world, dose, who="otto")
    assert first["code"] == again["code"] and (first["same"], again["same"]) == (False, True)
    assert (first["edition"], again["edition"]) == (1, 1) and len(rows(bank, dose)) == 1
    one, other = issued_file(bank, str(first["code"])), issued_file(bank, str(first["code"]))
    assert one.pdf == other.pdf and one.same and one.pdf.startswith(b"%PDF-1.7")
    assert document_printing.file_digest(one.pdf) == rows(bank, dose)[0].pdf_digest


@pytest.mark.requirement("R2")
def test_a_changed_record_is_a_further_edition_that_says_what_changed(world: World, bank: Bank) -> None:
    code = ordered_dose(world).code
    issue(world, code)
    world.do("clara", "cancel_dose", dose=code, reason="Fever since the morning")
    assert world.codes("quinn", "issue_document", code=code, type="chain") == ["REASON_NEEDED"]
    second = issue(world, code, reason="The dose was cancelled")
    assert (second["edition"], second["same"]) == (2, False)
    first_page = pypdfium2.PdfDocument(issued_file(bank, str(second["code"])).pdf)[0].get_textpage().get_text_range()
    said = " ".join(first_page.split())
    assert "What changed since edition 1" in said and "Reason for this edition: The dose was cancelled" in said
    assert "Changed Document State: Cancelled (was: State: Ordered)" in said
    assert "Added" in said and "Cancel" in said
    assert [one.edition for one in issued_of(bank, code)] == [2, 1]
    assert "What changed" not in words(issued_file(bank, rows(bank, code)[0].code).pdf)
