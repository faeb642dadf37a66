"""Are the rules of the database those of this version? Asked at the start, by the pages now and then, and by the
verification of the trail."""

import logging
import threading
import time

from sqlalchemy import Engine, text

from cellbank.records.fingerprint import Difference, differences, objects_of, shipped

LOG = logging.getLogger("cellbank.security")
LOOK_AGAIN = 60.0  # seconds for which the pages believe the last look


def schema_differences(engine: Engine) -> tuple[Difference, ...]:
    """Each object of the schema that is not as this version makes it, with what the application's role may do."""
    with engine.connect() as connection:
        role = connection.scalar(text("SELECT session_user"))
        return differences(objects_of(connection, role), shipped())


class SchemaWatch:
    """What the pages say of the schema: the last look of this process, and a new one when that is old."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._found: tuple[Difference, ...] = ()
        self._looked = float("-inf")

    def found(self, engine: Engine) -> tuple[Difference, ...]:
        """The differences as of a minute ago at most; whoever comes while somebody looks gets what is known."""
        if time.monotonic() - self._looked >= LOOK_AGAIN and self._looking.acquire(blocking=False):
            try:
                self._keep(schema_differences(engine))
            finally:
                self._looking.release()
        return self._found

    def _keep(self, found: tuple[Difference, ...]) -> None:
        for one in set(found) - set(self._found):
            LOG.warning("the schema of the database is not that of this version: %s", one)
        self._found, self._looked = found, time.monotonic()
