"""Are the hidden values those of which the trail has the digests? A password hash, the secret of a second factor, the
digest of a key that was exchanged behind the application's back shows here, and says nothing of the value."""

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from cellbank.outside.account_key import FILE, AccountKey, account_key
from cellbank.records.hidden import SAID, named
from cellbank.records.trail import HIDDEN, HIDDEN_OF
from cellbank.services.trail.trail_faults import Fault

NO_KEY = "Hidden values are not compared: their key is not in {folder}"
OTHER_KEY = "Hidden values are not compared: none was ever told of with the key in {folder}"
IN_USE = text("SELECT EXISTS (SELECT FROM change WHERE record_kind = ANY(:kinds) AND after::text LIKE :ours)")
VALUES = """
    SELECT t.id, t.{column}::text AS value, t.{whose}::text AS whose, p.name, told.act_id, told.said
      FROM {table} t JOIN person p ON p.id = t.{person}
      LEFT JOIN LATERAL (
        SELECT c.act_id, c.after ->> :column AS said FROM change c
         WHERE c.record_kind = :table AND c.record_id = t.id AND jsonb_exists(c.after, :column)
         ORDER BY c.id DESC LIMIT 1) AS told ON true
     ORDER BY t.id
"""


def find_exchanged(connection: Connection, folder: Path) -> tuple[list[Fault], list[str]]:
    """Each hidden value that is not what the trail tells of, and what could not be compared, in words."""
    if not (folder / FILE).exists():  # to look makes no key
        return [], [NO_KEY.format(folder=folder)]
    key = account_key(folder)
    if not connection.scalar(IN_USE, {"kinds": list(HIDDEN), "ours": f"%{SAID} {key.name}:%"}):
        return [], [OTHER_KEY.format(folder=folder)]
    what = "{column} of {name} is not the one that the trail tells of: exchanged behind the trail"
    return [
        Fault(table, row.id, row.act_id, what.format(column=column, name=row.name))
        for table, column, row in _values(connection)
        if not _is_told(key, table, column, row)
    ], []


def _values(connection: Connection) -> Iterator[tuple[str, str, Any]]:
    for table, columns in HIDDEN.items():
        person = "id" if table == "person" else "person_id"
        for column in columns:
            statement = text(VALUES.format(table=table, column=column, person=person, whose=HIDDEN_OF[table]))
            for row in connection.execute(statement, {"table": table, "column": column}):
                yield table, column, row


def _is_told(key: AccountKey, table: str, column: str, row: Any) -> bool:
    """Also what was told of with another key, or without one, is not told of: it is changed once more."""
    if row.value is None:
        return row.said is None
    return hmac.compare_digest(row.said or "", f"{SAID} {key.of_hidden(named(table, column, row.whose, row.value))}")
