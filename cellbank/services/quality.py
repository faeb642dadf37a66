"""What a quality officer decides about a lot: released, rejected, recalled, held, free again. All of it signed but the
hold: stopping is everybody's duty and needs no password."""

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.rules.hold import LiftFacts, LotToReturn, RecallFacts, lift_refusals, recall_refusals
from cellbank.domain.rules.release import release_criteria
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Donation, Donor, Lot
from cellbank.records.quality import Hold
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import specification_of
from cellbank.services.holding import lots_below, place_hold
from cellbank.services.inputs import LotCode, Reason, Text, scanned
from cellbank.services.release_board import (
    ReleaseBoard,
    consent_states,
    lot_results,
    release_board,
    release_facts,
)

__all__ = ["ReleaseBoard", "release_board"]

HoldCode = scanned(Kind.HOLD)


class ReleaseLot(SignedInput):
    """Release a lot."""

    lot: LotCode = Field(title="Lot")
    note: Text | None = Field(default=None, title="Note")


@act(ReleaseLot)
def release_lot(work: Work, given: ReleaseLot) -> Lot:
    """Release, signed by somebody who performed nothing in the lot. Refuses every criterion that is not met.

    The answer keeps the board as it stood at this moment.
    """
    lot = _lock_lot(work, given.lot)
    criteria = release_criteria(release_facts(work.session, lot, work.now))
    work.show(criteria=[{"title": line.title, "met": line.met, "evidence": line.evidence} for line in criteria])
    work.judge(lot, refusals=[line.refusal for line in criteria if line.refusal is not None])
    work.transition(lot)
    return lot


def _lock_lot(work: Work, code: str) -> Lot:
    """The lot, locked, and its donor kept from changing: the donor first, in the order in which a withdrawal locks."""
    origin = select(Donation.donor_id).join(Lot, Lot.donation_id == Donation.id).where(Lot.code == code)
    donor_id = work.session.scalar(origin)
    if donor_id is not None:
        work.share(Donor, donor_id)
    return work.lock(Lot, code)


class RejectLot(SignedInput):
    """Reject a lot."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(RejectLot)
def reject_lot(work: Work, given: RejectLot) -> Lot:
    """Reject for good; signed by somebody who performed nothing in the lot. The answer names the doses made of it."""
    lot = _lock_lot(work, given.lot)
    work.show(doses=_doses_of(work, lot))
    work.judge(lot)
    lot.state_before_hold = None
    work.transition(lot)
    return lot


class RecallLot(SignedInput):
    """Recall a lot."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(RecallLot)
def recall_lot(work: Work, given: RecallLot) -> Lot:
    """Call a lot back that had been released. The answer names every dose made of it, given or still to come.

    Refuses a lot that was put on hold before it was ever released.
    """
    lot = _lock_lot(work, given.lot)
    work.show(doses=_doses_of(work, lot))
    work.judge(lot, refusals=recall_refusals(RecallFacts(lot.code, lot.state_before_hold)))
    lot.state_before_hold = None
    work.transition(lot)
    return lot


def _doses_of(work: Work, lot: Lot) -> list[dict[str, str]]:
    """Who has to be told: each dose from this lot that was not cancelled, with its subject and how far it went."""
    columns = select(Dose.code, Dose.state, Subject.code).join(Subject, Subject.id == Dose.subject_id)
    rows = work.session.execute(columns.where(Dose.lot_id == lot.id, Dose.state != "CANCELLED").order_by(Dose.id))
    return [{"dose": dose, "state": state, "subject": subject} for dose, state, subject in rows]


class HoldLot(ActInput):
    """Put a lot on hold."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(HoldLot)
def hold_lot(work: Work, given: HoldLot) -> Hold:
    """Stop a lot at once. One that is still being filled is stopped when it is frozen."""
    lot = _lock_lot(work, given.lot)
    work.judge(lot, Hold)
    return place_hold(work, lot=lot, reason=given.reason)


class LiftHold(SignedInput):
    """Lift a hold."""

    hold: HoldCode = Field(title="Hold")
    reason: Reason


@act(LiftHold)
def lift_hold(work: Work, given: LiftHold) -> Hold:
    """Lift a hold; each lot that no other hold reaches goes back to exactly where it was.

    Refuses while the donor's consent is withdrawn or she is ineligible, and where a lot would be released again
    although a result now speaks against it. Signed by somebody who performed nothing in these lots.
    """
    donor, reached = _lock_reached(work, given.hold)
    hold = work.lock(Hold, given.hold)
    returning = _without_other_hold(work, hold, donor, reached)
    work.show(lots_returned={lot.code: lot.state_before_hold for lot in returning})
    work.judge(hold, *returning, refusals=lift_refusals(_lift_facts(work, hold, donor, returning)))
    hold.lifted_at, hold.lift_reason = work.now, given.reason
    work.transition(hold)
    work.session.flush()  # the database lets no lot go back to RELEASED while the hold still stands
    for lot in returning:
        target, lot.state_before_hold = lot.state_before_hold, None
        work.transition(lot, to=target)
    return hold


def _lock_reached(work: Work, code: str) -> tuple[Donor, list[Lot]]:
    """The donor above a hold and the lots below it, locked: of two holds lifted at once, the second sees the first."""
    columns = select(Hold.donor_id, Hold.lot_id, Donation.donor_id)
    above = columns.outerjoin(Lot, Lot.id == Hold.lot_id).outerjoin(Donation, Donation.id == Lot.donation_id)
    row = work.session.execute(above.where(Hold.code == code)).one_or_none()
    if row is None:
        work.find(Hold, code)  # says so
    on_donor, lot_id, lots_donor = row
    donor = work.lock_id(Donor, on_donor or lots_donor)
    return donor, lots_below(work, donor) if lot_id is None else [work.lock_id(Lot, lot_id)]


def _without_other_hold(work: Work, hold: Hold, donor: Donor, reached: list[Lot]) -> list[Lot]:
    """The lots on hold that only this hold stops."""
    others = select(Hold.donor_id, Hold.lot_id).where(Hold.state == "PLACED", Hold.id != hold.id)
    rows = work.session.execute(
        others.where((Hold.donor_id == donor.id) | Hold.lot_id.in_([lot.id for lot in reached]))
    ).all()
    if any(row.donor_id is not None for row in rows):
        return []
    stopped = {row.lot_id for row in rows}
    return [lot for lot in reached if lot.state == "ON_HOLD" and lot.id not in stopped]


def _lift_facts(work: Work, hold: Hold, donor: Donor, returning: list[Lot]) -> LiftFacts:
    results = lot_results(work.session, [lot.id for lot in returning])
    lots = tuple(
        LotToReturn(
            lot.code,
            str(lot.state_before_hold),
            specification_of(work.session, lot.specification_id),
            results.get(lot.id, ()),
        )
        for lot in returning
    )
    consents = consent_states(work.session, donor.id)
    return LiftFacts(hold.code, hold.donor_id is not None, donor.code, donor.state, consents, lots)
