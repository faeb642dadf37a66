"""Values that were put right: what stood there first, what stands there now, what followed from it, and why."""

from typing import ClassVar

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from cellbank.domain.lifecycle.states import CorrectionState
from cellbank.records.base import Instant, Json, Record, reference, state_of


class Correction(Record):
    """One value of one record put right (`domain/correction.py`); inserted only. `follows` are the other values that
    were worked out again in the same act: record, column, before, after."""

    __tablename__ = "correction"
    culture_id: Mapped[int | None] = reference("culture")
    lot_id: Mapped[int | None] = reference("lot")
    vial_id: Mapped[int | None] = reference("vial")
    dose_id: Mapped[int | None] = reference("dose")
    column_name: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    follows: Mapped[Json]
    reason: Mapped[str]
    corrected_at: Mapped[Instant]
    corrected_by_id: Mapped[int] = reference("person", index=False)
    state: Mapped[CorrectionState] = state_of(CorrectionState)
    SIGNED: ClassVar[tuple[str, ...]] = (
        "culture_id", "lot_id", "vial_id", "dose_id", "column_name", "before", "after", "follows", "reason",
    )  # fmt: skip
    __table_args__ = (
        CheckConstraint("num_nonnulls(culture_id, lot_id, vial_id, dose_id) = 1", name="one_record"),
        CheckConstraint("before <> after", name="something_is_put_right"),
    )
