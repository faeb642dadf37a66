"""A shipment as programs read it."""

from flask.testing import FlaskClient

from tests.factories.receiving import checked_shipment, received_shipment
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World


def bearer(client: FlaskClient, name: str) -> dict[str, str]:
    token = client.post("/api/tokens", json={"name": name, "password": PASSWORD}).get_json()["token"]
    return {"Authorization": f"Bearer {token}"}


def test_a_shipment_is_read_at_both_ends_and_nowhere_else(world: World, client: FlaskClient) -> None:
    parcel = received_shipment(world)
    parcel = checked_shipment(world, parcel, found=parcel.vials[:2])
    for name in ("tina", parcel.to.technician):
        read = client.get(f"/api/shipments/{parcel.code}", headers=bearer(client, name)).get_json()
        assert (read["code"], read["state"], read["recipient_code"]) == (parcel.code, "CHECKED", parcel.to.code)
        found = [(line["name"], line["vial"], line["finding"]) for line in read["packed"]]
        assert found == list(zip(("A1", "A2", "A3"), parcel.vials, ("RECEIVED", "RECEIVED", "MISSING"), strict=True))
        assert [holder["is_carrier"] for holder in read["custody"]] == [False, True, False]
        assert [holder["signed"] and holder["signed"]["holds"] for holder in read["custody"]] == [None, True, True]
        assert {"CRITERION_OPEN", "TRACE_MISSING"} == {stop["code"] for stop in read["stops"]}
        assert [one["what"] for one in read["differences"]] == ["missing"]
    elsewhere, there = bearer(client, second_site(world).technician), bearer(client, parcel.to.technician)
    assert client.get(f"/api/shipments/{parcel.code}", headers=elsewhere).status_code == 404
    assert client.get(f"/api/shipments/{parcel.vials[0]}", headers=there).status_code == 404
