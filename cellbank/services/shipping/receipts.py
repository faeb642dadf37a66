"""A shipment at its other end: received with its seals, checked in vial by vial, and closed with what differs.

Each difference is a deviation at once; who decides about the shipment is another person (`acceptance.py`).
"""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import func, select, update

from cellbank.domain.garbled import Garbled
from cellbank.domain.refusals import Code, refuse
from cellbank.domain.rules.receipt import (
    CLASSIFIED,
    TITLES,
    Difference,
    Receipt,
    destination_refusals,
    differences,
    extra_refusals,
    hours,
    seals_as_found,
    stranger_refusals,
)
from cellbank.domain.scans import read_scan
from cellbank.records.base import Record
from cellbank.records.deviations import Deviation
from cellbank.records.people import Site
from cellbank.records.production import Vial
from cellbank.records.shipping import PackedVial, Shipment
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.common import time_refusals, told_after
from cellbank.services.inputs import Identifier, ShipmentCode, Text, VialCodes, as_text, each_once
from cellbank.services.shipping.custody import custody_of, hand_on
from cellbank.services.shipping.sealing import MOST_SEALS
from cellbank.services.stopping.deviation_opening import open_with_links
from cellbank.services.storage.places import end_placement
from cellbank.services.storage.units import lock_place, next_place, standing_in

Seals = Annotated[list[Identifier], Field(max_length=MOST_SEALS), AfterValidator(each_once)]


# --- arrival ----------------------------------------------------------------------------------


class ReceiveShipment(TellingInput, SignedInput):
    """Receive a shipment."""

    EARLIER_NAME = "received_at"
    shipment: ShipmentCode = Field(title="Shipment")
    intact: Seals = Field(default=[], title="Seals found intact", description="Their numbers, as you read them.")
    broken: Seals = Field(default=[], title="Seals found broken")

    @model_validator(mode="after")
    def _intact_or_broken(self) -> "ReceiveShipment":
        both = sorted(set(self.intact) & set(self.broken))
        if both:
            raise ValueError(f"seal {both[0]} cannot be intact and broken: it is one or the other")
        return self


@act(ReceiveShipment)
def receive_shipment(work: Work, given: ReceiveShipment) -> Shipment:
    """Take a shipment in hand at the site to which it was sent: from then on it is this site's, with its shipper and
    its logger, and its vials wait to be scanned. A seal that is not named is missing. Refuses any other site."""
    shipment = work.lock(Shipment, given.shipment)
    at = work.happened
    goes_to, here = (work.session.get_one(Site, site).code for site in (shipment.to_site_id, work.actor.site_id))
    custody = custody_of(work, shipment)
    refusals = [
        *destination_refusals(shipment.code, goes_to, here),
        *time_refusals(work, "The receipt", at, custody.since if custody else None),
    ]
    found = seals_as_found(shipment.seals or (), given.intact, given.broken)
    work.show(seals=found)
    if shipment.charged_at:
        work.show(hours_since_charge=str(hours(shipment.charged_at, at)))
    work.judge(shipment, refusals=refusals)
    hand_on(work, shipment, person_id=work.actor.id, at=at)
    shipment.received_at, shipment.received_by_id, shipment.seals_found = at, work.actor.id, found
    shipment.site_id = work.actor.site_id
    work.transition(shipment)
    _bring_here(work, shipment)
    return shipment


def _bring_here(work: Work, shipment: Shipment) -> None:
    """The shipper stands at this site now, at the next free place, and what measures in it is read here."""
    lock_place(work, None)
    place = next_place(standing_in(work, None))
    assert shipment.shipper_id is not None  # of everything that was sealed, by a CHECK
    shipper = work.lock_id(StorageUnit, shipment.shipper_id)
    shipper.site_id, shipper.place, shipper.stands_since = work.actor.site_id, place, shipment.received_at
    for probe in work.session.scalars(select(Probe).where(Probe.storage_unit_id == shipper.id)):
        probe.site_id = work.actor.site_id
    work.session.flush()


# --- vial by vial -----------------------------------------------------------------------------


class CheckInVials(TellingInput):
    """Check in vials of a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    vials: VialCodes = Field(title="Vials")
    damaged: bool = Field(
        default=False, title="Damaged", description="Cracked, open, thawed, or its label cannot be trusted."
    )


@act(CheckInVials)
def check_in_vials(work: Work, given: CheckInVials) -> Shipment:
    """Say which vials have arrived, as they are taken out of the shipper or lie in it. They are this site's from then
    on, and nobody may use them before the shipment is accepted; a damaged one never. One that was missed may be checked
    in until the shipment is decided. Refuses what was not packed into it, and a vial twice."""
    # Two people may scan side by side: the vials decide between them, not the shipment.
    shipment = work.share(Shipment, work.find(Shipment, given.shipment).id)
    vials = work.lock_all(Vial, given.vials)
    packed = _packed(work, shipment)
    mine = [vial for vial in vials if vial.id in packed]
    strangers = {vial.code: vial.state.replace("_", " ").lower() for vial in vials if vial.id not in packed}
    arrived = sum(finding in ("RECEIVED", "DAMAGED") for finding in packed.values())
    work.show(checked_in=f"{arrived + len(mine)} of {len(packed)}")
    work.judge(shipment, *mine, refusals=stranger_refusals(shipment.code, strangers))
    _note_finding(work, mine, "DAMAGED" if given.damaged else "RECEIVED")
    work.transition_many(Vial, mine, site_id=work.actor.site_id)
    return shipment


def _packed(work: Work, shipment: Shipment) -> dict[int, str | None]:
    """The vials that travelled in a shipment, with how each was found."""
    mine = select(PackedVial.vial_id, PackedVial.finding).where(PackedVial.shipment_id == shipment.id)
    rows = work.session.execute(mine.where(PackedVial.ended_at.is_(None)))
    return {row.vial_id: row.finding for row in rows}


def _last_seen_at(work: Work, shipment: Shipment) -> datetime.datetime | None:
    """When it was received, or the last of its vials found."""
    found = select(func.max(PackedVial.found_at)).where(PackedVial.shipment_id == shipment.id)
    return work.session.scalar(found) or shipment.received_at


def vials_of(work: Work, shipment: Shipment, *findings: str | None) -> list[Vial]:
    """The vials of a shipment that were found so (None: not scanned yet), locked in the order of their ids. Lock the
    shipment before."""
    ids = [vial for vial, finding in _packed(work, shipment).items() if finding in findings]
    statement = select(Vial).where(Vial.id.in_(ids)).order_by(Vial.id).execution_options(populate_existing=True)
    return list(work.session.scalars(statement if work.dry_run else statement.with_for_update(key_share=True)))


def _note_finding(work: Work, vials: Sequence[Vial], finding: str) -> None:
    live = update(PackedVial).where(PackedVial.vial_id.in_([vial.id for vial in vials]), PackedVial.ended_at.is_(None))
    found = live.values(finding=finding, found_at=work.happened)
    work.session.execute(found.execution_options(synchronize_session=False))


# --- what differs -----------------------------------------------------------------------------


def _as_stored(given: Any) -> str:
    """What was found beside the vials: its code, where it can be read as one; else what is written on it."""
    text = as_text(given).strip()
    scan = read_scan(text)
    return text if isinstance(scan, Garbled) else scan.code


Extra = Annotated[Identifier, BeforeValidator(_as_stored)]


class CloseReceipt(TellingInput):
    """Close the receipt of a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    extra: Annotated[list[Extra], Field(max_length=100), AfterValidator(each_once)] = Field(
        default=[], title="Found and not packed", description="Its code, or what is written on it."
    )
    note: Text | None = Field(default=None, title="What else was seen")


@act(CloseReceipt)
def close_receipt(work: Work, given: CloseReceipt) -> Shipment:
    """Say that nothing more is in the shipper: what was not scanned is missing. Each thing that differs from what was
    sent (seals, lateness, damaged, missing and extra vials) opens a deviation. Refuses a vial of the shipment as
    extra."""
    shipment = work.lock(Shipment, given.shipment)
    missing, damaged = vials_of(work, shipment, None), vials_of(work, shipment, "DAMAGED")
    extra = list(work.session.scalars(select(Vial).where(Vial.code.in_(given.extra)).order_by(Vial.id)))
    travelled = _packed(work, shipment)
    refusals = list(extra_refusals(shipment.code, [vial.code for vial in extra if vial.id in travelled]))
    refusals += told_after(work, "The end of the receipt", _last_seen_at(work, shipment))
    found = _differences(work, shipment, damaged, missing, given.extra)
    work.show(missing=[vial.code for vial in missing], found=[f"{one.what}: {one.detail}" for one in found])
    sentence = "Shipment {shipment} differs from what was sent in {count} things: a deviation is opened for each."
    work.warn([refuse(Code.NOT_IN_SHIPMENT, sentence, shipment=shipment.code, count=len(found))] if found else [])
    work.judge(shipment, *missing, *([Deviation] if found else []), refusals=refusals)
    _note_finding(work, missing, "MISSING")
    end_placement(work, missing)
    work.transition_many(Vial, missing)
    shipment.checked_at, shipment.checked_by_id = work.happened, work.actor.id
    work.transition(shipment)
    shipment.differences = [_as_deviation(work, shipment, one, given.note) for one in found]
    work.show(deviations=[one["deviation"] for one in shipment.differences])
    return shipment


def _differences(
    work: Work, shipment: Shipment, damaged: Sequence[Vial], missing: Sequence[Vial], extra: Sequence[str]
) -> tuple[Difference, ...]:
    """What differs; nothing of a shipment that has not arrived, which the judgement refuses."""
    if shipment.received_at is None or shipment.charged_at is None or shipment.shipper_id is None:
        return ()
    hold_hours = work.session.get_one(StorageUnit, shipment.shipper_id).hold_hours
    assert hold_hours is not None  # of every shipper, by a CHECK
    return differences(
        Receipt(
            seals=tuple(shipment.seals or ()),
            seals_found=shipment.seals_found or {},
            charged_at=shipment.charged_at,
            received_at=shipment.received_at,
            hold_hours=hold_hours,
            damaged=tuple(vial.code for vial in damaged),
            missing=tuple(vial.code for vial in missing),
            extra=tuple(extra),
        )
    )


def _as_deviation(work: Work, shipment: Shipment, one: Difference, note: str | None) -> dict[str, str]:
    """A difference with its deviation, which is linked to the shipment, to the vials that it is about (all of them,
    where it is about the whole shipment) and to their lots."""
    about = Vial.code.in_(one.codes) if one.codes else Vial.id.in_(_packed(work, shipment))
    records: list[Record] = [shipment, *work.session.scalars(select(Vial).where(about).order_by(Vial.id))]
    description = f"Found when shipment {shipment.code} was received: {one.detail}."
    assert shipment.received_at is not None
    deviation = open_with_links(
        work,
        title=TITLES[one.what].format(shipment=shipment.code),
        description=f"{description}\n{note}" if note else description,
        classification=CLASSIFIED[one.what],
        occurred_at=shipment.received_at,
        records=records,
    )
    return {"what": one.what, "detail": one.detail, "deviation": deviation.code}
