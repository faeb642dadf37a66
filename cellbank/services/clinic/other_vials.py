"""The vials that a paper form names and that were never kept for its dose: a wrong vial that was really given."""

from collections.abc import Collection

from sqlalchemy import select

from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.paper_vials import COULD_BE_TAKEN, OtherVial, other_vial_refusals
from cellbank.records.clinic import Dose
from cellbank.records.production import Lot, Vial
from cellbank.records.work import Work


def other_vials(work: Work, codes: Collection[str], kept: Collection[str]) -> list[Vial]:
    """Those of `codes` that are not kept for the dose and could have been taken for it, locked. Refuses NOT_FOUND for
    a vial that nobody has."""
    found = work.lock_all(Vial, sorted(set(codes) - set(kept)))
    return [vial for vial in found if vial.state in COULD_BE_TAKEN]


def other_doses(work: Work, vials: Collection[Vial]) -> list[Dose]:
    """The doses that these vials were kept for: they lack one now."""
    ids = {vial.dose_id for vial in vials if vial.dose_id}
    return list(work.session.scalars(select(Dose).where(Dose.id.in_(ids)).order_by(Dose.id))) if ids else []


def refusals_of(work: Work, dose: Dose, vials: Collection[Vial]) -> list[Refusal]:
    """What was not allowed about them."""
    if not vials:
        return []
    doses = {one.id: one.code for one in other_doses(work, vials)}
    ids = {dose.lot_id, *(vial.lot_id for vial in vials)}
    lots = {row.id: row.code for row in work.session.execute(select(Lot.id, Lot.code).where(Lot.id.in_(ids)))}
    facts = [OtherVial(vial.code, lots[vial.lot_id], doses.get(vial.dose_id)) for vial in vials]  # type: ignore[arg-type]
    return list(other_vial_refusals(dose.code, lots[dose.lot_id], facts))
