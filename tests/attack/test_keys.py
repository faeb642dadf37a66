"""What the stolen key of a program is good for: nothing after a reset, and never for more than it was made for."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.domain.keys import Scope
from cellbank.services.acts import Malformed, run_act
from cellbank.services.installation import server_time
from cellbank.services.people.actors import actor_by_token
from cellbank.services.people.keys import keys_of
from tests.factories.people import badge, by_two, handed, newcomer, set_up
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.requirement("R15")

NEW, MINE = "another one to begin", "a password of my own"


class Program:
    """Another program, or a thief, with a key."""

    def __init__(self, app: Flask, world: World, secret: str):
        self.client, self.world, self.headers = app.test_client(), world, {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=self.headers | headers)

    def post(self, act: str, given: dict[str, Any], query: str = "", **headers: str) -> Any:
        return self.client.post(f"/api/acts/{act}{query}", json=given, headers=self.headers | headers)

    def registers(self, query: str = "") -> Any:
        return self.post("register_donor", {"pseudonym": self.world.unique("D"), "birth_year": 1990}, query)

    def opens_anything(self) -> bool:
        code = self.world.do("tina", "register_donor", pseudonym=self.world.unique("D"), birth_year=1990)["code"]
        return self.get(f"/api/scan/{code}").status_code != 401 or self.registers().status_code != 401


@pytest.fixture
def program(app: Flask, world: World) -> Callable[..., Program]:
    """A key of somebody, with these limits."""

    def make(name: str, **limits: Any) -> Program:
        made = world.do(name, "create_token", title="stolen", now=server_time(), **limits)
        return Program(app, world, made["token"])

    return make


# ---- they end


@pytest.mark.parametrize("reset", ["reset_password", "reset_second_factor"])
def test_a_reset_ends_the_keys_for_good(program: Any, world: World, reset: str) -> None:
    name = newcomer(world, "technician")
    thief = program(name)
    assert thief.opens_anything()
    given = {"new_password": NEW} if reset == "reset_password" else {}
    ended = by_two(world, reset, name, reason="a stolen laptop", **given)["keys_ended"]
    assert len(ended) == 1
    world.do(name, "change_password", new_password=MINE)  # its owner works on, the thief does not
    assert not thief.opens_anything()
    assert not keys_of(world.installation, world.people[name].id, server_time())


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_who_changes_the_password_is_asked_about_the_keys(program: Any, world: World, answer: str) -> None:
    name = newcomer(world, "technician")
    thief = program(name)
    refused = world.try_act(name, "change_password", new_password=MINE)
    assert [one.code.value for one in refused.refusals] == ["ANSWER_NEEDED"]
    assert refused.refusals[0].asks is not None and "stolen" in refused.refusals[0].detail
    world.do(name, "change_password", new_password=MINE, end_keys=answer)
    assert thief.opens_anything() is (answer == "no")


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_who_sets_up_a_second_factor_is_asked_about_the_keys(program: Any, world: World, answer: str) -> None:
    import pyotp

    name = newcomer(world, "technician")
    thief = program(name)
    app = pyotp.TOTP(set_up(world, name, handed(world, name))["secret"])
    code = app.at(world.now)
    assert world.codes(name, "confirm_second_factor", one_time_code=code) == ["ANSWER_NEEDED"]
    world.do(name, "confirm_second_factor", one_time_code=code, end_keys=answer)
    assert thief.opens_anything() is (answer == "no")


def test_the_page_of_the_password_asks_and_shows_the_last_use(signed_in: Any, program: Any, world: World) -> None:
    name = newcomer(world, "technician")
    browser = signed_in(name)
    assert 'name="end_keys"' not in browser.get("/password").text
    assert "never used" not in browser.get("/sessions").text
    thief = program(name, read_only=True)
    page = browser.get("/sessions").text
    assert "stolen" in page and "reads only" in page and "never used" in page
    assert thief.opens_anything()
    assert "last used" in browser.get("/sessions").text
    assert 'name="end_keys"' in browser.get("/password").text
    sent = {"password": PASSWORD, "new_password": MINE, "again": MINE}
    assert browser.post("/password", sent).status_code == 422 and thief.opens_anything()
    assert browser.post("/password", {**sent, "end_keys": "yes"}).status_code == 302
    assert not thief.opens_anything()


# ---- they are not multiplied, and do not last


def test_a_stolen_key_makes_no_other_key(program: Any, world: World) -> None:
    name = newcomer(world, "technician")
    thief = program(name)
    for given in ({}, {"password": ""}, {"password": "a guess of mine"}):
        answer = thief.post("create_token", {"title": "mine", **given})
        assert answer.status_code in (409, 422) and "token" not in answer.json.get("result", {})


def test_no_key_is_valid_longer_than_the_setting(world: World) -> None:
    with pytest.raises(Malformed, match="at most 90 days"):
        world.try_act("tina", "create_token", title="for ever", days=91)
    name = newcomer(world, "technician")
    world.do(name, "create_token", title="as long as it may", now=server_time())
    (key,) = keys_of(world.installation, world.people[name].id, server_time())
    assert key.expires_at - server_time() <= datetime.timedelta(days=90)


def test_a_password_that_was_changed_meanwhile_makes_no_key(world: World) -> None:
    name = newcomer(world, "technician")
    later = world.now + datetime.timedelta(minutes=1)
    world.do(name, "change_password", new_password=MINE, now=later)
    assert world.codes(name, "create_token", title="x", password=MINE) == ["CHANGED_MEANWHILE"]


# ---- they do what they were made for


def test_a_key_that_only_reads_does_nothing(program: Any, world: World) -> None:
    reader = program(newcomer(world, "technician"), read_only=True)
    refused = reader.registers()
    assert refused.status_code == 403 and refused.json["refusals"][0]["code"] == "KEY_LIMITED"
    assert reader.registers("?dry_run=1").status_code == 200
    code = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1990)["code"]
    assert reader.get(f"/api/scan/{code}").status_code == 200
    assert reader.get("/api/scan/%7Bnothing%7D").status_code == 422
    for act in ("create_token", "revoke_token", "end_session", "change_roles"):
        answer = reader.post(act, {"title": "x", "token": "x", "name": "tina", "password": PASSWORD})
        assert answer.status_code in (403, 422)


def test_a_key_for_some_acts_does_these_and_reads_nothing(program: Any, world: World) -> None:
    logger = program(newcomer(world, "technician"), acts=["register_donor"])
    assert logger.registers().status_code == 200
    code = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1990)["code"]
    for path in (f"/api/scan/{code}", f"/api/trace/{code}", f"/api/records/{code}", "/api/near-misses"):
        answer = logger.get(path)
        assert answer.status_code == 403 and code not in answer.text
    refused = logger.post("create_token", {"title": "mine", "password": PASSWORD})
    assert refused.status_code == 403 and refused.json["refusals"][0]["code"] == "KEY_LIMITED"
    assert logger.post("end_session", {"name": "tina"}, "?dry_run=1").status_code == 403


def test_a_key_for_one_site_sees_and_touches_no_other(program: Any, world: World, app: Flask) -> None:
    there = second_site(world)
    name = newcomer(world, "auditor")
    here = program(name, site="MAIN")
    code = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1990)["code"]
    theirs = run_act(
        world.installation,
        "register_donor",
        {"pseudonym": world.unique("D"), "birth_year": 1990},
        world.people[there.technician],
        door="test",
    ).result["code"]
    assert here.get(f"/api/scan/{code}").status_code == 200
    assert here.get(f"/api/scan/{theirs}").status_code == 404
    assert here.get(f"/api/scan/{code}", **{"Cellbank-Site": there.code}).status_code == 403
    assert world.codes(name, "create_token", title="x", site=there.code) == ["NOT_FOUND"]
    assert (
        Program(app, world, world.do(name, "create_token", title="all", now=server_time())["token"])
        .get(f"/api/scan/{theirs}")
        .status_code
        == 200
    )  # an auditor without that limit reads every site


def test_a_key_for_a_site_ends_with_the_work_there(program: Any, world: World) -> None:
    there = second_site(world)
    name = newcomer(world, "technician")
    by_two(world, "change_sites", name, sites=[there.code], reason="helps out")
    world.meet(name)
    key = program(name, site=there.code)
    assert key.registers().status_code == 200
    world.do("ada", "change_sites", name=name, sites=[], reason="helps out no more")
    assert not key.opens_anything()


def test_a_key_reads_or_acts(world: World) -> None:
    with pytest.raises(Malformed, match="leave one of the two out"):
        world.try_act("tina", "create_token", title="x", read_only=True, acts=["register_donor"])
    with pytest.raises(Malformed, match="is no act"):
        world.try_act("tina", "create_token", title="x", acts=["note_wrong_password"])


@pytest.mark.parametrize(
    ("scope", "reads", "acts", "judges"),
    [
        (Scope(), True, True, True),
        (Scope(site="MAIN"), True, True, True),
        (Scope(read_only=True), True, False, True),
        (Scope(acts=frozenset({"thaw"})), False, False, False),
        (Scope(acts=frozenset({"pick"})), False, True, True),
    ],
)
def test_what_a_scope_allows(scope: Scope, reads: bool, acts: bool, judges: bool) -> None:
    assert scope.may_read is reads
    assert scope.may_do("pick", dry_run=False) is acts
    assert scope.may_do("pick", dry_run=True) is judges
    assert scope.may_do("report_unreadable_scan", dry_run=False)


def test_the_database_lets_no_key_grow(world: World) -> None:
    name = newcomer(world, "technician")
    made = world.do(name, "create_token", title="small", read_only=True, now=server_time())
    assert actor_by_token(world.installation, made["token"]) is not None
    for change in ("read_only = false", "expires_at = now() + interval '9 years'", "acts = '{x}'", "person_id = 1"):
        with pytest.raises(IntegrityError, match="never changes"), world.installation.engine.begin() as connection:
            connection.execute(text(f"UPDATE api_token SET {change} WHERE code = :code"), {"code": made["code"]})
    world.do(name, "revoke_token", token=made["code"])
    with pytest.raises(IntegrityError, match="is revoked"), world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE api_token SET state = 'LIVE' WHERE code = :code"), {"code": made["code"]})


def test_the_database_lets_no_key_survive_a_reset(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellbank.services.people import account_changes

    name = newcomer(world, "technician")
    world.do(name, "create_token", title="forgotten")
    monkeypatch.setattr(account_changes, "end_keys", lambda work, keys: None)
    world.do("ada", "reset_password", name=name, new_password=NEW, reason="forgotten")
    assert world.codes("quinn", "confirm_account_change", person=badge(world, name)) == ["CHANGED_MEANWHILE"]


# ---- what was answered under a key of a request is told to whoever may still ask for it


def test_a_limited_key_is_not_told_what_another_act_answered(program: Any, world: World) -> None:
    """It repeats the idempotency key of an act outside its limits, with the same content."""
    name = newcomer(world, "technician")
    whole, reads, other = program(name), program(name, read_only=True), program(name, acts=["print_commands"])
    given, again = {"pseudonym": world.unique("D"), "birth_year": 1990}, {"Idempotency-Key": world.unique("i")}
    code = whole.post("register_donor", given, **again).json["result"]["code"]
    assert whole.post("register_donor", given, **again).json["repeated"]
    for thief in (reads, other):
        answer = thief.post("register_donor", given, **again)
        assert answer.status_code == 403 and code not in answer.text
        assert answer.json["refusals"][0]["code"] == "KEY_LIMITED"
    assert other.get(f"/api/outcomes/{again['Idempotency-Key']}").status_code == 403


def test_a_key_for_one_site_is_not_told_what_was_answered_at_another(program: Any, world: World) -> None:
    there, name = second_site(world), newcomer(world, "technician")
    by_two(world, "change_sites", name, sites=[there.code], reason="helps out")
    world.meet(name)
    whole, elsewhere = program(name), program(name, site=there.code)
    given, again = {"pseudonym": world.unique("D"), "birth_year": 1990}, {"Idempotency-Key": world.unique("i")}
    code = whole.post("register_donor", given, **again).json["result"]["code"]
    for answer in (
        elsewhere.post("register_donor", given, **again),
        elsewhere.get(f"/api/outcomes/{again['Idempotency-Key']}"),
        whole.post("register_donor", given, **again, **{"Cellbank-Site": there.code}),
    ):
        assert answer.status_code in (403, 409) and code not in answer.text


@pytest.mark.parametrize("over", ["disabled", "role lost"])
def test_who_may_not_any_more_is_not_told_what_was_answered(world: World, over: str) -> None:
    """By whoever was let in a moment before."""
    name = newcomer(world, "technician", "clinician")
    given, key = {"pseudonym": world.unique("D"), "birth_year": 1990}, world.unique("i")
    code = world.do(name, "register_donor", key=key, **given)["code"]
    if over == "disabled":
        world.do("ada", "disable_person", name=name, reason="left the bank")
    else:
        world.do("ada", "change_roles", name=name, roles=["clinician"], reason="only the ward")
    again = world.try_act(name, "register_donor", key=key, **given)
    assert [one.code.value for one in again.refusals] == ["ROLE_NOT_ALLOWED"] and code not in str(again)
