"""The steps of one dose as they were done: when each happened, by whom, when it was entered, and out of which form."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

# What a step is called, the column that holds when it happened, and the one that holds who did it.
STEPS: Sequence[tuple[str, str, str | None]] = (
    ("Ordered", "ordered_at", "ordered_by_id"), ("Thaw began", "thaw_started_at", None),
    ("Counted", "counted_at", None),
    ("Drawn up", "prepared_at", "prepared_by_id"), ("First check", "first_checked_at", "first_checked_by_id"),
    ("Second check", "second_checked_at", "second_checked_by_id"), ("Infusion began", "infusion_started_at", None),
    ("Infusion ended", "infusion_stopped_at", None),
)  # fmt: skip
ON_PAPER = "confirm_dose_from_paper"


@dataclass(frozen=True)
class StepDone:
    """One step. `at` is when it was entered, `happened_at` when it happened, where that was earlier; `by` is who did
    it, None where a paper form tells; `entered_by` are those who entered it, where that was somebody else."""

    label: str
    at: datetime.datetime
    by: str | None
    happened_at: datetime.datetime | None = None
    late_reason: str | None = None
    entered_by: tuple[str, ...] = ()

    @property
    def from_paper(self) -> bool:
        """Whether two people read it off a form."""
        return len(self.entered_by) > 1


# The last act that wrote each of the columns; of a form also who entered it before it was confirmed.
_WRITTEN = text(
    """SELECT DISTINCT ON (k) k, a.name, a.at, a.late_reason, p.full_name,
              (SELECT e.full_name FROM dose_paper f JOIN person e ON e.id = f.entered_by_id
                WHERE f.dose_id = :dose AND f.state = 'CONFIRMED' LIMIT 1) AS form_by,
              (SELECT f.content ->> 'reason' FROM dose_paper f
                WHERE f.dose_id = :dose AND f.state = 'CONFIRMED' LIMIT 1) AS why_on_paper
         FROM change c JOIN act a ON a.id = c.act_id JOIN person p ON p.id = a.person_id
         CROSS JOIN LATERAL unnest(CAST(:columns AS text[])) AS k
        WHERE c.record_kind = 'dose' AND c.record_id = :dose AND c.after ->> k IS NOT NULL ORDER BY k, c.id DESC"""
).bindparams(bindparam("columns", [column for _, column, _ in STEPS]))
_DOSE = text("SELECT * FROM dose WHERE id = :dose")
_PEOPLE = text("SELECT id, full_name FROM person WHERE id = ANY(:ids)")


def dose_steps(connection: Connection, dose_id: int) -> tuple[StepDone, ...]:
    """The steps that were done, in their order."""
    dose = connection.execute(_DOSE, {"dose": dose_id}).mappings().one()
    written = {row.k: row for row in connection.execute(_WRITTEN, {"dose": dose_id})}
    ids = [dose[who] for _, _, who in STEPS if who and dose[who]]
    names = {row.id: row.full_name for row in connection.execute(_PEOPLE, {"ids": ids})}
    return tuple(
        _step(label, dose[column], written[column], names.get(dose[who]) if who else None)
        for label, column, who in STEPS
        if dose[column] is not None and column in written
    )


def _step(label: str, happened: datetime.datetime, row: Row[Any], by: str | None) -> StepDone:
    if row.name == ON_PAPER:
        entered = tuple(name for name in (row.form_by, row.full_name) if name)
        return StepDone(label, row.at, by, happened, row.why_on_paper or row.late_reason, entered)
    late = happened if row.at - happened >= datetime.timedelta(minutes=1) else None
    other = (row.full_name,) if by not in (None, row.full_name) else ()
    return StepDone(label, row.at, by or row.full_name, late, row.late_reason, other)
