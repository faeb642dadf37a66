"""A dose as its paper form tells of it, whole: what was counted, drawn up, checked and given, and the columns of it."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cellbank.domain.dose import is_short, living_per_ml, one_decimal, percent_drawn
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.rules.paper_form import GIVEN_UP
from cellbank.domain.rules.thaw import usable_until
from cellbank.records.clinic import Dose, DosePaper
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.clinic.dosing import vials_of
from cellbank.services.clinic.other_vials import other_vials
from cellbank.services.clinic.paper_inputs import EnterDoseFromPaper
from cellbank.services.clinic.paper_people import Named, as_written, of_id
from cellbank.services.clinic.standing import DoseStanding

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
        return living_per_ml(self.total_cells_per_ml, self.viability_percent)


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


def whole_of(
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
        percent=percent_drawn(count.total_cells_per_ml, count.viability_percent, drawn.drawn_ml, dose.required_cells)
        if count and drawn
        else None,
        beside=dose.given_beside
        or (dose.state in GIVEN_UP and any(one.number == dose.infusion_number for one in standing.ward.others)),
    )


def _is_short(dose: Dose, standing: DoseStanding, count: Counted | None) -> bool | None:
    """Whether the pool holds fewer cells than the dose needs."""
    if count is None:
        return None
    dead = standing.ward.protocol.draw.dead_volume_ml
    return is_short(dose.required_cells, count.total_cells_per_ml, count.viability_percent, count.pooled_ml, dead)


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
