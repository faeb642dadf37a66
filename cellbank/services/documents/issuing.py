"""Documents that leave the building: issued once for each state of a record, kept as what they say, printed again.

The row keeps the content in the words of the lab, with its digest, and the digest of the file. Issued again from an
unchanged record it is the same edition, to the byte; from a changed one it is the next edition, whose first page says
what changed. Requirements R1, R2, R10 and R20 of the domain reference, §2.
"""

import dataclasses
import datetime
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.document import EditionFacts, edition_refusals
from cellbank.domain.scans import read_scan
from cellbank.records.people import Site
from cellbank.records.quality import DocumentIssue
from cellbank.records.tables import record_class
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, act
from cellbank.services.common import new_code
from cellbank.services.documents.document_changes import Difference, Step, differences
from cellbank.services.documents.document_printing import SOFTWARE, file_digest, render_issue, render_unissued
from cellbank.services.documents.document_types import DOCUMENTED, TYPES, DocumentType
from cellbank.services.documents.papers import Paper, as_data, digest_of, from_data, snapshot
from cellbank.services.finding.missing import NotHere, OtherSite, Unreadable
from cellbank.services.finding.seeing import refuse_unseen
from cellbank.services.inputs import Reason, scanned
from cellbank.services.installation import Installation


class IssueDocument(ActInput):
    """Issue a document."""

    code: Annotated[str, *scanned(*DOCUMENTED)] = Field(title="Of which record")
    type: Literal[tuple(TYPES)] = Field(title="Document")  # type: ignore[valid-type]  # the table's
    reason: Reason | None = Field(
        default=None, title="Reason for a further edition", description="Needed when the record changed since the last."
    )


@act(IssueDocument, likely="prints")
def issue_document(work: Work, given: IssueDocument) -> DocumentIssue:
    """Issue a document of a record: the same edition as long as the record says the same, otherwise the next one.

    Refuses a further edition without a reason; a document that this kind of record has not is malformed.
    """
    type_, kind = TYPES[given.type], _kind_of(given)
    record = work.lock(record_class(RECORDS[kind]), given.code)
    last = _latest(work.session, given)
    paper = _read(work.session.get_bind(), type_, given.code)
    if paper is None:
        raise Malformed([Problem("type", f"{record.called} has no document “{type_.title}” now.")])
    same = last is not None and last.digest == paper.digest
    edition = 1 if last is None else last.edition if same else last.edition + 1
    work.show(document=type_.title, edition=edition, unchanged=same)
    work.judge(DocumentIssue, refusals=(*_not_read_here(work, record, type_), *_refusals(given, last, same)))
    if last is not None and same:
        return last
    return work.add(_issue(work, given, record.kind, paper, last))


def _not_read_here(work: Work, record: Any, type_: DocumentType) -> list[Refusal]:
    """A document is issued where it may be read."""
    here = None if work.actor.sees_all_sites else work.actor.site_id
    try:
        refuse_unseen(work.session.connection(), here, record.kind, record.code, only_at_home=type_.only_at_home)
    except OtherSite as found:
        sentence = "{code} is kept at another site, {site}: its documents are issued there."
        return [refuse(Code.OTHER_SITE, sentence, code=record.code, site=found.site)]
    return []


def _kind_of(given: IssueDocument) -> Kind:
    kind: Kind = read_scan(given.code).kind  # type: ignore[union-attr]  # a code that was read once
    type_ = TYPES[given.type]
    if kind not in type_.kinds:
        possible = " or ".join(sorted(of.name.lower().replace("_", " ") for of in type_.kinds))
        sentence = f"“{type_.title}” is a document of a {possible}; {given.code} is a {kind.name.lower()}"
        raise Malformed([Problem("type", f"{sentence}.")])
    return kind


def _latest(session: Session, given: IssueDocument) -> DocumentIssue | None:
    of_record = select(DocumentIssue).where(DocumentIssue.type == given.type, DocumentIssue.record_code == given.code)
    return session.scalars(of_record.order_by(DocumentIssue.edition.desc()).limit(1)).one_or_none()


def _refusals(given: IssueDocument, last: DocumentIssue | None, same: bool) -> tuple[Refusal, ...]:
    if last is None or same:
        return ()
    return edition_refusals(EditionFacts(TYPES[given.type].title, last.code, last.edition, given.reason))


def _read(engine: Any, type_: DocumentType, code: str) -> Paper | None:
    """The paper as of one moment: many statements must not see many moments."""
    with snapshot(engine) as connection:
        return type_.read(connection, code)


def _issue(work: Work, given: IssueDocument, kind: str, paper: Paper, last: DocumentIssue | None) -> DocumentIssue:
    code, data = new_code(work, Kind.DOCUMENT), as_data(paper)
    edition = last.edition + 1 if last else 1
    changes = differences(from_data(last.content["paper"]), paper) if last else ()
    issue = {
        "code": code, "edition": edition, "reason": given.reason, "issued_at": work.now.isoformat(),
        "issued_by": work.actor.full_name, "timezone": work.session.get_one(Site, work.actor.site_id).timezone,
        "version": SOFTWARE, "since": last.code if last else None,
        "changes": [dataclasses.asdict(change) for change in changes],
    }  # fmt: skip
    content = {"paper": data, "issue": issue}
    return DocumentIssue(
        code=code,
        type=given.type,
        record_kind=kind,
        record_code=given.code,
        edition=edition,
        digest=digest_of(data),
        content=content,
        pdf_digest=file_digest(render_issue(content)),
        reason=given.reason,
        issued_at=work.now,
    )


# --- reading ----------------------------------------------------------------------------------


class NotAsIssued(Exception):
    """What is stored of a document is not what was issued: its digest does not fit."""


@dataclass(frozen=True)
class File:
    """A document printed again. `same` as the file that was issued, or only in what it says."""

    name: str
    pdf: bytes
    same: bool


def issued_file(installation: Installation, raw: str) -> File:
    """The PDF of an issued document, by its code. Raises Unreadable, NotHere, and NotAsIssued when its row was altered.

    Where another version of the software lays it out otherwise, the copy says so above everything else.
    """
    code = _code(raw, Kind.DOCUMENT)
    with Session(installation.reads) as session:
        refuse_unseen(session.connection(), installation.site, "document_issue", code)
        row = session.scalars(select(DocumentIssue).where(DocumentIssue.code == code)).one_or_none()
    if row is None:
        raise NotHere("document", code)
    if digest_of(row.content["paper"]) != row.digest:
        raise NotAsIssued(f"What is stored of document {code} is not what was issued: its digest does not fit.")
    name = f"{row.type}-{row.record_code}-edition-{row.edition}.pdf"
    pdf = render_issue(row.content)
    if file_digest(pdf) == row.pdf_digest:
        return File(name, pdf, True)
    issued = f"sha256 {row.pdf_digest}, made by {row.content['issue']['version']}"
    note = (
        f"A copy printed by {SOFTWARE}. It says what was issued (the digest of its content is the same), but the file "
        f"differs from the one that was issued ({issued})."
    )
    return File(name, render_issue(row.content, note=note), False)


def unissued_file(installation: Installation, type_name: str, raw: str) -> bytes:
    """A look at a document without issuing it. Raises Unreadable, and NotHere also for a code of something else."""
    type_ = TYPES[type_name]
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    if scan.kind not in type_.kinds:
        raise NotHere(" or ".join(sorted(of.name.lower() for of in type_.kinds)), scan.code)
    with installation.reads.connect() as connection:
        kind = RECORDS[scan.kind]
        refuse_unseen(connection, installation.site, kind, scan.code, only_at_home=type_.only_at_home)
    paper = _read(installation.engine, type_, scan.code)
    if paper is None:
        raise NotHere(scan.kind.name.lower(), scan.code)
    return render_unissued(paper)


def _code(raw: str, kind: Kind) -> str:
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    if scan.kind is not kind:
        raise NotHere(kind.name.lower(), scan.code)
    return scan.code


@dataclass(frozen=True)
class Issued:
    """One issue, as a list shows it."""

    code: str
    type: str
    title: str
    edition: int
    issued_at: datetime.datetime
    issued_by: str
    reason: str | None


_ISSUED = text(
    """SELECT code, type, edition, issued_at, content -> 'issue' ->> 'issued_by' AS issued_by, reason
         FROM document_issue WHERE record_code = :code AND elsewhere('document_issue', id, :site) IS NULL
        ORDER BY type, edition DESC"""
)


def issued_of(installation: Installation, record_code: str) -> tuple[Issued, ...]:
    """The documents issued of a record, by type, the latest edition first."""
    given = {"code": record_code, "site": installation.site}
    with installation.reads.connect() as connection:
        rows: list[RowMapping] = list(connection.execute(_ISSUED, given).mappings())
    return tuple(Issued(title=TYPES[row["type"]].title if row["type"] in TYPES else row["type"], **row) for row in rows)


def changes_of(installation: Installation, code: str) -> tuple[Difference, ...]:
    """What an issued document says otherwise than the edition before; nothing of a first edition."""
    statement = text("SELECT content -> 'issue' -> 'changes' FROM document_issue WHERE code = :code")
    with installation.reads.connect() as connection:
        stored = connection.scalar(statement, {"code": code}) or ()
    return tuple(Difference(**{**one, "step": Step(one["step"])}) for one in stored)


def types_of(kind: Kind) -> tuple[DocumentType, ...]:
    """The documents that a kind of record has."""
    return tuple(type_ for type_ in TYPES.values() if kind in type_.kinds)
