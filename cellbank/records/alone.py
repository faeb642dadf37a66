"""What is done by one at a time over all nodes that share the database: by a lock of the database, with a number."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

CHECKS_THE_TRAIL, SENDS_MESSAGES = 7044, 7045  # the locks; 7041 to 7043 are those of chains, migrations and heads


@contextmanager
def alone(engine: Engine, lock: int) -> Iterator[Connection | None]:
    """A connection that holds the lock until the end of the block; None: somebody else has it."""
    with engine.connect() as connection:
        held = connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock})
        connection.commit()
        try:
            yield connection if held else None
        finally:
            if held and not connection.closed and not connection.invalidated:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": lock})
                connection.commit()
