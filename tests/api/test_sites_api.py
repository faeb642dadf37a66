"""The site of a request: in a header, for acts and for reads."""

import pytest
from sqlalchemy import text

from cellbank.api.description import describe
from cellbank.services.installation import server_time
from tests.factories.sites import SecondSite, at, second_site
from tests.factories.world import World


@pytest.fixture(scope="module")
def there(world: World) -> SecondSite:
    return second_site(world)


@pytest.fixture
def headers(world: World, there: SecondSite) -> dict[str, str]:
    """Those of Taras, who works at two sites."""
    at(world, "taras", there.code)
    token = world.do("taras", "create_token", title="tests", now=server_time())["token"]
    return {"Authorization": f"Bearer {token}"}


def _register(client, world: World, headers: dict[str, str]):
    given = {"pseudonym": world.unique("API"), "birth_year": 1990}
    return client.post("/api/acts/register_donor", json=given, headers=headers)


def test_an_act_is_done_at_the_site_of_the_header_and_without_it_at_home(client, world, there, headers) -> None:
    site = "SELECT s.code FROM act a JOIN site s ON s.id = a.site_id WHERE a.id = :act"
    for more, expected in (({}, "MAIN"), ({"Cellbank-Site": there.code.lower()}, there.code)):
        answer = _register(client, world, {**headers, **more})
        with world.installation.reads.connect() as connection:
            assert connection.scalar(text(site), {"act": answer.get_json()["act"]}) == expected


def test_what_is_kept_at_one_site_is_read_there(client, world, there, headers) -> None:
    elsewhere = {**headers, "Cellbank-Site": there.code}
    code = _register(client, world, elsewhere).get_json()["result"]["code"]
    assert client.get(f"/api/scan/{code}", headers=elsewhere).status_code == 200
    assert client.get(f"/api/scan/{code}", headers=headers).status_code != 200


@pytest.mark.parametrize("site", ["NOWHERE", "x" * 500, "МАЙДАН".encode().decode("latin-1")])
def test_a_site_that_is_not_theirs_is_refused_by_the_name_of_the_header(client, world, there, headers, site) -> None:
    refused = _register(client, world, {**headers, "Cellbank-Site": site})
    assert refused.status_code == 403 and refused.content_type == "application/problem+json"
    detail = refused.get_json(force=True)["detail"]
    assert detail == f"Cellbank-Site: you do not work at such a site. You may act at MAIN, {there.code}."


def test_every_act_and_read_describes_the_header() -> None:
    for path, methods in describe()["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation.get("parameters", [])}
            assert ("Cellbank-Site" in named) is (path not in ("/api/tokens", "/api/openapi.json"))
