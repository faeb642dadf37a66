"""Bring a database to the schema of this version. Runs as the owner; the application's role cannot.

Tables come by revisions, one after the other. Functions, triggers, views and grants stand in `migrations/database` as
they are now: a database that comes to this version gets all of them anew from these files, so that none is without one
of its rules, whatever it came from.
"""

import hashlib
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from cellbank.shipped import folder

SCRIPTS = folder("migrations")
FIRST, LAST = "rules", "access"  # what triggers everywhere call; who may do what with all that there is then

# Nothing in a table rests on a function: they can all go.
_NOTHING_OF_OURS = """
DO $$
DECLARE
  gone text;
BEGIN
  FOR gone IN
    SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
     WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace
    UNION ALL
    (SELECT format('DROP VIEW %s', oid::regclass) FROM pg_class
      WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY oid DESC)  -- one may read an older one
    UNION ALL
    SELECT format('DROP FUNCTION %s', oid::regprocedure) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace
  LOOP
    EXECUTE gone;
  END LOOP;
END $$
"""

# The first site and the system's own account are older than the trail: its first act tells of them, so that every row
# of every record has its beginning there.
_FIRST_ACT = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
  SELECT 1, 1, 'configure_site', jsonb_build_object('name', name), '', 'migration', '0001', now() FROM site;
INSERT INTO change (act_id, record_kind, record_id, after)
  SELECT a.id, 'site', s.id, to_jsonb(s) FROM act a, site s
  UNION ALL SELECT a.id, 'person', p.id, to_jsonb(p) FROM act a, person p;
UPDATE act SET outcome = 'accepted';
SET CONSTRAINTS ALL IMMEDIATE;
"""


def alembic_config(connection: Connection) -> AlembicConfig:
    """Alembic's configuration, bound to this connection."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


class UnknownRevision(Exception):
    """The database is at a revision that this version does not know."""


def migrate(owner_url: str, *, anew: bool = False) -> None:
    """Upgrade the database to this version, all in one transaction: it arrives whole or not at all.

    One that is at this version already is left alone, also where somebody has changed a rule in it: that shall be seen,
    not put right in silence. `anew` puts it right. Raises UnknownRevision.
    """
    engine = create_engine(owner_url, isolation_level="READ COMMITTED")
    try:
        with engine.begin() as connection:
            _upgrade(connection)
            if anew or connection.scalar(_INSTALLED) != _version_of_files():
                install(connection)
            if connection.scalar(text("SELECT NOT EXISTS (SELECT FROM act)")):
                _run(connection, _FIRST_ACT)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    found = current_revision(connection)
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise UnknownRevision(f"The database is at revision {found}, which is not one of this version's.")
    command.upgrade(alembic_config(connection), "head")


def install(connection: Connection) -> None:
    """Make functions, triggers, views and grants anew from their files; what stands in none of them is gone."""
    _run(connection, _NOTHING_OF_OURS)
    _run(connection, "SET LOCAL check_function_bodies = off")  # they call each other
    for path in database_files():
        _run(connection, path.read_text())
    _run(connection, f"COMMENT ON TABLE alembic_version IS '{_version_of_files()}'")


_INSTALLED = text("SELECT obj_description('alembic_version'::regclass)")


def _version_of_files() -> str:
    """What the files say, in short; an installed database carries it with its revision."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in database_files())).hexdigest()


def database_files() -> list[Path]:
    """The files with the text of everything in the database that is no table, in the order in which they are read."""
    found = (SCRIPTS / "database").glob("*.sql")
    return sorted(found, key=lambda path: (path.stem != FIRST, path.stem == LAST, path.stem))


def _run(connection: Connection, statements: str) -> None:
    """As they stand: a colon or a per cent sign in them is no parameter."""
    connection.connection.cursor().execute(statements)


def newest_revision() -> str:
    """The revision that this version of the software needs."""
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS))
    return ScriptDirectory.from_config(config)


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version
