"""The trail read back: is it what was sealed, and do the records say what the trail says? And a copy to take away.

The digests are computed here from the fields themselves, not by the function of the database that sealed them: who
could change the rows could change that function as well. `cellbank/offline/verify_trail.py` does the same a third time,
from an export and with the standard library alone.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import IO, Any

from sqlalchemy import Connection, text

from cellbank.services.acts import VERSION
from cellbank.services.bank import Bank, server_time
from cellbank.services.trail_faults import Fault, SealedAct, explain, find_stray, find_switched_off
from cellbank.services.trail_records import find_drift

FETCHED = 1000
START = bytes(32)
UTC_TEXT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

ACTS = text(
    """
    SELECT s.site_id, s.number, s.act_id, s.digest, a.id::text, a.site_id::text, a.person_id::text, a.name,
           a.given::text, a.record_code, a.key, a.given_digest, a.door, a.client, a.version,
           to_char(a.at AT TIME ZONE 'UTC', :utc), to_char(a.recorded_at AT TIME ZONE 'UTC', :utc),
           a.outcome, a.refusals::text, a.result::text
      FROM seal s LEFT JOIN act a ON a.id = s.act_id ORDER BY s.site_id, s.number
    """
)
CHANGES = text(
    """
    SELECT s.site_id, s.number, c.id::text, c.record_kind, c.record_id::text, c.before::text, c.after::text
      FROM seal s JOIN change c ON c.act_id = s.act_id ORDER BY s.site_id, s.number, c.id
    """
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Head:
    """Where the chain of a site ends. Written down elsewhere, it proves later that nothing before it was changed."""

    site: int
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.site}:{self.number}:{self.digest}"


@dataclass(frozen=True)
class Verdict:
    """What a verification found; `fault` is the first row that is wrong, None when all is sound."""

    acts: int
    changes: int
    records: int
    heads: tuple[Head, ...]
    fault: Fault | None

    @property
    def sound(self) -> bool:
        """Whether every row is what was sealed and every record what the trail says."""
        return self.fault is None


def verify(bank: Bank, progress: Progress | None = None) -> Verdict:
    """Check the whole trail against its seals, and every record against the trail, as of one moment."""
    with _snapshot(bank) as connection:
        return check(connection, progress)


def check(connection: Connection, progress: Progress | None = None) -> Verdict:
    """The same on a connection that sees one moment."""
    told = progress or (lambda part, done, total: None)
    total = connection.scalar(text("SELECT count(*) FROM seal"))
    chain = Chain(connection)
    with sealed_acts(connection) as acts:
        for done, sealed in enumerate(acts, start=1):
            if not chain.follows(sealed):
                break
            if done % FETCHED == 0 or done == total:
                told("acts", done, total)
    records = 0
    fault = chain.fault or find_stray(connection)
    if fault is None:
        fault, records = find_drift(connection, told)
    fault = fault or find_switched_off(connection)
    return Verdict(chain.acts, chain.changes, records, chain.heads, fault)


class Chain:
    """Walks the chains of all sites, link by link, and stops at the first link that does not hold."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heads: dict[int, tuple[int, bytes]] = {}
        self.acts = 0
        self.changes = 0
        self.fault: Fault | None = None

    @property
    def heads(self) -> tuple[Head, ...]:
        """How far each chain was found sound."""
        return tuple(Head(site, number, digest.hex()) for site, (number, digest) in sorted(self._heads.items()))

    def follows(self, sealed: SealedAct) -> bool:
        """Whether this is the next link of its chain; `fault` says why not."""
        number, previous = self._heads.get(sealed.site, (0, START))
        right = sealed.number == number + 1 and sealed.fields is not None
        if not right or seal_of(previous, sealed) != sealed.digest:
            self.fault = explain(self._connection, sealed, number, previous, content_of(sealed))
            return False
        self._heads[sealed.site] = (sealed.number, sealed.digest)
        self.acts += 1
        self.changes += len(sealed.changes)
        return True


@contextmanager
def sealed_acts(connection: Connection) -> Iterator[Iterator[SealedAct]]:
    """Every act in the order of its seal, site after site, with its changes; little of it is ever held in memory."""
    options = {"stream_results": True, "yield_per": FETCHED}
    with (
        connection.execute(ACTS, {"utc": UTC_TEXT}, execution_options=options) as acts,
        connection.execute(CHANGES, execution_options=options) as changes,
    ):
        yield _together(acts, changes)


def _together(acts: Iterable[Any], changes: Iterable[Any]) -> Iterator[SealedAct]:
    """Lay the two streams, which have one order, beside each other."""
    made_by = itertools.groupby(changes, key=lambda row: (row[0], row[1]))
    waiting = next(made_by, None)
    for row in acts:
        made: list[tuple[str | None, ...]] = []
        if waiting is not None and waiting[0] == (row[0], row[1]):
            made = [tuple(change[2:]) for change in waiting[1]]
            waiting = next(made_by, None)
        fields = None if row[4] is None else tuple(row[4:])
        yield SealedAct(row[0], row[1], row[2], bytes(row[3]), fields, made)


def content_of(sealed: SealedAct) -> bytes:
    """sha256 over every field of the act and of its changes, in their canonical form."""
    fields = itertools.chain(sealed.fields or (), *sealed.changes)
    return hashlib.sha256(b"".join(map(netstring, fields))).digest()


def netstring(field: str | None) -> bytes:
    """One field, marked off so that no two lists of fields look the same."""
    if field is None:
        return b"~,"
    data = field.encode()
    return b"%d:%s," % (len(data), data)


def seal_of(previous: bytes, sealed: SealedAct) -> bytes:
    """What the seal must be, after the seal before it."""
    return hashlib.sha256(previous + content_of(sealed)).digest()


def export(bank: Bank, out: IO[bytes], progress: Progress | None = None) -> tuple[Head, ...]:
    """Write the trail as JSON lines, as it is, sound or not: the stand-alone verifier judges it. Returns the heads."""
    told = progress or (lambda part, done, total: None)
    digest = hashlib.sha256()
    heads: dict[int, Head] = {}
    done = 0

    def write(line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        digest.update(data)
        out.write(data)

    write({"trail": "cellbank", "format": 1, "version": VERSION, "exported_at": server_time().isoformat()})
    with _snapshot(bank) as connection, sealed_acts(connection) as acts:
        total = connection.scalar(text("SELECT count(*) FROM seal"))
        for done, sealed in enumerate(acts, start=1):
            heads[sealed.site] = Head(sealed.site, sealed.number, sealed.digest.hex())
            write(_line(sealed))
            if done % FETCHED == 0 or done == total:
                told("acts", done, total)
    ends = {str(head.site): [head.number, head.digest] for head in heads.values()}
    write({"end": {"acts": done, "heads": ends, "sha256": digest.hexdigest()}})
    return tuple(heads.values())


def _line(sealed: SealedAct) -> dict[str, Any]:
    return {
        "site": sealed.site,
        "number": sealed.number,
        "digest": sealed.digest.hex(),
        "act": sealed.fields,
        "changes": sealed.changes,
    }


def verifier() -> bytes:
    """The stand-alone verifier, to put beside an export."""
    return (files("cellbank") / "offline" / "verify_trail.py").read_bytes()


def _snapshot(bank: Bank) -> Connection:
    """A connection that sees one moment for as long as it takes, without the limits that are right for a request."""
    connection = bank.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL jit = off"))
    return connection
