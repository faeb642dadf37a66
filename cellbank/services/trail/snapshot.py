"""The database as of one moment, for whoever reads all of it."""

from sqlalchemy import Connection, text

from cellbank.services.installation import Installation


def snapshot(installation: Installation) -> Connection:
    """A connection that sees one moment for as long as it takes, without the limits that are right for a request."""
    connection = installation.engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL jit = off"))
    return connection
