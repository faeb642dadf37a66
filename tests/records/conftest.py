"""What the tests of the trail share. Each module says which database is tampered with: its own `urls` and `bank`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine


@pytest.fixture
def owner(urls, bank) -> Iterator[Connection]:
    """psql as the owner of the tables, in a transaction that is rolled back: the next test finds all sound."""
    engine = create_engine(urls[0], connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()
