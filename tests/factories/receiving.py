"""Shipments from their arrival to the decision, through the real acts, at the site to which they went.

There the technician receives, scans, puts away and reads the logger; the other technician closes the receipt; the
quality officer decides.
"""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.factories.shipping import HOUR, MINUTE, Parcel, sent_shipment, shipment_row
from tests.factories.temperature import as_csv, import_file, steady
from tests.factories.world import World

ON_THE_ROAD = 30 * HOUR


def received_shipment(
    world: World, parcel: Parcel | None = None, *, after: datetime.timedelta = ON_THE_ROAD,
    intact: Sequence[str] | None = None, broken: Sequence[str] = (), **given: Any,
) -> Parcel:  # fmt: skip
    """A shipment received thirty hours after it was handed over, with its seals intact unless something else is
    said."""
    parcel = parcel or sent_shipment(world, **given)
    at = parcel.at + after
    found = {"intact": list(parcel.seals if intact is None else intact), "broken": list(broken)}
    world.do(parcel.to.technician, "receive_shipment", now=at, shipment=parcel.code, **found)
    return replace(parcel, at=at)


def check_in(world: World, parcel: Parcel, *vials: str, **given: Any) -> dict[str, Any]:
    """Scan vials that have arrived, five minutes after the last thing happened."""
    now = parcel.at + 5 * MINUTE
    return world.do(parcel.to.technician, "check_in_vials", now=now, shipment=parcel.code, vials=list(vials), **given)


def checked_shipment(
    world: World, parcel: Parcel | None = None, *, found: Sequence[str] | None = None, extra: Sequence[str] = (),
    **given: Any,
) -> Parcel:  # fmt: skip
    """The same with its vials (or those in `found`) checked in, and the receipt closed a quarter of an hour later."""
    parcel = parcel or received_shipment(world, **given)
    check_in(world, parcel, *(parcel.vials if found is None else found))
    at = parcel.at + 15 * MINUTE
    world.do(parcel.to.other_technician, "close_receipt", now=at, shipment=parcel.code, extra=list(extra))
    return replace(parcel, at=at)


def box_there(world: World, parcel: Parcel) -> str:
    """The code of an empty box at the site to which a shipment went."""
    who = parcel.to.technician
    tank = world.do(who, "add_storage_unit", type="tank", name=world.unique("Tank"))["code"]
    given = {"type": "box", "name": "Box", "parent": tank, "rows": 9, "columns": 9}
    return str(world.do(who, "add_storage_unit", **given)["code"])


def store(world: World, parcel: Parcel, *vials: str, box: str | None = None) -> str:
    """Put vials that arrived into a box; returns its code."""
    box = box or box_there(world, parcel)
    now = parcel.at + 5 * MINUTE
    world.do(parcel.to.technician, "store_vials", now=now, vials=list(vials), box=box)
    return box


def way(world: World, parcel: Parcel) -> tuple[datetime.datetime, datetime.datetime]:
    """From when until when a shipment was under way: sealed, received."""
    row = shipment_row(world, parcel.code)
    assert row.sealed_at is not None and row.received_at is not None
    return row.sealed_at, row.received_at


def import_trace(
    world: World, parcel: Parcel, readings: Sequence[tuple[datetime.datetime, float]] | None = None
) -> dict[str, Any]:
    """Read the logger at the receiving site: cold all the way unless readings are given."""
    since, until = way(world, parcel)
    readings = readings or steady(since, int((until - since) / (5 * MINUTE)) + 2)
    now = parcel.at + 10 * MINUTE
    return import_file(world, parcel.logger, as_csv(readings), who=parcel.to.technician, now=now)


def stored_shipment(world: World, parcel: Parcel | None = None, **given: Any) -> Parcel:
    """The same with its vials put away and its trace imported: all that is missing is the decision."""
    parcel = parcel or checked_shipment(world, **given)
    store(world, parcel, *parcel.vials)
    import_trace(world, parcel)
    return replace(parcel, at=parcel.at + 15 * MINUTE)


def accept(world: World, parcel: Parcel, who: str | None = None) -> dict[str, Any]:
    """Accept a shipment, five minutes after the last thing happened."""
    who = who or parcel.to.quality_officer
    return world.do(who, "accept_shipment", now=parcel.at + 5 * MINUTE, shipment=parcel.code)


def accepted_shipment(world: World, **given: Any) -> Parcel:
    """A shipment whose vials are stock of the receiving site."""
    parcel = stored_shipment(world, **given)
    accept(world, parcel)
    return replace(parcel, at=parcel.at + 10 * MINUTE)
