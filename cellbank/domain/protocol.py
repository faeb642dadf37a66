"""The trial protocol as data: arms, dose rule, days and windows, criteria, visits.

A trial with another design (fixed dose, other days, a cap, other criteria) is another file and no code.
The shipped example is protocols/nct04461925.toml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from cellbank.domain import definition
from cellbank.domain.criteria import Ambiguity, Criterion, Group, Question, criteria_problems
from cellbank.domain.definition import (
    AtLeastOne,
    Cells,
    Code,
    Count,
    Definition,
    DefinitionProblems,
    Flag,
    Identifier,
    Key,
    LabelLine,
    NotNegative,
    Number,
    Percent,
    Positive,
    Range,
    Text,
    Version,
    by_code,
    refuse_contradictions,
    unique_codes,
)
from cellbank.domain.quantities import WEIGHT

digest = definition.digest  # sha256 of the file text; the version that lots, subjects and doses point at

StudyDay = Annotated[int, Field(strict=True, ge=-365, le=3650)]
DosingDay = Annotated[int, Field(strict=True, ge=1, le=3650)]


class ProtocolProblems(DefinitionProblems):
    """A trial protocol file was refused; `problems` lists everything that is wrong with it."""


def _none_if_said(value: object) -> object:
    return None if value == "none" else value


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


class Infusion(Definition):
    """One planned infusion: study day and the first and last study day on which it may be given."""

    number: Annotated[int, Field(strict=True, ge=1, le=50)]
    day: DosingDay
    window_first_day: DosingDay
    window_last_day: DosingDay

    @field_validator("window_last_day")
    @classmethod
    def _day_inside_window(cls, last: int, info: ValidationInfo) -> int:
        day, first = info.data.get("day"), info.data.get("window_first_day")
        if day is not None and first is not None and not first <= day <= last:
            raise ValueError(f"day {day} is outside its window {first} to {last}")
        return last


class Tolerance(Definition):
    """Bands of the delivered dose in percent of the required dose; a bound belongs to the better band."""

    ok_percent: Range
    warn_percent: Range

    @field_validator("ok_percent")
    @classmethod
    def _target_is_ok(cls, ok: Range) -> Range:
        if not ok.holds(100):
            raise ValueError(f"{ok} does not hold 100 %: the required dose itself would not be OK")
        return ok

    @field_validator("warn_percent")
    @classmethod
    def _warn_encloses_ok(cls, warn: Range, info: ValidationInfo) -> Range:
        ok = info.data.get("ok_percent")
        if ok is not None and not warn.encloses(ok):
            raise ValueError(f"{warn} does not enclose ok_percent {ok}")
        return warn


class WeightRules(Definition):
    """What makes a body weight usable for a dose; kg, hours, percent of the weight used before."""

    plausible_kg: Range
    max_age_hours: AtLeastOne
    change_percent_note: Percent
    change_percent_recalculate: Percent
    decimals: Annotated[int, Field(strict=True, ge=0, le=3)]
    second_person: Flag

    @field_validator("plausible_kg")
    @classmethod
    def _somebody_weighs(cls, plausible: Range) -> Range:
        if plausible.low < WEIGHT.low or plausible.high > WEIGHT.high:
            raise ValueError(f"{plausible} reaches beyond {WEIGHT.low} to {WEIGHT.high} kg: nobody weighs that")
        return plausible

    @field_validator("change_percent_recalculate")
    @classmethod
    def _note_comes_first(cls, recalculate: Decimal, info: ValidationInfo) -> Decimal:
        if "change_percent_note" in info.data and recalculate < info.data["change_percent_note"]:
            raise ValueError("is below change_percent_note: a recalculation would come before the note")
        return recalculate


@dataclass(frozen=True)
class FixedDose:
    """So many cells, whoever gets them."""

    cells: int


@dataclass(frozen=True)
class DosePerKg:
    """So many cells for each kg of body weight."""

    cells_per_kg: int


class DoseRule(Definition):
    """How many cells, when, and how far off a dose may be. `cap_cells` is None where the file says "none"."""

    kind: Literal["per_kg", "fixed"]
    cells_per_kg: Cells | None = None
    cells: Cells | None = None
    weight: WeightRules
    cap_cells: Annotated[Cells | None, BeforeValidator(_none_if_said)]
    infusions: Annotated[tuple[Infusion, ...], Field(min_length=1)]
    min_hours_between: Count
    one_per_calendar_day: Flag
    spare_vials: Annotated[int, Field(strict=True, ge=0, le=20)]
    allow_mixed_lots: Literal[False]
    tolerance: Tolerance

    @field_validator("allow_mixed_lots", mode="before")
    @classmethod
    def _one_lot_a_dose(cls, given: object) -> object:
        if given is True:
            raise ValueError("mixed lots are not supported: a dose comes from one lot. Write false")
        return given

    @field_validator("cells_per_kg")
    @classmethod
    def _cells_per_kg_for_its_kind(cls, given: int | None, info: ValidationInfo) -> int | None:
        return _for_kind("per_kg", given, info)

    @field_validator("cells")
    @classmethod
    def _cells_for_its_kind(cls, given: int | None, info: ValidationInfo) -> int | None:
        return _for_kind("fixed", given, info)

    @field_validator("cap_cells")
    @classmethod
    def _cap_can_be_reached(cls, cap: int | None, info: ValidationInfo) -> int | None:
        lowest = _lowest_dose(info.data)
        if cap is not None and lowest is not None and cap < lowest:
            raise ValueError(f"is below the lowest conceivable dose of {lowest} cells")
        return cap

    @field_validator("infusions")
    @classmethod
    def _infusions_in_order(cls, infusions: tuple[Infusion, ...]) -> tuple[Infusion, ...]:
        refuse_contradictions([*_first_infusion_problems(infusions[0]), *_sequence_problems(infusions)])
        return infusions

    @field_validator("min_hours_between")
    @classmethod
    def _days_leave_the_hours(cls, hours: int, info: ValidationInfo) -> int:
        refuse_contradictions(
            ("", f"day {later.day} is only {24 * (later.day - earlier.day)} h after day {earlier.day}")
            for earlier, later in pairwise(info.data.get("infusions", ()))
            if 24 * (later.day - earlier.day) < hours
        )
        return hours

    @property
    def amount(self) -> FixedDose | DosePerKg:
        """What `kind` says, with its figure; a file without it, or with that of the other kind, was refused."""
        if self.cells is not None:
            return FixedDose(self.cells)
        assert self.cells_per_kg is not None
        return DosePerKg(self.cells_per_kg)

    @property
    def needs_weight(self) -> bool:
        """Whether a body weight goes into the dose."""
        return isinstance(self.amount, DosePerKg)

    def infusion(self, number: int) -> Infusion:
        """The planned infusion of this number; KeyError if the protocol has none."""
        for planned in self.infusions:
            if planned.number == number:
                return planned
        raise KeyError(f"the protocol has {len(self.infusions)} infusions, no number {number}")


def _for_kind(kind: str, given: int | None, info: ValidationInfo) -> int | None:
    chosen = info.data.get("kind")
    if chosen == kind and given is None:
        raise ValueError(f"is missing: the dose is {kind}")
    if chosen is not None and chosen != kind and given is not None:
        raise ValueError(f"does not belong to a dose that is {chosen}")
    return given


def _lowest_dose(known: Mapping[str, Any]) -> Decimal | int | None:
    if known.get("kind") == "fixed":
        return known.get("cells")
    if known.get("cells_per_kg") is None or "weight" not in known:
        return None
    return int(known["cells_per_kg"] * known["weight"].plausible_kg.low)


def _first_infusion_problems(first: Infusion) -> list[tuple[str, str]]:
    if (first.day, first.window_first_day, first.window_last_day) == (1, 1, 1):
        return []
    return [("[1]", "the first infusion defines day 1: its day and both ends of its window are 1")]


def _sequence_problems(infusions: tuple[Infusion, ...]) -> list[tuple[str, str]]:
    problems = []
    for place, infusion in enumerate(infusions, start=1):
        if infusion.number != place:
            problems.append((f"[{place}].number", f"is {infusion.number}; infusions are numbered 1, 2, 3 …"))
    for place, (earlier, later) in enumerate(pairwise(infusions), start=2):
        if later.window_first_day <= earlier.window_last_day:
            problems.append(
                (
                    f"[{place}].window_first_day",
                    f"the window overlaps that of infusion {earlier.number}, "
                    f"which ends on day {earlier.window_last_day}",
                )
            )
    return problems


class Diluent(Definition):
    """What thawed cells are put into, and how long they keep in it from the start of the first thaw."""

    code: Key
    title: Text
    hours_to_expiry: Positive


class ThawRules(Definition):
    """When a thawed product may still be given."""

    viability_minimum_percent: Percent
    viability_method: Text
    max_hours: Positive
    diluents: Annotated[tuple[Diluent, ...], Field(min_length=1), AfterValidator(unique_codes)]

    @field_validator("diluents")
    @classmethod
    def _within_max_hours(cls, diluents: tuple[Diluent, ...], info: ValidationInfo) -> tuple[Diluent, ...]:
        limit = info.data.get("max_hours")
        refuse_contradictions(
            (f"[{place}].hours_to_expiry", f"{diluent.hours_to_expiry} h is more than max_hours {limit}")
            for place, diluent in enumerate(diluents, start=1)
            if limit is not None and diluent.hours_to_expiry > limit
        )
        return diluents


class Limits(Definition):
    """What a subject may be given besides cells, per kg of body weight: DMSO in a day, endotoxin in an infusion.

    1 g/kg of DMSO a day is what is tolerated (domain reference §4.4): a protocol may allow less, never more."""

    dmso_g_per_kg: Annotated[Number, Field(gt=0, le=1)]
    dmso_warn_percent: Percent
    endotoxin_eu_per_kg: Positive


class SyringeMark(Definition):
    """Volumes up to `up_to_ml` are drawn to the nearest `mark_ml`."""

    up_to_ml: Positive
    mark_ml: Positive


class DrawRules(Definition):
    """How the dose is drawn from the pool: mL that cannot be drawn, and the marks that can be read."""

    dead_volume_ml: NotNegative
    marks: Annotated[tuple[SyringeMark, ...], Field(min_length=1)]

    @field_validator("marks")
    @classmethod
    def _marks_rise(cls, marks: tuple[SyringeMark, ...]) -> tuple[SyringeMark, ...]:
        refuse_contradictions(
            (f"[{place}].up_to_ml", "is not larger than the one before")
            for place, (smaller, larger) in enumerate(pairwise(marks), start=2)
            if larger.up_to_ml <= smaller.up_to_ml
        )
        return marks


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
