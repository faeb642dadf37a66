"""The signatures on records, and whether each still covers what was signed."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from cellbank.records.tables import record_class
from cellbank.records.work import content_digest


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
    """SELECT s.act_id, s.full_name, s.meaning, s.record_kind, s.record_id, s.signed_at, s.digest
         FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS r(kind, id)
         JOIN signature s ON s.record_kind = r.kind AND s.record_id = r.id ORDER BY s.signed_at, s.id"""
)


def signatures_of(connection: Connection, names: Mapping[tuple[str, int], str]) -> tuple[Signed, ...]:
    """The signatures on these records, given as (kind, id) with their codes, in the order in which they were made."""
    kinds, ids = zip(*names, strict=True)
    rows = connection.execute(_SIGNATURES, {"kinds": list(kinds), "ids": list(ids)}).all()
    now = _digests(connection, {(row.record_kind, row.record_id, row.meaning) for row in rows})
    return tuple(
        Signed(
            row.act_id, row.full_name, row.meaning,
            f"{row.record_kind.replace('_', ' ')} {names[row.record_kind, row.record_id]}", row.signed_at, row.digest,
            row.digest == now[row.record_kind, row.record_id, row.meaning],
        )
        for row in rows
    )  # fmt: skip


def _digests(connection: Connection, signed: set[tuple[str, int, str]]) -> dict[tuple[str, int, str], str]:
    """What a signature of this meaning on each of these records would cover now."""
    found = {}
    with Session(connection, autoflush=False) as session:
        for kind in {kind for kind, _, _ in signed}:
            cls = record_class(kind)
            meanings: dict[int, set[str]] = {}
            for of_kind, record, meaning in signed:
                if of_kind == kind:
                    meanings.setdefault(record, set()).add(meaning)
            for row in session.scalars(select(cls).where(cls.id.in_(list(meanings)))):
                found |= {(kind, row.id, meaning): content_digest(row, meaning) for meaning in meanings[row.id]}
    return found
