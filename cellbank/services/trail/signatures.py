"""The signatures on records, and whether each still covers what was signed."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, text
from sqlalchemy.orm import Session

from cellbank.records.signed_content import still_covers
from cellbank.records.tables import record_class


@dataclass(frozen=True)
class Signed:
    """A signature. `holds` is false when what it covers has changed since."""

    act: int
    person: str
    meaning: str
    record: str
    at: datetime.datetime
    digest: str
    holds: bool


_SIGNATURES = text(
    """SELECT s.id, s.act_id, a.name AS act, s.full_name, s.meaning, s.record_kind, s.record_id, s.signed_at, s.digest
         FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS r(kind, id)
         JOIN signature s ON s.record_kind = r.kind AND s.record_id = r.id JOIN act a ON a.id = s.act_id
        ORDER BY s.signed_at, s.id"""
)


def signatures_of(connection: Connection, names: Mapping[tuple[str, int], str]) -> tuple[Signed, ...]:
    """The signatures on these records, given as (kind, id) with their codes, in the order in which they were made."""
    kinds, ids = zip(*names, strict=True)
    rows = connection.execute(_SIGNATURES, {"kinds": list(kinds), "ids": list(ids)}).all()
    holding = _holding(connection, rows)
    return tuple(
        Signed(
            row.act_id,
            row.full_name,
            row.meaning,
            f"{row.record_kind.replace('_', ' ')} {names[row.record_kind, row.record_id]}",
            row.signed_at,
            row.digest,
            row.id in holding,
        )
        for row in rows
    )


def _holding(connection: Connection, rows: Sequence[Row[Any]]) -> set[int]:
    """The ids of those signatures whose records are as they were signed."""
    found = set()
    with Session(connection, autoflush=False) as session:
        for kind in {row.record_kind for row in rows}:
            cls, of_kind = record_class(kind), [row for row in rows if row.record_kind == kind]
            signed = select(cls).where(cls.id.in_({row.record_id for row in of_kind}))
            records = {record.id: record for record in session.scalars(signed)}
            found |= {row.id for row in of_kind if still_covers(records[row.record_id], row.act, row.digest)}
    return found
