"""How tissue must arrive: in time and cold. Inside the soft limits it is accepted, up to the hard ones a quality
officer decides, beyond them it is refused (domain reference, §4.1)."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import DonationKind


@dataclass(frozen=True)
class ArrivalFacts:
    """One placenta or cord at the door, and the limits of its specification."""

    limits: DonationKind
    collected_at: datetime.datetime
    received_at: datetime.datetime
    transport_min_c: Decimal
    transport_max_c: Decimal
    container: str  # intact | leaking | open


def hours_between(earlier: datetime.datetime, later: datetime.datetime) -> Decimal:
    """Hours from one instant to another, exact to the second."""
    return Decimal((later - earlier) // datetime.timedelta(seconds=1)) / 3600


def arrival_refusals(facts: ArrivalFacts) -> tuple[Refusal, ...]:
    """Why the tissue cannot be taken in at all."""
    return (
        *_too_late(facts, facts.limits.hours_hard, "It is not taken in: discard it and tell the quality officer."),
        *_temperature(facts, hard=True, way_out="It is not taken in: discard it and tell the quality officer."),
    )


def arrival_questions(facts: ArrivalFacts) -> tuple[Refusal, ...]:
    """What a quality officer must decide before the tissue is processed; none inside the soft limits."""
    way_out = "A quality officer decides."
    found = [
        *_too_late(facts, facts.limits.hours_soft, way_out),
        *_temperature(facts, hard=False, way_out=way_out),
    ]
    if facts.container != "intact":
        found.append(
            refuse(
                Code.OUTSIDE_LIMITS,
                "The container arrived {container}. {way_out}",
                container=facts.container,
                way_out=way_out,
            )
        )
    return tuple(found)


def _too_late(facts: ArrivalFacts, limit: Decimal, way_out: str) -> list[Refusal]:
    hours = hours_between(facts.collected_at, facts.received_at)
    if hours <= limit:
        return []
    return [
        refuse(
            Code.TOO_LATE,
            "{tissue} arrived {hours} h after collection; the limit is {limit} h. {way_out}",
            tissue=facts.limits.title,
            hours=f"{hours:.1f}",
            limit=f"{limit:f}",
            way_out=way_out,
        )
    ]


def _temperature(facts: ArrivalFacts, *, hard: bool, way_out: str) -> list[Refusal]:
    limits = facts.limits.transport_hard_celsius if hard else facts.limits.transport_soft_celsius
    given = {"tissue": facts.limits.title, "low": f"{limits.low:f}", "high": f"{limits.high:f}", "way_out": way_out}
    found = []
    if facts.transport_max_c > limits.high:
        sentence = (
            "{tissue} was as warm as {reading} °C on the way; it must stay between {low} and {high} °C. {way_out}"
        )
        found.append(refuse(Code.TRANSPORT_TOO_WARM, sentence, reading=f"{facts.transport_max_c:f}", **given))
    if facts.transport_min_c < limits.low:
        sentence = (
            "{tissue} was as cold as {reading} °C on the way; it must stay between {low} and {high} °C. {way_out}"
        )
        found.append(refuse(Code.TRANSPORT_TOO_COLD, sentence, reading=f"{facts.transport_min_c:f}", **given))
    return found
