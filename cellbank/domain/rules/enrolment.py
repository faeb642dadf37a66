"""Who may enter the trial, and when eligibility can be signed or a subject completed. Source: domain reference §8.

Twins in the database: uq_subject_protocol_id_trial_number, uq_subject_protocol_id_second_identifier,
ck_subject_enrolled_is_eligible, a_subject_keeps_its_arm; and no_dose_for_the_control_arm, which keeps cells from
everybody whose arm receives none.
"""

import datetime
from dataclasses import dataclass

from cellbank.domain.eligibility import Assessment, Eligibility
from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class EnrolmentFacts:
    """Somebody to be enrolled; the two `…_is` name the subject that already has the number (None: nobody has)."""

    trial_number: str
    trial_number_is: str | None
    second_identifier: str
    second_identifier_is: str | None
    born_on: datetime.date
    consented_on: datetime.date
    arm: str
    arms: tuple[str, ...]


def enrolment_refusals(facts: EnrolmentFacts) -> tuple[Refusal, ...]:
    """Why this person cannot be enrolled: a number that is another's, an arm that does not exist, impossible dates."""
    refusals = []
    numbers = (
        ("Trial number", facts.trial_number, facts.trial_number_is),
        ("Second identifier", facts.second_identifier, facts.second_identifier_is),
    )
    for what, number, subject in numbers:
        if subject is not None:
            sentence = "{what} {number} is subject {subject} already. Open that subject, or correct the number."
            refusals.append(refuse(Code.ALREADY_EXISTS, sentence, what=what, number=number, subject=subject))
    if facts.arm not in facts.arms:
        sentence = "The protocol has no arm {arm}. Its arms are: {arms}."
        refusals.append(refuse(Code.NOT_FOUND, sentence, arm=facts.arm, arms=", ".join(facts.arms)))
    if facts.consented_on < facts.born_on:
        sentence = "The consent ({consented}) lies before the birth ({born}). Correct one of the dates."
        refusals.append(refuse(Code.OUT_OF_ORDER, sentence, consented=facts.consented_on, born=facts.born_on))
    return tuple(refusals)


def eligibility_refusals(subject: str, assessment: Assessment) -> tuple[Refusal, ...]:
    """Why eligibility cannot be signed yet: an answer that is not known is neither yes nor no."""
    if assessment.outcome is not Eligibility.UNDECIDED:
        return ()
    sentence = "Subject {subject} is undecided. {reason} Answer it, then sign."
    return tuple(refuse(Code.CRITERION_OPEN, sentence, subject=subject, reason=reason) for reason in assessment.reasons)


@dataclass(frozen=True)
class CompletionFacts:
    """A subject whose treatment is to be closed, with the doses that are still on their way: (code, state)."""

    subject: str
    open_doses: tuple[tuple[str, str], ...]


def completion_refusals(facts: CompletionFacts) -> tuple[Refusal, ...]:
    """Why treatment is not finished: a dose is ordered, running, or its vials are not accounted for."""
    sentence = "Dose {dose} of subject {subject} is {state}. Finish and reconcile it, or cancel it, before completing."
    return tuple(
        refuse(Code.CRITERION_OPEN, sentence, dose=dose, subject=facts.subject, state=state)
        for dose, state in facts.open_doses
    )
