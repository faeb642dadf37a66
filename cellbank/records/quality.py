"""Samples and results, holds, reviews of batch records, notices to clinicians, signatures, what was printed."""

from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import (
    BatchReviewState,
    HoldState,
    IssueState,
    NoticeState,
    ResultState,
    SampleState,
    TrailReviewState,
)
from cellbank.records.base import Day, Instant, Json, Record, reference, state_of

# What a test is about: the donor's blood, the tissue, a culture in process, or a lot.
TESTED = "num_nonnulls(donor_id, donation_id, culture_id, lot_id) = 1"


class Sample(Record):
    """Material taken for one test; its result is due on a day."""

    __tablename__ = "sample"
    code: Mapped[str] = mapped_column(unique=True)
    donor_id: Mapped[int | None] = reference("donor")
    donation_id: Mapped[int | None] = reference("donation")
    culture_id: Mapped[int | None] = reference("culture")
    lot_id: Mapped[int | None] = reference("lot")
    vial_id: Mapped[int | None] = reference("vial", index=False)
    material: Mapped[str]
    test: Mapped[str]  # the test's code in the specification
    number: Mapped[int] = mapped_column(server_default=text("1"))  # where a test needs several samples
    taken_at: Mapped[Instant]  # or inoculated
    due_on: Mapped[Day]
    taken_by_id: Mapped[int] = reference("person", index=False)
    cancel_reason: Mapped[str | None]
    state: Mapped[SampleState] = state_of(SampleState)
    __table_args__ = (
        CheckConstraint(TESTED, name="one_subject"),
        CheckConstraint("number BETWEEN 1 AND 100", name="number"),
        Index(
            "one_sample_awaited",
            "test",
            "number",
            "donor_id",
            "donation_id",
            "culture_id",
            "lot_id",
            unique=True,
            postgresql_where=text("state = 'TAKEN'"),
            postgresql_nulls_not_distinct=True,
        ),
    )


class TestResult(Record):
    """One result of one test of a donor (blood of the mother), a donation, a culture or a lot. A repeat or a
    correction is another row: the first value stays in sight."""

    __test__ = False  # not a pytest class
    __tablename__ = "test_result"
    code: Mapped[str] = mapped_column(unique=True)
    donor_id: Mapped[int | None] = reference("donor")
    donation_id: Mapped[int | None] = reference("donation")
    culture_id: Mapped[int | None] = reference("culture")
    lot_id: Mapped[int | None] = reference("lot")
    sample_id: Mapped[int | None] = reference("sample")
    sample_number: Mapped[int | None]  # where a test needs several samples
    corrects_id: Mapped[int | None] = reference("test_result", unique=True, index=False)
    test: Mapped[str]  # the test's code in the specification
    number: Mapped[Decimal | None] = mapped_column(Numeric(18, 4))
    choice: Mapped[str | None]
    unit: Mapped[str | None]
    method: Mapped[str]
    method_version: Mapped[str | None]
    instrument: Mapped[str | None]
    started_at: Mapped[Instant]  # specimen taken (donor) or inoculated (lot)
    resulted_at: Mapped[Instant]
    verdict: Mapped[str] = mapped_column(
        Text,
        CheckConstraint("verdict IN ('IN_SPECIFICATION', 'OUT_OF_SPECIFICATION', 'INFORMATIVE')", name="verdict"),
    )
    entered_by_id: Mapped[int] = reference("person", index=False)
    reviewed_by_id: Mapped[int | None] = reference("person", index=False)
    review_note: Mapped[str | None]
    changed_by_id: Mapped[int | None] = reference("person", index=False)  # who corrected or invalidated it
    change_reason: Mapped[str | None]
    state: Mapped[ResultState] = state_of(ResultState)
    SIGNED = ("code", "test", "number", "choice", "method", "started_at", "resulted_at", "verdict")
    __table_args__ = (
        CheckConstraint(TESTED, name="one_subject"),
        CheckConstraint("num_nonnulls(number, choice) = 1", name="one_value"),
        CheckConstraint("reviewed_by_id <> entered_by_id", name="reviewed_by_another_person"),
        CheckConstraint(
            "state = 'CORRECTED' OR (state = 'ENTERED') = (reviewed_by_id IS NULL)", name="reviewed_has_a_reviewer"
        ),
        CheckConstraint(
            "state NOT IN ('CORRECTED', 'INVALIDATED') OR change_reason IS NOT NULL", name="changed_with_a_reason"
        ),
        CheckConstraint("resulted_at >= started_at", name="resulted_after_started"),
    )


class Hold(Record):
    """A stop on a donor, a reagent lot, a storage unit or a lot; it reaches every lot below, also a later one."""

    __tablename__ = "hold"
    code: Mapped[str] = mapped_column(unique=True)
    donor_id: Mapped[int | None] = reference("donor")
    lot_id: Mapped[int | None] = reference("lot")
    reagent_lot_id: Mapped[int | None] = reference("reagent_lot")
    storage_unit_id: Mapped[int | None] = reference("storage_unit")
    excursion_id: Mapped[int | None] = reference("excursion")  # that the vials of the lot stood through
    reason: Mapped[str]
    placed_at: Mapped[Instant]
    lifted_at: Mapped[Instant | None]
    lift_reason: Mapped[str | None]
    state: Mapped[HoldState] = state_of(HoldState)
    SIGNED = ("donor_id", "lot_id", "reagent_lot_id", "storage_unit_id", "reason", "placed_at", "lift_reason")
    __table_args__ = (
        CheckConstraint("num_nonnulls(donor_id, lot_id, reagent_lot_id, storage_unit_id) = 1", name="one_subject"),
        CheckConstraint("(state = 'LIFTED') = (lifted_at IS NOT NULL)", name="lifted_has_a_time"),
    )


class BatchReview(Record):
    """The batch record of a lot as somebody read and signed it; `digest` is that of what was read."""

    __tablename__ = "batch_review"
    code: Mapped[str] = mapped_column(unique=True)
    lot_id: Mapped[int] = reference("lot")
    digest: Mapped[str]
    note: Mapped[str | None]
    reviewed_by_id: Mapped[int] = reference("person", index=False)
    reviewed_at: Mapped[Instant]
    state: Mapped[BatchReviewState] = state_of(BatchReviewState)
    SIGNED = ("lot_id", "digest", "note", "reviewed_at")


# What a clinician did about a dose.
_KNOWN = "done IN ('patient_told', 'patient_seen', 'infusion_stopped', 'not_given', 'nothing_needed', 'other')"


class Notice(Record):
    """An act stopped product of which doses were given, run or are under way: the clinicians of one site have to know.
    `record_kind` and `record_code` are what was stopped: a lot, a donor, a reagent, a tank, or what failed."""

    __tablename__ = "recall_notice"
    code: Mapped[str] = mapped_column(unique=True)
    site_id: Mapped[int] = reference("site")  # of the clinicians, not of whoever stopped it
    act_id: Mapped[int | None] = reference("act", index=False)  # that stopped it; None: older than these notices
    record_kind: Mapped[str]
    record_code: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    opened_at: Mapped[Instant]
    state: Mapped[NoticeState] = state_of(NoticeState)
    __table_args__ = (UniqueConstraint("act_id", "site_id", name="one_notice_of_an_act_for_a_site"),)


class NoticeLine(Record):
    """One dose of a notice, and what a clinician did about it."""

    __tablename__ = "notice_line"
    notice_id: Mapped[int] = reference("recall_notice", index=False)
    dose_id: Mapped[int] = reference("dose")
    done: Mapped[str | None] = mapped_column(Text, CheckConstraint(_KNOWN, name="done"))
    note: Mapped[str | None]
    answered_at: Mapped[Instant | None]
    answered_by_id: Mapped[int | None] = reference("person", index=False)
    __table_args__ = (
        UniqueConstraint("notice_id", "dose_id"),
        CheckConstraint("num_nonnulls(done, answered_at, answered_by_id) IN (0, 3)", name="answered_by_somebody"),
        CheckConstraint(
            "done NOT IN ('nothing_needed', 'other') OR coalesce(length(trim(note)), 0) > 0", name="a_note_says_why"
        ),
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
    __table_args__ = (
        CheckConstraint("reprint = 0 OR coalesce(length(trim(reason)), 0) > 0", name="a_reprint_has_a_reason"),
    )


class DocumentIssue(Record):
    """A document that left the system: which record, in which edition, with the digests of content and file."""

    __tablename__ = "document_issue"
    code: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]  # batch_record, certificate, chain, recall_list, trail
    record_kind: Mapped[str]
    record_code: Mapped[str] = mapped_column(index=True)
    edition: Mapped[int]
    digest: Mapped[str]  # of the content
    content: Mapped[Json]  # what the document says, so that it can be printed again
    pdf_digest: Mapped[str]
    reason: Mapped[str | None]
    issued_at: Mapped[Instant]
    state: Mapped[IssueState] = state_of(IssueState)
    __table_args__ = (
        UniqueConstraint("type", "record_code", "edition"),
        CheckConstraint("edition = 1 OR coalesce(length(trim(reason)), 0) > 0", name="a_further_edition_has_a_reason"),
    )


class TrailReview(Record):
    """A stretch of the trail that somebody read: everything, or what concerns one record."""

    __tablename__ = "trail_review"
    code: Mapped[str] = mapped_column(unique=True)
    first_act: Mapped[int]
    last_act: Mapped[int]
    record_code: Mapped[str | None]
    findings: Mapped[str]
    reviewed_by_id: Mapped[int] = reference("person", index=False)
    reviewed_at: Mapped[Instant]
    site_id: Mapped[int] = reference("site", index=False)  # whose acts were read
    state: Mapped[TrailReviewState] = state_of(TrailReviewState)
    SIGNED = ("first_act", "last_act", "record_code", "findings", "reviewed_at")
    __table_args__ = (CheckConstraint("first_act <= last_act", name="first_before_last"),)
