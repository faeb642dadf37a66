"""What a protocol says of doses: how many cells, on which days, within which limits of weight and of the dose."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from cellbank.domain.definition import AtLeastOne, Cells, Count, Definition, Flag, Percent, Range, refuse_contradictions
from cellbank.domain.quantities import WEIGHT

DosingDay = Annotated[int, Field(strict=True, ge=1, le=3650)]


def _none_if_said(value: object) -> object:
    return None if value == "none" else value


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
