"""How Alembic runs here: on a connection given by `records.migrate`, one transaction, one migration at a time."""

from alembic import context
from sqlalchemy import text

from cellbank.records.tables import metadata

ONE_MIGRATION_AT_A_TIME = 7_041_2

connection = context.config.attributes["connection"]
# A migration that waits for a lock makes every scanner wait behind it: give up early and be run again.
connection.execute(text("SET LOCAL lock_timeout = '5s'"))
connection.execute(text("SET LOCAL statement_timeout = '10min'"))
connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_MIGRATION_AT_A_TIME})
context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
