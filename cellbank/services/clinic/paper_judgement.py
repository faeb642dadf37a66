"""A dose as its paper form tells of it, whole, with every reason against it at the times of the form."""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from cellbank.domain.dose import one_decimal
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.infusion import StopFacts, infusion_refusals, stop_refusals
from cellbank.domain.rules.paper_form import (
    GIVEN_UP,
    PARTS,
    Preparer,
    Step,
    not_told,
    pool_refusals,
    preparer_refusals,
    recorded_otherwise,
    step_refusals,
)
from cellbank.domain.rules.temperature import StoodThrough
from cellbank.domain.rules.thaw import CountFacts, band_refusals, count_refusals, usable_until
from cellbank.domain.telling import order_refusals
from cellbank.records.clinic import Dose
from cellbank.records.people import Person
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.clinic.dosing import vials_of
from cellbank.services.clinic.infusion import infusion_facts
from cellbank.services.clinic.other_vials import exposures_of, other_vials, refusals_of, warming_of
from cellbank.services.clinic.preparing import load_refusals
from cellbank.services.clinic.standing import DoseStanding, dose_standing
from cellbank.services.common import time_refusals
from cellbank.services.storage.places import last_placed_at

if TYPE_CHECKING:
    from cellbank.services.clinic.from_paper import EnterDoseFromPaper

ON_ITS_WAY = ("RESERVED", "PICKED", "THAWED", "POOLED")
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
    by_id: int
    by: str
    drawn_ml: Decimal
    final_volume_ml: Decimal


@dataclass(frozen=True)
class Whole:
    """A dose with all that stands in its record and on its form. `used`: the vials in it, the `others` among them were
    never kept for it. `beside`: another dose stands in its place meanwhile."""

    used: tuple[Vial, ...]
    others: tuple[Vial, ...]
    thaw_started_at: datetime.datetime
    count: Counted
    drawn: DrawnUp
    first_checked_at: datetime.datetime
    second_checked_at: datetime.datetime
    started_at: datetime.datetime
    study_day: int | None
    until: datetime.datetime
    is_short: bool
    delivered: int
    percent: Fraction
    beside: bool


def vials_kept(work: Work, dose: Dose) -> list[Vial]:
    """The vials of a dose that may be in it; of one that was given up those that went with it too."""
    went_with_it = ("DISCARDED",) if dose.state in GIVEN_UP else ()
    return vials_of(work, dose, *ON_ITS_WAY, *went_with_it)


def judge_form(work: Work, dose: Dose, form: "EnterDoseFromPaper") -> tuple[Whole | None, list[Refusal]]:
    """All that is known of the dose, and every reason against it at the times that the form tells. Without the whole:
    neither record nor form says what happened."""
    gaps = _gaps(dose, form)
    if gaps:
        return None, gaps
    started_at = form.started_at or dose.infusion_started_at
    assert started_at is not None  # else it is a gap
    standing = dose_standing(work.session, dose.code, started_at)
    assert standing is not None
    whole, wrong = _whole(work, dose, form, standing, started_at)
    found = [
        *wrong, *order_refusals(started_at, f"Dose {dose.code}", dose.ordered_at),
        *_people(work, dose, form, whole, standing), *_times(work, dose, form, whole),
        *recorded_otherwise(dose.code, dose.state, {vial.code: vial.state for vial in whole.used}),
        *not_told(dose.code, form.not_on_the_form),
        *pool_refusals(dose.code, whole.count.pooled_ml, whole.drawn.drawn_ml, whole.drawn.final_volume_ml),
        *refusals_of(work, dose, whole.others, standing.ward.day(started_at)),
        *_stop(dose, form, whole, standing),
    ]  # fmt: skip
    if dose.infusion_started_at is None:  # else all this was judged when it started
        found += _start(work, dose, whole, standing)
    return whole, list(dict.fromkeys(found))  # each once, though several vials have it from their lot


def _start(work: Work, dose: Dose, whole: Whole, standing: DoseStanding) -> list[Refusal]:
    """What the bedside would have refused."""
    exposures = tuple(StoodThrough(*one) for one in exposures_of(work, whole.used))
    facts = replace(
        infusion_facts(standing, whole.started_at, None), subject=replace(standing.subject, given_on_paper=None),
        viability_percent=whole.count.viability_percent, delivered_percent=one_decimal(whole.percent),
        is_short=whole.is_short, short_dose_accepted=dose.short_dose_reason is not None, expires_at=whole.until,
        exposures=exposures,
    )  # fmt: skip
    tolerance = standing.ward.protocol.dosing.tolerance
    return [
        *infusion_refusals(facts),
        *band_refusals(dose.code, whole.percent, tolerance, has_reason=True),
        *load_refusals(standing, whole.delivered, len(whole.used)),
        *warming_of(work, [vial for vial in whole.used if vial.thawed_at is None], whole.thaw_started_at),
    ]


def _stop(dose: Dose, form: "EnterDoseFromPaper", whole: Whole, standing: DoseStanding) -> tuple[Refusal, ...]:
    if form.volume_given_ml is None:
        return ()
    facts = StopFacts(
        dose=dose.code, prepared_ml=whole.drawn.final_volume_ml, given_ml=form.volume_given_ml,
        delivered_cells=whole.delivered, required_cells=dose.required_cells, protocol=standing.ward.protocol,
        has_reason=form.stop_reason is not None,
    )  # fmt: skip
    return stop_refusals(facts)


def _gaps(dose: Dose, form: "EnterDoseFromPaper") -> list[Refusal]:
    """What neither record nor form says; and what both say."""
    parts = [(name, getattr(dose, column), getattr(form, field)) for field, column, name in PARTS]
    missing = [name for name, known, given in parts if known is None and given is None]
    twice = [name for name, known, given in parts if known is not None and given is not None]
    found = []
    if missing:
        sentence = "Of dose {dose} neither the record nor the form says: {parts}. Enter it from the paper."
        found.append(refuse(Code.CRITERION_OPEN, sentence, dose=dose.code, parts=", ".join(missing)))
    if twice:
        sentence = "The record of dose {dose} has this already: {parts}. Leave it empty."
        found.append(refuse(Code.ALREADY_EXISTS, sentence, dose=dose.code, parts=", ".join(twice)))
    return found


def _whole(
    work: Work, dose: Dose, form: "EnterDoseFromPaper", standing: DoseStanding, started_at: datetime.datetime
) -> tuple[Whole, list[Refusal]]:
    kept = vials_kept(work, dose)
    thawed = [vial.code for vial in kept if vial.thawed_at]
    codes = tuple(form.thaw.vials if form.thaw else thawed)
    starts = [at for at in (dose.thaw_started_at, form.thaw and form.thaw.started_at) if at]
    count, drawn = _counted(dose, form), _drawn_up(work, dose, form)
    rules = standing.ward.protocol
    until = usable_until(rules.thaw, min(starts), count.diluent or NOBODY_KNOWS)
    mine = {vial.code: vial for vial in kept}
    others = tuple(other_vials(work, codes, mine))
    used = tuple([*(mine[code] for code in codes if code in mine), *others])
    # What was thawed for a dose that is on its way went into it, whether or not the form names it.
    went_in = thawed if dose.state not in GIVEN_UP else ()
    facts = CountFacts(
        dose=dose.code, expected=tuple({*went_in, *(vial.code for vial in used)}), scanned=codes, rules=rules.thaw,
        diluent=count.diluent or rules.thaw.diluents[0].code, earlier_diluent=None, started_at=min(starts),
        viability_percent=count.viability_percent, method=count.method,
        total_cells=Fraction(count.total_cells_per_ml) * Fraction(count.pooled_ml),
        cells_per_vial=standing.row.cells_per_vial, problem=None, now=count.at,
    )  # fmt: skip
    per_ml = count.viable_cells_per_ml
    could_be_drawn = per_ml * Fraction(count.pooled_ml - rules.draw.dead_volume_ml)
    delivered = per_ml * Fraction(drawn.drawn_ml)
    return Whole(
        used, others, min(starts), count, drawn,
        dose.first_checked_at or form.first_checked_at, dose.second_checked_at or form.second_checked_at,  # type: ignore[arg-type]
        started_at, standing.plan.study_day, dose.expires_at or until, could_be_drawn < dose.required_cells,
        int(delivered), delivered * 100 / dose.required_cells,
        dose.state in GIVEN_UP and any(other.number == dose.infusion_number for other in standing.ward.others),
    ), list(count_refusals(facts)) if form.count else []  # fmt: skip


def _counted(dose: Dose, form: "EnterDoseFromPaper") -> Counted:
    told = form.count
    if told is None:
        return Counted(
            dose.counted_at, dose.diluent, dose.pooled_ml, dose.total_cells_per_ml, dose.viability_percent,  # type: ignore[arg-type]
            dose.count_method or "",
        )  # fmt: skip
    return Counted(
        told.counted_at, told.diluent, told.pooled_ml, told.total_cells_per_ml, told.viability_percent, told.method
    )


def _drawn_up(work: Work, dose: Dose, form: "EnterDoseFromPaper") -> DrawnUp:
    """What was drawn up, and who did it. Refuses NOT_FOUND for a name that nobody has."""
    made = form.preparation
    who = Person.id == dose.prepared_by_id if made is None else Person.name == made.prepared_by
    person = work.session.execute(select(Person.id, Person.full_name).where(who)).one_or_none()
    if person is None:
        sentence = "Nobody has the sign-in name {name}. Correct who drew the dose up."
        raise Refused([refuse(Code.NOT_FOUND, sentence, name=made and made.prepared_by)])
    if made is None:
        return DrawnUp(dose.prepared_at, person.id, person.full_name, dose.draw_ml, dose.final_volume_ml)  # type: ignore[arg-type]
    return DrawnUp(made.prepared_at, person.id, person.full_name, made.drawn_ml, made.final_volume_ml)


# What the account was then, not what it is now: the first change of its roles afterwards tells what they were before.
_WAS_THEN = text(
    """SELECT coalesce((SELECT c.before -> 'roles' FROM change c JOIN act a ON a.id = c.act_id
                         WHERE c.record_kind = 'person' AND c.record_id = p.id AND c.before ? 'roles' AND a.at > :at
                         ORDER BY c.id LIMIT 1), to_jsonb(p.roles)) ? 'technician' AS had_role,
              EXISTS (SELECT FROM training t WHERE t.person_id = p.id AND t.role = 'technician' AND t.state = 'VALID'
                         AND :on BETWEEN t.trained_on AND t.valid_until) AS was_trained
         FROM person p WHERE p.id = :person"""
)


def _people(
    work: Work, dose: Dose, form: "EnterDoseFromPaper", whole: Whole, standing: DoseStanding
) -> list[Refusal]:
    found, drawn = [], whole.drawn
    if drawn.by_id == work.actor.id:
        sentence = "{person} drew the dose up: another person checks it and signs for its form."
        found.append(refuse(Code.SAME_PERSON, sentence, person=work.actor.full_name))
    if form.preparation:  # else the record knows that they might
        on = standing.ward.day(drawn.at)
        then = work.session.execute(_WAS_THEN, {"person": drawn.by_id, "at": drawn.at, "on": on}).one()
        found += preparer_refusals(Preparer(drawn.by, on, then.had_role, then.was_trained))
    return found


def _times(work: Work, dose: Dose, form: "EnterDoseFromPaper", whole: Whole) -> list[Refusal]:
    """What cannot be about the times: a step to come, or one before its vials were made. What only crosses another
    time is told as it is written."""
    start = Step("The start", whole.started_at)
    steps = [
        Step("The putting away of its vials", last_placed_at(work.session, whole.used)),
        Step("The thaw", whole.thaw_started_at), Step("The count", whole.count.at),
        Step("The preparation", whole.drawn.at), Step("The first check", whole.first_checked_at),
        Step("The second check", whole.second_checked_at), start, Step("The end", form.stopped_at),
    ]  # fmt: skip
    seen = [start, Step("The reaction", form.reaction.happened_at)] if form.reaction else []
    known = {one.called: one.at for one in (*steps, *seen) if one.at}
    return [
        *(one for called, at in known.items() for one in time_refusals(work, called, at)),
        *work.made_later({vial.lot_id: vial for vial in whole.used}.values(), min(known.values())),
        *step_refusals(dose.code, steps), *step_refusals(dose.code, seen),
    ]  # fmt: skip


