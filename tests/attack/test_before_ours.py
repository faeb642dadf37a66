"""Somebody who has the application's role and makes something in their session that is looked at before ours: a table,
a view, a type, by which a rule would judge. There are two fences, and each is tried without the other: the role makes
nothing at all; and who could make it is judged by what is ours.

How to add an attack: what the role would make is a line of `MADE`; how it would go round a rule a row of `ROUND`.
"""

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from tests.attack.twins.playing import OPEN, make_scene
from tests.attack.twins.production import CLOSED, ONE_MORE
from tests.attack.twins.sql import ME, new
from tests.conftest import rolled_back
from tests.factories.temperature import as_csv, import_file, probe, steady
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R1", "R5", "R17")

THE_ACT = "(SELECT max(id) FROM public.act)"
CLOSED_AS = f"UPDATE act SET outcome = '{{}}', refusals = '[]', result = '{{{{}}}}' WHERE id = {THE_ACT}"
REFUSED, ACCEPTED = CLOSED_AS.format("refused"), CLOSED_AS.format("accepted")
LETS_THEM = "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO cellbank_app', current_database()); END $$"


@pytest.fixture(scope="module")
def scene(world: World) -> dict[str, Any]:
    made = make_scene(world)
    import_file(world, probe(world), as_csv(steady(world.now - datetime.timedelta(days=1), 3)))
    return {**made, "now": world.now}


@pytest.fixture
def owner(scene: dict[str, Any], databases: tuple[str, str]) -> Iterator[Connection]:
    with rolled_back(databases[0]) as connection:
        yield connection


# ---- the first fence: it makes nothing

MADE = (
    "CREATE TEMP TABLE change (id int)", "CREATE TEMP VIEW change AS SELECT 1", "SELECT 1 AS id INTO TEMP change",
    "CREATE DOMAIN pg_temp.text AS pg_catalog.text", "CREATE TYPE pg_temp.lot AS (id int)", "CREATE TEMP SEQUENCE one",
    "CREATE FUNCTION pg_temp.h() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR pg_temp.= (leftarg = int, rightarg = int, function = int4eq)", "CREATE SCHEMA cellbank_app",
    "CREATE FUNCTION public.must(text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TABLE public.mine (id int)",
    "CREATE DOMAIN public.text AS pg_catalog.text", "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE TRIGGER mine AFTER INSERT ON act EXECUTE FUNCTION trail_refuse()", "CREATE INDEX mine ON act (client)",
    "CREATE ROLE mine", "ALTER TABLE act DISABLE TRIGGER ALL", "SET session_replication_role = replica",
)  # fmt: skip


@pytest.mark.parametrize("made", MADE)
def test_the_role_makes_nothing(scene: dict[str, Any], databases: tuple[str, str], made: str) -> None:
    application = create_engine(databases[1])
    with application.connect() as connection, pytest.raises(ProgrammingError, match=r"permission denied|must be"):
        connection.exec_driver_sql(made)
    application.dispose()


def test_what_runs_as_the_owner_is_no_trigger_of_anybody_elses(owner: Connection) -> None:
    """Changes of a table of one's own that is called like one of ours would stand in the trail."""
    owner.execute(text(LETS_THEM))
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    owner.exec_driver_sql("CREATE TEMP TABLE donor AS SELECT * FROM public.donor LIMIT 1")
    for runs in ("trail_record_change", "trail_seal_act"):
        with pytest.raises(ProgrammingError, match="permission denied for function"), owner.begin_nested():
            owner.exec_driver_sql(
                f"CREATE TRIGGER mine AFTER INSERT ON pg_temp.donor FOR EACH ROW EXECUTE FUNCTION {runs}()"
            )


# ---- the second fence: whoever could make it is judged by what is ours


class Round(NamedTuple):
    """In whose name, under which act, with which statements; and the rule that turns it away all the same."""

    what: str
    who: str
    act: str
    statements: tuple[str, ...]
    rule: str


NONE_OF_IT = "CREATE TEMP {} change AS SELECT * FROM public.change WHERE false"
ONE_MORE_VIAL = new("vial", ONE_MORE).replace("FROM lot", "FROM public.lot")
NOTHING_CHANGED = (NONE_OF_IT.format("TABLE"), REFUSED, "DROP TABLE pg_temp.change")
REFUSED_AND_DONE = "a_refused_act_changes_nothing"
LIFTED = "UPDATE hold SET state = 'LIFTED', lifted_at = :now, lift_reason = 'because I say so' WHERE lot_id = "
LIFTED += "(SELECT id FROM lot WHERE code = :held)"
CONFIRMED = f"UPDATE weight SET state = 'CONFIRMED', confirmed_by_id = {ME}, confirmed_at = :now "
CONFIRMED += "WHERE code = :unconfirmed"
REJECTED = "UPDATE lot SET state = 'REJECTED', decision_reason = 'because I say so' WHERE code = :waiting"
GOES_BY_ITSELF = """CREATE FUNCTION pg_temp.h() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
IF to_regclass('pg_temp.lot') IS NOT NULL THEN DROP TABLE pg_temp.lot; END IF; RETURN true; END $f$"""
OTHER_LOT = (
    "CREATE TEMP TABLE lot AS SELECT * FROM public.lot WHERE code = :lot",
    "UPDATE pg_temp.lot SET state = 'IN_PROCESS'", GOES_BY_ITSELF,
    "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.h())",
)  # fmt: skip
AN_ACT = (
    "SELECT pg_current_xact_id()", "CREATE TEMP TABLE act AS SELECT * FROM public.act LIMIT 0",
    "INSERT INTO pg_temp.act (id, opened_in) VALUES (1, this_transaction())",
)  # fmt: skip
READ = "INSERT INTO reading SELECT probe_id, at + interval '1 s', import_id, celsius FROM reading LIMIT 1"
ROUND = [
    Round("a hold lifted by a technician, refused", "tina", "lift_hold", (LIFTED, *NOTHING_CHANGED), REFUSED_AND_DONE),
    Round("a lot rejected without a signature, refused", "oksana", "reject_lot", (REJECTED, *NOTHING_CHANGED),
          REFUSED_AND_DONE),
    Round("a lot rejected, refused by a view", "oksana", "reject_lot",
          (REJECTED, NONE_OF_IT.format("VIEW"), REFUSED), REFUSED_AND_DONE),
    Round("a weight confirmed without a signature, refused", "cyril", "confirm_weight", (CONFIRMED, *NOTHING_CHANGED),
          REFUSED_AND_DONE),
    Round("along a path of one's own", "oksana", "reject_lot",
          (REJECTED, NONE_OF_IT.format("TABLE"), "SET LOCAL search_path = pg_temp, public", REFUSED), REFUSED_AND_DONE),
    Round("a vial put into a released lot, by a type that takes a table away", "tina", "open_lot",
          (*OTHER_LOT, ONE_MORE_VIAL), CLOSED),
    Round("a vial put into a released lot, by a table", "tina", "open_lot",
          (*OTHER_LOT[:2], ONE_MORE_VIAL), CLOSED),
    Round("a reading without an act", "", "", (*AN_ACT, READ), "a_change_needs_an_open_act"),
    Round("a person who is another's", "tina", "lift_hold",
          ("SELECT acting_person()", "CREATE TEMP TABLE person AS SELECT * FROM public.person",
           f"UPDATE pg_temp.person SET roles = '{{quality_officer}}' WHERE id = {ME}", LIFTED, ACCEPTED),
          "an_act_is_of_somebody_who_may"),
    Round("a text whose backslashes are none", "quinn", "import_definition",
          ("SET LOCAL standard_conforming_strings = off", "SET LOCAL escape_string_warning = off",
           "INSERT INTO definition (type, code, identifier, version, title, content, digest, state) SELECT type, "
           "'ODD@1', 'ODD', '1', title, replace(content, 'id = ', 'id = \"\"\" \"\"\" '), digest, 'IMPORTED' "
           "FROM definition WHERE code = :protocol"),
          "a_version_is_read_by_the_database"),
]  # fmt: skip


@pytest.mark.parametrize("attack", ROUND, ids=lambda attack: attack.what)
def test_what_a_session_makes_is_not_what_a_rule_looks_at(
    owner: Connection, scene: dict[str, Any], attack: Round
) -> None:
    owner.execute(text(LETS_THEM))
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    bound = {**scene, "who": attack.who, "act": attack.act}
    with pytest.raises(IntegrityError) as refused:
        if attack.who:
            owner.execute(OPEN, bound)
        for statement in attack.statements:
            found = owner.execute(text(statement), bound).rowcount
            assert found or statement.startswith("CREATE"), f"nothing is attacked: {statement}"
    assert refused.value.orig.diag.constraint_name == attack.rule


# ---- what runs as the owner runs nothing of anybody else's

AS_WHOM = """CREATE FUNCTION pg_temp.h() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
IF current_user <> 'cellbank_app' THEN RAISE EXCEPTION 'of the owner'; END IF; RETURN true; END $f$"""
TYPES = ("text", "jsonb", "bytea", "timestamptz")
# As the trail itself asks, so that what PL/pgSQL and PostgreSQL kept of it is of this session's types.
ASKED_BEFORE = (
    "SELECT act_writes(act_in_progress(), CAST('person' AS name), 'ACTIVE', 'ACTIVE', 2, '{\"failure_count\": 0}')",
    "SELECT move_of(c) FROM change c ORDER BY id DESC LIMIT 1",
    "SELECT standing_value('person', 2, 'state')",
    "SELECT trail_act_digest(a) FROM act a LIMIT 1",
    "SELECT act_in_progress(), acting_person(), acting(), trail_open_act()",
)


@pytest.mark.parametrize("name", TYPES)
def test_no_type_of_a_session_is_in_what_runs_as_the_owner(owner: Connection, world: World, name: str) -> None:
    """PL/pgSQL keeps the types of its variables as the session saw them when a function was first called: one with a
    check of somebody's own would be asked as the owner of the database, who may everything."""
    owner.execute(text(LETS_THEM))
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    owner.execute(OPEN, {"who": "tina", "act": "sign_in", "now": world.now})
    owner.execute(text(AS_WHOM))
    owner.exec_driver_sql(f"CREATE DOMAIN pg_temp.{name} AS pg_catalog.{name} CHECK (pg_temp.h())")
    for asked in ASKED_BEFORE:
        owner.exec_driver_sql("SAVEPOINT asked")
        try:
            owner.exec_driver_sql(asked)
        except DBAPIError as error:
            assert "of the owner" not in str(error)
            owner.exec_driver_sql("ROLLBACK TO asked")
    owner.exec_driver_sql("UPDATE person SET failure_count = failure_count + 1 WHERE name = 'tina'")
    owner.exec_driver_sql(f"UPDATE act SET outcome = 'accepted' WHERE id = {THE_ACT}")
    owner.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
