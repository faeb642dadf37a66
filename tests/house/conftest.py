"""What the tests of the house share: a bank in which the story of the trial was played."""

from collections.abc import Callable, Iterator

import pytest

from cellbank.services.bank import Bank
from tests.conftest import make_bank


@pytest.fixture(scope="module")
def story(
    story_database: Callable[[str], str], worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """A bank in which the story of the trial was played."""
    bank = make_bank(story_database(f"signed_{worker_id}"), tmp_path_factory.mktemp("signed"))
    yield bank
    bank.engine.dispose()
