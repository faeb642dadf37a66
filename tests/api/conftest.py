"""The API as another program meets it: one WSGI application over this worker's bank, with tokens for everybody."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cellbank import api, entering
from cellbank.services.installation import server_time
from tests.factories.world import PEOPLE, World


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    """The API alone; nobody is signed in on any page."""
    app = Flask("cellbank-api")
    app.config["MAX_CONTENT_LENGTH"] = 4 * 1024 * 1024
    entering.register(app, ("localhost",))
    api.register(app, world.installation, signed_in=lambda: None)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def tokens(world: World) -> dict[str, str]:
    """A token of each person of the world; who came to it since may have another password by now."""
    return {name: world.do(name, "create_token", title="tests", now=server_time())["token"] for name in PEOPLE}


@pytest.fixture
def post(client: FlaskClient, tokens: dict[str, str]):
    """Do an act as somebody over HTTP."""

    def do(who: str, act: str, given: Any = None, query: str = "", key: str | None = None, **raw: Any):
        headers = {"Authorization": f"Bearer {tokens[who]}"} | ({"Idempotency-Key": key} if key else {})
        body = raw or {"json": given if given is not None else {}}
        return client.post(f"/api/acts/{act}{query}", headers=headers, **body)

    return do
