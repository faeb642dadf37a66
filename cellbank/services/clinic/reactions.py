"""Reactions to a dose, as pages and documents tell of them."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# When the act `a` that made the record of this kind and id was told late: why.
LATE_REASON = """(SELECT a.late_reason FROM change c JOIN act a ON a.id = c.act_id
    WHERE c.record_kind = '{kind}' AND c.record_id = {id} AND c.before IS NULL)"""
# Of the dose `d`: each reaction in its order.
REACTIONS = f"""(SELECT coalesce(json_agg(json_build_array(d.code, r.happened_at, r.noted_at,
    {LATE_REASON.format(kind="reaction", id="r.id")}, p.full_name, r.is_serious, r.text)
    ORDER BY r.happened_at, r.id), '[]') FROM reaction r JOIN person p ON p.id = r.noted_by_id
    WHERE r.dose_id = d.id) AS reactions"""


@dataclass(frozen=True)
class Noted:
    """One reaction to a dose: who noted it, whether it was serious, what was seen and done; `at` is when it was
    entered, `happened_at` when it happened, where that was earlier, `late_reason` why it was entered late."""

    dose: str
    at: datetime.datetime
    by: str
    is_serious: bool
    text: str
    happened_at: datetime.datetime | None = None
    late_reason: str | None = None


def reactions_of(column: Iterable[Any]) -> tuple[Noted, ...]:
    """The reactions from the column `reactions`."""
    return tuple(_noted(*one) for one in column)


def _noted(
    dose: str, happened: str, noted: str, late_reason: str | None, by: str, is_serious: bool, text: str
) -> Noted:
    happened_at, at = (datetime.datetime.fromisoformat(one) for one in (happened, noted))
    return Noted(dose, at, by, is_serious, text, happened_at if happened_at < at else None, late_reason)
