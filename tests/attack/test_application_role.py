"""Somebody who has the application's role and no more: an act of another time, a check ahead, a table before ours.

How to add an attack: what they insert into `act` is a row of `INSERTED`. All of it happens in a transaction that is
rolled back.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from tests.attack.test_tampering import BACK_DATED, LAST
from tests.conftest import rolled_back
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R1", "R5", "R17")

ACT = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, happened_at, late_reason, outcome)
VALUES (1, 1, 'thaw_vial', '{{}}', '', 'web', '0', now() + {at}, {told}, {outcome}) RETURNING id"""
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
    owner.execute(text("DELETE FROM played_time"))
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    return owner


@pytest.mark.parametrize("attack", INSERTED)
def test_an_act_of_another_time_is_refused_by_name(application: Connection, attack: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        application.exec_driver_sql(INSERTED[attack])
    assert refused.value.orig.diag.constraint_name == "an_act_is_of_its_time"


def test_no_table_of_the_session_stands_before_ours(application: Connection) -> None:
    """Rules that read `act` or `signature` would read what the attacker wrote into a table of that name."""
    application.exec_driver_sql("CREATE TEMP TABLE signature AS SELECT * FROM public.signature")
    with pytest.raises(IntegrityError) as refused:
        application.exec_driver_sql(ACT.format(at=NOW, told=TOLD_LATE, outcome="NULL"))
    assert refused.value.orig.diag.constraint_name == "no_table_stands_before_ours"


def test_a_refused_act_has_changed_nothing(application: Connection) -> None:
    """Closed as refused, what it did would be looked for by nobody."""
    act = application.exec_driver_sql(ACT.format(at=NOW, told=NOT_TOLD, outcome="NULL")).scalar_one()
    application.execute(text("SELECT set_config('cellbank.act', :act, true)"), {"act": str(act)})
    application.exec_driver_sql("UPDATE donor SET birth_year = birth_year - 1 WHERE id = (SELECT min(id) FROM donor)")
    with pytest.raises(IntegrityError) as refused:
        application.execute(text("UPDATE act SET outcome = 'refused' WHERE id = :act"), {"act": act})
    assert refused.value.orig.diag.constraint_name == "a_refused_act_changes_nothing"


def test_no_check_of_the_trail_is_noted_ahead(application: Connection) -> None:
    ahead = "INSERT INTO trail_check (began_at, ended_at, whole, acts, found) VALUES ({}, now(), true, 1, '{{}}')"
    for at in ("'2126-01-01'", "now() - interval '2 days'"):
        with pytest.raises(IntegrityError) as refused, application.begin_nested():
            application.exec_driver_sql(ahead.format(at))
        assert refused.value.orig.diag.constraint_name == "a_check_is_of_now"


def test_what_asks_did_not_happen_earlier(application: Connection) -> None:
    """Told as a fact of the day before yesterday, an order would pass what only forbids it."""
    ordered = ACT.replace("'thaw_vial'", "'order_dose'").format(at=NOW, told=TOLD_LATE, outcome="'accepted'")
    with pytest.raises(IntegrityError) as refused:
        application.exec_driver_sql(ordered)
    assert refused.value.orig.diag.constraint_name == "only_what_tells_happened_earlier"


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
