"""One running installation: its settings, its database, its printer. Built once at start-up, handed to every door."""

import copy
import datetime
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event

from cellbank.config import Config
from cellbank.domain.actor import Actor
from cellbank.outside.printers import Printer
from cellbank.records.base import open_reads

if TYPE_CHECKING:
    from cellbank.outside.bedside_keys import Keys
from cellbank.services.clocks import Clocks
from cellbank.services.room import Room
from cellbank.services.schema import SchemaWatch

NO_SITE = 0  # of nobody who is known: where nothing is kept


def server_time() -> datetime.datetime:
    """The clock of everybody but the demo and the tests."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Installation:
    """What the services need of the world. `engine` writes; `reads`, closed with it, is for look-ups."""

    config: Config
    engine: Engine
    printer: Printer
    #: argon2 takes 64 MiB a verification: a shift change must not starve the scanners
    password_slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2))
    #: who comes from outside to prove a name: few at once, so that those who are in go on
    strangers: Room = field(default_factory=lambda: Room(of_all=4, of_each=2))
    #: whether the rules of the database are those of this version
    schema: SchemaWatch = field(default_factory=SchemaWatch)
    #: where paper goes that is printed with labels; None: nowhere by itself
    form_printer: Printer | None = None
    #: the site whose records the look-ups read; None: those of all sites
    site: int | None = None
    #: who reads; None: the installation itself
    reader: Actor | None = None

    @cached_property
    def clocks(self) -> Clocks:
        """The clock of this process beside that of the database."""
        return Clocks(server_time, self.config.clock_seconds)

    @cached_property
    def reads(self) -> Engine:
        """An engine for reads outside a transaction: one round trip a statement, and nothing to clean up after it."""
        reads = open_reads(self.engine.url)
        event.listen(self.engine, "engine_disposed", lambda _: reads.dispose())
        return reads

    @property
    def keys(self) -> "Keys":
        """The keys of the bedside without a network as they lie in the data folder now, made when first needed."""
        from cellbank.outside.bedside_keys import kept_keys

        return kept_keys(self.config.data)

    def seen_by(self, actor: Actor | None) -> "Installation":
        """The installation as this person reads it: what is kept at the site where they act, or at all sites.

        A door hands out nothing else, so that no read can forget to ask. Nobody reads nothing.
        """
        assert self.reads and self.clocks  # made once, and shared by all that look through it
        seen = copy.copy(self)
        site = NO_SITE if actor is None else None if actor.sees_all_sites else actor.site_id
        object.__setattr__(seen, "site", site)
        object.__setattr__(seen, "reader", actor)
        return seen

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the wall clock at the site where the reader acts; of the settings where nobody is known."""
        return ZoneInfo(self.reader.zone) if self.reader else self.config.timezone

    @property
    def site_name(self) -> str:
        """What the site where the reader acts is called."""
        return self.reader.site_name if self.reader else self.config.site_name


def at_site(column: str) -> str:
    """The condition that a record is of the site whose records are read: for a statement that is given `site`."""
    return f"(CAST(:site AS bigint) IS NULL OR {column} = :site)"
