"""What is in a shipment: its vials, the lots that they are of, and the shipper that they stand in."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.shipment import LotGoods, ShipperFacts, goods_refusals
from cellbank.records.shipping import ENDED, Shipment
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.site_time import local_day
from cellbank.services.storage.units import unit_called


@dataclass(frozen=True)
class Packed:
    """The vials that are in a shipment now, by id and code, and of which lots; the last was packed at `last_at`."""

    vials: dict[int, str]
    goods: tuple[LotGoods, ...]
    last_at: datetime.datetime | None


_PACKED = text(
    """SELECT v.id, v.code, p.packed_at, l.code AS lot, l.state, l.expires_on
         FROM packed_vial p JOIN vial v ON v.id = p.vial_id JOIN lot l ON l.id = v.lot_id
        WHERE p.shipment_id = :shipment AND p.ended_at IS NULL ORDER BY l.id, v.id"""
)


def packed_in(work: Work, shipment: Shipment) -> Packed:
    """What is in a shipment; lock it before."""
    rows = work.session.execute(_PACKED, {"shipment": shipment.id}).all()
    lots = {row.lot: row for row in rows}
    goods = (LotGoods(row.lot, row.state, row.expires_on, _count(rows, row.lot)) for row in lots.values())
    last_at = max((row.packed_at for row in rows), default=None)
    return Packed({row.id: row.code for row in rows}, tuple(goods), last_at)


def _count(rows: Sequence[Row[*tuple[Any, ...]]], lot: str) -> int:
    return sum(row.lot == lot for row in rows)


def leaving_refusals(work: Work, shipment: Shipment, at: datetime.datetime) -> tuple[Refusal, ...]:
    """Why the vials in a shipment do not leave: a lot was stopped after they were packed."""
    return goods_refusals(packed_in(work, shipment).goods, local_day(work, at))


_SHIPPER = text(
    f"""SELECT (SELECT u.name || ' (' || u.code || ')' FROM storage_unit u
                WHERE u.id = CAST(:bound AS bigint) AND u.id <> :unit) AS bound_to,
              (SELECT s.code FROM shipment s WHERE s.shipper_id = :unit AND s.id <> :shipment
                  AND s.state NOT IN {ENDED}) AS taken_by,
              (SELECT count(*) FROM placement p WHERE p.box_id = :unit AND p.taken_at IS NULL AND NOT EXISTS (
                SELECT FROM packed_vial k WHERE k.vial_id = p.vial_id AND k.shipment_id = :shipment
                   AND k.ended_at IS NULL)) AS strangers"""
)


def shipper_facts(work: Work, shipment: Shipment, unit: StorageUnit) -> ShipperFacts:
    """What the rules ask about the unit in which a shipment is to travel."""
    given = {"unit": unit.id, "shipment": shipment.id, "bound": shipment.shipper_id}
    row = work.session.execute(_SHIPPER, given).one()
    return ShipperFacts(shipment.code, unit_called(unit), unit.type, *row)
