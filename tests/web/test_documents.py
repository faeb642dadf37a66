"""Documents that a page offers: what can be issued, what was, and the files."""

import json
from collections.abc import Callable

import pytest

from cellbank.services.documents.issuing import issued_of
from tests.factories.doses import ordered_dose
from tests.factories.lots import stored_lot
from tests.factories.world import World
from tests.web.conftest import Browser


def test_the_page_of_a_dose_offers_its_chain_of_identity(world: World, signed_in: Callable[[str], Browser]) -> None:
    dose = ordered_dose(world).code
    browser = signed_in("quinn")
    link = f"/doses/{dose}/chain.pdf"
    assert link in browser.get(f"/record/{dose}").text
    document = browser.get(link)
    assert document.mimetype == "application/pdf" and document.data.startswith(b"%PDF")
    assert browser.get("/doses/CHA999926999999/chain.pdf").status_code == 404


@pytest.fixture(scope="module")
def lot(world: World) -> str:
    return stored_lot(world, vials=3).code


def test_a_document_is_issued_from_the_page_of_its_record(
    world: World, lot: str, signed_in: Callable[[str], Browser]
) -> None:
    quinn = signed_in("quinn")
    page = quinn.get(f"/record/{lot}").text
    for name in ("certificate", "batch_record", "trail", "recall_list"):
        assert f"/act/issue_document?code={lot}&amp;type={name}" in page and f"/record/{lot}/{name}.pdf" in page
    quinn.get(f"/act/issue_document?code={lot}&type=certificate")
    done = quinn.post("/act/issue_document", {"code": lot, "type": "certificate"}, follow_redirects=True)
    assert done.status_code == 200 and "Open the document (PDF)" in done.text
    (issued,) = _issued(world, lot)
    file = quinn.get(f"/documents/{issued}.pdf")
    assert file.mimetype == "application/pdf" and file.data.startswith(b"%PDF-1.7")
    assert f"certificate-{lot}-edition-1.pdf" in file.headers["Content-Disposition"]
    again = quinn.get(f"/record/{lot}").text
    assert f"/documents/{issued}.pdf" in again and "Edition 1" in again and "Quinn Quality" in again
    assert "Certificate of analysis, edition 1" in quinn.get(f"/record/{issued}").text


def _issued(world: World, record: str) -> list[str]:
    return [one.code for one in issued_of(world.installation, record)]


def test_a_look_says_that_nothing_was_issued_and_issues_nothing(
    world: World, lot: str, regular: Callable[[str], Browser]
) -> None:
    before = _issued(world, lot)
    look = regular("otto").get(f"/record/{lot}/batch_record.pdf")
    assert look.data.startswith(b"%PDF") and "not-issued" in look.headers["Content-Disposition"]
    assert _issued(world, lot) == before


def test_the_record_is_exported_as_json(lot: str, regular: Callable[[str], Browser]) -> None:
    answer = regular("tina").get(f"/record/{lot}.json")
    data = json.loads(answer.data)
    assert answer.mimetype == "application/json" and f"lot-{lot}.json" in answer.headers["Content-Disposition"]
    assert data["code"] == lot and data["history"][-1]["name"] == "open_lot" and data["signatures"] == []


def test_the_record_on_paper_is_an_act(lot: str, regular: Callable[[str], Browser]) -> None:
    answer = regular("tina").get(f"/record/{lot}.pdf")
    assert answer.status_code == 302 and answer.location == f"/act/issue_document?code={lot}&type=trail"


def test_an_administrator_sees_documents_and_issues_none(lot: str, regular: Callable[[str], Browser]) -> None:
    page = regular("ada").get(f"/record/{lot}").text
    assert f"/record/{lot}/trail.pdf" in page and "/act/issue_document?code" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/documents/DC99999.pdf", "/documents/nonsense.pdf", "/documents/%00.pdf", "/documents/ДС0001.pdf",
        "/record/nonsense/trail.pdf", "/record/LT9999K.json", "/record/..%2f..%2fetc.json", "/record/nonsense.pdf",
    ],
)  # fmt: skip
def test_codes_of_nothing_are_not_found(path: str, regular: Callable[[str], Browser]) -> None:
    assert regular("quinn").get(path).status_code == 404


def test_a_type_that_the_record_has_not_is_not_found(lot: str, regular: Callable[[str], Browser]) -> None:
    for name in ("chain", "invoice", "..%2ftrail"):
        assert regular("quinn").get(f"/record/{lot}/{name}.pdf").status_code == 404


def test_nobody_reads_a_document_without_signing_in(lot: str, browser: Browser) -> None:
    for path in (f"/record/{lot}/trail.pdf", f"/record/{lot}.json", "/documents/DC00018.pdf"):
        assert browser.get(path).status_code == 302
