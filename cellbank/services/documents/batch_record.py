"""The batch record of a lot: every step from the donation to the box, who did it and who checked it, and what came out.

Facts: domain reference §2, R20 (event time and entry time) and R25 (performed by, checked by, reviewed before release).
"""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import DeviationState, LotState, VialState
from cellbank.domain.quantities import millions
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.outside.label_templates import load_templates
from cellbank.services.documents.batch_freezing import freezing_blocks
from cellbank.services.documents.batch_growth import growth_blocks
from cellbank.services.documents.batch_lineage import Batch, read_batch
from cellbank.services.documents.batch_steps import Check, decision_table, step_tables
from cellbank.services.documents.lot_paper import LotHead, read_lot
from cellbank.services.documents.lot_test_table import results_of, test_tables
from cellbank.services.documents.papers import Paper, site_line
from cellbank.services.documents.signature_table import signature_table
from cellbank.services.wording.values import shown, word

TITLE = "Batch record"
NEVER_FILLED = (VialState.PRINTED, VialState.VOIDED)


def batch_record_paper(connection: Connection, code: str) -> Paper | None:
    """What the batch record of the lot with this code says now; None when there is no such lot."""
    lot = read_lot(connection, code)
    if lot is None:
        return None
    batch = read_batch(connection, lot.id)
    checks = _checks(connection, lot.id)
    blocks = [
        lot.facts(*_filling(lot)),
        *_review(checks, lot),
        *step_tables(batch, checks, lot.time),
        *growth_blocks(batch, lot.time),
        *freezing_blocks(connection, lot),
        *_reagents(connection, batch, lot),
        *_labels(connection, lot),
        *_vials(connection, lot),
        *test_tables(lot, results_of(connection, lot.id)),
        *_deviations(connection, lot),
        *decision_table(batch, lot.time),
        Heading("Signatures"),
        *(signature_table(batch.signatures, lot.time) or [Text("Nothing has been signed.")]),
    ]
    subject = f"Lot {code}, {lot.specification.short_name}, donation {printed(lot.row['donation'])}"
    return Paper(TITLE, subject, site_line(connection, lot.row["site_id"]), code, tuple(blocks), lot.stopped)


def _filling(lot: LotHead) -> tuple[tuple[str, str], ...]:
    row = lot.row
    return (
        ("Filling began", lot.time(row["fill_started_at"])),
        ("Freezing program", row["freezing_program"] or "–"),
        ("Cells in samples", millions(row["sample_cells"])),
        ("Cells lost", millions(row["lost_cells"])),
    )


# --- the review -------------------------------------------------------------------------------

_REVIEW = text(
    """SELECT b.code, b.reviewed_at, p.full_name, b.digest = batch_digest(:lot) AS is_current, b.note,
              (SELECT min(c.act_id) FROM change c WHERE c.record_kind = 'batch_review' AND c.record_id = b.id) AS act
         FROM batch_review b JOIN person p ON p.id = b.reviewed_by_id
        WHERE b.lot_id = :lot ORDER BY b.id"""
)


def _checks(connection: Connection, lot_id: int) -> tuple[Check, ...]:
    rows = connection.execute(_REVIEW, {"lot": lot_id})
    return tuple(Check(row.full_name, row.code, row.reviewed_at, row.act, row.is_current) for row in rows)


def _review(checks: tuple[Check, ...], lot: LotHead) -> list[Block]:
    """Each review of the record, and whether the last one still counts."""
    if not checks:
        return [Text("The batch record has not been reviewed.", "alarm")]
    said = [f"Reviewed by {one.person}, {lot.time(one.at)} ({one.code})." for one in checks]
    if not checks[-1].is_current:
        said[-1] += " It has changed since: the review no longer counts."
        return [*map(Text, said[:-1]), Text(said[-1], "alarm")]
    return [*map(Text, said[:-1]), Text(f"{said[-1]} It has not changed since.", "strong")]


# --- what went in -----------------------------------------------------------------------------

_REAGENTS = text(
    """SELECT r.code, r.name, r.manufacturer, r.manufacturer_lot, r.certificate, r.expires_on, r.state, r.unit,
              u.quantity, u.used_at, coalesce(c.code, l.code) AS used_for
         FROM reagent_use u JOIN reagent_lot r ON r.id = u.reagent_lot_id
         LEFT JOIN culture c ON c.id = u.culture_id LEFT JOIN lot l ON l.id = u.lot_id
        WHERE u.culture_id = ANY(:cultures) OR u.lot_id = ANY(:lots) ORDER BY r.id, u.used_at, u.id"""
)
REAGENTS = ("Reagent", "Lot of the maker", "Expires", "Used for, quantity, when")


def _reagents(connection: Connection, batch: Batch, lot: LotHead) -> list[Block]:
    """A row for each reagent lot, with everything that it went into."""
    given = {"cultures": batch.ids("culture"), "lots": batch.ids("lot")}
    uses: dict[str, list[RowMapping]] = {}
    for row in connection.execute(_REAGENTS, given).mappings():
        uses.setdefault(row["code"], []).append(row)
    if not uses:
        return [Heading("Reagents and materials"), Text("None was scanned.")]
    rows = tuple(_reagent(of_one, lot) for of_one in uses.values())
    return [Heading("Reagents and materials"), Table(REAGENTS, rows, (0.22, 0.22, 0.12, 0.44))]


def _reagent(uses: list[RowMapping], lot: LotHead) -> tuple[Cell, ...]:
    first = uses[0]
    name = (Run(first["name"], "strong"), Run(first["code"], "code"))
    stopped = (Run(word(first["state"]), "alarm"),) if first["state"] in (LotState.RECALLED, LotState.REJECTED) else ()
    certificate = (Run(f"certificate {first['certificate']}", "muted"),) if first["certificate"] else ()
    made = (Run(f"{first['manufacturer']} {first['manufacturer_lot']}"), *certificate)
    return (*name, *stopped), made, shown(first["expires_on"]), _used(uses, lot)


def _used(uses: list[RowMapping], lot: LotHead) -> tuple[Run, ...]:
    """What it went into: records that got the same at the same time stand together."""
    alike: dict[str, list[str]] = {}
    for one in uses:
        quantity = f"{shown(one['quantity'])} {one['unit']} each, " if one["quantity"] is not None else ""
        alike.setdefault(f"{quantity}{lot.time(one['used_at'])}", []).append(one["used_for"])
    return tuple(Run(f"{', '.join(records)}: {said}") for said, records in alike.items())


# --- what came out ----------------------------------------------------------------------------

_PRINTED = text(
    """SELECT template, reprint, label_count, reason, printed_at FROM printing
        WHERE record_kind = 'lot' AND record_code = :code ORDER BY template DESC, id"""
)
_VIALS = text("SELECT state, count(*) AS count FROM vial WHERE lot_id = :lot GROUP BY state ORDER BY state")
LABELS = ("Label", "Printed first", "On vials", "Voided", "Open", "Balance")


def _labels(connection: Connection, lot: LotHead) -> list[Block]:
    """Labels printed = labels on vials + labels voided + those still open; copies with their reasons."""
    printings = list(connection.execute(_PRINTED, {"code": lot.row["code"]}))
    states = _states(connection, lot)
    voided, still_open = states[VialState.VOIDED], states[VialState.PRINTED]
    applied = sum(states.values()) - voided - still_open
    titles = {name: template.title for name, template in load_templates().items()}
    first = Counter({one.template: 0 for one in printings})
    for one in printings:
        first[one.template] += one.label_count if one.reprint == 0 else 0
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            titles.get(template, template),
            str(count),
            str(applied),
            str(voided),
            str(still_open),
            _closed(count - applied - voided - still_open),
        )
        for template, count in first.items()
    )
    copies: tuple[tuple[Cell, ...], ...] = tuple(
        (
            titles.get(one.template, one.template),
            str(one.label_count),
            f"Reprint {one.reprint}: {one.reason}",
            lot.time(one.printed_at),
        )
        for one in printings
        if one.reprint
    )
    return [
        Heading("Label reconciliation"),
        Table(LABELS, rows, (0.3, 0.14, 0.14, 0.14, 0.14, 0.14)) if rows else Text("No label was printed."),
        *([Table(("Copies", "Labels", "Why", "When"), copies, (0.25, 0.1, 0.45, 0.2))] if copies else []),
        *([] if copies else [Text("No label was printed again.")]),
    ]


def _closed(difference: int) -> Run:
    return Run("closed") if difference == 0 else Run(f"{difference:+d} not accounted for", "alarm")


def _states(connection: Connection, lot: LotHead) -> Counter[str]:
    return Counter({row.state: row.count for row in connection.execute(_VIALS, {"lot": lot.id})})


def _vials(connection: Connection, lot: LotHead) -> list[Block]:
    """Every vial that was numbered is somewhere; and the cells that went into vials are those that were taken."""
    states, row = _states(connection, lot), lot.row
    difference = row["planned_vial_count"] - sum(states.values())
    filled = sum(count for state, count in states.items() if state not in NEVER_FILLED)
    taken = int(connection.scalar(_TAKEN, {"lot": lot.id}) or 0)
    spent = filled * row["cells_per_vial"] + row["sample_cells"] + row["lost_cells"]
    balance = f"{millions(taken)} taken; {filled} vials of {millions(row['cells_per_vial'])}"
    pairs: tuple[tuple[str, Any], ...] = (
        ("Numbered", str(row["planned_vial_count"])),
        *((word(state).capitalize(), str(count)) for state, count in sorted(states.items())),
        ("Balance", _closed(difference)),
        ("Cells", balance),
        ("Cell balance", "closed" if taken == spent else Run(f"{millions(taken - spent)} not accounted for", "alarm")),
    )
    return [Heading("Vial balance"), Facts(pairs)]


_TAKEN = text("SELECT sum(cells_used) FROM lot_source WHERE lot_id = :lot")
_DEVIATIONS = text(
    """WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(:lot))
       SELECT d.code, d.title, d.classification, d.state, d.occurred_at, d.root_cause, d.decision, d.closed_at,
              (SELECT string_agg(a.code || ' ' || lower(a.state), ', ' ORDER BY a.id) FROM corrective_action a
                WHERE a.deviation_id = d.id) AS actions,
              (SELECT string_agg(replace(k.record_kind, '_', ' ') || ' ' || k.record_code, ', ' ORDER BY k.id)
                 FROM deviation_link k WHERE k.deviation_id = d.id) AS links
         FROM deviation d
        WHERE EXISTS (SELECT FROM deviation_link k WHERE k.deviation_id = d.id AND (
                EXISTS (SELECT FROM up WHERE up.record_kind = k.record_kind AND up.record_id = k.record_id)
                OR (k.record_kind = 'storage_unit' AND lot_stood_in(:lot, k.record_id, d.occurred_at))))
        ORDER BY d.id"""
)
DEVIATIONS = ("Deviation", "What", "Cause and decision", "Touches", "State")


def _deviations(connection: Connection, lot: LotHead) -> list[Block]:
    """Every deviation that touches the lot, open and closed."""
    rows = tuple(_deviation(row, lot) for row in connection.execute(_DEVIATIONS, {"lot": lot.id}).mappings())
    if not rows:
        return [Heading("Deviations"), Text("None.")]
    return [Heading("Deviations"), Table(DEVIATIONS, rows, (0.14, 0.24, 0.28, 0.18, 0.16))]


def _deviation(row: RowMapping, lot: LotHead) -> tuple[Cell, ...]:
    is_open = row["state"] != DeviationState.CLOSED
    closed = (Run(f"closed {lot.time(row['closed_at'])}", "muted"),) if row["closed_at"] else ()
    actions = (Run(f"actions: {row['actions']}", "muted"),) if row["actions"] else ()
    decided = tuple(Run(text) for text in (row["root_cause"], row["decision"]) if text) or (Run("–"),)
    return (
        (Run(row["code"], "code"), Run(row["classification"], "strong")),
        (Run(row["title"]), Run(lot.time(row["occurred_at"]), "muted")),
        (*decided, *actions),
        row["links"] or "–",
        (Run(word(row["state"]), "alarm" if is_open else "plain"), *closed),
    )
