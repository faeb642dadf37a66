"""Who may enter the trial, and when eligibility can be signed or a subject completed. Source: domain reference §8.

Twins in the database: one_trial_number_in_a_trial, one_patient_in_a_trial, ck_subject_enrolled_is_eligible,
a_subject_keeps_its_arm, no_more_subjects_than_planned, one_subject_for_each_place,
no_second_trial_where_one_is_forbidden, a_subject_stays_in_its_trial,
the_answers_say_who_is_eligible, the_dates_say_how_old_somebody_is,
a_subject_receives_what_its_arm_does, a_subject_is_barred_by_its_protocol; and no_dose_for_the_control_arm, which keeps
cells from everybody whose arm receives none.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.criteria import condition_holds
from cellbank.domain.eligibility import Assessment, Eligibility
from cellbank.domain.protocol import Protocol
from cellbank.domain.refusals import Code, Refusal, refuse

OTHER_TRIAL = "other_trial"  # the question of a protocol whether the patient takes part in another trial


@dataclass(frozen=True)
class OtherTrial:
    """The same patient as a subject of another trial of this bank: by second identifier, folded, and date of birth.

    `last_day` is the last one on which that trial looks at the patient; None while treatment goes on."""

    trial: str
    subject: str
    trial_number: str
    last_day: datetime.date | None = None

    def goes_on(self, on: datetime.date) -> bool:
        """Whether the patient takes part in it on this day."""
        return self.last_day is None or on <= self.last_day


def criteria_against_another_trial(protocol: Protocol) -> tuple[str, ...]:
    """The codes of the criteria by which somebody who takes part in another trial may not enter this one."""
    asked = [(one, False) for one in protocol.inclusion] + [(one, True) for one in protocol.exclusion]
    return tuple(
        one.code for one, excludes in asked if one.question == OTHER_TRIAL and condition_holds(one, True) is excludes
    )


@dataclass(frozen=True)
class TrialFacts:
    """How full a trial is: `taken` counts everybody ever found eligible, under whichever version of the protocol."""

    code: str
    planned: int
    taken: int


def place_refusals(facts: TrialFacts) -> tuple[Refusal, ...]:
    """Why nobody more is taken into the trial: as many as were planned have been."""
    if facts.taken < facts.planned:
        return ()
    sentence = (
        "Trial {trial} is planned for {planned} subjects, and {taken} have been enrolled. Nobody more is, before an "
        "amendment with a larger number is in force."
    )
    return (refuse(Code.TRIAL_FULL, sentence, trial=facts.code, planned=facts.planned, taken=facts.taken),)


@dataclass(frozen=True)
class EnrolmentFacts:
    """Somebody to be enrolled; the two `…_is` name the subject of the trial, under whichever version of its protocol,
    that already has the number (None: nobody has), and `known_elsewhere` says that the patient is one of another site.
    `forbidden_by` are the criteria against another trial."""

    trial_number: str
    trial_number_is: str | None
    second_identifier: str
    second_identifier_is: str | None
    born_on: datetime.date
    consented_on: datetime.date
    arm: str
    arms: tuple[str, ...]
    trial: TrialFacts
    other_trials: tuple[OtherTrial, ...] = ()
    forbidden_by: tuple[str, ...] = ()
    known_elsewhere: bool = False


def enrolment_refusals(facts: EnrolmentFacts) -> tuple[Refusal, ...]:
    """Why this person cannot be enrolled: a number that is another's, an arm that does not exist, impossible dates."""
    refusals = [*_number_refusals(facts)]
    if facts.arm not in facts.arms:
        sentence = "The protocol has no arm {arm}. Its arms are: {arms}."
        refusals.append(refuse(Code.NOT_FOUND, sentence, arm=facts.arm, arms=", ".join(facts.arms)))
    if facts.consented_on < facts.born_on:
        sentence = "The consent ({consented}) lies before the birth ({born}). Correct one of the dates."
        refusals.append(refuse(Code.OUT_OF_ORDER, sentence, consented=facts.consented_on, born=facts.born_on))
    return (*refusals, *place_refusals(facts.trial), *_other_trial_refusals(facts))


def _number_refusals(facts: EnrolmentFacts) -> Iterator[Refusal]:
    taken = "{what} {number} is subject {subject} already. Open that subject, or correct the number."
    if facts.trial_number_is is not None:
        given = {"number": facts.trial_number, "subject": facts.trial_number_is}
        yield refuse(Code.ALREADY_EXISTS, taken, what="Trial number", **given)
    if facts.known_elsewhere:
        sentence = (
            "The patient with the second identifier {number} is a subject of trial {trial} at another site already. "
            "Ask the center that leads the trial, or correct the number."
        )
        yield refuse(Code.PATIENT_KNOWN, sentence, number=facts.second_identifier, trial=facts.trial.code)
    elif facts.second_identifier_is is not None:
        given = {"number": facts.second_identifier, "subject": facts.second_identifier_is}
        yield refuse(Code.PATIENT_KNOWN, taken, what="Second identifier", **given)


def _other_trial_refusals(facts: EnrolmentFacts) -> tuple[Refusal, ...]:
    sentence = (
        "This patient takes part in trial {trial} as subject {number} ({subject}), and {criteria} forbids it. Do not "
        "enrol; if it is somebody else, correct the second identifier or the date of birth."
    )
    return tuple(
        refuse(
            Code.PATIENT_KNOWN,
            sentence,
            trial=other.trial,
            number=other.trial_number,
            subject=other.subject,
            criteria=", ".join(facts.forbidden_by),
        )
        for other in facts.other_trials
        if facts.forbidden_by
    )


def eligibility_refusals(subject: str, assessment: Assessment) -> tuple[Refusal, ...]:
    """Why eligibility cannot be signed yet: an answer that is not known is neither yes nor no."""
    if assessment.outcome is not Eligibility.UNDECIDED:
        return ()
    sentence = "Subject {subject} is undecided. {reason} Answer it, then sign."
    return tuple(refuse(Code.CRITERION_OPEN, sentence, subject=subject, reason=reason) for reason in assessment.reasons)


@dataclass(frozen=True)
class AmendmentFacts:
    """A subject to be moved to the version of the protocol in force; doses on their way are (code, state).

    `product` is the specification whose cells the arm receives: None for an arm without, and for one that is not
    there."""

    subject: str
    version: str
    newest: str
    arm: str
    arms: tuple[str, ...]
    product: str | None
    new_product: str | None
    open_doses: tuple[tuple[str, str], ...]


def amendment_refusals(facts: AmendmentFacts) -> tuple[Refusal, ...]:
    """Why the subject stays under its version: it is the newest, the arm is another one, or a dose is on its way that
    was calculated by the old one."""
    if facts.version == facts.newest:
        sentence = "Subject {subject} is under {version} already, the version in force. There is nothing to move."
        return (refuse(Code.ALREADY_EXISTS, sentence, subject=facts.subject, version=facts.version),)
    refusals = []
    if facts.arm not in facts.arms:
        sentence = "{newest} has no arm {arm}, and subject {subject} keeps its arm. Its arms are: {arms}."
        refusals.append(
            refuse(
                Code.NOT_FOUND,
                sentence,
                newest=facts.newest,
                arm=facts.arm,
                subject=facts.subject,
                arms=", ".join(facts.arms),
            )
        )
    elif facts.product != facts.new_product:
        sentence = "Arm {arm} receives {new} under {newest}, and {old} so far: subject {subject} stays under {version}."
        refusals.append(
            refuse(
                Code.WRONG_KIND,
                sentence,
                arm=facts.arm,
                new=facts.new_product or "no cells",
                newest=facts.newest,
                old=facts.product or "no cells",
                subject=facts.subject,
                version=facts.version,
            )
        )
    sentence = (
        "Dose {dose} of subject {subject} is {state} and was calculated under {version}. Give it, cancel it or discard "
        "it first."
    )
    refusals.extend(
        refuse(Code.CRITERION_OPEN, sentence, dose=dose, subject=facts.subject, state=state, version=facts.version)
        for dose, state in facts.open_doses
    )
    return tuple(refusals)


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
