"""What a signature of an act covers: which records, and which of their columns the act itself writes.

The transition table says which kinds of record an act signs, `SIGNED` of a record which columns. Here stands only what
these two do not know. A test walks the table, so that a new signed act cannot be forgotten.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.accounts import Change
from cellbank.domain.identifiers import RECORDS
from cellbank.domain.lifecycle.table import rows_for
from cellbank.domain.scans import Scan, read_scan
from cellbank.records.clinic import Dose
from cellbank.records.corrections import Correction
from cellbank.services.acts import REGISTRY
from cellbank.services.parsing import schema_of
from cellbank.services.temperature.probes import LIMITS

# What a paper form says of a dose: all that its order does not.
_FROM_THE_FORM = frozenset(Dose.signed_by("confirm_dose_from_paper")) - set(Dose.signed_by("enter_dose_from_paper"))
# The signed columns that the act writes: their content is what the form says, or who signs and when.
WRITTEN: Mapping[tuple[str, str], frozenset[str]] = {
    ("determine_eligibility", "donor"): frozenset({"eligibility_reason"}),
    ("decide_donation", "donation"): frozenset({"decision_reason"}),
    ("decide_reagent", "reagent_lot"): frozenset({"certificate", "decision_reason"}),
    ("recall_reagent", "reagent_lot"): frozenset({"decision_reason"}),
    ("receive_shipment", "shipment"): frozenset({"received_at", "seals_found"}),
    ("accept_shipment", "shipment"): frozenset({"decision_reason"}),
    ("reject_shipment", "shipment"): frozenset({"decision_reason"}),
    ("change_probe_limits", "probe"): frozenset(LIMITS),
    ("end_silence", "excursion"): frozenset({"ended_at", "end_reason"}),
    ("decide_excursion", "excursion"): frozenset({"decision_reason", "decided_by_id"}),
    ("lift_hold", "hold"): frozenset({"lift_reason"}),
    ("close_deviation", "deviation"): frozenset({"decision"}),
    ("lower_deviation", "deviation"): frozenset({"classification"}),
    ("verify_action", "corrective_action"): frozenset({"verification"}),
    ("reject_lot", "lot"): frozenset({"decision_reason"}),
    ("recall_lot", "lot"): frozenset({"decision_reason"}),
    ("plan_dose_anew", "dose"): frozenset({"planned_on", "planned_anew_because"}),
    ("accept_short_dose", "dose"): frozenset({"short_dose_reason"}),
    ("confirm_dose_from_paper", "dose"): _FROM_THE_FORM,
    ("sign_eligibility", "subject"): frozenset({"answers"}),  # the investigator's decisions are added to them
}  # fmt: skip

# The signed columns that no form says: what they will hold stands above, beside the record.
ABOVE: Mapping[tuple[str, str], frozenset[str]] = {
    ("continue_treatment", "treatment_decision"): frozenset({"covers"}),
    ("change_probe_limits", "probe"): frozenset(LIMITS),
    ("correct_fact", "correction"): frozenset(Correction.SIGNED),
    ("request_conditional_release", "conditional_release"): frozenset({"pending"}),
    ("review_batch_record", "batch_review"): frozenset({"digest"}),
}

# Records that an act signs besides those that its form names, as ids; `:named` are the ids that it does name.
REACHED: Mapping[tuple[str, str], str] = {
    ("lift_hold", "lot"): """
        SELECT DISTINCT l.id FROM hold h
          CROSS JOIN LATERAL lots_reached(
            CASE WHEN h.donor_id IS NOT NULL THEN 'donor' WHEN h.lot_id IS NOT NULL THEN 'lot'
                 WHEN h.reagent_lot_id IS NOT NULL THEN 'reagent_lot' ELSE 'storage_unit' END,
            coalesce(h.donor_id, h.lot_id, h.reagent_lot_id, h.storage_unit_id), h.placed_at) AS reached(lot_id)
          JOIN lot l ON l.id = reached.lot_id
         WHERE h.id = ANY(:hold) AND l.state = 'ON_HOLD'
           AND NOT EXISTS (SELECT FROM lot_holds(l.id) AS other(id) WHERE other.id <> h.id)""",
    ("confirm_account_change", "account_change"): f"""
        SELECT c.id FROM account_change c WHERE c.person_id = ANY(:person) AND c.state = 'ASKED'
           AND c.change <> '{Change.UNLOCK}'""",
    ("confirm_unlock", "account_change"): f"""
        SELECT c.id FROM account_change c WHERE c.person_id = ANY(:person) AND c.state = 'ASKED'
           AND c.change = '{Change.UNLOCK}'""",
    ("confirm_dose_from_paper", "dose_paper"): """
        SELECT p.id FROM dose_paper p WHERE p.dose_id = ANY(:dose) AND p.state = 'ENTERED'""",
    ("take_back_paper_form", "dose_paper"): """
        SELECT p.id FROM dose_paper p WHERE p.dose_id = ANY(:dose) AND p.state = 'ENTERED'""",
    ("make_effective", "definition"): """
        SELECT o.id FROM definition d JOIN definition o ON o.type = d.type AND o.identifier = d.identifier
         WHERE d.id = ANY(:definition) AND o.state = 'EFFECTIVE' AND o.id <> d.id""",
}
BY_CODE = {("make_effective", "definition"): "definition"}  # fields that name a record by a code that is not scanned


@dataclass(frozen=True)
class Covered:
    """The records of one kind that an act signs. `written` are the columns that it writes itself; no ids where it
    makes the record, of which `above` are those columns that stand on the page already."""

    act: str
    kind: str
    ids: tuple[int, ...]
    written: frozenset[str]
    is_made: bool
    above: frozenset[str] = frozenset()


def covered(connection: Connection, act: str, named: Mapping[str, list[int]]) -> Iterator[Covered]:
    """What a signature of this act on a form that names these records would cover, in the order of the table."""
    for kind in dict.fromkeys(row.record for row in rows_for(act) if row.meaning):
        rows = [row for row in rows_for(act, kind) if row.meaning]
        made = all(row.source is None for row in rows)
        ids = [] if made else [*named.get(kind, ()), *_reached(connection, act, kind, named)]
        none: frozenset[str] = frozenset()
        written, above = WRITTEN.get((act, kind), none), ABOVE.get((act, kind), none)
        yield Covered(act, kind, tuple(dict.fromkeys(ids)), written, made, above)


def _reached(connection: Connection, act: str, kind: str, named: Mapping[str, list[int]]) -> list[int]:
    statement = text(REACHED.get((act, kind), ""))
    if not statement.text:
        return []
    given = {name: named.get(name, []) for name in statement.compile().params}
    return sorted(connection.scalars(statement, given))


def named_records(connection: Connection, act: str, given: Mapping[str, Any]) -> dict[str, list[int]]:
    """The ids of the records that a form of this act names, by kind. What is no code, or is not here, is left out: the
    act itself says so."""
    codes: dict[str, list[str]] = {}
    for field in scan_fields(act):
        held = given.get(field)
        for raw in held if isinstance(held, list) else [held]:
            scan = read_scan(raw) if isinstance(raw, str) else None
            if isinstance(scan, Scan) and scan.kind in RECORDS:
                codes.setdefault(RECORDS[scan.kind], []).append(scan.code)
    for (of_act, field), kind in BY_CODE.items():
        if of_act == act and isinstance(given.get(field), str) and given[field].isprintable():
            codes[kind] = [given[field]]
    return {kind: _ids(connection, kind, found) for kind, found in codes.items()}


def _ids(connection: Connection, kind: str, codes: list[str]) -> list[int]:
    """In the order in which they were scanned."""
    found = text(
        f"SELECT r.id FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS c(code, place) "
        f"JOIN {kind} r USING (code) ORDER BY c.place"
    )
    return list(dict.fromkeys(connection.scalars(found, {"codes": codes})))


@cache
def scan_fields(act: str) -> tuple[str, ...]:
    """The inputs of an act into which codes are scanned."""
    fields = schema_of(REGISTRY[act].input)["properties"].items()
    return tuple(name for name, field in fields if _is_scanned(field))


def _is_scanned(field: Mapping[str, Any]) -> bool:
    inside = [field.get("items", {}), *field.get("anyOf", ())]
    return "scan" in field or any(_is_scanned(one) for one in inside if one)
