"""The database goes away, is busy, or is lost in the middle of a commit: the answer is 503 and true, and all comes back
by itself. The wire is really cut and the connections are really ended; nothing is pretended."""

import dataclasses
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from cellbank import create_app
from cellbank.records import away
from cellbank.records.base import SESSION, open_engine
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation, server_time
from cellbank.services.lookup.lists import LISTS
from tests.attack.patient import patient_app
from tests.attack.wire import Wire, wired
from tests.factories.world import World
from tests.web.conftest import Browser

__all__ = ["patient_app"]
NOT = "Nothing was recorded"


@pytest.fixture
def line(databases: tuple[str, str], world: World) -> Iterator[tuple[Wire, Installation]]:
    """A bank that reaches the database through a wire."""
    with tempfile.TemporaryDirectory(prefix="wire") as folder, wired(databases[1], Path(folder)) as (wire, url):
        installation = dataclasses.replace(world.installation, engine=open_engine(url))
        yield wire, installation
        installation.engine.dispose()


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "PATIENCE", 0.5)


def donor(world: World) -> dict[str, Any]:
    return {"pseudonym": world.unique("AWAY"), "birth_year": 1990}


def donors(world: World, given: dict[str, Any]) -> int:
    with world.installation.reads.connect() as connection:
        counting = text("SELECT count(*) FROM donor WHERE pseudonym = :pseudonym")
        return connection.scalar(counting, {"pseudonym": given["pseudonym"]})


def client_of(installation: Installation, world: World) -> tuple[Any, dict[str, str]]:
    token = world.do("tina", "create_token", title="away", now=server_time())["token"]
    return create_app(installation).test_client(), {"Authorization": f"Bearer {token}"}


def tina_on(app: Flask) -> Browser:
    tina = Browser(app.test_client())
    assert tina.enter("tina").status_code == 302
    tina.get("/act/register_donor")
    return tina


def test_connections_that_died_meanwhile_are_replaced_before_anybody_meets_them(line, world: World) -> None:
    wire, installation = line
    client, headers = client_of(installation, world)
    for _ in range(3):
        assert client.post("/api/acts/register_donor", json=donor(world), headers=headers).status_code == 200
        wire.cut()
    assert client.get("/api/scan/DR00019", headers=headers).status_code in (200, 404, 422)


def test_one_dead_connection_takes_no_other_with_it(databases: tuple[str, str]) -> None:
    engine, owner = open_engine(databases[1]), create_engine(databases[0], isolation_level="AUTOCOMMIT")
    mine = text("SELECT pg_backend_pid()")
    with engine.connect() as first, engine.connect() as second, owner.connect() as killer:
        pids = [one.scalar(mine) for one in (first, second)]
        killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pids[0]})
        with pytest.raises(Exception) as error:
            first.scalar(text("SELECT 1"))
        assert away.is_away(error.value)
    with engine.connect() as one, engine.connect() as other:
        assert pids[1] in (one.scalar(mine), other.scalar(mine))
    engine.dispose()
    owner.dispose()


def test_a_network_that_keeps_silent_is_noticed(databases: tuple[str, str]) -> None:
    engine = open_engine(databases[1] + "&connect_timeout=7")
    with engine.connect() as connection:
        asked = connection.connection.driver_connection.info.get_parameters()
    engine.dispose()
    assert asked["connect_timeout"] == "7"  # what the URL says counts
    assert asked["keepalives_idle"] == "5" and asked["tcp_user_timeout"] == "10000"


@pytest.mark.parametrize("address", ["/", "/sign-in", "/scan?code=DR00019", "/bedside", f"/list/{next(iter(LISTS))}"])
def test_a_page_says_that_the_database_is_away_and_asks_again(line, address: str, short_patience) -> None:
    wire, installation = line
    tina = tina_on(create_app(installation))
    wire.down = True
    wire.cut()
    answer = tina.get(address)
    if address != "/sign-in":  # which needs nothing of it but who is here
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert "cannot be reached" in answer.text and 'http-equiv="refresh"' in answer.text
    assert answer.status_code != 500
    wire.down = False
    assert tina.get(address).status_code in (200, 302, 404)


def test_the_api_says_it_too_and_is_back_at_once(line, world: World, short_patience) -> None:
    wire, installation = line
    client, headers = client_of(installation, world)
    wire.down = True
    wire.cut()
    given = donor(world)
    for answer in (
        client.get("/api/scan/DR00019", headers=headers),
        client.post("/api/acts/register_donor", json=given, headers=headers),
    ):
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
        assert answer.json["outcome"] == "not recorded" and "cannot be reached" in answer.json["detail"]
    wire.down = False
    assert client.post("/api/acts/register_donor", json=given, headers=headers).status_code == 200


@pytest.mark.parametrize("moment", [b"INSERT INTO act", b"INSERT INTO donor", b"COMMIT"])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("key", [None, "mine"])
def test_an_act_that_lost_its_connection_is_done_once(line, world, moment: bytes, after: bool, key: str | None) -> None:
    wire, installation = line
    given = donor(world)
    wire.cut_at, wire.after = moment, after
    back = time.monotonic() + 0.8
    threading.Timer(0.8, lambda: setattr(wire, "down", False)).start()
    key = key and world.unique("KEY")
    outcome = run_act(installation, "register_donor", given, world.people["tina"], door="test", key=key)
    assert wire.cuts == 1 and outcome.accepted and donors(world, given) == 1
    assert time.monotonic() - back < 2


@pytest.mark.parametrize("committed", [True, False])
def test_of_a_commit_in_doubt_the_api_says_so_and_then_the_truth(line, world, committed, short_patience) -> None:
    wire, installation = line
    client, headers = client_of(installation, world)
    given = donor(world)
    client.get("/api/scan/DR00019", headers=headers)
    wire.cut_at, wire.after = b"COMMIT", committed
    answer = client.post("/api/acts/register_donor", json=given, headers=headers)
    assert answer.status_code == 503 and answer.json["outcome"] == "unknown" and NOT not in answer.text
    assert donors(world, given) == int(committed)
    wire.down = False
    truth = client.get(f"/api/outcomes/{answer.json['key']}", headers=headers)
    if committed:
        assert truth.status_code == 200 and truth.json["accepted"] and truth.json["repeated"]
    else:
        assert truth.status_code == 404 and NOT in truth.json["detail"]
    headers["Idempotency-Key"] = answer.json["key"]
    again = client.post("/api/acts/register_donor", json=given, headers=headers)
    assert again.status_code == 200 and donors(world, given) == 1


@pytest.mark.parametrize("committed", [True, False])
def test_of_a_commit_in_doubt_the_page_says_so_and_then_the_truth(line, world, committed, short_patience) -> None:
    wire, installation = line
    tina = tina_on(create_app(installation))
    given = donor(world)
    key = world.unique("KEY")
    wire.cut_at, wire.after = b"COMMIT", committed
    answer = tina.post("/act/register_donor", {**given, "key": key, "intent": "do"})
    assert answer.status_code == 503 and NOT not in answer.text and "not known yet" in answer.text
    assert f"/outcome/{key}" in answer.text
    assert tina.get(f"/outcome/{key}").status_code == 503  # it asks again
    wire.down = False
    truth = tina.get(f"/outcome/{key}")
    if committed:
        assert truth.status_code == 303 and "/done/" in truth.location
    else:
        assert truth.status_code == 404 and "Not recorded" in truth.text
    assert donors(world, given) == int(committed)


def test_nobody_is_told_of_the_outcome_of_others(patient_app: Flask, world: World) -> None:
    key = world.unique("KEY")
    run_act(world.installation, "register_donor", donor(world), world.people["taras"], door="test", key=key)
    assert tina_on(patient_app).get(f"/outcome/{key}").status_code == 404


def test_a_lock_that_does_not_come_is_a_503(databases, world: World) -> None:
    session = SESSION.replace("lock_timeout=10s", "lock_timeout=50ms")
    installation = dataclasses.replace(world.installation, engine=open_engine(databases[1], session=session))
    client, headers = client_of(installation, world)
    code = world.do("tina", "register_donor", **donor(world))["code"]
    given = {"donor": code, "version": "CF-1", "given_on": "2026-01-02", "scope": "clinical_use"}
    with world.installation.engine.connect() as other:
        other.execute(text("SELECT 1 FROM donor WHERE code = :code FOR UPDATE"), {"code": code})
        answer = client.post("/api/acts/record_consent", json=given, headers=headers)
    assert answer.status_code == 503 and answer.headers["Retry-After"], answer.json
    assert "at work on the same record" in answer.json["detail"]
    installation.engine.dispose()


def test_a_database_that_cannot_write_is_read_all_the_same(databases, world: World, monkeypatch) -> None:
    """What is kept besides (the last use of a key, that somebody is there, a scan that led nowhere) refuses no read."""
    installation = world.installation
    client, headers = client_of(installation, world)
    tina = tina_on(create_app(installation))
    monkeypatch.setattr("cellbank.web.session.is_noted", lambda *_: False)
    monkeypatch.setattr("cellbank.services.people.keys.is_noted", lambda *_: False)
    owner = create_engine(databases[0], isolation_level="AUTOCOMMIT")
    full = "BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END"
    with owner.connect() as connection:
        connection.execute(text(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {full} $$"))
        for table in ("web_session", "api_token_use", "act"):
            of = f"BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION full_disk()"
            connection.execute(text(f"CREATE TRIGGER full_disk {of}"))
        try:
            assert tina.get("/list/donors").status_code == 200
            assert tina.get("/scan?code=DR99998").status_code == 404
            assert client.get("/api/scan/DR99998", headers=headers).status_code in (404, 422)
            assert client.get("/api/scan/nothing", headers=headers).status_code == 422
            answer = client.post("/api/acts/register_donor", json=donor(world), headers=headers)
            assert answer.status_code == 503 and NOT in answer.json["detail"]
        finally:
            connection.execute(text("DROP FUNCTION full_disk CASCADE"))
    owner.dispose()


def test_a_full_pool_is_a_503(databases, world: World) -> None:
    installation = dataclasses.replace(world.installation, engine=open_engine(databases[1], pool_size=1))
    client, headers = client_of(installation, world)
    installation.engine.pool._timeout = 0.1
    taken = [installation.engine.connect() for _ in range(6)]
    answer = client.post("/api/acts/register_donor", json=donor(world), headers=headers)
    for one in taken:
        one.close()
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    installation.engine.dispose()


def test_a_bug_behind_the_commit_says_what_is_recorded(patient_app: Flask, world: World, monkeypatch) -> None:
    """Showing what was done fails, on the page and in the API: it stands all the same, and nobody is told otherwise."""
    tina, given = tina_on(patient_app), donor(world)
    monkeypatch.setattr("cellbank.web.acts.finished", lambda *_: 1 / 0)
    page = tina.post("/act/register_donor", {**given, "key": world.unique("KEY"), "intent": "do"})
    assert page.status_code == 500 and NOT not in page.text and "/done/" in page.text and donors(world, given) == 1
    token = world.do("tina", "create_token", title="away", now=server_time())["token"]
    given = donor(world)
    monkeypatch.setattr("cellbank.api.routes.clock_skew", lambda: 1 / 0)
    answer = patient_app.test_client().post(
        "/api/acts/register_donor", json=given, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 500 and NOT not in answer.text and answer.json["act"] and donors(world, given) == 1
    page = tina.get("/record/%00")
    assert page.status_code == 404
