"""The steps of a batch on paper: what was done, when it happened and when it was entered, by whom, checked by whom."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table
from cellbank.services.documents.act_lines import lines_of
from cellbank.services.documents.batch_lineage import Batch
from cellbank.services.documents.chain import Entry
from cellbank.services.trail.answered import answered
from cellbank.services.wording.values import Clock, times_of, word

HEAD = ("Act", "Happened, entered", "Step", "Performed by", "Checked by, reviewed by")
WIDTHS = (0.07, 0.16, 0.41, 0.16, 0.20)
PARTS = (
    ("Donation", ("donation", "donor", "consent")),
    ("Cultures", ("culture",)),
    ("Filling and freezing", ("lot",)),
    ("Vials: storage, testing, ends", ("vial",)),
)


@dataclass(frozen=True)
class Check:
    """A review of the batch record: it covers every step up to one act."""

    person: str
    code: str
    at: datetime.datetime
    last_act: int
    is_current: bool


def step_tables(batch: Batch, checks: Sequence[Check], time: Clock) -> list[Block]:
    """A table for each part of the work."""
    blocks: list[Block] = []
    for title, stages in PARTS:
        rows = tuple(_row(entry, batch, checks, time) for entry in batch.steps if entry.stage in stages)
        if rows:
            blocks += [Heading(f"Steps: {title}"), Table(HEAD, rows, WIDTHS)]
    return blocks


def decision_table(batch: Batch, time: Clock) -> list[Block]:
    """Decisions about the lot and what it came from, with their signatures."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*_row(entry, batch, (), time)[:3], _performer(entry), _signed(entry, time) or "–") for entry in batch.decisions
    )
    return [Heading("Decisions"), Table((*HEAD[:4], "Signature"), rows, WIDTHS)] if rows else []


def _row(entry: Entry, batch: Batch, checks: Sequence[Check], time: Clock) -> tuple[Cell, ...]:
    return (
        Run(str(entry.act), "code"),
        times_of(entry, time),
        _what(entry, batch, time),
        (*_performer(entry), *_signed(entry, time, own=True)),
        _checked(entry, checks, time),
    )


def _performer(entry: Entry) -> tuple[Run, ...]:
    return Run(entry.person), Run(", ".join(map(word, entry.roles)), "muted")


def _what(entry: Entry, batch: Batch, time: Clock) -> tuple[Run, ...]:
    runs = [Run(entry.title, "strong")]
    for line in lines_of(entry.changes, batch.numbers, time):
        runs.append(Run(line.text))
        if line.corrected:
            runs.append(Run("A value noted before was replaced.", "alarm"))
    return (*runs, *doubt_of(entry.given, entry.result))


def doubt_of(given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[Run, ...]:
    """What the act was asked about because it can hardly be, with the answer."""
    found = answered(given, result)
    return (*(Run(one, "alarm") for one in found.asked), Run(f"Right, because: {found.because}")) if found else ()


def _checked(entry: Entry, checks: Sequence[Check], time: Clock) -> tuple[Run, ...]:
    """Whoever else signed the step checked it then. Who read the record later is its reviewer: the first who read this
    step; that a step changed afterwards is a step of its own, which the next review reads."""
    signed = _signed(entry, time, own=False)
    review = next((one for one in checks if entry.act <= one.last_act), None)
    if review is None:
        return signed or (Run("not yet reviewed", "alarm"),)
    return (*signed, Run(f"Reviewed: {review.person}"), Run(f"{review.code}, {time(review.at)}", "muted"))


def _signed(entry: Entry, time: Clock, *, own: bool | None = None) -> tuple[Run, ...]:
    """The signatures of an act: all of them, or only those of whoever did it, or only those of others."""
    return tuple(
        run
        for one in entry.signatures
        if own is None or own is (one.person == entry.person)
        for run in (
            Run(f"{one.meaning.capitalize()}: {one.person}", "strong"),
            Run(f"{time(one.at)}, {one.record}", "muted"),
            *(() if one.holds else (Run("VOID – the record changed after it was signed", "alarm"),)),
        )
    )
