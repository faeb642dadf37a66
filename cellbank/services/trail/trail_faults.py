"""What exactly is wrong with a trail that is not sound. Runs once a fault is known, so it may take its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.records.tables import record_tables
from cellbank.records.trail import HIDDEN


@dataclass(frozen=True)
class Fault:
    """The first row that is wrong: its table, its id (None: it is missing), the act it belongs to, what is wrong."""

    table: str
    row: int | None
    act: int | None
    what: str

    def __str__(self) -> str:
        row = "" if self.row is None else f" {self.row}"
        act = "" if self.act is None or self.table == "act" else f" (act {self.act})"
        return f"{self.table}{row}{act}: {self.what}"


@dataclass(frozen=True, slots=True)
class SealedAct:
    """One link of a chain: the seal, the fields of its act (None: the act is gone), and those of its changes."""

    site: int
    number: int
    act: int
    digest: bytes
    fields: tuple[str | None, ...] | None
    changes: list[tuple[str | None, ...]]


def explain(connection: Connection, sealed: SealedAct, last: int, previous: bytes, content: bytes) -> Fault:
    """Why this link does not follow number `last` with digest `previous`."""
    if sealed.number != last + 1:
        what = (
            f"number {last + 1} of site {sealed.site} is missing: number {sealed.number} (act {sealed.act}) comes next"
        )
        return Fault("seal", None, sealed.act, what)
    if sealed.fields is None:
        return Fault(
            "act", sealed.act, sealed.act, f"the act is gone; seal {sealed.number} of site {sealed.site} was its"
        )
    return _reordered(connection, sealed, previous, content) or _altered(connection, sealed)


def _reordered(connection: Connection, sealed: SealedAct, previous: bytes, content: bytes) -> Fault | None:
    """The seal is genuine, but not of this act or not at this place."""
    other = connection.scalar(
        text("SELECT id FROM act a WHERE site_id = :site AND sha256(:previous || trail_act_digest(a)) = :digest"),
        {"site": sealed.site, "previous": previous, "digest": sealed.digest},
    )
    if other is not None:
        what = f"seal {sealed.number} of site {sealed.site} was made for act {other} and stands beside act {sealed.act}"
        return Fault("seal", sealed.act, sealed.act, what)
    before = connection.scalar(
        text("SELECT number FROM seal WHERE site_id = :site AND sha256(digest || :content) = :digest"),
        {"site": sealed.site, "content": content, "digest": sealed.digest},
    )
    if before is not None:
        what = (
            f"it stands at number {sealed.number} of site {sealed.site} and was made after number {before}: reordered"
        )
        return Fault("seal", sealed.act, sealed.act, what)
    return None


def _altered(connection: Connection, sealed: SealedAct) -> Fault:
    """The act, one of its changes, or the seal itself was altered: the next seal tells whether it is the seal."""
    follower = text(
        """SELECT sha256(:digest || trail_act_digest(a)) = s.digest FROM seal s JOIN act a ON a.id = s.act_id
            WHERE s.site_id = :site AND s.number = :number"""
    )
    given = {"digest": sealed.digest, "site": sealed.site, "number": sealed.number + 1}
    if connection.scalar(follower, given) is False:
        what = (
            f"seal {sealed.number} of site {sealed.site} is not what was written, or its act and the next were altered"
        )
        return Fault("seal", sealed.act, sealed.act, what)
    change = _inconsistent_change(connection, sealed.act)
    if change is not None:
        return change
    count = len(sealed.changes)
    what = f"the act or its changes ({count} are there) are not what was sealed as number {sealed.number}"
    return Fault("act", sealed.act, sealed.act, what)


def _inconsistent_change(connection: Connection, act: int) -> Fault | None:
    """The change of this act that does not fit what came before or after it in the history of its record."""
    records = text("SELECT DISTINCT record_kind, record_id FROM change WHERE act_id = :act ORDER BY 1, 2 LIMIT 1000")
    for kind, record in connection.execute(records, {"act": act}).all():
        change = _broken_history(connection, act, kind, record)
        if change is not None:
            what = f"{kind} {record}: what it says does not fit the history of the record"
            return Fault("change", change, act, what)
    return None


def _broken_history(connection: Connection, act: int, kind: str, record: int) -> int | None:
    """The id of this act's change from or to which the values of the record do not go on."""
    history = text(
        "SELECT id, act_id, before, after FROM change WHERE record_kind = :kind AND record_id = :record ORDER BY id"
    )
    rows: list[Sequence[Any]] = list(connection.execute(history, {"kind": kind, "record": record}))
    if kind in record_tables():
        live = connection.scalar(text(f"SELECT to_jsonb(t) FROM {kind} t WHERE id = :record"), {"record": record})
        rows = [*rows, (None, None, live, None)]
    known: dict[str, tuple[Any, int | None]] = {}  # column -> its value and our change that set it
    for change, of_act, before, after in rows:
        ours = change if of_act == act else None
        for column, value in (before or {}).items():
            said, by = known.get(column, (value, None))
            if column not in HIDDEN.get(kind, ()) and said != value and (by or ours) is not None:
                return by or ours
        known.update({column: (value, ours) for column, value in (after or {}).items()})
    return None


def find_stray(connection: Connection) -> Fault | None:
    """An act that no seal covers, or a change that belongs to no act."""
    act = connection.scalar(
        text("SELECT min(a.id) FROM act a WHERE NOT EXISTS (SELECT FROM seal s WHERE s.act_id = a.id)")
    )
    if act is not None:
        return Fault("act", act, act, "the act has no seal")
    change = connection.execute(
        text(
            "SELECT c.id, c.act_id FROM change c WHERE NOT EXISTS (SELECT FROM act a WHERE a.id = c.act_id) "
            "ORDER BY c.id LIMIT 1"
        )
    ).one_or_none()
    return None if change is None else Fault("change", change.id, change.act_id, "its act is gone")
