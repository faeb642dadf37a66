"""Any record as it leaves the system: what it is, who signed it, everything that was done to it; as JSON and on paper.

What the trail does not hold (secrets) is not exported, nor who a subject is, nor what waits for its second reader.
Source: domain reference §2, R2.
"""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from cellbank.domain.blind import hidden_columns
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS, Kind, printed
from cellbank.domain.scans import read_scan
from cellbank.domain.wall import told_by
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.records.tables import metadata
from cellbank.services.acts import VERSION
from cellbank.services.clinic.identity import HIDDEN, is_identity
from cellbank.services.documents.papers import Paper, digest_of, site_line, site_zone, snapshot
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.finding.seeing import refuse_unseen
from cellbank.services.installation import Installation
from cellbank.services.trail.history import ChangeLine, Event, History, Names, Signed, read_history, read_signatures
from cellbank.services.wording.column_words import WORDS_OF_THE_CODE, told
from cellbank.services.wording.values import Clock, clock, times_of, value_text, word

TITLE = "Trail of a record"
NOT_YET = "(not shown before the second person has looked)"
LONG = 400  # letters of one value on paper; JSON has all


@dataclass(frozen=True)
class Export:
    """One record: its columns by name, keys of other rows as their codes or names; signatures and history."""

    kind: str
    code: str
    columns: Mapping[str, Any]
    signatures: tuple[Signed, ...]
    history: History

    def as_data(self) -> dict[str, Any]:
        """The form for other programs; `digest` is the sha256 of the rest."""
        data = {
            "kind": self.kind,
            "code": self.code,
            "software": f"cellbank {VERSION}",
            "record": dict(self.columns),
            "signatures": [dataclasses.asdict(one) for one in self.signatures],
            "history": [dataclasses.asdict(event) for event in self.history.events],
        }
        return {**data, "digest": digest_of(data)}


def export(installation: Installation, raw: str) -> Export:
    """The record with this code as of one moment. Raises Unreadable, and NotHere where no record bears the code or one
    of another site does."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    with snapshot(installation.engine) as connection:
        if scan.kind in RECORDS:
            refuse_unseen(connection, installation.site, RECORDS[scan.kind], scan.code)
        found = _read(connection, scan.kind, scan.code, installation.site)
    if found is None:
        raise NotHere(scan.kind.name.lower(), scan.code)
    return found


def _read(connection: Connection, kind: Kind, code: str, site: int | None = None) -> Export | None:
    if kind not in RECORDS:
        return None
    name = RECORDS[kind]
    table = metadata.tables[name]
    row = connection.execute(select(table).where(table.c.code == code)).mappings().one_or_none()
    if row is None:
        return None
    columns = _columns(connection, name, row)
    past, hidden = read_history(connection, name, code, site=site), hidden_columns(name, row.get("state"))
    columns |= {column: NOT_YET for column in columns if (name, column) in hidden}
    return Export(name, code, columns, read_signatures(connection, name, code), past)


def _columns(connection: Connection, kind: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    secret, names = _secrets(connection, kind), Names(connection, [(kind, dict(row))])
    return {
        column: HIDDEN
        if value is not None and (column in secret or is_identity(kind, column))
        else names.of(kind, column, value)
        for column, value in row.items()
    }


_SECRETS = text("SELECT tgargs FROM pg_trigger WHERE tgname = 'trail_change' AND tgrelid = CAST(:kind AS regclass)")


def _secrets(connection: Connection, kind: str) -> frozenset[str]:
    """The columns that the trail does not hold, as its trigger on the table names them."""
    given = connection.scalar(_SECRETS, {"kind": kind}) or b""
    return frozenset(name.decode() for name in bytes(given).split(b"\0") if name)


# --- on paper ---------------------------------------------------------------------------------


def trail_paper(connection: Connection, code: str) -> Paper | None:
    """What the document says of the record with this code now; None when there is none."""
    scan = read_scan(code)
    found = None if isinstance(scan, Garbled) else _read(connection, scan.kind, code)
    if found is None:
        return None
    site = _site(connection, found)
    time = clock(site_zone(connection, site))
    blocks: list[Block] = [
        Facts(tuple(_facts(found, time))),
        Heading("Signatures"),
        _signatures(found.signatures, time),
        Heading(f"History: {found.history.total} acts, the latest first"),
        Table(("Act", "When", "What", "Who"), tuple(_row(event, time) for event in found.history.events), WIDTHS),
    ]
    subject = f"{word(found.kind).capitalize()} {printed(code)}"
    return Paper(TITLE, subject, site_line(connection, site), code, tuple(blocks))


OF_ALL = 1  # id of the site that speaks for what all sites share


def _site(connection: Connection, found: Export) -> int:
    """The site of a record; of what all sites share, the one that was there first."""
    record = f"{found.kind} r CROSS JOIN LATERAL record_of('{found.kind}', r.id) o"
    home = text(f"SELECT home_site(o.the_kind, o.the_id) FROM {record} WHERE r.code = :code")
    return int(connection.scalar(home, {"code": found.code}) or OF_ALL)


WIDTHS = (0.08, 0.17, 0.55, 0.2)


def _facts(found: Export, time: Clock) -> Iterator[tuple[str, Cell]]:
    for column, value in found.columns.items():
        if column not in ("id", "site_id") and value is not None:
            label, unit = told(found.kind, column)
            yield label, _value(column, value, unit, time)


def _value(column: str, value: Any, unit: str, time: Clock) -> str:
    """A value as a person reads it; a long one shortened, for JSON has the whole."""
    if column in WORDS_OF_THE_CODE and isinstance(value, str):
        return word(value).capitalize()
    if isinstance(value, dict | list):
        said = ", ".join(_item(column, one) for one in value) if isinstance(value, list) else ""
        shown = told_by(time, said) or f"{len(value)} entries, in the JSON export"
    elif isinstance(value, datetime.datetime) or (unit == "time" and value != HIDDEN):
        shown = value_text(value, "time", time)
    else:
        shown = printed(value_text(value, "" if isinstance(value, str) or unit == "day" else unit, time))
    return shown if len(shown) <= LONG else f"{shown[:LONG]}… ({len(shown)} letters, in the JSON export)"


def _item(column: str, one: Any) -> str:
    """One of a list: a role in words, a reason by its sentence, a pair as a pair."""
    if isinstance(one, dict):
        return str(one.get("detail") or "; ".join(f"{word(name)} {value}" for name, value in one.items()))
    return word(one) if column in WORDS_OF_THE_CODE else str(one)


def _signatures(signatures: tuple[Signed, ...], time: Clock) -> Block:
    if not signatures:
        return Text("Nobody has signed it.")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            one.person,
            one.meaning.capitalize(),
            time(one.at),
            Run("VOID – the record changed after it was signed", "alarm") if one.is_void else "valid",
        )
        for one in signatures
    )
    return Table(("Name", "Meaning", "When", "Now"), rows, (0.3, 0.15, 0.25, 0.3))


def _row(event: Event, time: Clock) -> tuple[Cell, ...]:
    runs = [Run(event.title, "strong")]
    if event.outcome != "accepted":
        runs.append(Run(event.outcome.capitalize(), "alarm"))
    runs += [Run(reason, "alarm") for reason in event.refusals]
    runs += [Run(_change(line, time)) for line in event.changes]
    if event.reason:
        runs.append(Run(f"Reason: {event.reason}"))
    return Run(str(event.act), "code"), times_of(event, time), tuple(runs), event.person


def _change(line: ChangeLine, time: Clock) -> str:
    after = "nothing" if line.after is None else _value(line.column, line.after, line.unit, time)
    if line.before is None:
        return f"{line.label}: {after}"
    return f"{line.label}: {after} (was {_value(line.column, line.before, line.unit, time)})"
