"""The trial protocol as data: arms, dose rule, days and windows, criteria, visits.

A trial with another design (fixed dose, other days, a cap, other criteria) is another file and no code.
The shipped example is protocols/nct04461925.toml.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cellbank.domain import definition
from cellbank.domain.criteria import Ambiguity, Criterion, Group, Question, criteria_problems
from cellbank.domain.definition import (
    AtLeastOne,
    Code,
    Count,
    Definition,
    DefinitionProblems,
    Flag,
    Identifier,
    LabelLine,
    Text,
    Version,
    by_code,
    refuse_contradictions,
    unique_codes,
)
from cellbank.domain.protocol_doses import DoseRule, DosingDay
from cellbank.domain.protocol_thaw import DrawRules, Limits, ThawRules

digest = definition.digest  # sha256 of the file text; the version that lots, subjects and doses point at
StudyDay = Annotated[int, Field(strict=True, ge=-365, le=3650)]


class ProtocolProblems(DefinitionProblems):
    """A trial protocol file was refused; `problems` lists everything that is wrong with it."""


class Arm(Definition):
    """One arm of the trial; an arm that receives product names the product's specification."""

    code: Code
    title: Text
    care: Text
    receives_product: Flag
    specification: Identifier | None = None

    @field_validator("specification")
    @classmethod
    def _specification_where_needed(cls, given: str | None, info: ValidationInfo) -> str | None:
        receives = info.data.get("receives_product")
        if receives is True and given is None:
            raise ValueError("the arm receives product: name its product specification")
        if receives is False and given is not None:
            raise ValueError("the arm receives no product: remove the specification")
        return given


class Visit(Definition):
    """A follow-up visit: study day, and how many days earlier or later it may be."""

    code: Code
    title: Text
    day: StudyDay
    plus_minus_days: Count

    @field_validator("day")
    @classmethod
    def _no_day_zero(cls, day: int) -> int:
        if day == 0:
            raise ValueError("there is no day 0: the day before day 1 is day -1")
        return day


class Outcome(Definition):
    """What the trial measures: unit, and at which visits or through which study day."""

    code: Code
    title: Text
    unit: Text
    visits: tuple[Code, ...] = ()
    until_day: DosingDay | None = None

    @field_validator("until_day")
    @classmethod
    def _some_time_frame(cls, until: int | None, info: ValidationInfo) -> int | None:
        if until is None and info.data.get("visits") == ():
            raise ValueError("is missing: name visits or the last day")
        return until


class Protocol(Definition):
    """A trial protocol version. Order of the fields matters: a check sees the fields above its own."""

    id: Identifier
    other_ids: tuple[Text, ...] = ()
    title: Text
    version: Version
    phase: Text
    sponsor: Text
    collaborators: tuple[Text, ...] = ()
    investigator: Text
    contact: Text
    sites: Annotated[tuple[Text, ...], Field(min_length=1)]
    planned_subjects: AtLeastOne
    route: Text
    legend: LabelLine  # heads the dose label
    arms: Annotated[tuple[Arm, ...], Field(min_length=1), AfterValidator(unique_codes)]
    dosing: DoseRule
    thaw: ThawRules
    limits: Limits
    draw: DrawRules
    questions: Annotated[tuple[Question, ...], Field(min_length=1), AfterValidator(unique_codes)]
    inclusion: Annotated[tuple[Criterion, ...], Field(min_length=1), AfterValidator(unique_codes)]
    exclusion: Annotated[tuple[Criterion, ...], AfterValidator(unique_codes)]
    groups: Annotated[tuple[Group, ...], AfterValidator(unique_codes)] = ()
    ambiguities: Annotated[tuple[Ambiguity, ...], AfterValidator(unique_codes)] = ()
    visits: Annotated[tuple[Visit, ...], AfterValidator(unique_codes)] = ()
    outcomes: Annotated[tuple[Outcome, ...], AfterValidator(unique_codes)] = ()

    @field_validator("arms")
    @classmethod
    def _somebody_is_treated(cls, arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
        if not any(arm.receives_product for arm in arms):
            raise ValueError("no arm receives product")
        return arms

    @field_validator("inclusion", "exclusion", "groups", "ambiguities")
    @classmethod
    def _criteria_fit_together(cls, items: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        refuse_contradictions(criteria_problems(info.field_name or "", items, info.data))
        return items

    @field_validator("outcomes")
    @classmethod
    def _visits_exist(cls, outcomes: tuple[Outcome, ...], info: ValidationInfo) -> tuple[Outcome, ...]:
        known = {visit.code for visit in info.data.get("visits", ())}
        refuse_contradictions(
            (f"[{place}].visits", f"{code} is not the code of a visit")
            for place, outcome in enumerate(outcomes, start=1)
            for code in outcome.visits
            if "visits" in info.data and code not in known
        )
        return outcomes

    @property
    def last_study_day(self) -> int:
        """The last day on which the trial looks at a subject: of a dose, a visit with its slack, or an outcome."""
        infusions = (one.window_last_day for one in self.dosing.infusions)
        visits = (one.day + one.plus_minus_days for one in self.visits)
        return max(*infusions, *visits, *(one.until_day for one in self.outcomes if one.until_day), 1)

    def arm(self, code: str) -> Arm:
        """The arm with this code; KeyError if the protocol has none."""
        return by_code(self.arms, code)

    def question(self, code: str) -> Question:
        """The eligibility question with this code; KeyError if the protocol does not ask it."""
        return by_code(self.questions, code)

    def visit(self, code: str) -> Visit:
        """The follow-up visit with this code; KeyError if the protocol has none."""
        return by_code(self.visits, code)


def load_protocol(text: str, *, stands: bool = False) -> Protocol:
    """Read a trial protocol from TOML text; raise ProtocolProblems with all its problems at once."""
    return definition.load_definition(text, Protocol, ProtocolProblems, stands=stands)
