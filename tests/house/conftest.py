"""What the tests of the house share: a bank in which the story of the trial was played."""

from collections.abc import Iterator

import pytest

from cellbank.services.installation import Installation
from tests.conftest import StoryInstallation


@pytest.fixture(scope="module")
def story(
    story_installation: StoryInstallation, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A bank in which the story of the trial was played."""
    installation = story_installation(f"signed_{worker_id}", tmp_path_factory.mktemp("signed"))
    yield installation
    installation.engine.dispose()
