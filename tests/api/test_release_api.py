"""What a lot may go through over the API: a release by the wrong person, and the recall list."""

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from cellbank.services.documents.issuing import unissued_file
from tests.factories.lots import stored_lot
from tests.factories.quality import enter, pass_all_tests, released_lot, review
from tests.factories.world import PASSWORD, World


def signed(**given: Any) -> dict[str, Any]:
    return {**given, "password": PASSWORD, "signer": "oksana"}


def state(world: World, lot: str) -> str:
    with world.installation.reads.connect() as connection:
        return connection.scalar(text("SELECT state FROM lot WHERE code = :lot"), {"lot": lot})


@pytest.mark.requirement("R4", "R19")
def test_a_performer_cannot_release_over_the_api_either(world: World, post) -> None:
    lot = stored_lot(world, vials=3).code
    pass_all_tests(world, lot, leave_out=("KARYOTYPE",))
    review(world, lot, enter(world, lot, "KARYOTYPE", who="oksana"))
    answer = post("oksana", "release_lot", signed(lot=lot))
    assert answer.status_code == 409
    assert [reason["code"] for reason in answer.get_json(force=True)["refusals"]] == ["SAME_PERSON"]
    assert state(world, lot) == "QUARANTINE"
    technician = post("tina", "release_lot", {"lot": lot, "password": PASSWORD, "signer": "tina"})
    assert "ROLE_NOT_ALLOWED" in [reason["code"] for reason in technician.get_json(force=True)["refusals"]]
    assert state(world, lot) == "QUARANTINE"


@pytest.mark.requirement("R2")
def test_the_recall_list_is_served_as_json_csv_and_pdf(world: World, client: FlaskClient, tokens) -> None:
    lot = released_lot(world, vials=3).code
    headers = {"Authorization": f"Bearer {tokens['otto']}"}
    found = client.get(f"/api/impact/{lot}", headers=headers).get_json()
    assert (found["vials"], found["by_state"], found["received"]) == (3, {"IN_STOCK": 3}, [])
    table = client.get(f"/api/lots/{lot}/recall.csv", headers=headers)
    assert table.mimetype == "text/csv" and len(list(csv.reader(io.StringIO(table.text)))) == 1 + 1 + 3
    paper = client.get(f"/api/lots/{lot}/recall.pdf", headers=headers)
    assert paper.mimetype == "application/pdf" and paper.data == unissued_file(world.installation, "recall_list", lot)


@pytest.mark.parametrize("path", ["impact/{}", "lots/{}/recall.csv", "lots/{}/recall.pdf"])
def test_an_unknown_lot_has_no_recall_list(client: FlaskClient, tokens, path: str) -> None:
    headers = {"Authorization": f"Bearer {tokens['otto']}"}
    assert client.get(f"/api/{path.format('LT9999')}", headers=headers).status_code == 422
    assert client.get(f"/api/{path.format('A999926000000099999')}", headers=headers).status_code in (404, 422)
    assert client.get(f"/api/{path.format('LT9999')}").status_code == 401
