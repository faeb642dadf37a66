"""A stretch of the trail to be read whole and signed: every act with what it changed from what to what, by kind."""

import datetime
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.entering import whole_number
from cellbank.services.clinic.identity import without_identity
from cellbank.services.installation import at_site
from cellbank.services.registry import title_of
from cellbank.services.trail.history import ChangeLine, Names, blind_now, change_lines
from cellbank.services.trail.trail_search import OF_RECORD, record_of

Blind = frozenset[tuple[str, str, int]]  # what is hidden now: (table, column, id of the row)
BLIND_YET = "hidden until a second person has looked"
MOST = 2000  # acts that one page can show and one person can read


@dataclass(frozen=True)
class Changed:
    """What an act did to one record, or alike to several of a kind: their codes or names, and the lines."""

    kind: str
    records: tuple[str, ...]
    lines: tuple[ChangeLine, ...]


@dataclass(frozen=True)
class ReadAct:
    """One act of the stretch."""

    number: int
    at: datetime.datetime
    recorded_at: datetime.datetime
    person: str
    door: str
    outcome: str
    record_code: str | None
    reason: str | None
    refusals: tuple[str, ...]
    changed: tuple[Changed, ...]


@dataclass(frozen=True)
class Group:
    """All acts of one kind and one outcome, in their order."""

    name: str
    title: str
    outcome: str
    acts: tuple[ReadAct, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Who did them."""
        return tuple(sorted({one.person for one in self.acts}))


@dataclass(frozen=True)
class Stretch:
    """The acts of a site between two numbers, or those of them on one record. `left_out` are more than a page holds,
    and `shown_to` is the last act that it does."""

    first: int
    last: int
    groups: tuple[Group, ...]
    count: int
    left_out: int
    shown_to: int

    @property
    def name(self) -> str:
        """What names all of it: acts that are sealed do not change."""
        return f"{self.first}-{self.last}: {self.count} acts, {self.left_out} left out"


_ACTS = """
    WITH page AS (
      SELECT a.*, count(*) OVER () AS total FROM act a
       WHERE a.outcome IS NOT NULL AND {here} AND a.id BETWEEN :first AND :last {of_record} ORDER BY a.id LIMIT :most)
    SELECT a.id, a.name, a.at, a.recorded_at, a.door, a.outcome, a.record_code, a.given, a.refusals, a.total,
           p.full_name,
           (SELECT jsonb_agg(jsonb_build_array(c.record_kind, c.record_id, c.before, c.after) ORDER BY c.id)
              FROM change c WHERE c.act_id = a.id) AS changes
      FROM page a JOIN person p ON p.id = a.person_id ORDER BY a.id"""


def read_stretch(connection: Connection, given: Mapping[str, Any], site: int | None) -> Stretch | None:
    """The stretch from `first_act` to `last_act` (of one `record`), in four statements whatever its length; None
    while the numbers are not given."""
    first, last = _number(given.get("first_act")), _number(given.get("last_act"))
    if first is None or last is None:
        return None
    asked = {"first": first, "last": last, "site": site, "most": MOST}
    if given.get("record"):
        asked |= record_of(connection, str(given["record"]))
    of_record = f"AND {OF_RECORD}" if given.get("record") else ""
    statement = _ACTS.format(here=at_site("a.site_id"), of_record=of_record)
    rows = connection.execute(text(statement), asked).all()
    names = Names(connection, _named(rows))
    blind = blind_now(connection)
    read = ((row.name, row.outcome, _act(row, names, blind)) for row in rows)
    acts = sorted(read, key=lambda one: (title_of(one[0]), one[1]))
    groups = tuple(
        Group(name, title_of(name), outcome, tuple(one for _, _, one in of_kind))
        for (name, outcome), of_kind in itertools.groupby(acts, key=lambda one: one[:2])
    )
    count = rows[0].total if rows else 0
    return Stretch(first, last, groups, count, count - len(rows), rows[-1].id if rows else last)


def _number(given: Any) -> int | None:
    return whole_number(str(given or ""))


def _named(rows: Any) -> Any:
    return ((kind, before, after, {"id": number}) for row in rows for kind, number, before, after in row.changes or ())


def _act(row: Any, names: Names, blind: Blind) -> ReadAct:
    refusals = tuple(refusal["detail"] for refusal in without_identity(row.given, row.refusals))
    return ReadAct(
        row.id,
        row.at,
        row.recorded_at,
        row.full_name,
        row.door,
        row.outcome,
        row.record_code,
        row.given.get("reason"),
        refusals,
        _changed(row.changes or (), names, blind),
    )


def _changed(changes: Any, names: Names, blind: Blind) -> tuple[Changed, ...]:
    """What was done alike to many records stands once. The signature of an act is the act itself, and no change."""
    alike: dict[tuple[str, str], tuple[list[ChangeLine], list[str]]] = {}
    for kind, number, before, after in changes:
        lines = [] if kind == "signature" else change_lines(kind, before, after, names)
        lines = [_hidden(line) if (kind, line.column, number) in blind else line for line in lines]
        if lines:
            news = (kind, str([(line.column, line.before, line.after) for line in lines]))
            alike.setdefault(news, (lines, []))[1].append(names.record(kind, number))
    return tuple(Changed(kind, tuple(records), tuple(lines)) for (kind, _), (lines, records) in alike.items())


def _hidden(line: ChangeLine) -> ChangeLine:
    """A line of which nobody is told the value before a second person has looked for themselves."""
    return replace(line, unit="", before=None if line.before is None else BLIND_YET, after=BLIND_YET)
