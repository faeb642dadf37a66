"""From the donor to the vial. Every material comes from one donation; a lot is never pooled across donations."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Computed, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import (
    ConsentState,
    CultureState,
    DonationState,
    DonorState,
    LotState,
    ReagentState,
    VialState,
)
from cellbank.records.base import (
    CellCount,
    Celsius,
    Day,
    Instant,
    Json,
    Millilitres,
    Percent,
    Quantity,
    Record,
    StateColumn,
    reference,
    skeleton_of,
    state_of,
)


class Donor(Record):
    """The birth mother, under a pseudonym; never a name."""

    __tablename__ = "donor"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    pseudonym: Mapped[str] = mapped_column(unique=True)
    pseudonym_key: Mapped[str] = skeleton_of("pseudonym", unique=True)
    birth_year: Mapped[int]
    delivered_at: Mapped[Instant | None]
    delivery: Mapped[str | None]  # caesarean | vaginal
    gestation_weeks: Mapped[int | None]
    eligibility_reason: Mapped[str | None]
    state: Mapped[DonorState] = state_of(DonorState)
    SIGNED = ("code", "pseudonym", "birth_year", "delivered_at", "eligibility_reason")


class Consent(Record):
    """What a donor agreed to, and when it was withdrawn."""

    __tablename__ = "consent"
    donor_id: Mapped[int] = reference("donor")
    code: Mapped[str] = mapped_column(unique=True)
    version: Mapped[str]
    scope: Mapped[str]
    given_on: Mapped[Day]
    withdrawn_on: Mapped[Day | None]
    withdrawal_reason: Mapped[str | None]
    state: Mapped[ConsentState] = state_of(ConsentState)


class Donation(Record):
    """One placenta or umbilical cord, with its DIN."""

    __tablename__ = "donation"
    site_id: Mapped[int] = reference("site")
    donor_id: Mapped[int] = reference("donor")
    specification_id: Mapped[int] = reference("definition")
    code: Mapped[str] = mapped_column(unique=True)  # the DIN, 13 characters
    tissue: Mapped[str] = mapped_column(Text, CheckConstraint("tissue IN ('placenta', 'cord')", name="tissue"))
    collected_at: Mapped[Instant]
    received_at: Mapped[Instant]
    received_by_id: Mapped[int] = reference("person", index=False)
    transport_min_c: Mapped[Celsius]
    transport_max_c: Mapped[Celsius]
    mass_g: Mapped[Decimal] = mapped_column(Numeric(7, 1))
    length_cm: Mapped[Decimal | None] = mapped_column(Numeric(5, 1))
    integrity: Mapped[str]
    questions: Mapped[Json | None]  # why a quality officer decides
    decision_reason: Mapped[str | None]
    state: Mapped[DonationState] = state_of(DonationState)
    SIGNED = ("code", "collected_at", "received_at", "transport_min_c", "transport_max_c", "decision_reason")
    __table_args__ = (CheckConstraint("received_at >= collected_at", name="received_after_collected"),)


class ReagentLot(Record):
    """Medium, enzyme, cryoprotectant: used up by scan."""

    __tablename__ = "reagent_lot"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    manufacturer: Mapped[str]
    manufacturer_lot: Mapped[str]
    manufacturer_lot_key: Mapped[str] = skeleton_of("manufacturer_lot", index=True)
    certificate: Mapped[str | None]
    expires_on: Mapped[Day]
    received_by_id: Mapped[int] = reference("person", index=False)
    decision_reason: Mapped[str | None]
    unit: Mapped[str | None]  # None: the quantity is not counted
    quantity_received: Mapped[Quantity | None]
    quantity_left: Mapped[Quantity | None]
    opened_at: Mapped[Instant | None]
    days_once_open: Mapped[int | None]  # how long it keeps after opening, where that is shorter than its expiry
    recall_reason: Mapped[str | None]
    state: Mapped[ReagentState] = state_of(ReagentState)
    SIGNED = ("code", "name", "manufacturer_lot", "certificate", "expires_on", "decision_reason")
    __table_args__ = (
        CheckConstraint("quantity_left BETWEEN 0 AND quantity_received", name="never_more_used_than_there_is"),
        CheckConstraint("num_nonnulls(unit, quantity_received, quantity_left) IN (0, 3)", name="counted_or_not"),
    )


class ReagentUse(Record):
    """A reagent lot scanned for a culture or a lot."""

    __tablename__ = "reagent_use"
    reagent_lot_id: Mapped[int] = reference("reagent_lot")
    culture_id: Mapped[int | None] = reference("culture")
    lot_id: Mapped[int | None] = reference("lot")
    used_at: Mapped[Instant]
    quantity: Mapped[Quantity | None]  # in the unit of the reagent lot
    __table_args__ = (CheckConstraint("num_nonnulls(culture_id, lot_id) = 1", name="one_target"),)


class Culture(Record):
    """A culture at one passage: P0 from tissue or from a bank vial, later ones from a parent culture."""

    __tablename__ = "culture"
    site_id: Mapped[int] = reference("site")
    donation_id: Mapped[int] = reference("donation")
    parent_id: Mapped[int | None] = reference("culture")
    source_vial_id: Mapped[int | None] = reference("vial")
    code: Mapped[str] = mapped_column(unique=True)
    passage: Mapped[int] = mapped_column(BigInteger, CheckConstraint("passage >= 0", name="passage_not_negative"))
    method: Mapped[str]  # explant | enzymatic | passage | bank_vial
    started_at: Mapped[Instant]
    area_cm2: Mapped[Decimal | None] = mapped_column(Numeric(9, 1))
    cells_seeded: Mapped[CellCount | None]  # viable cells; None for tissue: unknown
    harvested_at: Mapped[Instant | None]
    cells_harvested: Mapped[CellCount | None]  # total cells counted
    viability_percent: Mapped[Percent | None]
    confluence_percent: Mapped[Percent | None]
    cells_left: Mapped[CellCount | None]  # total cells not yet passaged, frozen, sampled or lost
    cells_lost: Mapped[CellCount | None]  # of cells_left, what was discarded at the end
    population_doublings: Mapped[Decimal | None] = mapped_column(Numeric(8, 3))
    doubling_time_h: Mapped[Decimal | None] = mapped_column(Numeric(9, 1))
    cumulative_doublings: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    vessel: Mapped[str]
    note: Mapped[str | None]  # at its start
    harvest_note: Mapped[str | None]
    end_note: Mapped[str | None]  # why it was given up, or what was said when it was finished
    state: Mapped[CultureState] = state_of(CultureState)
    __table_args__ = (
        CheckConstraint("cells_left BETWEEN 0 AND cells_harvested", name="cells_left_never_negative"),
        CheckConstraint("viability_percent BETWEEN 0 AND 100", name="viability_is_a_percentage"),
        CheckConstraint("num_nonnulls(parent_id, source_vial_id) <= 1", name="one_source"),
        CheckConstraint("harvested_at >= started_at", name="harvested_after_started"),
    )


class Lot(Record):
    """Vials frozen together from one donation: a master bank, a working bank or a product lot."""

    __tablename__ = "lot"
    site_id: Mapped[int] = reference("site")
    donation_id: Mapped[int] = reference("donation")
    specification_id: Mapped[int] = reference("definition")
    code: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[str] = mapped_column(
        Text, CheckConstraint("purpose IN ('master_bank', 'working_bank', 'product')", name="purpose")
    )
    product_code: Mapped[str]  # 8 characters, ending in the division marker 99
    passage: Mapped[int]
    cumulative_doublings: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    cells_per_vial: Mapped[CellCount]  # total cells at fill
    volume_ml: Mapped[Millilitres]
    cryoprotectant: Mapped[str]
    dmso_percent: Mapped[Percent]
    planned_vial_count: Mapped[int]
    sample_cells: Mapped[CellCount] = mapped_column(server_default=text("0"))
    lost_cells: Mapped[CellCount] = mapped_column(server_default=text("0"))
    fill_started_at: Mapped[Instant]
    frozen_at: Mapped[Instant | None]  # freeze start
    freezing_program: Mapped[str | None]
    expires_on: Mapped[Day]
    state_before_hold: Mapped[LotState | None] = mapped_column(StateColumn(LotState))
    decision_reason: Mapped[str | None]  # why it was rejected or recalled
    state: Mapped[LotState] = state_of(LotState)
    SIGNED = (
        "code",
        "purpose",
        "donation_id",
        "specification_id",
        "cells_per_vial",
        "volume_ml",
        "expires_on",
        "frozen_at",
    )
    SIGNED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "reject_lot": (*SIGNED, "decision_reason"),
        "recall_lot": (*SIGNED, "decision_reason"),
    }
    __table_args__ = (
        CheckConstraint("cells_per_vial > 0", name="cells_per_vial_positive"),
        CheckConstraint("(state = 'ON_HOLD') = (state_before_hold IS NOT NULL)", name="hold_remembers_the_state"),
    )


class LotSource(Record):
    """Cells of one culture that went into a lot."""

    __tablename__ = "lot_source"
    lot_id: Mapped[int] = reference("lot", index=False)
    culture_id: Mapped[int] = reference("culture")
    cells_used: Mapped[CellCount]
    __table_args__ = (UniqueConstraint("lot_id", "culture_id"),)


class Vial(Record):
    """One vial: DIN + division. Reserved for at most one dose in its whole life at a time, by its own column."""

    __tablename__ = "vial"
    lot_id: Mapped[int] = reference("lot", index=False)
    donation_id: Mapped[int] = reference("donation", index=False)
    code: Mapped[str] = mapped_column(unique=True)  # DIN + 6-character division
    number: Mapped[int] = mapped_column(Computed("right(code, 6)::bigint", persisted=True))  # as printed: the division
    dose_id: Mapped[int | None] = reference("dose", index=False)
    picked_at: Mapped[Instant | None]
    thawed_at: Mapped[Instant | None]
    site_id: Mapped[int] = reference("site", index=False)  # whose stock
    state: Mapped[VialState] = state_of(VialState)
    __table_args__ = (
        UniqueConstraint("lot_id", "number"),
        Index("ix_vial_lot_id_state", "lot_id", "state", postgresql_include=["site_id"]),
        Index("ix_vial_donation_id", "donation_id"),
        Index("ix_vial_dose_id", "dose_id", postgresql_where=text("dose_id IS NOT NULL")),
        CheckConstraint(
            "dose_id IS NULL OR state NOT IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'CULTURED', 'VOIDED')",
            name="stock_is_reserved_for_nobody",
        ),
        CheckConstraint(
            "state NOT IN ('RESERVED', 'THAWED', 'POOLED', 'INFUSED') OR dose_id IS NOT NULL",
            name="reserved_for_a_dose",
        ),
        CheckConstraint(
            "state NOT IN ('THAWED', 'POOLED', 'INFUSED') OR thawed_at IS NOT NULL", name="thaw_has_a_time"
        ),
        CheckConstraint(
            "thawed_at IS NULL OR state NOT IN ('FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED')",
            name="never_refrozen",
        ),
    )
