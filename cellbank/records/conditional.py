"""The use of a lot for one subject while results of the lot are pending."""

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import ConditionalState
from cellbank.records.base import Instant, Json, Record, reference, state_of


class ConditionalRelease(Record):
    """A lot in quarantine that three people, a clinician, quality and the sponsor, let one subject have."""

    __tablename__ = "conditional_release"
    code: Mapped[str] = mapped_column(unique=True)
    lot_id: Mapped[int] = reference("lot")
    subject_id: Mapped[int] = reference("subject")
    pending: Mapped[Json]  # codes of the tests without a final result when it was asked for
    justification: Mapped[str]
    requested_at: Mapped[Instant]
    requested_by_id: Mapped[int] = reference("person", index=False)
    approved_at: Mapped[Instant | None]
    approved_by_id: Mapped[int | None] = reference("person", index=False)
    in_force_at: Mapped[Instant | None]
    sponsor_by_id: Mapped[int | None] = reference("person", index=False)
    ended_at: Mapped[Instant | None]
    end_reason: Mapped[str | None]
    state: Mapped[ConditionalState] = state_of(ConditionalState)
    SIGNED = ("lot_id", "subject_id", "pending", "justification", "requested_at")
    __table_args__ = (
        CheckConstraint(
            "approved_by_id <> requested_by_id AND sponsor_by_id <> requested_by_id "
            "AND sponsor_by_id <> approved_by_id",
            name="three_different_people",
        ),
        CheckConstraint(
            "state NOT IN ('APPROVED', 'IN_FORCE') OR num_nonnulls(approved_at, approved_by_id) = 2",
            name="approved_by_somebody",
        ),
        CheckConstraint(
            "state <> 'IN_FORCE' OR num_nonnulls(in_force_at, sponsor_by_id) = 2", name="signed_for_the_sponsor"
        ),
        CheckConstraint("(state = 'ENDED') = (num_nonnulls(ended_at, end_reason) = 2)", name="ended_with_a_reason"),
        Index(
            "one_live_conditional_release",
            "lot_id",
            "subject_id",
            unique=True,
            postgresql_where=text("state <> 'ENDED'"),
        ),
    )
