"""From the tank to the labelled syringe: pick, thaw, count, draw up. The clock runs from the first vial's thaw."""

import datetime
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.dose import DrawVolume, volume_to_draw
from cellbank.domain.lifecycle.states import DoseState, VialState
from cellbank.domain.rules.picking import DewarFacts, PickFacts, ReturnFacts, VialFacts, pick_refusals, return_refusals
from cellbank.domain.rules.thaw import CountFacts, ThawFacts, count_refusals, thaw_refusals, usable_until
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Lot, Vial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.clinic.dosing import vials_of
from cellbank.services.clinic.standing import DoseStanding, dmso_of_the_day, standing_of
from cellbank.services.common import told_after
from cellbank.services.inputs import (
    Cells,
    DoseCode,
    OneLine,
    Percentage,
    StorageCode,
    VialCode,
    VialCodes,
    VolumeMl,
)
from cellbank.services.storage.places import Position, end_placement, find_places, last_placed_at, place_vials
from cellbank.services.storage.units import out_of_service, unit_called
from cellbank.services.storage.warming import spent_by
from cellbank.services.storage.whereabouts import Whereabouts, pick_order, whereabouts


def _vial_facts(work: Work, vial: Vial) -> VialFacts:
    kept = select(Dose.code, Subject.code).join(Subject, Subject.id == Dose.subject_id).where(Dose.id == vial.dose_id)
    row = work.session.execute(kept).one_or_none() if vial.dose_id else None
    return VialFacts(vial.code, *(row or (None, None)))


# --- pick and return --------------------------------------------------------------------------


@dataclass(frozen=True)
class PickLine:
    """One vial on the pick list of a dose: where it stands, how it is. `spare`: it stays there until it is called."""

    vial: str
    number: int
    place: str
    state: str
    box: str = ""
    line: tuple[str, ...] = ()
    spare: bool = False


IN_HAND = (VialState.PICKED, VialState.THAWED, VialState.POOLED)  # out of the tank for its dose


def pick_list(session: Session, dose_code: str) -> list[PickLine]:
    """The vials of a dose that stand in the tank, in its order, those that are spare last. Print it before the tank is
    opened."""
    dose = session.scalars(select(Dose).where(Dose.code == dose_code)).one_or_none()
    if dose is None:
        return []
    of_dose = session.scalars(
        select(Vial).where(Vial.dose_id == dose.id, Vial.state.in_((VialState.RESERVED, *IN_HAND)))
    ).all()
    vials = pick_order(session, [vial for vial in of_dose if vial.state == VialState.RESERVED])
    lacking = max(dose.vials_needed + dose.spares_called - (len(of_dose) - len(vials)), 0)
    places = whereabouts(session, [vial.id for vial in vials])
    return [_pick_line(vial, places.get(vial.id), spare=number > lacking) for number, vial in enumerate(vials, start=1)]


def _pick_line(vial: Vial, place: Whereabouts | None, *, spare: bool) -> PickLine:
    if place is None:
        return PickLine(vial.code, vial.number, "", vial.state, spare=spare)
    return PickLine(vial.code, vial.number, place.text, vial.state, place.box, place.line, spare)


class PickVial(TellingInput):
    """Pick a vial."""

    dose: DoseCode = Field(title="Dose")
    box: StorageCode = Field(title="Box")
    vial: VialCode = Field(title="Vial")
    dewar: StorageCode | None = Field(
        default=None, title="Transfer dewar", description="Empty: carried in the open; its time runs from now."
    )


@act(PickVial, stage="Picking")
def pick_vial(work: Work, given: PickVial) -> Dose:
    """Take a reserved vial out of its place: its time out of the cold runs from now, or from when the dewar keeps cold
    no more. The dose is picked when as many vials as it needs are. Refuses the spare vial unless it was called."""
    dose = work.lock(Dose, given.dose)
    vial = work.lock(Vial, given.vial)
    standing = standing_of(work, dose)
    place = whereabouts(work.session, [vial.id]).get(vial.id)
    dewar = work.find(StorageUnit, given.dewar) if given.dewar else None
    in_hand = len(vials_of(work, dose, *IN_HAND))
    box = select(StorageUnit.code).join(Placement, Placement.box_id == StorageUnit.id)
    facts = PickFacts(
        vial=_vial_facts(work, vial),
        dose=dose.code,
        subject=standing.subject,
        lot=standing.lot,
        plan=standing.plan,
        stands_in=work.session.scalar(box.where(Placement.vial_id == vial.id, Placement.taken_at.is_(None))),
        box_scanned=given.box,
        place=place.text if place else None,
        warmed=spent_by(work.session, [vial.id]).get(vial.id),
        in_hand=in_hand,
        wanted=dose.vials_needed + dose.spares_called,
        dewar=_dewar_facts(dewar) if dewar else None,
    )
    picked = in_hand + 1
    work.show(picked=picked, needed=dose.vials_needed, spare=dose.vials_spare)
    becomes = DoseState.PICKED if dose.state == DoseState.ORDERED and picked >= dose.vials_needed else dose.state
    late = told_after(work, "The pick", last_placed_at(work.session, [vial]))
    work.judge(dose, vial, refusals=[*pick_refusals(facts), *late], to=becomes)
    end_placement(work, [vial], into=dewar)
    vial.picked_at = work.happened
    work.transition(vial)
    if becomes != dose.state:
        work.transition(dose, to=becomes)
    return dose


def _dewar_facts(unit: StorageUnit) -> DewarFacts:
    stopped = out_of_service(unit)
    return DewarFacts(unit_called(unit), unit.type, unit.cold_minutes is not None, stopped.reason if stopped else None)


class ReturnVial(TellingInput):
    """Return a picked vial."""

    vial: VialCode = Field(title="Vial")
    box: StorageCode = Field(title="Box")
    position: Position | None = Field(default=None, title="Position", description="Empty: the next free one.")


@act(ReturnVial, likely="rarely", stage="Picking")
def return_vial(work: Work, given: ReturnVial) -> Vial:
    """Put a picked vial back into the cold, free for any dose. Refuses one that warmed too long, or that is needed."""
    # The dose is locked first, as everywhere; the vial is read again under its own lock.
    dose_id = work.session.scalar(select(Vial.dose_id).where(Vial.code == given.vial))
    dose = work.lock_id(Dose, dose_id) if dose_id else None
    vial = work.lock(Vial, given.vial)
    box_id, places, _ = find_places(work, given.box, [vial.code], [given.position] if given.position else [])
    facts = ReturnFacts(
        vial=vial.code,
        warmed=spent_by(work.session, [vial.id], work.happened).get(vial.id),
        dose=dose.code if dose else None,
        still_needed=_lacking_without(work, dose) if dose else 0,
    )
    late = told_after(work, "The return", vial.picked_at)
    work.judge(vial, refusals=[*return_refusals(facts), *places.refusals, *late])
    place_vials(work, box_id, [vial.id], places.positions, work.happened)
    vial.dose_id, vial.picked_at = None, None
    work.transition(vial)
    return vial


def _lacking_without(work: Work, dose: Dose) -> int:
    """How many vials a dose that is still to be thawed would lack if one were taken away."""
    if dose.state not in (DoseState.ORDERED, DoseState.PICKED):
        return 0
    return dose.vials_needed - (len(vials_of(work, dose, VialState.RESERVED, VialState.PICKED)) - 1)


# --- thaw -------------------------------------------------------------------------------------


class ThawVial(TellingInput):
    """Thaw a vial."""

    dose: DoseCode = Field(title="Dose")
    vial: VialCode = Field(title="Vial")


@act(ThawVial, stage="Thawing")
def thaw_vial(work: Work, given: ThawVial) -> Dose:
    """Start the thaw of a picked vial now. The first one starts the clock; nothing thawed goes back."""
    dose = work.lock(Dose, given.dose)
    vial = work.lock(Vial, given.vial)
    work.share(Lot, dose.lot_id)
    standing = standing_of(work, dose)
    # The clock runs from the first vial, in whatever order they are told of.
    started_at = min(dose.thaw_started_at or work.happened, work.happened)
    until = usable_until(standing.ward.protocol.thaw, started_at, dose.diluent)
    facts = ThawFacts(
        vial=_vial_facts(work, vial),
        dose=dose.code,
        subject=standing.subject,
        lot=standing.lot,
        plan=standing.plan,
        weight=standing.weight,
        expires_at=until if dose.thaw_started_at else None,
        was_counted=dose.state == DoseState.COUNTED,
        is_short=bool(dose.is_short),
        dmso_g_per_kg=dmso_of_the_day(
            standing, standing.plan, len(vials_of(work, dose, VialState.THAWED, VialState.POOLED)) + 1
        ),
        now=work.happened,
        warmed=spent_by(work.session, [vial.id], work.happened).get(vial.id),
    )
    work.show(thaw_started_at=started_at.isoformat(), usable_until=until.isoformat())
    late = told_after(work, "The thaw", vial.picked_at)
    work.judge(dose, vial, refusals=[*thaw_refusals(facts), *late])
    dose.thaw_started_at, dose.expires_at = started_at, until if dose.expires_at else None
    # An acceptance of a short dose was for the pool as it stood.
    dose.short_dose_reason = None
    vial.thawed_at = work.happened
    work.transition(vial, dose)
    return dose


# --- pool and count ---------------------------------------------------------------------------


class PoolAndCount(TellingInput):
    """Pool and count."""

    dose: DoseCode = Field(title="Dose")
    vials: VialCodes = Field(title="Vials in the pool", description="Every thawed vial of the dose, each scanned.")
    diluent: OneLine = Field(title="Diluent")
    pooled_ml: VolumeMl = Field(title="Pooled volume")
    total_cells_per_ml: Cells = Field(title="Total cells per mL")
    viability_percent: Percentage = Field(title="Viability")
    method: OneLine = Field(title="Method of the viability")


@act(PoolAndCount, stage="Preparing")
def pool_and_count(work: Work, given: PoolAndCount) -> Dose:
    """Note the count of the pool, and calculate from it the volume that holds the dose; a short dose is shown at once,
    with what would help while there is time. A pool that got another vial is counted again."""
    dose = work.lock(Dose, given.dose)
    vials = vials_of(work, dose, VialState.THAWED, VialState.POOLED)
    standing = standing_of(work, dose)
    draw, problem = _draw(standing, given)
    facts = CountFacts(
        dose=dose.code,
        expected=tuple(vial.code for vial in vials),
        scanned=tuple(given.vials),
        rules=standing.ward.protocol.thaw,
        diluent=given.diluent,
        earlier_diluent=dose.diluent,
        started_at=dose.thaw_started_at or work.happened,
        viability_percent=given.viability_percent,
        method=given.method,
        total_cells=Fraction(given.total_cells_per_ml) * Fraction(given.pooled_ml),
        cells_per_vial=standing.row.cells_per_vial,
        problem=problem,
        now=work.happened,
    )
    if draw:
        work.show(draw=draw.as_json(), **_way_out(work, dose, draw))
    thawed = max((vial.thawed_at for vial in vials if vial.thawed_at), default=None)
    work.judge(dose, *vials, refusals=[*count_refusals(facts), *told_after(work, "The count", thawed)])
    assert draw is not None
    # Told late, another diluent than the first count's may pass: it never keeps the cells for longer.
    diluents = {dose.diluent or given.diluent, given.diluent}
    until = min(usable_until(facts.rules, facts.started_at, one) for one in diluents)
    _note_count(work, dose, given, draw, until)
    work.transition_many(Vial, [vial for vial in vials if vial.state == VialState.THAWED])
    work.transition(dose)
    return dose


def _draw(standing: DoseStanding, given: PoolAndCount) -> tuple[DrawVolume | None, str | None]:
    """What to draw from the pool, or why nothing can be."""
    rules = standing.ward.protocol.draw
    try:
        return volume_to_draw(
            standing.row.required_cells,
            given.total_cells_per_ml,
            given.viability_percent,
            given.pooled_ml,
            rules.dead_volume_ml,
            rules.marks,
        ), None
    except ValueError as problem:
        return None, str(problem)


def _way_out(work: Work, dose: Dose, draw: DrawVolume) -> dict[str, Any]:
    """For a short dose: how many vials more would hold the shortfall, and how many the dose still has."""
    if not draw.is_short:
        return {"is_short": False}
    per_vial = Fraction(dose.calculation["viable_cells_per_vial"])
    frozen = vials_of(work, dose, VialState.RESERVED, VialState.PICKED)
    return {
        "is_short": True,
        "shortfall_cells": draw.shortfall_cells,
        "vials_more": ceil(draw.shortfall_cells / per_vial),
        "vials_still_frozen": [vial.code for vial in frozen],
    }


def _note_count(work: Work, dose: Dose, given: PoolAndCount, draw: DrawVolume, until: datetime.datetime) -> None:
    dose.diluent, dose.pooled_ml, dose.count_method = given.diluent, given.pooled_ml, given.method
    dose.total_cells_per_ml, dose.viability_percent = given.total_cells_per_ml, given.viability_percent
    dose.counted_at, dose.expires_at = work.happened, until
    dose.draw_ml, dose.delivered_cells, dose.delivered_percent = draw.drawn_ml, draw.delivered_cells, draw.percent_shown
    dose.is_short = draw.is_short
