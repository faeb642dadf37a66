"""The fingerprint of the schema: whoever owns the database changes a rule, and is named."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from cellbank.records.fingerprint import Difference, as_lines, differences, objects_of, shipped
from tests.conftest import rolled_back

pytestmark = pytest.mark.requirement("R5", "R18")


@pytest.fixture(scope="module")
def urls(fresh_database) -> tuple[str, str]:
    return fresh_database("fingerprint")


@pytest.fixture
def owner(urls: tuple[str, str]) -> Iterator[Connection]:
    """The owner of the tables, over a schema without a bank."""
    with rolled_back(urls[0]) as connection:
        yield connection


def found(connection: Connection, *statements: str) -> dict[str, Difference]:
    for statement in statements:
        connection.execute(text(statement))
    return {one.name: one for one in differences(objects_of(connection), shipped())}


def test_what_is_shipped_is_what_the_migrations_make(urls: tuple[str, str]) -> None:
    """As the application sees it, in a moment."""
    engine = create_engine(urls[1])
    with engine.connect() as connection:
        objects_of(connection)
        began = time.perf_counter()
        made = objects_of(connection)
        assert time.perf_counter() - began < 1
    engine.dispose()
    said = [str(one) for one in differences(made, shipped())]
    assert said == [], "run: python -m tools.fingerprint"
    assert all(" | " not in name for name in made) and as_lines(made).count("\n") == len(made)


SYSTEM = "SET LOCAL allow_system_table_mods = on; "
FUNCTION = "CREATE OR REPLACE FUNCTION {} RETURNS {} LANGUAGE {} AS $$ {} $$"
OF_THE_DATABASE = "DO $$ BEGIN EXECUTE format('{}', current_database()); END $$"
BY_ITSELF = "SET LOCAL ROLE cellbank_app; "
QUIET = (
    "CREATE SCHEMA elsewhere; CREATE FUNCTION elsewhere.good() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN NEW.verdict := 'IN_SPECIFICATION'; RETURN NEW; END $$; "
    "CREATE TRIGGER quiet BEFORE INSERT ON test_result FOR EACH ROW EXECUTE FUNCTION elsewhere.good(); "
) + SYSTEM
TAMPERED = {
    "GRANT SET ON PARAMETER session_replication_role TO cellbank_app": "grants of setting session_replication_role",
    "GRANT ALTER SYSTEM ON PARAMETER shared_preload_libraries TO PUBLIC": "grants of setting shared_preload_libraries",
    OF_THE_DATABASE.format("GRANT CREATE ON DATABASE %I TO cellbank_app"): "grants of the database to cellbank_app",
    OF_THE_DATABASE.format("GRANT ALL ON DATABASE %I TO PUBLIC"): "grants of the database to everybody",
    OF_THE_DATABASE.format("GRANT TEMPORARY ON DATABASE %I TO PUBLIC"): "grants of the database to everybody",
    OF_THE_DATABASE.format("GRANT TEMPORARY ON DATABASE %I TO cellbank_app"): "grants of the database to cellbank_app",
    OF_THE_DATABASE.format("GRANT CONNECT ON DATABASE %I TO cellbank_app WITH GRANT OPTION"):
        "grants of the database to cellbank_app",
    OF_THE_DATABASE.format("ALTER DATABASE %I OWNER TO cellbank_app"): "role of the application",
    SYSTEM + "UPDATE pg_class SET relhastriggers = false WHERE relname = 'act'": "table act",
    SYSTEM + "UPDATE pg_class SET relchecks = 0 WHERE relname = 'dose'": "table dose",
    SYSTEM + "UPDATE pg_class SET relhasindex = false WHERE relname = 'vial'": "table vial",
    "CREATE RULE none AS ON INSERT TO change DO INSTEAD NOTHING; "
    + SYSTEM + "UPDATE pg_class SET relhasrules = false WHERE relname = 'change'": "table change",
    SYSTEM + "UPDATE pg_attribute SET atthasdef = false WHERE attrelid = 'act'::regclass AND attname = 'recorded_at'":
        "column act.recorded_at",
    SYSTEM + "DELETE FROM pg_trigger g USING pg_constraint c WHERE c.oid = tgconstraint AND conname = 'fk_vial_lot_id'":
        "constraint vial.fk_vial_lot_id",
    SYSTEM + "UPDATE pg_index SET indimmediate = false WHERE indexrelid = 'uq_donor_pseudonym_key'::regclass":
        "index uq_donor_pseudonym_key",
    "CREATE ROLE elsewhere LOGIN; GRANT cellbank_app TO elsewhere": "role elsewhere",
    "CREATE ROLE elsewhere; DO $$ BEGIN EXECUTE format('GRANT %I TO elsewhere', current_user); END $$":
        "role elsewhere",
    "CREATE ROLE elsewhere LOGIN; GRANT pg_write_all_data TO elsewhere": "role elsewhere",
    "ALTER TABLE act DISABLE TRIGGER seal_act": "trigger act.seal_act",
    "ALTER TABLE vial ENABLE REPLICA TRIGGER trail_change": "trigger vial.trail_change",
    "DROP TRIGGER never_deleted ON donor": "trigger donor.never_deleted",
    "ALTER TABLE vial DISABLE TRIGGER ALL": "constraint vial.fk_vial_lot_id",
    # Triggers that nobody sees: one that calls itself PostgreSQL's own, also one of a constraint, and one exchanged.
    QUIET + "UPDATE pg_trigger SET tgisinternal = true WHERE tgname = 'quiet'": "trigger test_result.quiet",
    QUIET + "UPDATE pg_trigger SET tgisinternal = true, tgconstraint = (SELECT oid FROM pg_constraint "
    "WHERE conname = 'fk_vial_lot_id') WHERE tgname = 'quiet'": "trigger test_result.quiet",
    SYSTEM + "UPDATE pg_trigger SET tgfoid = 'suppress_redundant_updates_trigger'::regproc WHERE tgfoid = "
    "'\"RI_FKey_check_ins\"'::regproc AND tgrelid = 'vial'::regclass": "constraint vial.fk_vial_lot_id",
    SYSTEM + "UPDATE pg_attribute SET attcollation = 'pg_catalog.\"C\"'::regcollation "
    "WHERE attrelid = 'vial'::regclass AND attname = 'state'": "column vial.state",
    "ALTER TABLE act DROP CONSTRAINT ck_act_outcome": "constraint act.ck_act_outcome",
    "ALTER TABLE donor DROP CONSTRAINT uq_donor_pseudonym_key": "index uq_donor_pseudonym_key",
    "ALTER TABLE dose ALTER COLUMN subject_id DROP NOT NULL": "column dose.subject_id",
    "ALTER TABLE act ALTER COLUMN recorded_at SET DEFAULT now()": "column act.recorded_at",
    FUNCTION.format("trail_refuse()", "trigger", "plpgsql", "BEGIN RETURN OLD; END"): "function trail_refuse()",
    FUNCTION.format("sha256(text)", "bytea", "sql", "SELECT ''::bytea"): "function sha256(text)",
    "ALTER FUNCTION trail_seal_act() SECURITY INVOKER": "function trail_seal_act()",
    "ALTER FUNCTION trail_seal_act() RESET search_path": "function trail_seal_act()",
    "ALTER FUNCTION trail_seal_act() OWNER TO cellbank_app": "function trail_seal_act()",
    "ALTER FUNCTION must(boolean, text, text) SET search_path = pg_temp, public": "function must(",
    "GRANT EXECUTE ON FUNCTION trail_record_change() TO PUBLIC": "grants of function trail_record_change()",
    "REVOKE EXECUTE ON FUNCTION netstring(text) FROM PUBLIC": "grants of function netstring(field text)",
    "GRANT INSERT ON change TO cellbank_app": "grants of table change",
    "GRANT UPDATE (at) ON act TO cellbank_app": "grants of column act.at",
    "GRANT CREATE ON SCHEMA public TO PUBLIC": "grants of schema public",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO cellbank_app":
        "grants of what comes in public as r",
    "CREATE RULE quiet AS ON DELETE TO dose DO INSTEAD NOTHING": "rule dose.quiet",
    "ALTER TABLE hold ENABLE ROW LEVEL SECURITY": "table hold",
    "CREATE POLICY blind ON hold USING (false)": "policy hold.blind",
    "ALTER TABLE web_session SET UNLOGGED": "table web_session",
    "CREATE UNIQUE INDEX in_the_way ON vial (lot_id)": "index in_the_way",
    "CREATE TABLE spare (id int)": "table spare",
    "ALTER ROLE cellbank_app SET session_replication_role = replica":
        "setting of role cellbank_app session_replication_role",
    "ALTER ROLE ALL SET search_path = elsewhere, public": "setting of everybody search_path",
    # What the application's role may do to itself, and what it may make.
    BY_ITSELF + "ALTER ROLE cellbank_app SET search_path = pg_temp, public": "setting of role cellbank_app search_path",
    BY_ITSELF + "ALTER ROLE cellbank_app SET standard_conforming_strings = off":
        "setting of role cellbank_app standard_conforming_strings",
    BY_ITSELF + "ALTER ROLE cellbank_app SET default_transaction_isolation = 'serializable'":
        "setting of role cellbank_app default_transaction_isolation",
    BY_ITSELF + "SELECT lo_create(0)": "made by the role of the application: large object",
    "CREATE SCHEMA reports AUTHORIZATION cellbank_app": "made by the role of the application: schema reports",
    "ALTER ROLE cellbank_app SUPERUSER": "role of the application",
    "GRANT pg_write_all_data TO cellbank_app": "role of the application",
    "SET LOCAL session_replication_role = replica": "setting of this session session_replication_role",
    "UPDATE alembic_version SET version_num = '0000'": "revision",
    # What PostgreSQL brings, and what stands before ours or beside it.
    SYSTEM + FUNCTION.format("pg_catalog.sha256(bytea)", "bytea", "sql", "SELECT $1"):
        "function pg_catalog.sha256 (3420)",
    SYSTEM + FUNCTION.format("pg_catalog.must(boolean, text, text)", "void", "sql", "SELECT"):
        "function pg_catalog.must",
    SYSTEM + "ALTER FUNCTION pg_catalog.sha256(bytea) RENAME TO away; "
    "ALTER FUNCTION pg_catalog.sha224(bytea) RENAME TO sha256": "function pg_catalog.sha256 (3419)",
    FUNCTION.format("must(text)", "void", "sql", "SELECT") + "; ALTER EXTENSION plpgsql ADD FUNCTION must(text)":
        "function must(text)",
    SYSTEM + "UPDATE pg_operator SET oprcode = 'int8ne'::regproc WHERE oid = 410": "operator pg_catalog.= (410)",
    SYSTEM + "CREATE OPERATOR pg_catalog.=== (leftarg = text, rightarg = text, function = texteq)":
        "operator pg_catalog.===",
    SYSTEM + "UPDATE pg_aggregate SET agginitval = '7' WHERE aggfnoid = 2803": "aggregate pg_catalog.count (2803)",
    SYSTEM + "UPDATE pg_language SET lanplcallfoid = 0 WHERE lanname = 'plpgsql'": "language pg_catalog.plpgsql",
    SYSTEM + "CREATE OR REPLACE VIEW pg_catalog.pg_rules AS "
    "SELECT ''::name schemaname, ''::name tablename, ''::name rulename, '' definition":
        "view pg_catalog.pg_rules",
    SYSTEM + "CREATE TABLE pg_catalog.training AS SELECT * FROM public.training": "relation pg_catalog.training",
    SYSTEM + "UPDATE pg_amproc SET amproc = 'int8gt'::regproc WHERE oid = (SELECT min(oid) FROM pg_amproc)":
        "function of family",
    "CREATE CAST (text AS bigint) WITH INOUT AS IMPLICIT": "cast of text as int8",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler": "language pg_catalog.mine",
    "CREATE SCHEMA cellbank_app": "schema cellbank_app",
    "CREATE SCHEMA reports; CREATE TABLE reports.more () INHERITS (public.played_time)": "table reports.more",
    FUNCTION.format("aside()", "event_trigger", "plpgsql", "BEGIN END")
    + "; CREATE EVENT TRIGGER aside ON sql_drop EXECUTE FUNCTION aside(); "
    "ALTER EXTENSION plpgsql ADD EVENT TRIGGER aside":
        "event trigger aside",
    "SET LOCAL search_path = reports, public": "setting of this session search_path",
    "ALTER ROLE ALL SET default_transaction_isolation = 'read uncommitted'":
        "setting of everybody default_transaction_isolation",
}  # fmt: skip


@pytest.mark.parametrize("statement", TAMPERED)
def test_what_the_owner_changes_is_named(owner: Connection, statement: str) -> None:
    names = found(owner, statement)
    assert any(name.startswith(TAMPERED[statement]) for name in names), names


def test_each_object_that_differs_is_named_and_no_other(owner: Connection) -> None:
    said = found(
        owner,
        "ALTER TABLE act DISABLE TRIGGER seal_act",
        "DROP TRIGGER never_deleted ON donor",
        "CREATE VIEW mine AS SELECT 1",
    )
    assert [str(one).split(":")[0] for one in said.values()] == [
        "trigger act.seal_act is not as this version makes it",
        "trigger donor.never_deleted is missing",
        "view mine is not of this version",
    ]


OTHER_OWNER = """DO $$ DECLARE one text; BEGIN
  FOR one IN SELECT 'TABLE ' || oid::regclass FROM pg_class
              WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
    UNION ALL SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  LOOP EXECUTE 'ALTER ' || one || ' OWNER TO fingerprint_owner'; END LOOP;
END $$"""


def test_what_is_the_installations_own_does_not_count(owner: Connection) -> None:
    """Another owner, a reader of reports in a schema of their own with a type and its casts, a limit of memory, and who
    may connect."""
    assert not found(
        owner,
        "CREATE ROLE fingerprint_owner",
        OTHER_OWNER,
        "CREATE SCHEMA reports",
        "CREATE VIEW reports.donors AS SELECT count(*) FROM public.donor",
        "CREATE TYPE reports.grams AS (value numeric)",
        FUNCTION.format("reports.must(boolean)", "void", "sql", "SELECT"),
        "CREATE FUNCTION reports.grams(numeric) RETURNS reports.grams LANGUAGE sql RETURN ROW($1)::reports.grams",
        "CREATE CAST (numeric AS reports.grams) WITH FUNCTION reports.grams(numeric) AS IMPLICIT",
        "ALTER ROLE cellbank_app SET work_mem = '64MB'",
        "CREATE ROLE reader",
        OF_THE_DATABASE.format("GRANT TEMPORARY ON DATABASE %I TO reader"),
        OF_THE_DATABASE.format("REVOKE CONNECT ON DATABASE %I FROM PUBLIC"),
        OF_THE_DATABASE.format("GRANT CONNECT ON DATABASE %I TO cellbank_app"),
        "ANALYZE donor",
        "COMMENT ON FUNCTION now() IS 'the time'",
    )
