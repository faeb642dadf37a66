"""Whether this process can serve: for a load balancer, a watchdog, whoever looks from outside."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cellbank.records.fingerprint import REVISION, shipped
from cellbank.services.installation import Installation

_ASKED = text("SELECT version_num, clock_timestamp() FROM alembic_version")


@dataclass(frozen=True)
class NotReady:
    """What stands against it: `database`, `revision` or `clock`; and a sentence for whoever runs the site."""

    check: str
    sentence: str


def not_ready(installation: Installation) -> tuple[NotReady, ...]:
    """Each reason why not; one short question to the database, which is not waited for."""
    try:
        with installation.reads.connect() as connection:
            revision, time = connection.execute(_ASKED).one()
    except (DBAPIError, PoolTimeout):
        return (NotReady("database", "The database cannot be asked."),)
    installation.clocks.hear(time)
    return tuple(_found(installation, revision))


def _found(installation: Installation, revision: str) -> Iterator[NotReady]:
    wanted = shipped()[REVISION]
    if revision != wanted:
        yield NotReady("revision", f"The database is at revision {revision} and this version needs {wanted}.")
    if installation.clocks.differ:
        apart = round(abs(installation.clocks.ahead).total_seconds())
        yield NotReady("clock", f"The clocks of the server and of its database differ by {apart} seconds.")
