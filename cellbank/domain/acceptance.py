"""One test of the product with its acceptance limit: what passes, when, at which stage, and who may review it.

Sources: domain reference §5.1 to §5.3 (tests, limits, methods), §7.6 (entered by one, reviewed by another).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cellbank.domain.definition import AtLeastOne, Code, Definition, Flag, Number, Text

GROWTH_RESULTS = ("no growth", "growth")
USUAL_DAYS = 7  # until a result is expected, where neither the method nor the file says how long it takes [default]

Stage = Literal["tissue", "in_process", "lot", "post_thaw"]
Reviewer = Literal["technician", "quality_officer"]
SampleCount = Annotated[int, Field(strict=True, ge=1, le=100)]


def _each_once(roles: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(roles)) < len(roles):
        raise ValueError("names a role twice")
    return roles


Reviewers = Annotated[tuple[Reviewer, ...], Field(min_length=1), AfterValidator(_each_once)]


class ReleaseTest(Definition):
    """One test of the product. Not `required` means informative: recorded, never in the way of a release.

    stage tissue: of the donation; in_process: of a culture; lot: of the filled lot; post_thaw: of a thawed vial.
    kind number: `minimum` and `maximum` (either may be absent), in `unit`; a limit itself passes unless its
    `…_inclusive` is false. kind choice: `choices`, of which `accept` pass. kind growth: "no growth" passes,
    and not before `earliest_days` after inoculation. `result_days`: when a result is expected, where the method does
    not say. `samples`: how many samples must be tested. `provides` feeds the dose calculation.
    """

    code: Code
    title: Text
    stage: Stage
    method: Text
    method_version: Text | None = None
    required: Flag
    kind: Literal["number", "choice", "growth"]
    unit: Text | None = None
    minimum: Number | None = None
    minimum_inclusive: Flag = True
    maximum: Number | None = None
    maximum_inclusive: Flag = True
    choices: tuple[Text, ...] = ()
    accept: tuple[Text, ...] = ()
    earliest_days: AtLeastOne | None = None
    result_days: AtLeastOne | None = None
    samples: SampleCount = 1
    reviewed_by: Reviewers = ("technician", "quality_officer")
    provides: Literal["recovery", "viability", "endotoxin"] | None = None

    @field_validator("unit", "minimum", "maximum", "choices", "accept", "earliest_days", "provides")
    @classmethod
    def _belongs_to_kind(cls, given: object, info: ValidationInfo) -> object:
        kind, name = info.data.get("kind"), info.field_name
        home = {"choices": "choice", "accept": "choice", "earliest_days": "growth"}.get(name or "", "number")
        absent = given is None or given == ()
        if kind is not None and kind != home and not absent:
            raise ValueError(f"does not belong to a test of kind {kind}")
        if kind == home and absent and name in ("unit", "choices", "accept", "earliest_days"):
            raise ValueError(f"is missing: a test of kind {kind} needs it")
        return given

    @field_validator("maximum")
    @classmethod
    def _limits(cls, maximum: Decimal | None, info: ValidationInfo) -> Decimal | None:
        minimum = info.data.get("minimum")
        if maximum is not None and minimum is not None and maximum < minimum:
            raise ValueError(f"is below minimum {minimum}")
        no_limit = maximum is None and "minimum" in info.data and minimum is None
        if no_limit and info.data.get("kind") == "number" and info.data.get("required"):
            raise ValueError("a required number needs a minimum or a maximum")
        return maximum

    @field_validator("accept")
    @classmethod
    def _accepts_a_choice(cls, accept: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        unknown = [word for word in accept if word not in info.data.get("choices", accept)]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not among the choices")
        return accept

    @field_validator("provides")
    @classmethod
    def _provider_is_required(cls, provides: str | None, info: ValidationInfo) -> str | None:
        if provides is not None and info.data.get("required") is False:
            raise ValueError(f"the dose calculation needs {provides}: the test must be required")
        if provides is not None and info.data.get("stage") in ("tissue", "in_process"):
            raise ValueError(f"the dose calculation needs {provides} of the lot, not of what came before it")
        if provides is not None and info.data.get("samples", 1) > 1:
            raise ValueError(f"the dose calculation needs one {provides}: the test must have one sample")
        return provides

    @field_validator("result_days")
    @classmethod
    def _not_before_the_method(cls, days: int | None, info: ValidationInfo) -> int | None:
        earliest = info.data.get("earliest_days")
        if days is not None and earliest is not None and days < earliest:
            raise ValueError(f"is less than earliest_days {earliest}")
        return days

    @property
    def days_to_result(self) -> int:
        """Days from the sample, or the inoculation, until the result is due."""
        return self.result_days or self.earliest_days or USUAL_DAYS

    @property
    def possible_results(self) -> tuple[str, ...]:
        """The words a choice or growth test may be answered with; () for a number."""
        return GROWTH_RESULTS if self.kind == "growth" else self.choices


class ResultVerdict(StrEnum):
    """Whether a test result meets the specification; the values are those of the test_result record."""

    IN_SPEC = "IN_SPECIFICATION"
    OUT_OF_SPEC = "OUT_OF_SPECIFICATION"
    INFORMATIVE = "INFORMATIVE"


def judge_result(test: ReleaseTest, value: Decimal | int | str) -> ResultVerdict:
    """Judge one result against its limits or accepted words; a test that is not required is INFORMATIVE.

    Raises ValueError for a value that is no result of this test: a word for a number, a float, a word
    that is not among the choices. Whether it is too early for a result is `earliest_result_at`'s to say.
    """
    if test.kind == "number":
        passes = _within_limits(test, _exact(test, value))
    elif value in test.possible_results:
        passes = value in (test.accept or GROWTH_RESULTS[:1])
    else:
        raise ValueError(f"{value!r} is not a result of {test.code}: {', '.join(test.possible_results)}")
    if not test.required:
        return ResultVerdict.INFORMATIVE
    return ResultVerdict.IN_SPEC if passes else ResultVerdict.OUT_OF_SPEC


def earliest_result_at(test: ReleaseTest, inoculated_at: datetime) -> datetime:
    """When "no growth" may first be reported; growth may be reported at any time."""
    return inoculated_at + timedelta(days=test.earliest_days or 0)


def _exact(test: ReleaseTest, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        raise ValueError(f"{value!r} is not a result of {test.code}: a number in {test.unit} is expected")
    return Decimal(value)


def _within_limits(test: ReleaseTest, value: Decimal) -> bool:
    low, high = test.minimum, test.maximum
    high_enough = low is None or value > low or (value == low and test.minimum_inclusive)
    low_enough = high is None or value < high or (value == high and test.maximum_inclusive)
    return high_enough and low_enough
