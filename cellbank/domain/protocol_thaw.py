"""What a protocol says of the way from the tank to the patient: thaw, syringes, what a patient may get."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cellbank.domain.definition import (
    Definition,
    Key,
    NotNegative,
    Number,
    Percent,
    Positive,
    Text,
    refuse_contradictions,
    unique_codes,
)


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
