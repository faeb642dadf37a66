"""The custody form of a shipment: shipper, logger and seals, who had it in hand from when to when, and how it arrived.
It travels with the shipper: carriers without a screen write their lines by hand."""

from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.services.documents.papers import Paper, site_line
from cellbank.services.documents.signature_table import signature_table
from cellbank.services.shipping.shipment_record import Holder, ShipmentRecord, read_shipment
from cellbank.services.wording.values import Clock, clock, shown, word

TITLE = "Chain of custody of a shipment"
BY_HAND = 4  # lines for carriers
BLANK = " \n "  # room for a pen
AT_ARRIVAL = (
    "Received on, at, by",
    "Each seal is whole and has its number",
    "The shipper stands upright, dry, unbroken",
    "Vials counted",
    "Logger stopped and read",
)


def custody_form(connection: Connection, code: str) -> Paper | None:
    """What the custody form of this shipment says; None when there is none."""
    found = read_shipment(connection, code)
    if found is None:
        return None
    row, time = found.row, clock(ZoneInfo(found.row["timezone"]))
    return Paper(
        title=TITLE,
        subject=f"Shipment {printed(code)} from {row['sender_name']} to {row['recipient_name']}: {word(row['state'])}",
        site=site_line(connection, row["from_site_id"]),
        code=code,
        blocks=tuple([_facts(found, time), *_chain(found, time), *_arrival(found, time), *_signed(found, time)]),
        mark={
            ShipmentState.REJECTED: "REJECTED: the vials may not be used",
            ShipmentState.CANCELLED: ShipmentState.CANCELLED,
        }.get(row["state"], ""),
    )


def _facts(found: ShipmentRecord, time: Clock) -> Facts:
    row = found.row
    cold = found.cold_until
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Shipment", Run(printed(row["code"]), "code")),
        ("From", row["sender_name"]),
        ("To", Run(row["recipient_name"], "strong")),
        ("Vials", Run(str(len(found.packed)) if found.packed else "none: the empty shipper", "strong")),
        ("Keep at", Run("; ".join(sorted({line.storage for line in found.packed})) or "–", "strong")),
        ("Seals", Run(", ".join(row["seals"] or ()) or "–", "strong")),
        ("Shipper", f"{row['shipper_name']} ({row['shipper_code']})" if row["shipper_code"] else "–"),
        ("Qualified", f"{row['shipper_qualified_on']} to {row['shipper_qualified_until']}, "
                      f"holds {shown(row['shipper_hold_hours'])} h" if row["shipper_code"] else "–"),
        ("Charged", f"{time(row['charged_at'])}, {shown(row['charge_kg'])} kg" if row["charged_at"] else "–"),
        ("Cold until", Run(time(cold), "strong") if cold else "–"),
        ("Planned", f"{shown(row['planned_hours'])} h" if row["planned_hours"] else "–"),
        ("Logger", _logger(found)),
    )  # fmt: skip
    return Facts(pairs)


def _logger(found: ShipmentRecord) -> Cell:
    row = found.row
    if not row["logger_code"]:
        return "–"
    named = f"{row['logger_model']} {row['logger_serial'] or ''}".strip()
    return (Run(f"{named} ({row['logger_code']})"), Run(f"calibration valid until {row['logger_due_on']}", "muted"))


def _chain(found: ShipmentRecord, time: Clock) -> list[Block]:
    rows = [_holder(one, time) for one in found.custody]
    if found.row["state"] in (ShipmentState.SEALED, ShipmentState.ON_THE_WAY):
        rows += [(BLANK, "", "", "")] * BY_HAND
    head = ("In hand of", "From", "Until", "Signature")
    note = "Whoever takes the shipper over without a screen writes name, company, time and signature into a free line."
    table = Table(head, tuple(rows), (0.34, 0.17, 0.17, 0.32)) if rows else Text("Nobody has it in hand yet.")
    return [Heading("Who had it in hand"), table, *([Text(note, "muted")] if BLANK in [row[0] for row in rows] else [])]


def _holder(one: Holder, time: Clock) -> tuple[Cell, ...]:
    who: Cell = one.who
    if one.is_carrier:
        who = (Run(one.who), Run(f"carrier, waybill {one.waybill or '–'}", "muted"))
    signature: Cell = "–"
    if one.signed:
        signature = (
            Run(f"{one.signed.person}, {one.signed.meaning}"),
            Run(
                f"act {one.signed.act}, {'valid' if one.signed.holds else 'VOID'}",
                "muted" if one.signed.holds else "alarm",
            ),
        )
    return who, time(one.since), time(one.until) if one.until else "–", signature


def _arrival(found: ShipmentRecord, time: Clock) -> list[Block]:
    """What was found, or lines for a pen as long as it has not arrived."""
    row = found.row
    if row["state"] == ShipmentState.CANCELLED:
        return []
    if row["received_at"] is None:
        lines = tuple((one, BLANK) for one in AT_ARRIVAL)
        return [Heading("Check at arrival"), Table(("Check", "Found"), lines, (0.45, 0.55))]
    seals = tuple(
        (Run(seal.number, "strong"), Run(seal.found or "not looked at", "plain" if seal.found == "intact" else "alarm"))
        for seal in found.seals
    )
    counts = {name: len(found.found(name)) for name in ("RECEIVED", "DAMAGED", "MISSING")}
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Received", f"{time(row['received_at'])} by {row['received_by']}"),
        ("Checked", f"{time(row['checked_at'])} by {row['checked_by']}" if row["checked_at"] else "–"),
        ("Vials sent", str(len(found.packed))),
        ("Received whole", str(counts["RECEIVED"])),
        ("Damaged", str(counts["DAMAGED"])),
        ("Missing", str(counts["MISSING"]) if row["checked_at"] else "–"),
    )
    return [
        Heading("Arrival"),
        Facts(pairs),
        Table(("Seal", "Found"), seals, (0.5, 0.5)),
        *_differences(found),
    ]


def _differences(found: ShipmentRecord) -> list[Block]:
    rows = tuple(
        (word(one["what"]).capitalize(), str(one["detail"]), Run(one["deviation"], "code"))
        for one in found.row["differences"] or ()
    )
    if not rows:
        return [Text("No difference from what was sent.")] if found.row["checked_at"] else []
    return [Heading("Differences"), Table(("What", "In detail", "Deviation"), rows, (0.2, 0.6, 0.2))]


def _signed(found: ShipmentRecord, time: Clock) -> list[Block]:
    row = found.row
    blocks: list[Block] = []
    if row["decided_by"]:
        said = f"{word(row['state']).capitalize()} by {row['decided_by']}, {time(row['decided_at'])}"
        blocks.append(Text(f"{said}{': ' + row['decision_reason'] if row['decision_reason'] else ''}", "strong"))
    table = signature_table(found.signatures, time)
    return [*blocks, *([Heading("Signatures"), *table] if table else [])]
