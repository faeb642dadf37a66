"""The table of document types. A new one is a module with a function (connection, code) -> Paper, and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.services.documents.batch_record import batch_record_paper
from cellbank.services.documents.certificate import certificate_paper
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.documents.custody_form import custody_form
from cellbank.services.documents.downtime_forms import downtime_paper
from cellbank.services.documents.packing_list import packing_list
from cellbank.services.documents.papers import Paper
from cellbank.services.documents.recall_document import recall_paper
from cellbank.services.documents.record_export import trail_paper


@dataclass(frozen=True)
class DocumentType:
    """One type of document: of which kinds of record there is one, and how it is read from a snapshot of the database.

    `read` gives nothing that depends on the clock or on who asks: an unchanged record has an unchanged paper. It gives
    None when there is no such record.
    """

    name: str  # as document_issue.type has it
    title: str
    kinds: frozenset[Kind]
    read: Callable[[Connection, str], Paper | None]
    only_at_home: bool = False  # read at the site of its record, and not wherever that may be read; see `elsewhere`


# Every record that has a page; a key of the API is nobody's document.
DOCUMENTED = tuple(kind for kind in RECORDS if kind is not Kind.TOKEN)
TYPES: dict[str, DocumentType] = {
    one.name: one
    for one in (
        DocumentType("certificate", "Certificate of analysis", frozenset({Kind.LOT}), certificate_paper),
        DocumentType("batch_record", "Batch record", frozenset({Kind.LOT}), batch_record_paper),
        DocumentType("chain", "Chain of identity and custody", frozenset({Kind.DOSE}), chain_paper),
        DocumentType("downtime_forms", "Downtime forms", frozenset({Kind.DOSE}), downtime_paper, only_at_home=True),
        DocumentType("trail", "Trail of a record", frozenset(DOCUMENTED), trail_paper, only_at_home=True),
        DocumentType("recall_list", "Recall list", frozenset({Kind.LOT}), recall_paper, only_at_home=True),
        DocumentType("packing_list", "Packing list", frozenset({Kind.SHIPMENT}), packing_list),
        DocumentType("custody_form", "Chain of custody", frozenset({Kind.SHIPMENT}), custody_form),
    )
}
