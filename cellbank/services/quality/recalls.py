"""After a stop: a notice for each dose that was given or is running, and what its clinician did about it.

A patient who received cells of a lot that is called back is told by a clinician, not by a list; so each dose gets a
notice of its own, which stays open until somebody says what was done (domain reference §5.4: notify the physician).
"""

from pydantic import Field
from sqlalchemy import func, select

from cellbank.domain.identifiers import Kind
from cellbank.records.clinic import Dose
from cellbank.records.production import Lot
from cellbank.records.quality import RecallNotice
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import new_codes
from cellbank.services.inputs import Text, scanned
from cellbank.services.quality.impact import ENDED, RECEIVED

NoticeCode = scanned(Kind.NOTICE)


def open_notices(work: Work, lot: Lot, *, under_way: bool = False) -> list[str]:
    """A notice for each dose of the lot, or of a lot made from it, that has reached a subject or, if `under_way`, would
    still reach one; none where one about the lot waits for its answer. Returns their codes.

    Call it after the judgement, with the lot locked: a dose can start from a stopped lot no longer.
    """
    reached = Dose.state.not_in(ENDED) if under_way else Dose.state.in_(RECEIVED)
    told = select(RecallNotice.dose_id).where(RecallNotice.lot_id == lot.id, RecallNotice.state == "OPEN")
    below = Dose.lot_id.in_(select(func.lots_below("lot", lot.id)))
    doses = select(Dose.id).where(below, reached, Dose.id.not_in(told))
    found = list(work.session.scalars(doses.order_by(Dose.id)))
    codes = new_codes(work, Kind.NOTICE, len(found))
    rows = [
        {"code": code, "lot_id": lot.id, "dose_id": dose, "opened_at": work.now}
        for code, dose in zip(codes, found, strict=True)
    ]
    if rows:
        work.add_many(RecallNotice, rows)
    return codes


def has_lots_below(work: Work, lot: Lot) -> bool:
    """Whether another lot was made from vials of this one."""
    below = select(func.lots_below("lot", lot.id).label("id")).subquery()
    return bool(work.session.scalar(select(func.count()).select_from(below).where(below.c.id != lot.id)))


class AcknowledgeRecall(ActInput):
    """Answer a recall notice."""

    notice: NoticeCode = Field(title="Recall notice")
    measures: Text = Field(
        title="What was done for the subject",
        description="Whom you told, what was examined or given, what is watched.",
        min_length=5,
    )


@act(AcknowledgeRecall)
def acknowledge_recall(work: Work, given: AcknowledgeRecall) -> RecallNotice:
    """Say that the recall is known at the bedside, and what was done for the subject."""
    notice = work.lock(RecallNotice, given.notice)
    work.judge(notice)
    notice.measures = given.measures
    notice.acknowledged_at, notice.acknowledged_by_id = work.now, work.actor.id
    work.transition(notice)
    return notice
