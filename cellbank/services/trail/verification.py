"""The trail read back: is it what was sealed, and do the records say what the trail says? And a copy to take away.

Three times the same digests, written apart from each other: the database seals (`migrations/versions/0002_trail.py`),
`trail_chain.py` recomputes, and `cellbank/offline/verify_trail.py` does so from an export with nothing but the standard
library.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import IO, Any

from sqlalchemy import Connection, text

from cellbank.records.fingerprint import Difference
from cellbank.services.acts import VERSION
from cellbank.services.bank import Bank, server_time
from cellbank.services.schema import schema_differences
from cellbank.services.trail.trail_chain import FETCHED, Chain, Head, Progress, sealed_acts
from cellbank.services.trail.trail_faults import Fault, SealedAct, find_stray
from cellbank.services.trail.trail_records import find_drift

__all__ = ["Head", "Verdict", "check", "export", "verifier", "verify"]


@dataclass(frozen=True)
class Verdict:
    """What a verification found; `fault` is the first row that is wrong, None when all are sound; `schema` is every
    object of the database that is not as this version makes it: what keeps the rules, and writes the trail."""

    acts: int
    changes: int
    records: int
    heads: tuple[Head, ...]
    fault: Fault | None
    schema: tuple[Difference, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every row is what was sealed, every record what the trail says, and the schema this version's."""
        return self.fault is None and not self.schema


def verify(bank: Bank, progress: Progress | None = None) -> Verdict:
    """Check the whole trail against its seals, and every record against the trail, as of one moment; and the schema
    against its fingerprint."""
    with _snapshot(bank) as connection:
        verdict = check(connection, progress)
    return replace(verdict, schema=schema_differences(bank.engine))


def check(connection: Connection, progress: Progress | None = None) -> Verdict:
    """The rows alone, on a connection that sees one moment."""
    told = progress or (lambda part, done, total: None)
    chain = Chain(connection)
    chain.walk(told)
    records = 0
    fault = chain.fault or find_stray(connection)
    if fault is None:
        fault, records = find_drift(connection, told)
    return Verdict(chain.acts, chain.changes, records, chain.heads, fault)


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
