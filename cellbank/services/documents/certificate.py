"""The certificate of analysis of a lot: what it is, every test with its limit and result, who released it.

Of a lot that is not released it is a draft, and says so on every page; of a stopped one, that it is stopped.
"""

from sqlalchemy import Connection, text

from cellbank.domain.identifiers import printed
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table, Text
from cellbank.services.documents.act_lines import lines_of
from cellbank.services.documents.chain import entries_of
from cellbank.services.documents.lot_paper import RELEASED, LotHead, read_lot
from cellbank.services.documents.lot_test_table import NO_LONGER, Result, results_of, test_tables
from cellbank.services.documents.papers import Paper, site_line
from cellbank.services.documents.signature_table import signature_table
from cellbank.services.wording.values import word

TITLE = "Certificate of analysis"
NOT_RELEASED = "NOT RELEASED – not a certificate"


def certificate_paper(connection: Connection, code: str) -> Paper | None:
    """What the certificate of the lot with this code says now; None when there is no such lot."""
    lot = read_lot(connection, code)
    if lot is None:
        return None
    results = results_of(connection, lot.id)
    blocks: list[Block] = [
        lot.facts(*_numbers(connection, lot)),
        *test_tables(lot, results),
        *_changed(connection, lot, results),
        *_release(lot),
    ]
    mark = lot.stopped or ("" if lot.row["state"] == RELEASED else NOT_RELEASED)
    subject = f"Lot {code}, {lot.specification.short_name}, donation {printed(lot.row['donation'])}"
    return Paper(TITLE, subject, site_line(connection, lot.row["site_id"]), code, tuple(blocks), mark)


_FILLED = text("SELECT count(*) FROM vial WHERE lot_id = :lot AND state NOT IN ('PRINTED', 'VOIDED')")


def _numbers(connection: Connection, lot: LotHead) -> tuple[tuple[str, str], ...]:
    filled = connection.scalar(_FILLED, {"lot": lot.id})
    release, state = lot.release, lot.row["state"]
    since = "" if state == RELEASED else f", now {word(state)}"
    return (
        ("Vials filled", f"{filled} of {lot.row['planned_vial_count']} labelled"),
        ("Released", f"{lot.time(release.at)}{since}" if release else "not released"),
    )


def _changed(connection: Connection, lot: LotHead, results: tuple[Result, ...]) -> list[Block]:
    """Every value that is not the one first entered: of the lot, of its donation, of its results."""
    names = {("lot", lot.id): lot.row["code"], ("donation", lot.row["donation_id"]): lot.row["donation"]}
    rows: list[tuple[Cell, ...]] = [
        (lot.time(entry.at), entry.title, Run(line.text, "alarm"), entry.person)
        for entry in entries_of(connection, names, ())
        for line in lines_of(entry.changes, {}, lot.time)
        if line.corrected
    ]
    rows += [
        (
            lot.time(one.resulted_at),
            f"{one.test}, result {one.code}",
            Run(f"First value {one.value}: {word(one.state)}. {one.change_reason or ''}".strip(), "alarm"),
            one.changed_by or one.reviewed_by or "–",
        )
        for one in results
        if one.state in NO_LONGER
    ]
    title = Heading("Values changed since they were first entered")
    if not rows:
        return [title, Text("None.")]
    return [title, Table(("When", "What", "Was and is", "Who"), tuple(rows), (0.18, 0.22, 0.4, 0.2))]


def _release(lot: LotHead) -> list[Block]:
    """Who signed what about the lot: name, meaning, time (21 CFR 11.50)."""
    signed = signature_table(lot.signatures, lot.time)
    if lot.release is None:
        return [Heading("Release"), Text("Nobody has signed the release of this lot.", "alarm"), *signed]
    return [Heading("Release"), *signed]
