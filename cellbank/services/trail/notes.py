"""What the server notes in the database about its own work: how far a file of signed heads goes, what a check found.

The application's role could write such a row too, to hide an alarm or to raise a false one. So each is signed by the
key that signs the heads, and one that is not counts for nothing. Rows are only added; they count by the time that is
signed in them, so that one that is written once more says nothing new.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from cellbank.outside.head_file import TrailKey, has_key, is_signed_by, trail_key
from cellbank.records.base import as_json

FEW, MOST = 10, 2000  # rows that are looked at: one of ours is the first, unless somebody put others before it

_OF_HEADS = "file, place, number, digest, signed_at, ended_because"
_OF_CHECKS = "began_at, whole, acts, found"
_COLUMNS = {"head_file": _OF_HEADS, "trail_check": _OF_CHECKS}
_ARRAYS = {"found": "CAST(:found AS text[])"}


def add_note(connection: Connection, key: TrailKey, table: str, **columns: Any) -> None:
    """Write a note and sign it. Its columns are those of the table that say something."""
    names = _COLUMNS[table].split(", ")
    values = ", ".join(_ARRAYS.get(name, f":{name}") for name in names)
    statement = text(f"INSERT INTO {table} ({_COLUMNS[table]}, signature) VALUES ({values}, :signature)")
    connection.execute(statement, {**columns, "signature": key.sign(_content(table, columns))})


def newest(table: str, where: str, order: str) -> TextClause:
    """The statement for notes of this kind, the one that counts most first."""
    return text(f"SELECT id, {_COLUMNS[table]}, signature FROM {table} WHERE {where} ORDER BY {order} LIMIT :most")


@dataclass(frozen=True)
class Notes:
    """The notes of whoever holds a key (None: of nobody)."""

    connection: Connection
    key: str | None

    def first(self, table: str, statement: TextClause, **given: Any) -> Row[Any] | None:
        """The first of them that is ours."""
        for most in (FEW, MOST) if self.key else ():
            rows = self.connection.execute(statement, {**given, "most": most}).all()
            if (ours := next((row for row in rows if self._is_ours(table, row)), None)) is not None or len(rows) < most:
                return ours
        return None

    def strangers(self, table: str) -> int:
        """How many of the newest rows were written by somebody else, or with another key."""
        rows = self.connection.execute(newest(table, "true", "id DESC"), {"most": MOST}).all()
        return len(rows) - sum(self._is_ours(table, row) for row in rows)

    def _is_ours(self, table: str, row: Row[Any]) -> bool:
        said = {name: row._mapping[name] for name in _COLUMNS[table].split(", ")}
        return self.key is not None and is_signed_by(self.key, _content(table, said), row.signature or "")


def own_notes(connection: Connection, folder: Path) -> Notes:
    """Those of this installation; to look makes no key."""
    return Notes(connection, trail_key(folder).public if has_key(folder) else None)


def _content(table: str, columns: dict[str, Any]) -> bytes:
    """What is signed: every column that says something, and of what kind the note is; a time is one in each zone."""
    said = {name: value.timestamp() if hasattr(value, "timestamp") else value for name, value in columns.items()}
    return as_json({"note": table, **said}).encode()
