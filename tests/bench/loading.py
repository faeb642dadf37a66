"""The back door through which the bench fills a large database, and what it owes to the front door.

`Loader` writes with COPY, as the owner of the tables and with `session_replication_role = replica`, so that no trigger
fires: a row a time through the triggers would take hours. Whatever a trigger would have done is done here instead:
every record that is made or changed has its row in the trail under an open act, with the same content; every act is
closed and sealed into the chain of its site, by the database's own digest; numbers come from the number series and the
series are moved on. CHECK, UNIQUE and NOT NULL stay in force under `replica`; foreign keys and the rules of the
patient-safety triggers are asked again afterwards (`checking.py`). One transaction: it arrives whole or not at all.
"""

import datetime
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind, is_usable, record_code
from cellbank.records.base import as_json
from cellbank.records.tables import metadata
from cellbank.services.acts import VERSION

Row = dict[str, Any]
LINES_AT_ONCE = 50_000


def cell(value: Any) -> str:
    """A value in COPY's text form."""
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict | list):
        return json.dumps(value).replace("\\", "\\\\")
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return str(value)


def plain(value: Any) -> Any:
    """A value as `to_jsonb` shows it; decimals as numbers, times in ISO form."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime.date):  # an instant is a date too
        return value.isoformat()
    raise TypeError(value)


def jsonb(row: Mapping[str, Any]) -> str:
    """Columns as one field of a change row."""
    return json.dumps(row, default=plain).replace("\\", "\\\\")


class Loader:
    """Records, their changes and the acts that made them, written in large pieces."""

    def __init__(self, connection: psycopg.Connection, people: Mapping[str, int], now: datetime.datetime):
        self.connection = connection
        self.people = people
        self.now = now
        self.recorded_at = datetime.datetime.now(datetime.UTC)  # after all that came before
        self.act_id = 0
        self.counts: dict[str, int] = {}
        self._columns = {table.name: self._defaults(table) for table in metadata.sorted_tables}
        self._lines: dict[str, list[str]] = {}
        self._unsettled: list[tuple[str, Row]] = []
        connection.execute("SET session_replication_role = replica")
        self._last = {name: self._one(f"SELECT coalesce(max(id), 0) FROM {name}") for name in self._with_ids()}
        self._numbers = dict(connection.execute("SELECT name, last FROM number_series").fetchall())
        self._first_act = self._last["act"] + 1

    @staticmethod
    def _defaults(table: Any) -> Row:
        """The columns of a table with what they hold when nothing is given."""
        known = {"0": 0, "false": False}
        given = {column.name: column.server_default for column in table.columns if not column.computed}
        return {name: None if text is None else known.get(str(text.arg)) for name, text in given.items()}

    def _with_ids(self) -> list[str]:
        return [name for name, columns in self._columns.items() if "id" in columns]

    def _one(self, statement: str) -> Any:
        return self.connection.execute(statement).fetchone()[0]

    # ---- what happens in the bank -----------------------------------------------------------------------------

    def code(self, kind: Kind) -> str:
        """The next code of a kind, as `common.new_code` gives it."""
        while True:
            number = self.number(kind.value)
            if is_usable(kind, number):
                return record_code(kind, number)

    def number(self, series: str, count: int = 1) -> int:
        """The next number of a series; with `count` the last of that many."""
        self._numbers[series] = self._numbers.get(series, 0) + count
        return self._numbers[series]

    def act(self, who: str, name: str, about: str, at: datetime.datetime, given: Row) -> int:
        """Open and close an accepted act; what follows belongs to it."""
        self.act_id = self._next("act")
        row = {
            **self._columns["act"], "id": self.act_id, "site_id": 1, "person_id": self.people[who], "name": name,
            "given": given, "record_code": about, "door": "bench", "version": VERSION, "at": at, "result": {},
            "given_digest": hashlib.sha256(as_json([name, given]).encode()).hexdigest(), "outcome": "accepted",
            "recorded_at": self.recorded_at,
        }  # fmt: skip
        self._write("act", row)
        return self.act_id

    def insert(self, kind: str, **given: Any) -> Row:
        """A new record, noted in the trail. The row can still change; `settle` writes it."""
        row = {**self._columns[kind], **self._compared_by(kind, given), **given, "id": self._next(kind)}
        self._note(kind, row["id"], r"\N", jsonb(row))
        self._unsettled.append((kind, row))
        return row

    def _compared_by(self, kind: str, given: Row) -> Row:
        """The skeletons of names, as the records make them."""
        names = {column: column.removesuffix("_key") for column in self._columns[kind] if column.endswith("_key")}
        return {column: skeleton(given[name]) for column, name in names.items() if given.get(name)}

    def update(self, kind: str, rows: Sequence[Row], **new: Any) -> None:
        """Change records alike, noted in the trail. Those that stood alike before share one text."""
        texts: dict[tuple[Any, ...], tuple[str, str]] = {}
        for row in rows:
            was = tuple(row[name] for name in new)
            if was not in texts:
                changed = [name for name in new if row[name] != new[name]]
                texts[was] = jsonb({name: row[name] for name in changed}), jsonb({name: new[name] for name in changed})
            self._note(kind, row["id"], *texts[was])
            row.update(new)

    def settle(self) -> None:
        """Write the records as they stand now; they change no more."""
        for kind, row in self._unsettled:
            self._write(kind, row)
        self._unsettled.clear()

    def write(self) -> None:
        """Write everything that is not in the database yet."""
        self.settle()
        for table in list(self._lines):
            self._flush(table)

    # ---- COPY -------------------------------------------------------------------------------------------------

    def _next(self, table: str) -> int:
        self._last[table] += 1
        return self._last[table]

    def _note(self, kind: str, record_id: int, before: str, after: str) -> None:
        line = f"{self._next('change')}\t{self.act_id}\t{kind}\t{record_id}\t{before}\t{after}\n"
        self._add("change", line)

    def _write(self, table: str, row: Row) -> None:
        self._add(table, "\t".join([cell(row[name]) for name in self._columns[table]]) + "\n")

    def _add(self, table: str, line: str) -> None:
        lines = self._lines.setdefault(table, [])
        lines.append(line)
        if len(lines) >= LINES_AT_ONCE:
            self._flush(table)

    def _flush(self, table: str) -> None:
        lines = self._lines.pop(table, [])
        names = (
            self._columns[table]
            if table != "change"
            else ("id", "act_id", "record_kind", "record_id", "before", "after")
        )
        with self.connection.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
            copy.write("".join(lines))
        self.counts[table] = self.counts.get(table, 0) + len(lines)

    # ---- at the end -------------------------------------------------------------------------------------------

    def finish(self, tell: Callable[[str], None]) -> None:
        """Write what is left, move sequences and series on, and seal. The caller commits."""
        self.write()
        tell(f"{sum(self.counts.values()):,} rows copied")
        for table in self._with_ids():
            self.connection.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), greatest(%s, 1))", [table, self._last[table]]
            )
        self._move_series(self._numbers.items())
        self._seal()
        tell("acts sealed")

    def _move_series(self, numbers: Iterable[tuple[str, int]]) -> None:
        statement = "INSERT INTO number_series VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET last = excluded.last"
        self.connection.cursor().executemany(statement, list(numbers))

    def _seal(self) -> None:
        """Chain the new acts of site 1 behind its last seal. The digests are the database's own, the chain is ours."""
        found = self.connection.execute(
            "SELECT number, digest FROM seal WHERE site_id = 1 ORDER BY number DESC LIMIT 1"
        )
        number, digest = found.fetchone() or (0, bytes(32))
        self.connection.execute("ANALYZE act, change")
        acts = self.connection.cursor(binary=True)
        acts.execute("SELECT a.id, trail_act_digest(a) FROM act a WHERE a.id >= %s ORDER BY a.id", [self._first_act])
        lines = []
        for act_id, content in acts:
            number, digest = number + 1, hashlib.sha256(digest + content).digest()
            lines.append(f"{act_id}\t1\t{number}\t\\\\x{digest.hex()}\n")
        with self.connection.cursor().copy("COPY seal (act_id, site_id, number, digest) FROM STDIN") as copy:
            copy.write("".join(lines))
