"""What a further edition of a document says otherwise than the one before: facts added, changed and removed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cellbank.outside.document_chart import Chart
from cellbank.outside.document_pdf import Cell, Facts, Run, Table, Text
from cellbank.outside.document_picture import Picture, Trace
from cellbank.services.documents.papers import Paper, headed

DOCUMENT = "Document"  # where what stands under no heading belongs


class Step(StrEnum):
    """How a fact differs."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class Difference:
    """One fact: where it stands, and what it says now (of a removed one: what it said)."""

    step: Step
    where: str
    what: str


Key = tuple[str, str]


def differences(before: Paper, now: Paper) -> tuple[Difference, ...]:
    """Every fact that one edition has and the other has not, in the order in which a reader meets it."""
    old, new = _said(before), _said(now)
    found = []
    for key, text in new.items():
        if key not in old:
            found.append(Difference(Step.ADDED, key[0], text))
        elif old[key] != text:
            found.append(Difference(Step.CHANGED, key[0], _changed(key[1], old[key], text)))
    gone = (Difference(Step.REMOVED, key[0], text) for key, text in old.items() if key not in new)
    return (*found, *gone)


def _changed(name: str, old: str, new: str) -> str:
    """Only the parts of a row that differ, each with what it was."""
    before, after = old.split(" · "), new.split(" · ")
    if len(before) != len(after):
        return f"{new} (was: {old})"
    parts = [_was(one, other) for one, other in zip(after, before, strict=True) if one != other]
    return f"{name}: {'; '.join(parts)}" if name and not parts[0].startswith(f"{name}:") else "; ".join(parts)


def _was(now: str, before: str) -> str:
    """'Result: 89 (was: 98)': the label is not said twice."""
    label, sign, _ = now.partition(": ")
    return f"{now} (was: {before.removeprefix(label + sign) if sign else before})"


def _said(paper: Paper) -> Mapping[Key, str]:
    """All facts of a paper by what they are about: the section, and the label or the first cell of the row."""
    facts: dict[Key, str] = {(DOCUMENT, "subject"): paper.subject, (DOCUMENT, "site"): paper.site}
    if paper.mark:
        facts[DOCUMENT, "mark"] = paper.mark
    for heading, block in headed(paper.blocks):
        where = heading or DOCUMENT
        if isinstance(block, Facts):
            facts.update({(where, label): f"{label}: {_words(value)}" for label, value in block.pairs})
        elif isinstance(block, Table):
            facts.update({(where, key): text for key, text in _rows(block)})
        elif isinstance(block, Text):
            facts[where, block.text] = block.text
        elif isinstance(block, Picture | Chart | Trace):
            facts[where, "drawing"] = f"The drawing, drawn from {_drawn(block)}"
    return facts


def _rows(table: Table) -> Iterable[tuple[str, str]]:
    """Each row under its first cell, or under all that it says where the first cell does not tell it from others."""
    firsts = Counter(_words(row[0]) for row in table.rows)
    for row in table.rows:
        first = _words(row[0])
        cells = [
            f"{title}: {text}" if title else text
            for title, cell in zip(table.head, row, strict=True)
            if (text := _words(cell))
        ]
        text = " · ".join(cells)
        yield (first if first and firsts[first] == 1 else text), text


def _words(cell: Cell) -> str:
    runs = (cell,) if isinstance(cell, str | Run) else cell
    return ", ".join(run if isinstance(run, str) else run.text for run in runs)


def _drawn(block: Picture | Chart | Trace) -> str:
    if isinstance(block, Trace):
        return f"{sum(len(mark.points) for mark in block.marks)} points"
    if isinstance(block, Picture):
        return ", ".join(f"{box.title} {box.code} {box.word}".strip() for box in block.boxes)
    points = sum(len(curve.points) for panel in block.panels for curve in panel.curves)
    return f"{points} points"
