"""Who has a shipment in hand: exactly one person or carrier at any moment, each from when until when.

Giving it to a carrier is signed by whoever had it, taking it over by whoever has it then.
"""

import datetime

from pydantic import Field
from sqlalchemy import func, select, update

from cellbank.domain.lifecycle.states import ShipmentState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.shipment import HandsFacts, hand_over_refusals, take_over_refusals
from cellbank.records.people import Person
from cellbank.records.shipping import Custody, Shipment
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import Identifier, OneLine, ShipmentCode
from cellbank.services.shipping.packed import leaving_refusals


class HandOverShipment(TellingInput, SignedInput):
    """Hand a shipment over to a carrier."""

    EARLIER_NAME = "handed_at"
    shipment: ShipmentCode = Field(title="Shipment")
    carrier: OneLine = Field(title="Carrier", description="The company, and who came for it.")
    waybill: Identifier | None = Field(default=None, title="Number of the waybill")


@act(HandOverShipment)
def hand_over_shipment(work: Work, given: HandOverShipment) -> Shipment:
    """Give a sealed shipment to a carrier. Signed by whoever has it in hand; refuses everybody else, and a shipment
    with vials of a lot that is on hold or no longer released."""
    shipment = work.lock(Shipment, given.shipment)
    at = work.happened
    refusals = [*hand_over_refusals(_hands(work, shipment)), *_times(work, shipment, "Handing over", at)]
    if shipment.state == ShipmentState.SEALED:
        refusals += leaving_refusals(work, shipment, at)
    work.judge(shipment, refusals=refusals)
    hand_on(work, shipment, carrier=given.carrier, waybill=given.waybill, at=at)
    shipment.sent_at = shipment.sent_at or at
    work.transition(shipment)
    return shipment


class TakeOverShipment(TellingInput, SignedInput):
    """Take a shipment over."""

    EARLIER_NAME = "taken_at"
    shipment: ShipmentCode = Field(title="Shipment")


@act(TakeOverShipment)
def take_over_shipment(work: Work, given: TakeOverShipment) -> Shipment:
    """Have a shipment in hand from now on, whoever had it before: a colleague, or a carrier who brought it back.
    Refuses somebody who has it already."""
    shipment = work.lock(Shipment, given.shipment)
    at = work.happened
    refusals = [*take_over_refusals(_hands(work, shipment)), *_times(work, shipment, "Taking over", at)]
    work.judge(shipment, refusals=refusals)
    hand_on(work, shipment, person_id=work.actor.id, at=at)
    work.transition(shipment)
    return shipment


def _hands(work: Work, shipment: Shipment) -> HandsFacts:
    custody = custody_of(work, shipment)
    mine = custody is not None and custody.person_id == work.actor.id
    return HandsFacts(shipment.code, holder(work, custody), mine)


def _times(work: Work, shipment: Shipment, what: str, at: datetime.datetime) -> tuple[Refusal, ...]:
    """Nobody hands on what they had only later, and nothing leaves before it is sealed."""
    custody = custody_of(work, shipment)
    before = [moment for moment in (custody and custody.since, shipment.sealed_at) if moment]
    return time_refusals(work, what, at, max(before, default=None))


# --- for the other services -------------------------------------------------------------------


def custody_of(work: Work, shipment: Shipment) -> Custody | None:
    """Who has a shipment in hand now; lock the shipment before. None: nothing is packed yet, or it is decided."""
    return work.session.scalars(
        select(Custody).where(Custody.shipment_id == shipment.id, Custody.until.is_(None))
    ).one_or_none()


def holder(work: Work, custody: Custody | None) -> str:
    """Whoever has a shipment in hand, in words."""
    if custody is None:
        return "nobody"
    if custody.person_id is None:
        return f"{custody.carrier} (waybill {custody.waybill})" if custody.waybill else str(custody.carrier)
    return work.session.get_one(Person, custody.person_id).full_name


def hand_on(
    work: Work,
    shipment: Shipment,
    *,
    at: datetime.datetime,
    person_id: int | None = None,
    carrier: str | None = None,
    waybill: str | None = None,
) -> None:
    """End the custody that there is and begin the next one, of a person or of a carrier, at the same moment; call it
    after the judgement. Who takes `at` from a person checks it against `custody_of(…).since` first."""
    end_custody(work, shipment, at)
    work.note(Custody(shipment_id=shipment.id, person_id=person_id, carrier=carrier, waybill=waybill, since=at))


def end_custody(work: Work, shipment: Shipment, at: datetime.datetime) -> None:
    """End the custody that there is, if any: the shipment is decided or cancelled, or goes to the next hand. It never
    ends before it began, though the clocks of two stations differ."""
    live = update(Custody).where(Custody.shipment_id == shipment.id, Custody.until.is_(None))
    ended = live.values(until=func.greatest(Custody.since, at))
    work.session.execute(ended.execution_options(synchronize_session=False))
