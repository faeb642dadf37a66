"""When an infusion may be given: its place in the plan, the window, the rest before it, and the day it is planned for.

Asked when the dose is ordered, planned anew, thawed, checked and started. Twins in the database:
`one_live_dose_per_subject_and_day`, `one_running_infusion_per_subject` (migration 0001), `a_dose_is_given_on_its_day`.
Facts: domain reference §6.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from cellbank.domain.dose import study_day, window
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.protocol import Protocol
from cellbank.domain.refusals import Code, Refusal, refuse

GIVEN = (DoseState.INFUSING, DoseState.INFUSED, DoseState.RECONCILED)


@dataclass(frozen=True)
class OtherDose:
    """Another live dose of the subject; the dates are those of the ward. `dmso_ml` is the pure DMSO that it brings."""

    code: str
    number: int
    state: str
    started_on: date | None
    ended_at: datetime | None
    planned_on: date | None = None
    dmso_ml: Fraction = Fraction(0)

    @property
    def on(self) -> date | None:
        """The day on which it was given, or for which it is planned."""
        return self.started_on or self.planned_on

    @property
    def is_given(self) -> bool:
        """Whether its infusion has begun."""
        return self.state in GIVEN


@dataclass(frozen=True)
class PlanFacts:
    """Infusion `number` on the local date `on`, and the subject's other live doses.

    `latest_at` is the last instant meant: the end of that day for an order, now at the bedside.
    `deviation_on` is the one date for which a deviation from the window was reasoned and signed. `planned_on` is the
    date for which the dose is planned; None while it is being planned for `on`.
    """

    protocol: Protocol
    number: int
    on: date
    latest_at: datetime
    others: tuple[OtherDose, ...]
    deviation_on: date | None = None
    planned_on: date | None = None

    @property
    def first_infusion_on(self) -> date | None:
        """Day 1: the date of the first infusion, which for infusion 1 is the date meant."""
        if self.number == 1:
            return self.on
        return next((dose.started_on for dose in self.others if dose.number == 1 and dose.is_given), None)

    @property
    def dmso_ml_that_day(self) -> Fraction:
        """Pure DMSO of the subject's other doses on the date meant."""
        return sum((other.dmso_ml for other in self.others if other.on == self.on), Fraction(0))

    @property
    def study_day(self) -> int | None:
        """The study day of the date meant; None while there is no day 1."""
        first = self.first_infusion_on
        return None if first is None else study_day(first, self.on)


def plan_refusals(facts: PlanFacts) -> tuple[Refusal, ...]:
    """Why this infusion has no place on this day: a double, one too many, another day than the planned one, outside
    its window, too early."""
    planned = len(facts.protocol.dosing.infusions)
    if facts.number > planned:
        return (
            refuse(
                Code.TOO_MANY_DOSES,
                "The protocol has {planned} infusions: there is no number {number}. Order one of those.",
                planned=planned,
                number=facts.number,
            ),
        )
    return (
        *_double_refusals(facts),
        *_other_day_refusals(facts),
        *_rest_refusals(facts),
        *_window_refusals(facts),
    )


def _other_day_refusals(facts: PlanFacts) -> Iterator[Refusal]:
    """Inside its window an infusion still has its day: ward, weight and vials were arranged for that one."""
    if facts.planned_on not in (None, facts.on):
        yield refuse(
            Code.NOT_THE_PLANNED_DAY,
            "Infusion {number} is planned for {planned}, and today is {on}. Leave it for its day; if it is meant for "
            "today, a clinician plans it anew, with the reason.",
            number=facts.number,
            planned=facts.planned_on,
            on=facts.on,
        )


def pick_day_refusals(facts: PlanFacts) -> tuple[Refusal, ...]:
    """Why no vial leaves the tank today: it may on the planned day or the day before, for an early thaw."""
    if facts.planned_on is None or facts.planned_on - facts.on in (timedelta(0), timedelta(days=1)):
        return ()
    return (
        refuse(
            Code.NOT_THE_PLANNED_DAY,
            "Infusion {number} is planned for {planned}, and today is {on}: its vials leave the tank on that day or "
            "the day before. Leave them in the cold, or let a clinician plan it anew.",
            number=facts.number,
            planned=facts.planned_on,
            on=facts.on,
        ),
    )


def past_day_refusals(on: date, today: date) -> tuple[Refusal, ...]:
    """Why nothing is planned for this day: it is over."""
    if on >= today:
        return ()
    sentence = "{on} lies in the past; today is {today}. Choose today or a later day."
    return (refuse(Code.OUT_OF_ORDER, sentence, on=on, today=today),)


def _double_refusals(facts: PlanFacts) -> Iterator[Refusal]:
    for other in facts.others:
        if other.number == facts.number:
            yield refuse(
                Code.DUPLICATE_DOSE,
                "Infusion {number} exists already: dose {dose} is {state}. Go on with it, or cancel it first.",
                number=facts.number,
                dose=other.code,
                state=other.state,
            )
        elif other.is_given and other.started_on == facts.on and facts.protocol.dosing.one_per_calendar_day:
            yield refuse(
                Code.DUPLICATE_DOSE,
                "Dose {dose} was given on {on}: one infusion a calendar day. Choose a later day.",
                dose=other.code,
                on=facts.on,
            )
        elif other.is_given and other.number > facts.number:
            yield refuse(
                Code.OVERTAKEN,
                "Infusion {later} has been given already: infusion {number} was skipped and is not "
                "made up for. Order the next one.",
                later=other.number,
                number=facts.number,
            )


def _rest_refusals(facts: PlanFacts) -> Iterator[Refusal]:
    hours = facts.protocol.dosing.min_hours_between
    for other in facts.others:
        if other.number == facts.number:
            continue
        if not other.is_given or other.ended_at is None:
            yield refuse(
                Code.TOO_EARLY,
                "Infusion {other} (dose {dose}) is {state}. Finish or cancel it before infusion {number}.",
                other=other.number,
                dose=other.code,
                state=other.state,
                number=facts.number,
            )
        elif facts.latest_at < (rested := other.ended_at + timedelta(hours=hours)):
            yield refuse(
                Code.TOO_EARLY,
                "Infusion {other} ended at {ended}; {hours} h must pass: not before {rested}.",
                other=other.number,
                ended=other.ended_at,
                hours=hours,
                rested=rested,
            )


def _window_refusals(facts: PlanFacts) -> Iterator[Refusal]:
    first = facts.first_infusion_on
    if first is None:
        yield refuse(
            Code.TOO_EARLY,
            "Infusion 1 has not been given, and study days count from it. Give infusion 1 before infusion {number}.",
            number=facts.number,
        )
        return
    allowed = window(facts.protocol, facts.number, first)
    if not allowed.holds(facts.on) and facts.on != facts.deviation_on:
        yield refuse(
            Code.OUTSIDE_WINDOW,
            "Infusion {number} may be given from {earliest} to {latest}; {on} is study day {day}. Choose a day "
            "inside the window, or order it as a deviation with its reason for exactly that day.",
            number=facts.number,
            earliest=allowed.earliest_on,
            latest=allowed.latest_on,
            on=facts.on,
            day=facts.study_day,
        )
