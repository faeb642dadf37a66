"""Shipments from their arrival to the decision, through the real acts, at the site to which they went.

There the technician receives, scans, puts away and reads the logger; the other technician closes the receipt; the
quality officer decides.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Vial
from tests.factories.lots import FrozenLot
from tests.factories.quality import released_lot
from tests.factories.shipping import HOUR, MINUTE, Parcel, sent_shipment, shipment_row
from tests.factories.sites import SecondSite, second_site
from tests.factories.temperature import as_csv, import_file, steady
from tests.factories.world import World

ON_THE_ROAD = 30 * HOUR


@dataclass
class Supply:
    """A released lot from which many shipments go to one site: a lot of its own for each would take seconds."""

    lot: FrozenLot
    to: SecondSite
    used: int = 0

    @classmethod
    def of(cls, world: World, vials: int = 120) -> "Supply":
        """A lot of so many vials, and another site."""
        return cls(released_lot(world, vials=vials), second_site(world))

    def __call__(self, vials: int) -> dict[str, Any]:
        """What `ordered_shipment` takes for a shipment of the next vials; one more of the lot stays behind."""
        mine = self.lot.vials[self.used : self.used + vials + 1]
        self.used += vials + 1
        return {"to": self.to, "lot": FrozenLot(self.lot.code, mine, self.lot.box), "vials": vials}


def received_shipment(
    world: World,
    parcel: Parcel | None = None,
    *,
    after: datetime.timedelta = ON_THE_ROAD,
    intact: Sequence[str] | None = None,
    broken: Sequence[str] = (),
    **given: Any,
) -> Parcel:
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
    world: World,
    parcel: Parcel | None = None,
    *,
    found: Sequence[str] | None = None,
    extra: Sequence[str] = (),
    **given: Any,
) -> Parcel:
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


# --- what tests ask about them ----------------------------------------------------------------


def vial_rows(world: World, *codes: str) -> list[Vial]:
    """The records of vials, in this order."""
    with Session(world.installation.reads) as session:
        found = {vial.code: vial for vial in session.scalars(select(Vial).where(Vial.code.in_(codes)))}
    return [found[code] for code in codes]


def states(world: World, *codes: str) -> list[str]:
    """The states of vials, in this order."""
    return [vial.state for vial in vial_rows(world, *codes)]


def deviations(world: World, parcel: Parcel) -> dict[str, tuple[str, str, set[str]]]:
    """The deviations of a receipt by what they are about: code, classification, and the kinds that they link."""
    differences = shipment_row(world, parcel.code).differences or []
    with Session(world.installation.reads) as session:
        found = {}
        for one in differences:
            row = session.scalars(select(Deviation).where(Deviation.code == one["deviation"])).one()
            links = session.scalars(select(DeviationLink.record_code).where(DeviationLink.deviation_id == row.id))
            found[one["what"]] = (row.code, row.classification, set(links))
    return found


def refused(world: World, parcel: Parcel, who: str, act: str, **given: Any) -> list[str]:
    """The codes with which an act on a shipment is refused."""
    now = parcel.at + 20 * MINUTE
    return world.codes(who, act, now=now, **{"shipment": parcel.code, **given})
