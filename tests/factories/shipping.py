"""Shippers, and shipments at every stage up to the road, through the real acts.

Quinn orders, Tina packs and therefore has the shipment in hand, Taras seals it, Tina hands it to the carrier.
"""

import datetime
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.shipping import Custody, PackedVial, Shipment
from tests.factories.lots import FrozenLot
from tests.factories.quality import released_lot, results_read_at
from tests.factories.sites import SecondSite, second_site
from tests.factories.world import World

MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
CARRIER = "Cold Wings, driver Bohdan"


@dataclass(frozen=True)
class Parcel:
    """A shipment with all that belongs to it. `at` is when the last thing happened to it: what follows comes later."""

    code: str
    to: SecondSite
    shipper: str
    logger: str
    lot: FrozenLot
    vials: tuple[str, ...]
    seals: tuple[str, ...]
    at: datetime.datetime


def shipper(world: World, who: str = "tina", **given: Any) -> str:
    """The code of an empty shipper of 4 × 4 positions that holds for ten days and is qualified for two years."""
    values = {
        "name": world.unique("Dry shipper"), "rows": 4, "columns": 4, "hold_hours": "240",
        "qualified_on": "2025-12-15", "qualified_until": "2028-01-15", **given,
    }  # fmt: skip
    return str(world.do(who, "add_shipper", **values)["code"])


def logger_of(world: World, unit: str, who: str = "tina", **given: Any) -> str:
    """The code of a logger in a shipper, calibrated for two years."""
    values = {
        "name": world.unique("Logger"),
        "model": world.unique("Model"),
        "calibrated_on": "2025-12-10",
        "calibration_due_on": "2028-01-10",
        **given,
    }
    return str(world.do(who, "add_probe", unit=unit, **values)["code"])


def ordered_shipment(
    world: World,
    to: SecondSite | None = None,
    *,
    lot: FrozenLot | None = None,
    vials: int = 3,
    at: datetime.datetime | None = None,
) -> Parcel:
    """So many vials of a released lot (of its own unless one is given) ordered for another site (the same), with a
    shipper and a logger that stand ready."""
    to = to or second_site(world)
    lot = lot or released_lot(world, vials=max(6, vials))
    at = at or results_read_at(world, lot.code) + 3 * DAY
    shipment = world.do("quinn", "order_shipment", now=at, to=to.code, lots=[lot.code], counts=[vials])["code"]
    unit = shipper(world, now=at)
    seals = (world.unique("SEAL"), world.unique("SEAL"))
    return Parcel(shipment, to, unit, logger_of(world, unit, now=at), lot, lot.vials[:vials], seals, at)


def packed_shipment(world: World, parcel: Parcel | None = None, **given: Any) -> Parcel:
    """The same with all its vials packed by Tina, ten minutes after the order."""
    parcel = parcel or ordered_shipment(world, **given)
    at = parcel.at + 10 * MINUTE
    pack(world, parcel, *parcel.vials, at=at)
    return replace(parcel, at=at)


def pack(world: World, parcel: Parcel, *vials: str, at: datetime.datetime | None = None) -> dict[str, Any]:
    """Pack vials of a shipment."""
    given = {"shipment": parcel.code, "shipper": parcel.shipper, "vials": list(vials)}
    return world.do("tina", "pack_vials", now=at or parcel.at + 10 * MINUTE, **given)


def sealing(parcel: Parcel, **given: Any) -> dict[str, Any]:
    """What is given when a shipment is sealed: charged four hours ago, 48 hours to go."""
    return {
        "shipment": parcel.code,
        "logger": parcel.logger,
        "seals": list(parcel.seals),
        "charged_at": (parcel.at - 4 * HOUR).isoformat(),
        "charge_kg": "21.4",
        "planned_hours": "48",
        **given,
    }


def sealed_shipment(world: World, parcel: Parcel | None = None, **given: Any) -> Parcel:
    """The same sealed by Taras, ten minutes after the packing."""
    parcel = parcel or packed_shipment(world, **given)
    at = parcel.at + 10 * MINUTE
    world.do("taras", "seal_shipment", now=at, **sealing(parcel))
    return replace(parcel, at=at)


def sent_shipment(world: World, parcel: Parcel | None = None, **given: Any) -> Parcel:
    """The same handed to the carrier by Tina, ten minutes after it was sealed: on its way."""
    parcel = parcel or sealed_shipment(world, **given)
    at = parcel.at + 10 * MINUTE
    waybill = world.unique("WB")
    world.do("tina", "hand_over_shipment", now=at, shipment=parcel.code, carrier=CARRIER, waybill=waybill)
    return replace(parcel, at=at)


# --- what tests ask about them ----------------------------------------------------------------


def shipment_row(world: World, code: str) -> Shipment:
    """The record of a shipment."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(Shipment).where(Shipment.code == code)).one()


def custodies(world: World, code: str) -> list[Custody]:
    """Who had a shipment in hand, the first one first."""
    with Session(world.installation.reads) as session:
        statement = select(Custody).join(Shipment, Shipment.id == Custody.shipment_id).where(Shipment.code == code)
        return list(session.scalars(statement.order_by(Custody.since, Custody.id)))


def packed_rows(world: World, code: str) -> list[PackedVial]:
    """What was ever packed for a shipment, in the order of packing."""
    with Session(world.installation.reads) as session:
        statement = select(PackedVial).join(Shipment, Shipment.id == PackedVial.shipment_id)
        return list(session.scalars(statement.where(Shipment.code == code).order_by(PackedVial.id)))
