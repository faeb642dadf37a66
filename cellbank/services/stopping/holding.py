"""Holds: a stop on a donor, a reagent lot, a storage unit or a lot. It reaches every lot below, also one that is frozen
later. What is below is the database's to say (`lots_reached`, `lot_holds`), so that the acts and its own rules agree.
"""

import datetime
from collections.abc import Sequence

from sqlalchemy import func, select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import HoldState, LotState
from cellbank.records.production import Donation, Donor, Lot, ReagentLot
from cellbank.records.quality import Hold, TestResult
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Excursion
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.stopping.conditional_ends import end_releases
from cellbank.services.stopping.notices import tell_clinicians

# Only a frozen lot is stopped by its state; one still being filled is stopped when it is frozen (see `held`).
STOPPED_FROM = (LotState.QUARANTINE, LotState.RELEASED)
Holdable = Donor | Lot | ReagentLot | StorageUnit


def lock_lot(work: Work, code: str) -> Lot:
    """The lot, locked, and its donor kept from changing: the donor first, in the order in which a withdrawal locks."""
    origin = select(Donation.donor_id).join(Lot, Lot.donation_id == Donation.id).where(Lot.code == code)
    donor_id = work.session.scalar(origin)
    if donor_id is not None:
        work.share(Donor, donor_id)
    return work.lock(Lot, code)


def lots_reached(work: Work, subject: Holdable, since: datetime.datetime | None = None) -> list[Lot]:
    """Every lot that a hold on this record reaches, locked in the order of their ids (in a dry run only read): those
    made from it; for a storage unit those with vials in it now, or at any time since. Lock the record itself before.
    """
    reached = select(func.lots_reached(subject.kind, subject.id, since or work.now))
    statement = select(Lot).where(Lot.id.in_(reached)).execution_options(populate_existing=True)
    if not work.dry_run:
        statement = statement.with_for_update(of=Lot, key_share=True)
    return list(work.session.scalars(statement.order_by(Lot.id)))


def place_hold(
    work: Work,
    subject: Holdable,
    *,
    reason: str,
    since: datetime.datetime | None = None,
    excursion: Excursion | None = None,
) -> Hold:
    """Stop every lot below a record; call it after the judgement, with the record locked. `since`: when the storage
    unit failed, if that was earlier; `excursion`: through which vials of the lot stood.

    Lots in quarantine or released go ON_HOLD and remember where they were; their conditional releases end; clinicians
    of doses get their notice. The answer names them.
    """
    stopped = [lot for lot in lots_reached(work, subject, since) if lot.state in STOPPED_FROM]
    codes = [lot.code for lot in stopped]
    work.transition_many(Lot, stopped, to=LotState.ON_HOLD, state_before_hold=Lot.state)
    hold = Hold(code=new_code(work, Kind.HOLD), reason=reason, placed_at=since or work.now)
    hold.excursion_id = excursion.id if excursion else None
    setattr(hold, f"{subject.kind}_id", subject.id)
    work.add(hold)
    end_releases(work, stopped, f"Hold {hold.code}: {reason}")
    work.show(hold=hold.code, lots_stopped=codes)
    tell_clinicians(work, excursion or subject, reason, since)
    return hold


def reactive_results(results: Sequence[TestResult]) -> list[TestResult]:
    """Those of these results that find a donor reactive."""
    return [one for one in results if one.donor_id is not None and one.verdict == "OUT_OF_SPECIFICATION"]


def hold_reactive_donors(work: Work, reactive: Sequence[TestResult]) -> None:
    """Stop everything of each donor whose blood was confirmed reactive: one hold that names her results. Call it after
    the judgement."""
    by_donor: dict[int, list[str]] = {}
    for result in reactive:
        by_donor.setdefault(result.donor_id or 0, []).append(f"{result.test} ({result.code})")
    for donor_id, found in sorted(by_donor.items()):
        place_hold(work, work.lock_id(Donor, donor_id), reason=f"Donor found reactive: {', '.join(found)}")


def holds_on(work: Work, subject: Holdable) -> list[Hold]:
    """The holds in force on this very record."""
    on_it = select(Hold).where(getattr(Hold, f"{subject.kind}_id") == subject.id, Hold.state == HoldState.PLACED)
    return list(work.session.scalars(on_it.order_by(Hold.id)))


def held(work: Work, lot: Lot) -> bool:
    """Whether a hold reaches this lot, through whatever it came from or stands in. The lot is locked: a hold placed in
    the same second either is seen here, or waits and finds the lot as this act leaves it."""
    return work.session.scalar(select(func.lot_holds(lot.id)).limit(1)) is not None
