"""The page of a shipment: the shipper as one looks into it, its cold, its trace, what is scanned, what still stops it;
and the list of the shipments of a site."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.states import DeviationState, ShipmentState, VialState
from cellbank.domain.positions import position_name
from cellbank.domain.refusals import Code, Refusal
from cellbank.domain.rules.receipt import Acceptance, acceptance_refusals
from cellbank.domain.rules.release_ways import Way
from cellbank.records.production import Lot, Vial
from cellbank.records.shipping import ENDED as NO_MORE
from cellbank.records.shipping import Shipment
from cellbank.services.installation import Installation
from cellbank.services.shipping.acceptance import acceptance_facts
from cellbank.services.shipping.shipment_record import PackedLine, ShipmentRecord, read_shipment
from cellbank.services.storage.box_map import BoxMap, Cell, box_map
from cellbank.services.storage.whereabouts import pick_order, whereabouts
from cellbank.services.temperature.temperature_chart import Chart, chart_of

HOUR = datetime.timedelta(hours=1)
AT_ONCE = 100  # vials that the address of a page can name
PACKED_AT, SCANNED_AT = (ShipmentState.ORDERED, ShipmentState.PACKING), (ShipmentState.ARRIVED, ShipmentState.CHECKED)
NEXT_OF: dict[str, str] = {ShipmentState.SEALED: "hand_over_shipment", ShipmentState.CHECKED: "accept_shipment"}
# What only the site does to which the shipment goes; all else is of the site that has it.
AT_ARRIVAL = frozenset({"receive_shipment", "check_in_vials", "close_receipt", "accept_shipment", "reject_shipment"})


@dataclass(frozen=True)
class Stop:
    """Why a shipment is not accepted yet, and the act that resolves it, where there is one."""

    refusal: Refusal
    way: Way | None


@dataclass(frozen=True)
class ToTake:
    """A vial that could be packed: where it stands."""

    vial: str
    number: int
    lot: str
    place: str


@dataclass(frozen=True)
class ShipmentBoard:
    """A shipment as its page shows it. `side` is whose page it is: the sender's, the recipient's, or an onlooker's;
    `deviations` maps those of its differences to their state; `stops` is what an acceptance would be refused for;
    `logger` is the probe in the shipper, where there is exactly one; `to_take` as many vials as are still to be packed,
    in the order of the tank."""

    record: ShipmentRecord
    side: str
    shipper: BoxMap | None
    chart: Chart | None
    deviations: Mapping[str, str]
    stops: tuple[Stop, ...]
    logger: str | None
    to_take: tuple[ToTake, ...]
    now: datetime.datetime

    @property
    def code(self) -> str:
        """The shipment's code."""
        return str(self.record.row["code"])

    @property
    def state(self) -> str:
        """The shipment's state."""
        return str(self.record.row["state"])

    @property
    def has_it(self) -> bool:
        """Whether the site of this page is the one that has it in hand or in its book."""
        at = "sender" if self.record.row["site_id"] == self.record.row["from_site_id"] else "recipient"
        return self.side == at

    @property
    def left_to_pack(self) -> int:
        """How many of the ordered vials are not packed."""
        return sum(max(0, line.wanted - line.packed) for line in self.record.wanted)

    @property
    def to_scan(self) -> tuple[PackedLine, ...]:
        """What has not been scanned at the other end, by position; a missing one may still turn up."""
        return tuple(line for line in self.record.packed if line.finding in (None, "MISSING"))

    @property
    def scans(self) -> str | None:
        """The act that a vial scanned on this page belongs to: it is packed, checked in, or neither."""
        if not self.has_it or self.record.is_empty:
            return None
        if self.state in PACKED_AT:
            return "pack_vials" if self.left_to_pack else None
        return "check_in_vials" if self.state in SCANNED_AT and self.to_scan else None

    @property
    def inside(self) -> tuple[PackedLine, ...]:
        """What still stands in the shipper and is to be put away."""
        return tuple(line for line in self.record.packed if line.is_inside and line.state == VialState.RECEIVED)

    @property
    def hours_since_charge(self) -> Decimal | None:
        """From the charge of the shipper to its arrival, or to now."""
        charged = self.record.row["charged_at"]
        if charged is None:
            return None
        return Decimal(((self.record.row["received_at"] or self.now) - charged) / HOUR).quantize(Decimal("0.1"))

    @property
    def expected_at(self) -> datetime.datetime | None:
        """When it should be received, as planned at the sealing."""
        sealed, hours = self.record.row["sealed_at"], self.record.row["planned_hours"]
        return sealed + datetime.timedelta(hours=float(hours)) if sealed and hours else None

    @property
    def is_warm(self) -> bool:
        """Whether its cold has ended, now or before it arrived."""
        cold = self.record.cold_until
        return cold is not None and (self.record.row["received_at"] or self.now) > cold

    @property
    def next(self) -> Way | None:
        """The act that comes next; None: a scan on this page, or nothing."""
        name = self._next()
        logger = (("logger", self.logger),) if name == "seal_shipment" and self.logger else ()
        return Way(name, (("shipment", self.code), *logger)) if name else None

    def _next(self) -> str | None:
        if self.side == "recipient" and self.state == ShipmentState.ON_THE_WAY:
            return "receive_shipment"
        if not self.has_it:
            return None
        if self.state in PACKED_AT:
            return None if self.scans else "seal_shipment"
        if self.state == ShipmentState.ARRIVED:
            return "close_receipt" if not self.to_scan else None
        return NEXT_OF.get(self.state)

    def as_data(self) -> dict[str, Any]:
        """All of it but the pictures, for programs."""
        record = self.record
        parts = {
            name: [asdict(one) for one in getattr(record, name)] for name in ("packed", "wanted", "custody", "seals")
        }
        return {
            **{name: value for name, value in record.row.items() if name != "id" and not name.endswith("_id")},
            **parts,
            "cold_until": record.cold_until,
            "stops": [stop.refusal.as_json() for stop in self.stops],
        }

    def may_try(self, act: str) -> bool:
        """Whether an act belongs to the site of this page."""
        if act == "receive_shipment":
            return self.side == "recipient"
        if act == "seal_shipment" and not self.record.packed:
            return self.has_it and self.record.is_empty
        return self.has_it or (act not in AT_ARRIVAL and self.side == "onlooker")


def shipment_board(
    installation: Installation, code: str, now: datetime.datetime, shipper: str | None = None
) -> ShipmentBoard | None:
    """The page of a shipment as the bank's site sees it; None when there is none, or it is of two other sites.

    `shipper` is the unit that somebody chose for it, as long as nothing is packed.
    """
    with Session(installation.reads) as session:
        record = read_shipment(session.connection(), code, now)
        if record is None or (side := _side(installation, record)) is None:
            return None
        deviations = _deviations(session, [one["deviation"] for one in record.row["differences"] or ()])
        stops, logger = _stops(session, record), _logger(session, record.row["shipper_code"])
        to_take = _to_take(session, record) if side != "recipient" else ()
    looked_into, chart = _shipper(installation, record, shipper, now), _chart(installation, record, now)
    return ShipmentBoard(record, side, looked_into, chart, deviations, stops, logger, to_take, now)


def _side(installation: Installation, record: ShipmentRecord) -> str | None:
    sides = {record.row["from_site_id"]: "sender", record.row["to_site_id"]: "recipient"}
    return "onlooker" if installation.site is None else sides.get(installation.site)


_DEVIATIONS = text("SELECT code, state FROM deviation WHERE code = ANY(:codes)")


def _deviations(session: Session, codes: Iterable[str]) -> dict[str, str]:
    return {row.code: row.state for row in session.execute(_DEVIATIONS, {"codes": list(codes)})}


def _stops(session: Session, record: ShipmentRecord) -> tuple[Stop, ...]:
    """What the act would refuse; nothing before every vial was scanned or missed."""
    if record.row["state"] != ShipmentState.CHECKED:
        return ()
    facts = acceptance_facts(session, session.scalars(select(Shipment).where(Shipment.id == record.row["id"])).one())
    states = _deviations(session, facts.deviations)
    return tuple(Stop(refusal, _way(refusal, facts, states)) for refusal in acceptance_refusals(facts))


def _way(refusal: Refusal, facts: Acceptance, deviations: Mapping[str, str]) -> Way | None:
    """The act that resolves it; a shipment that travelled without a logger has none."""
    match refusal.code:
        case Code.CRITERION_OPEN:
            return Way("store_vials", (("vials", "\n".join(facts.outside[:AT_ONCE])),))
        case Code.TRACE_MISSING if facts.logger:
            return Way("import_readings", (("probe", facts.logger),))
        case Code.EXCURSION_OPEN:
            return Way("decide_excursion", (("excursion", str(refusal.facts["excursion"])),))
        case Code.DEVIATION_OPEN:
            code = str(refusal.facts["deviation"])
            investigated = deviations.get(code) == DeviationState.INVESTIGATED
            return Way("close_deviation" if investigated else "investigate_deviation", (("deviation", code),))
    return None


_LOGGER = text(
    """SELECT min(p.code) FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
        WHERE u.code = :unit AND p.state = 'IN_USE' HAVING count(*) = 1"""
)


def _logger(session: Session, unit: str | None) -> str | None:
    return session.scalar(_LOGGER, {"unit": unit}) if unit else None


def _to_take(session: Session, record: ShipmentRecord) -> tuple[ToTake, ...]:
    if record.row["state"] not in PACKED_AT:
        return ()
    found: list[ToTake] = []
    for line in record.wanted:
        of_lot = (
            select(Vial).join(Lot, Lot.id == Vial.lot_id).where(Lot.code == line.lot, Vial.state == VialState.IN_STOCK)
        )
        at_sender = Vial.site_id == record.row["from_site_id"]
        vials = pick_order(session, session.scalars(of_lot.where(at_sender)).all())[: max(0, line.wanted - line.packed)]
        places = whereabouts(session, [vial.id for vial in vials])
        found += [
            ToTake(one.code, one.number, line.lot, places[one.id].text if one.id in places else "–") for one in vials
        ]
    return tuple(found)


def _chart(installation: Installation, record: ShipmentRecord, now: datetime.datetime) -> Chart | None:
    """The trace from the sealing to the arrival; None as long as no reading of that time is here."""
    row = record.row
    if row["logger_code"] is None or row["sealed_at"] is None:
        return None
    chart = chart_of(installation, row["logger_code"], row["sealed_at"], row["received_at"] or now)
    return chart if chart and chart.columns else None


def _shipper(
    installation: Installation, record: ShipmentRecord, chosen: str | None, now: datetime.datetime
) -> BoxMap | None:
    """The shipper with what was packed for this shipment, wherever it is now; before, the one that was chosen."""
    row = record.row
    if row["shipper_code"] is None:
        return box_map(installation, chosen, now) if chosen else None
    columns, packed = row["shipper_columns"], {line.position: line for line in record.packed}
    lots: dict[str, int] = {}
    for line in record.packed:
        lots[line.lot] = lots.get(line.lot, 0) + 1
    rows = tuple(
        tuple(_cell(place, columns, packed.get(place)) for place in range(first, first + columns))
        for first in range(1, row["shipper_rows"] * columns + 1, columns)
    )
    return BoxMap(row["shipper_code"], row["shipper_name"], (), columns, rows, len(packed), lots, None)


def _cell(position: int, columns: int, line: PackedLine | None) -> Cell:
    if line is None:
        return Cell(position_name(position, columns))
    return Cell(line.name, line.vial, line.number, line.lot, line.state, line.lot_state, line.standing)


# --- shippers to choose from, and the list ------------------------------------------------------


_READY = text(
    f"""SELECT u.code, u.name, u.hold_hours, u.qualified_until FROM storage_unit u
        WHERE u.type = 'shipper' AND u.state = 'IN_SERVICE' AND u.site_id = :site AND NOT EXISTS (
          SELECT FROM shipment s WHERE s.shipper_id = u.id AND s.state NOT IN {NO_MORE})
        ORDER BY u.place, u.id"""
)


def ready_shippers(installation: Installation, site: int) -> tuple[RowMapping, ...]:
    """The shippers of a site that are free for a shipment."""
    with installation.reads.connect() as connection:
        return tuple(connection.execute(_READY, {"site": site}).mappings())


@dataclass(frozen=True)
class ShipmentLine:
    """A shipment in a list; `holder` is who has it in hand."""

    code: str
    state: str
    other_site: str
    vials: int
    ordered_at: datetime.datetime
    sent_at: datetime.datetime | None
    received_at: datetime.datetime | None
    holder: str | None
    group: str


ENDED = 50
_LIST = text(
    f"""WITH listed AS (
         SELECT h.id, h.code, h.state,
                CASE CAST(:site AS bigint) WHEN h.from_site_id THEN r.name WHEN h.to_site_id THEN s.name
                ELSE s.name || ' → ' || r.name END AS other_site,
                greatest((SELECT count(*) FROM packed_vial p WHERE p.shipment_id = h.id
                           AND (p.ended_at IS NULL OR p.finding IS NOT NULL)),
                         CASE h.state WHEN 'ORDERED' THEN (SELECT coalesce(sum((w ->> 'count')::int), 0)
                           FROM jsonb_array_elements(h.wanted) w) ELSE 0 END) AS vials,
                h.ordered_at, h.sent_at, h.received_at, coalesce(p.full_name, c.carrier) AS holder,
                CASE WHEN h.state IN {NO_MORE} THEN 'ended'
                     WHEN h.to_site_id = :site THEN 'incoming' ELSE 'outgoing' END AS "group"
           FROM shipment h JOIN site s ON s.id = h.from_site_id JOIN site r ON r.id = h.to_site_id
           LEFT JOIN custody c ON c.shipment_id = h.id AND c.until IS NULL LEFT JOIN person p ON p.id = c.person_id
          WHERE CAST(:site AS bigint) IS NULL OR h.from_site_id = :site
             OR (h.to_site_id = :site AND h.state NOT IN ('ORDERED', 'PACKING'))),
       counted AS (SELECT *, row_number() OVER (PARTITION BY "group" ORDER BY id DESC) AS place FROM listed)
       SELECT code, state, other_site, vials, ordered_at, sent_at, received_at, holder, "group" FROM counted
        WHERE "group" <> 'ended' OR place <= {ENDED} ORDER BY id DESC"""
)


def shipments_of(installation: Installation) -> dict[str, tuple[ShipmentLine, ...]]:
    """The shipments of the bank's site: outgoing, incoming, and the last that are ended; those of all sites stand with
    the outgoing ones. What is still being packed elsewhere is not announced."""
    with installation.reads.connect() as connection:
        lines = [ShipmentLine(*row) for row in connection.execute(_LIST, {"site": installation.site})]
    return {name: tuple(one for one in lines if one.group == name) for name in ("incoming", "outgoing", "ended")}
