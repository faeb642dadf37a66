"""What no act of the program does: SQL under an act that is opened by hand."""

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

OPEN = text(
    "INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at) "
    "VALUES (:site, :person, :name, '{}', '', 'test', '0', now()) RETURNING set_config('cellbank.act', id::text, true)"
)


def open_act(database: Connection | Session, name: str = "by_hand", *, site: int = 1, person: int = 1) -> None:
    """Open an act in this transaction, in which the database lets the application change records."""
    database.execute(OPEN, {"site": site, "person": person, "name": name})
