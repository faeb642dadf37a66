"""Shipments ordered and called off: where to, and how many vials of which lots."""

from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import text

from cellbank.domain.identifiers import Kind
from cellbank.domain.quantities import Quantity, parse_whole
from cellbank.domain.rules.shipment import LotGoods, OrderFacts, cancelling_refusals, order_refusals
from cellbank.records.people import Site
from cellbank.records.production import Lot
from cellbank.records.shipping import Shipment
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import MAX_VIALS, LotCode, Reason, ShipmentCode, SiteCode, Text, each_once, quantity
from cellbank.services.shipping.custody import end_custody
from cellbank.services.shipping.packed import packed_in
from cellbank.services.site_time import local_day

MOST_LOTS = 50
_COUNT = Quantity("The number of vials", "vials", "in vials", low=Decimal(1), high=Decimal(MAX_VIALS), decimals=0)
Count = Annotated[int, *quantity("vials", partial(parse_whole, quantity=_COUNT))]


class OrderShipment(ActInput):
    """Order a shipment to another site."""

    to: SiteCode = Field(title="To which site")
    lots: Annotated[list[LotCode], Field(max_length=MOST_LOTS), AfterValidator(each_once)] = Field(
        default=[], title="Lots", description="None: the empty shipper goes home."
    )
    counts: list[Count] = Field(
        default=[], title="Vials of each lot", max_length=MOST_LOTS, description="One number for each lot."
    )
    note: Text | None = Field(default=None, title="Note for whoever packs it")

    @model_validator(mode="after")
    def _a_count_for_each_lot(self) -> "OrderShipment":
        if len(self.counts) != len(self.lots):
            raise ValueError(f"{len(self.counts)} numbers of vials for {len(self.lots)} lots: give one for each")
        return self


@act(OrderShipment)
def order_shipment(work: Work, given: OrderShipment) -> Shipment:
    """Ask for vials to be packed for another site. Refuses lots that are not released, and more vials than stand in
    stock here; nothing is reserved by it."""
    to = work.find(Site, given.to)
    lots = work.lock_all(Lot, given.lots) if given.lots else []
    counts = dict(zip(given.lots, given.counts, strict=True))
    in_stock = _in_stock(work, lots)
    facts = OrderFacts(
        to=f"{to.name} ({to.code})",
        is_here=to.id == work.actor.site_id,
        goods=tuple(LotGoods(lot.code, lot.state, lot.expires_on, added=counts[lot.code]) for lot in lots),
        in_stock=in_stock,
        on=local_day(work, work.now),
    )
    # A lot of another site is sent from here where vials of it stand; where none does, nothing is told of it.
    work.judge(Shipment, refusals=order_refusals(facts), of=[lot for lot in lots if lot.code not in in_stock])
    here = work.actor.site_id
    return work.add(
        Shipment(
            site_id=here,
            from_site_id=here,
            to_site_id=to.id,
            code=new_code(work, Kind.SHIPMENT),
            note=given.note,
            wanted=[{"lot": lot, "count": count} for lot, count in counts.items()],
            ordered_by_id=work.actor.id,
            ordered_at=work.now,
        )
    )


_IN_STOCK = text(
    """SELECT l.code, count(*) AS vials FROM vial v JOIN lot l ON l.id = v.lot_id
        WHERE v.lot_id = ANY(:lots) AND v.state = 'IN_STOCK' AND v.site_id = :site GROUP BY l.code"""
)


def _in_stock(work: Work, lots: list[Lot]) -> dict[str, int]:
    given = {"lots": [lot.id for lot in lots], "site": work.actor.site_id}
    return {row.code: row.vials for row in work.session.execute(_IN_STOCK, given)}


class CancelShipment(ActInput):
    """Cancel a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    reason: Reason


@act(CancelShipment, likely="rarely")
def cancel_shipment(work: Work, given: CancelShipment) -> Shipment:
    """Call a shipment off; its shipper is free again. Refuses one with vials in it."""
    shipment = work.lock(Shipment, given.shipment)
    work.judge(shipment, refusals=cancelling_refusals(shipment.code, len(packed_in(work, shipment).vials)))
    shipment.decision_reason = given.reason
    end_custody(work, shipment, work.now)
    work.transition(shipment)
    return shipment
