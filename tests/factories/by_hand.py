"""What no act of the program does: SQL under an act that is opened by hand."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

OPEN = text(
    "INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at) "
    "VALUES (:site, :person, :name, '{}', '', 'test', '0', now())"
)


CLOSE = text("UPDATE act SET outcome = 'accepted' WHERE id = acting()")
# As if the acts of this transaction had been done in others before: only the owner can.
EARLIER = (
    "SET LOCAL session_replication_role = replica; UPDATE act SET opened_in = NULL "
    "WHERE opened_in = this_transaction(); SET LOCAL session_replication_role = origin"
)


def open_act(database: Connection | Session, name: str = "by_hand", *, site: int = 1, person: int = 1) -> None:
    """Open an act in this transaction, in which the database lets the application change records."""
    database.execute(OPEN, {"site": site, "person": person, "name": name})


# What the database asks of every act, whatever it is about (`migrations/database/authority.sql`).
AUTHORITY = (
    "an_act_writes_what_is_its_own",
    "what_is_written_stays",
    "an_act_is_of_somebody_who_may",
    "a_signed_act_bears_its_signatures",
)


def must_but(rules: Iterable[str]) -> str:
    """The statement after which `must` says nothing where one of these rules is broken."""
    names = ",".join(rules)
    return f"""
CREATE OR REPLACE FUNCTION must(holds boolean, rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS NOT TRUE AND rule <> ALL ('{{{names}}}'::text[]) THEN
    RAISE EXCEPTION '%', sentence USING ERRCODE = '23514', CONSTRAINT = rule;
  END IF;
END $$"""


ASIDE = must_but(AUTHORITY)


@contextmanager
def authority_aside(owner_url: str) -> Iterator[None]:
    """Meanwhile the database asks no act whether it may do what it does, nor whose it is: each other rule by itself."""
    owner = create_engine(owner_url)
    with owner.begin() as connection:
        asks = connection.scalar(text("SELECT pg_get_functiondef('must'::regproc)"))
        connection.execute(text(ASIDE))
    yield
    with owner.begin() as connection:
        connection.execute(text(asks))
    owner.dispose()
