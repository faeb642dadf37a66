"""The chain of identity and custody of one dose: every act, person, time and signature, from the donor to the end.

Read from the records and their trail as of one moment; `chain_document` (chain_document.py) puts it on paper.
"""

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for, rows_for
from cellbank.domain.scans import read_scan
from cellbank.services.acts import REGISTRY
from cellbank.services.clinic.identity import without_identity
from cellbank.services.clinic.reactions import REACTIONS
from cellbank.services.clinic.steps import StepDone, dose_steps
from cellbank.services.documents import chain_custody
from cellbank.services.documents.chain_custody import Stay
from cellbank.services.documents.papers import snapshot
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.installation import Installation
from cellbank.services.lookup.tracing import Trace, trace_record
from cellbank.services.trail.near_misses import NOT_OF_THE_DOSE
from cellbank.services.trail.signatures import Signed, signatures_of

Ids = Mapping[str, list[int]]

# An act belongs to the first of these kinds that it can move: an order to the dose, a filling to the lot.
HOMES = (
    "consent", "donor", "hold", "dose", "weight", "subject", "donation", "lot", "culture", "shipment", "vial",
    "printing",
)  # fmt: skip
BEDSIDE = frozenset({"check_dose", "start_infusion", "stop_infusion", "record_reaction", "reconcile_infusion"})
ORDERING = frozenset({"order_dose", "plan_dose_anew", "cancel_dose"})


@dataclass(frozen=True)
class Change:
    """What an act did to one record of the chain; `before` is None when the act made it."""

    kind: str
    record: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One act: `at` is when it was entered, `happened_at` when it happened; of one that was refused the `refusals`
    are the reasons."""

    act: int
    name: str
    title: str
    stage: str
    at: datetime.datetime
    person: str
    roles: tuple[str, ...]
    given: Mapping[str, Any]
    changes: tuple[Change, ...]
    signatures: tuple[Signed, ...]
    result: Mapping[str, Any]
    refusals: tuple[str, ...] = ()
    happened_at: datetime.datetime | None = None
    late_reason: str | None = None


@dataclass(frozen=True)
class Seal:
    """The link of the chain's last act in the trail of the site."""

    act: int
    number: int
    digest: str


@dataclass(frozen=True)
class Chain:
    """All that is known of one dose."""

    dose: Mapping[str, Any]
    trace: Trace
    entries: tuple[Entry, ...]
    refused: tuple[Entry, ...]
    stays: tuple[Stay, ...]
    signatures: tuple[Signed, ...]
    printings: tuple[Mapping[str, Any], ...]
    seal: Seal
    steps: tuple[StepDone, ...] = ()

    def of_stage(self, *stages: str) -> tuple[Entry, ...]:
        """The acts of these stages, in their order."""
        return tuple(entry for entry in self.entries if entry.stage in stages)


def read_chain(installation: Installation, raw: str) -> Chain:
    """The chain of the dose whose code was scanned. Raises Unreadable; NotHere also for a code of something else."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    if scan.kind is not Kind.DOSE:
        raise NotHere("dose", scan.code)
    with snapshot(installation.engine) as connection:
        found = chain_of(connection, scan.code)
    if found is None:
        raise NotHere("dose", scan.code)
    return found


def chain_of(connection: Connection, code: str) -> Chain | None:
    """The chain of the dose with this code, from a snapshot of the database; None when there is no such dose."""
    dose = connection.execute(_DOSE, {"code": code}).mappings().one_or_none()
    return None if dose is None else _read(connection, dict(dose))


_DOSE = text(
    f"""SELECT d.*, {REACTIONS}, s.code AS subject, s.trial_number, s.sex, s.arm,
              p.code AS protocol, p.title AS trial, l.code AS lot, l.state AS lot_state, l.cells_per_vial,
              l.expires_on AS lot_expires_on, w.weight_kg, site.timezone
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN definition p ON p.id = s.protocol_id
         JOIN lot l ON l.id = d.lot_id JOIN site ON site.id = s.site_id LEFT JOIN weight w ON w.id = d.weight_id
        WHERE d.code = :code"""
)


def _read(connection: Connection, dose: dict[str, Any]) -> Chain:
    trace = trace_record(connection, "dose", dose["id"], without=("reagent_lot",))  # others' cells used them too
    names = _records(connection, dose, trace)
    given_back = {vial: act for vial, act in connection.execute(_GIVEN_BACK, {"dose": dose["id"]})}
    ids: dict[str, list[int]] = {}
    for kind, record in names:
        ids.setdefault(kind, []).append(record)
    signatures = signatures_of(connection, names)
    entries = entries_of(connection, names, signatures, dose=dose["code"], given_back=given_back)
    printings = [dict(row) for row in connection.execute(_PRINTINGS, {"ids": ids.get("printing", [])}).mappings()]
    stays = chain_custody.stays(connection, ids.get("vial", []), given_back)
    refused = _refused(connection, dose["code"], dose["ordered_at"])
    last = max(entry.act for entry in entries)
    seal = Seal(last, *connection.execute(_SEAL, {"act": last}).one())
    steps = dose_steps(connection, dose["id"])
    return Chain(dose, trace, entries, refused, stays, signatures, tuple(printings), seal, steps)


_PRINTINGS = text(
    """SELECT p.id, p.template, p.record_code, p.label_count, p.reprint, p.reason, c.act_id AS act FROM printing p
       JOIN change c ON c.record_kind = 'printing' AND c.record_id = p.id AND c.before IS NULL
       WHERE p.id = ANY(:ids) ORDER BY p.id"""
)
_SEAL = text("SELECT number, encode(digest, 'hex') FROM seal WHERE act_id = :act")

# --- which records ----------------------------------------------------------------------------

# Vials that were kept for the dose and given back are of its chain too: the act that ordered it has them.
_VIALS_EVER = text(
    """SELECT DISTINCT v.record_id FROM change d JOIN change v ON v.act_id = d.act_id AND v.record_kind = 'vial'
        WHERE d.record_kind = 'dose' AND d.record_id = :dose AND v.after ->> 'dose_id' = CAST(:dose AS text)"""
)
# A vial that was given back lives on without this dose: (vial, act that gave it back).
_GIVEN_BACK = text(
    """SELECT v.id, max(c.act_id) FROM change d JOIN change c ON c.act_id = d.act_id AND c.record_kind = 'vial'
         JOIN vial v ON v.id = c.record_id
        WHERE d.record_kind = 'dose' AND d.record_id = :dose AND v.dose_id IS DISTINCT FROM :dose
          AND c.before ->> 'dose_id' = CAST(:dose AS text) GROUP BY v.id"""
)
_BESIDE = text(
    """SELECT 'consent', c.id, c.code FROM consent c WHERE c.donor_id = ANY(:donors)
        UNION ALL SELECT 'hold', h.id, h.code FROM hold h WHERE h.donor_id = ANY(:donors) OR h.lot_id = ANY(:lots)
        UNION ALL SELECT 'weight', w.id, w.code FROM weight w WHERE w.id = :weight
        UNION ALL SELECT 'reaction', r.id, d.code FROM reaction r JOIN dose d ON d.id = r.dose_id WHERE d.id = :dose
        UNION ALL SELECT 'treatment_decision', t.id, t.code FROM treatment_decision t
          JOIN dose d ON d.subject_id = t.subject_id AND t.decided_at <= coalesce(d.infusion_started_at, 'infinity')
         WHERE d.id = :dose
        UNION ALL SELECT 'correction', k.id, coalesce(d.code, v.code, l.code) FROM correction k
          LEFT JOIN dose d ON d.id = k.dose_id LEFT JOIN vial v ON v.id = k.vial_id LEFT JOIN lot l ON l.id = k.lot_id
         WHERE k.dose_id = :dose OR k.vial_id = ANY(:vials) OR k.lot_id = ANY(:lots)
        UNION ALL SELECT 'printing', p.id, p.record_code FROM printing p WHERE p.record_code = ANY(:codes)
        UNION ALL SELECT 'shipment', s.id, s.code FROM shipment s
          WHERE EXISTS (SELECT FROM packed_vial p WHERE p.shipment_id = s.id AND p.vial_id = ANY(:vials)
                           AND p.packed_at <= :ordered_at)"""  # what was given back may travel later, without the dose
)


def _records(connection: Connection, dose: Mapping[str, Any], trace: Trace) -> dict[tuple[str, int], str]:
    """The code of each record of the chain by (kind, id): the dose's line, and what hangs on it."""
    nodes = (*trace.up, trace.start, *trace.down)
    names: dict[tuple[str, int], str] = {}
    for kind in dict.fromkeys(node.kind for node in nodes):
        codes = [node.code for node in nodes if node.kind == kind]
        for record, code in connection.execute(text(f"SELECT id, code FROM {kind} WHERE code = ANY(:c)"), {"c": codes}):
            names[kind, record] = code
    kept = list(connection.scalars(_VIALS_EVER, {"dose": dose["id"]}))
    for record, code in connection.execute(text("SELECT id, code FROM vial WHERE id = ANY(:ids)"), {"ids": kept}):
        names["vial", record] = code
    given = {
        "donors": [record for kind, record in names if kind == "donor"],
        "lots": [record for kind, record in names if kind == "lot"],
        "vials": [record for kind, record in names if kind == "vial"],
        "weight": dose["weight_id"],
        "dose": dose["id"],
        "ordered_at": dose["ordered_at"],
        "codes": list(names.values()),
    }
    return names | {(kind, record): code for kind, record, code in connection.execute(_BESIDE, given)}


# --- acts -------------------------------------------------------------------------------------

_ACTS = text(
    """SELECT a.id, a.name, a.at, a.given::text AS given, a.result::text AS result, a.refusals, a.person_id,
              p.full_name, a.happened_at, a.late_reason, changes.made
         FROM (SELECT c.act_id,
                      jsonb_agg(jsonb_build_array(c.record_kind, c.record_id, c.before, c.after) ORDER BY c.id)::text
                        AS made
                 FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS r(kind, id)
                 JOIN change c ON c.record_kind = r.kind AND c.record_id = r.id GROUP BY c.act_id) AS changes
         JOIN act a ON a.id = changes.act_id JOIN person p ON p.id = a.person_id
        ORDER BY coalesce(a.happened_at, a.at), a.id"""
)
_ROLES = text(
    """SELECT record_id, act_id, after -> 'roles' FROM change
        WHERE record_kind = 'person' AND record_id = ANY(:people) AND jsonb_exists(after, 'roles') ORDER BY id"""
)
_REFUSED = text(
    """SELECT a.id, a.name, a.at, a.given::text AS given, a.result::text AS result, a.refusals, a.person_id,
              p.full_name, a.happened_at, a.late_reason
         FROM act a JOIN person p ON p.id = a.person_id
        WHERE a.name = ANY(:names) AND a.at >= :since AND a.outcome = 'refused'
          AND (a.given ->> 'dose' = :dose OR position(:dose IN replace(a.given ->> 'dose_label', ' ', '')) > 0)
        ORDER BY a.at, a.id"""
)


def entries_of(
    connection: Connection,
    names: Mapping[tuple[str, int], str],
    signatures: tuple[Signed, ...],
    *,
    dose: str = "",
    given_back: Mapping[int, int] | None = None,
) -> tuple[Entry, ...]:
    """The acts on these records, given as (kind, id) with their codes, in the order of the work.

    For the chain of a dose: a vial in `given_back` is of it only up to that act.
    """
    kinds, ids = zip(*names, strict=True)
    rows = connection.execute(_ACTS, {"kinds": list(kinds), "ids": list(ids)}).all()
    roles = _Roles(connection, {row.person_id for row in rows})
    found = ((row, _changes(row, names, given_back or {})) for row in rows)
    return tuple(_entry(row, dose, roles, changes, signatures) for row, changes in found if changes)


def _refused(connection: Connection, dose: str, since: datetime.datetime) -> tuple[Entry, ...]:
    """What was refused for this dose since its order: near misses belong to its chain. A password that was missing or
    wrong says nothing about a dose."""
    names = sorted(name for name in REGISTRY if rows_for(name, "dose"))
    rows = connection.execute(_REFUSED, {"names": names, "since": since, "dose": dose}).all()
    roles = _Roles(connection, {row.person_id for row in rows})
    found = (_entry(row, dose, roles, (), (), of_the_dose=True) for row in rows)
    return tuple(entry for entry in found if entry.refusals)


class _Roles:
    """What each person was when an act was done, from the trail of the accounts."""

    def __init__(self, connection: Connection, people: set[int]):
        self._given = connection.execute(_ROLES, {"people": list(people)}).all()

    def of(self, person: int, act: int, name: str) -> tuple[str, ...]:
        """The roles by which the act was this person's to do; all of them where that is none."""
        given = (roles for who, since, roles in reversed(self._given) if who == person and since <= act)
        held: Sequence[str] = next(given, ())
        used = {role.value for role in roles_for(name)} & set(held)
        return tuple(role.value for role in Role if role.value in (used or held))


def _entry(
    row: Row[Any],
    dose: str,
    roles: _Roles,
    changes: tuple[Change, ...],
    signatures: tuple[Signed, ...],
    *,
    of_the_dose: bool = False,
) -> Entry:
    given = _exact(row.given) or {}
    return Entry(
        act=row.id,
        name=row.name,
        title=REGISTRY[row.name].title if row.name in REGISTRY else row.name.replace("_", " "),
        stage=stage_of(
            row.name, {change.kind for change in changes}, of_the_dose=of_the_dose or given.get("dose") == dose
        ),
        at=row.at,
        person=row.full_name,
        roles=roles.of(row.person_id, row.id, row.name),
        given=given,
        changes=changes,
        signatures=tuple(one for one in signatures if one.act == row.id),
        result=_exact(row.result) or {},
        refusals=tuple(
            item["detail"] for item in without_identity(given, row.refusals) if item["code"] not in NOT_OF_THE_DOSE
        ),
        happened_at=row.happened_at or _as_it_was_given(row.name, given),
        late_reason=row.late_reason,
    )


def _as_it_was_given(name: str, given: Mapping[str, Any]) -> datetime.datetime | None:
    """When an act happened that was done before all acts kept that in one place; None where nothing was said."""
    told = given.get(getattr(REGISTRY[name].input, "EARLIER_NAME", "")) if name in REGISTRY else None
    return datetime.datetime.fromisoformat(told) if isinstance(told, str) else None


def _changes(row: Row[Any], names: Mapping[tuple[str, int], str], given_back: Mapping[int, int]) -> tuple[Change, ...]:
    return tuple(
        Change(kind, names[kind, record], before, after)
        for kind, record, before, after in _exact(row.made)
        if kind != "vial" or row.id <= given_back.get(record, row.id)
    )


def _exact(stored: str | None) -> Any:
    """Stored JSON with its fractions as they were written."""
    return None if stored is None else json.loads(stored, parse_float=Decimal)


def stage_of(name: str, changed: Collection[str], *, of_the_dose: bool) -> str:
    """The part of the document in which an act stands: the first record that it moved; a dose has three parts.

    A vial picked for the dose is of the dose; one that another dose had before is a matter of the vial.
    """
    home = "dose" if of_the_dose else next((kind for kind in HOMES if kind in changed and rows_for(name, kind)), "vial")
    if home != "dose":
        return home
    return "bedside" if name in BEDSIDE else "order" if name in ORDERING else "preparation"
