"""Vials into a shipper and out of it again: in the tank until the same moment, and from then on in somebody's hand."""

import datetime
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import text

from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.domain.rules.shipment import (
    LotGoods,
    PackingFacts,
    not_packed_refusals,
    packing_refusals,
    qualification_refusals,
    shipper_refusals,
)
from cellbank.records.production import Vial
from cellbank.records.shipping import PackedVial, Shipment
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import ShipmentCode, StorageCode, VialCodes
from cellbank.services.shipping.custody import hand_on
from cellbank.services.shipping.packed import packed_in, shipper_facts
from cellbank.services.site_time import local_day
from cellbank.services.storage.places import (
    IntoPositions,
    Positions,
    end_placement,
    find_places,
    last_placed_at,
    place_vials,
    places_shown,
)
from cellbank.services.storage.travelling import end_packed
from cellbank.services.storage.units import unit_called


class PackVials(TellingInput, IntoPositions):
    """Pack vials for a shipment."""

    EARLIER_NAME = "packed_at"
    shipment: ShipmentCode = Field(title="Shipment")
    shipper: StorageCode = Field(title="Shipper")
    vials: VialCodes = Field(title="Vials")
    positions: Positions = Field(default=[])


@act(PackVials, of_shippers=True)
def pack_vials(work: Work, given: PackVials) -> Shipment:
    """Put vials from their boxes into the shipper of a shipment. Whoever packs the first one has the shipment in hand
    from then on. Refuses what was not ordered or is kept for a subject, a lot that is not released, on hold or expired,
    a shipper that is not qualified, taken by another shipment or not here, and positions that are taken."""
    shipment = work.lock(Shipment, given.shipment)
    vials = work.lock_all(Vial, given.vials)
    shipper = work.lock(StorageUnit, given.shipper)
    _, places, box = find_places(work, given.shipper, given.vials, given.positions, packing=True)
    at = work.happened
    on = local_day(work, at)
    facts, placed_at = _packing_facts(work, shipment, vials, on)
    refusals = [
        *shipper_refusals(shipper_facts(work, shipment, shipper)),
        *places.refusals,
        *packing_refusals(facts),
        *time_refusals(work, "Packing", at, placed_at),
    ]
    if shipper.type == "shipper":
        refusals += qualification_refusals(unit_called(shipper), shipper.qualified_until, on)
    work.show(**places_shown(box, places, given.vials), packed=_counts(facts))
    work.judge(shipment, *vials, refusals=refusals)
    end_placement(work, vials, at)
    _note_packed(work, shipment, vials, places.positions, at)
    place_vials(work, shipper.id, [vial.id for vial in vials], places.positions, at)
    if shipment.state == ShipmentState.ORDERED:
        hand_on(work, shipment, person_id=work.actor.id, at=at)
    shipment.shipper_id = shipper.id
    work.transition(shipment)
    work.transition_many(Vial, vials)
    return shipment


# The lots are kept from being stopped until the vials are packed.
_VIALS = """SELECT v.code, l.code AS lot, l.state, l.expires_on, s.trial_number, stands.placed_at,
              (SELECT h.code FROM packed_vial p JOIN shipment h ON h.id = p.shipment_id
                WHERE p.vial_id = v.id AND p.ended_at IS NULL) AS shipment
         FROM vial v JOIN lot l ON l.id = v.lot_id LEFT JOIN dose d ON d.id = v.dose_id
         LEFT JOIN subject s ON s.id = d.subject_id
         LEFT JOIN placement stands ON stands.vial_id = v.id AND stands.taken_at IS NULL
        WHERE v.id = ANY(:vials) ORDER BY l.id, v.id"""
_LOOKED_AT, _LOCKED = text(_VIALS), text(f"{_VIALS} FOR SHARE OF l")


def _packing_facts(
    work: Work, shipment: Shipment, vials: Sequence[Vial], on: datetime.date
) -> tuple[PackingFacts, datetime.datetime | None]:
    """What the rules ask about the vials, and when the last of them was put where it stands."""
    statement = _LOOKED_AT if work.dry_run else _LOCKED
    rows = work.session.execute(statement, {"vials": [vial.id for vial in vials]}).all()
    inside = packed_in(work, shipment).goods if shipment.state != ShipmentState.ORDERED else ()
    before = {one.lot: one.packed for one in inside}
    goods = {
        row.lot: LotGoods(
            row.lot, row.state, row.expires_on, before.get(row.lot, 0), sum(other.lot == row.lot for other in rows)
        )
        for row in rows
    }
    facts = PackingFacts(
        shipment=shipment.code,
        goods=tuple(goods.values()),
        ordered={item["lot"]: item["count"] for item in shipment.wanted},
        on=on,
        reserved={row.code: row.trial_number for row in rows if row.trial_number},
        packed_in={row.code: row.shipment for row in rows if row.shipment},
    )
    return facts, max((row.placed_at for row in rows if row.placed_at), default=None)


def _counts(facts: PackingFacts) -> list[dict[str, Any]]:
    """How far the packing is, lot by lot, as the answer tells it."""
    return [
        {"lot": one.lot, "packed": one.packed + one.added, "ordered": facts.ordered.get(one.lot, 0)}
        for one in facts.goods
    ]


def _note_packed(
    work: Work, shipment: Shipment, vials: Sequence[Vial], positions: Sequence[int], at: datetime.datetime
) -> None:
    common: dict[str, Any] = {"shipment_id": shipment.id, "packed_at": at, "packed_by_id": work.actor.id}
    pairs = zip(vials, positions, strict=True)
    work.note_many(PackedVial, [{"vial_id": vial.id, "position": place, **common} for vial, place in pairs])


class UnpackVials(TellingInput, IntoPositions):
    """Unpack vials of a shipment."""

    EARLIER_NAME = "unpacked_at"
    shipment: ShipmentCode = Field(title="Shipment")
    vials: VialCodes = Field(title="Vials")
    box: StorageCode = Field(title="Box")
    positions: Positions = Field(default=[])


@act(UnpackVials, of_shippers=False)
def unpack_vials(work: Work, given: UnpackVials) -> Shipment:
    """Put vials from the shipper back into a box, as stock. Refuses what is not in the shipment, and places as putting
    away does. An order with nothing left in it can be cancelled."""
    shipment = work.lock(Shipment, given.shipment)
    vials = work.lock_all(Vial, given.vials)
    box_id, places, box = find_places(work, given.box, given.vials, given.positions)
    at = work.happened
    inside = packed_in(work, shipment).vials
    refusals = [
        *not_packed_refusals(shipment.code, [vial.code for vial in vials if vial.id not in inside]),
        *places.refusals,
        *time_refusals(work, "Unpacking", at, last_placed_at(work.session, vials)),
    ]
    work.show(**places_shown(box, places, given.vials))
    work.judge(shipment, *vials, refusals=refusals)
    end_placement(work, vials, at)
    place_vials(work, box_id, [vial.id for vial in vials], places.positions, at)
    end_packed(work, PackedVial.vial_id.in_([vial.id for vial in vials]), at)
    work.transition_many(Vial, vials)
    return shipment
