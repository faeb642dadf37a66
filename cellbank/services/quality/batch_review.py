"""The review of a batch record: read as it stands and signed, before the lot can be released (21 CFR 211.192)."""

from pydantic import Field
from sqlalchemy import func, select

from cellbank.domain.identifiers import Kind
from cellbank.records.production import Lot
from cellbank.records.quality import BatchReview
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import LotCode, Text


class ReviewBatchRecord(SignedInput):
    """Review a batch record."""

    lot: LotCode = Field(title="Lot")
    note: Text | None = Field(default=None, title="Note")


@act(ReviewBatchRecord)
def review_batch_record(work: Work, given: ReviewBatchRecord) -> BatchReview:
    """Sign that the batch record was read, as it stands now; by somebody who performed nothing in the lot.

    A later change of any step makes the review void, and the lot waits for another one.
    """
    lot = work.lock(Lot, given.lot)
    work.judge(lot, BatchReview)
    return work.add(
        BatchReview(
            code=new_code(work, Kind.BATCH_REVIEW),
            lot_id=lot.id,
            digest=work.session.scalar(select(func.batch_digest(lot.id))),
            note=given.note,
            reviewed_by_id=work.actor.id,
            reviewed_at=work.now,
        )
    )
