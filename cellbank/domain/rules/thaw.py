"""From the bench to the pool: is there time, are the cells alive, are these the vials?

The clock starts with the thaw of the first vial and never stops. Nothing thawed goes back.
Twins in the database: `a_thaw_is_never_undone`, `never_refrozen`, `nothing_expired_is_thawed`,
`a_used_vial_stays_used`, `no_dose_from_a_vial_that_warmed`. Facts: domain reference §4.3, §4.4, §6.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import printed
from cellbank.domain.protocol_thaw import ThawRules
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.dosing import WeightFacts, limit_refusals, weight_refusals
from cellbank.domain.rules.picking import NOT_GIVEN, VialFacts, vial_refusals
from cellbank.domain.rules.plan import PlanFacts, plan_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.warming import Budget, warming_refusals

# Thawing makes no cells. A count may still exceed the nominal fill: fills vary by ±20 % (domain reference §6.3).
COUNT_ABOVE_FILL_PERCENT = 20


@dataclass(frozen=True)
class SpareFacts:
    """A dose for which a spare vial is called: how many still stand in the tank uncalled, and how the count was."""

    dose: str
    left: int
    is_counted: bool
    is_short: bool
    expires_at: datetime | None
    now: datetime


def spare_refusals(facts: SpareFacts) -> tuple[Refusal, ...]:
    """Why no spare vial is fetched: none is left, the dose is whole, or its time is over."""
    found = list(time_left_refusals(facts.dose, facts.expires_at, facts.now))
    if facts.is_counted and not facts.is_short:
        sentence = "Dose {dose} is not short: no further vial is needed. Prepare it."
        found.append(refuse(Code.WRONG_STATE, sentence, dose=facts.dose))
    if facts.left < 1:
        sentence = (
            "Dose {dose} has no spare vial left in the tank. A clinician accepts the short dose, or discard it and "
            "order again."
        )
        found.append(refuse(Code.NOT_ENOUGH_VIALS, sentence, dose=facts.dose))
    return tuple(found)


@dataclass(frozen=True)
class ThawFacts:
    """A vial about to be thawed. `expires_at` is None for the first; `was_counted`: it comes on top of a pool."""

    vial: VialFacts
    dose: str
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    weight: WeightFacts
    expires_at: datetime | None
    was_counted: bool
    is_short: bool
    dmso_g_per_kg: Decimal  # of the vials thawed, this one, and the other doses of the day
    now: datetime
    warmed: Budget | None = None  # as in PickFacts: a vial may be left out after it was picked


def thaw_refusals(facts: ThawFacts) -> tuple[Refusal, ...]:
    """Why the vial stays frozen. A dose that could not be given today must not be thawed today."""
    found = [
        *vial_refusals(facts.vial, facts.dose, facts.subject.code),
        *(warming_refusals(facts.vial.code, facts.warmed, NOT_GIVEN) if facts.warmed else ()),
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *plan_refusals(facts.plan),
        *weight_refusals(facts.weight),
        *limit_refusals(facts.dmso_g_per_kg, None, facts.plan.protocol.limits),
    ]
    if facts.was_counted and not facts.is_short:
        found.append(
            refuse(
                Code.WRONG_STATE,
                "Dose {dose} is counted and holds enough cells: no further vial is thawed. Prepare it.",
                dose=facts.dose,
            )
        )
    return (*found, *time_left_refusals(facts.dose, facts.expires_at, facts.now))


def time_left_refusals(dose: str, expires_at: datetime | None, now: datetime) -> tuple[Refusal, ...]:
    """Why a thawed dose may not be gone on with: its time is over. At the very instant of expiry it is over."""
    if expires_at is None or now < expires_at:
        return ()
    return (
        refuse(
            Code.OUT_OF_TIME,
            "Dose {dose} could be used until {until} after thaw. Discard it and order a new one.",
            dose=dose,
            until=expires_at,
        ),
    )


def usable_until(rules: ThawRules, started_at: datetime, diluent: str | None) -> datetime:
    """Until when thawed cells may be used: by the diluent once it is known, else by the longest that is allowed; in one
    that the protocol does not have for no longer than in the worst of its own."""
    known = {one.code: one.hours_to_expiry for one in rules.diluents}
    hours = rules.max_hours if diluent is None else min(rules.max_hours, known.get(diluent, min(known.values())))
    return started_at + timedelta(seconds=int(hours * 3600))


@dataclass(frozen=True)
class CountFacts:
    """A pool as measured. `expected` are the thawed vials of the dose, `scanned` those that went into the pool."""

    dose: str
    expected: tuple[str, ...]
    scanned: tuple[str, ...]
    rules: ThawRules
    diluent: str
    earlier_diluent: str | None
    started_at: datetime
    viability_percent: Decimal
    method: str
    total_cells: Fraction
    cells_per_vial: int
    problem: str | None
    now: datetime


def count_refusals(facts: CountFacts) -> tuple[Refusal, ...]:
    """Why the pool is not the dose: other vials, dead cells, too late, or figures that cannot be."""
    return tuple(_count_refusals(facts))


def _count_refusals(facts: CountFacts) -> Iterator[Refusal]:
    yield from set_refusals(facts.dose, facts.expected, facts.scanned, "thawed")
    if facts.viability_percent < facts.rules.viability_minimum_percent:
        yield refuse(
            Code.VIABILITY_TOO_LOW,
            "Viability {found} % is below the limit of {limit} %. Do not give it: count again, or discard the dose.",
            found=facts.viability_percent,
            limit=facts.rules.viability_minimum_percent,
        )
    if skeleton(facts.method) != skeleton(facts.rules.viability_method):
        yield refuse(
            Code.OTHER_METHOD,
            "The limit of {limit} % is one of {wanted}; the viability was found by {method}, and methods differ after "
            "thaw. Count by {wanted}.",
            limit=facts.rules.viability_minimum_percent,
            wanted=facts.rules.viability_method,
            method=facts.method,
        )
    yield from _diluent_refusals(facts)
    if facts.total_cells > Fraction(facts.cells_per_vial * len(facts.scanned) * (100 + COUNT_ABOVE_FILL_PERCENT), 100):
        yield refuse(
            Code.FIGURES_CONTRADICT,
            "The pool would hold {found:.1f} ×10⁶ cells, but {count} vials were filled with {filled:.1f} ×10⁶ "
            "together. Check the dilution factor and the volume.",
            found=float(facts.total_cells) / 1e6,
            count=len(facts.scanned),
            filled=facts.cells_per_vial * len(facts.scanned) / 1e6,
        )
    if facts.problem:
        yield refuse(Code.FIGURES_CONTRADICT, "Dose {dose}: {problem}", dose=facts.dose, problem=facts.problem)


def _diluent_refusals(facts: CountFacts) -> Iterator[Refusal]:
    known = [diluent.code for diluent in facts.rules.diluents]
    if facts.diluent not in known:
        yield refuse(
            Code.OTHER_DILUENT,
            "Diluent {given} is not in the protocol. Choose one of: {known}.",
            given=facts.diluent,
            known=", ".join(known),
        )
    if facts.earlier_diluent not in (None, facts.diluent):
        yield refuse(
            Code.OTHER_DILUENT,
            "The pool is in {earlier} already: another diluent cannot be added. Give {earlier}.",
            earlier=facts.earlier_diluent,
        )
    yield from time_left_refusals(facts.dose, usable_until(facts.rules, facts.started_at, facts.diluent), facts.now)


def set_refusals(dose: str, expected: Collection[str], scanned: Collection[str], what: str) -> Iterator[Refusal]:
    """Refusals that name every vial missing from, or strange to, the vials of a dose."""
    missing, strange = sorted(set(expected) - set(scanned)), sorted(set(scanned) - set(expected))
    if missing:
        yield refuse(
            Code.VIAL_MISMATCH,
            "Not scanned, though {what} for dose {dose}: {vials}. Scan all of them.",
            what=what,
            dose=dose,
            vials=", ".join(map(printed, missing)),
        )
    if strange:
        yield refuse(
            Code.VIAL_MISMATCH,
            "Scanned, but not {what} for dose {dose}: {vials}. Take them away and find out whose they are.",
            what=what,
            dose=dose,
            vials=", ".join(map(printed, strange)),
        )
