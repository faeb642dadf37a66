"""Shipments between sites: what travels in which shipper, who had it in hand from when to when, and what arrived."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.records.base import Instant, Json, Record, reference, state_of

AS_SEALED = (
    "code", "from_site_id", "to_site_id", "shipper_id", "logger_id", "charged_at", "charge_kg", "planned_hours",
    "seals", "sealed_at",
)  # fmt: skip
ENDED = "('ACCEPTED', 'REJECTED', 'CANCELLED')"


class Shipment(Record):
    """Vials on their way from one site to another, in one shipper (a storage unit that travels). `site_id` is the site
    that has it in hand: the sender's until it is received. A shipment without vials brings an empty shipper home."""

    __tablename__ = "shipment"
    site_id: Mapped[int] = reference("site")
    from_site_id: Mapped[int] = reference("site")
    to_site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    wanted: Mapped[Json]  # [{"lot": code, "count": vials}, …]; empty: the shipper alone
    note: Mapped[str | None]
    ordered_by_id: Mapped[int] = reference("person", index=False)
    ordered_at: Mapped[Instant]
    shipper_id: Mapped[int | None] = reference("storage_unit")  # from the first vial on
    # when it is sealed
    logger_id: Mapped[int | None] = reference("probe")
    charged_at: Mapped[Instant | None]
    charge_kg: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))  # mass of the charged shipper
    planned_hours: Mapped[Decimal | None] = mapped_column(Numeric(6, 1))
    seals: Mapped[Json | None]  # numbers, as they stand on them
    sealed_at: Mapped[Instant | None]
    sealed_by_id: Mapped[int | None] = reference("person", index=False)
    sent_at: Mapped[Instant | None]  # handed over for the first time
    # at the other end
    received_at: Mapped[Instant | None]
    received_by_id: Mapped[int | None] = reference("person", index=False)
    seals_found: Mapped[Json | None]  # number to "intact", "broken" or "missing"; also numbers that nobody put on
    checked_at: Mapped[Instant | None]  # every vial scanned, or found missing
    checked_by_id: Mapped[int | None] = reference("person", index=False)
    differences: Mapped[Json | None]  # what was otherwise than it should be, each with its deviation
    decided_at: Mapped[Instant | None]
    decided_by_id: Mapped[int | None] = reference("person", index=False)
    decision_reason: Mapped[str | None]  # also why it was cancelled
    state: Mapped[ShipmentState] = state_of(ShipmentState)
    SIGNED: ClassVar[tuple[str, ...]] = (
        "code", "from_site_id", "to_site_id", "shipper_id", "logger_id", "seals", "sent_at", "received_at",
        "seals_found", "differences", "decision_reason",
    )  # fmt: skip
    # Whoever hands it on signs for what was sealed, whoever receives it for the seals too as they were found: what is
    # found later voids neither.
    SIGNED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "hand_over_shipment": AS_SEALED,
        "take_over_shipment": AS_SEALED,
        "receive_shipment": (*AS_SEALED, "received_at", "seals_found"),
    }
    __table_args__ = (
        CheckConstraint("from_site_id <> to_site_id", name="goes_to_another_site"),
        CheckConstraint("site_id IN (from_site_id, to_site_id)", name="is_at_one_of_its_sites"),
        CheckConstraint(
            "decided_by_id NOT IN (sealed_by_id, received_by_id, checked_by_id)", name="decided_by_another_person"
        ),
        CheckConstraint(
            "state NOT IN ('SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED', 'ACCEPTED', 'REJECTED') "
            "OR num_nonnulls(shipper_id, charged_at, planned_hours, seals, sealed_at, sealed_by_id) = 6",
            name="sealed_with_all_that_belongs_to_it",
        ),
        CheckConstraint(
            "state NOT IN ('ACCEPTED', 'REJECTED') OR num_nonnulls(checked_at, decided_by_id, decided_at) = 3",
            name="decided_after_the_check",
        ),
        Index(
            "one_live_shipment_per_shipper", "shipper_id", unique=True, postgresql_where=text(f"state NOT IN {ENDED}")
        ),
    )


class PackedVial(Record):
    """A vial at a position of the shipper of a shipment, from `packed_at` until it is unpacked or the shipment is
    decided (`ended_at`). `finding` is what the receiving site saw: RECEIVED, MISSING or DAMAGED."""

    __tablename__ = "packed_vial"
    shipment_id: Mapped[int] = reference("shipment")
    vial_id: Mapped[int] = reference("vial", index=False)
    position: Mapped[int]
    packed_at: Mapped[Instant]
    packed_by_id: Mapped[int] = reference("person", index=False)
    finding: Mapped[str | None] = mapped_column(
        Text, CheckConstraint("finding IN ('RECEIVED', 'MISSING', 'DAMAGED')", name="finding")
    )
    found_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    __table_args__ = (
        Index("one_live_shipment_per_vial", "vial_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_packed_vial_vial_id", "vial_id"),
        CheckConstraint("(finding IS NULL) = (found_at IS NULL)", name="found_at_a_time"),
        CheckConstraint("ended_at >= packed_at", name="ended_after_packed"),
    )


class Custody(Record):
    """Who had a shipment in hand, from when until when: one of ours, or a carrier with the number of its paper."""

    __tablename__ = "custody"
    shipment_id: Mapped[int] = reference("shipment", index=False)
    person_id: Mapped[int | None] = reference("person", index=False)
    carrier: Mapped[str | None]
    waybill: Mapped[str | None]
    since: Mapped[Instant]
    until: Mapped[Instant | None]
    __table_args__ = (
        Index("one_custodian_at_a_time", "shipment_id", unique=True, postgresql_where=text("until IS NULL")),
        Index("ix_custody_shipment_id", "shipment_id"),
        CheckConstraint("num_nonnulls(person_id, carrier) = 1", name="one_holder"),
        CheckConstraint("waybill IS NULL OR carrier IS NOT NULL", name="waybill_of_a_carrier"),
        CheckConstraint("until >= since", name="until_after_since"),
    )
