"""What the tests of the house share: a bank in which the story of the trial was played."""

from collections.abc import Iterator

import pytest

from cellbank.services.bank import Bank
from tests.conftest import StoryBank


@pytest.fixture(scope="module")
def story(
    story_bank: StoryBank, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """A bank in which the story of the trial was played."""
    bank = story_bank(f"signed_{worker_id}", tmp_path_factory.mktemp("signed"))
    yield bank
    bank.engine.dispose()
