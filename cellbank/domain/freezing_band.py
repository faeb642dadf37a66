"""The band of a freezing program: where the product's temperature must lie, minute by minute.

Data of the product specification, read by specification.py; a run is compared with it by rules/freezing_run.py.
"""

import itertools
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from cellbank.domain.definition import (
    AtLeastOne,
    Definition,
    NotNegative,
    Number,
    Positive,
    Range,
    refuse_contradictions,
)


class BandPoint(Range):
    """The band at one minute of the program; straight lines lead from one point to the next."""

    minute: NotNegative


class Nucleation(Definition):
    """The warmth that ice sets free: between these minutes the product may once be so much warmer than the band, for so
    long."""

    from_minute: NotNegative
    until_minute: Positive
    rise_celsius: Positive
    minutes: Positive

    @field_validator("until_minute")
    @classmethod
    def _ends_after_it_begins(cls, until: Number, info: ValidationInfo) -> Number:
        if "from_minute" in info.data and until <= info.data["from_minute"]:
            raise ValueError(f"is not after from_minute {info.data['from_minute']}")
        return until


class FreezingBand(Definition):
    """The band of one program. Minute 0 is the first reading of the product at or below `start_celsius`; it lies within
    `start_within_minutes` of the start that was recorded for the lot. Longer than `gap_minutes` without a reading is a
    departure: unknown is outside until somebody explains it."""

    start_celsius: Number
    start_within_minutes: AtLeastOne
    gap_minutes: AtLeastOne
    points: Annotated[tuple[BandPoint, ...], Field(min_length=2, max_length=100)]
    nucleation: Nucleation | None = None

    @field_validator("points")
    @classmethod
    def _in_order(cls, points: tuple[BandPoint, ...]) -> tuple[BandPoint, ...]:
        refuse_contradictions(_out_of_order(points))
        return points

    @field_validator("nucleation")
    @classmethod
    def _within_the_program(cls, nucleation: Nucleation | None, info: ValidationInfo) -> Nucleation | None:
        points = info.data.get("points")
        if nucleation and points and nucleation.until_minute > points[-1].minute:
            last = points[-1].minute
            refuse_contradictions([(".until_minute", f"{nucleation.until_minute} is after the last point, {last}")])
        return nucleation


def _out_of_order(points: tuple[BandPoint, ...]) -> Iterator[tuple[str, str]]:
    if points[0].minute != 0:
        yield "[1].minute", f"is {points[0].minute}: the band begins at minute 0"
    for place, (before, point) in enumerate(itertools.pairwise(points), start=2):
        if point.minute <= before.minute:
            yield f"[{place}].minute", f"{point.minute} is not after {before.minute}"
