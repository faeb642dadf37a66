"""A count, a volume or a time of a dose put right: what it delivers worked out again, and judged by the rules of the
step that noted it."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select

from cellbank.domain.correction import UNCHECKED
from cellbank.domain.dose import DrawVolume, is_short, one_decimal, percent_drawn, volume_to_draw
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.correction import check_warnings
from cellbank.domain.rules.preparing import band_refusals
from cellbank.domain.rules.thaw import CountFacts, count_refusals, time_left_refusals, usable_until
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Lot, Vial
from cellbank.records.work import Work
from cellbank.services.clinic.preparing import load_refusals
from cellbank.services.clinic.standing import DoseStanding, standing_of
from cellbank.services.quality.correcting_draft import Draft, Effect

COUNT = ("pooled_ml", "total_cells_per_ml", "viability_percent")
USED = (VialState.POOLED, VialState.INFUSED)


def of_dose(work: Work, dose: Dose, column: str, right: Any) -> Effect:
    """What a right value of a dose means for it."""
    standing = standing_of(work, dose)
    effect = _effect(work, dose)
    draft = effect.draft
    before = _judged(work, standing, draft, dose)
    draft.put(dose, column, right)
    effect.follows, effect.comes_before = _between(work, dose, column)
    if column in (*COUNT, "draw_ml"):
        effect.refusals += _drawn(standing, draft, dose, counted=column in COUNT)
    effect.refusals += [*_volumes(draft, dose), *_new(before, lambda: _judged(work, standing, draft, dose))]
    if column == "infusion_started_at":
        draft.put(dose, "study_day", _study_day(dose, standing, right))
    return effect


def of_vial(work: Work, vial: Vial, column: str, right: Any) -> Effect:
    """When a vial was thawed, put right: the clock of its dose runs from the first one."""
    assert vial.dose_id is not None  # of every thawed vial, by a CHECK
    dose = work.lock_id(Dose, vial.dose_id)
    standing = standing_of(work, dose)
    effect = _effect(work, dose)
    draft = effect.draft
    before = _judged(work, standing, draft, dose)
    draft.put(vial, column, right)
    thawed = work.session.scalars(select(Vial).where(Vial.dose_id == dose.id, Vial.thawed_at.is_not(None)))
    first = min(draft.get(one, "thawed_at") for one in thawed)
    draft.put(dose, "thaw_started_at", first)
    if dose.expires_at is not None:
        draft.put(dose, "expires_at", usable_until(standing.ward.protocol.thaw, first, dose.diluent))
    effect.follows, effect.comes_before = vial.picked_at, dose.counted_at
    effect.refusals += _new(before, lambda: _judged(work, standing, draft, dose))
    effect.about.append(vial)
    return effect


def _effect(work: Work, dose: Dose) -> Effect:
    about = [dose, work.session.get_one(Subject, dose.subject_id), work.session.get_one(Lot, dose.lot_id)]
    is_given = dose.infusion_started_at is not None
    return Effect(Draft(), warnings=list(check_warnings(dose.code, dose.state)), about=about, is_out=is_given)


def unchecked(draft: Draft, dose: Dose) -> str:
    """The state of a dose after it was put right: what was checked is checked again, by two people, from the
    beginning."""
    state = UNCHECKED.get(dose.state, dose.state)
    if state != dose.state:
        for name in ("first_checked", "second_checked"):
            draft.put(dose, f"{name}_at", None)
            draft.put(dose, f"{name}_by_id", None)
    return state


def _between(work: Work, dose: Dose, column: str) -> tuple[Any, Any]:
    """Between which times a time of the dose lies."""
    thawed = select(func.max(Vial.thawed_at)).where(Vial.dose_id == dose.id)
    return {
        "counted_at": (work.session.scalar(thawed), dose.prepared_at),
        "prepared_at": (dose.counted_at, dose.first_checked_at),
        "infusion_started_at": (dose.second_checked_at, dose.infusion_stopped_at),
        "infusion_stopped_at": (dose.infusion_started_at, None),
    }.get(column, (None, None))


# --- what it holds ----------------------------------------------------------------------------


def _draw(standing: DoseStanding, draft: Draft, dose: Dose) -> DrawVolume:
    """What was to be drawn from the pool, by the right count. Raises ValueError where it cannot be."""
    rules = standing.ward.protocol.draw
    pooled, per_ml, viability = (draft.get(dose, name) for name in COUNT)
    return volume_to_draw(dose.required_cells, per_ml, viability, pooled, rules.dead_volume_ml, rules.marks)


def _drawn(standing: DoseStanding, draft: Draft, dose: Dose, *, counted: bool) -> Iterable[Refusal]:
    """Lay over what the dose holds by the right figures; or say why they cannot be."""
    pooled, per_ml, viability, drawn = (draft.get(dose, name) for name in (*COUNT, "draw_ml"))
    if None in (pooled, per_ml, viability):
        return ()  # it was never noted: that is said elsewhere
    if counted:
        dead = standing.ward.protocol.draw.dead_volume_ml
        draft.put(dose, "is_short", is_short(dose.required_cells, per_ml, viability, pooled, dead))
    if drawn is None:
        return ()  # nobody knows what was drawn
    try:
        draw = _draw(standing, draft, dose)
    except ValueError as problem:
        return (refuse(Code.FIGURES_CONTRADICT, "Dose {dose}: {problem}", dose=dose.code, problem=str(problem)),)
    if counted and dose.prepared_at is None:
        draft.put(dose, "draw_ml", draw.drawn_ml)
    held = draw.viable_cells_per_ml * Fraction(draft.get(dose, "draw_ml"))
    draft.put(dose, "delivered_cells", int(held))
    percent = percent_drawn(per_ml, viability, draft.get(dose, "draw_ml"), dose.required_cells)
    draft.put(dose, "delivered_percent", one_decimal(percent))
    return ()


def _volumes(draft: Draft, dose: Dose) -> Iterable[Refusal]:
    """Nothing holds less than was put into it, and no more was given and left than there was."""
    names = ("draw_ml", "final_volume_ml", "pooled_ml", "volume_given_ml", "residual_ml")
    drawn, final, pooled, given, left = (draft.get(dose, name) for name in names)
    parts = (Decimal(given or 0) + Decimal(left or 0), "given and left"), (drawn, "drawn")
    for volume, what in parts:
        if final is not None and dose.prepared_at is not None and volume is not None and volume > final:
            sentence = "Dose {dose}: {volume} mL {what} cannot be of {final} mL prepared."
            yield refuse(Code.FIGURES_CONTRADICT, sentence, dose=dose.code, volume=volume, what=what, final=final)
    if drawn is not None and pooled is not None and drawn > pooled:
        sentence = "Dose {dose}: {drawn} mL cannot be drawn of a pool of {pooled} mL."
        yield refuse(Code.FIGURES_CONTRADICT, sentence, dose=dose.code, drawn=drawn, pooled=pooled)


# --- what was not allowed by it ---------------------------------------------------------------


def _new(before: Iterable[Refusal], judge: Callable[[], Iterable[Refusal]]) -> list[Refusal]:
    """What is not allowed by the right values and was by those that stood there."""
    known = {one.code for one in before}
    return [one for one in judge() if one.code not in known]


def _judged(work: Work, standing: DoseStanding, draft: Draft, dose: Dose) -> list[Refusal]:
    """The count, the band, the loads and the clock of the dose, by the values laid over."""
    return [
        *_count(work, standing, draft, dose),
        *_held(work, standing, draft, dose),
        *_in_time(draft, dose),
    ]


def _count(work: Work, standing: DoseStanding, draft: Draft, dose: Dose) -> Iterable[Refusal]:
    pooled, per_ml, viability = (draft.get(dose, name) for name in COUNT)
    counted, started = draft.get(dose, "counted_at"), draft.get(dose, "thaw_started_at")
    if None in (pooled, per_ml, viability, counted, started) or dose.diluent is None or dose.count_method is None:
        return ()
    vials = tuple(work.session.scalars(select(Vial.code).where(Vial.dose_id == dose.id, Vial.state.in_(USED))))
    facts = CountFacts(
        dose=dose.code,
        expected=vials,
        scanned=vials,
        rules=standing.ward.protocol.thaw,
        diluent=dose.diluent,
        earlier_diluent=None,
        started_at=started,
        viability_percent=viability,
        method=dose.count_method,
        total_cells=Fraction(per_ml) * Fraction(pooled),
        cells_per_vial=standing.row.cells_per_vial,
        problem=None,
        now=counted,
    )
    return count_refusals(facts) if vials else ()


def _held(work: Work, standing: DoseStanding, draft: Draft, dose: Dose) -> Iterable[Refusal]:
    """Of a dose that is drawn up: a reason for an unusual percent is the reason of the correction."""
    delivered = draft.get(dose, "delivered_cells")
    if dose.prepared_at is None or delivered is None:
        return ()
    vials = work.session.scalar(select(func.count()).where(Vial.dose_id == dose.id, Vial.state.in_(USED)))
    percent = Fraction(delivered * 100, dose.required_cells)
    bands = band_refusals(dose.code, percent, standing.ward.protocol.dosing.tolerance, has_reason=True)
    return (*bands, *load_refusals(standing, delivered, int(vials or 0)))


def _in_time(draft: Draft, dose: Dose) -> Iterable[Refusal]:
    started = draft.get(dose, "infusion_started_at")
    until = draft.get(dose, "expires_at")
    return time_left_refusals(dose.code, until, started) if started is not None else ()


def _study_day(dose: Dose, standing: DoseStanding, started: Any) -> int | None:
    """The day of the study on which it was given by the right time."""
    if dose.infusion_started_at is None or dose.study_day is None:
        return dose.study_day
    day = standing.ward.day
    moved = (day(started) - day(dose.infusion_started_at)).days
    return dose.study_day + moved if dose.study_day > 1 else dose.study_day
