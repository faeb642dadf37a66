"""The history of one record in the lab's words: every act on it, by whom, when, why, what it changed from what to what,
and what was refused; and its signatures."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from cellbank.domain.blind import BLIND, NOTHING, hidden_columns
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS
from cellbank.domain.scans import read_scan
from cellbank.records.quality import Signature
from cellbank.records.signed_content import still_covers
from cellbank.records.tables import metadata, record_class, record_tables
from cellbank.records.trail import CODES_GIVEN, Act
from cellbank.records.trail import HIDDEN as SECRET
from cellbank.services.clinic.identity import HIDDEN, is_identity, without_identity
from cellbank.services.installation import Installation, at_site
from cellbank.services.registry import title_of
from cellbank.services.trail.answered import Answered, answered
from cellbank.services.wording.column_words import told

PAGE = 100
# Columns that the line above already says.
_SILENT = {"id", "site_id", "code"}
# Everything is made by somebody at some place: their own history is what was done to them, not all that they did.
_NOT_A_WHOLE = {"person", "site", "definition"}


@dataclass(frozen=True)
class ChangeLine:
    """One column that an act changed, in the lab's words. `before` is None when the record was new or the column empty;
    keys of other rows are the codes or names of what they point at."""

    column: str
    label: str
    unit: str
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
    happened_at: datetime.datetime | None = None  # where that was said
    late_reason: str | None = None  # why it was entered late
    answered: Answered | None = None  # what could hardly be, and why it is right


@dataclass(frozen=True)
class Signed:
    """A signature on the record. Void: what it covers has changed since."""

    person: str
    meaning: str
    at: datetime.datetime
    is_void: bool


# What was refused counts too, also where the record was one of many that were scanned; but the reasons of another site
# may speak of its subjects.
_EVENTS = """
    WITH members AS (
           SELECT CAST(:kind AS text) AS kind, CAST(:id AS bigint) AS id, CAST(NULL AS jsonb) AS part {parts}),
         touched AS (SELECT c.*, m.part FROM members m JOIN change c ON c.record_kind = m.kind AND c.record_id = m.id),
         found AS (SELECT act_id AS id FROM touched UNION SELECT id FROM act WHERE record_code = :code
                   UNION SELECT id FROM act WHERE outcome = 'refused' AND {codes} @> jsonb_build_array(:code)),
         page AS (SELECT a.*, count(*) OVER () AS total FROM found JOIN act a USING (id)
                   WHERE (a.outcome = 'accepted' OR {here})
                   ORDER BY a.at DESC, a.id DESC LIMIT :size OFFSET :skip)
    SELECT a.id, a.name, a.at, a.recorded_at, a.outcome, a.given, a.refusals, a.result, a.total, p.full_name,
           a.happened_at, a.late_reason,
           jsonb_agg(jsonb_build_array(c.record_kind, c.before, c.after, c.part) ORDER BY c.id)
             FILTER (WHERE c.id IS NOT NULL) AS changes
      FROM page a JOIN person p ON p.id = a.person_id LEFT JOIN touched c ON c.act_id = a.id
     GROUP BY a.id, a.name, a.at, a.recorded_at, a.outcome, a.given, a.refusals, a.result, a.total, p.full_name,
              a.happened_at, a.late_reason
     ORDER BY a.at DESC, a.id DESC"""


def record_id(connection: Connection, kind: str, code: str) -> int | None:
    """The id of the record of this kind with this code."""
    if kind not in record_tables() or "code" not in metadata.tables[kind].columns:
        return None
    found: int | None = connection.scalar(text(f"SELECT id FROM {kind} WHERE code = :code"), {"code": code})
    return found


@dataclass(frozen=True)
class History:
    """Some of the acts on a record, the latest first, and how many there are in all."""

    events: tuple[Event, ...] = ()
    total: int = 0


def history(installation: Installation, kind: str, code: str, *, size: int | None = None, page: int = 1) -> History:
    """The acts on a record, all of them or one page. Empty when there is no such record."""
    with installation.reads.connect() as connection:
        return read_history(connection, kind, code, size=size, page=page, site=installation.site)


def read_history(
    connection: Connection, kind: str, code: str, *, size: int | None = None, page: int = 1, site: int | None = None
) -> History:
    """The acts on a record, within a snapshot of the database; with what was refused at this site only, or at all."""
    found = record_id(connection, kind, code)
    if found is None:
        return History()
    given = {"kind": kind, "id": found, "code": code, "size": size, "skip": (size or 0) * (page - 1), "site": site}
    statement = _EVENTS.format(parts=_parts(kind), codes=CODES_GIVEN, here=at_site("a.site_id"))
    rows = connection.execute(text(statement), given).all()
    names = Names(connection, (change for row in rows for change in row.changes or ()))
    hidden = hidden_now(connection, kind, code)
    return History(tuple(_event(row, kind, names, hidden) for row in rows), rows[0].total if rows else 0)


def hidden_now(connection: Connection, kind: str, code: str) -> frozenset[tuple[str, str]]:
    """The columns of a record that nobody is shown before a second person has looked for themselves."""
    if kind not in BLIND:
        return NOTHING
    return hidden_columns(kind, connection.scalar(text(f"SELECT state FROM {kind} WHERE code = :code"), {"code": code}))


def blind_now(connection: Connection) -> frozenset[tuple[str, str, int]]:
    """Of all records what nobody is shown before a second person has looked: (table, column, id of the row)."""
    asked = " UNION ALL ".join(
        f"SELECT '{table}', '{column}', t.id FROM {table} t {_of_the_record(table, record)} "
        f"WHERE r.state = '{blind.state}'"
        for record, blind in BLIND.items()
        for table, column in sorted(blind.columns)
    )
    return frozenset((table, column, row) for table, column, row in connection.execute(text(asked)))


def _of_the_record(table: str, record: str) -> str:
    """How a row of a table finds the record that hides it: itself, or what it is a part of."""
    if table == record:
        return f"JOIN {record} r ON r.id = t.id"
    columns = metadata.tables[table].columns
    key = next(c.name for c in columns for k in c.foreign_keys if k.column.table.name == record)
    return f"JOIN {record} r ON r.id = t.{key}"


# Records with a code of their own that are about one other record alone: what was decided there is of its history.
_ABOUT = {"lot": {"batch_review"}}


def _is_part(table: str, kind: str) -> bool:
    return "code" not in metadata.tables[table].columns or table in _ABOUT.get(kind, set())


@cache
def _parts(kind: str) -> str:
    """The rows without a code of their own that belong to a record of this kind: the places of a vial, the reagents of
    a culture. What happened to them happened to it."""
    parts = [
        f"UNION ALL SELECT '{table.name}', id, to_jsonb({table.name}) FROM {table.name} WHERE {column.name} = :id"
        for table in metadata.sorted_tables
        for column in table.columns
        if table.name in record_tables()
        and _is_part(table.name, kind)
        and kind not in _NOT_A_WHOLE
        and any(key.column.table.name == kind for key in column.foreign_keys)
    ]
    return " ".join(parts)


class Names:
    """What keys of other rows point at, by their codes or names; one statement for a page."""

    def __init__(self, connection: Connection, changes: Iterable[Any]) -> None:
        wanted: dict[str, set[int]] = {}
        for kind, *sides in changes:
            for column, value in (item for side in sides for item in (side or {}).items()):
                if value is not None and (target := _points_at(kind, column)):
                    wanted.setdefault(target, set()).add(value)
        asked = " UNION ALL ".join(
            f"SELECT '{target}', id, {_name_of(target)} FROM {target} WHERE id = ANY(:{target})" for target in wanted
        )
        given = {target: sorted(ids) for target, ids in wanted.items()}
        rows = connection.execute(text(asked), given).all() if asked else ()
        self._names = {(target, number): name for target, number, name in rows}

    def record(self, kind: str, number: int) -> str:
        """What the row of this id is called, where it was among the changes as its `id`."""
        return str(self._names.get((kind, number), number))

    def of(self, kind: str, column: str, value: Any) -> Any:
        """The value as it is, or the name of what it points at."""
        target = _target(kind, column)
        return self._names.get((target, value), value) if target and value is not None else value


def _points_at(kind: str, column: str) -> str | None:
    """The table of the row that a column names: one it points at, or its own."""
    return kind if column == "id" and kind in metadata.tables else _target(kind, column)


@cache
def _target(kind: str, column: str) -> str | None:
    """The table at which a column points."""
    found = metadata.tables[kind].columns.get(column) if kind in metadata.tables else None
    return next((key.column.table.name for key in found.foreign_keys), None) if found is not None else None


@cache
def _name_of(table: str) -> str:
    """How a row of a table is called, in SQL."""
    special = {"person": "full_name", "site": "name", "storage_unit": "name || ' (' || code || ')'"}
    return special.get(table) or ("code" if "code" in metadata.tables[table].columns else "id::text")


def _event(row: Any, record: str, names: Names, hidden: frozenset[tuple[str, str]]) -> Event:
    lines = [
        line
        for kind, before, after, part in row.changes or ()
        for line in _lines(record, kind, before, after, part, names)
        if (kind, line.column) not in hidden
    ]
    return Event(
        row.id,
        row.name,
        title_of(row.name),
        row.full_name,
        row.at,
        row.recorded_at,
        row.outcome or "open",
        tuple(lines),
        row.given.get("reason"),
        tuple(refusal["detail"] for refusal in without_identity(row.given, row.refusals)),
        row.happened_at,
        row.late_reason,
        answered(row.given, row.result or {}),
    )


def change_lines(
    kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, names: Names
) -> list[ChangeLine]:
    """What one act changed in one record, for a reader of many records at once."""
    return _lines(kind, kind, before, after, None, names)


def _lines(
    record: str,
    kind: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    part: Mapping[str, Any] | None,
    names: Names,
) -> list[ChangeLine]:
    """What changed in one row, its state first; of a new one only what it was given. A row that is only a part of the
    record says each time what it is about: which vial was taken out of the box."""
    was, is_now = before or {}, after or {}
    about = {} if before is None else {column: value for column, value in (part or {}).items() if _target(kind, column)}
    lines = {column: (was.get(column), value) for column, value in is_now.items() if before or value is not None}
    lines = {**{column: (None, value) for column, value in about.items() if value is not None}, **lines}
    wanted = [
        column
        for column in _order(kind)
        if column in lines and column not in _SILENT and (part is None or _target(kind, column) != record)
    ]
    return [_line(kind, column, *lines[column], names) for column in wanted]


@cache
def _order(kind: str) -> tuple[str, ...]:
    """The columns of a record as its table has them, the state before all."""
    return tuple(sorted((column.name for column in metadata.tables[kind].columns), key=lambda name: name != "state"))


def _line(kind: str, column: str, before: Any, after: Any, names: Names) -> ChangeLine:
    label, unit = told(kind, column)
    if is_identity(kind, column) or column in SECRET.get(kind, ()):
        return ChangeLine(column, label, "", None if before is None else HIDDEN, None if after is None else HIDDEN)
    return ChangeLine(column, label, unit, names.of(kind, column, before), names.of(kind, column, after))


def signatures(installation: Installation, kind: str, code: str) -> tuple[Signed, ...]:
    """The signatures on a record, the latest first, each with whether the record has changed since."""
    with installation.reads.connect() as connection:
        return read_signatures(connection, kind, code)


def read_signatures(connection: Connection, kind: str, code: str) -> tuple[Signed, ...]:
    """The signatures on a record, within a snapshot of the database."""
    with Session(connection, autoflush=False) as session:
        found = record_id(connection, kind, code)
        if found is None:
            return ()
        record = session.get_one(record_class(kind), found)
        signed = (
            select(Signature, Act.name)
            .join(Act, Act.id == Signature.act_id)
            .where(Signature.record_kind == kind, Signature.record_id == found)
        )
        return tuple(
            Signed(row.full_name, row.meaning, row.signed_at, not still_covers(record, act, row.digest))
            for row, act in session.execute(signed.order_by(Signature.signed_at.desc(), Signature.id.desc()))
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
    happened_at: datetime.datetime | None
    late_reason: str | None

    @property
    def answered(self) -> Answered | None:
        """What could hardly be, and why it is right."""
        return answered(self.given, self.result)


def done(installation: Installation, act_id: int, viewer: int) -> Done | None:
    """One act of the trail of the site that is looked at. What a second person must find without help is told only to
    the viewer who did the act."""
    statement = text(
        f"""SELECT a.*, p.full_name FROM act a JOIN person p ON p.id = a.person_id
             WHERE a.id = :id AND {at_site("a.site_id")}"""
    )
    with installation.reads.connect() as connection:
        row = connection.execute(statement, {"id": act_id, "site": installation.site}).one_or_none()
        if row is None or row.outcome is None:
            return None
        is_hidden = row.person_id != viewer and _is_blind(connection, row.record_code)
    given, result = row.given, row.result or {}
    if is_hidden:
        given, result = {}, {name: result[name] for name in ("kind", "code", "state") if name in result}
    return Done(
        row.id,
        row.name,
        title_of(row.name),
        row.person_id,
        row.full_name,
        row.at,
        row.outcome,
        result,
        row.record_code,
        given,
        tuple(without_identity(row.given, row.refusals)),
        row.happened_at,
        row.late_reason,
    )


def _is_blind(connection: Connection, code: str | None) -> bool:
    """Whether something of the record with this code is hidden now."""
    scan = read_scan(code or "")
    kind = RECORDS[scan.kind] if not isinstance(scan, Garbled) and scan.kind in RECORDS else ""
    return bool(hidden_now(connection, kind, code or ""))
