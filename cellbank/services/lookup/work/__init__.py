"""The work that waits for each role: what the home page shows. Read only, one statement for each list. A list of work
is an entry in the file of its role here."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.phrase import Phrase, in_english, phrases
from cellbank.services.installation import Installation, at_site
from cellbank.services.lookup.work import administrator, clinician, quality, technician
from cellbank.services.lookup.work.line import Line

__all__ = ["LINES", "Item", "Line", "Worklist", "lots_in_quarantine", "treated_subjects", "worklists"]

SHOWN = 8  # rows of a list on the home page; its count tells of the rest

#: by role, in the order in which a day is worked
LINES: dict[Role, tuple[Line, ...]] = {
    Role.TECHNICIAN: technician.LINES,
    Role.QUALITY_OFFICER: quality.LINES,
    Role.CLINICIAN: clinician.LINES,
    Role.ADMINISTRATOR: administrator.LINES,
}


@dataclass(frozen=True)
class Item:
    """One thing that waits: what it is, how it stands, what is to be known now; `act` and `field` open the next act."""

    code: str
    called: tuple[Phrase, ...]
    state: str
    so: tuple[Phrase, ...]
    act: str | None = None
    field: str | None = None
    due: datetime.datetime | None = None

    @property
    def title(self) -> str:
        """What it is called, in the language of the code."""
        return in_english(self.called)

    @property
    def detail(self) -> str:
        """What is so with it, in the language of the code."""
        return in_english(self.so)


@dataclass(frozen=True)
class Worklist:
    """One list of a home page; `total` counts also what is not shown."""

    name: str
    title: str
    empty: str
    items: tuple[Item, ...]
    total: int
    first: bool
    opens: str


def worklists(installation: Installation, roles: frozenset[Role], now: datetime.datetime) -> tuple[Worklist, ...]:
    """The lists of these roles at the site that is looked at, in the order in which a day is worked."""
    mine = {line.name: line for role, lines in LINES.items() if role in roles for line in lines}  # each once
    with installation.reads.connect() as connection:
        return tuple(_read(connection, line, now, installation) for line in mine.values())


def _read(connection: Connection, line: Line, now: datetime.datetime, installation: Installation) -> Worklist:
    site = installation.site
    # The site stands in the statement, whose plan is then made once and kept.
    here = "" if site is None else f"WHERE site_id = {site:d}"
    statement = f"SELECT *, count(*) OVER () AS total FROM ({line.read}) AS found {here} LIMIT {SHOWN}"
    rows = connection.execute(text(statement), {"now": now, "site": site}).mappings().all()
    items = tuple(_item(dict(row), line, installation.zone) for row in rows)
    total = rows[0]["total"] if rows else 0
    return Worklist(line.name, line.title, line.empty, items, total, line.first, line.opens)


def _item(row: dict[str, Any], line: Line, zone: datetime.tzinfo) -> Item:
    called, so = phrases((line.called,), row, zone), phrases(line.so, row, zone)
    return Item(row["code"], called, row["state"], so, row.get("act", line.act), line.field, row.get("due"))


def lots_in_quarantine(installation: Installation) -> tuple[str, ...]:
    """The codes of the lots that wait for a release, the oldest first."""
    mine = at_site("site_id")
    statement = text(f"SELECT code FROM lot WHERE state = 'QUARANTINE' AND {mine} ORDER BY frozen_at, id")
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(statement, {"site": installation.site}))


def treated_subjects(installation: Installation) -> tuple[str, ...]:
    """The codes of the enrolled subjects whose arm receives the product, in the order of their numbers."""
    mine = at_site("site_id")
    statement = text(
        f"SELECT code FROM subject WHERE state = 'ENROLLED' AND receives_product AND {mine} ORDER BY trial_number"
    )
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(statement, {"site": installation.site}))
