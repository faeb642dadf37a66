"""Every reason against a dose that a paper form tells of, at the times of the form."""

from dataclasses import replace
from fractions import Fraction

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.dosing import limit_refusals
from cellbank.domain.rules.infusion import StopFacts, infusion_refusals, stop_refusals
from cellbank.domain.rules.paper_form import (
    DILUENT,
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
from cellbank.domain.rules.preparing import band_refusals
from cellbank.domain.rules.temperature import StoodThrough
from cellbank.domain.rules.thaw import CountFacts, count_refusals
from cellbank.domain.telling import WRITTEN
from cellbank.records.clinic import Dose, DosePaper
from cellbank.records.work import Work
from cellbank.services.clinic.infusion import infusion_facts
from cellbank.services.clinic.other_vials import exposures_of, refusals_of, warming_of
from cellbank.services.clinic.paper_inputs import EnterDoseFromPaper
from cellbank.services.clinic.paper_people import CHECKED, DREW, doer
from cellbank.services.clinic.paper_whole import Whole, whole_of
from cellbank.services.clinic.preparing import load_refusals
from cellbank.services.clinic.standing import DoseStanding, dmso_of_the_day, dose_standing
from cellbank.services.common import time_refusals
from cellbank.services.storage.places import last_placed_at


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
    whole = whole_of(work, dose, form, standing, started_at, entered)
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
        delivered_percent=percent,
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
