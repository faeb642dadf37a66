"""The clinic of the trial as a second site: vials sent there are being scanned in, others are to be packed."""

import datetime
from typing import Any

from cellbank.domain.lifecycle.states import VialState
from cellbank.services.storage.box_map import box_map
from cellbank.story.cast import CLINIC, PEOPLE_THERE
from cellbank.story.player import MINUTE, Player
from cellbank.story.production import Made
from cellbank.story.temperature import MODEL, read_logger, trace

SENT, SCANNED, ORDERED = 8, 5, 6  # vials: sent, scanned at the other end so far, and ordered for the next time


def play(story: Player, made: Made) -> None:
    """Furnish the clinic, send it vials, order more."""
    _furnish(story)
    lot, first, second = made.lots["PL-001"], _shipper(story, 1), _shipper(story, 2)
    _logger(story, second, "TR-30112")
    shipment = _order(story, story.ago(2, 8), lot, SENT)
    vials = _in_stock(story, made, lot)
    logger, sealed = _send(story, shipment, first, vials)
    received = story.ago(1, 10)
    there = PEOPLE_THERE[0][0]
    seals = ["UA-100231", "UA-100232"]
    story.do(there, "receive_shipment", received, shipment=shipment, intact=seals)
    read_logger(story, logger, "TR-30111", trace(story, sealed, received + 10 * MINUTE), received + 20 * MINUTE, there)
    story.do(there, "check_in_vials", received + 30 * MINUTE, shipment=shipment, vials=vials[:SCANNED])
    _order(story, story.today - 3 * 60 * MINUTE, lot, ORDERED)


def _furnish(story: Player) -> None:
    at, parent = story.ago(30), None
    for given in (
        {"type": "tank", "name": "Clinic tank", "capacity": 4},
        {"type": "rack", "name": "Clinic rack"},
        {"type": "box", "name": "Clinic box", "rows": 9, "columns": 9},
    ):
        parent = story.do(
            PEOPLE_THERE[0][0], "add_storage_unit", at, **given, **({"parent": parent} if parent else {})
        )["code"]


def _shipper(story: Player, number: int) -> str:
    at = story.ago(30)
    qualified = {
        "qualified_on": at.date().isoformat(),
        "qualified_until": (at + datetime.timedelta(days=365)).date().isoformat(),
    }
    given = {"name": f"Dry shipper {number}", "rows": 5, "columns": 5, "hold_hours": "240", **qualified}
    return str(story.do("olena", "add_shipper", at, **given)["code"])


def _logger(story: Player, shipper: str, serial: str) -> str:
    day = story.ago(60).date()
    given = {"calibrated_on": day.isoformat(), "calibration_due_on": (day + datetime.timedelta(days=365)).isoformat()}
    given |= {"unit": shipper, "name": f"Logger {serial}", "model": MODEL, "serial": serial}
    return str(story.do("olena", "add_probe", story.ago(30), **given)["code"])


def _order(story: Player, at: datetime.datetime, lot: str, count: int) -> str:
    given: dict[str, Any] = {"to": CLINIC["code"], "lots": [lot], "counts": [count]}
    return str(story.do("iryna", "order_shipment", at, **given)["code"])


def _send(story: Player, shipment: str, shipper: str, vials: list[str]) -> tuple[str, datetime.datetime]:
    """Pack, seal and hand over; returns the logger and when it was sealed."""
    logger, packed, sealed = _logger(story, shipper, "TR-30111"), story.ago(2, 9), story.ago(2, 9, 30)
    story.do("olena", "pack_vials", packed, shipment=shipment, shipper=shipper, vials=vials)
    story.do(
        "andriy",
        "seal_shipment",
        sealed,
        shipment=shipment,
        logger=logger,
        seals=["UA-100231", "UA-100232"],
        charged_at=story.ago(2, 6).isoformat(),
        charge_kg="21.4",
        planned_hours="30",
    )
    carrier = {"carrier": "Cold courier, driver Yurii", "waybill": "CC-558-204"}
    story.do("olena", "hand_over_shipment", story.ago(2, 10), shipment=shipment, **carrier)
    return logger, sealed


def _in_stock(story: Player, made: Made, lot: str) -> list[str]:
    """Vials of a lot from the last boxes, which no dose has come to yet."""
    found: list[str] = []
    for box in reversed(dict.fromkeys(made.boxes.values())):
        looked = box_map(story.installation, box, story.today)
        cells = [cell for row in looked.rows for cell in row] if looked else []
        found += [
            cell.vial for cell in reversed(cells) if cell.vial and cell.lot == lot and cell.state == VialState.IN_STOCK
        ]
    return found[:SENT]
