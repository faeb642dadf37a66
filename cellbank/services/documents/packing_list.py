"""The packing list of a shipment: what product at which position of the shipper, and how cold it has to be. It travels
with the vials, so it names no subject and no donor."""

from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.domain.quantities import millions
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.services.common import read_specification
from cellbank.services.documents.papers import Paper, site_line
from cellbank.services.shipping.shipment_record import ShipmentRecord, read_shipment
from cellbank.services.wording.values import clock, shown, word

TITLE = "Packing list"
UNSEALED = {
    ShipmentState.ORDERED: "NOT PACKED: nothing has been put into a shipper yet",
    ShipmentState.PACKING: "NOT SEALED: what is in the shipper may still change",
    ShipmentState.CANCELLED: "CANCELLED: nothing was sent",
}


def packing_list(connection: Connection, code: str) -> Paper | None:
    """What the packing list of this shipment says; None when there is none."""
    found = read_shipment(connection, code)
    if found is None:
        return None
    row = found.row
    return Paper(
        title=TITLE,
        subject=f"Shipment {printed(code)} from {row['sender_name']} to {row['recipient_name']}",
        site=site_line(connection, row["from_site_id"]),
        code=code,
        blocks=(_facts(found), *_lots(connection, found), *_positions(found)),
        mark=UNSEALED.get(row["state"], ""),
    )


def _facts(found: ShipmentRecord) -> Facts:
    row, time = found.row, clock(ZoneInfo(found.row["timezone"]))
    storage = "; ".join(sorted({line.storage for line in found.packed}))
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Shipment", Run(printed(row["code"]), "code")),
        ("From", row["sender_name"]),
        ("To", Run(row["recipient_name"], "strong")),
        ("Shipper", f"{row['shipper_name']} ({row['shipper_code']})" if row["shipper_code"] else "–"),
        ("Temperature", Run(storage, "strong") if storage else "–"),
        ("Vials", Run(str(len(found.packed)), "strong")),
        ("Ordered by", f"{row['ordered_by']}, {time(row['ordered_at'])}"),
        ("Sealed by", f"{row['sealed_by']}, {time(row['sealed_at'])}" if row["sealed_at"] else "–"),
        ("Seals", ", ".join(row["seals"] or ()) or "–"),
        ("Note", row["note"] or "–"),
    )
    return Facts(pairs)


_LOTS = text(
    """SELECT l.code, l.purpose, l.product_code, l.passage, l.cells_per_vial, l.volume_ml, l.cryoprotectant,
              l.dmso_percent, l.expires_on, f.content AS specification
         FROM lot l JOIN definition f ON f.id = l.specification_id WHERE l.code = ANY(:codes) ORDER BY l.id"""
)


def _lots(connection: Connection, found: ShipmentRecord) -> list[Block]:
    if found.is_empty:
        return [Heading("Product"), Text("None: the empty shipper goes home.")]
    lots = connection.execute(_LOTS, {"codes": [one.lot for one in found.wanted]}).mappings()
    counts = {one.lot: one for one in found.wanted}
    rows = tuple(_lot(lot, counts[lot["code"]].wanted, counts[lot["code"]].packed) for lot in lots)
    head = ("Lot", "Product", "In each vial", "Cryoprotectant", "Keep at", "Expires", "Ordered", "Packed")
    return [Heading("Product"), Table(head, rows, (0.12, 0.19, 0.14, 0.15, 0.14, 0.11, 0.08, 0.07))]


def _lot(lot: RowMapping, wanted: int, packed: int) -> tuple[Cell, ...]:
    specification = read_specification(lot["specification"])
    return (
        Run(lot["code"], "code"),
        (
            Run(f"{specification.short_name}, P{lot['passage']}"),
            Run(f"{word(lot['purpose'])}, {lot['product_code']}", "muted"),
        ),
        f"{millions(lot['cells_per_vial'])} cells in {shown(lot['volume_ml'])} mL",
        f"{lot['cryoprotectant']}, DMSO {shown(lot['dmso_percent'])} %",
        specification.storage,
        shown(lot["expires_on"]),
        str(wanted),
        Run(str(packed), "plain" if packed == wanted else "alarm"),
    )


def _positions(found: ShipmentRecord) -> list[Block]:
    """A line for each vial in the order in which they stand, with a place to tick it off."""
    if not found.packed:
        return []
    rows = tuple(
        (
            Run(line.name, "strong"),
            Run(printed(line.vial), "code"),
            str(line.number),
            Run(line.lot, "code"),
            f"{millions(line.cells_per_vial)}",
            shown(line.expires_on),
            "",
        )
        for line in found.packed
    )
    head = ("Position", "Vial", "No.", "Lot", "Cells", "Expires", "Seen at arrival")
    return [Heading("What stands where"), Table(head, rows, (0.09, 0.25, 0.07, 0.13, 0.14, 0.13, 0.19))]
