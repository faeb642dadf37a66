"""Deviations: how soon each is to be dealt with, and what it takes to close one.

Twins in the database: a_closed_deviation_stays_closed, nothing_is_added_to_a_closed_deviation,
no_closing_before_the_correction, ck_deviation_closed_by_another_person, a_deviation_is_lowered_with_a_signature,
a_deviation_is_lowered_by_another, ck_corrective_action_verified_by_another_person.
"""

import datetime
from dataclasses import dataclass
from typing import Literal

from cellbank.domain.lifecycle.states import DeviationState
from cellbank.domain.refusals import Code, Refusal, refuse

Classification = Literal["minor", "major", "critical"]

# Days from the opening to the day on which a deviation is to be closed: the graver, the sooner.
DUE_DAYS: dict[Classification, int] = {"minor": 60, "major": 30, "critical": 10}


def due_day(opened_on: datetime.date, classification: Classification) -> datetime.date:
    """The day by which a deviation opened on this day is to be closed."""
    return opened_on + datetime.timedelta(days=DUE_DAYS[classification])


def moved_due_day(due_on: datetime.date, before: Classification, after: Classification) -> datetime.date:
    """The day by which one is to be closed that was opened as something else: its days run from the opening, not from
    the second look."""
    return due_on + datetime.timedelta(days=DUE_DAYS[after] - DUE_DAYS[before])


def is_lower(before: Classification, after: Classification) -> bool:
    """Whether a deviation becomes less grave: the graver, the sooner it is to be closed."""
    return DUE_DAYS[after] > DUE_DAYS[before]


def raising_refusals(deviation: str, before: Classification, after: Classification) -> tuple[Refusal, ...]:
    """Graver it becomes by one person, at once; less grave it does not, for a stop may go with it."""
    if before == after:
        sentence = "Deviation {deviation} is {classification} already. Nothing was changed."
        return (refuse(Code.ALREADY_EXISTS, sentence, deviation=deviation, classification=after),)
    if not is_lower(before, after):
        return ()
    sentence = (
        "Deviation {deviation} is {classification}. It becomes less grave only once it is investigated: a quality "
        "officer who neither opened nor investigated it signs “Lower a deviation”."
    )
    return (refuse(Code.SECOND_PERSON_NEEDED, sentence, deviation=deviation, classification=before),)


def lowering_refusals(deviation: str, before: Classification, after: Classification) -> tuple[Refusal, ...]:
    """What is signed as less grave is less grave."""
    if is_lower(before, after):
        return ()
    sentence = (
        "Deviation {deviation} is {classification}, which is not graver than what you gave. Nothing was changed. To "
        "make it graver, classify it anew."
    )
    return (refuse(Code.ALREADY_EXISTS, sentence, deviation=deviation, classification=before),)


@dataclass(frozen=True)
class PlannedAction:
    """A corrective or preventive action that is not done yet."""

    code: str
    type: str


def closing_refusals(deviation: str, planned: tuple[PlannedAction, ...]) -> tuple[Refusal, ...]:
    """A corrective action puts right what went wrong: it is done before the deviation is closed. A preventive one works
    on the next time, and may outlive it."""
    waiting = [one.code for one in planned if one.type == "corrective"]
    if not waiting:
        return ()
    sentence = "Deviation {deviation} waits for its corrective actions: {codes}. Have them done first."
    return (refuse(Code.CRITERION_OPEN, sentence, deviation=deviation, codes=", ".join(waiting)),)


def closed_refusals(deviation: str, state: str) -> tuple[Refusal, ...]:
    """What was decided stays as it was decided, until it is taken up again."""
    if state != DeviationState.CLOSED:
        return ()
    sentence = "Deviation {deviation} is closed. A quality officer reopens it first."
    return (refuse(Code.WRONG_STATE, sentence, deviation=deviation),)


def due_refusals(due_on: datetime.date, today: datetime.date) -> tuple[Refusal, ...]:
    """Nobody can do by yesterday what is planned today."""
    if due_on >= today:
        return ()
    sentence = "The action is due on {due_on}, before today ({today}). Give a day to come."
    return (refuse(Code.OUT_OF_ORDER, sentence, due_on=due_on, today=today),)
