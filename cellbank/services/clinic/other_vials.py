"""The vials that a paper form names and that were never kept for its dose: a wrong vial that was really given."""

import datetime
from collections.abc import Collection, Sequence

from sqlalchemy import Row, select, text

from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.paper_vials import (
    AT_ANOTHER_SITE,
    COULD_BE_TAKEN,
    ELSEWHERE,
    OF_NOBODY,
    OtherVial,
    other_vial_refusals,
)
from cellbank.domain.rules.standing import lot_refusals
from cellbank.domain.rules.warming import warming_refusals
from cellbank.records.clinic import Dose
from cellbank.records.production import Lot, Vial
from cellbank.records.work import Work
from cellbank.services.clinic.standing import STOOD_THROUGH, lot_standing
from cellbank.services.storage.warming import spent_by


def other_vials(work: Work, codes: Collection[str], kept: Collection[str]) -> tuple[list[Vial], dict[str, str]]:
    """Of `codes` those that are not kept for the dose: which could have been taken for it, locked, and where each other
    one is recorded to be. What nobody has was written on the form all the same."""
    others = sorted(set(codes) - set(kept))
    known = set(work.session.scalars(select(Vial.code).where(Vial.code.in_(others)))) if others else set()
    could_be, elsewhere = [], {code: OF_NOBODY for code in others if code not in known}
    for vial in work.lock_all(Vial, sorted(known)):
        if vial.state not in COULD_BE_TAKEN:
            elsewhere[vial.code] = ELSEWHERE[vial.state]
        elif work.elsewhere(vial):
            elsewhere[vial.code] = AT_ANOTHER_SITE
        else:
            could_be.append(vial)
    return could_be, elsewhere


def other_doses(work: Work, vials: Collection[Vial]) -> list[Dose]:
    """The doses that these vials were kept for: they lack one now."""
    ids = {vial.dose_id for vial in vials if vial.dose_id}
    return list(work.session.scalars(select(Dose).where(Dose.id.in_(ids)).order_by(Dose.id))) if ids else []


def refusals_of(work: Work, dose: Dose, vials: Collection[Vial], on: datetime.date) -> list[Refusal]:
    """What was not allowed about them, each judged by the lot that it is of, on the date on which it was given."""
    if not vials:
        return []
    doses = {one.id: one.code for one in other_doses(work, vials)}
    ids = {dose.lot_id, *(vial.lot_id for vial in vials)}
    lots = {row.id: row.code for row in work.session.execute(select(Lot.id, Lot.code).where(Lot.id.in_(ids)))}
    facts = [OtherVial(vial.code, lots[vial.lot_id], doses.get(vial.dose_id or 0)) for vial in vials]
    strange = sorted({vial.lot_id for vial in vials} - {dose.lot_id})
    of_lots = [one for lot in strange for one in lot_refusals(lot_standing(work.session, lot, dose.subject_id, on))]
    return [*other_vial_refusals(dose.code, lots[dose.lot_id], facts), *of_lots]


def warming_of(work: Work, vials: Collection[Vial], until: datetime.datetime) -> list[Refusal]:
    """Which of these vials were out of the cold for too long before that."""
    spent = spent_by(work.session, [vial.id for vial in vials], until) if vials else {}
    return [
        one
        for vial in vials
        if vial.id in spent
        for one in warming_refusals(vial.code, spent[vial.id], "Its cells may not be given.")
    ]


_EXPOSED = text(
    f"SELECT v.code, e.code, e.category, e.state {STOOD_THROUGH} AND v.id = ANY(:vials) ORDER BY v.id, e.id"
)


def exposures_of(work: Work, vials: Collection[Vial]) -> Sequence[Row[str, str, str, str]]:
    """What these vials stood through, but for what was accepted: vial, excursion, its kind and state."""
    return work.session.execute(_EXPOSED, {"vials": [vial.id for vial in vials]}).all()
