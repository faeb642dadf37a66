"""Results, holds, signatures, printings."""

from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.records.base import Instant, Json, Record, reference, state_of


class TestResult(Record):
    """One result of one test of a donor (blood of the mother) or of a lot. A repeat is another row."""

    __test__ = False  # not a pytest class
    __tablename__ = "test_result"
    code: Mapped[str] = mapped_column(unique=True)
    donor_id: Mapped[int | None] = reference("donor")
    lot_id: Mapped[int | None] = reference("lot")
    test: Mapped[str]  # the test's code in the specification
    number: Mapped[Decimal | None] = mapped_column(Numeric(18, 4))
    choice: Mapped[str | None]
    unit: Mapped[str | None]
    method: Mapped[str]
    started_at: Mapped[Instant]  # specimen taken (donor) or inoculated (lot)
    resulted_at: Mapped[Instant]
    verdict: Mapped[str] = mapped_column(
        Text,
        CheckConstraint("verdict IN ('IN_SPECIFICATION', 'OUT_OF_SPECIFICATION', 'INFORMATIVE')", name="verdict"),
    )
    entered_by_id: Mapped[int] = reference("person", index=False)
    reviewed_by_id: Mapped[int | None] = reference("person", index=False)
    review_note: Mapped[str | None]
    state: Mapped[str] = state_of("test_result")
    SIGNED = ("code", "test", "number", "choice", "method", "started_at", "resulted_at", "verdict")
    __table_args__ = (
        CheckConstraint("num_nonnulls(donor_id, lot_id) = 1", name="one_subject"),
        CheckConstraint("num_nonnulls(number, choice) = 1", name="one_value"),
        CheckConstraint("reviewed_by_id <> entered_by_id", name="reviewed_by_another_person"),
        CheckConstraint("(state = 'ENTERED') = (reviewed_by_id IS NULL)", name="reviewed_has_a_reviewer"),
        CheckConstraint("resulted_at >= started_at", name="resulted_after_started"),
    )


class Hold(Record):
    """A stop on a donor or a lot; it reaches every lot below, also those registered later."""

    __tablename__ = "hold"
    code: Mapped[str] = mapped_column(unique=True)
    donor_id: Mapped[int | None] = reference("donor")
    lot_id: Mapped[int | None] = reference("lot")
    reason: Mapped[str]
    placed_at: Mapped[Instant]
    lifted_at: Mapped[Instant | None]
    lift_reason: Mapped[str | None]
    state: Mapped[str] = state_of("hold")
    SIGNED = ("donor_id", "lot_id", "reason", "placed_at", "lift_reason")
    __table_args__ = (
        CheckConstraint("num_nonnulls(donor_id, lot_id) = 1", name="one_subject"),
        CheckConstraint("(state = 'LIFTED') = (lifted_at IS NOT NULL)", name="lifted_has_a_time"),
    )


class Signature(Record):
    """Who signed what, when, meaning what; inserted only. `digest` is that of the record's content as signed."""

    __tablename__ = "signature"
    act_id: Mapped[int] = reference("act")
    person_id: Mapped[int] = reference("person")
    full_name: Mapped[str]  # as printed at the time
    meaning: Mapped[str]
    record_kind: Mapped[str]
    record_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]
    signed_at: Mapped[Instant]
    __table_args__ = (Index("ix_signature_record", "record_kind", "record_id"),)


class Printing(Record):
    """A label printed: template with its digest, and exactly the text that went into it."""

    __tablename__ = "printing"
    template: Mapped[str]
    template_digest: Mapped[str]
    record_kind: Mapped[str]
    record_code: Mapped[str] = mapped_column(index=True)
    rows: Mapped[Json]
    label_count: Mapped[int]
    reprint: Mapped[int] = mapped_column(server_default=text("0"))
    reason: Mapped[str | None]
    printed_at: Mapped[Instant]
    __table_args__ = (CheckConstraint("reprint = 0 OR length(trim(reason)) > 0", name="a_reprint_has_a_reason"),)
