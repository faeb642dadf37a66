"""Looking through the trail: by person, act, date, record, outcome. Read only; verification.py verifies and exports."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS
from cellbank.domain.scans import read_scan
from cellbank.records.trail import CODES_GIVEN
from cellbank.services.clinic.identity import without_identity
from cellbank.services.installation import Installation, at_site
from cellbank.services.registry import title_of
from cellbank.services.trail.history import record_id

PAGE = 100


@dataclass(frozen=True)
class Query:
    """What is looked for; what is empty does not narrow."""

    person: str = ""
    act: str = ""
    record: str = ""
    outcome: str = ""
    reason: str = ""  # the code of a refusal
    without: tuple[str, ...] = ()  # acts that are left out
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    first: int | None = None  # the act number with which the last page ends
    before: int | None = None  # the act number below which the page begins


@dataclass(frozen=True)
class FoundAct:
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
    happened_at: datetime.datetime | None = None
    late_reason: str | None = None


# The act was about the record, it was among what was given, or the act changed it.
OF_RECORD = f"""a.id IN (
        SELECT id FROM act WHERE record_code = :record
         UNION SELECT id FROM act WHERE {CODES_GIVEN} @> jsonb_build_array(:record)
         UNION SELECT act_id FROM change WHERE record_kind = :kind AND record_id = :record_id)"""
_CONDITIONS = {
    "site": "a.site_id = :site",
    "person": "a.person_id = (SELECT id FROM person WHERE name = :person)",
    "act": "a.name = :act",
    "outcome": "a.outcome = :outcome",
    "reason": "a.outcome = 'refused' "
    "AND a.refusals @> jsonb_build_array(jsonb_build_object('code', CAST(:reason AS text)))",
    "without": "a.name <> ALL(:without)",
    "since": "a.at >= :since",
    "until": "a.at < :until",
    "first": "a.id >= :first",
    "before": "a.id < :before",
    "record": OF_RECORD,
}


def search(installation: Installation, query: Query) -> tuple[FoundAct, ...]:
    """At most 100 acts of the site that is looked at, the latest number first."""
    given = {name: value for name, value in vars(query).items() if value}
    if installation.site is not None:
        given["site"] = installation.site
    conditions = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    if query.without:
        given["without"] = list(query.without)
    statement = text(
        f"""SELECT a.id, a.name, p.full_name, a.at, a.recorded_at, a.door, a.client, a.outcome, a.record_code,
                   a.given, a.refusals, a.happened_at, a.late_reason, encode(s.digest, 'hex') AS seal
              FROM act a JOIN person p ON p.id = a.person_id LEFT JOIN seal s ON s.act_id = a.id
             WHERE {conditions} ORDER BY a.id DESC LIMIT {PAGE}"""
    )
    with installation.reads.connect() as connection:
        if query.record:
            given.update(record_of(connection, query.record))
        return tuple(_line(row) for row in connection.execute(statement, given))


def record_of(connection: Connection, code: str) -> dict[str, Any]:
    """What `OF_RECORD` needs of the record that a code means; no id where the code is of no record here."""
    scan = read_scan(code)
    if isinstance(scan, Garbled):
        return {"record": code, "kind": "", "record_id": None}
    kind = RECORDS.get(scan.kind, "")
    return {"record": scan.code, "kind": kind, "record_id": record_id(connection, kind, scan.code)}


def _line(row: Any) -> FoundAct:
    reasons = tuple(refusal["detail"] for refusal in without_identity(row.given, row.refusals))
    if row.name == "report_unreadable_scan":  # an act of another version may have been given other inputs
        reasons = tuple(why for why in (row.given.get("reason"),) if why)
    return FoundAct(
        row.id,
        row.name,
        title_of(row.name),
        row.full_name,
        row.at,
        row.recorded_at,
        row.door,
        row.client,
        row.outcome or "open",
        row.record_code,
        reasons,
        (row.seal or "")[:16],
        row.happened_at,
        row.late_reason,
    )


def people(installation: Installation) -> tuple[tuple[str, str], ...]:
    """(sign-in name, full name) of everybody who ever had an account, or who works at the site that is looked at."""
    mine = f"({at_site('p.site_id')} OR EXISTS (SELECT FROM site s WHERE s.id = :site AND s.code = ANY (p.also_at)))"
    statement = text(f"SELECT p.name, p.full_name FROM person p WHERE {mine} ORDER BY p.full_name")
    with installation.reads.connect() as connection:
        found = connection.execute(statement, {"site": installation.site})
        return tuple((row.name, row.full_name) for row in found)


@dataclass(frozen=True)
class Tally:
    """How much the trail holds."""

    acts: int
    refused_today: int
    last_at: datetime.datetime | None


def tally(installation: Installation, today: datetime.datetime) -> Tally:
    """The number of sealed acts, and of refusals since `today` began."""
    statement = text(
        f"""SELECT (SELECT sum((SELECT coalesce(max(number), 0) FROM seal WHERE site_id = x.id))::bigint FROM site x
                    WHERE {at_site("x.id")}),
                  (SELECT max(at) FROM act a WHERE {at_site("a.site_id")}),
                  (SELECT count(*) FROM act a WHERE at >= :today AND outcome = 'refused' AND {at_site("a.site_id")})"""
    )
    with installation.reads.connect() as connection:
        acts, last_at, refused = connection.execute(statement, {"today": today, "site": installation.site}).one()
    return Tally(acts, refused, last_at)
