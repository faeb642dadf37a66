"""What was not allowed about a dose of which its paper form tells that it was given, whatever its record says.

It was given: each of these is told with the dose, and none of them turns it away. Twins in the database:
`a_finished_dose_is_not_given`, `a_discarded_vial_is_not_given`, `one_live_dose_per_subject_and_day`,
`stopped_after_started`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import DoseState, VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.telling import WRITTEN, order_refusals

#: A dose that was given up: its record says that nobody got it.
GIVEN_UP: dict[str, str] = {DoseState.DISCARDED: "discarded", DoseState.CANCELLED: "cancelled"}
#: Vials of which the record says that they are in no dose and never will be.
BOOKED_OUT: dict[str, str] = {
    VialState.DISCARDED: "destroyed",
    VialState.MISSING: "missing",
    VialState.QC_USED: "used up for testing",
    VialState.FROZEN: "never put away",
}
# What a form may leave open: nobody knows it any more, or it was not done.
DILUENT, VOLUME_GIVEN, COUNT, PREPARATION = "diluent", "volume given", "count", "preparation"
FIRST_CHECK, SECOND_CHECK = "first check", "second check"


@dataclass(frozen=True)
class Part:
    """A part of a form: its field, the column of the dose that says that the record has it, what it is called, and the
    word by which the form says that nobody knows it. `stays`: where the record has it, what the record says stays."""

    field: str
    column: str
    called: str
    unknown: str | None = None
    stays: bool = False


PARTS = (
    Part("thaw", "counted_at", "the thaw"), Part("count", "counted_at", "the count", COUNT),
    Part("preparation", "prepared_at", "the preparation", PREPARATION),
    Part("first_checked_at", "first_checked_at", "the first check", FIRST_CHECK, stays=True),
    Part("second_checked_at", "second_checked_at", "the second check", SECOND_CHECK, stays=True),
    Part("started_at", "infusion_started_at", "the start", stays=True),
)  # fmt: skip


def told_twice(dose: str, parts: Iterable[Part]) -> Iterator[Refusal]:
    """What the record has and the form tells again: done again on paper, or one of the two is wrong."""
    for part in parts:
        sentence = (
            "The record of dose {dose} has {part} at another time, and what it says stays. Find out which is true."
            if part.stays
            else "The record of dose {dose} had {part} already, and its form tells of it again: the form stands. Find "
            "out which is true."
        )
        yield refuse(Code.RECORDED_OTHERWISE, sentence, dose=dose, part=part.called)


@dataclass(frozen=True)
class Doer:
    """Somebody whom a form names: who it is (None: nobody with an account here), what they did on that day, in which
    role one does it; whether they had that role then, and a training for it."""

    id: int | None
    person: str
    did: str
    role: str
    on: date
    had_role: bool = True
    was_trained: bool = True


def doer_refusals(doer: Doer) -> Iterator[Refusal]:
    """Why this person should not have done it, as they stood then."""
    sentence = ""
    if doer.id is None:
        sentence = "{person}, who {did} on {on} as the form says, has no account here. Find out who that is."
    elif not doer.had_role:
        sentence = "{person}, who {did} on {on}, was no {role} then."
    elif not doer.was_trained:
        sentence = "{person}, who {did} on {on}, had no valid training as {role} then."
    if sentence:
        yield refuse(Code.NOT_QUALIFIED, sentence, person=doer.person, did=doer.did, on=doer.on, role=doer.role)


def own_work_refusals(dose: str, drew: Doer | None, first: Doer | None, second: Doer | None) -> Iterator[Refusal]:
    """Whose check counts for nothing: whoever drew the dose up, and whoever checked it before, checks no work of
    another person. Twins: `preparer_does_not_verify`, `two_different_verifiers`, `no_infusion_without_two_verifiers`.
    """
    for check in (first, second):
        if check and drew and _same(check, drew):
            sentence = "{person} drew dose {dose} up and checked it: it was checked by nobody else."
            yield refuse(Code.NOT_QUALIFIED, sentence, person=check.person, dose=dose)
    if first and second and _same(first, second):
        sentence = "Both checks of dose {dose} are by {person}: no second person checked it."
        yield refuse(Code.NOT_QUALIFIED, sentence, person=first.person, dose=dose)


def _same(one: Doer, other: Doer) -> bool:
    return one.id == other.id and (one.id is not None or one.person.casefold() == other.person.casefold())


def unordered_refusals(dose: str, state: str, started_at: datetime, ordered_at: datetime) -> Iterator[Refusal]:
    """Why it was not allowed without an order, or before it."""
    if state == DoseState.UNORDERED:
        sentence = "Dose {dose} was given at {started} without an order. Nothing is given before a clinician orders it."
        yield refuse(Code.NOT_ORDERED, sentence, dose=dose, started=started_at)
    else:
        yield from order_refusals(started_at, f"Dose {dose}", ordered_at)


def recorded_otherwise(dose: str, state: str, vials: Mapping[str, str]) -> Iterator[Refusal]:
    """What the record says of the dose and of its vials (code → state), and the form does not."""
    if state in GIVEN_UP:
        sentence = "Dose {dose} is recorded as {state}, and its form says that it was given. Find out which is true."
        yield refuse(Code.RECORDED_OTHERWISE, sentence, dose=dose, state=GIVEN_UP[state])
    for vial, was in vials.items():
        if was in BOOKED_OUT:
            sentence = "Vial {vial} is recorded as {state}, and its cells are in dose {dose}. Find out which is true."
            yield refuse(Code.RECORDED_OTHERWISE, sentence, vial=printed(vial), state=BOOKED_OUT[was], dose=dose)


def left_out(dose: str, vials: Iterable[str], elsewhere: Mapping[str, str]) -> Iterator[Refusal]:
    """Vials that were thawed for the dose and that its form does not name; and those that it names and that are
    recorded where nobody could have taken them (code → state): these stay where they are recorded."""
    for vial in vials:
        sentence = "Vial {vial} was thawed for dose {dose}, and its form does not name it. Find out where it is."
        yield refuse(Code.RECORDED_OTHERWISE, sentence, vial=printed(vial), dose=dose)
    for vial, state in elsewhere.items():
        sentence = (
            "The form of dose {dose} names vial {vial}, which is recorded as {state} and stays so. Find out which is "
            "true."
        )
        yield refuse(Code.RECORDED_OTHERWISE, sentence, dose=dose, vial=printed(vial), state=state)


def not_told(dose: str, missing: Collection[str]) -> Iterator[Refusal]:
    """What nobody knows any more."""
    if missing:
        sentence = "The form of dose {dose} does not tell: {parts}. Ask those who gave it."
        yield refuse(Code.NOT_ON_THE_FORM, sentence, dose=dose, parts=", ".join(missing))


def pool_refusals(dose: str, pooled_ml: Decimal, drawn_ml: Decimal, final_ml: Decimal) -> Iterator[Refusal]:
    """Which volumes contradict each other."""
    if final_ml < drawn_ml:
        sentence = "The final volume of dose {dose}, {final} mL, is less than the {drawn} mL drawn into it."
        yield refuse(Code.FIGURES_CONTRADICT, sentence, dose=dose, final=final_ml, drawn=drawn_ml)
    if drawn_ml > pooled_ml:
        sentence = "{drawn} mL were drawn from the pool of dose {dose}, which held {pooled} mL."
        yield refuse(Code.FIGURES_CONTRADICT, sentence, dose=dose, drawn=drawn_ml, pooled=pooled_ml)


@dataclass(frozen=True)
class Step:
    """One step of a dose in the order in which they follow each other; `at` is None where nobody knows it."""

    called: str
    at: datetime | None


def step_refusals(dose: str, steps: Sequence[Step]) -> Iterator[Refusal]:
    """Which steps lie before one that they follow: a clock was read wrong, or the record's. Forms have no seconds."""
    last: Step | None = None
    for step in steps:
        if step.at is None:
            continue
        if last is not None and last.at is not None and step.at <= last.at - WRITTEN:
            sentence = (
                "{what} of dose {dose} ({at}) lies before what it follows: {before} ({after}). Find out which time is "
                "right."
            )
            yield refuse(
                Code.FIGURES_CONTRADICT,
                sentence,
                what=step.called,
                dose=dose,
                at=step.at,
                before=last.called,
                after=last.at,
            )
        else:
            last = step
