"""A dose on another day than it was planned for: what was asked when it was ordered is asked again for that day."""

import dataclasses
import datetime

from pydantic import Field

from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.rules.dosing import NewDayFacts, new_day_refusals
from cellbank.domain.rules.plan import PlanFacts, pick_day_refusals
from cellbank.records.clinic import Dose
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.clinic.dosing import lock_dose, vials_of
from cellbank.services.clinic.standing import DoseStanding, dmso_of_the_day, lot_standing, standing_of
from cellbank.services.inputs import Date, DoseCode, Reason


class PlanDoseAnew(SignedInput):
    """Plan a dose anew."""

    dose: DoseCode = Field(title="Dose")
    planned_on: Date | None = Field(default=None, title="Planned for", description="Empty: today.")
    reason: Reason = Field(title="Reason for the other day")
    deviation_reason: Reason | None = Field(
        default=None, title="Reason for a day outside the window", description="Signed as a deviation for that day."
    )


@act(PlanDoseAnew, likely="rarely")
def plan_dose_anew(work: Work, given: PlanDoseAnew) -> Dose:
    """Move a dose that is not given yet to another day. The window, the rest between infusions, the weight and the
    lot are judged for that day; a thawed dose keeps its time. Names the picked vials that go back to the cold."""
    dose = lock_dose(work, given.dose)
    standing = standing_of(work, dose)
    plan = _plan(work, given, standing)
    thawed = vials_of(work, dose, VialState.THAWED, VialState.POOLED)
    begins_at = standing.ward.start_of(plan.on)
    facts = NewDayFacts(
        dose=dose.code,
        subject=standing.subject,
        lot=lot_standing(work.session, dose.lot_id, dose.subject_id, plan.on),
        plan=plan,
        weight=standing.ward.weight_facts(standing.row.subject, max(work.now, begins_at), standing.row.used_kg),
        was_on=dose.planned_on,
        today=standing.ward.day(work.now),
        day_begins_at=begins_at,
        expires_at=dose.expires_at,
        dmso_g_per_kg=dmso_of_the_day(standing, plan, len(thawed) or dose.vials_needed),
    )
    work.show(was_planned_on=dose.planned_on.isoformat(), planned_on=plan.on.isoformat(), study_day=plan.study_day)
    if pick_day_refusals(_as_planned(standing.plan, plan.on)):
        work.show(vials_to_return=[vial.code for vial in vials_of(work, dose, VialState.PICKED)])
    work.judge(dose, refusals=new_day_refusals(facts))
    dose.planned_on, dose.planned_anew_because = plan.on, given.reason
    dose.deviation_reason = given.deviation_reason  # one for another day says nothing about this one
    work.transition(dose)
    return dose


def _plan(work: Work, given: PlanDoseAnew, standing: DoseStanding) -> PlanFacts:
    """The plan of the infusion on the new day; the last instant meant is the end of that day."""
    ward = standing.ward
    on = given.planned_on or ward.day(work.now)
    return PlanFacts(
        protocol=ward.protocol,
        number=standing.row.infusion_number,
        on=on,
        latest_at=ward.start_of(on + datetime.timedelta(days=1)),
        others=ward.others,
        deviation_on=on if given.deviation_reason else None,
    )


def _as_planned(today: PlanFacts, on: datetime.date) -> PlanFacts:
    """How the plan stands today, were the dose planned for that day."""
    return dataclasses.replace(today, planned_on=on)
