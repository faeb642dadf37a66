"""Enemies of a signature at the door for programs: stolen, replayed, copied, given by an administrator."""

import dataclasses
import datetime

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from cellbank import api
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.installation import server_time
from cellbank.services.trail.history import signatures
from tests.factories.people import accept, by_two, enrol, newcomer, to_sign, train
from tests.factories.production import donation, eligible_donor
from tests.factories.world import PASSWORD, World


def codes(response) -> list[str]:
    return [reason["code"] for reason in response.get_json()["refusals"]]


@pytest.mark.requirement("R11", "R13")
def test_a_replayed_signature_is_its_first_answer_and_nothing_more(post, world: World) -> None:
    given, key = {**to_sign(world), "password": PASSWORD}, world.unique("key")
    first = post("quinn", "decide_reagent", given, key=key).get_json()
    again = post("quinn", "decide_reagent", given, key=key).get_json()
    assert again == {**first, "repeated": True}
    other = {**to_sign(world), "password": PASSWORD}
    assert codes(post("quinn", "decide_reagent", other, key=key)) == ["KEY_REUSED"]
    without = {name: value for name, value in other.items() if name != "password"}
    assert codes(post("quinn", "decide_reagent", without, key=world.unique("key"))) == ["SIGNATURE_NEEDED"]
    wrong = {**other, "password": "a stolen guess"}
    assert codes(post("quinn", "decide_reagent", wrong, key=world.unique("key"))) == ["SIGNATURE_WRONG"]


@pytest.mark.requirement("R13")
def test_the_token_names_the_signer_and_a_name_given_beside_it_must_be_theirs(post, world: World) -> None:
    given = {**to_sign(world), "password": PASSWORD}
    assert codes(post("quinn", "decide_reagent", {**given, "signer": "oksana"})) == ["SIGNATURE_WRONG"]
    assert post("quinn", "decide_reagent", {**given, "signer": "quinn"}).status_code == 200


@pytest.mark.requirement("R4", "R14", "R19")
def test_an_administrator_signs_nothing_with_a_key_they_stole_or_a_password_they_set(
    post, client, world: World
) -> None:
    waiting = to_sign(world)
    own = post("ada", "decide_reagent", {**waiting, "password": PASSWORD})
    assert own.status_code == 403 and codes(own) == ["ROLE_NOT_ALLOWED"]
    name = newcomer(world)
    world.may_sign(name)
    stolen = client.post("/api/tokens", json={"name": name, "password": PASSWORD}).get_json()["token"]
    by_two(world, "reset_password", name, new_password="chosen by ada herself", reason="to sign for them")
    headers = {"Authorization": f"Bearer {stolen}"}
    given = {**waiting, "password": "chosen by ada herself"}
    assert client.post("/api/acts/make_effective", json=given, headers=headers).status_code == 401
    world.meet(name)
    assert world.codes(name, "decide_reagent", **given) == ["SIGNATURE_WRONG"]


@pytest.mark.requirement("R9", "R23")
@pytest.mark.parametrize("act", ["accept_agreement", "set_up_second_factor", "confirm_second_factor"])
def test_what_a_person_reads_or_holds_themself_no_program_can_claim(post, act: str) -> None:
    assert post("quinn", act, {}).status_code == 403


@pytest.mark.requirement("R11", "R18")
def test_a_signature_copied_to_another_record_behind_the_rules_is_void_there(world: World, databases) -> None:
    signed, bare = eligible_donor(world), donor_of(world, donation(world))
    statement = """INSERT INTO signature
        (act_id, person_id, full_name, meaning, record_kind, record_id, digest, signed_at)
        SELECT act_id, person_id, full_name, meaning, record_kind, (SELECT id FROM donor WHERE code = :bare), digest,
               signed_at
          FROM signature
         WHERE record_kind = 'donor' AND record_id = (SELECT id FROM donor WHERE code = :signed)"""
    owner = create_engine(databases[0])
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no act does this
        assert connection.execute(text(statement), {"bare": bare, "signed": signed}).rowcount
    owner.dispose()
    assert [one.is_void for one in signatures(world.installation, "donor", signed)] == [False]
    copied = signatures(world.installation, "donor", bare)
    assert copied and copied[0].is_void


def donor_of(world: World, din: str) -> str:
    statement = "SELECT d.code FROM donor d JOIN donation n ON n.donor_id = d.id WHERE n.code = :din"
    with world.installation.reads.connect() as connection:
        return connection.scalar(text(statement), {"din": din})


@pytest.mark.requirement("R23")
def test_a_program_of_a_role_with_a_second_factor_sends_a_code_each_time(world: World) -> None:
    """Thirty seconds early, now, thirty seconds late: three codes, each good for one thing."""
    config = dataclasses.replace(world.installation.config, second_factor_roles=frozenset({Role.QUALITY_OFFICER}))
    app = Flask("cellbank-api-strict")
    api.register(app, dataclasses.replace(world.installation, config=config), signed_in=lambda: None)
    client, name, now = app.test_client(), newcomer(world), server_time()
    accept(world, name)
    train(world, name, "2020-01-01", "2099-12-31")
    device = enrol(world, name, at=now)
    known = {"name": name, "password": PASSWORD}
    assert client.post("/api/tokens", json=known).status_code == 401
    assert client.post("/api/tokens", json={**known, "one_time_code": 123456}).status_code == 422
    made = client.post("/api/tokens", json={**known, "one_time_code": device.at(now)})
    headers = {"Authorization": f"Bearer {made.get_json()['token']}"}

    def sign(**code: str):
        given = {**to_sign(world), "password": PASSWORD, **code}
        return client.post("/api/acts/decide_reagent", json=given, headers=headers)

    assert codes(sign()) == ["SIGNATURE_NEEDED"]
    assert codes(sign(one_time_code=device.at(now))) == ["SIGNATURE_WRONG"]  # it has given the token
    following = device.at(now + datetime.timedelta(seconds=30))
    assert sign(one_time_code=following).status_code == 200
    assert codes(sign(one_time_code=following)) == ["SIGNATURE_WRONG"]
