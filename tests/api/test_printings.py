"""The PDF of a printing over the API."""

import io

import pypdfium2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from cellbank import api
from cellbank.services.labels import label_printing
from tests.factories.lots import box
from tests.factories.world import World

pytestmark = pytest.mark.usefixtures("labels_drawn")


@pytest.fixture
def client(world: World) -> FlaskClient:
    """Somebody signed in on the pages: a session may read."""
    app = Flask("test")
    app.extensions["cellbank"] = world.installation
    api.register(app, world.installation, lambda: world.people["otto"])
    return app.test_client()


def test_the_labels_of_a_printing_are_served_as_they_were_printed(world: World, client: FlaskClient) -> None:
    unit = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))
    (printing_id,) = unit["printings"]
    answer = client.get(f"/api/printings/{printing_id}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data == label_printing.pdf_of(world.installation, printing_id)
    assert len(pypdfium2.PdfDocument(io.BytesIO(answer.data))) == 1


def test_a_printing_that_never_was_is_not_here(client: FlaskClient) -> None:
    assert client.get("/api/printings/999999999.pdf").status_code == 404
    assert client.get("/api/printings/abc.pdf").status_code == 404


def test_a_number_that_no_database_holds_is_not_here(client: FlaskClient) -> None:
    assert client.get(f"/api/printings/{10**30}.pdf").status_code == 404


def test_labels_that_cannot_be_made_any_more_are_refused(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (printing,) = _printings(world, box(world))
    monkeypatch.setattr(label_printing, "load_templates", dict)
    answer = client.get(f"/api/printings/{printing.id}.pdf")
    assert answer.status_code == 409 and "print again" in answer.json["detail"]


def test_nobody_reads_labels_without_signing_in(world: World) -> None:
    app = Flask("test")
    app.extensions["cellbank"] = world.installation
    api.register(app, world.installation, lambda: None)
    assert app.test_client().get("/api/printings/1.pdf").status_code == 401


def test_the_description_names_it(client: FlaskClient) -> None:
    assert "/api/printings/{id}.pdf" in client.get("/api/openapi.json").json["paths"]


def _printings(world: World, code: str) -> list[label_printing.PrintedLabels]:
    with Session(world.installation.reads) as session:
        return label_printing.printings(session, code)
