"""What no act of the program does: SQL under an act that is opened by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

OPEN = text(
    "INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at) "
    "VALUES (:site, :person, :name, '{}', '', 'test', '0', now()) RETURNING set_config('cellbank.act', id::text, true)"
)


def open_act(database: Connection | Session, name: str = "by_hand", *, site: int = 1, person: int = 1) -> None:
    """Open an act in this transaction, in which the database lets the application change records."""
    database.execute(OPEN, {"site": site, "person": person, "name": name})

ASIDE = """
CREATE OR REPLACE FUNCTION act_writes(doing text, kind text, was text, becomes text, the_id bigint, differs jsonb)
  RETURNS void LANGUAGE sql STABLE AS '';
ALTER TABLE act DISABLE TRIGGER act_is_of_its_doer"""


@contextmanager
def authority_aside(owner_url: str) -> Iterator[None]:
    """Meanwhile the database asks no act whether it may do what it does, nor whose it is: each other rule by itself."""
    owner = create_engine(owner_url)
    with owner.begin() as connection:
        asks = connection.scalar(text("SELECT pg_get_functiondef('act_writes'::regproc)"))
        connection.exec_driver_sql(ASIDE)
    yield
    with owner.begin() as connection:
        connection.connection.cursor().execute(asks)
        connection.exec_driver_sql("ALTER TABLE act ENABLE TRIGGER act_is_of_its_doer")
    owner.dispose()
