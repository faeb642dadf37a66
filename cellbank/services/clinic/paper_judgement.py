"""A dose as its paper form tells of it, whole, with every reason against it at the times of the form."""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cellbank.domain.dose import one_decimal
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.dosing import limit_refusals
from cellbank.domain.rules.infusion import StopFacts, infusion_refusals, stop_refusals
from cellbank.domain.rules.paper_form import (
    DILUENT,
    GIVEN_UP,
    PARTS,
    VOLUME_GIVEN,
    Part,
    Step,
    doer_refusals,
    left_out,
    not_told,
    own_work_refusals,
    pool_refusals,
    recorded_otherwise,
    step_refusals,
    told_twice,
    unordered_refusals,
)
from cellbank.domain.rules.temperature import StoodThrough
from cellbank.domain.rules.thaw import CountFacts, band_refusals, count_refusals, usable_until
from cellbank.domain.telling import WRITTEN
from cellbank.records.clinic import Dose, DosePaper
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.clinic.dosing import vials_of
from cellbank.services.clinic.infusion import infusion_facts
from cellbank.services.clinic.other_vials import exposures_of, other_vials, refusals_of, warming_of
from cellbank.services.clinic.paper_inputs import EnterDoseFromPaper
from cellbank.services.clinic.paper_people import CHECKED, DREW, Named, as_written, doer, of_id
from cellbank.services.clinic.preparing import load_refusals
from cellbank.services.clinic.standing import DoseStanding, dmso_of_the_day, dose_standing
from cellbank.services.common import time_refusals
from cellbank.services.storage.places import last_placed_at

ON_ITS_WAY = (VialState.RESERVED, VialState.PICKED, VialState.THAWED, VialState.POOLED)
# Cells in a diluent that nobody knows are judged by the worst of those that the protocol has.
NOBODY_KNOWS = "not known"


@dataclass(frozen=True)
class Counted:
    """The pool as it was counted; `diluent` is None where nobody knows it."""

    at: datetime.datetime
    diluent: str | None
    pooled_ml: Decimal
    total_cells_per_ml: int
    viability_percent: Decimal
    method: str

    @property
    def viable_cells_per_ml(self) -> Fraction:
        """Living cells in one mL of the pool, exact."""
        return Fraction(self.total_cells_per_ml) * Fraction(self.viability_percent) / 100


@dataclass(frozen=True)
class DrawnUp:
    """What was drawn from the pool, by whom."""

    at: datetime.datetime
    by: Named
    drawn_ml: Decimal
    final_volume_ml: Decimal


@dataclass(frozen=True)
class Checked:
    """One check at the bed. `is_told`: the form says it, the record does not."""

    at: datetime.datetime
    by: Named
    is_told: bool


@dataclass(frozen=True)
class Whole:
    """A dose with all that stands in its record and on its form; None is what nobody knows. `used`: the vials in it,
    the `others` among them were never kept for it; `left_out` were thawed for it and are not named, `elsewhere` (code →
    state) are named and cannot have been taken. `beside`: another dose stands in its place meanwhile."""

    used: tuple[Vial, ...]
    others: tuple[Vial, ...]
    left_out: tuple[str, ...]
    elsewhere: dict[str, str]
    thaw_started_at: datetime.datetime
    count: Counted | None
    drawn: DrawnUp | None
    first: Checked | None
    second: Checked | None
    started_at: datetime.datetime
    study_day: int | None
    until: datetime.datetime
    is_short: bool | None
    delivered: int | None
    percent: Fraction | None
    beside: bool


def vials_kept(work: Work, dose: Dose) -> list[Vial]:
    """The vials of a dose that may be in it; of one that was given up those that went with it too."""
    went_with_it = (VialState.DISCARDED,) if dose.state in GIVEN_UP else ()
    return vials_of(work, dose, *ON_ITS_WAY, *went_with_it)


def judge_form(
    work: Work, dose: Dose, form: EnterDoseFromPaper, entered: DosePaper | None = None
) -> tuple[Whole | None, list[Refusal]]:
    """All that is known of the dose, and every reason against it at the times that the form tells. Without the whole:
    neither record nor form says what happened. `entered` is the form that is being confirmed: then it is known who
    checked the dose, also where the form names nobody."""
    gaps = _gaps(dose, form)
    if gaps:
        return None, gaps
    started_at = dose.infusion_started_at or form.started_at
    assert started_at is not None  # else it is a gap
    standing = dose_standing(work.session, dose.code, started_at)
    assert standing is not None
    whole = _whole(work, dose, form, standing, started_at, entered)
    found = [
        *unordered_refusals(dose.code, dose.state, started_at, dose.ordered_at),
        *_people(work, dose, form, whole, standing), *_times(work, dose, form, whole),
        *recorded_otherwise(dose.code, dose.state, {vial.code: vial.state for vial in whole.used}),
        *left_out(dose.code, whole.left_out, whole.elsewhere),
        *told_twice(dose.code, _twice(dose, form)), *not_told(dose.code, _not_known(dose, form)),
        *refusals_of(work, dose, whole.others, standing.ward.day(started_at)),
        *_figures(dose, form, whole, standing),
    ]  # fmt: skip
    if dose.infusion_started_at is None:  # else all this was judged when it started
        found += _start(work, dose, whole, standing)
    return whole, list(dict.fromkeys(found))  # each once, though several vials have it from their lot


# --- what is told -----------------------------------------------------------------------------


def _gaps(dose: Dose, form: EnterDoseFromPaper) -> list[Refusal]:
    """What neither record nor form says, nor that nobody knows it."""
    missing = [
        part.called
        for part in PARTS
        if getattr(dose, part.column) is None
        and getattr(form, part.field) is None
        and part.unknown not in form.not_on_the_form
    ]
    if not missing:
        return []
    sentence = (
        "Neither the record of dose {dose} nor the form tells: {parts}. Enter it; what nobody knows, or was not done, "
        "is marked so."
    )
    return [refuse(Code.CRITERION_OPEN, sentence, dose=dose.code, parts=", ".join(missing))]


def _twice(dose: Dose, form: EnterDoseFromPaper) -> list[Part]:
    """The parts that both tell, and not alike. The thaw is one with the count."""
    return [
        part
        for part in PARTS
        if part.field != "thaw"
        and getattr(dose, part.column) is not None
        and getattr(form, part.field) is not None
        and not (part.stays and abs(getattr(form, part.field) - getattr(dose, part.column)) < WRITTEN)
    ]


def _not_known(dose: Dose, form: EnterDoseFromPaper) -> list[str]:
    """What the form does not tell and the record has not either."""
    recorded = {part.unknown for part in PARTS if getattr(dose, part.column) is not None}
    if dose.diluent is not None:
        recorded.add(DILUENT)
    return [one for one in form.not_on_the_form if one not in recorded or one == VOLUME_GIVEN]


def _whole(
    work: Work,
    dose: Dose,
    form: EnterDoseFromPaper,
    standing: DoseStanding,
    started_at: datetime.datetime,
    entered: DosePaper | None,
) -> Whole:
    kept = vials_kept(work, dose)
    thawed = [vial.code for vial in kept if vial.thawed_at]
    codes = tuple(form.thaw.vials if form.thaw else thawed)
    starts = [at for at in (dose.thaw_started_at, form.thaw and form.thaw.started_at) if at]
    count, drawn = _counted(dose, form), _drawn_up(work, dose, form)
    until = usable_until(standing.ward.protocol.thaw, min(starts), (count and count.diluent) or NOBODY_KNOWS)
    mine = {vial.code: vial for vial in kept}
    others, elsewhere = other_vials(work, codes, mine)
    # What was thawed for a dose that is on its way went into it, unless the form names other vials.
    went_in = thawed if dose.state not in GIVEN_UP else []
    delivered = count.viable_cells_per_ml * Fraction(drawn.drawn_ml) if count and drawn else None
    return Whole(
        used=tuple([*(mine[code] for code in codes if code in mine), *others]),
        others=tuple(others),
        left_out=tuple(code for code in went_in if code not in codes),
        elsewhere=elsewhere,
        thaw_started_at=min(starts),
        count=count,
        drawn=drawn,
        first=_checked(work, dose, form, "first", entered.entered_by_id if entered else work.actor.id),
        second=_checked(work, dose, form, "second", work.actor.id if entered else None),
        started_at=started_at,
        study_day=standing.plan.study_day,
        until=until if form.count or dose.expires_at is None else dose.expires_at,
        is_short=_is_short(dose, standing, count),
        delivered=None if delivered is None else int(delivered),
        percent=None if delivered is None else delivered * 100 / dose.required_cells,
        beside=dose.given_beside
        or (dose.state in GIVEN_UP and any(one.number == dose.infusion_number for one in standing.ward.others)),
    )


def _is_short(dose: Dose, standing: DoseStanding, count: Counted | None) -> bool | None:
    """Whether the pool holds fewer cells than the dose needs."""
    if count is None:
        return None
    could_be_drawn = Fraction(count.pooled_ml - standing.ward.protocol.draw.dead_volume_ml)
    return count.viable_cells_per_ml * could_be_drawn < dose.required_cells


def _counted(dose: Dose, form: EnterDoseFromPaper) -> Counted | None:
    if told := form.count:
        return Counted(
            told.counted_at, told.diluent, told.pooled_ml, told.total_cells_per_ml, told.viability_percent, told.method
        )
    if dose.counted_at is None:
        return None
    # of a dose that was counted
    assert dose.pooled_ml is not None and dose.total_cells_per_ml is not None and dose.viability_percent is not None
    return Counted(
        dose.counted_at,
        dose.diluent,
        dose.pooled_ml,
        dose.total_cells_per_ml,
        dose.viability_percent,
        dose.count_method or "",
    )


def _drawn_up(work: Work, dose: Dose, form: EnterDoseFromPaper) -> DrawnUp | None:
    if told := form.preparation:
        return DrawnUp(told.prepared_at, as_written(work, told.prepared_by), told.drawn_ml, told.final_volume_ml)
    if dose.prepared_at is None or dose.prepared_by_id is None:
        return None
    assert dose.draw_ml is not None and dose.final_volume_ml is not None  # of a dose that was drawn up
    return DrawnUp(dose.prepared_at, of_id(work, dose.prepared_by_id), dose.draw_ml, dose.final_volume_ml)


def _checked(work: Work, dose: Dose, form: EnterDoseFromPaper, which: str, signs: int | None) -> Checked | None:
    """One check: as it is recorded; else by whom the form names, or by the one of its two people who `signs` for it."""
    at, by_id = getattr(dose, f"{which}_checked_at"), getattr(dose, f"{which}_checked_by_id")
    if at is not None and by_id is not None:
        return Checked(at, of_id(work, by_id), is_told=False)
    told, named = getattr(form, f"{which}_checked_at"), getattr(form, f"{which}_checked_by")
    if told is None:
        return None
    if named:
        return Checked(told, as_written(work, named), is_told=True)
    return Checked(told, of_id(work, signs) if signs else Named(None, ""), is_told=True)


# --- what speaks against it -------------------------------------------------------------------


def _people(work: Work, dose: Dose, form: EnterDoseFromPaper, whole: Whole, standing: DoseStanding) -> list[Refusal]:
    """Who did it, as they stood then; and that nobody signs for their own work."""
    drawn, checks = whole.drawn, [one for one in (whole.first, whole.second) if one and one.by.name]
    drew = None if drawn is None else doer(work, drawn.by, DREW, drawn.at, standing.ward.day(drawn.at))
    checked = {one: doer(work, one.by, CHECKED, one.at, standing.ward.day(one.at)) for one in checks}
    told = [*([drew] if drew and form.preparation else []), *(checked[one] for one in checks if one.is_told)]
    found = [one for each in told for one in doer_refusals(each)]  # else the record knows that they might
    found += own_work_refusals(
        dose.code, drew, *(checked.get(one) if one else None for one in (whole.first, whole.second))
    )
    if drawn and drawn.by.id == work.actor.id:
        sentence = "{person} drew the dose up: another person signs for its form."
        found.append(refuse(Code.SAME_PERSON, sentence, person=work.actor.full_name))
    return found


def _times(work: Work, dose: Dose, form: EnterDoseFromPaper, whole: Whole) -> list[Refusal]:
    """What cannot be about the times: a step to come, or one before its vials were made. What only crosses another
    time is told as it is written."""
    done = (whole.count, whole.drawn, whole.first, whole.second)
    called = ("The count", "The preparation", "The first check", "The second check")
    start = Step("The start", whole.started_at)
    steps = [
        Step("The putting away of its vials", last_placed_at(work.session, whole.used)),
        Step("The thaw", whole.thaw_started_at),
        *(Step(name, None if one is None else one.at) for name, one in zip(called, done, strict=True)),
        start,
        Step("The end", form.stopped_at),
    ]
    seen = [start, Step("The reaction", form.reaction.happened_at)] if form.reaction else []
    known = {one.called: one.at for one in (*steps, *seen) if one.at}
    return [
        *(one for name, at in known.items() for one in time_refusals(work, name, at)),
        *work.made_later({vial.lot_id: vial for vial in whole.used}.values(), min(known.values())),
        *step_refusals(dose.code, steps),
        *step_refusals(dose.code, seen),
    ]


def _figures(dose: Dose, form: EnterDoseFromPaper, whole: Whole, standing: DoseStanding) -> list[Refusal]:
    """What was not allowed about count and volumes, and which of them contradict each other."""
    count, drawn, rules = whole.count, whole.drawn, standing.ward.protocol.thaw
    found: list[Refusal] = []
    if form.count and count:
        codes = tuple(form.thaw.vials) if form.thaw else tuple(vial.code for vial in whole.used)
        facts = CountFacts(
            dose=dose.code,
            expected=codes,
            scanned=codes,
            rules=rules,
            diluent=count.diluent or rules.diluents[0].code,
            earlier_diluent=None,
            started_at=whole.thaw_started_at,
            viability_percent=count.viability_percent,
            method=count.method,
            total_cells=Fraction(count.total_cells_per_ml) * Fraction(count.pooled_ml),
            cells_per_vial=standing.row.cells_per_vial,
            problem=None,
            now=count.at,
        )
        found += count_refusals(facts)
    if count and drawn:
        found += pool_refusals(dose.code, count.pooled_ml, drawn.drawn_ml, drawn.final_volume_ml)
    if drawn and whole.delivered is not None and form.volume_given_ml is not None:
        stop = StopFacts(
            dose=dose.code,
            prepared_ml=drawn.final_volume_ml,
            given_ml=form.volume_given_ml,
            delivered_cells=whole.delivered,
            required_cells=dose.required_cells,
            protocol=standing.ward.protocol,
            has_reason=form.stop_reason is not None,
        )
        found += stop_refusals(stop)
    return found


def _start(work: Work, dose: Dose, whole: Whole, standing: DoseStanding) -> list[Refusal]:
    """What the bedside would have refused."""
    exposures = tuple(StoodThrough(*one) for one in exposures_of(work, whole.used))
    percent = whole.percent
    facts = replace(
        infusion_facts(standing, whole.started_at, None),
        subject=replace(standing.subject, given_on_paper=None),
        viability_percent=whole.count.viability_percent if whole.count else None,
        delivered_percent=None if percent is None else one_decimal(percent),
        is_short=bool(whole.is_short),
        short_dose_accepted=dose.short_dose_reason is not None,
        expires_at=whole.until,
        exposures=exposures,
    )
    protocol, vials = standing.ward.protocol, len(whole.used)
    found = [
        *infusion_refusals(facts),
        *warming_of(work, [vial for vial in whole.used if vial.thawed_at is None], whole.thaw_started_at),
    ]
    if percent is None or whole.delivered is None:
        return [*found, *limit_refusals(dmso_of_the_day(standing, standing.plan, vials), None, protocol.limits)]
    return [
        *found,
        *band_refusals(dose.code, percent, protocol.dosing.tolerance, has_reason=True),
        *load_refusals(standing, whole.delivered, vials),
    ]


# --- what is written --------------------------------------------------------------------------


def columns_of(dose: Dose, form: EnterDoseFromPaper, whole: Whole) -> dict[str, Any]:
    """What a form writes into its dose: what it tells, and what follows from it. What was recorded while it happened
    stays. A check by whoever drew the dose up, or made the first one, was none."""
    told: dict[str, Any] = {
        "thaw_started_at": whole.thaw_started_at, "expires_at": whole.until, "infusion_stopped_at": form.stopped_at,
        "given_beside": whole.beside, "volume_given_ml": form.volume_given_ml, "outcome_reason": form.stop_reason,
    }  # fmt: skip
    if count := form.count:
        told |= {
            "diluent": count.diluent,
            "pooled_ml": count.pooled_ml,
            "count_method": count.method,
            "total_cells_per_ml": count.total_cells_per_ml,
            "counted_at": count.counted_at,
            "viability_percent": count.viability_percent,
            "is_short": whole.is_short,
        }
    if whole.drawn is None:  # what was reckoned for a preparation of which nobody knows
        told |= {"draw_ml": None, "delivered_cells": None, "delivered_percent": None}
    elif (form.count or form.preparation) and whole.percent is not None:
        told |= {"delivered_cells": whole.delivered, "delivered_percent": one_decimal(whole.percent)}
    if form.preparation and whole.drawn:
        told |= {
            "draw_ml": whole.drawn.drawn_ml,
            "final_volume_ml": whole.drawn.final_volume_ml,
            "prepared_at": whole.drawn.at,
            "prepared_by_id": whole.drawn.by.id,
        }
    before = [whole.drawn.by.id] if whole.drawn else []
    for which, check in (("first", whole.first), ("second", whole.second)):
        if check and check.is_told:
            by_id = None if check.by.id in before else check.by.id
            told |= {f"{which}_checked_at": check.at, f"{which}_checked_by_id": by_id}
        before += [check.by.id] if check else []
    if dose.infusion_started_at is None:
        told |= {"infusion_started_at": whole.started_at, "study_day": whole.study_day}
    return told
