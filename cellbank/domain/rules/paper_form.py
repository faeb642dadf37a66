"""What was not allowed about a dose of which its paper form tells that it was given, whatever its record says.

It was given: each of these is told with the dose, and none of them turns it away. Twins in the database:
`a_finished_dose_is_not_given`, `a_discarded_vial_is_not_given`, `one_live_dose_per_subject_and_day`,
`stopped_after_started`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from cellbank.domain.identifiers import printed
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.telling import WRITTEN

#: A dose that was given up: its record says that nobody got it.
GIVEN_UP = {"DISCARDED": "discarded", "CANCELLED": "cancelled"}
#: Vials of which the record says that they are in no dose and never will be.
BOOKED_OUT = {
    "DISCARDED": "destroyed", "MISSING": "missing", "QC_USED": "used up for testing", "FROZEN": "never put away",
}  # fmt: skip
#: The parts of a form: the field, the column of the dose that says that the record has it, and what it is called.
PARTS = (
    ("thaw", "counted_at", "the thaw"), ("count", "counted_at", "the count"),
    ("preparation", "prepared_at", "the preparation"), ("first_checked_at", "first_checked_at", "the first check"),
    ("second_checked_at", "second_checked_at", "the second check"), ("started_at", "infusion_started_at", "the start"),
)  # fmt: skip
DILUENT, VOLUME_GIVEN = "diluent", "volume given"


@dataclass(frozen=True)
class Preparer:
    """Who drew a dose up, as the form names them: whether they had the role on that day, and a training for it."""

    person: str
    on: date
    had_role: bool
    was_trained: bool


def preparer_refusals(facts: Preparer) -> Iterator[Refusal]:
    """Why this person should not have drawn it up."""
    if not facts.had_role:
        sentence = "{person}, who drew the dose up on {on}, was no technician then."
        yield refuse(Code.NOT_QUALIFIED, sentence, person=facts.person, on=facts.on)
    elif not facts.was_trained:
        sentence = "{person}, who drew the dose up on {on}, had no valid training as technician then."
        yield refuse(Code.NOT_QUALIFIED, sentence, person=facts.person, on=facts.on)


def recorded_otherwise(dose: str, state: str, vials: Mapping[str, str]) -> Iterator[Refusal]:
    """What the record says of the dose and of its vials (code → state), and the form does not."""
    if state in GIVEN_UP:
        sentence = "Dose {dose} is recorded as {state}, and its form says that it was given. Find out which is true."
        yield refuse(Code.RECORDED_OTHERWISE, sentence, dose=dose, state=GIVEN_UP[state])
    for vial, was in vials.items():
        if was in BOOKED_OUT:
            sentence = "Vial {vial} is recorded as {state}, and its cells are in dose {dose}. Find out which is true."
            yield refuse(Code.RECORDED_OTHERWISE, sentence, vial=printed(vial), state=BOOKED_OUT[was], dose=dose)


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
                Code.FIGURES_CONTRADICT, sentence, what=step.called, dose=dose, at=step.at, before=last.called,
                after=last.at,
            )  # fmt: skip
        else:
            last = step
