"""A dose that was given and never ordered: its record is opened, so that its paper form can be entered.

Opening it judges no permission and gives nothing: whatever was not allowed about the dose stands in the deviation of
its form (`from_paper.py`). Until that is confirmed, the subject gets no other dose.
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, ClassVar

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.dose import Step, required_cells
from cellbank.domain.identifiers import coi
from cellbank.domain.lifecycle.states import DoseState, WeightState
from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.clinic import Dose, Subject, Weight
from cellbank.records.production import Lot
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.clinic.standing import Ward, ward_of
from cellbank.services.clinic.supply import latest_results, number_of
from cellbank.services.common import specification_of
from cellbank.services.inputs import Cells, LotCode, Moment, Reason, SubjectCode

STATE = DoseState.UNORDERED


class RegisterUnorderedDose(TellingInput):
    """Register a dose that was given without an order."""

    ALWAYS_LATE: ClassVar[bool] = True
    subject: SubjectCode = Field(title="Subject")
    infusion_number: int | None = Field(default=None, title="Infusion", ge=1, le=50, description="Empty: the next one.")
    lot: LotCode = Field(title="Lot", description="Of the vials that were given, or of most of them.")
    required_cells: Cells | None = Field(
        default=None,
        title="Cells that were to be given",
        gt=0,
        description="As on the form. Empty: by the protocol and the weight that was known then.",
    )
    happened_at: Moment = Field(title="Infusion started", description="As on the form.")
    entered_late_because: Reason = Field(title="Why there was no order")


@act(RegisterUnorderedDose, likely="rarely")
def register_unordered_dose(work: Work, given: RegisterUnorderedDose) -> Dose:
    """Open the record of a dose that was given without an order, whatever would have refused one. Refuses only where
    the infusion has a record already, into which its form is entered, and where nobody says how many cells were meant.
    """
    subject = work.lock(Subject, given.subject)
    ward = ward_of(work.session, subject.id)
    lot = work.share(Lot, work.find(Lot, given.lot).id)
    number = given.infusion_number or max((other.number for other in ward.others), default=0) + 1
    weight = _weight_then(work, subject, ward)
    needed, steps = _needed(ward, given.required_cells, weight)
    work.show(infusion_number=number, required_cells=needed)
    refusals = [*_in_the_record(subject, ward, number), *(() if needed else (_nobody_knows(subject),))]
    work.judge(Dose, subject, refusals=refusals, of=[lot])
    assert needed is not None
    on = ward.day(work.happened)
    series = work.number(f"CH{ward.fin}{ward.day(work.now).year % 100:02d}")
    planned = {one.number: one.day for one in ward.protocol.dosing.infusions}
    return work.add(
        Dose(
            site_id=work.actor.site_id,
            subject_id=subject.id,
            lot_id=lot.id,
            weight_id=weight.id if weight else None,
            code=coi(ward.fin, ward.day(work.now).year, series),
            infusion_number=number,
            day=planned.get(number, max(planned.values())),
            planned_on=on,
            ordered_at=work.now,
            ordered_by_id=work.actor.id,
            required_cells=needed,
            vials_needed=ceil(Fraction(needed, lot.cells_per_vial)),
            vials_spare=0,
            calculation=_calculation(work, lot, steps),
            given_beside=_stands(ward, number),
        )
    )


def _weight_then(work: Work, subject: Subject, ward: Ward) -> Weight | None:
    """The newest weight that was measured before, and that the protocol lets decide a dose."""
    states = (
        (WeightState.CONFIRMED,)
        if ward.protocol.dosing.weight.second_person
        else (WeightState.CONFIRMED, WeightState.MEASURED)
    )
    of_subject = select(Weight).where(Weight.subject_id == subject.id, Weight.state.in_(states))
    before = of_subject.where(Weight.measured_at <= work.happened)
    return work.session.scalars(before.order_by(Weight.measured_at.desc(), Weight.id.desc()).limit(1)).one_or_none()


def _needed(ward: Ward, told: int | None, weight: Weight | None) -> tuple[int | None, tuple[Step, ...]]:
    """The cells that were to be given: as the form tells, else as the protocol reckons; None where nobody knows."""
    if told is not None:
        return told, (Step("Required cells", "as on the paper form", f"{millions(told)} cells"),)
    kg: Decimal | None = weight.weight_kg if weight else None
    if ward.protocol.dosing.needs_weight and kg is None:
        return None, ()
    needed, _, steps = required_cells(ward.protocol.dosing, kg)
    return needed, steps


def _calculation(work: Work, lot: Lot, steps: tuple[Step, ...]) -> dict[str, Any]:
    """How many cells were meant, and what the lot brings besides cells, as far as its results tell."""
    results = (
        {}
        if lot.purpose != "product"
        else latest_results(work, lot, specification_of(work.session, lot.specification_id))
    )
    told = [{"label": step.label, "formula": step.formula, "value": step.value} for step in steps]
    endotoxin = results.get("endotoxin")
    return {
        "steps": told,
        "lot": lot.code,
        **({"endotoxin_eu_per_million_cells": str(number_of(endotoxin))} if endotoxin else {}),
    }


def _stands(ward: Ward, number: int) -> bool:
    """Whether another dose of this number was given: this one was given beside it."""
    return any(other.number == number and other.is_given for other in ward.others)


def _in_the_record(subject: Subject, ward: Ward, number: int) -> list[Refusal]:
    """The infusion has a dose that is on its way: that is the one of which the form tells."""
    sentence = (
        "Infusion {number} of subject {subject} has a record: dose {dose}. Enter the paper form of that dose; other "
        "vials than those that were kept for it are told there."
    )
    return [
        refuse(Code.ALREADY_EXISTS, sentence, number=number, subject=subject.code, dose=other.code)
        for other in ward.others
        if other.number == number and not other.is_given
    ]


def _nobody_knows(subject: Subject) -> Refusal:
    sentence = (
        "No weight of subject {subject} was known then. Say how many cells were to be given, or tell the weight first, "
        "with the time at which it was measured."
    )
    return refuse(Code.CRITERION_OPEN, sentence, subject=subject.code)
