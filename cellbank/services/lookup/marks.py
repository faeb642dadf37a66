"""What is so with a record beside its state, as far as it decides what can be done next with it (`likely.py`).

Each mark is a condition on the record's face, asked in the statement that reads the face: the scanner waits for one
answer. What the specification or the protocol decides is asked of the rules themselves, with the definition's text.
"""

import datetime
from collections.abc import Callable, Iterator

from cellbank.domain.accounts import Change
from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.lifecycle.states import DonationState, DonorState
from cellbank.domain.rules.culture import IsolationFacts, SeedingFacts, isolation_refusals, seeding_refusals
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.lookup.card_parts import Row

_TODAY = """(SELECT (now() AT TIME ZONE timezone)::date FROM site WHERE id = face.site_id)"""
_VIALS = "SELECT FROM vial WHERE dose_id = face.id AND state"
_SUPPLY = "SELECT count(*) FROM vial WHERE dose_id = face.id AND state"
_UNDER_WAY = "('THAWING', 'COUNTED', 'PREPARED', 'CHECKED_ONCE', 'CHECKED')"
_LOT_STOPPED = "('ON_HOLD', 'REJECTED', 'RECALLED')"
_FORM = "SELECT FROM dose_paper WHERE dose_id = face.id AND state = 'ENTERED'"  # of a dose, not yet confirmed
_ASKED = "EXISTS (SELECT FROM account_change WHERE person_id = face.id AND state = 'ASKED' AND change {change})"
_UNDECIDED = "EXISTS (SELECT FROM undecided_concerns({subject}))"

MARKS: dict[Kind, dict[str, str]] = {
    Kind.LOT: {
        "labels left": "EXISTS (SELECT FROM vial WHERE lot_id = face.id AND state = 'PRINTED')",
        "all filled": "NOT EXISTS (SELECT FROM vial WHERE lot_id = face.id AND state = 'PRINTED')",
        "nothing filled": "NOT EXISTS (SELECT FROM vial WHERE lot_id = face.id AND state NOT IN ('PRINTED', 'VOIDED'))",
        "no stock": "face.stock = 0",
        "no vial left": """NOT EXISTS (SELECT FROM vial WHERE lot_id = face.id
            AND state IN ('FILLED', 'FROZEN', 'IN_STOCK', 'RECEIVED', 'RESERVED'))""",
        "has a run": "EXISTS (SELECT FROM freezer_run WHERE lot_id = face.id AND state <> 'WITHDRAWN')",
        "results to review": "EXISTS (SELECT FROM test_result WHERE lot_id = face.id AND state = 'ENTERED')",
        "not reviewed": """NOT EXISTS (SELECT FROM batch_review b WHERE b.lot_id = face.id
            AND b.digest = batch_digest(b.lot_id))""",
        "deviation open": """EXISTS (SELECT FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id
            WHERE k.record_kind = 'lot' AND k.record_id = face.id AND d.state <> 'CLOSED')""",
    },
    Kind.VIAL: {
        "product": "(SELECT purpose = 'product' FROM lot WHERE lot.code = face.lot)",
        "lot not released": "face.lot_state <> 'RELEASED'",
        "lot stopped": f"face.lot_state IN {_LOT_STOPPED}",
        "lot rejected": "face.lot_state IN ('REJECTED', 'RECALLED')",
        "expired": f"face.expires_on < {_TODAY}",
        "not its day": f"(SELECT planned_on - {_TODAY} NOT IN (0, 1) FROM dose WHERE dose.code = face.dose)",
        "given and accounted for": "(SELECT state <> 'INFUSED' FROM dose WHERE dose.code = face.dose)",
        "dose has its vials": """(SELECT count(*) >= d.vials_needed + d.spares_called FROM dose d JOIN vial v
            ON v.dose_id = d.id AND v.state IN ('PICKED', 'THAWED', 'POOLED')
            WHERE d.code = face.dose GROUP BY d.id)""",
        "decision due": """EXISTS (SELECT FROM dose d CROSS JOIN LATERAL undecided_concerns(d.subject_id)
            WHERE d.code = face.dose)""",
    },
    Kind.DONATION: {
        "donor ineligible": "(SELECT state = 'INELIGIBLE' FROM donor WHERE donor.id = face.donor_id)",
    },
    Kind.CULTURE: {"used up": "face.cells_left = 0"},
    Kind.REAGENT: {
        "used up": "face.quantity_left = 0",
        "expired": f"face.use_by < {_TODAY}",
        "open": "face.opened_at IS NOT NULL",
    },
    Kind.PERSON: {
        "locked out": "face.locked_now IS NOT NULL",
        "not locked out": "face.locked_now IS NULL",
        "change asked": _ASKED.format(change=f"<> '{Change.UNLOCK}'"),
        "nothing asked": "NOT " + _ASKED.format(change=f"<> '{Change.UNLOCK}'"),
        "no unlock asked": "NOT " + _ASKED.format(change=f"= '{Change.UNLOCK}'"),
    },
    Kind.PROBE: {
        "limits asked": "face.limits_asked IS NOT NULL",
        "no limits asked": "face.limits_asked IS NULL",
    },
    Kind.DEVIATION: {
        "actions open": "EXISTS (SELECT FROM corrective_action WHERE deviation_id = face.id AND state <> 'VERIFIED')",
    },
    Kind.HOLD: {
        "donor ineligible": "(SELECT state = 'INELIGIBLE' FROM donor WHERE donor.id = face.donor_id)",
    },
    Kind.EXCURSION: {
        "goes on": "face.ended_at IS NULL",
        "no silence": "face.ended_at IS NOT NULL OR face.category <> 'silent'",
        "seen": "face.acknowledged_at IS NOT NULL",
    },
    Kind.SUBJECT: {
        "control": "NOT face.receives_product",
        "not decided": "coalesce(face.assessment ->> 'outcome', '') NOT IN ('ELIGIBLE', 'NOT_ELIGIBLE')",
        "no weight": "NOT EXISTS (SELECT FROM weight WHERE subject_id = face.id AND state = 'CONFIRMED')",
        "to be checked": """EXISTS (SELECT FROM dose WHERE subject_id = face.id
            AND state IN ('PREPARED', 'CHECKED_ONCE'))""",
        "nothing to check": """NOT EXISTS (SELECT FROM dose WHERE subject_id = face.id
            AND state IN ('PREPARED', 'CHECKED_ONCE'))""",
        "dose waits": """EXISTS (SELECT FROM dose WHERE subject_id = face.id
            AND state NOT IN ('INFUSED', 'RECONCILED', 'CANCELLED', 'DISCARDED'))""",
        "decision due": _UNDECIDED.format(subject="face.id"),
        "nothing to decide": f"""face.state NOT IN ('SCREENING', 'ENROLLED')
            OR NOT {_UNDECIDED.format(subject="face.id")}""",
    },
    Kind.DOSE: {
        "whole": "face.is_short IS FALSE",
        "short": "face.is_short AND face.short_dose_reason IS NULL",
        "short accepted": "face.is_short AND face.short_dose_reason IS NOT NULL",
        "vials are out": f"({_SUPPLY} IN ('PICKED', 'THAWED', 'POOLED')) >= face.vials_needed + face.spares_called",
        "nothing to thaw": f"NOT EXISTS ({_VIALS} = 'PICKED')",
        "more to thaw": f"EXISTS ({_VIALS} = 'PICKED')",
        "no spare": f"""face.spares_called >= face.vials_spare OR NOT EXISTS ({_VIALS} = 'RESERVED')""",
        "out of time": f"face.state IN {_UNDER_WAY} AND face.expires_at < now()",
        "day to come": f"face.planned_on > {_TODAY}",
        "day passed": f"face.planned_on < {_TODAY}",
        "too early to pick": f"face.planned_on > {_TODAY} + 1",
        "lot stopped": f"(SELECT lot.state IN {_LOT_STOPPED} FROM lot WHERE lot.code = face.lot)",
        "decision due": _UNDECIDED.format(subject="face.subject_id"),
        "given on paper": f"EXISTS ({_FORM})",
        "no form entered": f"NOT EXISTS ({_FORM})",
    },
}

# Whose definition the rules need: the column that names it.
_DEFINITIONS = {
    Kind.DONATION: "face.specification_id",
    Kind.CULTURE: "(SELECT specification_id FROM donation WHERE donation.id = face.donation_id)",
    Kind.SUBJECT: "face.protocol_id",
}


def marks_asked(kind: Kind) -> str:
    """The columns that are asked beside the face: `marks`, and the definition's text where a rule needs it."""
    conditions = MARKS.get(kind, {})
    cases = ", ".join(f"CASE WHEN {condition} THEN '{mark}' END" for mark, condition in conditions.items())
    asked = f"array_remove(ARRAY[{cases}]::text[], NULL) AS marks"
    if kind in _DEFINITIONS:
        asked += f", (SELECT content FROM definition WHERE definition.id = {_DEFINITIONS[kind]}) AS definition"
    if kind is Kind.SUBJECT:
        asked += """, (SELECT count(*) FROM dose WHERE subject_id = face.id
            AND state NOT IN ('CANCELLED', 'DISCARDED')) AS doses"""
    return asked


def marks_of(kind: Kind, row: Row) -> frozenset[str]:
    """What is so with the record that was read, by the clock of the server."""
    ruled = _RULED.get(kind)
    return frozenset(row["marks"]) | frozenset(ruled(row) if ruled else ())


def _of_donation(row: Row) -> Iterator[str]:
    facts = IsolationFacts(
        donation=printed(row["code"]),
        donation_state=DonationState.ACCEPTED,
        donor="",
        donor_state=DonorState.ELIGIBLE,
        collected_at=row["collected_at"],
        started_at=datetime.datetime.now(datetime.UTC),
        limits=read_specification(row["definition"]).donation(row["tissue"]),
    )
    if isolation_refusals(facts):
        yield "too old"


def _of_culture(row: Row) -> Iterator[str]:
    limits = read_specification(row["definition"]).culture
    if row["cumulative_doublings"] > limits.cpdl_block:
        yield "too many doublings"
    seeding = SeedingFacts("", row["passage"] + 1, row["cumulative_doublings"], 1, row["area_cm2"], limits)
    if seeding_refusals(seeding):
        yield "not expanded further"


def _of_subject(row: Row) -> Iterator[str]:
    if row["doses"] >= len(read_protocol(row["definition"]).dosing.infusions):
        yield "all doses ordered"


_RULED: dict[Kind, Callable[[Row], Iterator[str]]] = {
    Kind.DONATION: _of_donation,
    Kind.CULTURE: _of_culture,
    Kind.SUBJECT: _of_subject,
}
