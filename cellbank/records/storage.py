"""Where every vial stands: a tree of storage units, and the interval during which a vial stood at a position."""

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.records.base import Instant, Record, reference, state_of


class StorageUnit(Record):
    """A tank, rack or box. Only a box has positions; `place` is its place within the parent, in pick order."""

    __tablename__ = "storage_unit"
    site_id: Mapped[int] = reference("site")
    parent_id: Mapped[int | None] = reference("storage_unit")
    code: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(Text, CheckConstraint("type IN ('tank', 'rack', 'box')", name="type"))
    name: Mapped[str]
    place: Mapped[int]
    row_count: Mapped[int | None]
    column_count: Mapped[int | None]
    out_of_service_reason: Mapped[str | None]
    state: Mapped[str] = state_of("storage_unit")
    __table_args__ = (
        CheckConstraint(
            "(type = 'box') = (row_count IS NOT NULL AND column_count IS NOT NULL)",
            name="boxes_have_positions",
        ),
        CheckConstraint("row_count BETWEEN 1 AND 26 AND column_count BETWEEN 1 AND 48", name="box_size"),
        CheckConstraint("(type = 'tank') = (parent_id IS NULL)", name="tanks_are_roots"),
        Index("uq_storage_unit_parent_id_place", "parent_id", "place", unique=True),
    )


class Placement(Record):
    """A vial at a position of a box, from `placed_at` until `taken_at`. Positions count from 1, row by row."""

    __tablename__ = "placement"
    vial_id: Mapped[int] = reference("vial", index=False)
    box_id: Mapped[int] = reference("storage_unit", index=False)
    position: Mapped[int]
    placed_at: Mapped[Instant]
    taken_at: Mapped[Instant | None]
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
    )
