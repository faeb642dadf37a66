"""A shipment as it is read, for its page and its papers: what travels where, who had it in hand, what came."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.positions import position_name
from cellbank.services.common import read_specification
from cellbank.services.storage.whereabouts import place_text
from cellbank.services.trail.signatures import Signed, signatures_of

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PackedLine:
    """A vial at its position of the shipper. `standing` is the gravest thing that is true of it: MISSING, DAMAGED,
    EXCURSION, HELD, EXPIRED, RECEIVED or IN_TRANSIT; `where` is its place today, `is_inside`: still in the shipper."""

    name: str
    position: int
    vial: str
    number: int
    state: str
    lot: str
    lot_state: str
    expires_on: datetime.date
    cells_per_vial: int
    volume_ml: Any
    product: str
    storage: str
    packed_at: datetime.datetime
    finding: str | None
    found_at: datetime.datetime | None
    standing: str
    where: str | None
    is_inside: bool


@dataclass(frozen=True)
class WantedLine:
    """A lot of the order: how many vials of it were ordered, were packed, and have arrived."""

    lot: str
    wanted: int
    packed: int
    arrived: int


@dataclass(frozen=True)
class Holder:
    """Who had the shipment in hand, from when until when (None: still), and the signature by which they got it."""

    who: str
    is_carrier: bool
    waybill: str | None
    since: datetime.datetime
    until: datetime.datetime | None
    signed: Signed | None


@dataclass(frozen=True)
class Seal:
    """A seal by its number; `found` at the other end: intact, broken, missing, or unknown: put on by nobody here."""

    number: str
    found: str | None


@dataclass(frozen=True)
class ShipmentRecord:
    """A shipment with everything around it. `row` has the columns of the shipment, of its two sites (sender_…,
    recipient_…), its shipper (shipper_…) and logger (logger_…), and the names of those who acted (…_by)."""

    row: Row
    packed: tuple[PackedLine, ...]
    wanted: tuple[WantedLine, ...]
    custody: tuple[Holder, ...]
    seals: tuple[Seal, ...]
    signatures: tuple[Signed, ...]

    @property
    def is_empty(self) -> bool:
        """Whether it only brings a shipper home."""
        return not self.row["wanted"]

    @property
    def cold_until(self) -> datetime.datetime | None:
        """When the cold of its charge ends, by the hours that were last qualified."""
        charged, hours = self.row["charged_at"], self.row["shipper_hold_hours"]
        return charged + datetime.timedelta(hours=float(hours)) if charged and hours else None

    def found(self, finding: str | None) -> tuple[PackedLine, ...]:
        """The vials that were found so, in the order of their positions; None: those not scanned yet."""
        return tuple(line for line in self.packed if line.finding == finding)


_SHIPMENT = text(
    """SELECT h.*, s.code AS sender_code, s.name AS sender_name, s.fin AS sender_fin, s.timezone,
              r.code AS recipient_code, r.name AS recipient_name, r.timezone AS recipient_timezone,
              u.code AS shipper_code, u.name AS shipper_name, u.row_count AS shipper_rows,
              u.column_count AS shipper_columns, u.hold_hours AS shipper_hold_hours,
              u.qualified_on AS shipper_qualified_on, u.qualified_until AS shipper_qualified_until,
              l.code AS logger_code, l.name AS logger_name, l.model AS logger_model, l.serial AS logger_serial,
              l.calibrated_on AS logger_calibrated_on, l.calibration_due_on AS logger_due_on,
              ordered.full_name AS ordered_by, sealed.full_name AS sealed_by, received.full_name AS received_by,
              checked.full_name AS checked_by, decided.full_name AS decided_by
         FROM shipment h JOIN site s ON s.id = h.from_site_id JOIN site r ON r.id = h.to_site_id
         JOIN person ordered ON ordered.id = h.ordered_by_id
         LEFT JOIN storage_unit u ON u.id = h.shipper_id LEFT JOIN probe l ON l.id = h.logger_id
         LEFT JOIN person sealed ON sealed.id = h.sealed_by_id
         LEFT JOIN person received ON received.id = h.received_by_id
         LEFT JOIN person checked ON checked.id = h.checked_by_id
         LEFT JOIN person decided ON decided.id = h.decided_by_id
        WHERE h.code = :code"""
)
# What was unpacked again before it left has no finding and has ended: it never travelled.
_PACKED = text(
    """SELECT p.position AS place, v.code AS vial, v.number, v.state, l.code AS lot, l.state AS lot_state, l.expires_on,
              l.cells_per_vial, l.volume_ml, f.content AS specification, p.packed_at, p.finding, p.found_at,
              pl.position, box.column_count, coalesce(pl.box_id = h.shipper_id, false) AS is_inside,
              CASE WHEN pl.box_id <> h.shipper_id THEN unit_names(pl.box_id) END AS line,
              CASE WHEN p.finding IN ('MISSING', 'DAMAGED') THEN p.finding
                   WHEN EXISTS (SELECT FROM excursion e WHERE e.probe_id = h.logger_id AND e.state = 'OPEN'
                     AND coalesce(e.ended_at, 'infinity') > h.sealed_at
                     AND e.started_at < coalesce(h.received_at, 'infinity')) THEN 'EXCURSION'
                   WHEN l.state IN ('ON_HOLD', 'REJECTED', 'RECALLED') THEN 'HELD'
                   WHEN l.expires_on < (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date THEN 'EXPIRED'
                   ELSE coalesce(p.finding, 'IN_TRANSIT') END AS standing
         FROM packed_vial p JOIN shipment h ON h.id = p.shipment_id JOIN vial v ON v.id = p.vial_id
         JOIN lot l ON l.id = v.lot_id JOIN definition f ON f.id = l.specification_id
         LEFT JOIN placement pl ON pl.vial_id = v.id AND pl.taken_at IS NULL
         LEFT JOIN storage_unit box ON box.id = pl.box_id
        WHERE p.shipment_id = :shipment AND (p.ended_at IS NULL OR p.finding IS NOT NULL) ORDER BY p.position, p.id"""
)
# The act that wrote a custody is the one that was signed, where it is one that is signed.
_CUSTODY = text(
    """SELECT coalesce(c.carrier, p.full_name) AS who, c.carrier IS NOT NULL AS is_carrier, c.waybill, c.since, c.until,
              h.act_id
         FROM custody c LEFT JOIN person p ON p.id = c.person_id
         JOIN change h ON h.record_kind = 'custody' AND h.record_id = c.id AND h.before IS NULL
        WHERE c.shipment_id = :shipment ORDER BY c.since, c.id"""
)


def read_shipment(connection: Connection, code: str, now: datetime.datetime | None = None) -> ShipmentRecord | None:
    """The shipment with this code; None when there is none. Without `now` nothing in it has expired: what a paper says
    does not depend on the clock."""
    found = connection.execute(_SHIPMENT, {"code": code}).mappings().one_or_none()
    if found is None:
        return None
    row = dict(found)
    packed = _packed(connection, row, now)
    signatures = signatures_of(connection, {("shipment", row["id"]): code})
    custody = _custody(connection, row, signatures)
    return ShipmentRecord(row, packed, _wanted(row, packed), custody, _seals(row), signatures)


def _packed(connection: Connection, row: Row, now: datetime.datetime | None) -> tuple[PackedLine, ...]:
    given = {"shipment": row["id"], "now": now, "zone": row["timezone"]}
    return tuple(_line(dict(line), row["shipper_columns"]) for line in connection.execute(_PACKED, given).mappings())


def _line(line: Row, columns: int) -> PackedLine:
    specification = read_specification(line["specification"])
    same = ("vial", "number", "state", "lot", "lot_state", "expires_on", "cells_per_vial", "volume_ml", "packed_at",
            "finding", "found_at", "standing", "is_inside")  # fmt: skip
    return PackedLine(
        name=position_name(line["place"], columns),
        position=line["place"],
        product=specification.short_name,
        storage=specification.storage,
        where=place_text(line) if line["line"] else None,
        **{name: line[name] for name in same},
    )


def _wanted(row: Row, packed: tuple[PackedLine, ...]) -> tuple[WantedLine, ...]:
    lots = {one["lot"]: one["count"] for one in row["wanted"]}
    of_lot = {lot: [line for line in packed if line.lot == lot] for lot in lots}
    return tuple(
        WantedLine(lot, count, len(of_lot[lot]), sum(line.finding in ("RECEIVED", "DAMAGED") for line in of_lot[lot]))
        for lot, count in lots.items()
    )


def _custody(connection: Connection, row: Row, signatures: tuple[Signed, ...]) -> tuple[Holder, ...]:
    by_act = {signed.act: signed for signed in signatures}
    rows = connection.execute(_CUSTODY, {"shipment": row["id"]}).all()
    return tuple(
        Holder(one.who, one.is_carrier, one.waybill, one.since, one.until, by_act.get(one.act_id)) for one in rows
    )


def _seals(row: Row) -> tuple[Seal, ...]:
    """The seals that were put on, and after them those that were found and put on by nobody."""
    found = row["seals_found"] or {}
    numbers = row["seals"] or []
    known = [Seal(number, found.get(number)) for number in numbers]
    return tuple([*known, *(Seal(number, "unknown") for number in found if number not in numbers)])
