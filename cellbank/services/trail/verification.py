"""The trail read back: is it what was sealed, and do the records say what the trail says? And a copy to take away.

Three times the same digests, written apart from each other: the database seals (`migrations/database/trail.sql`),
`trail_chain.py` recomputes, and `cellbank/offline/verify_trail.py` does so from an export with nothing but the standard
library.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, text

from cellbank.outside.head_file import HeadLine, has_key, trail_key
from cellbank.records.fingerprint import Difference
from cellbank.services.acts import VERSION
from cellbank.services.installation import Installation, server_time
from cellbank.services.schema import schema_differences
from cellbank.services.trail.evidence import find_altered_files, find_altered_readings
from cellbank.services.trail.heads import compare, is_there
from cellbank.services.trail.hidden_values import find_exchanged
from cellbank.services.trail.judged_again import find_misdone
from cellbank.services.trail.notes import Notes, own_notes
from cellbank.services.trail.snapshot import snapshot
from cellbank.services.trail.times import find_impossible_times, played
from cellbank.services.trail.trail_chain import FETCHED, Chain, Head, Progress, sealed_acts
from cellbank.services.trail.trail_faults import Fault, SealedAct, find_stray
from cellbank.services.trail.trail_records import find_drift
from cellbank.services.trail.worked_out import find_miswritten

__all__ = ["Against", "Head", "Verdict", "check", "export", "own_heads", "verifier", "verify"]


@dataclass(frozen=True)
class Against:
    """A file of signed heads, and the public half of the key that signed it."""

    path: Path
    key: str


@dataclass(frozen=True)
class Verdict:
    """What a verification found. `faults` are the first row of the trail that is wrong, and all that is wrong beside
    it; `signed` is the last line of the heads against which it was verified; `notes` are no faults; `schema` is every
    object of the database that is not as this version makes it: what keeps the rules, and writes the trail."""

    acts: int
    changes: int
    records: int
    heads: tuple[Head, ...]
    faults: tuple[Fault, ...]
    signed: HeadLine | None = None
    notes: tuple[str, ...] = ()
    schema: tuple[Difference, ...] = ()

    @property
    def fault(self) -> Fault | None:
        """The first thing that is wrong."""
        return self.faults[0] if self.faults else None

    @property
    def sound(self) -> bool:
        """Whether every row is what was sealed, every record what the trail says, all else what it was, and the
        schema this version's."""
        return not self.faults and not self.schema


def verify(installation: Installation, progress: Progress | None = None, against: Against | None = None) -> Verdict:
    """Check the whole trail against its seals and the signed heads, every record against the trail, and the evidence
    against its digests, as of one moment; and the schema against its fingerprint. Without `against` it is the
    installation's own file of heads that counts."""
    with snapshot(installation) as connection:
        verdict = check(connection, progress, installation.config.data, against or own_heads(installation))
    return replace(verdict, schema=schema_differences(installation.engine))


def own_heads(installation: Installation) -> Against | None:
    """The file of heads that this installation signs; None while it has not signed any."""
    path = installation.config.head_file
    with installation.engine.connect() as connection:
        there = has_key(installation.config.data) and is_there(own_notes(connection, installation.config.data), path)
    return Against(path, trail_key(installation.config.data).public) if there else None


def check(
    connection: Connection, progress: Progress | None = None, folder: Path | None = None, against: Against | None = None
) -> Verdict:
    """The rows and files alone, on a connection that sees one moment; without a folder the files that were sent are not
    looked at, and without heads nothing tells whether the end of the trail is missing or made anew."""
    told = progress or (lambda part, done, total: None)
    chain = Chain(connection)
    chain.walk(told)
    records = 0
    fault = chain.fault or find_stray(connection)
    if fault is None:
        fault, records = find_drift(connection, told)
    impossible, notes = find_impossible_times(connection)
    faults = [
        *_found(fault),
        *impossible,
        *find_misdone(connection),
        *find_altered_readings(connection),
        *find_miswritten(connection),
    ]
    notes += _notes(connection)
    signed = None
    if against is not None:
        compared = compare(connection, against.path, against.key)
        signed = compared.last
        faults += _found(compared.fault)
        notes += _of_others(Notes(connection, against.key))
    if folder is not None:
        altered, unknown = find_altered_files(connection, folder, told)
        faults += altered
        notes += unknown
        exchanged, unknown = find_exchanged(connection, folder)
        faults += exchanged
        notes += unknown
    return Verdict(chain.acts, chain.changes, records, chain.heads, tuple(faults), signed, tuple(notes))


def _of_others(notes: Notes) -> Iterable[str]:
    for table in ("head_file", "trail_check"):
        if count := notes.strangers(table):
            yield f"{count} of the last rows of {table} are not signed with the key of the heads, and count for nothing"


def _found(fault: Fault | None) -> Iterable[Fault]:
    return () if fault is None else (fault,)


def _notes(connection: Connection) -> Iterable[str]:
    for one in played(connection):
        since = f" since act {one.act} of {one.since}" if one.act else ""
        yield f"A story is played here: acts may be of any time{since}, whatever the clock says. {one.why}"


def export(installation: Installation, out: IO[bytes], progress: Progress | None = None) -> tuple[Head, ...]:
    """Write the trail as JSON lines, as it is, sound or not: the stand-alone verifier judges it. Returns the heads."""
    told = progress or (lambda part, done, total: None)
    digest = hashlib.sha256()
    heads: dict[int, Head] = {}
    done = 0

    def write(line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        digest.update(data)
        out.write(data)

    began = {"trail": "cellbank", "format": 1, "version": VERSION, "exported_at": server_time().isoformat()}
    write({**began, "key": trail_key(installation.config.data).public})
    with snapshot(installation) as connection, sealed_acts(connection) as acts:
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
