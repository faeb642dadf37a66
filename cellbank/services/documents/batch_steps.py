"""The steps of a batch on paper: what was done, when it happened and when it was entered, by whom, checked by whom."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table
from cellbank.services.documents.batch_lineage import Batch
from cellbank.services.documents.chain import Entry
from cellbank.services.documents.chain_words import Clock, lines_of, times_of, word

HEAD = ("Act", "Happened, entered", "Step", "Performed by", "Checked by")
WIDTHS = (0.07, 0.16, 0.41, 0.16, 0.20)
PARTS = (
    ("Donation", ("donation", "donor", "consent")),
    ("Cultures", ("culture",)),
    ("Filling and freezing", ("lot",)),
    ("Vials: storage, testing, ends", ("vial",)),
)


@dataclass(frozen=True)
class Check:
    """The review that checked every step up to one act."""

    person: str
    code: str
    at: datetime.datetime
    last_act: int
    is_current: bool


def step_tables(batch: Batch, check: Check | None, time: Clock) -> list[Block]:
    """A table for each part of the work."""
    blocks: list[Block] = []
    for title, stages in PARTS:
        rows = tuple(_row(entry, batch, check, time) for entry in batch.steps if entry.stage in stages)
        if rows:
            blocks += [Heading(f"Steps: {title}"), Table(HEAD, rows, WIDTHS)]
    return blocks


def decision_table(batch: Batch, time: Clock) -> list[Block]:
    """Decisions about the lot and what it came from, with their signatures."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*_row(entry, batch, None, time)[:4], _signed(entry, time) or "–") for entry in batch.decisions
    )
    return [Heading("Decisions"), Table((*HEAD[:4], "Signature"), rows, WIDTHS)] if rows else []


def _row(entry: Entry, batch: Batch, check: Check | None, time: Clock) -> tuple[Cell, ...]:
    return (
        Run(str(entry.act), "code"), times_of(entry, time), _what(entry, batch, time),
        (Run(entry.person), Run(", ".join(map(word, entry.roles)), "muted")), _checked(entry, check, time),
    )  # fmt: skip


def _what(entry: Entry, batch: Batch, time: Clock) -> tuple[Run, ...]:
    runs = [Run(entry.title, "strong")]
    for line in lines_of(entry.changes, batch.numbers, time):
        runs.append(Run(line.text))
        if line.corrected:
            runs.append(Run("A value noted before was replaced.", "alarm"))
    return tuple(runs)


def _checked(entry: Entry, check: Check | None, time: Clock) -> tuple[Run, ...]:
    """A step that was signed is checked by its signer; any other by the review of the batch record."""
    signed = _signed(entry, time)
    if signed:
        return signed
    if check is None or entry.act > check.last_act:
        return (Run("not yet checked", "alarm"),)
    if not check.is_current:
        return (Run(check.person), Run(f"{check.code}, changed since", "alarm"))
    return (Run(check.person), Run(f"{check.code}, {time(check.at)}", "muted"))


def _signed(entry: Entry, time: Clock) -> tuple[Run, ...]:
    signatures: Sequence = entry.signatures
    return tuple(
        run
        for one in signatures
        for run in (
            Run(f"{one.meaning.capitalize()}: {one.person}", "strong"),
            Run(f"{time(one.at)}, {one.record}", "muted"),
            *(() if one.holds else (Run("VOID – the record changed after it was signed", "alarm"),)),
        )
    )
