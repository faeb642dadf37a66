"""The chain of a dose over the API."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cellbank import api
from cellbank.services.documents.issuing import unissued_file
from tests.factories.doses import ordered_dose
from tests.factories.world import World


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = Flask("test")
    app.extensions["cellbank"] = world.installation
    api.register(app, world.installation, lambda: world.people["otto"])
    return app.test_client()


def test_the_chain_of_a_dose_is_served_as_pdf(world: World, client: FlaskClient) -> None:
    dose = ordered_dose(world).code
    answer = client.get(f"/api/doses/{dose}/chain.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data == unissued_file(world.installation, "chain", dose)


def test_unknown_and_garbled_doses_are_told_apart(client: FlaskClient) -> None:
    assert client.get("/api/doses/CHA999926999999/chain.pdf").status_code == 404
    assert client.get("/api/doses/CHA99992/chain.pdf").status_code == 422


def test_nobody_reads_it_without_signing_in(world: World) -> None:
    app = Flask("test")
    app.extensions["cellbank"] = world.installation
    api.register(app, world.installation, lambda: None)
    assert app.test_client().get("/api/doses/CHA999926999999/chain.pdf").status_code == 401


def test_a_document_is_issued_and_fetched_by_its_code(world: World, client: FlaskClient) -> None:
    dose = ordered_dose(world).code
    issued = world.do("otto", "issue_document", code=dose, type="chain")["code"]
    one, other = client.get(f"/api/documents/{issued}.pdf"), client.get(f"/api/documents/{issued}.pdf")
    assert one.mimetype == "application/pdf" and one.data == other.data
    assert client.get("/api/documents/nonsense.pdf").status_code == 422
    assert client.get(f"/api/documents/{dose}.pdf").status_code == 404


def test_any_record_is_read_with_its_signatures_and_its_history(world: World, client: FlaskClient) -> None:
    dose = ordered_dose(world).code
    data = client.get(f"/api/records/{dose}").get_json()
    assert (data["kind"], data["record"]["state"]) == ("dose", "ORDERED")
    assert [one["meaning"] for one in data["signatures"]] == ["approved"] and not data["signatures"][0]["is_void"]
    assert [event["name"] for event in data["history"]] == ["order_dose"]
    assert client.get("/api/records/CHA999926999999").status_code == 404
    assert client.get("/api/records/nonsense").status_code == 422
