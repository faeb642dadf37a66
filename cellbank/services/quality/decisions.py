"""What a quality officer decides about a lot, signed: released, rejected, recalled. Holds are in holds.py."""

from pydantic import Field
from sqlalchemy import func, select

from cellbank.domain.lifecycle.states import DoseState, LotState
from cellbank.domain.rules.hold import RecallFacts, recall_refusals
from cellbank.domain.rules.release import release_criteria
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Lot
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.inputs import LotCode, Reason, Text
from cellbank.services.quality.release_board import (
    ReleaseBoard,
    release_board,
    release_facts,
)
from cellbank.services.stopping.conditional_ends import end_releases
from cellbank.services.stopping.holding import lock_lot, place_hold
from cellbank.services.stopping.notices import tell_clinicians

__all__ = ["ReleaseBoard", "release_board"]


class ReleaseLot(SignedInput):
    """Release a lot."""

    lot: LotCode = Field(title="Lot")
    note: Text | None = Field(default=None, title="Note")


@act(ReleaseLot)
def release_lot(work: Work, given: ReleaseLot) -> Lot:
    """Release, signed by somebody who performed nothing in the lot. Refuses every criterion that is not met.

    The answer keeps the board as it stood at this moment.
    """
    lot = lock_lot(work, given.lot)
    criteria = release_criteria(release_facts(work.session, lot, work.now))
    work.show(criteria=[{"title": line.title, "met": line.met, "evidence": line.evidence} for line in criteria])
    work.judge(lot, refusals=[line.refusal for line in criteria if line.refusal is not None])
    work.transition(lot)
    end_releases(work, [lot], "Lot released")
    return lot


class RejectLot(SignedInput):
    """Reject a lot."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(RejectLot, likely="in sight", previews="lot")
def reject_lot(work: Work, given: RejectLot) -> Lot:
    """Reject for good; signed by somebody who performed nothing in the lot. What follows is as for a recall."""
    lot = lock_lot(work, given.lot)
    work.show(doses=_doses_of(work, lot))
    work.judge(lot, to=LotState.REJECTED)
    return _call_back(work, lot, LotState.REJECTED, given.reason)


class RecallLot(SignedInput):
    """Recall a lot."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(RecallLot, likely="in sight", begun_by={"quality_officer": 5}, previews="lot")
def recall_lot(work: Work, given: RecallLot) -> Lot:
    """Call a lot back that had been released, and stop what was made from it.

    The answer names every dose, given or still to come, and the notices that clinicians have to answer. Refuses a lot
    that was put on hold before it was ever released.
    """
    lot = lock_lot(work, given.lot)
    work.show(doses=_doses_of(work, lot))
    work.judge(lot, refusals=recall_refusals(RecallFacts(lot.code, lot.state_before_hold)), to=LotState.RECALLED)
    return _call_back(work, lot, LotState.RECALLED, given.reason)


def _call_back(work: Work, lot: Lot, target: str, reason: str) -> Lot:
    """Take the lot out of use for good: its reason, the notices about its doses, a hold on what was made from it."""
    lot.state_before_hold, lot.decision_reason = None, reason
    work.transition(lot, to=target)
    end_releases(work, [lot], f"Lot {target.lower()}: {reason}")
    work.session.flush()  # it is stopped already when the hold looks at what else to stop
    tell_clinicians(work, lot, f"Lot {lot.code} {target.lower()}: {reason}")
    if has_lots_below(work, lot):
        place_hold(work, lot, reason=f"Made from lot {lot.code}, which is {target.lower()}: {reason}")
    return lot


def has_lots_below(work: Work, lot: Lot) -> bool:
    """Whether another lot was made from vials of this one."""
    below = select(func.lots_below("lot", lot.id).label("id")).subquery()
    return bool(work.session.scalar(select(func.count()).select_from(below).where(below.c.id != lot.id)))


def _doses_of(work: Work, lot: Lot) -> list[dict[str, str]]:
    """Who has to be told: each dose of the lot, or of one made from it, that was not cancelled, and how far it went."""
    columns = select(Dose.code, Dose.state, Subject.code).join(Subject, Subject.id == Dose.subject_id)
    of_these = Dose.lot_id.in_(select(func.lots_below("lot", lot.id)))
    rows = work.session.execute(columns.where(of_these, Dose.state != DoseState.CANCELLED).order_by(Dose.id))
    return [{"dose": dose, "state": state, "subject": subject} for dose, state, subject in rows]
