"""The application's clock beside the database's: apart, nothing is recorded and no screen says yes; agreed again, all
is as before."""

import datetime
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from cellbank.domain.refusals import Code
from cellbank.services.clinic.at_bedside import judge_standing
from cellbank.services.installation import Installation, server_time
from tests.factories.doses import ordered_dose
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
KEPT = text("SELECT at, recorded_at, given, refusals FROM act WHERE id = :act")


WITHOUT_TRIGGERS = text("SET LOCAL session_replication_role = replica")


@pytest.fixture(params=[DAY, -DAY, datetime.timedelta(minutes=3)], ids=["a day behind", "a day ahead", "minutes"])
def apart(
    installation: Installation, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[datetime.timedelta]:
    """The application's clock is wrong by this."""
    monkeypatch.setattr(installation.clocks, "clock", lambda: server_time() - request.param)
    yield request.param
    monkeypatch.undo()
    installation.clocks.hear(server_time())


def test_an_act_is_refused_and_kept_with_what_was_given(world: World, apart: datetime.timedelta) -> None:
    """With the time of the clock that seals it, so that it stands in the trail where it belongs."""
    wrong = server_time() - apart
    outcome = world.try_act("tina", "register_donor", now=wrong, pseudonym="CL-1", birth_year=1990)
    assert [one.code for one in outcome.refusals] == [Code.CLOCKS_DIFFER]
    assert f"differ by {3 if abs(apart) < DAY else 1440} minutes" in outcome.refusals[0].detail
    with world.installation.reads.connect() as connection:
        kept = connection.execute(KEPT, {"act": outcome.act}).one()
    assert kept.given["pseudonym"] == "CL-1" and kept.refusals[0]["code"] == "CLOCKS_DIFFER"
    assert abs(kept.recorded_at - kept.at) < datetime.timedelta(minutes=1)


def test_a_process_that_never_heard_of_it_is_told_by_the_first_act(
    world: World, databases: tuple[str, str], apart: datetime.timedelta
) -> None:
    """Minutes are no matter of the database; a day is, where no story is played."""
    engine = create_engine(databases[0])
    world.installation.clocks.ahead = datetime.timedelta(0)
    with engine.begin() as owner:
        owner.execute(WITHOUT_TRIGGERS)
        played = owner.execute(text("DELETE FROM played_time RETURNING id, why")).one()
    try:
        outcome = world.try_act("tina", "register_donor", now=server_time() - apart, pseudonym="CL-9", birth_year=1990)
    finally:
        with engine.begin() as owner:
            owner.execute(WITHOUT_TRIGGERS)
            owner.execute(text("INSERT INTO played_time (id, why) VALUES (:id, :why)"), dict(played._mapping))
        engine.dispose()
    assert [one.code for one in outcome.refusals] == [Code.CLOCKS_DIFFER]


def test_no_screen_says_yes(world: World, installation: Installation, signed_in, apart: datetime.timedelta) -> None:
    clock, installation.clocks.clock = installation.clocks.clock, server_time  # first it is right
    installation.clocks.hear(server_time())
    dose = ordered_dose(world)
    tina = signed_in("tina")
    installation.clocks.clock = clock
    page = tina.get("/").text  # whoever asks for a page is told the database's time
    assert "nothing is recorded until they agree" in page and installation.clocks.differ
    assert judge_standing(installation, dose.code, server_time()) is None
    watched = tina.get(f"/watch?dose={dose.code}&state=ORDERED").json["doses"][dose.code]
    assert watched["verdict"] == "not judged"
    check = tina.post("/act/register_donor", {"pseudonym": "CL-2", "birth_year": "1990", "intent": "check"})
    assert "nothing is recorded until they agree" in check.text


def test_people_come_in_and_read(browser, installation: Installation, apart: datetime.timedelta, monkeypatch) -> None:
    monkeypatch.setattr("cellbank.services.acts.server_time", installation.clocks.clock)
    assert browser.enter("quinn").status_code == 302
    assert browser.get("/list/lots").status_code == 200
    with installation.reads.connect() as connection:
        last = connection.execute(text("SELECT * FROM act WHERE name = 'sign_in' ORDER BY id DESC")).first()
    assert last and abs(last.recorded_at - last.at) < datetime.timedelta(minutes=1)


def test_a_screen_keeps_what_it_has(browser, apart: datetime.timedelta) -> None:
    """What was done without the network waits there: it is not turned away for a clock."""
    assert browser.client.get("/bedside/alive").status_code == 503
    assert browser.client.post("/bedside/kept", json={}).status_code == 503


def test_readiness_names_each_reason(browser, databases: tuple[str, str], apart: datetime.timedelta) -> None:
    """The clock, and a database of another revision."""
    engine = create_engine(databases[0], isolation_level="AUTOCOMMIT")
    with engine.connect() as owner:
        revision = owner.scalar(text("SELECT version_num FROM alembic_version"))
        owner.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        answer = browser.client.get("/ready")
        owner.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
    assert answer.status_code == 503 and answer.json["ready"] is False
    assert [one["check"] for one in answer.json["reasons"]] == ["revision", "clock"]


def test_when_they_agree_it_is_ready_and_records(browser, world: World) -> None:
    answer = browser.client.get("/ready")
    assert (answer.status_code, answer.json) == (200, {"ready": True, "reasons": []})
    assert world.try_act("tina", "register_donor", pseudonym="CL-3", birth_year=1990).accepted


def test_a_database_that_is_away_is_a_reason(
    browser, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing", connect_args={"connect_timeout": 1})
    monkeypatch.setitem(installation.__dict__, "reads", away)
    answer = browser.client.get("/ready")
    assert answer.status_code == 503 and [one["check"] for one in answer.json["reasons"]] == ["database"]
