"""From the stored content of an issued document to its PDF: nothing but the content decides what the file says."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from cellbank.outside.document_pdf import (
    Block,
    Cell,
    Cover,
    Heading,
    Run,
    Table,
    Text,
    render_document,
    render_documents,
)
from cellbank.services.acts import VERSION
from cellbank.services.documents.document_changes import Difference
from cellbank.services.documents.papers import Paper, digest_of, from_data
from cellbank.services.wording.values import clock

SOFTWARE = f"cellbank {VERSION}"
UNISSUED = "Not issued: a look at the record"
AT_MOST = 200  # changes on the first pages; an edition with more of them is another document


def render_issue(content: Mapping[str, Any], *, note: str = "") -> bytes:
    """The file of an issue, from its content alone. `note` stands first: what this copy is, if it is not the file."""
    issue, paper = content["issue"], from_data(content["paper"])
    at = datetime.datetime.fromisoformat(issue["issued_at"])
    shown = clock(ZoneInfo(issue["timezone"]))(at)
    edition = f"{issue['code']}, edition {issue['edition']}, issued {shown} by {issue['issued_by']}"
    first: list[Block] = [Text(note, "alarm")] if note else []
    software = SOFTWARE if note else issue["version"]
    cover = _cover(paper, digest_of(content["paper"]), software, edition, at)
    return render_document(cover, [*first, *_changes(issue), *paper.blocks])


def render_unissued(paper: Paper) -> bytes:
    """The file of a paper that is not issued: for whoever looks before they issue."""
    return render_document(_cover(paper, paper.digest, SOFTWARE, UNISSUED, None), paper.blocks)


def render_unissued_together(papers: Sequence[Paper], edition: str) -> bytes:
    """Several papers in one file, none of them issued; `edition` is what each page says of when and for whom."""
    return render_documents([(_cover(one, one.digest, SOFTWARE, edition, None), one.blocks) for one in papers])


def file_digest(pdf: bytes) -> str:
    """sha256 of a file."""
    return hashlib.sha256(pdf).hexdigest()


def _cover(paper: Paper, digest: str, version: str, edition: str, at: datetime.datetime | None) -> Cover:
    symbol = f"{paper.code} {digest.upper()}"
    return Cover(paper.title, paper.subject, paper.site, version, digest, symbol, paper.mark, edition, at)


def _changes(issue: Mapping[str, Any]) -> list[Block]:
    """What a further edition has on its first page."""
    if issue["since"] is None:
        return []
    changes = [Difference(**change) for change in issue["changes"]]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (Run(change.step.capitalize(), "strong"), change.where, change.what) for change in changes[:AT_MOST]
    )
    more = len(changes) - len(rows)
    return [
        Heading(f"What changed since edition {issue['edition'] - 1} ({issue['since']})"),
        Text(f"Reason for this edition: {issue['reason']}"),
        Table(("", "Where", "What"), rows, (0.1, 0.25, 0.65)),
        *([Text(f"… and {more} changes more: compare it with edition {issue['edition'] - 1}.")] if more else []),
    ]
