"""One running installation: its settings, its database, its printer. Built once at start-up, handed to every door."""

import datetime
import threading
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Engine, event

from cellbank.config import Config
from cellbank.outside.printers import Printer
from cellbank.records.base import open_reads


def server_time() -> datetime.datetime:
    """The clock of everybody but the demo and the tests."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Bank:
    """What the services need of the world. `engine` writes; `reads`, closed with it, is for look-ups."""

    config: Config
    engine: Engine
    printer: Printer
    #: argon2 takes 64 MiB a verification: a shift change must not starve the scanners
    password_slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2))

    @cached_property
    def reads(self) -> Engine:
        """An engine for reads outside a transaction: one round trip a statement, and nothing to clean up after it."""
        reads = open_reads(self.engine.url)
        event.listen(self.engine, "engine_disposed", lambda _: reads.dispose())
        return reads
