"""May this subject have this dose, of this lot, on this day?

The parts (weight; plan in plan.py, subject and lot in standing.py) are asked again at every stage: when the dose is
ordered, before a vial is thawed, and at the bedside. Twin in the database: `the_weight_is_of_the_subject` (migration
0003). Facts: domain reference §6.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cellbank.domain.dose import Band, dmso_band
from cellbank.domain.protocol import Protocol
from cellbank.domain.protocol_doses import WeightRules
from cellbank.domain.protocol_thaw import Limits
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.plan import PlanFacts, past_day_refusals, plan_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals

# --- the weight -------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeightFacts:
    """The newest usable weight, a newer one still waiting for its second person, and the one the dose was made for.

    `needed` is False for a fixed dose. `at` is the instant for which the weight must be fresh.
    """

    subject: str
    rules: WeightRules
    needed: bool
    weight_kg: Decimal | None
    measured_at: datetime | None
    pending_kg: Decimal | None
    used_kg: Decimal | None
    at: datetime


def change_percent(before_kg: Decimal, after_kg: Decimal) -> Fraction:
    """How much a weight has changed, in percent of the earlier one, without sign; exact."""
    return abs(Fraction(after_kg) - Fraction(before_kg)) * 100 / Fraction(before_kg)


def weight_refusals(facts: WeightFacts) -> tuple[Refusal, ...]:
    """Why no dose may rest on the weight: none, too old, changed too much."""
    if not facts.needed:
        return ()
    if facts.weight_kg is None or facts.measured_at is None:
        return (
            refuse(
                Code.WEIGHT_MISSING,
                "Subject {subject} has no {confirmed}weight. Measure it{with_whom}.",
                subject=facts.subject,
                confirmed="confirmed " if facts.rules.second_person else "",
                with_whom=" and let a second person confirm it" if facts.rules.second_person else "",
            ),
        )
    return tuple(_stale_refusals(facts, facts.weight_kg, facts.measured_at))


def _stale_refusals(facts: WeightFacts, weight_kg: Decimal, measured_at: datetime) -> Iterator[Refusal]:
    recalculate = facts.rules.change_percent_recalculate
    if facts.at - measured_at > timedelta(hours=facts.rules.max_age_hours):
        yield refuse(
            Code.WEIGHT_STALE,
            "The weight of subject {subject}, {kg} kg, was measured at {at}: older than {hours} h. Measure it again.",
            subject=facts.subject,
            kg=weight_kg,
            at=measured_at,
            hours=facts.rules.max_age_hours,
        )
    if facts.pending_kg is not None and change_percent(weight_kg, facts.pending_kg) > recalculate:
        yield refuse(
            Code.WEIGHT_STALE,
            "A newer weight of subject {subject}, more than {percent} % away, waits for its second person. "
            "Confirm it, or measure again.",
            subject=facts.subject,
            percent=recalculate,
        )
    if facts.used_kg is not None and change_percent(facts.used_kg, weight_kg) > recalculate:
        yield refuse(
            Code.WEIGHT_STALE,
            "Subject {subject} weighs {now} kg now, the dose was calculated for {used} kg: more than {percent} % "
            "apart. Do not give it; order the dose again.",
            subject=facts.subject,
            now=weight_kg,
            used=facts.used_kg,
            percent=recalculate,
        )


@dataclass(frozen=True)
class MeasurementFacts:
    """A weight just read from a scale."""

    weight_kg: Decimal
    rules: WeightRules


def measurement_refusals(facts: MeasurementFacts) -> tuple[Refusal, ...]:
    """Why a reading cannot be: outside what the protocol holds plausible, or finer than it allows."""
    found = []
    if not facts.rules.plausible_kg.holds(facts.weight_kg):
        found.append(
            refuse(
                Code.OUTSIDE_LIMITS,
                "{kg} kg is outside the {range} kg that the protocol holds plausible. Read the scale again, in kg.",
                kg=facts.weight_kg,
                range=facts.rules.plausible_kg,
            )
        )
    if facts.weight_kg != round(facts.weight_kg, facts.rules.decimals):
        found.append(
            refuse(
                Code.OUTSIDE_LIMITS,
                "{kg} kg is finer than the protocol's {decimals} decimals. Round it as the protocol says.",
                kg=facts.weight_kg,
                decimals=facts.rules.decimals,
            )
        )
    return tuple(found)


# --- the order --------------------------------------------------------------------------------


@dataclass(frozen=True)
class SupplyFacts:
    """What was found for a dose: a lot, its results, and vials locked for this order.

    `missing_results` are titles of tests without a reviewed result; `problem` says why a dose could not be calculated
    from them. Figures per kg are those of the calculated dose, DMSO with the day's other doses; None where there is no
    calculation.
    """

    product: str
    lot: LotFacts | None
    lot_product: str | None
    missing_results: tuple[str, ...] = ()
    problem: str | None = None
    vials_wanted: int | None = None
    vials_found: int = 0
    dmso_g_per_kg: Decimal | None = None
    endotoxin_eu_per_kg: Decimal | None = None


@dataclass(frozen=True)
class OrderFacts:
    """A dose about to be ordered; `today` is the date of the ward. No supply is sought for an arm without product."""

    subject: SubjectFacts
    plan: PlanFacts
    weight: WeightFacts
    supply: SupplyFacts | None
    today: date


def order_refusals(facts: OrderFacts) -> tuple[Refusal, ...]:
    """Every reason against an order, each part asked."""
    return (
        *subject_refusals(facts.subject),
        *plan_refusals(facts.plan),
        *weight_refusals(facts.weight),
        *(supply_refusals(facts.supply, facts.plan.protocol.limits) if facts.supply else ()),
        *past_day_refusals(facts.plan.on, facts.today),
    )


@dataclass(frozen=True)
class NewDayFacts:
    """A dose to be planned for another day, `plan.on`, which begins at `day_begins_at`; it was planned for `was_on`.

    `lot` and `weight` are meant for that day. `expires_at` is None before the thaw.
    """

    dose: str
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    weight: WeightFacts
    was_on: date
    today: date
    day_begins_at: datetime
    expires_at: datetime | None
    dmso_g_per_kg: Decimal  # of all doses of that day


def new_day_refusals(facts: NewDayFacts) -> tuple[Refusal, ...]:
    """Why the dose is not planned for this day instead: what speaks against an order for it, and time after thaw."""
    same: tuple[Refusal, ...] = ()
    over: tuple[Refusal, ...] = ()
    if facts.plan.on == facts.was_on:
        sentence = "Dose {dose} is planned for {on} already. Choose another day."
        same = (refuse(Code.ALREADY_EXISTS, sentence, dose=facts.dose, on=facts.was_on),)
    if facts.expires_at is not None and facts.expires_at <= facts.day_begins_at:
        over = (
            refuse(
                Code.OUT_OF_TIME,
                "Dose {dose} is thawed and can be used until {until}, not on {on}. Give it before, "
                "or discard it and order a new one.",
                dose=facts.dose,
                until=facts.expires_at,
                on=facts.plan.on,
            ),
        )
    return (
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *over,
        *limit_refusals(facts.dmso_g_per_kg, None, facts.plan.protocol.limits),
        *plan_refusals(facts.plan),
        *weight_refusals(facts.weight),
        *past_day_refusals(facts.plan.on, facts.today),
        *same,
    )


def supply_refusals(facts: SupplyFacts, limits: Limits) -> tuple[Refusal, ...]:
    """Why the dose cannot come from the lot that was found or asked for."""
    if facts.lot is None:
        return (
            refuse(
                Code.NOT_ENOUGH_VIALS,
                "No released lot of {product} has vials in stock. A lot must be released and put away first.",
                product=facts.product,
            ),
        )
    return (
        *lot_refusals(facts.lot),
        *_lot_evidence_refusals(facts, facts.lot.code),
        *_vial_count_refusals(facts, facts.lot.code),
        *limit_refusals(facts.dmso_g_per_kg, facts.endotoxin_eu_per_kg, limits),
    )


def _lot_evidence_refusals(facts: SupplyFacts, lot: str) -> Iterator[Refusal]:
    if facts.lot_product != facts.product:
        yield refuse(
            Code.WRONG_KIND,
            "Lot {lot} is {other}; the subject's arm receives {product}. Choose a lot of that product.",
            lot=lot,
            other=facts.lot_product,
            product=facts.product,
        )
    for title in facts.missing_results:
        yield refuse(
            Code.POST_THAW_RESULT_MISSING,
            "Lot {lot} has no reviewed result of “{test}”: the dose cannot be calculated. Enter and review it.",
            lot=lot,
            test=title,
        )
    if facts.problem:
        yield refuse(Code.OUTSIDE_LIMITS, "Lot {lot}: {problem}", lot=lot, problem=facts.problem)


def _vial_count_refusals(facts: SupplyFacts, lot: str) -> Iterator[Refusal]:
    if facts.vials_wanted is not None and facts.vials_found < facts.vials_wanted:
        yield refuse(
            Code.NOT_ENOUGH_VIALS,
            "{wanted} vials are needed, spare ones included, and lot {lot} has {found} free at this moment. "
            "Choose another lot, or try again when others have finished.",
            wanted=facts.vials_wanted,
            lot=lot,
            found=facts.vials_found,
        )


def weight_for_limits(protocol: Protocol, weight_kg: Decimal | None) -> Decimal:
    """The weight by which limits per kg are judged: the lightest plausible one where a fixed dose needs none."""
    return protocol.dosing.weight.plausible_kg.low if weight_kg is None else weight_kg


def limit_refusals(
    dmso_g_per_kg: Decimal | None, endotoxin_eu_per_kg: Decimal | None, limits: Limits
) -> tuple[Refusal, ...]:
    """Why a dose brings too much besides cells, per kg of body weight: DMSO of all doses of the day, endotoxin of this
    one. Source: domain reference §4.4, §5.3."""
    found = []
    if dmso_g_per_kg is not None and dmso_band(dmso_g_per_kg, limits) is Band.BLOCK:
        found.append(
            refuse(
                Code.DMSO_LIMIT,
                "The subject would be given {dmso} g/kg of DMSO that day, with all doses of the day; the limit is "
                "{limit} g/kg. Use a lot with more cells a vial, or another day.",
                dmso=dmso_g_per_kg,
                limit=limits.dmso_g_per_kg,
            )
        )
    if endotoxin_eu_per_kg is not None and endotoxin_eu_per_kg > limits.endotoxin_eu_per_kg:
        found.append(
            refuse(
                Code.ENDOTOXIN_LIMIT,
                "The dose brings {endotoxin} EU/kg of endotoxin; the limit is {limit} EU/kg. Use another lot.",
                endotoxin=endotoxin_eu_per_kg,
                limit=limits.endotoxin_eu_per_kg,
            )
        )
    return tuple(found)
