"""What the tests of the trail share. Each module says which database is tampered with: its own `urls` and `bank`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.conftest import rolled_back


@pytest.fixture
def owner(urls, installation) -> Iterator[Connection]:
    """psql as the owner of the tables, over what the bank has done."""
    with rolled_back(urls[0]) as connection:
        yield connection
