"""Inventory: a box counted by two people, the second of whom does not see what the first one found."""

import datetime
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.blind import hidden_columns
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import CountState
from cellbank.domain.positions import position_name
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.box_check import Difference
from cellbank.records.storage import CountSheet, StockCount, StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import new_code, told_after
from cellbank.services.inputs import scanned
from cellbank.services.installation import Installation
from cellbank.services.storage.box_checks import (
    REASONS,
    Reasons,
    Seen,
    SeenBox,
    box_changed_at,
    compare,
    correct,
    lock_box,
    numbered,
    seen_in,
    shown,
)
from cellbank.services.storage.storage_moves import note_out
from cellbank.services.storage.units import unit_called

CountCode = Annotated[str, *scanned(Kind.COUNT)]


class CountBox(SeenBox):
    """Count a box."""


@act(CountBox, likely="about the box", of_shippers=False)
def count_box(work: Work, given: CountBox) -> StockCount:
    """Begin an inventory of a box: what one person finds in it. Nothing is corrected before another person has counted
    too. Refuses a box whose count is still open."""
    unit = lock_box(work, given.box)
    seen = seen_in(unit, given)
    refusals = [_open_already(unit, count) for count in [_open_count(work, unit)] if count]
    refusals += told_after(work, "The count", box_changed_at(work.session, unit))
    work.judge(StockCount, refusals=refusals, of=[unit])
    count = StockCount(
        site_id=work.actor.site_id,
        code=new_code(work, Kind.COUNT),
        unit_id=unit.id,
        first_counted_by_id=work.actor.id,
    )
    work.add(count)
    _keep_sheet(work, count, 1, unit, seen)
    note_out(work, [unit.id], given.seconds_out, work.happened)
    return count


class CountAgain(SeenBox):
    """Count a box as the second person."""


@act(CountAgain, likely="about the box")
def count_again(work: Work, given: CountAgain) -> StockCount:
    """What another person finds in a box that was counted once, without seeing the first count. Refuses the person who
    counted first."""
    unit = lock_box(work, given.box)
    count = _open_count(work, unit)
    if count is None:
        sentence = "No count of {box} is open. Begin one with “Count a box”."
        raise Refused([refuse(Code.NOT_FOUND, sentence, box=unit_called(unit))])
    seen = seen_in(unit, given)
    work.judge(count, refusals=told_after(work, "The count", box_changed_at(work.session, unit)))
    count.second_counted_by_id = work.actor.id
    work.transition(count)
    _keep_sheet(work, count, 2, unit, seen)
    note_out(work, [unit.id], given.seconds_out, work.happened)
    return count


class CloseCount(ActInput):
    """Close a count."""

    count: CountCode = Field(title="Count")
    trusted: Literal["first", "second"] | None = Field(
        default=None, title="Which count is right", description="Needed where the two counts differ; look again."
    )
    reasons: Reasons = REASONS


@act(CloseCount)
def close_count(work: Work, given: CloseCount) -> StockCount:
    """Correct the book by a count of two people. Refuses counts that differ until somebody says which one is right, and
    differences from the book that have no reason."""
    count = work.lock(StockCount, given.count)
    unit = work.lock_id(StorageUnit, count.unit_id)
    if hidden_columns("stock_count", count.state):
        work.judge(count)  # refuses, and tells nothing of the first count
    sheets = [numbered(unit, *_split(sheet.seen)) for sheet in _sheets(work.session, count)]
    unlike = counts_differ(unit, *sheets) if len(sheets) == 2 else []
    if unlike and given.trusted is None:
        sentence = "{box}: the two counts differ at {where}. Look there again, and say which count is right."
        raise Refused([refuse(Code.REASON_NEEDED, sentence, box=unit_called(unit), where=", ".join(unlike[:10]))])
    trusted = sheets[0] if given.trusted == "first" else sheets[-1]
    correct(work, unit, trusted, given.reasons, None, count)
    count.reasons, count.closed_at = given.reasons, work.now
    work.transition(count)
    return count


@dataclass(frozen=True)
class CountBoard:
    """A count as its page shows it: the box, and once both have counted where they differ and what differs from the
    book. Before that nothing of the first count is told."""

    box: str
    where: str
    counted_by: tuple[tuple[str, datetime.datetime], ...]
    unlike: tuple[str, ...]
    differences: tuple[dict[str, Any], ...]
    reasons: dict[str, str]


_COUNTED_BY = text(
    """SELECT p.full_name, s.counted_at FROM count_sheet s JOIN person p ON p.id = s.counted_by_id
        WHERE s.stock_count_id = :count ORDER BY s.number"""
)


def count_board(installation: Installation, code: str) -> CountBoard | None:
    """A count for its page; None when there is none with this code."""
    with Session(installation.reads) as session:
        count = session.scalar(select(StockCount).where(StockCount.code == code))
        if count is None:
            return None
        unit = session.get_one(StorageUnit, count.unit_id)
        people = session.execute(_COUNTED_BY, {"count": count.id}).all()
        unlike: list[str] = []
        differing: tuple[Difference, ...] = ()
        if count.state == CountState.COUNTED_TWICE:
            sheets = [numbered(unit, *_split(sheet.seen)) for sheet in _sheets(session, count)]
            unlike = counts_differ(unit, *sheets)
            differing = compare(session, unit, sheets[-1])[0]
        return CountBoard(
            unit.code,
            unit.name,
            tuple((row.full_name, row.counted_at) for row in people),
            tuple(unlike),
            tuple(shown(differing, unit)),
            count.reasons or {},
        )


def counts_differ(unit: StorageUnit, first: Seen, second: Seen) -> list[str]:
    """The positions at which two counts of a box do not agree."""
    columns = unit.column_count or 1
    unlike = [place for place in first.keys() | second.keys() if first.get(place, "") != second.get(place, "")]
    return [position_name(place, columns) for place in sorted(unlike)]


def _open_count(work: Work, unit: StorageUnit) -> StockCount | None:
    statement = select(StockCount).where(StockCount.unit_id == unit.id, StockCount.state != CountState.CLOSED)
    return work.session.scalar(statement if work.dry_run else statement.with_for_update(key_share=True))


def _open_already(unit: StorageUnit, count: StockCount) -> Refusal:
    sentence = "{box} is being counted: {count} waits for its second person, or to be closed. Finish that count first."
    return refuse(Code.ALREADY_EXISTS, sentence, box=unit_called(unit), count=count.code)


def _keep_sheet(work: Work, count: StockCount, number: int, unit: StorageUnit, seen: Seen) -> None:
    columns = unit.column_count or 1
    named: dict[str, Any] = {position_name(place, columns): code for place, code in sorted(seen.items())}
    work.note(
        CountSheet(
            stock_count_id=count.id, number=number, counted_by_id=work.actor.id, counted_at=work.happened, seen=named
        )
    )


def _sheets(session: Session, count: StockCount) -> list[CountSheet]:
    mine = select(CountSheet).where(CountSheet.stock_count_id == count.id).order_by(CountSheet.number)
    return list(session.scalars(mine))


def _split(seen: dict[str, str | None]) -> tuple[dict[str, str], list[str]]:
    """What was read, and where nothing could be."""
    return {name: code for name, code in seen.items() if code}, [name for name, code in seen.items() if not code]
