"""Probes, what they read, and the excursions found in it. A reading is no record of the trail but a row that is only
ever inserted; the digest of all rows of an import stands in its import, which the trail keeps."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import ExcursionState, ProbeState, ReadingState, RunState
from cellbank.records.base import Base, Celsius, Day, Instant, Json, Record, reference, state_of

LIMITS = "warn_above_c <= critical_above_c AND critical_above_c <= reject_above_c"


class Probe(Record):
    """A sensor in a storage unit, with its limits. `watch` carries the rule from one import to the next."""

    __tablename__ = "probe"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    storage_unit_id: Mapped[int] = reference("storage_unit")
    name: Mapped[str]
    model: Mapped[str]
    serial: Mapped[str | None]
    calibrated_on: Mapped[Day]
    calibration_due_on: Mapped[Day]
    warn_above_c: Mapped[Celsius]
    warn_minutes: Mapped[int]
    critical_above_c: Mapped[Celsius]
    critical_readings: Mapped[int]
    reject_above_c: Mapped[Celsius]
    gap_minutes: Mapped[int]
    acknowledge_minutes: Mapped[int]
    limits_asked: Mapped[Json | None]  # all of them, as they are to be: they wait for a second person
    limits_asked_by_id: Mapped[int | None] = reference("person")
    limits_asked_because: Mapped[str | None]
    last_at: Mapped[Instant | None]
    watch: Mapped[Json | None]
    retired_reason: Mapped[str | None]
    state: Mapped[ProbeState] = state_of(ProbeState)
    SIGNED: ClassVar[tuple[str, ...]] = (
        "code", "warn_above_c", "warn_minutes", "critical_above_c", "critical_readings", "reject_above_c",
        "gap_minutes", "acknowledge_minutes",
    )  # fmt: skip
    __table_args__ = (
        CheckConstraint(LIMITS, name="limits_in_order"),
        CheckConstraint("least(warn_minutes, critical_readings, gap_minutes) >= 1", name="limits_positive"),
        CheckConstraint("calibration_due_on > calibrated_on", name="due_after_calibration"),
        CheckConstraint(
            "num_nulls(limits_asked, limits_asked_by_id, limits_asked_because) IN (0, 3)", name="limits_asked_whole"
        ),
    )


class SheetAnswer(Record):
    """What people answered about the files of one source, a probe or a freezer: what its columns are called, its unit,
    its zone. `source`: the code of the probe; site, model and serial number of the freezer."""

    __tablename__ = "sheet_answer"
    sheet: Mapped[str] = mapped_column(Text, CheckConstraint("sheet IN ('readings', 'freezing_run')", name="sheet"))
    source: Mapped[str]
    answers: Mapped[Json]
    __table_args__ = (UniqueConstraint("sheet", "source"),)


class ReadingImport(Record):
    """Readings taken in at once: a file, a batch of a gateway, or one that somebody read off. `digest` is the sha256 of
    its rows as they are stored; `sha256` that of the file. One by hand has its reading here until it is confirmed."""

    __tablename__ = "reading_import"
    code: Mapped[str] = mapped_column(unique=True)
    probe_id: Mapped[int] = reference("probe")
    source: Mapped[str] = mapped_column(Text, CheckConstraint("source IN ('file', 'gateway', 'hand')", name="source"))
    file_name: Mapped[str | None]
    sha256: Mapped[str | None]
    mapping: Mapped[Json | None]
    row_count: Mapped[int]
    stored: Mapped[int]
    duplicates: Mapped[int]
    out_of_order: Mapped[int]
    left_out: Mapped[int]
    known_before: Mapped[int]
    first_at: Mapped[Instant]
    last_at: Mapped[Instant]
    hand_celsius: Mapped[Celsius | None]
    digest: Mapped[str | None]
    entered_by_id: Mapped[int] = reference("person", index=False)
    confirmed_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[ReadingState] = state_of(ReadingState)
    __table_args__ = (
        Index(
            "one_import_of_each_file",
            "sha256",
            "probe_id",
            text("(mapping ->> 'value')"),
            unique=True,
            postgresql_where=text("sha256 IS NOT NULL"),
        ),
        CheckConstraint("(source = 'hand') = (hand_celsius IS NOT NULL)", name="by_hand_is_one_reading"),
        CheckConstraint("confirmed_by_id <> entered_by_id", name="confirmed_by_another_person"),
        CheckConstraint("state <> 'STORED' OR digest IS NOT NULL", name="imported_has_a_digest"),
        CheckConstraint("state <> 'STORED' OR source <> 'hand' OR confirmed_by_id IS NOT NULL", name="two_people"),
    )


class Reading(Base):
    """One reading. No foreign keys: a million rows would pay; `temperature/reading_check.py` asks afterwards."""

    __tablename__ = "reading"
    probe_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[Instant] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(BigInteger)
    celsius: Mapped[Celsius]


class Excursion(Record):
    """A time during which a unit was too warm, or nobody knows. Its figures grow until it ends and never change then.
    That somebody has seen the alarm is noted beside it and changes nothing."""

    __tablename__ = "excursion"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    probe_id: Mapped[int] = reference("probe", index=False)
    storage_unit_id: Mapped[int] = reference("storage_unit", index=False)
    category: Mapped[str] = mapped_column(
        Text,
        CheckConstraint("category IN ('silent', 'warning', 'critical', 'reject')", name="category"),
    )
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    end_reason: Mapped[str | None]
    peak_c: Mapped[Celsius]
    warn_above_c: Mapped[Celsius]
    critical_above_c: Mapped[Celsius]
    reject_above_c: Mapped[Celsius]
    warn_seconds: Mapped[int]
    critical_seconds: Mapped[int]
    reject_seconds: Mapped[int]
    warn_degree_seconds: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    critical_degree_seconds: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    reject_degree_seconds: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    found_at: Mapped[Instant]
    acknowledged_at: Mapped[Instant | None]
    acknowledged_by_id: Mapped[int | None] = reference("person", index=False)
    acknowledgement: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[ExcursionState] = state_of(ExcursionState)
    SIGNED: ClassVar[tuple[str, ...]] = (
        "code", "category", "started_at", "ended_at", "end_reason", "peak_c", "warn_seconds", "critical_seconds",
        "reject_seconds", "decision_reason", "decided_by_id",
    )  # fmt: skip
    __table_args__ = (
        Index("ix_excursion_storage_unit_id_started_at", "storage_unit_id", "started_at"),
        Index("ix_excursion_probe_id_started_at", "probe_id", "started_at"),
        Index("one_excursion_goes_on", "probe_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        CheckConstraint(
            "state = 'OPEN' OR num_nonnulls(ended_at, decision_reason, decided_by_id) = 3", name="decided_with_a_reason"
        ),
        CheckConstraint("num_nonnulls(acknowledged_at, acknowledged_by_id) IN (0, 2)", name="acknowledged_by_somebody"),
    )


class FreezerRun(Record):
    """The run of a controlled-rate freezer in which a lot was frozen, beside the band of its program: `began_at` is
    minute 0. What was found is written once and never changes; `digest` is the sha256 of its readings as they are
    stored, `sha256` that of the file. A wrong file is withdrawn and stays in sight."""

    __tablename__ = "freezer_run"
    code: Mapped[str] = mapped_column(unique=True)
    lot_id: Mapped[int] = reference("lot")
    program: Mapped[str]
    freezer: Mapped[str]
    freezer_serial: Mapped[str | None]
    file_name: Mapped[str]
    sha256: Mapped[str]
    mapping: Mapped[Json]
    row_count: Mapped[int]
    left_out: Mapped[int]
    first_at: Mapped[Instant]
    began_at: Mapped[Instant]
    last_at: Mapped[Instant]
    departures: Mapped[Json]
    first_departure_at: Mapped[Instant | None]
    outside_seconds: Mapped[int]
    longest_seconds: Mapped[int]
    worst_c: Mapped[Celsius]
    degree_seconds: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    digest: Mapped[str]
    imported_by_id: Mapped[int] = reference("person", index=False)
    deviation_id: Mapped[int | None] = reference("deviation", index=False)
    withdrawn_by_id: Mapped[int | None] = reference("person", index=False)
    withdrawal_reason: Mapped[str | None]
    state: Mapped[RunState] = state_of(RunState)
    __table_args__ = (
        Index("one_run_of_a_lot", "lot_id", unique=True, postgresql_where=text("state <> 'WITHDRAWN'")),
        CheckConstraint(
            "(state = 'WITHDRAWN') = (num_nonnulls(withdrawn_by_id, withdrawal_reason) = 2)",
            name="withdrawn_with_a_reason",
        ),
        CheckConstraint("state <> 'WITHIN' OR outside_seconds = 0", name="within_is_never_outside"),
        CheckConstraint("first_at <= began_at AND began_at <= last_at", name="times_in_order"),
    )


class FreezerReading(Base):
    """One reading of a freezer's run: of the product, or of the chamber around it. Only ever inserted."""

    __tablename__ = "freezer_reading"
    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("freezer_run.id"), primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(
        Text, CheckConstraint("channel IN ('product', 'chamber')", name="channel"), primary_key=True
    )
    at: Mapped[Instant] = mapped_column(primary_key=True)
    celsius: Mapped[Celsius]
