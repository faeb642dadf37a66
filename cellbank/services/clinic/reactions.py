"""Reactions to a dose, as pages and documents tell of them."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Of the dose `d`: each reaction in its order.
REACTIONS = """(SELECT coalesce(json_agg(json_build_array(r.happened_at, p.full_name, r.is_serious, r.text)
    ORDER BY r.happened_at, r.id), '[]') FROM reaction r JOIN person p ON p.id = r.noted_by_id
    WHERE r.dose_id = d.id) AS reactions"""


@dataclass(frozen=True)
class Noted:
    """One reaction: when it happened, who noted it, whether it was serious, and what was seen and done."""

    at: datetime.datetime
    by: str
    is_serious: bool
    text: str


def reactions_of(column: Iterable[Any]) -> tuple[Noted, ...]:
    """The reactions from the column `reactions`."""
    return tuple(Noted(datetime.datetime.fromisoformat(at), by, serious, words) for at, by, serious, words in column)
