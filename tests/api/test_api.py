"""The doors for programs: every answer that docs/design.md §5 promises, and none that it does not."""

import json
import logging
from decimal import Decimal

import pytest
from sqlalchemy import text

from cellbank.services.acts import REGISTRY, ActInput, RegisteredAct, run_act
from cellbank.services.installation import server_time
from cellbank.services.people.actors import SYSTEM
from tests.factories.people import confirm
from tests.factories.world import PASSWORD, World

PROBLEM = "application/problem+json"


def donor(world: World) -> dict[str, object]:
    """Inputs of an act that is accepted."""
    return {"pseudonym": world.unique("A"), "birth_year": 1990}


def acts(world: World) -> int:
    """How many acts the trail holds."""
    with world.installation.reads.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM act"))


def is_problem(response, status: int) -> dict:
    """The problem document of an error, complete."""
    assert (response.status_code, response.content_type) == (status, PROBLEM), response.text
    body = response.get_json(force=True)
    assert body["status"] == status and body["title"] and body["detail"] and body["type"]
    return body


# ---- who


def test_name_and_password_give_a_token_that_works(client) -> None:
    given = client.post("/api/tokens", json={"name": "Tina ", "password": PASSWORD}).get_json()
    answer = client.get("/api/scan/DR0000", headers={"Authorization": f"Bearer {given['token']}"})
    assert answer.status_code == 422 and given["code"].startswith("TK")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"name": "otto", "password": "wrong"}, 401), ({"name": "nobody.here", "password": PASSWORD}, 401),
        ({"name": "system", "password": "nobody has this password"}, 401),
        ({"name": "tina\0", "password": PASSWORD}, 401), ({"name": "otto", "password": "\ud800"}, 401),
        ({"name": "\udfff", "password": PASSWORD}, 401), ({"name": "otto", "password": PASSWORD + "x" * 500}, 401),
        ({"name": "tina"}, 422), ({"name": ["tina"], "password": PASSWORD}, 422), ([], 422),
    ],
)  # fmt: skip
def test_anything_else_gives_none(client, given: object, status: int) -> None:
    is_problem(client.post("/api/tokens", data=json.dumps(given)), status)


def test_a_locked_account_is_told_so(client, world: World) -> None:
    name = world.unique("l").replace("-", ".")
    given = {"name": name, "full_name": "L", "roles": ["technician"], "new_password": PASSWORD, "must_change": False}
    World.accepted(run_act(world.installation, "add_person", given, SYSTEM, door="test", now=world.now))
    for _ in range(5):
        is_problem(client.post("/api/tokens", json={"name": name, "password": "wrong"}), 401)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}  # from the same address one waits first
    answer = client.post("/api/tokens", json={"name": name, "password": PASSWORD}, environ_overrides=elsewhere)
    body = is_problem(answer, 401)
    assert "locked" in body["detail"]


def test_a_first_password_gives_no_token(client, world: World) -> None:
    name = world.unique("f").replace("-", ".")
    given = {"name": name, "full_name": "F", "roles": ["technician"], "new_password": PASSWORD}
    world.do("ada", "add_person", now=server_time(), **given)
    half = confirm(world, name, now=server_time())["handed"]
    first = client.post("/api/tokens", json={"name": name, "password": PASSWORD + half})
    assert "change it" in is_problem(first, 403)["detail"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic dGluYTp4", "Bearer \xff"])
def test_without_a_valid_token_nothing_opens(client, world: World, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    before = acts(world)
    for response in (
        client.post("/api/acts/register_donor", json=donor(world), headers=headers),
        client.get("/api/scan/DR00001", headers=headers),
        client.get("/api/trace/DR00001", headers=headers),
    ):
        is_problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert acts(world) == before


def test_a_revoked_token_opens_nothing(client, world: World) -> None:
    made = client.post("/api/tokens", json={"name": "taras", "password": PASSWORD}).get_json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    revoked = client.post("/api/acts/revoke_token", json={"token": made["code"]}, headers=headers)
    assert revoked.status_code == 200
    is_problem(client.post("/api/acts/register_donor", json=donor(world), headers=headers), 401)


# ---- acts


def test_an_accepted_act(post, world: World) -> None:
    response = post("tina", "register_donor", donor(world))
    body = response.get_json()
    assert response.status_code == 200 and set(body) == {"accepted", "act", "result"}
    assert body["accepted"] is True and body["result"]["state"] == "REGISTERED"
    with world.installation.reads.connect() as connection:
        row = connection.execute(text("SELECT * FROM act WHERE id = :id"), {"id": body["act"]}).one()
    assert (row.name, row.door, row.outcome, row.record_code) == (
        "register_donor",
        "api",
        "accepted",
        body["result"]["code"],
    )


@pytest.mark.requirement("R6")
def test_a_refused_act_gives_its_reasons_and_is_kept(post, world: World) -> None:
    given = donor(world)
    post("tina", "register_donor", given)
    body = is_problem(post("tina", "register_donor", given), 409)
    assert [reason["code"] for reason in body["refusals"]] == ["ALREADY_EXISTS"]
    assert body["refusals"][0]["detail"] == body["detail"]
    with world.installation.reads.connect() as connection:
        assert connection.scalar(text("SELECT outcome FROM act WHERE id = :id"), {"id": body["act"]}) == "refused"


@pytest.mark.requirement("R4")
def test_an_act_of_another_role_is_forbidden_and_kept(post, world: World) -> None:
    body = is_problem(post("clara", "register_donor", donor(world)), 403)
    assert body["refusals"][0]["code"] == "ROLE_NOT_ALLOWED" and body["act"] > 0


@pytest.mark.parametrize("act", ["sign_in", "sign_out", "change_password"])
def test_what_a_door_has_proved_no_program_can_claim(post, act: str) -> None:
    is_problem(post("tina", act, {"new_password": "another one of mine"}), 403)


@pytest.mark.parametrize("act", ["note_wrong_password", "configure_site"])
def test_the_installations_own_acts_are_nobodys(post, act: str) -> None:
    given = (
        {"name": "tina"}
        if act == "note_wrong_password"
        else {
            "name": "Mine",
            "fin": "A9999",
            "fin_registered": False,
            "timezone": "Europe/Kyiv",
        }
    )
    is_problem(post("ada", act, given), 403)


def test_an_act_that_does_not_exist(post) -> None:
    assert "openapi" in is_problem(post("tina", "make_coffee"), 404)["detail"]


@pytest.mark.parametrize("address", ["/api", "/api/", "/api/acts", "/api/acts/", "/api/nothing", "/api/scan/"])
def test_an_address_that_does_not_exist(client, address: str) -> None:
    response = client.get(address)
    assert response.status_code in (401, 404, 405)
    if address != "/api":
        is_problem(response, response.status_code)


def test_a_method_that_does_not_exist(client) -> None:
    response = client.delete("/api/tokens")
    is_problem(response, 405)
    assert "POST" in response.headers["Allow"]


def test_malformed_input_names_field_limit_and_what_was_given(post, world: World) -> None:
    before = acts(world)
    body = is_problem(post("tina", "register_donor", {"birth_year": 1492, "colour": "red"}), 422)
    problems = {problem["field"]: problem["message"] for problem in body["problems"]}
    assert set(problems) == {"pseudonym", "birth_year", "colour"}
    assert "1940" in problems["birth_year"] and "1492" in problems["birth_year"]
    assert acts(world) == before


NOT_JSON = [
    b"", b"{", b"null", b"[]", b'"text"', b"17", b"\xff\xfe\xff", b'{"pseudonym": NaN}', b'{"birth_year": Infinity}',
    b'{"birth_year": 1e999999999}', b'{"birth_year": ' + b"9" * 5000 + b"}", b"[" * 100_000,
    b'{"pseudonym":' * 5000 + b"1" + b"}" * 5000, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"pseudonym": "A-1", "pseudonym": "A-2", "birth_year": 1990}', b'{"pseudonym": "a\\u0000b", "birth_year": 1990}',
    b'{"pseudonym": "a\\ud800b", "birth_year": 1990}', b'{"\\udfff": 1}', b'{"birth_year": 1e30, "pseudonym": "A"}',
    b'{"birth_year": 1990.5, "pseudonym": "A"}', b'{"birth_year": true, "pseudonym": "A"}',
    b'{"birth_year": null, "pseudonym": "A"}', '{"pseudonym": "АBС", "birth_year": 1990}'.encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_bodies_that_are_no_input(post, world: World, body: bytes) -> None:
    before = acts(world)
    assert is_problem(post("tina", "register_donor", data=body), 422)["problems"]
    assert acts(world) == before


def test_a_body_that_is_too_large(post) -> None:
    is_problem(post("tina", "register_donor", data=b" " * (4 * 1024 * 1024 + 1)), 413)


def test_a_fraction_arrives_exactly_as_it_was_sent(post, monkeypatch) -> None:
    arrived = []

    class Weigh(ActInput):
        """Weigh."""

        weight: Decimal

    def weigh(work, given):
        arrived.append(given.weight)
        work.judge()

    registered = RegisteredAct("report_unreadable_scan", "Weigh", Weigh, weigh, "test")
    monkeypatch.setitem(REGISTRY, "report_unreadable_scan", registered)
    post("tina", "report_unreadable_scan", data=b'{"weight": 73.10000000000000000001}')
    assert arrived == [Decimal("73.10000000000000000001")]


# ---- dry run, idempotency


def test_a_dry_run_judges_and_writes_nothing(post, world: World) -> None:
    given, before = donor(world), acts(world)
    response = post("tina", "register_donor", given, "?dry_run=1")
    assert response.get_json() == {"accepted": True, "act": None, "result": {}}
    is_problem(post("clara", "register_donor", given, "?dry_run=1"), 403)
    is_problem(post("tina", "register_donor", given, "?dry_run=perhaps"), 422)
    assert acts(world) == before
    assert post("tina", "register_donor", given, "?dry_run=0").status_code == 200


def test_the_same_request_twice_is_done_once(post, world: World) -> None:
    given, key = donor(world), world.unique("key")
    first, before = post("tina", "register_donor", given, key=key).get_json(), None
    before = acts(world)
    again = post("tina", "register_donor", given, key=key)
    assert again.status_code == 200 and again.get_json() == {**first, "repeated": True}
    assert acts(world) == before


def test_a_refusal_is_repeated_too(post, world: World) -> None:
    given, key = donor(world), world.unique("key")
    post("tina", "register_donor", given)
    first = is_problem(post("tina", "register_donor", given, key=key), 409)
    assert is_problem(post("tina", "register_donor", given, key=key), 409)["act"] == first["act"]


def test_the_same_key_with_other_content_is_refused(post, world: World) -> None:
    key = world.unique("key")
    post("tina", "register_donor", donor(world), key=key)
    body = is_problem(post("tina", "register_donor", donor(world), key=key), 409)
    assert [reason["code"] for reason in body["refusals"]] == ["KEY_REUSED"]


def test_a_key_is_its_owners(post, world: World) -> None:
    key = world.unique("key")
    assert post("tina", "register_donor", donor(world), key=key).status_code == 200
    assert post("taras", "register_donor", donor(world), key=key).status_code == 200


@pytest.mark.parametrize("key", ["x" * 201, "two words", "ключ"])
def test_a_key_has_a_form(client, tokens, world: World, key: str) -> None:
    headers = {"Authorization": f"Bearer {tokens['tina']}", "Idempotency-Key": key}
    response = client.post("/api/acts/register_donor", json=donor(world), headers=headers)
    assert is_problem(response, 422)["problems"][0]["field"] == "Idempotency-Key"


# ---- reads


def test_a_scan_tells_what_it_is_and_what_may_be_done(post, client, tokens, world: World) -> None:
    code = post("tina", "register_donor", donor(world)).get_json()["result"]["code"]
    card = client.get(f"/api/scan/{code}", headers={"Authorization": f"Bearer {tokens['tina']}"}).get_json()
    assert (card["kind"], card["code"], card["state"]) == ("donor", code, "REGISTERED")
    assert "record_consent" in [act["name"] for act in card["acts"]]
    card = client.get(f"/api/scan/{code}", headers={"Authorization": f"Bearer {tokens['otto']}"}).get_json()
    assert not [act for act in card["acts"] if act["name"] == "record_consent"]


@pytest.mark.parametrize("code", ["DR9999Z", "%00", "%FF%FE", "а" * 3, "x" * 3000, "..%2F..", "%20", "%0A", "%1D="])
def test_a_scan_that_leads_nowhere_is_answered_and_kept(client, tokens, world: World, code: str) -> None:
    before = acts(world)
    response = client.get(f"/api/scan/{code}", headers={"Authorization": f"Bearer {tokens['tina']}"})
    assert response.status_code in (404, 422)
    is_problem(response, response.status_code)
    assert acts(world) == before + 1
    response = client.get(f"/api/trace/{code}", headers={"Authorization": f"Bearer {tokens['tina']}"})
    is_problem(response, response.status_code)
    assert response.status_code in (404, 422)


def test_a_trace_of_a_donor(post, client, tokens, world: World) -> None:
    code = post("tina", "register_donor", donor(world)).get_json()["result"]["code"]
    found = client.get(f"/api/trace/{code}", headers={"Authorization": f"Bearer {tokens['otto']}"}).get_json()
    assert found["start"]["code"] == code and found["up"] == found["down"] == []


# ---- bugs


@pytest.mark.requirement("R20")
def test_a_bug_is_an_incident_with_a_number_and_writes_nothing(post, world: World, monkeypatch, caplog) -> None:
    class Break(ActInput):
        """Break."""

    def break_it(work, given):
        work.judge()
        work.session.execute(text("UPDATE donor SET eligibility_reason = 'a bug' WHERE state = 'REGISTERED'"))
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(REGISTRY, "hold_donor", RegisteredAct("hold_donor", "Break", Break, break_it, "test"))
    world.do("tina", "register_donor", **donor(world))
    before = acts(world)
    with caplog.at_level(logging.ERROR, "cellbank.incident"):
        body = is_problem(post("quinn", "hold_donor", {}), 500)
    assert body["incident"] in body["detail"] and body["incident"] in caplog.text
    assert "ZeroDivisionError" in caplog.text and "bug" not in body["detail"]
    with world.installation.reads.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM donor WHERE eligibility_reason = 'a bug'")) == 0
    assert acts(world) == before


@pytest.mark.requirement("R21")
def test_a_client_whose_clock_is_wrong_is_told(client, tokens, world: World) -> None:
    headers = {"Authorization": f"Bearer {tokens['tina']}", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    response = client.post("/api/acts/register_donor", json=donor(world), headers=headers)
    assert response.status_code == 200 and "clock" in response.headers["Warning"]
    headers["Date"] = "Mon, 01 Jan 2024 00:00:00 +99999999999999"  # no clock is there
    odd = client.post("/api/acts/register_donor", json=donor(world), headers=headers)
    assert odd.status_code == 200 and "Warning" not in odd.headers
    del headers["Date"]
    assert "Warning" not in client.post("/api/acts/register_donor", json=donor(world), headers=headers).headers
