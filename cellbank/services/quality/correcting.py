"""A recorded value put right: one act for all of them (`domain/correction.py` says which, when and by whom).

Nothing is turned away because it was used already: what was not allowed by the right value, what is released and what
was given opens a deviation, and a lot that fails by it is stopped.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import ColumnElement, literal_column, select, text

from cellbank.domain import quantities
from cellbank.domain.correction import (
    CELLS,
    CORRECTABLE,
    KINDS,
    ML,
    PERCENT,
    TIME,
    Correctable,
    columns_of,
    correctable,
)
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import CorrectionState, DeviationState, DoseState, HoldState, LotState
from cellbank.domain.rules.correction import (
    CorrectionFacts,
    correction_refusals,
    review_warnings,
    stopped_refusals,
)
from cellbank.domain.scans import Scan, read_scan
from cellbank.records.base import Record
from cellbank.records.clinic import Dose
from cellbank.records.corrections import Correction
from cellbank.records.deviations import Deviation
from cellbank.records.production import Culture, Lot, Vial
from cellbank.records.quality import Hold, Signature
from cellbank.records.signed_content import still_covers
from cellbank.records.work import Work
from cellbank.services.acts import Malformed, Problem, SignedInput, act
from cellbank.services.clinic.dosing import lock_dose
from cellbank.services.inputs import Moment, OneLine, Reason, scanned
from cellbank.services.quality.correcting_cells import of_culture, of_lot
from cellbank.services.quality.correcting_doses import of_dose, of_vial, unchecked
from cellbank.services.quality.correcting_draft import Changed, Effect, as_text
from cellbank.services.quality.out_of_specification import out_of_the_laboratory
from cellbank.services.stopping.conditional_ends import once_conditional
from cellbank.services.stopping.deviation_opening import open_with_links
from cellbank.services.stopping.holding import place_hold
from cellbank.services.wording.column_words import told

Correctables = Annotated[str, *scanned(Kind.CULTURE, Kind.LOT, Kind.VIAL, Kind.DOSE)]
COLUMNS = tuple(dict.fromkeys(row.column for row in CORRECTABLE))


def _known(given: str) -> str:
    if given not in COLUMNS:
        raise ValueError("must be a value that can be put right, such as cells_harvested")
    return given


Values = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(COLUMNS)})]
OF_KIND: Mapping[Kind, tuple[type[Record], Callable[..., Effect]]] = {
    Kind.CULTURE: (Culture, of_culture),
    Kind.LOT: (Lot, of_lot),
    Kind.VIAL: (Vial, of_vial),
    Kind.DOSE: (Dose, of_dose),
}
assert {cls.__tablename__ for cls, _ in OF_KIND.values()} == set(KINDS)
READ: Mapping[str, Callable[[Any], Any]] = {
    CELLS: quantities.parse_cells,
    PERCENT: quantities.parse_viability,
    ML: quantities.parse_volume,
}


class CorrectFact(SignedInput):
    """Put a recorded value right."""

    record: Correctables = Field(title="Record", description="The culture, the lot, the thawed vial or the dose.")
    what: Values = Field(title="What was noted wrongly")
    value: OneLine | None = Field(
        default=None,
        title="Right value",
        description="A number; empty for a time.",
    )
    at: Moment | None = Field(default=None, title="Right time", description="Only where a time was noted wrongly.")
    reason: Reason = Field(description="How the wrong value came about, and how the right one is known.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.value is None) == (self.at is None):
            raise ValueError("Give the right value, or the right time: one of the two")
        return self


@act(CorrectFact, likely="rarely")
def correct_fact(work: Work, given: CorrectFact) -> Record:
    """Put right what was counted, measured or timed wrongly; the first value stays in sight. What was worked out from
    it is worked out again, and each lot below is judged again. Signatures that covered it are void, and so is the
    review of the batch record; a dose that was checked is checked again.

    What was not allowed by the right value, what is released and what was given opens a deviation, and a lot that fails
    by it is stopped. Refuses a value that was never noted, and one that cannot be.
    """
    record, row, right, find = _read(work, given)
    before = getattr(record, row.column)
    effect = find(work, record, row.column, right) if before is not None else None
    work.late_because = given.reason  # a fact, told anew: what only forbids it does not refuse it
    facts = CorrectionFacts(
        record.called,
        told(record.kind, row.column).label,
        row,
        record.state,  # type: ignore[attr-defined]  # has one
        before,
        right,
        work.actor.roles,
        work.now,
        effect.follows if effect else None,
        effect.comes_before if effect else None,
    )
    refusals = correction_refusals(facts)
    if effect is None:
        work.judge(record, Correction, refusals=refusals)
        raise AssertionError("a value that was never noted is refused")
    target = unchecked(effect.draft, record) if isinstance(record, Dose) else record.state  # type: ignore[attr-defined]  # has one
    if isinstance(record, Vial):
        _uncheck_dose_of(work, effect, record)
    stopping = _to_stop(work, effect)
    opens = _opens(effect, stopping)
    _show(work, record, row, effect, opens=opens)
    stopped = (*((Hold,) if stopping else ()), *(lot for lot in stopping if lot is not record))
    opening = (Deviation,) if opens else ()
    more = [one for one in effect.draft.changes() if one.record is not record]
    dose = _dose_to_check(effect, record)
    work.judge(
        record,
        Correction,
        *opening,
        *stopped,
        *dose,
        refusals=[*refusals, *effect.refusals],
        to=(
            target,
            CorrectionState.RECORDED,
            DeviationState.OPEN,
            HoldState.PLACED,
            LotState.ON_HOLD,
            DoseState.PREPARED,
        ),
        of=[record, *(one.record for one in more)],
    )
    _write(work, given, record, row, effect, target, stopping, dose)
    return record


def _read(work: Work, given: CorrectFact) -> tuple[Record, Correctable, Any, Callable[..., Effect]]:
    """The record, locked; the row of the table; the right value; and what works out what it means."""
    scan = read_scan(given.record)
    assert isinstance(scan, Scan)
    cls, find = OF_KIND[scan.kind]
    row = correctable(cls.__tablename__, given.what)
    if row is None:
        known = ", ".join(columns_of(cls.__tablename__))
        raise Malformed([Problem("what", f"is nothing of a {cls.__tablename__}: {known}. Given: {given.what}.")])
    right = _right(row, given)
    record = lock_dose(work, scan.code) if cls is Dose else work.lock(cls, scan.code)
    if getattr(record, row.column) == right:
        raise Malformed([Problem("(whole)", "Nothing differs from what was noted. Give the right value, or leave it.")])
    return record, row, right, find


def _right(row: Correctable, given: CorrectFact) -> Any:
    if (row.unit == TIME) != (given.at is not None):
        named = ("at", "the right time is needed") if row.unit == TIME else ("value", "the right value is needed")
        raise Malformed([Problem(named[0], f"{named[1].capitalize()}.")])
    if given.at is not None:
        return given.at
    try:
        return READ[row.unit](given.value)
    except ValueError as problem:
        raise Malformed([Problem("value", f"{problem}. Given: {given.value!r}.")]) from None


# --- what it means ----------------------------------------------------------------------------


def _uncheck_dose_of(work: Work, effect: Effect, vial: Vial) -> None:
    assert vial.dose_id is not None
    unchecked(effect.draft, work.session.get_one(Dose, vial.dose_id))


def _dose_to_check(effect: Effect, record: Record) -> list[Dose]:
    """The dose of a vial that is put right, if two people have to check it again."""
    doses = {one.record for one in effect.draft.changes() if isinstance(one.record, Dose)} - {record}
    return [dose for dose in doses if dose.state in (DoseState.CHECKED_ONCE, DoseState.CHECKED)]


def _to_stop(work: Work, effect: Effect) -> list[Lot]:
    """The lots that patients may have and that fail by the right value."""
    failing = [lot for lot in effect.lots if lot.code in effect.failing]
    return out_of_the_laboratory(failing, once_conditional(work, failing)) if failing else []


def _opens(effect: Effect, stopping: list[Lot]) -> bool:
    return effect.is_out or bool(stopping)


# The lots whose batch record is as it was reviewed, and by whom.
_REVIEWED = text(
    """SELECT l.code, p.full_name FROM lot l JOIN batch_review b ON b.lot_id = l.id AND b.digest = batch_digest(l.id)
         JOIN person p ON p.id = b.reviewed_by_id WHERE l.id = ANY(:lots) ORDER BY l.id, b.id"""
)
_DOSES = text(
    """SELECT code || ' ' || lower(replace(state, '_', ' ')) FROM dose
        WHERE lot_id = ANY(:lots) AND state NOT IN ('CANCELLED', 'DISCARDED') ORDER BY id"""
)


def _show(work: Work, record: Record, row: Correctable, effect: Effect, *, opens: bool) -> None:
    """What was, what is right, what follows from it and what rested on it: before anybody signs, and in the answer."""
    changes = [one.as_json() for one in effect.draft.changes()]
    lots = {"lots": [lot.id for lot in effect.lots]}
    reviews = [(code, name) for code, name in work.session.execute(_REVIEWED, lots)]
    first = next(one for one in changes if (one["kind"], one["column"]) == (record.kind, row.column))
    work.show(
        put_right=first,
        follows=[one for one in changes if one is not first],
        void=_void(work, effect, reviews),
        lots_judged={lot.code: lot.state for lot in effect.lots},
        fails={code: list(titles) for code, titles in effect.failing.items()},
        doses_below=list(work.session.scalars(_DOSES, lots)),
    )
    if opens:
        work.show(will_open_a_deviation=True)
    stopped = [one for lot, titles in effect.failing.items() for one in stopped_refusals(lot, titles)]
    work.warn([*effect.warnings, *stopped, *review_warnings(list(dict(reviews)))])


def _void(work: Work, effect: Effect, reviews: list[tuple[str, str]]) -> list[str]:
    """The signatures that do not hold any more once the right values stand."""
    by_record: dict[Any, set[str]] = {}
    for one in effect.draft.changes():
        by_record.setdefault(one.record, set()).add(one.column)
    void = []
    for record, columns in by_record.items():
        given = select(Signature, _ACT_NAME).where(
            Signature.record_kind == record.kind, Signature.record_id == record.id
        )
        for signature, name in work.session.execute(given.order_by(Signature.id)):
            if columns & set(record.signed_by(name)) and still_covers(record, name, signature.digest):
                void.append(f"{signature.full_name}: {signature.meaning} ({record.called})")
    return [*void, *(f"{name}: reviewed (batch record of {lot})" for lot, name in reviews)]


_ACT_NAME: ColumnElement[str] = literal_column("(SELECT name FROM act WHERE act.id = signature.act_id)")


# --- writing ----------------------------------------------------------------------------------


def _write(
    work: Work,
    given: CorrectFact,
    record: Any,
    row: Correctable,
    effect: Effect,
    target: str,
    stopping: list[Lot],
    doses: list[Dose],
) -> None:
    changes = effect.draft.changes()
    [first] = [one for one in changes if one.record is record and one.column == row.column]
    effect.draft.write()
    if target != record.state:
        work.transition(record, to=target)
    for dose in doses:
        work.transition(dose, to=DoseState.PREPARED)
    work.add(_correction(work, given, first, [one for one in changes if one is not first]))
    if _opens(effect, stopping):
        _open(work, given, effect, first)
    for lot in stopping:
        criteria = ", ".join(effect.failing[lot.code])
        place_hold(work, lot, reason=f"“{told(record.kind, row.column).label}” was put right: {criteria}")


def _correction(work: Work, given: CorrectFact, first: Changed, more: list[Changed]) -> Correction:
    made = Correction(
        column_name=first.column,
        before=as_text(first.before),
        after=as_text(first.after),
        follows=[one.as_json() for one in more],
        reason=given.reason,
        corrected_at=work.now,
        corrected_by_id=work.actor.id,
    )
    setattr(made, f"{first.record.kind}_id", first.record.id)
    return made


def _open(work: Work, given: CorrectFact, effect: Effect, first: Changed) -> Deviation:
    label = told(first.record.kind, first.column).label
    lines = [f"{label}: {as_text(first.before)} was noted, {as_text(first.after)} is right. {given.reason}"]
    lines += [f"Lot {lot} does not meet by it: {', '.join(titles)}." for lot, titles in effect.failing.items()]
    deviation = open_with_links(
        work,
        records=[*effect.about, *(lot for lot in effect.lots if lot not in effect.about)],
        title=f"{label} of {first.record.called} put right after it was released or given"[:200],
        description="\n".join(lines)[:4000],
        classification="major",
        occurred_at=_noted_at(work, first),
    )
    work.show(deviation=deviation.code)
    return deviation


_NOTED_AT = text(
    """SELECT max(coalesce(a.happened_at, a.at)) FROM change c JOIN act a ON a.id = c.act_id
        WHERE c.record_kind = :kind AND c.record_id = :id AND c.after ? :column AND a.id <> :act"""
)


def _noted_at(work: Work, first: Changed) -> datetime.datetime:
    """When the wrong value was noted."""
    named = {"kind": first.record.kind, "id": first.record.id, "column": first.column, "act": work.act_id}
    return work.session.scalar(_NOTED_AT, named) or work.now
