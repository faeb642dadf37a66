"""The heads of the chains on their way to the file outside, and back: does the trail still pass through all of them?

Only what was checked is signed: each time from the last head on, link by link. A chain that does not pass through what
was signed before gets no further signature.
"""

import datetime
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, text

from cellbank.outside.head_file import End, HeadLine, HeadsProblem, TrailKey, append, end_of, read_lines, trail_key
from cellbank.services.installation import Installation, server_time
from cellbank.services.trail.notes import Notes, add_note, newest
from cellbank.services.trail.snapshot import snapshot
from cellbank.services.trail.times import SignedTimes, outside
from cellbank.services.trail.trail_chain import Chain, Head
from cellbank.services.trail.trail_faults import Fault

HEARTBEAT = 3600  # seconds after which a line is added though nothing changed
AT_ONCE = 5000  # heads compared in one statement
FILE = "heads file"

_ONE_SIGNS = text("SELECT pg_advisory_xact_lock(7043)")
HEAD_FILE = "head_file"
_AT_PLACE = newest(HEAD_FILE, "place = :place", "signed_at DESC, id DESC")
_OF_FILE = newest(HEAD_FILE, "file = :file", "number DESC, id")
_DUE = text("SELECT clock_timestamp() - CAST(:at AS timestamptz) >= make_interval(secs => :seconds)")
_MOMENT = text("SELECT transaction_timestamp()")  # of the snapshot: however long the walk takes
_HEADS = text(
    """SELECT site.id, last.* FROM site CROSS JOIN LATERAL (
         SELECT number, act_id, encode(digest, 'hex') FROM seal WHERE site_id = site.id ORDER BY number DESC LIMIT 1
       ) AS last ORDER BY site.id"""
)
_MISSED = text(
    """SELECT h.place, h.site, h.number, s.number IS NULL AS gone,
              (SELECT max(number) FROM seal WHERE site_id = h.site) AS last
         FROM unnest(CAST(:places AS bigint[]), CAST(:sites AS bigint[]), CAST(:numbers AS bigint[]),
                     CAST(:acts AS bigint[]), CAST(:digests AS text[])) AS h (place, site, number, act, digest)
         LEFT JOIN seal s ON s.site_id = h.site AND s.number = h.number
        WHERE (s.act_id = h.act AND s.digest = decode(h.digest, 'hex')) IS NOT TRUE ORDER BY h.place LIMIT 1"""
)


@dataclass(frozen=True)
class Signing:
    """What came of a signing: the line that was added (None: nothing had changed), the acts that were checked for it,
    and why nothing was signed."""

    line: HeadLine | None
    acts: int
    fault: Fault | None


def sign_heads(installation: Installation, *, new_file_because: str | None = None) -> Signing:
    """Check what came since the last signed heads, and add where the chains end now; one installation at a time.

    With a reason, another file is begun where the one that was there was moved away: after a restore, say.
    """
    path, key = installation.config.head_file, trail_key(installation.config.data)
    with installation.engine.begin() as keeping:
        keeping.execute(_ONE_SIGNS)
        try:
            end = end_of(path, key.public)
            _as_it_was_left(keeping, path, key, end, new_file_because)
        except HeadsProblem as problem:
            return Signing(None, 0, fault_of(path, problem))
        with snapshot(installation) as now:
            return _sign(keeping, now, path, key, end)


def _sign(keeping: Connection, now: Connection, path: Path, key: TrailKey, end: End | None) -> Signing:
    chains = {site: (number, act, digest) for site, number, act, digest in now.execute(_HEADS)}
    last = end.line if end else None
    chain = Chain(now)
    if last is not None:
        if (fault := missed(now, [last])) is not None:
            return Signing(None, 0, fault)
        if chains == last.chains and not now.scalar(_DUE, {"at": last.database_at, "seconds": HEARTBEAT}):
            return Signing(None, 0, None)
        chain = Chain(now, [Head(site, number, digest) for site, (number, _, digest) in last.chains.items()])
        chain.walk()
        if chain.fault is not None:
            return Signing(None, chain.acts, chain.fault)
    at, database_at = server_time().isoformat(), now.scalar(_MOMENT).astimezone(datetime.UTC).isoformat()
    try:
        line = append(path, key, end, chains, at=at, database_at=database_at)
    except OSError as error:
        why = f"{path} cannot be written: {error.strerror or error}"
        return Signing(None, chain.acts, Fault(FILE, None, None, why))
    said = {"number": line.number, "digest": line.digest, "signed_at": line.signed_at, "ended_because": None}
    add_note(keeping, key, HEAD_FILE, file=line.file, place=place_of(path), **said)
    return Signing(line, chain.acts, None)


def _as_it_was_left(
    connection: Connection, path: Path, key: TrailKey, end: End | None, new_file_because: str | None
) -> None:
    """The file has every line that the database knows of. Raises HeadsProblem."""
    if end is not None and end.line is not None:
        _was_not_cut(Notes(connection, key.public), end.line)
    elif (known := newest_note(Notes(connection, key.public), path)) is not None and new_file_because:
        kept = {"file": known.file, "place": known.place, "number": known.number, "digest": known.digest}
        add_note(connection, key, HEAD_FILE, **kept, signed_at=known.signed_at, ended_because=new_file_because)
    elif known is not None:
        what = f"the file {known.file} with {known.number} lines is gone; bring it back, or begin another one"
        raise HeadsProblem(0, what)


def newest_note(notes: Notes, path: Path) -> Row[Any] | None:
    """The last line that was noted of the file that lies there; None where there is none, or it was ended."""
    known = notes.first(HEAD_FILE, _AT_PLACE, place=place_of(path))
    return known if known is not None and known.ended_because is None else None


def _was_not_cut(notes: Notes, last: HeadLine) -> None:
    """Only a line that we signed says how far the file went: what others wrote into the table says nothing."""
    known = notes.first(HEAD_FILE, _OF_FILE, file=last.file)
    if known is not None and known.number > last.number:
        what = f"the file was cut: it ends with number {last.number}, and {known.number} were written"
        raise HeadsProblem(last.place, what)


def place_of(path: Path) -> str:
    """Where a file lies, as the database keeps it."""
    return f"{socket.gethostname()}:{path}"


def fault_of(path: Path, problem: HeadsProblem) -> Fault:
    """What is wrong with a file of heads, as a fault."""
    return Fault(FILE, problem.line or None, None, f"{path}: {problem.what}")


def is_there(notes: Notes, path: Path) -> bool:
    """Whether there is such a file, or should be."""
    return path.exists() or newest_note(notes, path) is not None


# --- comparing --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """What a file of heads says of the trail: how many lines, the last of them, and the first thing that is wrong."""

    lines: int
    last: HeadLine | None
    fault: Fault | None


def compare(connection: Connection, path: Path, key: str) -> Compared:
    """Whether the file is as it was written by the holder of the key, the trail passes through each head in it, and
    its acts are of the times between them."""
    count, last, wrong, times = 0, None, None, SignedTimes()
    try:
        lines = read_lines(path, key)
        while some := list(islice(lines, AT_ONCE)):
            count, last = count + len(some), some[-1]
            wrong = wrong or missed(connection, some) or outside(connection, times.windows(some))
        if last is not None:
            _was_not_cut(Notes(connection, key), last)
    except HeadsProblem as problem:
        return Compared(count, last, fault_of(path, problem))
    return Compared(count, last, wrong or outside(connection, times.rest()))


def missed(connection: Connection, lines: list[HeadLine]) -> Fault | None:
    """The first head in these lines through which the trail does not pass any more."""
    heads = list(_heads_in(lines))
    columns = ("places", "sites", "numbers", "acts", "digests")
    given = {name: [head[place] for head in heads] for place, name in enumerate(columns)}
    row = connection.execute(_MISSED, given).one_or_none()
    if row is None:
        return None
    line = next(line for line in lines if line.place == row.place)
    signed = f"line {line.number} of the heads, signed at {line.database_at}, ends with number {row.number}"
    act = line.chains[row.site][1]
    if row.gone:
        what = f"the chain of site {row.site} was shortened: it ends with number {row.last or 0}, and {signed}"
        return Fault("seal", None, act, what)
    what = f"the chain of site {row.site} was rewritten: {signed}, and that is another act or another seal now"
    return Fault("seal", act, act, what)


def _heads_in(lines: list[HeadLine]) -> Iterator[tuple[int, int, int, int, str]]:
    """The heads that are not the same as in the line before."""
    before: dict[int, tuple[int, int, str]] = {}
    for line in lines:
        for site, head in line.chains.items():
            if before.get(site) != head:
                yield line.place, site, *head
            before[site] = head
