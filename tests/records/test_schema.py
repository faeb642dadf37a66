"""The migrations make exactly the schema that the code describes; what is landed never changes; and whatever a database
came from, after a migration it has every rule of this version."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.outside.postgres_server import APP_ROLE
from cellbank.records.fingerprint import Difference, differences, objects_of, shipped
from cellbank.records.migrate import SCRIPTS, UnknownRevision, alembic_config, database_files, migrate
from tests.conftest import database_url

REVISIONS = SCRIPTS / "versions"


def test_the_database_is_what_the_records_say(databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.begin() as connection:
        command.check(alembic_config(connection))
    engine.dispose()


# ---- what was landed


def landed() -> Iterator[tuple[str, str]]:
    for path in sorted(REVISIONS.iterdir()):
        if path.suffix in (".py", ".sql"):
            yield path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_revision_that_landed_never_changes() -> None:
    """A database was migrated by its text: whoever edits it afterwards leaves that database behind. A new revision adds
    its lines to the list, and changes none."""
    listed = dict(line.split()[::-1] for line in (REVISIONS / "landed.sha256").read_text().splitlines())
    assert listed == dict(landed())


def test_a_revision_makes_tables_only() -> None:
    """What protects has one text, in migrations/database."""
    protects = re.compile(r"CREATE (OR REPLACE )?(CONSTRAINT )?(FUNCTION|TRIGGER|VIEW)|GRANT ")
    for path in REVISIONS.glob("*.*"):
        assert not protects.search(path.read_text()), path.name


def test_nothing_in_a_table_rests_on_a_function(databases: tuple[str, str]) -> None:
    """They are made anew with every migration, as triggers and views are."""
    engine = create_engine(databases[0])
    resting = text(
        "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend JOIN pg_proc p ON p.oid = refobjid "
        "WHERE refclassid = 'pg_proc'::regclass AND pronamespace = 'public'::regnamespace "
        "AND classid NOT IN ('pg_trigger'::regclass, 'pg_rewrite'::regclass)"
    )
    with engine.connect() as connection:
        assert connection.scalars(resting).all() == []
    engine.dispose()


def test_what_is_asked_at_the_end_is_asked_of_the_closed_act(databases: tuple[str, str]) -> None:
    """Whoever writes may make a constraint immediate: it would be asked before all is done, and not again."""
    engine = create_engine(databases[0])
    early = text(
        "SELECT DISTINCT proname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE tgdeferrable "
        "AND NOT tgisinternal AND prosrc NOT LIKE '%PERFORM at_the_end();%' AND proname <> 'trail_seal_act'"
    )
    with engine.connect() as connection:
        assert connection.scalars(early).all() == []
    engine.dispose()


LOOKS_ALONG = "search_path=pg_catalog, public, pg_temp"


def test_what_a_rule_names_is_ours(databases: tuple[str, str]) -> None:
    """Whatever is called by itself, or keeps what it once saw, says along which path it looks; whatever has a
    backslash, what that is. A function in SQL is read along the path of whoever asks it."""
    astray = text(
        """SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
            WHERE p.pronamespace = 'public'::regnamespace
              AND ((lanname <> 'sql' OR prosecdef
                    OR EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_trigger'::regclass
                                  AND (refclassid, refobjid) = ('pg_proc'::regclass, p.oid)))
                   AND :path <> ALL (coalesce(proconfig, '{}'))
                OR strpos(prosrc, :backslash) > 0
                   AND 'standard_conforming_strings=on' <> ALL (coalesce(proconfig, '{}')))"""
    )
    engine = create_engine(databases[0])
    with engine.connect() as connection:
        assert connection.scalars(astray, {"path": LOOKS_ALONG, "backslash": "\\"}).all() == []
    engine.dispose()


# ---- whatever a database came from

DAMAGE = {
    "a trigger is switched off": "ALTER TABLE vial DISABLE TRIGGER vial_safety",
    "a trigger is gone": "DROP TRIGGER trail_change ON dose",
    "a rule says yes to everything": """CREATE OR REPLACE FUNCTION must(holds boolean, rule text, sentence text)
        RETURNS void LANGUAGE plpgsql AS 'BEGIN END'""",
    "a function of somebody's own": "CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a trigger of somebody's own": """CREATE TRIGGER quiet BEFORE UPDATE ON person FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
    "more is allowed": "GRANT DELETE ON signature TO cellbank_app",
    "a column may be written": "GRANT UPDATE (digest) ON seal TO cellbank_app",
    "everybody makes tables for a session": """DO $$ BEGIN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$""",
    "a view shows something else": """CREATE OR REPLACE VIEW unit_parent AS
        SELECT unit_id, parent_id, place, since, until FROM unit_stay""",
}


@pytest.fixture(scope="module")
def damaged(fresh_database) -> str:
    return fresh_database("damaged")[0]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_migration_leaves_every_rule_as_it_is_written(damaged: str, damage: str) -> None:
    engine = create_engine(damaged)
    acts = text("SELECT count(*) FROM act")
    with engine.begin() as connection:
        before = connection.scalar(acts)
        connection.execute(text(DAMAGE[damage]))
    migrate(damaged)
    assert _differences(engine), "what somebody changed is put right only when it is asked for"
    migrate(damaged, anew=True)
    assert not _differences(engine)
    with engine.connect() as connection:
        assert connection.scalar(acts) == before  # the first act was not told again
    engine.dispose()


def _differences(engine: Engine) -> tuple[Difference, ...]:
    with engine.connect() as connection:
        return differences(objects_of(connection), shipped())


def test_an_owner_who_is_nobody_else_is_enough(postgres: EmbeddedPostgres) -> None:
    """As docs/operations.md says: a role that owns the database and may nothing beside it."""
    server = create_engine(database_url(postgres.owner_url, "postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE ROLE cellbank_owner LOGIN"))
        connection.execute(text("CREATE DATABASE of_its_owner OWNER cellbank_owner"))
    owner_url = postgres.url("cellbank_owner", "of_its_owner")
    migrate(owner_url)
    application = create_engine(postgres.url(APP_ROLE, "of_its_owner"))
    assert not _differences(application)
    with application.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("CREATE TEMP TABLE change (id int)"))
    application.dispose()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE of_its_owner WITH (FORCE)"))
        connection.execute(text("DROP ROLE cellbank_owner"))
    server.dispose()


def test_a_database_of_another_version_is_left_alone(fresh_database) -> None:
    owner_url, _ = fresh_database("another_version")
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnknownRevision, match="at revision 9999"):
        migrate(owner_url)
    engine.dispose()


def test_a_database_with_the_rules_of_an_older_version_gets_those_of_this_one(fresh_database) -> None:
    owner_url, _ = fresh_database("older_rules")
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'of an older version'"))
        connection.execute(text("DROP TRIGGER vial_safety ON vial"))
    migrate(owner_url)
    assert not _differences(engine)
    engine.dispose()


def test_each_function_has_its_text_in_one_file() -> None:
    files = "".join(path.read_text() for path in database_files())
    written = re.findall(r"^CREATE FUNCTION (\w+)", files, re.M)
    assert len(written) > 100 and sorted(written) == sorted(set(written))
