"""The database as of one moment, for whoever reads all of it."""

from sqlalchemy import Connection, text

from cellbank.services.bank import Bank


def snapshot(bank: Bank) -> Connection:
    """A connection that sees one moment for as long as it takes, without the limits that are right for a request."""
    connection = bank.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL jit = off"))
    return connection
