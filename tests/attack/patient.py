"""An application that can be attacked for long. ATTACK=20 makes what is drawn by chance twenty times as much."""

import dataclasses
import os

import pytest
from flask import Flask

from cellbank import create_app
from tests.factories.world import World

SIZE = int(os.environ.get("ATTACK", "1"))


@pytest.fixture(scope="module")
def patient_app(world: World) -> Flask:
    """Pages and API where a hundred wrong passwords lock nobody out: others need these people after us."""
    config = dataclasses.replace(world.bank.config, lockout_failures=100)
    return create_app(dataclasses.replace(world.bank, config=config))
