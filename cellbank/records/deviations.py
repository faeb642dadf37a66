"""Deviations: what went otherwise than it should, what it touches, and what is done about it."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import ActionState, DeviationState
from cellbank.records.base import Day, Instant, Record, reference, state_of


class Deviation(Record):
    """Something that went otherwise than it should; found by a person, or by a result out of specification."""

    __tablename__ = "deviation"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str]
    classification: Mapped[str] = mapped_column(
        Text, CheckConstraint("classification IN ('minor', 'major', 'critical')", name="classification")
    )
    occurred_at: Mapped[Instant]
    critical_since: Mapped[Instant | None]  # once it was critical, while it is open; the database sets it
    due_on: Mapped[Day]
    opened_by_id: Mapped[int] = reference("person", index=False)
    investigation: Mapped[str | None]
    root_cause: Mapped[str | None]
    investigated_by_id: Mapped[int | None] = reference("person", index=False)
    decision: Mapped[str | None]
    closed_at: Mapped[Instant | None]
    closed_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[DeviationState] = state_of(DeviationState)
    SIGNED = ("title", "description", "classification", "occurred_at", "investigation", "root_cause", "decision")
    __table_args__ = (
        CheckConstraint(
            "state <> 'CLOSED' OR num_nonnulls(investigation, investigated_by_id, decision, closed_at) = 4",
            name="closed_with_an_investigation",
        ),
        CheckConstraint(
            "closed_by_id <> opened_by_id AND closed_by_id <> investigated_by_id", name="closed_by_another_person"
        ),
        CheckConstraint("(state = 'CLOSED') = (closed_by_id IS NOT NULL)", name="closed_by_somebody"),
        Index(
            "ix_deviation_critical",
            "id",
            postgresql_where=text("classification = 'critical' AND state <> 'CLOSED'"),
        ),
    )


class DeviationLink(Record):
    """A record that a deviation touches, of any kind."""

    __tablename__ = "deviation_link"
    deviation_id: Mapped[int] = reference("deviation", index=False)
    record_kind: Mapped[str]
    record_id: Mapped[int] = mapped_column(BigInteger)
    record_code: Mapped[str]
    __table_args__ = (UniqueConstraint("deviation_id", "record_kind", "record_id"),)


class CorrectiveAction(Record):
    """What somebody is to do about a deviation, or so that it does not come again, by a day."""

    __tablename__ = "corrective_action"
    code: Mapped[str] = mapped_column(unique=True)
    deviation_id: Mapped[int] = reference("deviation")
    type: Mapped[str] = mapped_column(Text, CheckConstraint("type IN ('corrective', 'preventive')", name="type"))
    description: Mapped[str]
    responsible_id: Mapped[int] = reference("person", index=False)
    due_on: Mapped[Day]
    done_at: Mapped[Instant | None]
    done_by_id: Mapped[int | None] = reference("person", index=False)
    done_note: Mapped[str | None]
    verification: Mapped[str | None]
    verified_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[ActionState] = state_of(ActionState)
    SIGNED = ("deviation_id", "type", "description", "due_on", "done_at", "done_note", "verification")
    __table_args__ = (
        CheckConstraint(
            "state = 'PLANNED' OR num_nonnulls(done_at, done_by_id, done_note) = 3", name="done_by_somebody"
        ),
        CheckConstraint("verified_by_id <> done_by_id", name="verified_by_another_person"),
        CheckConstraint("(state = 'VERIFIED') = (verified_by_id IS NOT NULL)", name="verified_by_somebody"),
    )
