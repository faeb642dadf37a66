"""The outbox: what must reach somebody outside, and what came of each attempt.

A row is written in the act that it tells of (`services/outbox/messages.py`) and delivered at least once
(`services/outbox/sender.py`). No records of the trail: that something was told is no fact about product.
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.records.base import Base, Instant, reference


class Outbox(Base):
    """One message to one address. What it says never changes; once it is sent or given up, nothing of it does."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    act_id: Mapped[int] = reference("act", index=False)
    person_id: Mapped[int] = reference("person", index=False)
    channel: Mapped[str] = mapped_column(Text, CheckConstraint("channel IN ('email')", name="channel"))
    address: Mapped[str]  # as it was then
    template: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)
    message_id: Mapped[str] = mapped_column(unique=True)  # the same for each attempt
    made_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.now())
    due_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.now())
    leased_until: Mapped[Instant | None]  # somebody is sending it
    sent_at: Mapped[Instant | None]
    given_up_at: Mapped[Instant | None]
    __table_args__ = (
        CheckConstraint("sent_at IS NULL OR given_up_at IS NULL", name="sent_or_given_up"),
        Index("ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL")),
        Index("ix_outbox_given_up", "given_up_at", postgresql_where=text("given_up_at IS NOT NULL")),
    )


class OutboxAttempt(Base):
    """A step of an attempt: it was begun; the server took it, did not, refused it for good, or nobody knows. One that
    was begun and has no more may have arrived."""

    __tablename__ = "outbox_attempt"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    outbox_id: Mapped[int] = reference("outbox")
    at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    outcome: Mapped[str] = mapped_column(
        Text, CheckConstraint("outcome IN ('begun', 'sent', 'failed', 'refused', 'unclear')", name="outcome")
    )
    detail: Mapped[str | None]
