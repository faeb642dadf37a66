"""The bedside: two checks by two people, the infusion itself, and the account of what is left.

Labels and wristbands arrive as the scanner sent them and are read inside the act, so that a wrong or garbled scan is a
refused act with its raw text in the trail, and not a form that was never sent.
"""

import datetime
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.dose import given_cells, given_percent, is_short, one_decimal, percent_drawn
from cellbank.domain.garbled import Garbled
from cellbank.domain.lifecycle.states import DoseState, VialState
from cellbank.domain.refusals import Code, Refusal
from cellbank.domain.rules.infusion import (
    BedsideFacts,
    InfusionFacts,
    ReconciliationFacts,
    StopFacts,
    ended_refusals,
    infusion_refusals,
    is_mismatch,
    label_kind_refusals,
    reconciliation_refusals,
    stop_refusals,
    wristband_kind_refusals,
)
from cellbank.domain.rules.temperature import StoodThrough
from cellbank.domain.scans import Scan, read_scan
from cellbank.domain.telling import past_limit_refusals
from cellbank.records.clinic import Dose, Reaction
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.clinic.dosing import lock_dose, vials_of
from cellbank.services.clinic.standing import DoseStanding, dose_standing, standing_of
from cellbank.services.clinic.stopped_before import stopped_before
from cellbank.services.common import told_after
from cellbank.services.inputs import DoseCode, Reason, Text, VialCodes, VolumeMl

# What a scanner sent, spaces and all.
RawScan = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=False)]


class CheckDose(TellingInput, SignedInput):
    """Check a dose at the bedside."""

    dose_label: RawScan = Field(title="Dose label", json_schema_extra={"scan": ["DS"], "raw": True})
    wristband: RawScan = Field(title="Wristband", json_schema_extra={"scan": ["SJ"], "raw": True})
    read_back: RawScan = Field(
        title="Read back", description="The second identifier or the birth date, as the patient or the chart says it."
    )


@act(CheckDose, stage="Bedside", second_open=True, judges_identity=True)
def check_dose(work: Work, given: CheckDose) -> Dose:
    """GO or STOP: two people, one after the other, scan label and wristband. Every hard stop is asked each time."""
    label, wristband = read_scan(given.dose_label), read_scan(given.wristband)
    if not isinstance(label, Scan) or label_kind_refusals(label):
        work.judge(refusals=[*label_kind_refusals(label), *wristband_kind_refusals(wristband)])
    assert isinstance(label, Scan)
    # A dry run locks nothing and reads everything in one statement; where there is no such dose, `lock` says so.
    locked = None if work.dry_run else lock_dose(work, label.code)
    standing = dose_standing(work.session, label.code, work.happened)
    dose = locked or (_as_read(standing) if standing else work.lock(Dose, label.code))
    assert standing is not None
    verdict = bedside_verdict(work.session, standing, label, wristband, given.read_back, work.happened)
    work.show(bedside=verdict.shown)
    late = told_after(work, "The check", standing.row.first_checked_at or standing.row.prepared_at)
    late += _told_past_expiry(work, standing, given) + stopped_before(work, dose.code)
    work.judge(dose, refusals=[*ended_refusals(dose.code, dose.state), *verdict.refusals, *late])
    if dose.state == DoseState.PREPARED:
        dose.first_checked_by_id, dose.first_checked_at = work.actor.id, work.happened
    else:
        dose.second_checked_by_id, dose.second_checked_at = work.actor.id, work.happened
    work.transition(dose)
    return dose


def _told_past_expiry(work: Work, standing: DoseStanding, given: TellingInput) -> tuple[Refusal, ...]:
    """Nobody goes back behind an expiry without a word. Of minutes ago the word stays in the trail with what was given,
    and lets nothing else pass."""
    if work.told_at is None:
        return ()
    why = given.entered_late_because
    return past_limit_refusals(work.title, work.told_at, work.now, standing.row.expires_at, why)


@dataclass(frozen=True)
class Verdict:
    """Whether the dose may be given to this patient, and what the screen shows beside it."""

    refusals: tuple[Refusal, ...]
    shown: dict[str, Any]


def _as_read(standing: DoseStanding) -> Dose:
    """As much of the dose as its judgement asks, in no session: to look at, not to write."""
    names = ("id", "site_id", "code", "state", "prepared_by_id", "first_checked_by_id")
    return Dose(**{name: getattr(standing.row, name) for name in names})


def bedside_verdict(
    session: Session,
    standing: DoseStanding,
    label: Scan,
    wristband: Scan | Garbled,
    read_back: str,
    now: datetime.datetime,
) -> Verdict:
    """Judge the scans of the bedside and the dose as it stands. No statement more, but after a mismatch one that counts
    those before."""
    row = standing.row
    bedside = BedsideFacts(
        label=label,
        wristband=wristband,
        read_back=read_back,
        second_identifier=row.second_identifier,
        born_on=row.born_on,
        label_expires=label_time(standing),
    )
    facts = infusion_facts(standing, now, bedside)
    refusals = infusion_refusals(facts)
    if any(map(is_mismatch, refusals)):
        earlier = _mismatches(session, standing)
        refusals = infusion_refusals(replace(facts, bedside=replace(bedside, earlier_mismatches=earlier)))
    return Verdict(refusals, _shown(standing))


def infusion_facts(standing: DoseStanding, now: datetime.datetime, bedside: BedsideFacts | None) -> InfusionFacts:
    """What the rule of the last check asks."""
    row = standing.row
    return InfusionFacts(
        dose=row.code,
        protocol=standing.ward.protocol,
        subject=standing.subject,
        lot=standing.lot,
        plan=standing.plan,
        weight=standing.weight,
        viability_percent=row.viability_percent,
        delivered_percent=_percent(standing),
        is_short=_is_short(standing),
        short_dose_accepted=row.short_dose_reason is not None,
        expires_at=row.expires_at,
        bedside=bedside,
        now=now,
        exposures=tuple(StoodThrough(*one) for one in row.exposures),
    )


def _percent(standing: DoseStanding) -> Fraction | None:
    """What was drawn, worked out anew: nothing is believed that stands beside the count."""
    row = standing.row
    if None in (row.total_cells_per_ml, row.viability_percent, row.draw_ml):
        return None
    return percent_drawn(row.total_cells_per_ml, row.viability_percent, row.draw_ml, row.required_cells)


def _is_short(standing: DoseStanding) -> bool:
    row = standing.row
    if None in (row.total_cells_per_ml, row.viability_percent, row.pooled_ml):
        return False
    dead = standing.ward.protocol.draw.dead_volume_ml
    return is_short(row.required_cells, row.total_cells_per_ml, row.viability_percent, row.pooled_ml, dead)


def label_time(standing: DoseStanding) -> datetime.datetime | None:
    """The expiry as the current label carries it: site time, to the minute, without a zone."""
    at: datetime.datetime | None = standing.row.expires_at
    return None if at is None else at.astimezone(standing.ward.zone).replace(tzinfo=None, second=0, microsecond=0)


def _shown(standing: DoseStanding) -> dict[str, Any]:
    """What two people compare with the label and the patient."""
    row = standing.row
    instants = {name: getattr(row, name) for name in ("thaw_started_at", "expires_at")}
    return {
        "dose": row.code,
        "subject": row.subject,
        "trial_number": row.trial_number,
        "infusion_number": row.infusion_number,
        "day": row.day,
        "study_day": standing.plan.study_day,
        "lot": row.lot,
        "delivered_cells": row.delivered_cells,
        "final_volume_ml": None if row.final_volume_ml is None else str(row.final_volume_ml),
        **{name: at and at.isoformat() for name, at in instants.items()},
    }


# An act `a` at which label, wristband or patient did not belong together: a refused check, or an old label at the first
# scan. The dose is known by the raw text of its label as it was scanned.
MISMATCHED = """(a.name = 'check_dose' AND a.outcome = 'refused' AND (a.refusals @> '[{"code": "WRISTBAND_MISMATCH"}]'
    OR a.refusals @> '[{"code": "DOSE_LABEL_MISMATCH"}]')
    OR a.name = 'report_unreadable_scan' AND a.given->>'reason_code' = 'DOSE_LABEL_MISMATCH')"""
LABEL_SCANNED = "replace(coalesce(a.given->>'dose_label', a.given->>'raw'), ' ', '')"
_MISMATCHES = text(
    f"""SELECT count(*) FROM act a
        WHERE a.name IN ('check_dose', 'report_unreadable_scan') AND a.at >= :since
          AND position(:dose IN {LABEL_SCANNED}) > 0 AND {MISMATCHED}"""
)


def _mismatches(session: Session, standing: DoseStanding) -> int:
    since = standing.row.prepared_at or standing.row.ordered_at
    return int(session.execute(_MISMATCHES, {"dose": standing.row.code, "since": since}).scalar_one())


class StartInfusion(TellingInput):
    """Start an infusion."""

    dose: DoseCode = Field(title="Dose")


@act(StartInfusion, stage="Bedside")
def start_infusion(work: Work, given: StartInfusion) -> Dose:
    """Start a dose that two people have checked, now. All that may have changed since the checks is asked again."""
    dose = lock_dose(work, given.dose)  # with its subject: two infusions of one cannot start side by side
    standing = standing_of(work, dose)
    work.show(bedside=_shown(standing))
    late = told_after(work, "The start", dose.second_checked_at) + _told_past_expiry(work, standing, given)
    late += stopped_before(work, dose.code)
    work.judge(dose, refusals=[*infusion_refusals(infusion_facts(standing, work.happened, None)), *late])
    dose.infusion_started_at, dose.study_day = work.happened, standing.plan.study_day
    work.transition(dose)
    return dose


class StopInfusion(TellingInput):
    """Stop an infusion."""

    dose: DoseCode = Field(title="Dose")
    volume_given_ml: VolumeMl = Field(title="Volume given")
    reason: Reason | None = Field(default=None, title="Reason, if it was stopped early")


@act(StopInfusion, stage="Bedside")
def stop_infusion(work: Work, given: StopInfusion) -> Dose:
    """Note the end of an infusion and the volume given. Refuses more than was prepared, and much less without a
    reason."""
    dose = work.lock(Dose, given.dose)
    pooled = vials_of(work, dose, VialState.POOLED)
    refusals: tuple[Refusal, ...] = ()
    if dose.state == DoseState.INFUSING:
        assert dose.final_volume_ml is not None and dose.delivered_cells is not None  # of a dose that was drawn up
        facts = StopFacts(
            dose=dose.code,
            prepared_ml=dose.final_volume_ml,
            given_ml=given.volume_given_ml,
            delivered_cells=dose.delivered_cells,
            required_cells=dose.required_cells,
            protocol=standing_of(work, dose).ward.protocol,
            has_reason=given.reason is not None,
        )
        refusals = stop_refusals(facts)
        _show_given(work, facts)
    work.judge(dose, refusals=[*refusals, *told_after(work, "The end", dose.infusion_started_at)])
    dose.infusion_stopped_at, dose.volume_given_ml = work.happened, given.volume_given_ml
    dose.outcome_reason = given.reason
    work.transition(dose)
    work.transition_many(Vial, pooled)
    return dose


def _show_given(work: Work, facts: StopFacts) -> None:
    """What went in, as the database computes it from the same figures."""
    volumes = (facts.delivered_cells, facts.given_ml, facts.prepared_ml)
    percent = given_percent(*volumes, facts.required_cells)
    work.show(given_cells=given_cells(*volumes), given_percent=str(one_decimal(percent)))


class RecordReaction(TellingInput):
    """Record a reaction."""

    dose: DoseCode = Field(title="Dose")
    serious: bool = Field(
        title="Serious",
        description="Death, danger to life, hospital stay begun or prolonged, lasting harm, or as grave in your "
        "judgement. Then the next dose waits for a clinician's signed decision.",
    )
    reaction: Text = Field(title="Reaction", description="What was seen and what was done.")


@act(RecordReaction)
def record_reaction(work: Work, given: RecordReaction) -> Dose:
    """Note a reaction during or after the infusion, beside those noted before. After a serious one the subject gets no
    further dose before a clinician has decided. One of before the start is noted too, and points at the times: the
    patient had it, whatever clock was read wrong."""
    dose = lock_dose(work, given.dose)
    work.warn(
        one for one in told_after(work, "The reaction", dose.infusion_started_at) if one.code is Code.OUT_OF_ORDER
    )
    work.judge(dose)
    work.note(
        Reaction(
            dose_id=dose.id,
            is_serious=given.serious,
            text=given.reaction,
            happened_at=work.happened,
            noted_at=work.now,
            noted_by_id=work.actor.id,
        )
    )
    return dose


class ReconcileInfusion(TellingInput):
    """Reconcile an infusion."""

    dose: DoseCode = Field(title="Dose")
    residual_ml: VolumeMl = Field(title="Left over")
    vials: VialCodes = Field(title="Empty vials", description="Every vial that went into the pool, each scanned.")


@act(ReconcileInfusion, stage="Bedside")
def reconcile_infusion(work: Work, given: ReconcileInfusion) -> Dose:
    """Account for the residual and the empty vials. A vial too few or too many is refused and named."""
    dose = work.lock(Dose, given.dose)
    refusals: tuple[Refusal, ...] = ()
    if dose.state == DoseState.INFUSED:
        facts = ReconciliationFacts(
            dose=dose.code,
            prepared_ml=dose.final_volume_ml,
            given_ml=dose.volume_given_ml,
            residual_ml=given.residual_ml,
            scanned=tuple(given.vials),
            expected=tuple(vial.code for vial in vials_of(work, dose, VialState.INFUSED)),
        )
        refusals = reconciliation_refusals(facts)
    work.judge(dose, refusals=refusals)
    dose.residual_ml = given.residual_ml
    work.transition(dose)
    return dose
