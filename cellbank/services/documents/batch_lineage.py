"""What the batch record of a lot covers: the lot and its vials, and every record above it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.lifecycle.quality import HOLDING
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for, rows_for
from cellbank.services.documents.chain import Entry, entries_of
from cellbank.services.trail.signatures import Signed, signatures_of

# What is done to vials after the lot is made is their own story.
PUT_RIGHT = "correct_fact"
STOPS = frozenset(HOLDING) | {"withdraw_consent", "determine_eligibility"}


@dataclass(frozen=True)
class Batch:
    """All that was done for one lot: `steps` make it, `decisions` are about it. `names`: the code of each record by
    (kind, id); `numbers`: that of each vial in its lot."""

    names: Mapping[tuple[str, int], str]
    numbers: Mapping[str, int]
    steps: tuple[Entry, ...]
    decisions: tuple[Entry, ...]
    signatures: tuple[Signed, ...]
    cultures: tuple[Mapping[str, Any], ...]
    taken: Mapping[str, int]

    def ids(self, kind: str) -> list[int]:
        """The ids of its records of one kind."""
        return [record for of, record in self.names if of == kind]


_LINEAGE = text(
    """WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(:lot))
       SELECT 'donation' AS kind, d.id, d.code, 0 AS number FROM up JOIN donation d ON up.record_id = d.id
        WHERE up.record_kind = 'donation'
       UNION ALL SELECT 'culture', c.id, c.code, 0 FROM up JOIN culture c ON up.record_id = c.id
        WHERE up.record_kind = 'culture'
       UNION ALL SELECT 'lot', l.id, l.code, 0 FROM up JOIN lot l ON up.record_id = l.id WHERE up.record_kind = 'lot'
       UNION ALL SELECT 'vial', v.id, v.code, v.number FROM vial v
        WHERE v.lot_id = :lot OR v.id IN (SELECT record_id FROM up WHERE record_kind = 'vial')
       UNION ALL SELECT 'batch_review', b.id, b.code, 0 FROM batch_review b WHERE b.lot_id = :lot
       UNION ALL SELECT 'correction', k.id, up.code, 0 FROM (
           SELECT u.record_kind, u.record_id, coalesce(c.code, l.code) AS code FROM up u
             LEFT JOIN culture c ON u.record_kind = 'culture' AND c.id = u.record_id
             LEFT JOIN lot l ON u.record_kind = 'lot' AND l.id = u.record_id) AS up
         JOIN correction k ON (up.record_kind = 'culture' AND k.culture_id = up.record_id)
                           OR (up.record_kind = 'lot' AND k.lot_id = up.record_id)"""
)
_CULTURES = text(
    """SELECT c.*, p.code AS parent, v.code AS source_vial, n.code AS donation,
              (SELECT coalesce(sum(s.cells_used), 0) FROM lot_source s WHERE s.culture_id = c.id) AS into_lots
         FROM culture c JOIN donation n ON n.id = c.donation_id LEFT JOIN culture p ON p.id = c.parent_id
         LEFT JOIN vial v ON v.id = c.source_vial_id WHERE c.id = ANY(:ids) ORDER BY c.started_at, c.id"""
)


def read_batch(connection: Connection, lot_id: int) -> Batch:
    """The batch of a lot, from a snapshot of the database."""
    found = connection.execute(_LINEAGE, {"lot": lot_id}).all()
    names = {(row.kind, int(row.id)): row.code for row in found}
    numbers = {row.code: row.number for row in found if row.kind == "vial"}
    signatures = signatures_of(connection, names)
    entries = [entry for entry in entries_of(connection, names, signatures) if not _is_of_a_dose(entry)]
    cultures = connection.execute(_CULTURES, {"ids": [record for kind, record in names if kind == "culture"]})
    return Batch(
        names,
        numbers,
        tuple(entry for entry in entries if not is_decision(entry)),
        tuple(entry for entry in entries if is_decision(entry)),
        signatures,
        tuple(dict(row) for row in cultures.mappings()),
        _taken(entries),
    )


def _is_of_a_dose(entry: Entry) -> bool:
    """Whether a step is of a dose, and not of what made the lot. Values of both are put right by one act."""
    if entry.name == PUT_RIGHT:
        return not any(change.kind == "correction" for change in entry.changes)
    return bool(rows_for(entry.name, "dose"))


def is_decision(entry: Entry) -> bool:
    """Whether an act decided about the lot, or about what it came from, and made nothing."""
    return entry.name in STOPS - {PUT_RIGHT} or Role.TECHNICIAN not in roles_for(entry.name)


def _taken(entries: list[Entry]) -> dict[str, int]:
    """The cells that passages took from each culture, as they were counted when it was done, or put right."""
    taken: dict[str, int] = {}
    for entry in entries:
        if entry.name == "passage_culture":
            culture = str(entry.given["culture"])
            taken[culture] = taken.get(culture, 0) + int(Decimal(str(entry.result["cells_taken"])))
        if entry.name == PUT_RIGHT and entry.given["what"] == "cells_seeded":
            for one in entry.result["follows"]:
                if one["column"] in ("cells_left", "cells_lost"):
                    less = int(one["after"] or 0) - int(one["before"] or 0)
                    taken[one["record"]] = taken.get(one["record"], 0) - less
    return taken
