"""Issuing a document by hand: look at it, issue it, open it; issued again it is the same one."""

from tests.browser.stage import Stage

RELEASED = "SELECT code FROM lot WHERE state = 'RELEASED' AND purpose = 'master_bank' ORDER BY id LIMIT 1"
ISSUED = "SELECT code, edition FROM document_issue WHERE record_code = :lot AND type = 'certificate'"


def test_a_certificate_is_issued_once_from_the_page_of_its_lot(station, stage: Stage) -> None:
    lot = stage.one(RELEASED)
    iryna = station("iryna")
    for _ in range(2):
        iryna.go(f"/record/{lot}")
        iryna.sees("Documents", "Certificate of analysis", "Batch record", "Trail of a record")
        iryna.page.locator(f'a[href="/act/issue_document?code={lot}&type=certificate"]').click()
        assert iryna.field("code").input_value() == lot
        iryna.submit()
        iryna.done("issue_document")
        iryna.sees("Certificate of analysis, edition 1", "Open the document (PDF)")
    ((code, edition),) = (row.values() for row in stage.rows(ISSUED, lot=lot))
    assert edition == 1
    iryna.go(f"/record/{lot}")
    link = iryna.page.locator(f'a[href="/documents/{code}.pdf"]')
    assert link.count() == 1 and "Edition 1" in link.inner_text()
    answer = iryna.page.request.get(link.evaluate("node => node.href"))
    assert answer.ok and answer.body().startswith(b"%PDF-1.7")
