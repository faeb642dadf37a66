"""Looking through the trail: by person, act, date, record, outcome. Read only; trail.py verifies and exports."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cellbank.services.acts import REGISTRY
from cellbank.services.bank import Bank

PAGE = 100


@dataclass(frozen=True)
class Query:
    """What is looked for; what is empty does not narrow."""

    person: str = ""
    act: str = ""
    record: str = ""
    outcome: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    before: int | None = None  # the act number below which the page begins


@dataclass(frozen=True)
class Line:
    """One act as the trail page shows it."""

    id: int
    name: str
    title: str
    person: str
    at: datetime.datetime
    recorded_at: datetime.datetime
    door: str
    client: str | None
    outcome: str
    record_code: str | None
    reasons: tuple[str, ...]
    seal: str


_CONDITIONS = {
    "person": "p.name = :person",
    "act": "a.name = :act",
    "outcome": "a.outcome = :outcome",
    "since": "a.at >= :since",
    "until": "a.at < :until",
    "before": "a.id < :before",
    # The record stands in the act, in what was given, or among the vials of a list.
    "record": "(a.record_code = :record OR jsonb_path_exists(a.given, '$.** ? (@ == $code)', "
    "jsonb_build_object('code', CAST(:record AS text))))",
}


def search(bank: Bank, query: Query) -> tuple[Line, ...]:
    """At most 100 acts, the latest number first."""
    given = {name: value for name, value in vars(query).items() if value}
    conditions = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    statement = text(
        f"""SELECT a.id, a.name, p.full_name, a.at, a.recorded_at, a.door, a.client, a.outcome, a.record_code,
                   a.refusals, encode(s.digest, 'hex') AS seal
              FROM act a JOIN person p ON p.id = a.person_id LEFT JOIN seal s ON s.act_id = a.id
             WHERE {conditions} ORDER BY a.id DESC LIMIT {PAGE}"""
    )
    with bank.reads.connect() as connection:
        return tuple(_line(row) for row in connection.execute(statement, given))


def _line(row: Any) -> Line:
    title = REGISTRY[row.name].title if row.name in REGISTRY else row.name.replace("_", " ")
    reasons = tuple(item["detail"] for item in row.refusals or ())
    return Line(
        row.id, row.name, title, row.full_name, row.at, row.recorded_at, row.door, row.client, row.outcome or "open",
        row.record_code, reasons, (row.seal or "")[:16],
    )  # fmt: skip


def people(bank: Bank) -> tuple[tuple[str, str], ...]:
    """(sign-in name, full name) of everybody who ever had an account, for the filter."""
    with bank.reads.connect() as connection:
        found = connection.execute(text("SELECT name, full_name FROM person ORDER BY full_name"))
        return tuple((row.name, row.full_name) for row in found)


@dataclass(frozen=True)
class Tally:
    """How much the trail holds."""

    acts: int
    refused_today: int
    last_at: datetime.datetime | None


def tally(bank: Bank, today: datetime.datetime) -> Tally:
    """The number of sealed acts, and of refusals since `today` began."""
    statement = text(
        """SELECT (SELECT coalesce(max(number), 0) FROM seal), (SELECT max(at) FROM act),
                  (SELECT count(*) FROM act WHERE at >= :today AND outcome = 'refused')"""
    )
    with bank.reads.connect() as connection:
        acts, last_at, refused = connection.execute(statement, {"today": today}).one()
    return Tally(acts, refused, last_at)
