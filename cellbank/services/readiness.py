"""Whether this process can serve: for a load balancer, a watchdog, whoever looks from outside."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cellbank.records.fingerprint import REVISION, shipped
from cellbank.services.bank import Bank

_ASKED = text("SELECT version_num, clock_timestamp() FROM alembic_version")


@dataclass(frozen=True)
class NotReady:
    """What stands against it: `database`, `revision` or `clock`; and a sentence for whoever runs the site."""

    check: str
    sentence: str


def not_ready(bank: Bank) -> tuple[NotReady, ...]:
    """Each reason why not; one short question to the database, which is not waited for."""
    try:
        with bank.reads.connect() as connection:
            revision, time = connection.execute(_ASKED).one()
    except (DBAPIError, PoolTimeout):
        return (NotReady("database", "The database cannot be asked."),)
    bank.clocks.hear(time)
    return tuple(_found(bank, revision))


def _found(bank: Bank, revision: str) -> Iterator[NotReady]:
    wanted = shipped()[REVISION]
    if revision != wanted:
        yield NotReady("revision", f"The database is at revision {revision} and this version needs {wanted}.")
    if bank.clocks.differ:
        apart = round(abs(bank.clocks.ahead).total_seconds())
        yield NotReady("clock", f"The clocks of the server and of its database differ by {apart} seconds.")
