"""Is this person eligible for the trial? Three-valued: yes, no, and not known yet.

An answer that is missing never counts as "no": a patient whose blood gas was not measured is not a patient
with good lungs. Such a person is UNDECIDED until somebody answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Final, Literal

from cellbank.domain.criteria import Ambiguity, Criterion, Group, Question, condition_holds
from cellbank.domain.protocol import Protocol

NOT_APPLICABLE: Final = "not_applicable"
Answer = Decimal | int | bool | Literal["not_applicable"] | None
Answers = Mapping[str, Answer]
LOWEST_FIO2, HIGHEST_FIO2 = Decimal("0.21"), Decimal(1)


class Tri(StrEnum):
    """Yes, no, or not known."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


class Eligibility(StrEnum):
    """The whole judgement."""

    ELIGIBLE = "ELIGIBLE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class CriterionVerdict:
    """One line of the checklist. `satisfied` YES speaks for the subject: inclusion met, exclusion absent; `means` says
    what it means for the patient, and is what people are shown.

    `part` is "inclusion", "exclusion" or "group"; a criterion inside a group carries the group's code
    and does not count by itself.
    """

    code: str
    text: str
    part: str
    group: str | None
    satisfied: Tri
    reason: str
    concerns: bool = True

    @property
    def means(self) -> str:
        """What the answer means: "does not exclude" and never "satisfied: yes" beside an exclusion."""
        return what_it_means(self.part, self.satisfied) if self.concerns else "does not concern this patient"


_MEANS = {
    "inclusion": {Tri.YES: "is met", Tri.NO: "is not met", Tri.UNKNOWN: "is not known yet"},
    "exclusion": {Tri.YES: "does not exclude", Tri.NO: "excludes", Tri.UNKNOWN: "is not known yet"},
}


def what_it_means(part: str, satisfied: Tri) -> str:
    """What a judged criterion means for the patient; a group is met like an inclusion criterion."""
    return _MEANS["exclusion" if part == "exclusion" else "inclusion"][satisfied]


@dataclass(frozen=True)
class Assessment:
    """The judgement, every line it rests on, and the reasons in the way (first what is no, then unknown)."""

    outcome: Eligibility
    verdicts: tuple[CriterionVerdict, ...]
    reasons: tuple[str, ...]


def assess(protocol: Protocol, answers: Answers, sex: str | None = None) -> Assessment:
    """Judge the answers (by question code; PI decisions by decision code) of somebody of this sex against all criteria.

    Missing and None mean unknown. What is not asked of this sex concerns nobody, whatever was answered. Raises
    ValueError for an answer that nobody asked for, and for one of the wrong kind (a float, a word, a number for a
    yes/no question).
    """
    _refuse_foreign_answers(protocol, answers)
    inclusion = tuple(_judge(protocol, criterion, "inclusion", answers, sex) for criterion in protocol.inclusion)
    groups = tuple(_judge_group(group, inclusion) for group in protocol.groups)
    exclusion = tuple(_judge(protocol, criterion, "exclusion", answers, sex) for criterion in protocol.exclusion)
    verdicts = inclusion + groups + exclusion
    counting = [verdict for verdict in verdicts if verdict.group is None]
    against = [verdict for verdict in counting if verdict.satisfied is Tri.NO]
    unknown = [verdict for verdict in counting if verdict.satisfied is Tri.UNKNOWN]
    outcome = Eligibility.ELIGIBLE
    if against:
        outcome = Eligibility.NOT_ELIGIBLE
    elif unknown:
        outcome = Eligibility.UNDECIDED
    reasons = tuple(f"{verdict.code}: {verdict.reason}" for verdict in against + unknown)
    return Assessment(outcome, verdicts, reasons)


def _judge(protocol: Protocol, criterion: Criterion, part: str, answers: Answers, sex: str | None) -> CriterionVerdict:
    question = protocol.question(criterion.question)
    if not question.concerns(sex):
        # In an any-of group it is nothing that is met.
        satisfied = Tri.NO if criterion.group else Tri.YES
        reason = f"{question.asks}: not asked, {sex} patient."
        return CriterionVerdict(criterion.code, criterion.text, part, criterion.group, satisfied, reason, False)
    answer = answers.get(question.code)
    ambiguity = _ambiguity_at(protocol.ambiguities, question, answer)
    if ambiguity:
        satisfied, reason = _decided(ambiguity, answers.get(ambiguity.decision))
    else:
        met, reason = _met(criterion, question, answer)
        satisfied = _opposite(met) if part == "exclusion" else met
    return CriterionVerdict(criterion.code, criterion.text, part, criterion.group, satisfied, reason)


def _met(criterion: Criterion, question: Question, answer: Answer) -> tuple[Tri, str]:
    if answer is None:
        meaning = {"met": Tri.YES, "not_met": Tri.NO, "undecided": Tri.UNKNOWN}[criterion.when_unknown]
        return meaning, f"{question.asks}: not answered."
    if isinstance(answer, str):  # NOT_APPLICABLE: another word is no answer
        return Tri.NO, f"{question.asks}: {question.not_applicable}."
    if question.plausible and not question.plausible.holds(answer):
        return Tri.UNKNOWN, (
            f"{question.asks}: {answer} is outside the plausible {question.plausible} {question.unit}; check the entry."
        )
    shown = ("yes" if answer else "no") if question.kind == "yes_no" else f"{answer} {question.unit}"
    return (Tri.YES if condition_holds(criterion, answer) else Tri.NO), f"{question.asks}: {shown}."


def _ambiguity_at(ambiguities: Iterable[Ambiguity], question: Question, answer: Answer) -> Ambiguity | None:
    for ambiguity in ambiguities:
        if ambiguity.question == question.code and answer == ambiguity.value:
            return ambiguity
    return None


def _decided(ambiguity: Ambiguity, decision: Answer) -> tuple[Tri, str]:
    if decision is None:
        return Tri.UNKNOWN, f"{ambiguity.decided_by} decides. {ambiguity.text}"
    word, satisfied = ("accepts", Tri.YES) if decision else ("does not accept", Tri.NO)
    return satisfied, f"{ambiguity.decided_by} {word} it. {ambiguity.text}"


def _judge_group(group: Group, inclusion: Iterable[CriterionVerdict]) -> CriterionVerdict:
    members = [verdict for verdict in inclusion if verdict.group == group.code]
    met = [verdict.code for verdict in members if verdict.satisfied is Tri.YES]
    open_ = [verdict for verdict in members if verdict.satisfied is Tri.UNKNOWN]
    wanted = f"at least {group.at_least} of {', '.join(verdict.code for verdict in members)}"
    if len(met) >= group.at_least:
        satisfied, reason = Tri.YES, f"{wanted}: {', '.join(met)} met."
    elif len(met) + len(open_) < group.at_least:
        satisfied, reason = Tri.NO, f"{wanted}; {' '.join(verdict.reason for verdict in members)}"
    else:
        satisfied, reason = Tri.UNKNOWN, f"{wanted}; {' '.join(verdict.reason for verdict in open_)}"
    return CriterionVerdict(group.code, group.text, "group", None, satisfied, reason)


def _opposite(value: Tri) -> Tri:
    return {Tri.YES: Tri.NO, Tri.NO: Tri.YES, Tri.UNKNOWN: Tri.UNKNOWN}[value]


def _refuse_foreign_answers(protocol: Protocol, answers: Answers) -> None:
    questions = {question.code: question for question in protocol.questions}
    decisions = {ambiguity.decision for ambiguity in protocol.ambiguities}
    problems = [
        problem
        for code, answer in answers.items()
        if (problem := _answer_problem(code, answer, questions.get(code), code in decisions))
    ]
    if problems:
        raise ValueError("; ".join(problems))


def usable_answers(protocol: Protocol, answers: Answers) -> dict[str, Answer]:
    """Those of the answers, given under another version, that are answers to questions of this one."""
    questions = {question.code: question for question in protocol.questions}
    decisions = {ambiguity.decision for ambiguity in protocol.ambiguities}
    return {
        code: answer
        for code, answer in answers.items()
        if _answer_problem(code, answer, questions.get(code), code in decisions) is None
    }


def _answer_problem(code: str, answer: Answer, question: Question | None, is_decision: bool) -> str | None:
    if question is None and not is_decision:
        return f"{code} is not asked by the protocol"
    if answer is None:
        return None
    if question is None or question.kind == "yes_no":  # the code of a decision is never that of a question
        return None if isinstance(answer, bool) else f"{code} is answered by yes or no, not by {answer!r}"
    if isinstance(answer, str) and answer == NOT_APPLICABLE and question.not_applicable:
        return None
    if isinstance(answer, bool) or not isinstance(answer, (int, Decimal)) or not Decimal(answer).is_finite():
        return f"{code} is answered by a number in {question.unit}, not by {answer!r}"
    return None


def pf_ratio(pao2_mmhg: Decimal, fio2: Decimal) -> Decimal:
    """PaO2/FiO2 in mmHg, with FiO2 as a fraction; rounded up at 0.01, so that rounding never meets "≤ 300".

    Raises ValueError for an FiO2 outside 0.21 to 1.0 (40 means 40 %: enter 0.40), a PaO2 that is not
    positive, and a float.
    """
    if isinstance(pao2_mmhg, float) or isinstance(fio2, float):
        raise ValueError("PaO2 and FiO2 must be Decimal or int, never float.")
    if not LOWEST_FIO2 <= fio2 <= HIGHEST_FIO2:
        raise ValueError(f"FiO2 {fio2} is outside 0.21 to 1.0: enter it as a fraction, 40 % is 0.40.")
    if pao2_mmhg <= 0:
        raise ValueError(f"PaO2 {pao2_mmhg} mmHg is not above 0.")
    return Decimal(ceil(Fraction(pao2_mmhg) * 100 / Fraction(fio2))).scaleb(-2)


def age_in_years(born_on: date, on: date) -> int:
    """Completed years on a date (here: that of consent). Born on 29 February: a year older on 1 March."""
    if on < born_on:
        raise ValueError(f"{on} is before the birth on {born_on}.")
    had_no_birthday_yet = (on.month, on.day) < (born_on.month, born_on.day)
    return on.year - born_on.year - had_no_birthday_yet
