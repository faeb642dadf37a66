"""Eligibility as data: the questions asked, the criteria on their answers, and what the protocol leaves open.

Evaluated by eligibility.py; read from the protocol file by protocol.py.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from cellbank.domain.definition import AtLeastOne, Code, Definition, Key, Number, Range, Text

Problem = tuple[str, str]
SINGLE_LIMIT: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
TWO_LIMITS = ("between", "outside")  # both bounds belong to "between", so neither is "outside"


class Question(Definition):
    """One answer that eligibility rests on. A number has a unit and a plausible range.

    `asked_of` keeps a question from those whom it does not concern: a criterion on it neither excludes them nor is in
    their way. `not_applicable` is the wording under which a number may be answered with "does not apply"
    (a patient who is not ventilated has not been ventilated for less than 48 h).
    """

    code: Key
    asks: Text
    kind: Literal["number", "yes_no"]
    unit: Text | None = None
    plausible: Range | None = None
    not_applicable: Text | None = None
    asked_of: Literal["everybody", "female", "male"] = "everybody"

    def concerns(self, sex: str | None) -> bool:
        """Whether somebody of this sex is asked; None: whose sex is not known."""
        return self.asked_of == "everybody" or sex is None or sex == self.asked_of

    @field_validator("unit", "plausible", "not_applicable")
    @classmethod
    def _numbers_only(cls, given: object, info: ValidationInfo) -> object:
        kind = info.data.get("kind")
        if kind == "yes_no" and given is not None:
            raise ValueError("belongs to number questions only")
        if kind == "number" and given is None and info.field_name != "not_applicable":
            raise ValueError("is missing: a number question needs it")
        return given


class Criterion(Definition):
    """One inclusion or exclusion criterion: a condition on the answer to one question.

    `group` joins an any-of group. `when_unknown` says what a missing answer means; unknown is never
    silently "not met", unless the file says so.
    """

    code: Code
    text: Text
    question: Key
    operator: Literal[">=", "<=", ">", "<", "between", "outside", "yes", "no"]
    limit: Number | None = None
    range: Range | None = None
    group: Code | None = None
    when_unknown: Literal["undecided", "met", "not_met"] = "undecided"

    @field_validator("limit", "range")
    @classmethod
    def _fits_operator(cls, given: object, info: ValidationInfo) -> object:
        operator = info.data.get("operator")
        wanted = operator in (SINGLE_LIMIT if info.field_name == "limit" else TWO_LIMITS)
        if wanted and given is None:
            raise ValueError(f"is missing: operator {operator} needs it")
        if operator is not None and not wanted and given is not None:
            raise ValueError(f"does not belong to operator {operator}")
        return given


class Group(Definition):
    """Inclusion criteria of which at least so many must be met."""

    code: Code
    text: Text
    at_least: AtLeastOne


class Ambiguity(Definition):
    """A value on which the protocol is silent. `decided_by` answers the yes/no `decision`; yes accepts it."""

    code: Code
    question: Key
    value: Number
    text: Text
    decided_by: Text
    decision: Key


Questions = tuple[Question, ...]


def criteria_problems(field: str, items: tuple[Any, ...], above: Mapping[str, Any]) -> Iterator[Problem]:
    """What does not fit together in one list, given the sound lists read before it (`above`)."""
    if field in ("inclusion", "exclusion"):
        yield from _question_problems(items, above.get("questions"))
    if field == "exclusion":
        yield from _exclusion_problems(items, above.get("inclusion", ()))
    if field == "groups" and "inclusion" in above:
        yield from _group_problems(items, above["inclusion"])
    if field == "ambiguities":
        yield from _ambiguity_problems(items, above.get("questions"))


def _question_problems(criteria: Iterable[Criterion], questions: Questions | None) -> Iterator[Problem]:
    if questions is None:
        return
    kinds = {question.code: question.kind for question in questions}
    for place, criterion in enumerate(criteria, start=1):
        kind = kinds.get(criterion.question)
        if kind is None:
            yield f"[{place}].question", f"{criterion.question} is not the code of a question"
        elif (kind == "yes_no") != (criterion.operator in ("yes", "no")):
            yield f"[{place}].operator", f"{criterion.operator} does not fit a {kind} question"


def _exclusion_problems(exclusion: Iterable[Criterion], inclusion: Iterable[Criterion]) -> Iterator[Problem]:
    taken = {criterion.code for criterion in inclusion}
    for place, criterion in enumerate(exclusion, start=1):
        if criterion.code in taken:
            yield f"[{place}].code", f"{criterion.code} is already the code of an inclusion criterion"
        if criterion.group is not None:
            yield f"[{place}].group", "only inclusion criteria form any-of groups"


def _group_problems(groups: Iterable[Group], inclusion: Iterable[Criterion]) -> Iterator[Problem]:
    members = [criterion.group for criterion in inclusion]
    for place, group in enumerate(groups, start=1):
        count = members.count(group.code)
        if count == 0:
            yield f"[{place}]", f"no inclusion criterion belongs to group {group.code}"
        elif count < group.at_least:
            yield f"[{place}].at_least", f"is {group.at_least}, but the group has only {count} criteria"
    declared = {group.code for group in groups}
    for criterion in inclusion:
        if criterion.group and criterion.group not in declared:
            yield "", f"group {criterion.group} of inclusion criterion {criterion.code} is not declared"


def _ambiguity_problems(ambiguities: Iterable[Ambiguity], questions: Questions | None) -> Iterator[Problem]:
    if questions is None:
        return
    kinds = {question.code: question.kind for question in questions}
    decisions = [ambiguity.decision for ambiguity in ambiguities]
    for place, ambiguity in enumerate(ambiguities, start=1):
        if kinds.get(ambiguity.question) != "number":
            yield f"[{place}].question", f"{ambiguity.question} is not the code of a number question"
        if ambiguity.decision in kinds or decisions.count(ambiguity.decision) > 1:
            yield f"[{place}].decision", f"{ambiguity.decision} already names another answer"


def condition_holds(criterion: Criterion, value: Decimal | int | bool) -> bool:
    """Whether a known answer fulfils the criterion's condition."""
    if criterion.limit is not None:
        return SINGLE_LIMIT[criterion.operator](value, criterion.limit)
    if criterion.range is not None:
        return criterion.range.holds(value) is (criterion.operator == "between")
    return value is (criterion.operator == "yes")
