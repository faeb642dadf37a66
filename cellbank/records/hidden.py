"""Columns whose values the trail does not hold: it has a digest of each, made with a key outside the database.

The digest goes to the database with the value, in the same transaction; the trigger of the trail asks for it
(`a_hidden_value_tells_its_digest`). Who has the database and not the key makes none: a password hash, the secret of a
second factor or the digest of a key that is exchanged there is found, and the trail tells nothing of any of them.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import event, inspect, text
from sqlalchemy.orm import Session

from cellbank.records.base import as_json
from cellbank.records.trail import HIDDEN, HIDDEN_OF

DIGEST_OF = "digest_of"  # in Session.info: how digests are made
SAID = "(hidden)"  # by the trail, before the digest
_TELL = text("SELECT set_config('cellbank.digests', :digests, true)")


def named(kind: str, column: str, whose: object, value: str) -> str:
    """What the digest is made of, and is asked for by: a value belongs to its column and to whose it is."""
    return f"{kind}.{column} of {whose} {value}"


def as_text(value: str | bytes) -> str:
    """The value as PostgreSQL writes it."""
    return value if isinstance(value, str) else f"\\x{value.hex()}"


@event.listens_for(Session, "before_flush")
def _tell_digests(session: Session, *_: Any) -> None:
    changed = [*session.new, *session.dirty] if DIGEST_OF in session.info else []
    values = [value for record in changed for value in _hidden_values(record)]
    if values:
        digests = {value: session.info[DIGEST_OF](value) for value in values}
        session.execute(_TELL, {"digests": as_json(digests)})


def _hidden_values(record: Any) -> Iterator[str]:
    kind = record.__tablename__
    whose = getattr(record, HIDDEN_OF[kind]) if kind in HIDDEN_OF else None
    for column in HIDDEN.get(kind, ()):
        for value in inspect(record).attrs[column].history.added or ():
            if value is not None:
                yield named(kind, column, whose, as_text(value))
