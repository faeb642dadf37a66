"""Where every vial stands: a tree of storage units, and the interval during which a vial stood at a position."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import CountState, UnitState
from cellbank.domain.storage_tree import LEVELS, WITH_POSITIONS
from cellbank.records.base import Day, Instant, Json, Record, reference, skeleton_of, state_of


def _one_of(column: str, names: Iterable[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"{column} IN ({listed})"


class StorageUnit(Record):
    """A room, tank, rack, box … (`domain/storage_tree.py`). Only some kinds have positions; `place` is its place within
    what it stands in, in pick order, and `capacity` how many places there are in it for other units."""

    __tablename__ = "storage_unit"
    site_id: Mapped[int] = reference("site")
    parent_id: Mapped[int | None] = reference("storage_unit")
    code: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(Text, CheckConstraint(_one_of("type", LEVELS), name="type"))
    name: Mapped[str]
    name_key: Mapped[str] = skeleton_of("name")
    place: Mapped[int]
    capacity: Mapped[int | None]  # None: nobody counts its places
    stands_since: Mapped[Instant | None]  # None: since it was added
    row_count: Mapped[int | None]
    column_count: Mapped[int | None]
    out_of_service_reason: Mapped[str | None]
    cold_minutes: Mapped[int | None]  # of a transfer dewar: how long a vial stays cold in it
    # of a shipper: a unit that travels
    hold_hours: Mapped[Decimal | None] = mapped_column(Numeric(6, 1))  # cold after a full charge, as last qualified
    qualified_on: Mapped[Day | None]
    qualified_until: Mapped[Day | None]
    state: Mapped[UnitState] = state_of(UnitState)
    __table_args__ = (
        CheckConstraint(
            f"({_one_of('type', WITH_POSITIONS)}) = (row_count IS NOT NULL AND column_count IS NOT NULL)",
            name="positions_where_vials_stand",
        ),
        CheckConstraint(
            "num_nonnulls(hold_hours, qualified_on, qualified_until) = CASE type WHEN 'shipper' THEN 3 ELSE 0 END",
            name="a_shipper_is_qualified",
        ),
        CheckConstraint("(type = 'dewar') = (cold_minutes IS NOT NULL)", name="a_dewar_keeps_cold"),
        CheckConstraint("cold_minutes BETWEEN 1 AND 1440", name="cold_for_a_time"),
        CheckConstraint("qualified_until > qualified_on AND hold_hours > 0", name="qualified_for_a_time"),
        CheckConstraint("row_count BETWEEN 1 AND 26 AND column_count BETWEEN 1 AND 48", name="box_size"),
        CheckConstraint("capacity IS NULL OR (capacity BETWEEN 1 AND 9999 AND row_count IS NULL)", name="capacity"),
        Index("uq_storage_unit_parent_id_place", "parent_id", "place", unique=True),
        Index(
            "one_unit_per_place_of_the_site",
            "site_id",
            "place",
            unique=True,
            postgresql_where=text("parent_id IS NULL"),
        ),
    )


class UnitStay(Record):
    """Where a unit stood until it was moved; where it stands now is in its own row. The database writes these, by the
    trigger `storage_unit_stays`, so that no move forgets where a vial's box once was. `since` None: from the first."""

    __tablename__ = "unit_stay"
    unit_id: Mapped[int] = reference("storage_unit", index=False)
    parent_id: Mapped[int | None] = reference("storage_unit")
    place: Mapped[int]
    since: Mapped[Instant | None]
    until: Mapped[Instant]
    __table_args__ = (Index("ix_unit_stay_unit_id_until", "unit_id", "until"),)


class Placement(Record):
    """A vial at a position of a box, from `placed_at` until `taken_at`. Positions count from 1, row by row. `dewar_id`
    is the transfer dewar that it was taken into, None: it was carried in the open."""

    __tablename__ = "placement"
    vial_id: Mapped[int] = reference("vial", index=False)
    box_id: Mapped[int] = reference("storage_unit", index=False)
    position: Mapped[int]
    placed_at: Mapped[Instant]
    taken_at: Mapped[Instant | None]
    dewar_id: Mapped[int | None] = reference("storage_unit", index=False)
    __table_args__ = (
        Index(
            "one_live_vial_per_position",
            "box_id",
            "position",
            unique=True,
            postgresql_where=text("taken_at IS NULL"),
        ),
        Index("one_live_position_per_vial", "vial_id", unique=True, postgresql_where=text("taken_at IS NULL")),
        Index("ix_placement_vial_id", "vial_id"),
        CheckConstraint("position >= 1", name="position_from_one"),
        CheckConstraint("taken_at >= placed_at", name="taken_after_placed"),
        CheckConstraint("dewar_id IS NULL OR taken_at IS NOT NULL", name="taken_into_a_dewar"),
    )


class WarmingEvent(Record):
    """A vial, or a unit with all that stood in it, lifted out of the cold and put back into the same place. Ways from
    one place to another are told by the placements themselves."""

    __tablename__ = "warming_event"
    vial_id: Mapped[int | None] = reference("vial")
    unit_id: Mapped[int | None] = reference("storage_unit")
    out_at: Mapped[Instant]
    in_at: Mapped[Instant]
    __table_args__ = (
        CheckConstraint("num_nonnulls(vial_id, unit_id) = 1", name="one_subject"),
        CheckConstraint("in_at > out_at", name="in_after_out"),
    )


class StockCount(Record):
    """What stands in a box, counted by two people of whom the second does not see what the first one found."""

    __tablename__ = "stock_count"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)
    unit_id: Mapped[int] = reference("storage_unit")
    first_counted_by_id: Mapped[int] = reference("person", index=False)
    second_counted_by_id: Mapped[int | None] = reference("person", index=False)
    reasons: Mapped[Json | None]  # of each difference from the book
    closed_at: Mapped[Instant | None]
    state: Mapped[CountState] = state_of(CountState)
    __table_args__ = (
        CheckConstraint("second_counted_by_id <> first_counted_by_id", name="counted_by_another_person"),
        CheckConstraint("(state = 'CLOSED') = (closed_at IS NOT NULL)", name="closed_has_a_time"),
        CheckConstraint("state = 'COUNTED_ONCE' OR second_counted_by_id IS NOT NULL", name="counted_twice"),
        Index("one_open_count_per_box", "unit_id", unique=True, postgresql_where=text("state <> 'CLOSED'")),
    )


class CountSheet(Record):
    """What one of the two found: `seen` maps each position to the vial there, or to null where nothing can be read."""

    __tablename__ = "count_sheet"
    stock_count_id: Mapped[int] = reference("stock_count", index=False)
    number: Mapped[int]
    counted_by_id: Mapped[int] = reference("person", index=False)
    counted_at: Mapped[Instant]
    seen: Mapped[Json]
    __table_args__ = (Index("one_sheet_of_each_person", "stock_count_id", "number", unique=True),)
