"""Somebody who has the application's role and no more: an act of another time, a check ahead, a table before ours, what
only the installation itself may do.

How to add an attack: what they insert into `act` is a row of `INSERTED`, what they do in the name of the installation
one of `BY_THE_INSTALLATION`. All of it happens in a transaction that is rolled back.
"""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

from cellbank.cli import main
from cellbank.services import catalogue
from cellbank.services.acts import run_act
from cellbank.services.people import account_changes
from cellbank.services.people.actors import SYSTEM, actor_by_name
from tests.attack.test_tampering import BACK_DATED, LAST
from tests.conftest import UNPLAYED, make_installation, rolled_back
from tests.factories.by_hand import open_act
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.requirement("R1", "R5", "R17")

ACT = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, happened_at, late_reason, outcome)
SELECT 1, id, 'thaw_vial', '{{}}', '', 'web', '0', now() + {at}, {told}, {outcome} FROM person WHERE name = 'tina'
RETURNING id"""
YESTERDAY, TOMORROW, NOW = "interval '-1 day'", "interval '1 day'", "interval '0'"
NOT_TOLD, TOLD_LATE = "NULL, NULL", "now() - interval '2 days', 'the tablet was locked away'"
INSERTED = {
    "an act of yesterday": ACT.format(at=YESTERDAY, told=NOT_TOLD, outcome="'accepted'"),
    "an open act of yesterday": ACT.format(at=YESTERDAY, told=NOT_TOLD, outcome="NULL"),
    "a refused act of yesterday": ACT.format(at=YESTERDAY, told=NOT_TOLD, outcome="'refused'"),
    "a late fact, as if entered yesterday": ACT.format(at=YESTERDAY, told=TOLD_LATE, outcome="'accepted'"),
    "an act of tomorrow": ACT.format(at=TOMORROW, told=NOT_TOLD, outcome="'accepted'"),
}


@pytest.fixture
def owner(world: World, databases: tuple[str, str]) -> Iterator[Connection]:
    """The owner, in a transaction that is rolled back, of a bank that has a donor."""
    world.do("tina", "register_donor", pseudonym=world.unique("A"), birth_year=1990)
    with rolled_back(databases[0]) as connection:
        yield connection


@pytest.fixture
def application(owner: Connection) -> Connection:
    """The application's role, where no story is played."""
    owner.exec_driver_sql(UNPLAYED)
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    return owner


@pytest.mark.parametrize("attack", INSERTED)
def test_an_act_of_another_time_is_refused_by_name(application: Connection, attack: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        application.exec_driver_sql(INSERTED[attack])
    assert refused.value.orig.diag.constraint_name == "an_act_is_of_its_time"


def test_a_fact_may_lie_back_when_it_is_entered_now(application: Connection) -> None:
    application.exec_driver_sql(ACT.format(at=NOW, told=TOLD_LATE, outcome="'accepted'"))


def test_nobody_lets_time_be_played_but_the_owner(application: Connection) -> None:
    with pytest.raises(Exception, match="permission denied"):
        application.exec_driver_sql("INSERT INTO played_time (id, why) VALUES (2, 'mine')")


def test_when_an_act_was_recorded_is_the_databases_to_say(application: Connection) -> None:
    given = BACK_DATED.replace("now() - interval '30 days', now()", "now(), now()") + " RETURNING id"
    act = application.exec_driver_sql(given).scalar_one()
    late = text("SELECT clock_timestamp() - recorded_at < interval '1 minute' FROM act WHERE id = :act")
    assert application.scalar(late, {"act": act})


def test_times_go_on_in_a_chain(owner: Connection) -> None:
    """Closed before another act and sealed after it, it bears the time of that one, and its seal says so."""
    owner.execute(text("SET LOCAL session_replication_role = replica"))
    owner.exec_driver_sql(f"UPDATE act SET recorded_at = now() + interval '1 hour' WHERE id = {LAST}")
    owner.execute(text("SET LOCAL session_replication_role = origin"))
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    last = owner.scalar(text(f"SELECT recorded_at FROM act WHERE id = {LAST}"))
    act = owner.exec_driver_sql(ACT.format(at=NOW, told=NOT_TOLD, outcome="'accepted'")).scalar_one()
    owner.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    sealed = text(
        """SELECT a.recorded_at, s.digest = sha256(before.digest || trail_act_digest(a)) FROM act a
             JOIN seal s ON s.act_id = a.id
             JOIN seal before ON before.site_id = s.site_id AND before.number = s.number - 1
            WHERE a.id = :act"""
    )
    assert tuple(owner.execute(sealed, {"act": act}).one()) == (last, True)


# ---- one act a transaction: what is asked at the end is asked of the act that wrote

OTHER = ACT.format(at=NOW, told=NOT_TOLD, outcome="NULL").replace("'thaw_vial'", "'confirm_dose_from_paper'")
A_SECOND_ACT = {
    "after the first one": (OTHER,),
    "once everything was asked": ("SET CONSTRAINTS ALL IMMEDIATE", OTHER),
    "in a savepoint": ("SAVEPOINT one", OTHER, "RELEASE one"),
    "at another site": (OTHER.replace("SELECT 1", "SELECT (SELECT max(id) FROM site)"),),
    "that says to be of another transaction": (
        OTHER.replace("(site_id", "(opened_in, site_id").replace("SELECT 1", "SELECT 'another', 1"),
    ),
    "by the clock of another zone": ("SET LOCAL timezone TO 'Asia/Tokyo'; SET LOCAL datestyle TO 'SQL'", OTHER),
    "refused": (OTHER.replace("NULL RETURNING", "'refused' RETURNING"),),
}  # fmt: skip
WRITES = "UPDATE person SET failure_count = 0, totp_step = 1 WHERE name = 'tina'"


@pytest.mark.parametrize("attack", A_SECOND_ACT)
def test_a_transaction_has_one_act(application: Connection, attack: str) -> None:
    open_act(application, "sign_in", person=2)
    application.exec_driver_sql(CLOSE)
    with pytest.raises(IntegrityError) as refused:
        for statement in A_SECOND_ACT[attack]:
            application.exec_driver_sql(statement)
    assert refused.value.orig.diag.constraint_name == "uq_act_opened_in"


def test_two_acts_are_not_opened_at_once(application: Connection) -> None:
    two = OTHER.replace("FROM person WHERE name = 'tina'", "FROM person WHERE name IN ('tina', 'quinn')")
    with pytest.raises(IntegrityError) as refused:
        application.exec_driver_sql(two)
    assert refused.value.orig.diag.constraint_name == "uq_act_opened_in"


def test_what_is_set_names_no_other_act(application: Connection, world: World) -> None:
    open_act(application, "sign_in", person=world.people["tina"].id)
    mine = application.scalar(text("SELECT acting()"))
    application.exec_driver_sql("SELECT set_config('cellbank.act', '1', true)")
    application.exec_driver_sql(WRITES)
    whose = application.scalars(text("SELECT DISTINCT act_id FROM change WHERE id > (SELECT max(id) - 1 FROM change)"))
    assert whose.all() == [mine]


def test_what_is_undone_leaves_room_for_the_act(application: Connection) -> None:
    nested = application.begin_nested()
    open_act(application, "thaw_vial")
    nested.rollback()
    open_act(application, "sign_in")
    assert application.scalar(text("SELECT act_in_progress()")) == "sign_in"


# ---- in the name of the installation: it lets nobody in but by the owner of the database

LETS_NOBODY_IN, IS_NOBODY = "the_installation_lets_nobody_in", "nobody_is_the_installation"
PERSON = """INSERT INTO person (site_id, code, name, name_key, full_name, roles, password_hash, state)
VALUES (1, 'PSMINE', 'mine', 'mine', 'Mine', '{{{role}}}', 'x', '{state}')"""
TRAINING = """INSERT INTO training (code, person_id, role, procedure, trained_on, valid_until, recorded_by_id, state)
SELECT 'TRMINE', id, 'quality_officer', 'SOP', '2020-01-01', '2099-01-01', 1, 'VALID' FROM person WHERE name = 'tina'"""
CODE = """INSERT INTO handed_code (person_id, purpose, digest, made_at)
SELECT id, 'second factor', 'mine', now() FROM person WHERE name = 'tina'"""
TINA = "UPDATE person SET {} WHERE name = 'tina'"
BY_THE_INSTALLATION = {
    "an administrator": ("add_person", PERSON.format(role="administrator", state="ACTIVE")),
    "somebody who reads all": ("add_person", PERSON.format(role="auditor", state="ACTIVE")),
    "somebody to be confirmed": ("add_person", PERSON.format(role="clinician", state="PROPOSED")),
    "other roles": ("change_roles", TINA.format("roles = '{quality_officer}'")),
    "another password": ("reset_password", TINA.format("password_hash = 'x'")),
    "another password, as if one was wrong": ("note_wrong_password", TINA.format("password_hash = 'x'")),
    "another address, as if one was wrong": ("note_wrong_password", TINA.format("email = 'me@example.org'")),
    "another site": ("change_sites", TINA.format("also_at = '{WARD}'")),
    "a second factor": ("set_up_second_factor", TINA.format("totp_secret = 'JBSWY3DPEHPK3PXP'")),
    "the statement accepted": ("accept_agreement", TINA.format("agreement_version = '1', agreement_at = now()")),
    "somebody who left, back": ("add_person", TINA.format("state = 'DISABLED'")),
    "a training": ("record_training", TRAINING),
    "a training confirmed": ("confirm_training", "UPDATE training SET procedure = 'other' WHERE id = 1"),
    "a code for a second factor": ("hand_over_code", CODE),
    "what an administrator asks for": ("reset_password", """
        INSERT INTO account_change (person_id, change, asked_at, asked_by_id, state)
        SELECT id, 'new password', now(), 1, 'ASKED' FROM person WHERE name = 'tina'"""),
    "a key": ("create_token", """
        INSERT INTO api_token (person_id, code, title, digest, expires_at, state)
        SELECT id, 'TKMINE', 'mine', 'mine', now() + interval '1 day', 'LIVE' FROM person WHERE name = 'tina'"""),
}  # fmt: skip
TOLD = json.dumps(
    {
        f"person.{column} of {name} {value}": "0:0"
        for name in ("tina", "mine", "system")
        for column, value in (("password_hash", "x"), ("totp_secret", "JBSWY3DPEHPK3PXP"))
    }
    | {"api_token.digest of TKMINE \\x6d696e65": "0:0"}
)


CLOSE = "UPDATE act SET outcome = 'accepted' WHERE id = acting()"


def turned_away(connection: Connection, act: str, statement: str, *, person: int = 1) -> str:
    """The rule that turns it away, at once or at the end of the act."""
    connection.execute(text("SELECT set_config('cellbank.digests', :told, true)"), {"told": TOLD})
    open_act(connection, act, person=person)
    with pytest.raises(IntegrityError) as refused:
        connection.exec_driver_sql(statement)
        connection.exec_driver_sql(CLOSE)
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    return str(refused.value.orig.diag.constraint_name)


@pytest.mark.parametrize("attack", BY_THE_INSTALLATION)
def test_the_installation_lets_nobody_in_by_the_way_of_the_application(application: Connection, attack: str) -> None:
    assert turned_away(application, *BY_THE_INSTALLATION[attack]) == LETS_NOBODY_IN


def test_the_installation_opens_no_lock(application: Connection) -> None:
    locks = "locked_until = now() + interval '1 hour', failure_count = 5, locked_at = now(), locked_from = 'x'"
    nested = application.begin_nested()
    open_act(application, "note_wrong_password")
    application.exec_driver_sql(TINA.format(locks))  # that is what it is for
    nested.rollback()
    application.exec_driver_sql("RESET ROLE; SET LOCAL session_replication_role = replica")
    application.exec_driver_sql(TINA.format(locks))
    application.exec_driver_sql("SET LOCAL session_replication_role = origin; SET LOCAL ROLE cellbank_app")
    opens = TINA.format("locked_until = NULL")
    assert turned_away(application, "note_wrong_password", opens) == "a_lock_is_opened_by_two"


@pytest.mark.parametrize(
    "change",
    ["roles = '{system}' WHERE name = 'otto'", "password_hash = 'x' WHERE id = 1", "roles = '{auditor}' WHERE id = 1"],
)
def test_nobody_becomes_the_installation(application: Connection, world: World, change: str) -> None:
    statement = f"UPDATE person SET {change}"
    assert turned_away(application, "change_roles", statement, person=world.people["ada"].id) == IS_NOBODY


@pytest.fixture(scope="module")
def unplayed(fresh_database: Any) -> tuple[str, str]:
    """Owner URL and application URL of a database in which nobody has played a story."""
    urls: tuple[str, str] = fresh_database("unplayed")
    engine = create_engine(urls[0])
    with engine.begin() as connection:
        connection.exec_driver_sql(UNPLAYED)
    engine.dispose()
    return urls


@pytest.mark.parametrize("rule", [True, False], ids=["by the rule", "by the database"])
def test_a_bank_that_works_adds_nobody_by_itself(
    unplayed: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: bool
) -> None:
    catalogue.load()
    if not rule:
        monkeypatch.setattr(account_changes, "installation_refusals", lambda **_: ())
    installation = make_installation(unplayed[1], tmp_path)
    given = {"name": "mine", "full_name": "Mine", "roles": ["administrator"], "new_password": PASSWORD}
    outcome = run_act(installation, "add_person", given, SYSTEM, door="test")
    assert [one.code.value for one in outcome.refusals] == ["ROLE_NOT_ALLOWED"]
    assert "owner of" in outcome.refusals[0].detail and actor_by_name(installation, "mine") is None
    installation.engine.dispose()


def test_the_owner_of_the_database_lets_the_first_people_in(
    unplayed: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CELLBANK_DATA", str(tmp_path))
    monkeypatch.setenv("CELLBANK_DATABASE_URL", unplayed[1])
    add = ["user", "add", "first", "--full-name", "First", "--role", "quality_officer", "--password-stdin"]
    train = ["user", "train", "first", "--role", "quality_officer", "--procedure", "SOP", "--on", "2026-01-01"]
    commands = (add, [*train, "--until", "2099-01-01"], ["user", "code", "first"])
    for owner_url, status in (("", 1), (unplayed[0], 0)):
        monkeypatch.setenv("CELLBANK_OWNER_DATABASE_URL", owner_url)
        for command in commands if owner_url else commands[:1]:
            monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
            assert main(command) == status, capsys.readouterr().err
