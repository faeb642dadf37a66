"""Open a bank from its settings: the database (embedded when no URL is set), its schema, the site's row, the printer."""

import os
import threading
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.config import Config
from cellbank.outside import embedded_postgres
from cellbank.outside.printers import FolderPrinter, LpPrinter, Printer
from cellbank.records.base import open_engine
from cellbank.records.migrate import migrate
from cellbank.services import catalogue
from cellbank.services.acts import run_act
from cellbank.services.bank import Bank
from cellbank.services.people import SYSTEM

PRINTED = "printed"


@dataclass(frozen=True)
class Database:
    """Where the database is: for the application's role, and for its owner (None: not known here, so no migration)."""

    app_url: str
    owner_url: str | None


def find_database(config: Config, stack: ExitStack) -> Database:
    """The database of the settings, or the embedded one, running for as long as `stack` is open."""
    if config.database_url:
        return Database(config.database_url, config.owner_database_url)
    config.data.mkdir(parents=True, exist_ok=True)
    server = stack.enter_context(embedded_postgres.start(config.data))
    return Database(server.app_url, server.owner_url)


def hand_down(database: Database) -> None:
    """Tell worker processes where the database is; they start none of their own."""
    os.environ["CELLBANK_DATABASE_URL"] = database.app_url


def open_bank(config: Config, database: Database) -> Bank:
    """A bank on a database that has been migrated."""
    catalogue.load()
    engine = open_engine(database.app_url)
    return Bank(config, engine, find_printer(config), threading.Semaphore(config.concurrent_logins))


def prepare(config: Config, database: Database) -> Bank:
    """Migrate where the owner is known, bring the site's row in step with the settings, and open the bank."""
    if database.owner_url:
        migrate(database.owner_url)
    bank = open_bank(config, database)
    configure_site(bank)
    return bank


def configure_site(bank: Bank) -> None:
    """Write name, FIN and time zone of the settings into the site's row, if they differ."""
    config = bank.config
    wanted = {
        "name": config.site_name,
        "fin": config.fin,
        "fin_registered": config.fin_registered,
        "timezone": str(config.timezone),
    }
    with bank.reads.connect() as connection:
        row = connection.execute(text("SELECT name, fin, fin_registered, timezone FROM site WHERE id = 1")).one()
    if dict(row._mapping) != wanted:
        run_act(bank, "configure_site", wanted, SYSTEM, door="start")


def find_printer(config: Config) -> Printer:
    """The printer of the settings: a folder that a print server watches, or a CUPS queue."""
    kind, _, queue = config.printer.partition(":")
    if kind == "lp":
        return LpPrinter(queue)
    folder = config.data / PRINTED
    folder.mkdir(exist_ok=True)
    return FolderPrinter(folder)
