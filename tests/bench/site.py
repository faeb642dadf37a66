"""One bank under measurement: the database copy, its installation in this process, its server, and what it holds."""

import datetime
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg

from cellbank.domain.positions import position_name
from cellbank.outside import account_key
from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.outside.postgres_server import OWNER
from cellbank.services.installation import Installation, server_time
from tests.bench.clients import Clients, request, signed_in
from tests.bench.databases import copied, open_installation, plain_url
from tests.bench.server import PLAIN_TABLE, Server, running
from tests.factories.doses import bedside, prepared_dose
from tests.factories.world import PASSWORD, World

IN_STOCK = "SELECT code FROM vial WHERE state = 'IN_STOCK' ORDER BY hashint8(id) LIMIT 5000"
FROZEN = "SELECT code FROM vial WHERE state = 'FROZEN' ORDER BY id"
EMPTY_BOXES = """SELECT code FROM storage_unit u WHERE type = 'box' AND row_count = 10 AND column_count = 10
                    AND NOT EXISTS (SELECT FROM placement p WHERE p.box_id = u.id) ORDER BY id"""
PREPARED_BEFORE = datetime.timedelta(minutes=45)


@dataclass
class Site:
    """A bank with its server."""

    installation: Installation
    world: World
    server: Server
    tokens: dict[str, str]
    owner_url: str

    def column(self, statement: str, *given: object) -> list[str]:
        """The first column of a statement, asked as the owner."""
        with psycopg.connect(self.owner_url) as connection:
            return [row[0] for row in connection.execute(statement, given)]

    @cached_property
    def vials_in_stock(self) -> list[str]:
        """Five thousand of them, from all over the bank."""
        return self.column(IN_STOCK)

    @cached_property
    def frozen_vials(self) -> Iterator[str]:
        """Vials that wait to be put away, each once."""
        return iter(self.column(FROZEN))

    @cached_property
    def empty_boxes(self) -> Iterator[str]:
        """Boxes for them, each once."""
        return iter(self.column(EMPTY_BOXES))

    @cached_property
    def free_places(self) -> Iterator[tuple[str, str]]:
        """Position after position in empty boxes."""
        return ((box, position_name(place, 10)) for box in self.empty_boxes for place in range(1, 101))

    def scans(self, clients: int) -> list[list[bytes]]:
        """A scan of every vial in the sample, dealt to the clients."""
        return deal([request("GET", f"/api/scan/{code}", self.tokens["tina"]) for code in self.vials_in_stock], clients)

    def bare_reads(self, clients: int) -> list[list[bytes]]:
        """The yardstick of reads, on the same vials."""
        return deal([request("GET", f"/bare/{code}") for code in self.vials_in_stock], clients)

    def gated_reads(self, clients: int) -> list[list[bytes]]:
        """The yardstick of reads behind the gate."""
        return deal([request("GET", f"/gated/{code}") for code in self.vials_in_stock], clients)

    def scans_in_a_session(self, clients: int) -> list[list[bytes]]:
        """The same scans by somebody who is signed in at a browser."""
        cookie = signed_in(self.server.port, "tina", PASSWORD)
        return deal([request("GET", f"/api/scan/{code}", cookie=cookie) for code in self.vials_in_stock], clients)

    def bare_writes(self, clients: int) -> list[list[bytes]]:
        """The yardstick of writes."""
        return deal([request("POST", f"/bare/{code}") for code in self.vials_in_stock], clients)

    def bedside_checks(self, clients: int) -> list[list[bytes]]:
        """The same dry run again and again: it changes nothing."""
        ask = request("POST", "/api/acts/check_dose?dry_run=1", self.tokens["clara"], self.bedside_scans)
        return [[ask] for _ in range(clients)]

    @cached_property
    def bedside_scans(self) -> dict[str, str]:
        """What is scanned at the bedside of a dose that was prepared a few minutes ago, through the real acts."""
        return bedside(self.world, prepared_dose(self.world))

    def put_aways(self, clients: int, each: int) -> list[list[bytes]]:
        """Acts that put one vial each away, all different."""
        made = []
        for vial, (box, position) in zip(take(self.frozen_vials, clients * each), self.free_places, strict=False):
            given = {"vials": [vial], "box": box, "positions": [position]}
            made.append(request("POST", "/api/acts/store_vials", self.tokens["tina"], given))
        return deal(made, clients)


def take(source: Iterator[str], count: int) -> list[str]:
    """So many of them. Raises StopIteration when the bank has no more: its Size is too small for this bench."""
    return [next(source) for _ in range(count)]


def deal(requests: Sequence[bytes], clients: int) -> list[list[bytes]]:
    """The requests, dealt to so many clients."""
    return [list(requests[start::clients]) for start in range(clients)]


@contextmanager
def opened(server: EmbeddedPostgres, database: str, folder: Path) -> Iterator[Site]:
    """A copy of a generated bank with people's tokens and a server on it."""
    with copied(server, database) as copy:
        own = folder / copy
        own.mkdir(exist_ok=True)
        shutil.copy2(folder / account_key.FILE, own)  # its people's passwords are good with it
        owner_url = plain_url(server.url(OWNER, copy))
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(PLAIN_TABLE)
        installation = open_installation(server, copy, own)
        world = World(installation, random.Random(7), server_time() - PREPARED_BEFORE)
        tokens = {name: world.do(name, "create_token", title="bench")["token"] for name in ("tina", "clara")}
        try:
            with running(server, copy, own) as running_server:
                yield Site(installation, world, running_server, tokens, owner_url)
        finally:
            installation.engine.dispose()


def at(site: Site, clients: Clients) -> Clients:
    """The same client processes, sent to this site."""
    return Clients(clients.pool, site.server.port)
