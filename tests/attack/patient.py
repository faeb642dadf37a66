"""An application that can be attacked for long."""

import dataclasses

import pytest
from flask import Flask

from cellbank import create_app
from tests.factories.world import World


@pytest.fixture(scope="module")
def patient_app(world: World) -> Flask:
    """Pages and API where a hundred wrong passwords lock nobody out: others need these people after us."""
    config = dataclasses.replace(world.installation.config, lockout_failures=100)
    return create_app(dataclasses.replace(world.installation, config=config))
