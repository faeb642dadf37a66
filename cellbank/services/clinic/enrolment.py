"""Subjects of the trial: enrolled, asked every criterion, found eligible or not by a signature; their end in it."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from sqlalchemy import select

from cellbank.domain.eligibility import (
    NOT_APPLICABLE,
    Answer,
    Assessment,
    CriterionVerdict,
    Eligibility,
    Tri,
    age_in_years,
    assess,
    pf_ratio,
    what_it_means,
)
from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import DoseState, SubjectState
from cellbank.domain.protocol import Protocol
from cellbank.domain.quantities import Quantity, parse_decimal, parse_fio2
from cellbank.domain.rules.enrolment import (
    OTHER_TRIAL,
    CompletionFacts,
    EnrolmentFacts,
    OtherTrial,
    completion_refusals,
    criteria_against_another_trial,
    eligibility_refusals,
    enrolment_refusals,
    place_refusals,
)
from cellbank.records.clinic import Dose, Subject
from cellbank.records.people import Definition
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, SignedInput, TellingInput, act
from cellbank.services.clinic.patients import in_words, other_trials, trial_facts, version_in_force, who_has
from cellbank.services.common import effective, new_code, protocol_of, read_protocol, time_refusals
from cellbank.services.inputs import Date, Identifier, OneLine, Reason, SubjectCode, quantity
from cellbank.services.labels.label_printing import print_first
from cellbank.services.site_time import start_of_day

# Two answers are worked out, never typed, wherever a protocol asks for them: the age from the dates of birth and of
# consent, the P/F ratio from the blood gas (nobody then divides by 40 instead of 0.40).
AGE, PF_RATIO = "age", "pf_ratio"

_PAO2 = Quantity("PaO2", "mmHg", "in mmHg", Decimal(10), Decimal(760), 1)
_NUMBER = Quantity("The answer", "", "as a plain number", Decimal(-(10**6)), Decimal(10**6), 4)
_WORDS: Mapping[str, Answer] = {"yes": True, "no": False, "unknown": None, "": None, NOT_APPLICABLE: NOT_APPLICABLE}


def read_answer(given: Any) -> Answer:
    """One answer as forms, JSON or the command line bring it. Raises ValueError for what is no answer at all."""
    if given is None or isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    return _WORDS[word] if word in _WORDS else parse_decimal(given, _NUMBER)


GivenAnswer = Annotated[bool | Decimal | Literal["not_applicable"] | None, BeforeValidator(read_answer)]
QuestionCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
MmHg = Annotated[Decimal, *quantity("mmHg", partial(parse_decimal, quantity=_PAO2))]
Fraction = Annotated[Decimal, *quantity("fraction", parse_fio2)]


class EnrolSubject(ActInput):
    """Enrol a subject."""

    trial_number: Identifier = Field(title="Trial number")
    second_identifier: Identifier = Field(
        title="Second identifier",
        description="The hospital's record number; never a name.",
    )
    sex: Literal["female", "male"] = Field(title="Sex")
    born_on: Date = Field(title="Date of birth")
    consented_on: Date = Field(title="Consented on")
    arm: Identifier = Field(title="Arm")
    protocol: Identifier | None = Field(default=None, title="Protocol", description="Only where several are in force.")


@act(EnrolSubject, begun_by={"clinician": 1})
def enrol_subject(work: Work, given: EnrolSubject) -> Subject:
    """Take somebody into screening under the protocol in force; the arm decides for good whether they receive cells.

    Refuses numbers in use, a full trial, an arm that the protocol has not, dates that cannot be, and somebody who takes
    part in another trial of this bank where a criterion forbids it; elsewhere it is shown.
    """
    definition = effective(work, "protocol", given.protocol)
    protocol = read_protocol(definition.content)
    born, consented = start_of_day(work, given.born_on), start_of_day(work, given.consented_on)
    facts = _enrolment_facts(work, given, definition, protocol)
    if facts.other_trials and not work.dry_run:
        work.show(other_trials=in_words(facts.other_trials))
    times = (*time_refusals(work, "The birth", born), *time_refusals(work, "The consent", consented))
    work.judge(Subject, refusals=[*enrolment_refusals(facts), *times])
    subject = work.add(
        Subject(
            site_id=work.actor.site_id,
            protocol_id=definition.id,
            trial=definition.identifier,
            code=new_code(work, Kind.SUBJECT),
            trial_number_key=skeleton(given.trial_number),
            second_identifier_key=skeleton(given.second_identifier),
            bars_other_trials=bool(facts.forbidden_by),
            receives_product=protocol.arm(given.arm).receives_product,
            **given.model_dump(exclude={"protocol"}),
        )
    )
    print_first(work, Kind.SUBJECT, subject.code)
    return subject


def _enrolment_facts(work: Work, given: EnrolSubject, definition: Definition, protocol: Protocol) -> EnrolmentFacts:
    trial = definition.identifier
    number_is, _ = who_has(work, trial, Subject.trial_number_key, given.trial_number)
    known_as, known_at = who_has(work, trial, Subject.second_identifier_key, given.second_identifier)
    return EnrolmentFacts(
        trial_number=given.trial_number,
        trial_number_is=number_is,
        second_identifier=given.second_identifier,
        second_identifier_is=known_as,
        known_elsewhere=known_at is not None and known_at != work.actor.site_id,
        born_on=given.born_on,
        consented_on=given.consented_on,
        arm=given.arm,
        arms=tuple(arm.code for arm in protocol.arms),
        trial=trial_facts(work, definition),
        other_trials=other_trials(work, trial, given.second_identifier, given.born_on),
        forbidden_by=criteria_against_another_trial(protocol),
    )


# --- criteria ---------------------------------------------------------------------------------


class AnswerCriteria(ActInput):
    """Answer the criteria."""

    subject: SubjectCode = Field(title="Subject")
    answers: dict[QuestionCode, GivenAnswer] = Field(
        default_factory=dict,
        title="Answers",
        description="By question: yes, no, unknown, a number, not_applicable. What was answered before stays.",
        max_length=200,
    )
    pao2_mmhg: MmHg | None = Field(default=None, title="PaO2")
    fio2: Fraction | None = Field(default=None, title="FiO2", description="As a fraction: 0.40, not 40 %.")

    @model_validator(mode="after")
    def _whole_blood_gas(self) -> Self:
        if (self.pao2_mmhg is None) != (self.fio2 is None):
            raise ValueError("PaO2 and FiO2 belong together: give both")
        if self.pao2_mmhg is not None and PF_RATIO in self.answers:
            raise ValueError("give PaO2 and FiO2, or their ratio, not both")
        return self


@act(AnswerCriteria)
def answer_criteria(work: Work, given: AnswerCriteria) -> Subject:
    """Keep the answers and show what follows from them. Nothing is decided before somebody signs.

    Malformed: an answer that the protocol does not ask for or of the wrong kind, and a decision that is the
    investigator's.
    """
    subject = work.lock(Subject, given.subject)
    protocol = protocol_of(work.session, subject.protocol_id)
    _leave_decisions_to_the_signature(protocol, given.answers)
    _ask_only_whom_it_concerns(protocol, subject, given.answers)
    known = _known_trials(work, protocol, subject)
    _contradict_no_trial(known, given.answers)
    answers = {**stored_answers(protocol, subject.answers), **_worked_out(protocol, subject, given), **given.answers}
    answers |= _takes_part(known)
    assessment = judge_answers(protocol, subject, answers)
    work.show(assessment=assessment_json(assessment))
    work.judge(subject)
    subject.answers, subject.assessment = answers_to_keep(answers), assessment_json(assessment)
    work.transition(subject)
    return subject


def _ask_only_whom_it_concerns(protocol: Protocol, subject: Subject, answers: Mapping[str, Answer]) -> None:
    strange = [
        question
        for question in protocol.questions
        if answers.get(question.code) is not None and not question.concerns(subject.sex)
    ]
    if strange:
        raise Malformed(
            [
                Problem(f"answers.{one.code}", f"This is asked of {one.asked_of} patients only. Leave it out.")
                for one in strange
            ]
        )


def _known_trials(work: Work, protocol: Protocol, subject: Subject) -> tuple[OtherTrial, ...]:
    """Other trials of this bank in which the patient takes part, where the protocol asks about them."""
    if all(question.code != OTHER_TRIAL for question in protocol.questions):
        return ()
    known = other_trials(work, subject.trial, subject.second_identifier, subject.born_on)
    if known:
        work.show(other_trials=in_words(known))
    return known


def _takes_part(known: tuple[OtherTrial, ...]) -> dict[str, Answer]:
    """What the bank knows is not asked; a trial elsewhere it cannot know."""
    return {OTHER_TRIAL: True} if known else {}


def _contradict_no_trial(known: tuple[OtherTrial, ...], answers: Mapping[str, Answer]) -> None:
    if known and answers.get(OTHER_TRIAL, True) is not True:
        said = f"The patient takes part in {', '.join(in_words(known))}. Leave the answer out, or say yes."
        raise Malformed([Problem(f"answers.{OTHER_TRIAL}", said)])


def _leave_decisions_to_the_signature(protocol: Protocol, answers: Mapping[str, Answer]) -> None:
    decisions = [ambiguity for ambiguity in protocol.ambiguities if ambiguity.decision in answers]
    if decisions:
        raise Malformed(
            [
                Problem(f"answers.{one.decision}", f"{one.decided_by} decides this, when eligibility is signed.")
                for one in decisions
            ]
        )


def _worked_out(protocol: Protocol, subject: Subject, given: AnswerCriteria) -> dict[str, Answer]:
    worked_out: dict[str, Answer] = {}
    if any(question.code == AGE for question in protocol.questions):
        worked_out[AGE] = age_in_years(subject.born_on, subject.consented_on)
    if given.pao2_mmhg is not None and given.fio2 is not None:
        worked_out[PF_RATIO] = pf_ratio(given.pao2_mmhg, given.fio2)
    return worked_out


def judge_answers(protocol: Protocol, subject: Subject, answers: Mapping[str, Answer]) -> Assessment:
    """Judge the answers; what cannot be an answer to this protocol is malformed."""
    if AGE in answers and answers[AGE] != (age := age_in_years(subject.born_on, subject.consented_on)):
        said = f"The subject was {age} at consent, by the dates of birth and consent. Leave the age out."
        raise Malformed([Problem(f"answers.{AGE}", said)])
    try:
        return assess(protocol, answers, subject.sex)
    except ValueError as error:
        raise Malformed([Problem("answers", f"{sentence}.") for sentence in str(error).split("; ")]) from None


def stored_answers(protocol: Protocol, stored: Mapping[str, Any] | None) -> dict[str, Answer]:
    """The answers as they were given: numbers are kept as text, so that none ever becomes a float."""
    numbers = {question.code for question in protocol.questions if question.kind == "number"}
    return {
        code: Decimal(answer) if code in numbers and answer not in (None, NOT_APPLICABLE) else answer
        for code, answer in (stored or {}).items()
    }


def answers_to_keep(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """The answers as they are kept: `stored_answers` reads them back."""
    return {
        code: answer if answer is None or isinstance(answer, bool | str) else f"{Decimal(answer):f}"
        for code, answer in sorted(answers.items())
    }


def _verdict_json(verdict: CriterionVerdict) -> dict[str, Any]:
    return {
        "code": verdict.code,
        "part": verdict.part,
        "group": verdict.group,
        "text": verdict.text,
        "answer": verdict.reason,
        "means": verdict.means,
    }


def assessment_to_show(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A kept assessment as it is shown. Earlier ones said `satisfied` and left it to the reader what that means."""
    if kept is None:
        return None
    return {**kept, "verdicts": [_in_todays_words(verdict) for verdict in kept.get("verdicts", ())]}


def _in_todays_words(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    if "satisfied" not in verdict:
        return verdict
    rest = {name: value for name, value in verdict.items() if name not in ("satisfied", "reason")}
    return {**rest, "answer": verdict["reason"], "means": what_it_means(verdict["part"], Tri(verdict["satisfied"]))}


def assessment_json(assessment: Assessment) -> dict[str, Any]:
    """The judgement as it is shown and kept."""
    return {
        "outcome": assessment.outcome.value,
        "reasons": list(assessment.reasons),
        "verdicts": [_verdict_json(verdict) for verdict in assessment.verdicts],
    }


class SignEligibility(SignedInput):
    """Sign subject eligibility."""

    subject: SubjectCode = Field(title="Subject")
    decisions: dict[QuestionCode, bool] = Field(
        default_factory=dict,
        title="Investigator's decisions",
        description="Where the protocol is silent.",
        max_length=50,
    )
    decided_by: OneLine | None = Field(default=None, title="Investigator who decided")

    @model_validator(mode="after")
    def _somebody_decided(self) -> Self:
        if self.decisions and self.decided_by is None:
            raise ValueError("a decision needs the name of the investigator who took it")
        return self


@act(SignEligibility)
def sign_eligibility(work: Work, given: SignEligibility) -> Subject:
    """Sign what the answers say: eligible subjects are enrolled, others have failed screening.

    Refuses, naming each, while a criterion is open (an unknown answer is not a no), and when the trial is full.
    """
    subject = work.lock(Subject, given.subject)
    protocol = protocol_of(work.session, subject.protocol_id)
    answers = {**stored_answers(protocol, subject.answers), **given.decisions}
    answers |= _takes_part(_known_trials(work, protocol, subject))
    assessment = judge_answers(protocol, subject, answers)
    shown = {**assessment_json(assessment), "decided_by": given.decided_by}
    target = SubjectState.SCREEN_FAILED if assessment.outcome is Eligibility.NOT_ELIGIBLE else SubjectState.ENROLLED
    work.show(assessment=shown)
    refusals, place = eligibility_refusals(subject.code, assessment), None
    if target == SubjectState.ENROLLED:
        # The version in force is locked, so that two last places are not taken at once.
        trial = trial_facts(work, work.lock_id(Definition, version_in_force(work, subject).id))
        refusals, place = (*refusals, *place_refusals(trial)), trial.taken + 1
    work.judge(subject, refusals=refusals, to=target)
    subject.answers, subject.assessment, subject.place = answers_to_keep(answers), shown, place
    work.transition(subject, to=target)
    return subject


# --- the end ----------------------------------------------------------------------------------


class WithdrawSubject(TellingInput):
    """Withdraw a subject."""

    subject: SubjectCode = Field(title="Subject")
    reason: Reason


@act(WithdrawSubject, likely="rarely")
def withdraw_subject(work: Work, given: WithdrawSubject) -> Subject:
    """Stop treatment at once: no dose of this subject goes on. The answer names the doses to cancel or discard."""
    subject = work.lock(Subject, given.subject)
    work.show(open_doses=dict(open_doses(work, subject)))
    work.judge(subject)
    subject.withdrawal_reason = given.reason
    work.transition(subject)
    return subject


def open_doses(work: Work, subject: Subject) -> tuple[tuple[str, str], ...]:
    """Doses that are neither cancelled, discarded nor accounted for: (code, state)."""
    ended = (DoseState.CANCELLED, DoseState.DISCARDED, DoseState.RECONCILED)
    columns = select(Dose.code, Dose.state).where(Dose.subject_id == subject.id, Dose.state.not_in(ended))
    return tuple((code, state) for code, state in work.session.execute(columns.order_by(Dose.id)))


class CompleteSubject(ActInput):
    """Complete treatment."""

    subject: SubjectCode = Field(title="Subject")


@act(CompleteSubject, likely="rarely")
def complete_subject(work: Work, given: CompleteSubject) -> Subject:
    """Close the treatment. Refuses while a dose is open."""
    subject = work.lock(Subject, given.subject)
    facts = CompletionFacts(subject.code, open_doses(work, subject))
    work.judge(subject, refusals=completion_refusals(facts))
    work.transition(subject)
    return subject
