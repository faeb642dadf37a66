"""When vials may be packed for another site, a shipper be sealed, and a shipment pass from hand to hand.

Facts: domain reference §7.2 (hold times of shippers, what a shipment records). The twins in the database:
only_stock_is_shipped, only_vials_of_a_released_lot_are_shipped, one_live_shipment_per_vial,
one_live_shipment_per_shipper, one_custodian_at_a_time, a_shipment_has_one_custodian,
nothing_is_left_in_a_cancelled_shipment.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import LotState, ProbeState
from cellbank.domain.refusals import Code, Refusal, refuse

# --- lots -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LotGoods:
    """What travels of one lot: how many vials are packed already, and how many more are to be."""

    lot: str
    state: str
    expires_on: date
    packed: int = 0
    added: int = 0


def goods_refusals(goods: Iterable[LotGoods], on: date) -> tuple[Refusal, ...]:
    """Why vials of these lots do not travel on this day: on hold, not released, expired."""
    return tuple(refusal for one in goods for refusal in _lot_refusals(one, on))


def _lot_refusals(goods: LotGoods, on: date) -> Iterator[Refusal]:
    if goods.state == LotState.ON_HOLD:
        yield refuse(
            Code.ON_HOLD,
            "Lot {lot} is on hold: its vials stay here. Take other vials, or ask the quality officer about the hold.",
            lot=goods.lot,
        )
    elif goods.state != LotState.RELEASED:
        yield refuse(
            Code.LOT_NOT_RELEASED,
            "Lot {lot} is {state}, not released: its vials stay here. Take vials of a released lot.",
            lot=goods.lot,
            state=goods.state,
        )
    if on > goods.expires_on:
        yield refuse(
            Code.EXPIRED,
            "Lot {lot} expired on {expires}: its vials are not shipped. Take another lot.",
            lot=goods.lot,
            expires=goods.expires_on,
        )


# --- ordering ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrderFacts:
    """An order on its way: where it goes, what of each lot is asked for (`added`), and how many vials stand in stock
    here of each lot."""

    to: str
    is_here: bool
    goods: tuple[LotGoods, ...]
    in_stock: Mapping[str, int]
    on: date


def order_refusals(facts: OrderFacts) -> tuple[Refusal, ...]:
    """Why a shipment cannot be ordered: it would go nowhere, or what it asks for is not here."""
    found = list(goods_refusals(facts.goods, facts.on))
    if facts.is_here:
        sentence = "{site} is the site at which you are: a shipment goes to another one. Choose where it goes."
        found.append(refuse(Code.WRONG_KIND, sentence, site=facts.to))
    for one in facts.goods:
        there = facts.in_stock.get(one.lot, 0)
        if one.added > there:
            sentence = "{wanted} vials of lot {lot} are ordered and {there} are in stock here. Order fewer."
            found.append(refuse(Code.NOT_ENOUGH_VIALS, sentence, wanted=one.added, lot=one.lot, there=there))
    return tuple(found)


def cancelling_refusals(shipment: str, vials: int) -> tuple[Refusal, ...]:
    """Why a shipment is not called off: something is in it."""
    if not vials:
        return ()
    sentence = "{vials} vials are packed for shipment {shipment}: unpack them first, then cancel it."
    return (refuse(Code.WRONG_STATE, sentence, vials=vials, shipment=shipment),)


# --- shippers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShipperFacts:
    """A unit that is to travel with a shipment. `bound_to` is the shipper that the shipment has already, where that is
    another one; `taken_by` another shipment that has this one; `strangers` vials in it that are not of the shipment."""

    shipment: str
    called: str
    type: str
    bound_to: str | None = None
    taken_by: str | None = None
    strangers: int = 0


def shipper_refusals(facts: ShipperFacts) -> tuple[Refusal, ...]:
    """Why this shipment does not travel in this unit."""
    return tuple(_shipper_refusals(facts))


def _shipper_refusals(facts: ShipperFacts) -> Iterator[Refusal]:
    if facts.type != "shipper":
        sentence = "{unit} is a {type} and does not travel. Scan the shipper."
        yield refuse(Code.WRONG_KIND, sentence, unit=facts.called, type=facts.type)
        return
    names = {"shipper": facts.called, "shipment": facts.shipment}
    if facts.bound_to:
        sentence = "Shipment {shipment} is packed into {other}, not into {shipper}: it travels in one shipper."
        yield refuse(Code.SHIPPER_NOT_READY, f"{sentence} Scan that one.", other=facts.bound_to, **names)
    if facts.taken_by:
        sentence = "{shipper} is taken by shipment {other}. Scan a free one, or finish that shipment first."
        yield refuse(Code.SHIPPER_NOT_READY, sentence, other=facts.taken_by, **names)
    elif facts.strangers:
        sentence = "{count} vials in {shipper} are not of shipment {shipment}. Put them away or discard them first."
        yield refuse(Code.SHIPPER_NOT_READY, sentence, count=facts.strangers, **names)


def no_shipper(shipment: str, *, goes_empty: bool) -> Refusal:
    """Nothing is known that the shipment could travel in."""
    if goes_empty:
        return refuse(Code.NOT_FOUND, "Scan the shipper that goes empty with shipment {shipment}.", shipment=shipment)
    sentence = "Nothing is packed for shipment {shipment}: pack its vials, or cancel it."
    return refuse(Code.CRITERION_OPEN, sentence, shipment=shipment)


def qualification_refusals(shipper: str, qualified_until: date | None, on: date) -> tuple[Refusal, ...]:
    """Why a shipper keeps nothing cold any more that one could rely on: the qualification is over by then."""
    if qualified_until is not None and on <= qualified_until:
        return ()
    sentence = "{shipper} is qualified until {until}, and would be under way on {on}. Requalify it, or take another."
    return (refuse(Code.SHIPPER_NOT_READY, sentence, shipper=shipper, until=qualified_until, on=on),)


@dataclass(frozen=True)
class RequalificationFacts:
    """A shipper qualified again, with the day on which it was qualified last."""

    called: str
    type: str
    last_on: date | None
    qualified_on: date
    today: date


def requalification_refusals(facts: RequalificationFacts) -> tuple[Refusal, ...]:
    """Why a qualification is not noted: no shipper, in the future, or before the last one."""
    found = list(qualified_later_refusals(facts.qualified_on, facts.today))
    if facts.type != "shipper":
        sentence = "{unit} is a {type}: only shippers are qualified. Scan the shipper."
        found.append(refuse(Code.WRONG_KIND, sentence, unit=facts.called, type=facts.type))
    elif facts.last_on is not None and facts.qualified_on < facts.last_on:
        sentence = "{shipper} was qualified later, on {on}. Correct the date."
        found.append(refuse(Code.OUT_OF_ORDER, sentence, shipper=facts.called, on=facts.last_on))
    return tuple(found)


def qualified_later_refusals(qualified_on: date, today: date) -> tuple[Refusal, ...]:
    """Why a shipper cannot have been qualified on that day: it has not come yet."""
    if qualified_on <= today:
        return ()
    sentence = "A qualification on {on} lies in the future. Correct the date."
    return (refuse(Code.IN_THE_FUTURE, sentence, on=qualified_on),)


# --- packing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PackingFacts:
    """Vials on their way into a shipper, by lot, and what was ordered of each lot. `reserved` names the trial number of
    the subject for whom a vial is kept, `packed_in` the shipment that has a vial already."""

    shipment: str
    goods: tuple[LotGoods, ...]
    ordered: Mapping[str, int]
    on: date
    reserved: Mapping[str, str]
    packed_in: Mapping[str, str]


def packing_refusals(facts: PackingFacts) -> tuple[Refusal, ...]:
    """Why these vials are not packed: kept for a subject, packed already, not ordered, or of a lot that stays here."""
    return (*_not_free(facts), *goods_refusals(facts.goods, facts.on), *_not_ordered(facts))


def _not_free(facts: PackingFacts) -> Iterator[Refusal]:
    for vial, subject in facts.reserved.items():
        sentence = "Vial {vial} is kept for a dose of subject {subject}. Pack another one, or have the dose cancelled."
        yield refuse(Code.VIAL_NOT_AVAILABLE, sentence, vial=printed(vial), subject=subject)
    for vial, shipment in facts.packed_in.items():
        sentence = "Vial {vial} is packed for shipment {shipment} already. Pack another one, or unpack it there first."
        yield refuse(Code.VIAL_NOT_AVAILABLE, sentence, vial=printed(vial), shipment=shipment)


def _not_ordered(facts: PackingFacts) -> Iterator[Refusal]:
    asked = ", ".join(f"{count} of {lot}" for lot, count in facts.ordered.items()) or "the empty shipper alone"
    for one in facts.goods:
        ordered = facts.ordered.get(one.lot, 0)
        names = {"shipment": facts.shipment, "lot": one.lot, "asked": asked, "ordered": ordered}
        if not ordered:
            sentence = "No vial of lot {lot} was ordered for shipment {shipment} ({asked}). Leave it, or order anew."
            yield refuse(Code.NOT_IN_SHIPMENT, sentence, **names)
        elif one.packed + one.added > ordered:
            sentence = (
                "{ordered} vials of lot {lot} were ordered for shipment {shipment}; {packed} are packed and {added} "
                "more were scanned. Leave the rest where they stand."
            )
            yield refuse(Code.NOT_IN_SHIPMENT, sentence, packed=one.packed, added=one.added, **names)


def not_packed_refusals(shipment: str, strangers: Iterable[str]) -> tuple[Refusal, ...]:
    """Why these vials are not taken out of a shipment: they are not in it."""
    sentence = "Vial {vial} is not in shipment {shipment}. Scan only what is in its shipper."
    return tuple(refuse(Code.NOT_IN_SHIPMENT, sentence, vial=printed(vial), shipment=shipment) for vial in strangers)


# --- sealing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoggerFacts:
    """The logger that goes along; `in_shipper`: it is the probe of this very shipper."""

    called: str
    state: str
    in_shipper: bool
    calibration_due_on: date


@dataclass(frozen=True)
class SealingFacts:
    """A shipment that is to be closed. `ordered` and `vials` count; nothing ordered: the empty shipper goes home."""

    shipment: str
    shipper: str
    ordered: int
    vials: int
    seals: int
    goods: tuple[LotGoods, ...]
    logger: LoggerFacts | None
    hold_hours: Decimal
    qualified_until: date
    planned_hours: Decimal
    charged_at: datetime
    sealed_at: datetime
    sealed_on: date
    arrives_on: date


def sealing_refusals(facts: SealingFacts) -> tuple[Refusal, ...]:
    """Why a shipment is not closed. An empty shipper needs no cold: it may be over its qualification, without a logger
    and without seals."""
    if not facts.ordered:
        return ()
    return (
        *_incomplete(facts),
        *goods_refusals(facts.goods, facts.sealed_on),
        *qualification_refusals(facts.shipper, facts.qualified_until, facts.arrives_on),
        *_warm_before_arrival(facts),
        *_logger_refusals(facts),
    )


def _incomplete(facts: SealingFacts) -> Iterator[Refusal]:
    if not facts.vials:
        sentence = "Nothing is packed for shipment {shipment}: pack its vials, or cancel it."
        yield refuse(Code.CRITERION_OPEN, sentence, shipment=facts.shipment)
    if not facts.seals:
        sentence = "Shipment {shipment} has no seal: close {shipper} with at least one and give its number."
        yield refuse(Code.CRITERION_OPEN, sentence, shipment=facts.shipment, shipper=facts.shipper)
    if facts.logger is None:
        sentence = (
            "Shipment {shipment} has no logger: without its trace it is never accepted. Put one into {shipper} and "
            "scan it."
        )
        yield refuse(Code.TRACE_MISSING, sentence, shipment=facts.shipment, shipper=facts.shipper)


def _warm_before_arrival(facts: SealingFacts) -> Iterator[Refusal]:
    cold_until = facts.charged_at + timedelta(hours=float(facts.hold_hours))
    arrival = facts.sealed_at + timedelta(hours=float(facts.planned_hours))
    if arrival > cold_until:
        yield refuse(
            Code.SHIPPER_NOT_READY,
            "{shipper} holds for {hold} h from its charge at {charged}; {planned} h from now on are "
            "more than is left. Charge it again, plan a shorter way, or take another one.",
            shipper=facts.shipper,
            hold=facts.hold_hours,
            charged=facts.charged_at,
            planned=facts.planned_hours,
        )


def _logger_refusals(facts: SealingFacts) -> Iterator[Refusal]:
    logger = facts.logger
    if logger is None:
        return
    names = {"logger": logger.called, "shipper": facts.shipper}
    if logger.state != ProbeState.IN_USE:
        yield refuse(Code.WRONG_STATE, "{logger} is retired. Take a logger that is in use.", **names)
    if not logger.in_shipper:
        sentence = "{logger} is not the logger of {shipper}: add it there as a probe, or scan the one that is."
        yield refuse(Code.PROBE_MISMATCH, sentence, **names)
    if logger.calibration_due_on < facts.arrives_on:
        sentence = "{logger} is calibrated until {until}, and would be under way on {on}. Take another logger."
        yield refuse(Code.SHIPPER_NOT_READY, sentence, until=logger.calibration_due_on, on=facts.arrives_on, **names)


# --- hands ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HandsFacts:
    """Who has a shipment in hand, in words, and whether that is the person who acts."""

    shipment: str
    holder: str
    is_mine: bool


def hand_over_refusals(facts: HandsFacts) -> tuple[Refusal, ...]:
    """Why somebody does not hand a shipment over: they do not have it."""
    if facts.is_mine:
        return ()
    sentence = (
        "Shipment {shipment} is in the hands of {holder}, not in yours. Take it over first, or let them hand it over."
    )
    return (refuse(Code.WRONG_STATE, sentence, shipment=facts.shipment, holder=facts.holder),)


def take_over_refusals(facts: HandsFacts) -> tuple[Refusal, ...]:
    """Why somebody does not take a shipment over: they have it."""
    if not facts.is_mine:
        return ()
    sentence = "You have shipment {shipment} in hand already: there is nothing to take over."
    return (refuse(Code.WRONG_STATE, sentence, shipment=facts.shipment),)
