"""Receiving a shipment: its seals, how late it comes, what differs from what was sent, and what keeps it from use.

Source: domain reference §3.4 (accepted or rejected by signature before stock becomes available), §4.3 (a gap in the
trace of a shipper is an excursion until it is explained), §7.2 (receive: seals, trace, count).
Twins in the database: only_accepted_stock_is_used, a_record_is_changed_at_its_site, a_shipment_is_received_once,
ck_shipment_decided_by_another_person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import ExcursionState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.deviation import Classification

# What differs, and how grave a deviation that is until somebody has looked into it. A damaged vial is destroyed and
# harms nobody; whatever else differs leaves open what happened to all the others.
CLASSIFIED: dict[str, Classification] = {
    "seal": "major",
    "late": "major",
    "damaged": "minor",
    "missing": "major",
    "extra": "major",
}
TITLES = {
    "seal": "Seals of shipment {shipment} not as they were put on",
    "late": "Shipment {shipment} arrived after the shipper's hold time",
    "damaged": "Damaged vials in shipment {shipment}",
    "missing": "Vials missing from shipment {shipment}",
    "extra": "Something in shipment {shipment} that was not packed",
}
# They say something about every vial of the shipment. What is missing or extra says nothing about those that arrived.
STOPPING = frozenset({"seal", "late", "damaged"})
INTACT, BROKEN, NOT_THERE = "intact", "broken", "missing"


def _some(codes: Sequence[str]) -> str:
    """The codes as words of a sentence; the first ten, for a whole shipment may be missing."""
    more = f" and {len(codes) - 10} more" if len(codes) > 10 else ""
    return ", ".join(map(printed, codes[:10])) + more


# --- arrival ----------------------------------------------------------------------------------


def destination_refusals(shipment: str, goes_to: str, here: str) -> tuple[Refusal, ...]:
    """A shipment is received where it was sent to, and nowhere else."""
    if goes_to == here:
        return ()
    sentence = (
        "Shipment {shipment} goes to {goes_to}; this is {here}. Leave it sealed: its carrier is to take it there."
    )
    return (refuse(Code.OTHER_SITE, sentence, shipment=shipment, goes_to=goes_to, here=here),)


def seals_as_found(put_on: Sequence[str], intact: Sequence[str], broken: Sequence[str]) -> dict[str, str]:
    """Each seal with how it was found; one that was put on and not found is missing."""
    found = {**dict.fromkeys(intact, INTACT), **dict.fromkeys(broken, BROKEN)}
    return {**dict.fromkeys(put_on, NOT_THERE), **found}


# --- vial by vial -----------------------------------------------------------------------------


def stranger_refusals(shipment: str, strangers: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Why vials are not checked in: they were not packed into this shipment. `strangers` says how each stands."""
    sentence = (
        "Vial {vial} was not packed into shipment {shipment}: the book has it {state}. Keep it in the cold and apart, "
        "and name it as extra when you close the receipt."
    )
    return tuple(
        refuse(Code.NOT_IN_SHIPMENT, sentence, vial=printed(vial), shipment=shipment, state=state)
        for vial, state in strangers.items()
    )


def extra_refusals(shipment: str, packed: Sequence[str]) -> tuple[Refusal, ...]:
    """Why something is not extra: it was packed into this very shipment."""
    sentence = "Vial {vial} belongs to shipment {shipment}: check it in, and take it out of what is extra."
    return tuple(refuse(Code.WRONG_KIND, sentence, vial=printed(vial), shipment=shipment) for vial in packed)


# --- what differs -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Receipt:
    """A shipment as it was sent and as it was found. `seals_found` as `seals_as_found` gives it; vials by code."""

    seals: tuple[str, ...]
    seals_found: Mapping[str, str]
    charged_at: datetime
    received_at: datetime
    hold_hours: Decimal
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One thing that differs: `what` as in CLASSIFIED, `detail` in words, and the codes that it is about; none: about
    the whole shipment."""

    what: str
    detail: str
    codes: tuple[str, ...] = ()


def hours(since: datetime, until: datetime) -> Decimal:
    """The hours between two moments, to a tenth."""
    return Decimal((until - since) / timedelta(hours=1)).quantize(Decimal("0.1"))


def differences(receipt: Receipt) -> tuple[Difference, ...]:
    """What differs from what was sent, each kind once, in the order of CLASSIFIED."""
    return tuple(_differences(receipt))


def _differences(receipt: Receipt) -> Iterator[Difference]:
    if wrong := _wrong_seals(receipt):
        yield Difference("seal", "; ".join(wrong))
    if receipt.received_at - receipt.charged_at > timedelta(hours=float(receipt.hold_hours)):
        after = hours(receipt.charged_at, receipt.received_at)
        yield Difference("late", f"arrived {after} h after it was charged; it holds for {receipt.hold_hours} h")
    for what, codes in (("damaged", receipt.damaged), ("missing", receipt.missing), ("extra", receipt.extra)):
        if codes:
            yield Difference(what, f"{len(codes)}: {_some(codes)}", codes)


def _wrong_seals(receipt: Receipt) -> list[str]:
    return [
        f"seal {number} {how if number in receipt.seals else 'was not put on by the sender'}"
        for number, how in receipt.seals_found.items()
        if how != INTACT or number not in receipt.seals
    ]


# --- acceptance -------------------------------------------------------------------------------


def stops(what: str | None, classification: str) -> bool:
    """Whether an open deviation of a shipment stops its acceptance. `what` of its receipt it is about; None: somebody
    linked the shipment to it, and a minor one stops nothing."""
    return what in STOPPING if what else classification != "minor"


@dataclass(frozen=True)
class Gap:
    """A time on the way without a reading, which no decided silence explains."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class OnTheWay:
    """An excursion of the logger while vials stood in the shipper; `state` OPEN until it is decided."""

    code: str
    kind: str
    state: str


@dataclass(frozen=True)
class Acceptance:
    """What an acceptance asks. `outside` are vials that stand in no box yet; `has_trace`: a reading of the way is
    there; `deviations` maps open ones that stop the shipment to what they are about."""

    shipment: str
    has_vials: bool
    outside: tuple[str, ...]
    logger: str | None
    has_trace: bool
    gaps: tuple[Gap, ...]
    excursions: tuple[OnTheWay, ...]
    deviations: Mapping[str, str]


def acceptance_refusals(facts: Acceptance) -> tuple[Refusal, ...]:
    """Why the vials of a shipment do not become stock yet. A shipper that came home empty needs no trace."""
    found = [*_outside(facts), *_deviations(facts)]
    if facts.has_vials:
        found += [*_trace(facts), *_excursions(facts)]
    return tuple(found)


def _outside(facts: Acceptance) -> Iterator[Refusal]:
    if facts.outside:
        sentence = (
            "Vials of shipment {shipment} stand in no box yet ({count}): {vials}. Put them away, or discard them."
        )
        yield refuse(
            Code.CRITERION_OPEN,
            sentence,
            count=len(facts.outside),
            shipment=facts.shipment,
            vials=_some(facts.outside),
        )


def _trace(facts: Acceptance) -> Iterator[Refusal]:
    if facts.logger is None:
        sentence = "Shipment {shipment} travelled without a logger: how cold it was, nobody knows. Reject it."
        yield refuse(Code.TRACE_MISSING, sentence, shipment=facts.shipment)
    elif not facts.has_trace:
        sentence = (
            "No reading of logger {logger} from the way of shipment {shipment} is here: how cold it was is not known. "
            "Import the logger's file."
        )
        yield refuse(Code.TRACE_MISSING, sentence, logger=facts.logger, shipment=facts.shipment)
    else:
        sentence = (
            "Logger {logger} has no reading from {since} to {until}, when it was on "
            "its way with shipment {shipment}. Import the rest of its file, or decide the silence as an excursion."
        )
        for gap in facts.gaps:
            yield refuse(
                Code.TRACE_MISSING,
                sentence,
                logger=facts.logger,
                shipment=facts.shipment,
                since=gap.since,
                until=gap.until,
            )


def _excursions(facts: Acceptance) -> Iterator[Refusal]:
    for one in facts.excursions:
        sentence = "Excursion {excursion} ({kind}) on the way of shipment {shipment} is not decided. Decide it first."
        if one.state == ExcursionState.REJECTED:
            sentence = "Excursion {excursion} ({kind}) was decided against the vials of shipment {shipment}: reject it."
        if one.state != ExcursionState.ACCEPTED:
            yield refuse(Code.EXCURSION_OPEN, sentence, excursion=one.code, kind=one.kind, shipment=facts.shipment)


def _deviations(facts: Acceptance) -> Iterator[Refusal]:
    sentence = (
        "Deviation {deviation} of shipment {shipment} is open ({what}). Investigate and close it first, or reject the "
        "shipment."
    )
    for code, what in facts.deviations.items():
        yield refuse(Code.DEVIATION_OPEN, sentence, deviation=code, shipment=facts.shipment, what=what)
