"""Are the hidden values those of which the trail has the digests? A password hash, the secret of a second factor, the
digest of a key that was exchanged behind the application's back shows here, and says nothing of the value."""

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from cellbank.outside.account_key import FILE, AccountKey, account_key
from cellbank.records.hidden import SAID, named
from cellbank.records.trail import HIDDEN
from cellbank.services.trail.trail_faults import Fault

NO_KEY = "Hidden values are not compared: their key is not in {folder}"
OTHER_KEY = "Hidden values of another key than that in {folder}, not compared: {number}"
OLDER = "Hidden values older than their digests, not compared until they are changed: {number}"
FIRST_OF_KEY = text("SELECT min(act_id) FROM change WHERE record_kind = ANY(:kinds) AND after::text LIKE :ours")
VALUES = """
    SELECT t.id, t.{column}::text AS value, p.name, told.act_id, told.said
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
    key, faults, unknown = account_key(folder), [], {OTHER_KEY: 0, OLDER: 0}
    since = connection.scalar(FIRST_OF_KEY, {"kinds": list(HIDDEN), "ours": f"%{SAID} {key.name}:%"})
    for table, column, row in _values(connection):
        why_not = _not_compared(key, since, row)
        if why_not is not None:
            unknown[why_not] += 1
        elif not _is_told(key, table, column, row):
            what = f"{column} of {row.name} is not the one that the trail tells of: exchanged behind the trail"
            faults.append(Fault(table, row.id, row.act_id, what))
    return faults, [why.format(folder=folder, number=number) for why, number in unknown.items() if number]


def _values(connection: Connection) -> Iterator[tuple[str, str, Any]]:
    for table, columns in HIDDEN.items():
        person = "id" if table == "person" else "person_id"
        for column in columns:
            statement = text(VALUES.format(table=table, column=column, person=person))
            for row in connection.execute(statement, {"table": table, "column": column}):
                yield table, column, row


def _not_compared(key: AccountKey, since: int | None, row: Any) -> str | None:
    """Why the value cannot be compared, where it cannot: it is from before there were digests, or from before the key
    was replaced by this one, which was in use `since` that act. That there is none now can always be."""
    if row.value is None or row.said is None:
        return None
    if row.said == SAID:
        return OLDER
    ours = row.said.startswith(f"{SAID} {key.name}:")
    return OTHER_KEY if not ours and (since is None or row.act_id < since) else None


def _is_told(key: AccountKey, table: str, column: str, row: Any) -> bool:
    if row.value is None:
        return row.said in (None, SAID)
    return hmac.compare_digest(row.said or "", f"{SAID} {key.of_hidden(named(table, column, row.value))}")
