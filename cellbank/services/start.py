"""Open a bank from its settings: the database (embedded when no URL is set), its schema, the site's row, printer."""

import logging
import multiprocessing
import multiprocessing.process
import os
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cellbank.config import Config
from cellbank.outside import embedded_postgres
from cellbank.outside.printers import FolderPrinter, LpPrinter, Printer, private_folder
from cellbank.records.base import open_engine
from cellbank.records.migrate import UnknownRevision, current_revision, migrate, newest_revision
from cellbank.records.played_time import allow_played_time
from cellbank.services import catalogue
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.people.actors import SYSTEM
from cellbank.services.schema import schema_differences

LOG = logging.getLogger("cellbank.security")
PRINTED, PRINTED_FORMS = "printed", "printed-forms"


@dataclass(frozen=True)
class Database:
    """Where the database is: for the application's role, and for its owner (None: not known here, so no migration)."""

    app_url: str
    owner_url: str | None


def find_database(config: Config, stack: ExitStack) -> Database:
    """The database of the settings, or the embedded one, running for as long as `stack` is open."""
    if config.database_url:
        return Database(config.database_url, config.owner_database_url)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    server = stack.enter_context(embedded_postgres.start(config.data))
    server.keep_running()
    return Database(server.app_url, server.owner_url)


class SchemaProblem(Exception):
    """The tables are not those of this version, or there are none."""


NOT_OURS = "The schema of the database was changed by somebody else than this version: {number} objects differ."
ANOTHER_VERSION = "Start the version that made it, or use an empty database or folder."
WAY_OUT = (
    "Find out who did that. cellbank migrate puts functions, triggers, views and grants back; a table or constraint is "
    "put back by its owner or from a backup. What is your own belongs in a schema of its own. "
    "If patients cannot wait, cellbank serve --despite-schema starts all the same, and every home page says so."
)


class DatabaseProblem(Exception):
    """The database of the settings does not let us in; the message says what it, or the network, answered."""

    def __init__(self, error: OperationalError):
        reason = " ".join(str(error.orig).split())
        super().__init__(f"The database cannot be used; see that it runs and what the CELLBANK_* URLs say: {reason}")


def hand_down(database: Database) -> None:
    """Tell worker processes where the database is; they start none of their own, and know nothing of its owner."""
    os.environ["CELLBANK_DATABASE_URL"] = database.app_url
    os.environ.pop("CELLBANK_OWNER_DATABASE_URL", None)


def end_with_parent() -> None:
    """In a worker process: end at once when the parent is killed, or it would go on answering beside the next one.

    What it was doing is rolled back by the database. Nothing happens in a process that has no such parent.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="end-with-parent", daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def open_installation(config: Config, database: Database) -> Installation:
    """A bank on a database that has been migrated."""
    catalogue.load()
    engine = open_engine(database.app_url)
    slots = threading.Semaphore(config.concurrent_logins)
    return Installation(
        config, engine, find_printer(config), password_slots=slots, form_printer=find_form_printer(config)
    )


def open_current(config: Config, database: Database) -> Installation:
    """A bank whose tables are those of this version. Raises SchemaProblem and DatabaseProblem."""
    installation = open_installation(config, database)
    try:
        with installation.engine.connect() as connection:
            found = current_revision(connection)
    except OperationalError as error:
        installation.engine.dispose()
        raise DatabaseProblem(error) from error
    if found != (wanted := newest_revision()):
        installation.engine.dispose()
        raise SchemaProblem(
            f"The database is at revision {found or 'nothing'} and this version needs {wanted}: run cellbank migrate."
        )
    return installation


def migrate_database(database: Database, *, anew: bool = False) -> str:
    """Bring the database to this version, as its owner; returns the revision. `anew`: also put functions, triggers,
    views and grants back that somebody has changed since.

    Raises SchemaProblem without an owner and for the database of another version, DatabaseProblem when the database
    does not let the owner in.
    """
    if database.owner_url is None:
        raise SchemaProblem(
            "To migrate, set CELLBANK_OWNER_DATABASE_URL to the same database with the role that owns it."
        )
    try:
        migrate(database.owner_url, anew=anew)
    except OperationalError as error:
        raise DatabaseProblem(error) from error
    except UnknownRevision as problem:
        raise SchemaProblem(f"{problem} {ANOTHER_VERSION}") from problem
    return newest_revision()


def prepare(config: Config, database: Database, *, despite_schema: bool = False) -> Installation:
    """Open the bank and bring the site's row in step with the settings. The embedded database is migrated first; on a
    server of the site's own `cellbank migrate` does that. Raises SchemaProblem, also where something of the schema was
    changed since it was migrated, unless that is meant."""
    if config.database_url is None:
        migrate_database(database)
    installation = open_current(config, database)
    try:
        check_schema(installation, despite=despite_schema)
    except SchemaProblem:
        installation.engine.dispose()
        raise
    configure_site(installation)
    return installation


def check_schema(installation: Installation, *, despite: bool) -> None:
    """Refuse a database whose rules are not those of this version: one that is off protects nobody, and nobody would
    notice. `despite`: log each difference and go on. Raises SchemaProblem, naming them."""
    found = schema_differences(installation.engine)
    for one in found if despite else ():
        LOG.warning("started although the schema is not that of this version: %s", one)
    if found and not despite:
        raise SchemaProblem("\n  ".join([NOT_OURS.format(number=len(found)), *map(str, found), WAY_OUT]))


def let_time_be_played(database: Database) -> None:
    """Let the acts of a story bear the times of the story, where its owner is known: in the demo."""
    if database.owner_url is not None:
        allow_played_time(database.owner_url, "The demo plays months in minutes.")


def configure_site(installation: Installation) -> None:
    """Write name, FIN and time zone of the settings into the site's row, if they differ."""
    config = installation.config
    wanted = {
        "name": config.site_name,
        "fin": config.fin,
        "fin_registered": config.fin_registered,
        "timezone": str(config.timezone),
    }
    with installation.reads.connect() as connection:
        row = connection.execute(text("SELECT name, fin, fin_registered, timezone FROM site WHERE id = 1")).one()
    if dict(row._mapping) != wanted:
        run_act(installation, "configure_site", wanted, SYSTEM, door="start")


def find_printer(config: Config) -> Printer:
    """The printer of labels: a folder that a print server watches, or a CUPS queue."""
    return _printer(config.printer, config.data / PRINTED)


def find_form_printer(config: Config) -> Printer | None:
    """The printer of sheets that go with labels; None: people print them from the page."""
    return None if config.form_printer == "none" else _printer(config.form_printer, config.data / PRINTED_FORMS)


def _printer(setting: str, folder: Path) -> Printer:
    kind, _, queue = setting.partition(":")
    if kind == "lp":
        return LpPrinter(queue)
    return FolderPrinter(private_folder(folder))
