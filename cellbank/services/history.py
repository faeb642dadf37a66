"""The history of one record in words: every act on it, by whom, when, with what it changed; and its signatures."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle import STATES
from cellbank.records.base import Base
from cellbank.records.quality import Signature
from cellbank.records.work import content_digest
from cellbank.services.acts import REGISTRY
from cellbank.services.bank import Bank

AT_MOST = 200
# Columns that say nothing to a person: keys of other rows, and what the act line already says.
_SILENT = {"id", "site_id", "fin_registered"}


@dataclass(frozen=True)
class ChangeLine:
    """One column that an act changed; `before` is None when the record was new."""

    column: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Event:
    """One act on the record."""

    act: int
    name: str
    title: str
    person: str
    at: datetime.datetime
    recorded_at: datetime.datetime
    outcome: str
    changes: tuple[ChangeLine, ...]
    reason: str | None
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signed:
    """A signature on the record. Void: what it covers has changed since."""

    person: str
    meaning: str
    at: datetime.datetime
    is_void: bool


_EVENTS = text(
    """WITH found AS (
         SELECT act_id FROM change WHERE record_kind = :kind AND record_id = :id
         UNION SELECT id FROM act WHERE record_code = :code)
       SELECT a.id, a.name, a.at, a.recorded_at, a.outcome, a.given, a.refusals, p.full_name,
              (SELECT jsonb_agg(jsonb_build_array(c.before, c.after) ORDER BY c.id) FROM change c
                WHERE c.act_id = a.id AND c.record_kind = :kind AND c.record_id = :id) AS changes
         FROM found JOIN act a ON a.id = found.act_id JOIN person p ON p.id = a.person_id
        ORDER BY a.at DESC, a.id DESC LIMIT :limit"""
)


def record_id(bank: Bank, kind: str, code: str) -> int | None:
    """The id of the record of this kind with this code."""
    if kind not in STATES or kind in ("printing", "scan"):
        return None
    with bank.reads.connect() as connection:
        return connection.scalar(text(f"SELECT id FROM {kind} WHERE code = :code"), {"code": code})


def history(bank: Bank, kind: str, code: str) -> tuple[Event, ...]:
    """The acts on a record, the latest first, at most 200 of them."""
    found = record_id(bank, kind, code)
    if found is None:
        return ()
    with bank.reads.connect() as connection:
        given = {"kind": kind, "id": found, "code": code, "limit": AT_MOST}
        return tuple(_event(row) for row in connection.execute(_EVENTS, given))


def _event(row: Any) -> Event:
    title = REGISTRY[row.name].title if row.name in REGISTRY else row.name.replace("_", " ")
    lines = [line for before, after in row.changes or () for line in _lines(before or {}, after or {})]
    reasons = tuple(item["detail"] for item in row.refusals or ())
    return Event(
        row.id, row.name, title, row.full_name, row.at, row.recorded_at, row.outcome, tuple(lines),
        (row.given or {}).get("reason"), reasons,
    )  # fmt: skip


def _lines(before: dict[str, Any], after: dict[str, Any]) -> list[ChangeLine]:
    """What changed, without keys of other rows and without long documents. Of a new record only what it was given."""
    return [
        ChangeLine(column, before.get(column), value)
        for column, value in after.items()
        if column not in _SILENT and not column.endswith("_id") and not isinstance(value, dict | list)
        and len(str(value)) < 300 and (before or value is not None)
    ]  # fmt: skip


def signatures(bank: Bank, kind: str, code: str) -> tuple[Signed, ...]:
    """The signatures on a record, the latest first, each with whether the record has changed since."""
    tables = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    with Session(bank.reads) as session:
        record = session.scalar(select(tables[kind]).where(tables[kind].code == code)) if kind in tables else None
        if record is None:
            return ()
        digest = content_digest(record)
        found = select(Signature).where(Signature.record_kind == kind, Signature.record_id == record.id)
        return tuple(
            Signed(row.full_name, row.meaning, row.signed_at, row.digest != digest)
            for row in session.scalars(found.order_by(Signature.signed_at.desc(), Signature.id.desc()))
        )


@dataclass(frozen=True)
class Done:
    """What came of one act, as the trail keeps it."""

    act: int
    name: str
    title: str
    person_id: int
    person: str
    at: datetime.datetime
    outcome: str
    result: dict[str, Any]
    record_code: str | None
    given: dict[str, Any]
    refusals: tuple[dict[str, str], ...]


def done(bank: Bank, act_id: int) -> Done | None:
    """One act of the trail."""
    statement = text("SELECT a.*, p.full_name FROM act a JOIN person p ON p.id = a.person_id WHERE a.id = :id")
    with bank.reads.connect() as connection:
        row = connection.execute(statement, {"id": act_id}).one_or_none()
    if row is None or row.outcome is None:
        return None
    title = REGISTRY[row.name].title if row.name in REGISTRY else row.name.replace("_", " ")
    return Done(
        row.id, row.name, title, row.person_id, row.full_name, row.at, row.outcome, row.result or {}, row.record_code,
        row.given, tuple(row.refusals or ()),
    )  # fmt: skip
