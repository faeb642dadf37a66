"""Every result that speaks about a lot: its own, those of the cultures before it, and those of its tissue."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.rules.tested import LotResult

_RESULTS = text(
    """SELECT lot.id AS lot_id, r.code, r.test, r.number, r.choice, r.unit, r.verdict, r.state,
              (r.resulted_at AT TIME ZONE site.timezone)::date AS resulted_on,
              coalesce(r.sample_number, 1) AS sample_number, r.change_reason, p.full_name AS changed_by,
              c.code AS culture, d.code AS donation
         FROM lot JOIN site ON site.id = lot.site_id CROSS JOIN LATERAL lot_results(lot.id) AS found(id)
         JOIN test_result r ON r.id = found.id LEFT JOIN person p ON p.id = r.changed_by_id
         LEFT JOIN culture c ON c.id = r.culture_id LEFT JOIN donation d ON d.id = r.donation_id
        WHERE lot.id = ANY (:lots) ORDER BY r.resulted_at, r.id"""
)


def lot_results(session: Session, lot_ids: Iterable[int]) -> dict[int, tuple[LotResult, ...]]:
    """All results of each of these lots in the order of their times, those too that no longer count."""
    found: dict[int, list[LotResult]] = {}
    for row in session.execute(_RESULTS, {"lots": list(lot_ids)}):
        changed = f"by {row.changed_by}: {row.change_reason}" if row.change_reason else ""
        value = shown_value(row.number, row.choice, row.unit)
        of = f"culture {row.culture}" if row.culture else f"donation {row.donation}" if row.donation else ""
        result = LotResult(
            row.code, row.test, value, row.verdict, row.state, row.resulted_on, row.sample_number, of, changed
        )
        found.setdefault(row.lot_id, []).append(result)
    return {lot_id: tuple(results) for lot_id, results in found.items()}


def shown_value(number: Decimal | None, choice: Any, unit: str | None) -> str:
    """A result as a person reads it: with its unit, without needless zeros."""
    if number is None:
        return str(choice)
    plain = number.normalize() if number else Decimal(0)
    return f"{plain:f} {unit or ''}".rstrip()
