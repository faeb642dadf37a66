"""The chain of a dose over the API."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cellbank import api
from cellbank.services.documents import unissued_file
from tests.factories.doses import ordered_dose
from tests.factories.world import World


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = Flask("test")
    app.extensions["cellbank"] = world.bank
    api.register(app, world.bank, lambda: world.people["otto"])
    return app.test_client()


def test_the_chain_of_a_dose_is_served_as_pdf(world: World, client: FlaskClient) -> None:
    dose = ordered_dose(world).code
    answer = client.get(f"/api/doses/{dose}/chain.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data == unissued_file(world.bank, "chain", dose)


def test_unknown_and_garbled_doses_are_told_apart(client: FlaskClient) -> None:
    assert client.get("/api/doses/CHA999926999999/chain.pdf").status_code == 404
    assert client.get("/api/doses/CHA99992/chain.pdf").status_code == 422


def test_nobody_reads_it_without_signing_in(world: World) -> None:
    app = Flask("test")
    app.extensions["cellbank"] = world.bank
    api.register(app, world.bank, lambda: None)
    assert app.test_client().get("/api/doses/CHA999926999999/chain.pdf").status_code == 401
