"""A shipper closed and sealed for the way: its charge, its logger, the numbers on its seals; and opened again."""

import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import null

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.refusals import Refusal, Refused
from cellbank.domain.rules.shipment import (
    LoggerFacts,
    SealingFacts,
    no_shipper,
    sealing_refusals,
    shipper_refusals,
)
from cellbank.records.shipping import Shipment
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import Identifier, Moment, Reason, ShipmentCode, StorageCode, each_once, quantity
from cellbank.services.labels.label_printing import print_first
from cellbank.services.shipping.custody import custody_of, hand_on
from cellbank.services.shipping.packed import Packed, packed_in, shipper_facts
from cellbank.services.shipping.shippers import Hours
from cellbank.services.site_time import local_day
from cellbank.services.storage.units import unit_called
from cellbank.services.temperature.excursion_record import begin_again
from cellbank.services.temperature.probes import ProbeCode

MOST_SEALS = 20
_CHARGE = Quantity("The mass", "kg", "in kilograms", low=Decimal("0.1"), high=Decimal(1000), decimals=2)
ChargeKg = Annotated[Decimal, *quantity("kg", partial(parse_decimal, quantity=_CHARGE))]


class SealShipment(TellingInput):
    """Seal a shipment."""

    EARLIER_NAME = "sealed_at"
    shipment: ShipmentCode = Field(title="Shipment")
    shipper: StorageCode | None = Field(
        default=None, title="Shipper", description="Only where it goes empty: else it is the one that was packed."
    )
    logger: ProbeCode | None = Field(default=None, title="Logger", description="The probe in the shipper.")
    seals: Annotated[list[Identifier], Field(max_length=MOST_SEALS), AfterValidator(each_once)] = Field(
        default=[], title="Seal numbers", description="As they stand on the seals."
    )
    charged_at: Moment = Field(title="Charged", description="When its last charge with nitrogen ended.")
    charge_kg: ChargeKg | None = Field(default=None, title="Mass after the charge")
    planned_hours: Hours = Field(title="Planned way", description="Hours from now until it is received.")


@act(SealShipment, of_shippers=True)
def seal_shipment(work: Work, given: SealShipment) -> Shipment:
    """Close a shipper for the way. Refuses one that would not hold until it is received or is not qualified until then,
    a logger that is not in it or over its calibration, vials without a logger or a seal, and lots that were stopped
    since they were packed. A shipper that goes empty needs none of this."""
    shipment = work.lock(Shipment, given.shipment)
    shipper = _shipper(work, shipment, given.shipper)
    logger = work.lock(Probe, given.logger) if given.logger else None
    at = work.happened
    inside = packed_in(work, shipment)
    refusals = [
        *_times(work, shipment, inside, given.charged_at, at),
        *shipper_refusals(shipper_facts(work, shipment, shipper)),
    ]
    if shipper.type == "shipper":
        refusals += sealing_refusals(_facts(work, shipment, shipper, logger, inside, given))
    work.show(packed=len(inside.vials), ordered=_ordered(shipment))
    work.judge(shipment, refusals=refusals, of=[shipper, logger] if logger else [shipper])
    if shipment.state == ShipmentState.ORDERED:
        hand_on(work, shipment, person_id=work.actor.id, at=at)
    shipment.shipper_id, shipment.logger_id = shipper.id, logger.id if logger else None
    shipment.charged_at, shipment.charge_kg = given.charged_at, given.charge_kg
    shipment.planned_hours, shipment.seals = given.planned_hours, given.seals
    shipment.sealed_at, shipment.sealed_by_id = at, work.actor.id
    if logger is not None:
        begin_again(work, logger, given.charged_at, at)
    work.transition(shipment)
    print_first(work, Kind.SHIPMENT, shipment.code)
    return shipment


def _shipper(work: Work, shipment: Shipment, scanned: str | None) -> StorageUnit:
    """The shipper that was packed; of a shipment that goes empty the one that was scanned. Refuses NOT_FOUND."""
    if scanned is not None:
        return work.lock(StorageUnit, scanned)
    if shipment.shipper_id is not None:
        return work.lock_id(StorageUnit, shipment.shipper_id)
    raise Refused([no_shipper(shipment.code, goes_empty=not shipment.wanted)])


def _ordered(shipment: Shipment) -> int:
    return sum(item["count"] for item in shipment.wanted)


def _times(
    work: Work, shipment: Shipment, inside: Packed, charged_at: datetime.datetime, at: datetime.datetime
) -> tuple[Refusal, ...]:
    """Charged and packed, then sealed, by whoever had it by then; nothing of it in the future."""
    custody = custody_of(work, shipment)
    before = [moment for moment in (charged_at, inside.last_at, custody and custody.since) if moment]
    return time_refusals(work, "Sealing", at, max(before))


def _facts(
    work: Work, shipment: Shipment, shipper: StorageUnit, logger: Probe | None, inside: Packed, given: SealShipment
) -> SealingFacts:
    assert shipper.hold_hours is not None and shipper.qualified_until is not None  # of every shipper, by a CHECK
    at = work.happened
    arrives = at + datetime.timedelta(hours=float(given.planned_hours))
    return SealingFacts(
        shipment=shipment.code,
        shipper=unit_called(shipper),
        ordered=_ordered(shipment),
        vials=len(inside.vials),
        seals=len(given.seals),
        goods=inside.goods,
        logger=None
        if logger is None
        else LoggerFacts(
            f"{logger.name} ({logger.code})",
            logger.state,
            logger.storage_unit_id == shipper.id,
            logger.calibration_due_on,
        ),
        hold_hours=shipper.hold_hours,
        qualified_until=shipper.qualified_until,
        planned_hours=given.planned_hours,
        charged_at=given.charged_at,
        sealed_at=at,
        sealed_on=local_day(work, at),
        arrives_on=local_day(work, arrives),
    )


class BreakSeal(TellingInput):
    """Break the seals of a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    reason: Reason


@act(BreakSeal, likely="rarely")
def break_seal(work: Work, given: BreakSeal) -> Shipment:
    """Open a shipment again before it is handed over: to pack more, to take something out, to charge it again. Its
    seals count no more; whoever has it in hand still has it. Why, stands in the trail with the act."""
    shipment = work.lock(Shipment, given.shipment)
    work.judge(shipment)
    shipment.seals, shipment.sealed_at, shipment.sealed_by_id = null(), None, None
    work.transition(shipment)
    return shipment
