"""The last steps at the bench: a short dose accepted, the dose drawn up, or all of it discarded."""

from decimal import Decimal
from fractions import Fraction

from pydantic import Field
from sqlalchemy import func, select

from cellbank.domain.dose import (
    DrawVolume,
    dmso_band,
    endotoxin_eu_per_kg,
    one_decimal,
    percent_drawn,
    volume_to_draw,
)
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.dosing import limit_refusals, weight_for_limits
from cellbank.domain.rules.preparing import PreparationFacts, ShortDoseFacts, preparation_refusals, short_dose_refusals
from cellbank.records.clinic import Dose
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.clinic.dosing import release, vials_of
from cellbank.services.clinic.standing import DoseStanding, dmso_of_the_day, standing_of
from cellbank.services.common import told_after
from cellbank.services.inputs import DoseCode, Reason, VolumeMl
from cellbank.services.labels.label_printing import print_first
from cellbank.services.stopping.notices import note_not_given


def counted_draw(standing: DoseStanding) -> DrawVolume:
    """The volume to draw, calculated again from the count as it was noted. Refuses WRONG_STATE before there is one."""
    row, rules = standing.row, standing.ward.protocol.draw
    if row.counted_at is None:
        raise Refused(
            [refuse(Code.WRONG_STATE, "Dose {dose} has not been counted. Pool and count it first.", dose=row.code)]
        )
    return volume_to_draw(
        row.required_cells,
        row.total_cells_per_ml,
        row.viability_percent,
        row.pooled_ml,
        rules.dead_volume_ml,
        rules.marks,
    )


class AcceptShortDose(SignedInput):
    """Accept a short dose."""

    dose: DoseCode = Field(title="Dose")
    reason: Reason


@act(AcceptShortDose)
def accept_short_dose(work: Work, given: AcceptShortDose) -> Dose:
    """A clinician documents that the dose is given although it is short. Refused outside the protocol's bands."""
    dose = work.lock(Dose, given.dose)
    standing = standing_of(work, dose)
    draw = counted_draw(standing)
    facts = ShortDoseFacts(
        dose=dose.code,
        is_short=draw.is_short,
        percent=draw.percent,
        tolerance=standing.ward.protocol.dosing.tolerance,
        expires_at=standing.row.expires_at,
        now=work.now,
    )
    work.show(draw=draw.as_json())
    work.judge(dose, refusals=short_dose_refusals(facts))
    dose.short_dose_reason = given.reason
    work.transition(dose)
    return dose


class PrepareDose(TellingInput):
    """Prepare a dose."""

    dose: DoseCode = Field(title="Dose")
    drawn_ml: VolumeMl = Field(title="Drawn from the pool")
    final_volume_ml: VolumeMl = Field(title="Final volume", description="With what it was diluted in.", gt=0)
    reason: Reason | None = Field(default=None, title="Reason for a dose outside the usual band")


@act(PrepareDose, stage="Preparing")
def prepare_dose(work: Work, given: PrepareDose) -> Dose:
    """Note what was drawn up, judged by the cells that it really holds. Vials still reserved go back to the stock;
    those picked are returned or discarded by hand. The dose label is printed."""
    dose = work.lock(Dose, given.dose)
    reserved = vials_of(work, dose, VialState.RESERVED)
    standing = standing_of(work, dose)
    draw = counted_draw(standing)
    row = standing.row
    delivered = int(draw.viable_cells_per_ml * Fraction(given.drawn_ml))
    percent = percent_drawn(row.total_cells_per_ml, row.viability_percent, given.drawn_ml, row.required_cells)
    pooled = _pooled(work, standing)
    facts = PreparationFacts(
        dose=dose.code,
        subject=standing.subject,
        lot=standing.lot,
        drawn_ml=given.drawn_ml,
        computed_ml=draw.drawn_ml,
        mark_ml=draw.mark_ml,
        available_ml=draw.available_ml,
        final_volume_ml=given.final_volume_ml,
        percent=percent,
        tolerance=standing.ward.protocol.dosing.tolerance,
        is_short=draw.is_short,
        short_dose_accepted=dose.short_dose_reason is not None,
        has_reason=given.reason is not None or dose.short_dose_reason is not None,
        limits=load_refusals(standing, delivered, pooled),
        expires_at=standing.row.expires_at,
        now=work.happened,
    )
    work.show(draw=draw.as_json(), delivered_cells=delivered, delivered_percent=str(one_decimal(percent)))
    show_dmso(work, standing, pooled)
    late = told_after(work, "The preparation", dose.counted_at)
    work.judge(dose, *reserved, refusals=[*preparation_refusals(facts), *late])
    dose.draw_ml, dose.final_volume_ml, dose.band_reason = given.drawn_ml, given.final_volume_ml, given.reason
    dose.delivered_cells, dose.delivered_percent = delivered, one_decimal(percent)
    dose.prepared_at, dose.prepared_by_id = work.happened, work.actor.id
    work.transition(dose)
    release(work, reserved)
    print_first(work, Kind.DOSE, dose.code)
    return dose


def _pooled(work: Work, standing: DoseStanding) -> int:
    pooled = select(func.count()).where(Vial.dose_id == standing.row.id, Vial.state == VialState.POOLED)
    return int(work.session.scalar(pooled) or 0)


def show_dmso(work: Work, standing: DoseStanding, vials: int) -> None:
    """DMSO of the day, with what it means: a warning from the protocol's share of the limit on."""
    limits = standing.ward.protocol.limits
    dmso = dmso_of_the_day(standing, standing.plan, vials)
    work.show(dmso_that_day=f"{dmso} g/kg ({dmso_band(dmso, limits)}, limit {limits.dmso_g_per_kg})")


def load_refusals(standing: DoseStanding, delivered: int, vials: int) -> tuple[Refusal, ...]:
    """DMSO of the vials and of the day's other doses, and endotoxin of the cells drawn, per kg, against the limits."""
    row, protocol = standing.row, standing.ward.protocol
    per_million = row.calculation.get("endotoxin_eu_per_million_cells")  # not of a dose that nobody ordered
    weight_kg = weight_for_limits(protocol, row.used_kg)
    endotoxin = per_million and endotoxin_eu_per_kg(Decimal(per_million), delivered, weight_kg)
    return limit_refusals(dmso_of_the_day(standing, standing.plan, vials), endotoxin, protocol.limits)


class DiscardDose(TellingInput):
    """Discard a dose."""

    dose: DoseCode = Field(title="Dose")
    reason: Reason


@act(DiscardDose, likely="rarely")
def discard_dose(work: Work, given: DiscardDose) -> Dose:
    """Destroy a dose after thaw, with its thawed vials. Vials still reserved go back to the stock."""
    dose = work.lock(Dose, given.dose)
    thawed = vials_of(work, dose, VialState.THAWED, VialState.POOLED)
    reserved = vials_of(work, dose, VialState.RESERVED)
    work.show(vials_to_return=[vial.code for vial in vials_of(work, dose, VialState.PICKED)])
    work.judge(dose, *thawed, *reserved)
    dose.outcome_reason = given.reason
    work.transition(dose)
    work.transition_many(Vial, thawed, to=VialState.DISCARDED)
    release(work, reserved)
    note_not_given(work, dose, given.reason)
    return dose
