"""Body weights and dose orders: from the scale to vials that nobody else can have."""

import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.identifiers import Kind, coi
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.refusals import Code, refuse
from cellbank.domain.rules.dosing import (
    MeasurementFacts,
    OrderFacts,
    change_percent,
    measurement_refusals,
    order_refusals,
)
from cellbank.domain.rules.plan import PlanFacts
from cellbank.domain.wall import on_the_wall
from cellbank.records.clinic import Dose, Subject, Weight
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, TellingInput, act
from cellbank.services.clinic.standing import Ward, ward_of
from cellbank.services.clinic.supply import Demand, Supply, find_supply
from cellbank.services.common import new_code, time_refusals, told_after
from cellbank.services.inputs import Date, DoseCode, LotCode, Reason, SubjectCode, WeightCode, WeightKg
from cellbank.services.stopping.notices import note_not_given


class MeasureWeight(TellingInput):
    """Measure a body weight."""

    EARLIER_NAME = "measured_at"
    subject: SubjectCode = Field(title="Subject")
    weight_kg: WeightKg = Field(title="Body weight", description="Read from a scale, never stated or estimated.")
    method: Literal["standing_scale", "chair_scale", "bed_scale"] = Field(title="Scale")


@act(MeasureWeight, begun_by={"clinician": 2})
def measure_weight(work: Work, given: MeasureWeight) -> Weight:
    """Note a weight; a second person confirms it before it decides a dose. Refuses one outside the plausible range."""
    subject = work.lock(Subject, given.subject)
    ward = ward_of(work.session, subject.id)
    at = work.happened
    facts = MeasurementFacts(given.weight_kg, ward.protocol.dosing.weight)
    work.show(**_change_since(ward, given.weight_kg))
    refusals = [*measurement_refusals(facts), *time_refusals(work, "The weighing", at)]
    work.judge(Weight, refusals=refusals, of=[subject])
    return work.add(
        Weight(
            subject_id=subject.id,
            code=new_code(work, Kind.WEIGHT),
            weight_kg=given.weight_kg.quantize(Decimal(1).scaleb(-ward.protocol.dosing.weight.decimals)),
            method=given.method,
            measured_at=at,
            measured_by_id=work.actor.id,
        )
    )


def _change_since(ward: Ward, weight_kg: Decimal) -> dict[str, Any]:
    """How far a weight is from the last usable one, where that is worth a note."""
    last, rules = ward.weight, ward.protocol.dosing.weight
    if last is None or (change := change_percent(last.weight_kg, weight_kg)) <= rules.change_percent_note:
        return {}
    measured = on_the_wall(last.measured_at, ward.zone)
    note = f"{float(change):.1f} % from {last.weight_kg} kg measured at {measured}"
    if change > rules.change_percent_recalculate:
        note += "; doses ordered for the earlier weight must be ordered again"
    return {"weight_note": note}


class ConfirmWeight(TellingInput):
    """Confirm a body weight."""

    weight: WeightCode = Field(title="Weighing")
    weight_kg: WeightKg = Field(title="Body weight that you read")


@act(ConfirmWeight, second_open=True)
def confirm_weight(work: Work, given: ConfirmWeight) -> Weight:
    """A second person reads the scale; both must have read the same. What the first one read is not told."""
    weight = work.lock(Weight, given.weight)
    refusals = list(told_after(work, "The second look", weight.measured_at))
    if given.weight_kg != weight.weight_kg:
        refusals.append(
            refuse(
                Code.WEIGHT_MISMATCH,
                "You read {kg} kg; that is not what was entered as {weight}. "
                "Read the scale together and measure again.",
                kg=given.weight_kg,
                weight=weight.code,
            )
        )
    work.judge(weight, refusals=refusals)
    weight.confirmed_by_id, weight.confirmed_at = work.actor.id, work.happened
    work.transition(weight)
    return weight


class OrderDose(SignedInput):
    """Order a dose."""

    subject: SubjectCode = Field(title="Subject")
    infusion_number: int | None = Field(default=None, title="Infusion", ge=1, le=50, description="Empty: the next one.")
    planned_on: Date | None = Field(default=None, title="Planned for", description="Empty: today.")
    lot: LotCode | None = Field(default=None, title="Lot", description="Empty: the first to expire.")
    deviation_reason: Reason | None = Field(
        default=None, title="Reason for a day outside the window", description="Signed as a deviation for that day."
    )


@act(OrderDose, begun_by={"clinician": 3})
def order_dose(work: Work, given: OrderDose) -> Dose:
    """Calculate a dose and reserve its vials and the spare ones. The subject is locked first, then the lot is kept from
    changing, then the vials are locked: whoever races, a vial is kept for one dose only."""
    subject = work.lock(Subject, given.subject)
    ward = ward_of(work.session, subject.id)
    plan = _plan(work, given, ward)
    supply = _supply(work, given, subject, ward, plan)
    work.show(infusion_number=plan.number, planned_on=plan.on.isoformat(), study_day=plan.study_day)
    work.show(calculation=supply.shown, vials=[vial.code for vial in supply.vials], **_weight_note(ward))
    # A dose planned for a later day needs a weight that is still fresh when that day begins.
    fresh_at = max(work.now, ward.start_of(plan.on))
    facts = OrderFacts(
        subject=ward.subject_facts(subject.code, subject.state, subject.arm, subject.receives_product),
        plan=plan,
        weight=ward.weight_facts(subject.code, fresh_at),
        supply=supply.facts,
        today=ward.day(work.now),
    )
    work.judge(Dose, *supply.vials, refusals=order_refusals(facts), of=[subject])
    dose = work.add(_dose(work, given, subject, ward, plan, supply))
    work.transition_many(Vial, supply.vials, dose_id=dose.id)
    return dose


def _plan(work: Work, given: OrderDose, ward: Ward) -> PlanFacts:
    number = given.infusion_number or max((dose.number for dose in ward.others), default=0) + 1
    on = given.planned_on or ward.day(work.now)
    end_of_day = ward.start_of(on + datetime.timedelta(days=1))
    return PlanFacts(
        protocol=ward.protocol,
        number=number,
        on=on,
        latest_at=end_of_day,
        others=ward.others,
        deviation_on=on if given.deviation_reason else None,
    )


def _supply(work: Work, given: OrderDose, subject: Subject, ward: Ward, plan: PlanFacts) -> Supply:
    product = ward.protocol.arm(subject.arm).specification
    if product is None:
        return Supply(None)
    demand = Demand(
        subject_id=subject.id,
        protocol=ward.protocol,
        product=product,
        weight_kg=ward.weight.weight_kg if ward.weight else None,
        used_on=plan.on,
        lot=given.lot,
        dmso_ml_that_day=plan.dmso_ml_that_day,
        earlier_lots=ward.lots,
    )
    return find_supply(work, demand)


def _weight_note(ward: Ward) -> dict[str, Any]:
    return {"weight_kg": str(ward.weight.weight_kg)} if ward.weight else {}


def _dose(work: Work, given: OrderDose, subject: Subject, ward: Ward, plan: PlanFacts, supply: Supply) -> Dose:
    lot, calculation = supply.lot, supply.calculation
    assert lot is not None and calculation is not None  # the judgement has seen to it
    # The series is locked from here to the commit: the number is taken when nothing is left to look up.
    year = ward.day(work.now).year
    number = work.number(f"CH{ward.fin}{year % 100:02d}")
    return Dose(
        site_id=work.actor.site_id,
        subject_id=subject.id,
        lot_id=lot.id,
        weight_id=ward.weight.id if ward.weight else None,
        code=coi(ward.fin, year, number),
        infusion_number=plan.number,
        day=ward.protocol.dosing.infusion(plan.number).day,
        planned_on=plan.on,
        ordered_at=work.now,
        ordered_by_id=work.actor.id,
        required_cells=calculation.required_cells,
        vials_needed=calculation.vials,
        vials_spare=calculation.spare_vials,
        calculation=supply.shown,
        deviation_reason=given.deviation_reason,
    )


class CancelDose(ActInput):
    """Cancel a dose."""

    dose: DoseCode = Field(title="Dose")
    reason: Reason


@act(CancelDose, likely="rarely")
def cancel_dose(work: Work, given: CancelDose) -> Dose:
    """Give up a dose before its thaw. Reserved vials are free again; picked ones are returned or discarded by hand."""
    dose = work.lock(Dose, given.dose)
    reserved = vials_of(work, dose, VialState.RESERVED)
    picked = vials_of(work, dose, VialState.PICKED)
    work.show(vials_to_return=[vial.code for vial in picked])
    work.judge(dose, *reserved, *picked)
    dose.outcome_reason = given.reason
    work.transition(dose)
    release(work, reserved)
    note_not_given(work, dose, given.reason)
    return dose


def lock_dose(work: Work, code: str) -> Dose:
    """The dose, locked, and its subject before it, as in an order: what is done for a subject and what happens to them
    come one after the other. Refuses NOT_FOUND."""
    subject_id = work.session.scalar(select(Dose.subject_id).where(Dose.code == code))
    if subject_id:
        work.lock_id(Subject, subject_id)
    return work.lock(Dose, code)


def vials_of(work: Work, dose: Dose, *states: str) -> list[Vial]:
    """The vials of a dose in these states, locked, in the order of their ids."""
    statement = select(Vial).where(Vial.dose_id == dose.id, Vial.state.in_(states)).order_by(Vial.id)
    return list(work.session.scalars(statement if work.dry_run else statement.with_for_update(key_share=True)))


def release(work: Work, reserved: list[Vial]) -> None:
    """Give reserved vials, which never left their place, back to the stock."""
    work.transition_many(Vial, reserved, to=VialState.IN_STOCK, dose_id=None)
