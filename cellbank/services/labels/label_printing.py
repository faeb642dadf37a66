"""Labels: printed with the act that makes the thing, printed again with a reason; every printing is a row.

The row is written in the transaction of the act: the template's digest and exactly what stood on the labels. The PDF
is made from that row, after the commit and whenever somebody asks for it, byte for byte the same. A printer that fails
undoes nothing: the answer says so, and the labels are printed again.
"""

import datetime
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.labels import (
    LabelFacts,
    empty_lot_refusals,
    first_print_refusals,
    label_refusals,
    reprint_refusals,
)
from cellbank.domain.scans import read_scan
from cellbank.outside.label_pdf import LabelProblem, load_templates, render
from cellbank.outside.printers import PrinterProblem
from cellbank.records.base import Record
from cellbank.records.clinic import Dose, Subject
from cellbank.records.people import Person
from cellbank.records.production import Culture, Donation, Lot, Vial
from cellbank.records.quality import Printing
from cellbank.records.shipping import Shipment
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.finding.missing import OtherSite
from cellbank.services.finding.seeing import refuse_unseen
from cellbank.services.inputs import MAX_VIALS, Reason, VialCode, each_once, scanned
from cellbank.services.installation import Installation
from cellbank.services.labels.label_rows import Labels, command_labels, labels_of, vial_labels
from cellbank.services.parsing import ActInput
from cellbank.services.registry import REGISTRY, act

log = logging.getLogger("cellbank.labels")

LABELLED_RECORDS: dict[Kind, type[Record]] = {
    Kind.DONATION: Donation,
    Kind.CULTURE: Culture,
    Kind.LOT: Lot,
    Kind.VIAL: Vial,
    Kind.STORAGE: StorageUnit,
    Kind.DOSE: Dose,
    Kind.SUBJECT: Subject,
    Kind.PERSON: Person,
    Kind.SHIPMENT: Shipment,
}
COMMANDS, COMMANDS_KIND = "COMMANDS", "act"  # what the sheet of command barcodes is filed under
LARGEST_ID = 2**63 - 1
#: kind of record -> function(bank, codes, job): what is printed beside its labels, after the commit
WITH_LABELS: dict[str, Callable[[Installation, Sequence[str], str], dict[str, Any]]] = {}
LabelledCode = Annotated[str, *scanned(*LABELLED_RECORDS)]


# --- printing with another act ----------------------------------------------------------------


def print_first(work: Work, kind: Kind, *codes: str) -> None:
    """Print the labels of what this act has just made; called once it is written, and so after the judgement.

    Of a lot: the labels of all its vials. One statement and one insert, however many labels there are.
    """
    work.session.flush()
    made = vial_labels(work.session, *codes) if kind is Kind.LOT else labels_of(work.session, kind, codes)
    record_printing(work, LABELLED_RECORDS[kind].__tablename__, made)


def record_printing(
    work: Work, record_kind: str, labels: Sequence[Labels], *, reprint: int = 0, reason: str | None = None
) -> None:
    """Write a row for each printing, in one statement; the labels go to the printer when the act is committed."""
    templates = load_templates()
    printings = [
        Printing(
            template=one.template,
            template_digest=templates[one.template].digest,
            record_kind=record_kind,
            record_code=one.code,
            rows=list(one.rows),
            label_count=len(one.rows),
            reprint=reprint,
            reason=reason,
            printed_at=work.now,
        )
        for one in labels
    ]
    work.session.add_all(printings)
    work.session.flush()
    work.show(printings=[printing.id for printing in printings])
    work.after_commit.append(partial(_send, printings))
    if record_kind in WITH_LABELS:
        work.after_commit.append(partial(_send_beside, record_kind, printings))


def _send(printings: Sequence[Printing], installation: Installation) -> dict[str, Any]:
    """Hand the labels to the printer. The act stands already, so whatever goes wrong is told, never raised."""
    failures = []
    for printing in printings:
        job = f"{printing.id:08d}-{printing.template}-{printing.record_code}"
        try:
            installation.printer.send(_rendered(printing), job)
        except (PrinterProblem, NotPrintable) as problem:
            log.warning("printing %s failed: %s", printing.id, problem)
            failures.append(str(problem))
        except Exception:
            log.exception("printing %s failed", printing.id)
            failures.append(f"Printing {printing.id} failed by an error of the program; the log has it.")
    if not failures:
        return {}
    return {"printing_failed": " ".join([*dict.fromkeys(failures), "All else is recorded: print the label again."])}


def _send_beside(record_kind: str, printings: Sequence[Printing], installation: Installation) -> dict[str, Any]:
    """What belongs to the labels of this kind."""
    codes = [printing.record_code for printing in printings]
    return WITH_LABELS[record_kind](installation, codes, f"{printings[0].id:08d}-{record_kind}-form-{codes[0]}")


# --- printing by itself -----------------------------------------------------------------------


class PrintLabels(ActInput):
    """Print labels."""

    code: LabelledCode = Field(title="What to label")
    vials: Annotated[list[VialCode], AfterValidator(each_once)] = Field(
        default=[], title="Vials", max_length=MAX_VIALS, description="Of a lot; none: all that are still there."
    )


@act(PrintLabels, likely="prints")
def print_labels(work: Work, given: PrintLabels) -> Record:
    """Print labels for the first time. Refuses what is gone, and what bears a label: that is printed again."""
    record, labels, refusals = _looked_up(work, given.code, given.vials)
    last = _last_copy(work, record, labels)
    refusals += first_print_refusals(record.called, last is not None) if labels else ()
    work.judge(Printing, refusals=refusals)
    record_printing(work, record.kind, labels)
    return record


class PrintLabelAgain(ActInput):
    """Print a label again."""

    code: LabelledCode = Field(title="What to label")
    reason: Reason
    vials: Annotated[list[VialCode], AfterValidator(each_once)] = Field(
        default=[], title="Vials", max_length=MAX_VIALS, description="Of a lot; none: all that are still there."
    )


@act(PrintLabelAgain, likely="prints")
def print_label_again(work: Work, given: PrintLabelAgain) -> Record:
    """Print copies, each marked REPRINT and its number; the symbol is the same. Refuses what is gone."""
    record, labels, refusals = _looked_up(work, given.code, given.vials)
    last = _last_copy(work, record, labels)
    refusals += reprint_refusals(record.called, last is not None) if not refusals else ()
    work.judge(Printing, refusals=refusals)
    record_printing(work, record.kind, labels, reprint=(last or 0) + 1, reason=given.reason)
    return record


def _looked_up(work: Work, code: str, vials: Sequence[str]) -> tuple[Record, list[Labels], tuple[Refusal, ...]]:
    """The record to print for, locked, with its labels and why there can be none. A vial stands for its lot."""
    kind = read_scan(code).kind  # type: ignore[union-attr]  # a code that was read once
    chosen = work.lock_all(Vial, [code] if kind is Kind.VIAL else vials)
    record: Any = work.lock_id(Lot, chosen[0].lot_id) if kind is Kind.VIAL else work.lock(LABELLED_RECORDS[kind], code)
    work.about = code
    facts = LabelFacts(
        record.kind,
        record.called,
        record.state,
        {vial.code: vial.state for vial in chosen},
        _strangers(work, record, chosen) if kind is Kind.LOT else {},
    )
    # A label is printed where the thing is: that of a vial where it stands, whoever made its lot.
    elsewhere = (reason for one in chosen or [record] for reason in work.elsewhere(one))
    refusals = (*elsewhere, *label_refusals(facts))
    if refusals:
        return record, [], refusals
    if isinstance(record, Lot):
        labels = vial_labels(work.session, record.code, [vial.code for vial in chosen] or None)
        return record, labels, empty_lot_refusals(record.called, len(labels))
    return record, labels_of(work.session, kind, [code]), ()


def _strangers(work: Work, lot: Lot, vials: Sequence[Vial]) -> dict[str, str]:
    """The vials of other lots, with their lot."""
    ids = {vial.lot_id for vial in vials} - {lot.id}
    statement = select(Lot.id, Lot.code).where(Lot.id.in_(ids))
    codes = {lot_id: lot_code for lot_id, lot_code in work.session.execute(statement)} if ids else {}
    return {vial.code: codes[vial.lot_id] for vial in vials if vial.lot_id != lot.id}


_LAST_COPY = text(
    """SELECT max(p.reprint) FROM printing p WHERE p.record_code = :code
       AND EXISTS (SELECT FROM jsonb_array_elements(p.rows) AS r WHERE r->>'symbol' = ANY(:symbols))"""
)


def _last_copy(work: Work, record: Any, labels: Sequence[Labels]) -> int | None:
    """The highest number that a copy of one of these labels bears, 0 for originals; None: never printed."""
    symbols = [row["symbol"] for one in labels for row in one.rows]
    last: int | None = work.session.scalar(_LAST_COPY, {"code": record.code, "symbols": symbols})
    return last


class PrintCommands(ActInput):
    """Print my command barcodes."""


@act(PrintCommands)
def print_commands(work: Work, given: PrintCommands) -> None:
    """A barcode for each act that this person may do, for a bench without a mouse. They label nothing: no reprints."""
    work.judge(Printing)
    mine = [registered for name, registered in sorted(REGISTRY.items()) if roles_for(name) & work.actor.roles]
    record_printing(work, COMMANDS_KIND, [command_labels(mine, COMMANDS)])


# --- reading ----------------------------------------------------------------------------------


class NoSuchPrinting(LookupError):
    """There is no printing with this number."""


class NotPrintable(Exception):
    """The PDF of a printing cannot be made: its text does not fit, or another version of the template printed it."""


def pdf_of(installation: Installation, printing_id: int) -> bytes:
    """The PDF of a printing: the same bytes whenever it is asked for.

    Raises NoSuchPrinting, also for the labels of what is read at another site; NotPrintable with what is wrong.
    """
    with Session(installation.reads) as session:
        printing = session.get(Printing, printing_id) if printing_id <= LARGEST_ID else None
        if printing is not None and printing.record_kind != COMMANDS_KIND:
            try:
                refuse_unseen(session.connection(), installation.site, printing.record_kind, printing.record_code)
            except OtherSite as other:  # who asked by number learns no code
                raise NoSuchPrinting(f"Printing {printing_id} is of the site {other.site}. Ask there.") from None
    if printing is None:
        raise NoSuchPrinting(f"There is no printing {printing_id}.")
    return _rendered(printing)


def _rendered(printing: Printing) -> bytes:
    template = load_templates().get(printing.template)
    if template is None or template.digest != printing.template_digest:
        raise NotPrintable(
            f"Printing {printing.id} was made by another version of the template {printing.template}."
            " Its text is kept with the printing; for labels as they are now, print again."
        )
    try:
        return render(template, printing.rows, reprint=printing.reprint)
    except LabelProblem as problem:
        raise NotPrintable(str(problem)) from problem


@dataclass(frozen=True)
class PrintedLabels:
    """One printing, as a list shows it. `pdf_of` makes its PDF from `id`."""

    id: int
    template: str
    title: str
    record_code: str
    label_count: int
    reprint: int
    reason: str | None
    printed_at: datetime.datetime
    printed_by: str


_PRINTINGS = text(
    """SELECT p.id, p.template, p.record_code, p.label_count, p.reprint, p.reason, p.printed_at,
              person.full_name AS printed_by
       FROM printing p
       JOIN change c ON c.record_kind = 'printing' AND c.record_id = p.id AND c.before IS NULL
       JOIN act a ON a.id = c.act_id JOIN person ON person.id = a.person_id
       WHERE p.record_code = :code
          OR p.record_code = (SELECT l.code FROM vial v JOIN lot l ON l.id = v.lot_id WHERE v.code = :code)
             AND EXISTS (SELECT FROM jsonb_array_elements(p.rows) AS r WHERE r->>'division' = right(:code, 6))
       ORDER BY p.id"""
)


def printings(session: Session, code: str) -> list[PrintedLabels]:
    """All printings for a record, oldest first; for a vial those of its lot that it is among."""
    templates = load_templates()
    titles = {name: template.title for name, template in templates.items()}
    rows = session.execute(_PRINTINGS, {"code": code}).mappings()
    return [PrintedLabels(title=titles.get(row["template"], row["template"]), **row) for row in rows]
