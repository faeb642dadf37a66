"""The product specification as data: donor tests, limits from donation to storage, release tests.

The shipped example is protocols/p-mmsc.toml. A site that makes another product writes another file.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cellbank.domain import definition
from cellbank.domain.definition import (
    AtLeastOne,
    CellRange,
    Cells,
    Code,
    Definition,
    DefinitionProblems,
    Flag,
    Identifier,
    Key,
    Number,
    Percent,
    Positive,
    Range,
    ShortText,
    Text,
    by_code,
    refuse_contradictions,
    unique_codes,
)

digest = definition.digest  # sha256 of the file text; the version that lots point at


class SpecificationProblems(DefinitionProblems):
    """A product specification file was refused; `problems` lists everything that is wrong with it."""


class DonorTest(Definition):
    """One required test of the donor's blood. A NAT may help to lift the repeat test (`lifts_retest`)."""

    code: Code
    title: Text
    kind: Literal["antibody", "antigen", "NAT"]
    acceptable: Text
    lifts_retest: Flag = False

    @field_validator("lifts_retest")
    @classmethod
    def _only_nat_lifts(cls, lifts: bool, info: ValidationInfo) -> bool:
        if lifts and info.data.get("kind") in ("antibody", "antigen"):
            raise ValueError("only a NAT can lift the repeat test: it finds what antibodies do not show yet")
        return lifts


class DonorRules(Definition):
    """The donor panel. Specimen within so many days of donation; repeat after `retest_days` unless lifted."""

    specimen_window_days: AtLeastOne
    retest_days: AtLeastOne
    results: Annotated[tuple[Text, ...], Field(min_length=2)]
    tests: Annotated[tuple[DonorTest, ...], Field(min_length=1), AfterValidator(unique_codes)]

    @field_validator("tests")
    @classmethod
    def _acceptable_is_a_result(
        cls, tests: tuple[DonorTest, ...], info: ValidationInfo
    ) -> tuple[DonorTest, ...]:
        results = info.data.get("results")
        refuse_contradictions(
            (f"[{place}].acceptable", f"{test.acceptable} is not one of donor.results")
            for place, test in enumerate(tests, start=1)
            if results is not None and test.acceptable not in results
        )
        return tests

    def test(self, code: str) -> DonorTest:
        """The donor test with this code; KeyError if it is not in the panel."""
        return by_code(self.tests, code)

    @property
    def retest_lifting_codes(self) -> tuple[str, ...]:
        """Tests that must all be acceptable on the donation sample to lift the repeat test; () is never."""
        return tuple(test.code for test in self.tests if test.lifts_retest)


class DonationKind(Definition):
    """How tissue of one kind must arrive: soft is good, up to hard is questioned, outside is refused."""

    code: Literal["placenta", "cord"]
    title: Text
    transport_hard_celsius: Range
    transport_soft_celsius: Range
    hours_hard: Positive
    hours_soft: Positive

    @field_validator("transport_soft_celsius")
    @classmethod
    def _soft_inside_hard(cls, soft: Range, info: ValidationInfo) -> Range:
        hard = info.data.get("transport_hard_celsius")
        if hard is not None and not hard.encloses(soft):
            raise ValueError(f"{soft} is not inside transport_hard_celsius {hard}")
        return soft

    @field_validator("hours_soft")
    @classmethod
    def _soft_before_hard(cls, soft: Decimal, info: ValidationInfo) -> Decimal:
        hard = info.data.get("hours_hard")
        if hard is not None and soft > hard:
            raise ValueError(f"is more than hours_hard {hard}")
        return soft


class CultureRules(Definition):
    """Limits of culture. `cpdl`, cumulative population doubling level, never resets, not through a bank."""

    passage_max: AtLeastOne
    passage_above_max: Literal["warn", "refuse"]
    cpdl_block: Positive
    cpdl_warn: Positive
    viability_minimum_percent: Percent
    seeding_per_cm2: CellRange
    seeding_typical_per_cm2: Cells
    harvest_confluence_percent: Range

    @field_validator("cpdl_warn")
    @classmethod
    def _warn_before_block(cls, warn: Decimal, info: ValidationInfo) -> Decimal:
        block = info.data.get("cpdl_block")
        if block is not None and warn > block:
            raise ValueError(f"is more than cpdl_block {block}")
        return warn

    @field_validator("seeding_typical_per_cm2")
    @classmethod
    def _typical_inside(cls, typical: int, info: ValidationInfo) -> int:
        usual = info.data.get("seeding_per_cm2")
        if usual is not None and not usual.holds(typical):
            raise ValueError(f"is outside seeding_per_cm2 {usual}")
        return typical


class ShelfLife(Definition):
    """How long a lot of one kind keeps, in months from freezing."""

    code: Key
    title: Text
    months: AtLeastOne


class FreezingProgram(Definition):
    """A freezing program that may be used."""

    code: Code
    title: Text
    steps: Text


class FreezingRules(Definition):
    """Limits of filling and freezing."""

    fill_to_freeze_max_minutes: AtLeastOne
    cells_per_ml: CellRange
    vial_volume_ml: Range
    dmso_percent: Range
    cryoprotectant: Text
    shelf_life: Annotated[tuple[ShelfLife, ...], Field(min_length=1), AfterValidator(unique_codes)]
    programs: Annotated[tuple[FreezingProgram, ...], Field(min_length=1), AfterValidator(unique_codes)]

    def shelf_life_months(self, lot_kind: str) -> int:
        """Months that a lot of this kind keeps; KeyError if the specification does not know the kind."""
        return by_code(self.shelf_life, lot_kind).months

    def program(self, code: str) -> FreezingProgram:
        """The freezing program with this code; KeyError if it is not allowed."""
        return by_code(self.programs, code)


class HandlingRules(Definition):
    """How long and how often one vial may be out of the cold."""

    warming_single_seconds: AtLeastOne
    warming_events_max: AtLeastOne
    warming_total_seconds: AtLeastOne

    @field_validator("warming_total_seconds")
    @classmethod
    def _total_holds_one(cls, total: int, info: ValidationInfo) -> int:
        if "warming_single_seconds" in info.data and total < info.data["warming_single_seconds"]:
            raise ValueError("is less than warming_single_seconds")
        return total


class TemperatureRules(Definition):
    """What a storage or transport trace means for the product, in degrees Celsius and minutes."""

    reject_above_celsius: Number
    critical_above_celsius: Number
    critical_readings: AtLeastOne
    warn_above_celsius: Number
    warn_minutes: AtLeastOne
    acknowledge_minutes: AtLeastOne
    gap_minutes: AtLeastOne

    @field_validator("critical_above_celsius", "warn_above_celsius")
    @classmethod
    def _colder_first(cls, limit: Decimal, info: ValidationInfo) -> Decimal:
        name = "critical_above_celsius" if info.field_name == "warn_above_celsius" else "reject_above_celsius"
        if name in info.data and limit > info.data[name]:
            raise ValueError(f"is warmer than {name} {info.data[name]}")
        return limit


GROWTH_RESULTS = ("no growth", "growth")


class ReleaseTest(Definition):
    """One test of a lot. Not `required` means informative: recorded, never in the way of a release.

    kind number: `minimum` and `maximum` (either may be absent), in `unit`; a limit itself passes unless its
    `…_inclusive` is false. kind choice: `choices`, of which `accept` pass. kind growth: "no growth" passes,
    and not before `earliest_days` after inoculation. `provides` feeds the dose calculation.
    """

    code: Code
    title: Text
    stage: Literal["lot", "post_thaw"]
    method: Text
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
    provides: Literal["recovery", "viability", "endotoxin"] | None = None

    @field_validator("unit", "minimum", "maximum", "choices", "accept", "earliest_days", "provides")
    @classmethod
    def _belongs_to_kind(cls, given: object, info: ValidationInfo) -> object:
        kind, name = info.data.get("kind"), info.field_name
        home = {"choices": "choice", "accept": "choice", "earliest_days": "growth"}.get(name, "number")
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
        return provides

    @property
    def possible_results(self) -> tuple[str, ...]:
        """The words a choice or growth test may be answered with; () for a number."""
        return GROWTH_RESULTS if self.kind == "growth" else self.choices


class Specification(Definition):
    """A product specification version."""

    id: Identifier
    title: Text
    version: Text
    product_code: Annotated[str, Field(strict=True, pattern=r"^D[0-9]{4}$")]
    short_name: ShortText
    storage: Text
    donor: DonorRules
    donations: Annotated[tuple[DonationKind, ...], Field(min_length=1), AfterValidator(unique_codes)]
    culture: CultureRules
    freezing: FreezingRules
    handling: HandlingRules
    temperature: TemperatureRules
    tests: Annotated[tuple[ReleaseTest, ...], Field(min_length=1), AfterValidator(unique_codes)]

    @field_validator("tests")
    @classmethod
    def _feeds_the_dose(cls, tests: tuple[ReleaseTest, ...]) -> tuple[ReleaseTest, ...]:
        refuse_contradictions(_provider_problems(tests))
        return tests

    def donation(self, kind: str) -> DonationKind:
        """The transport rules of this kind of tissue; KeyError if the product is not made from it."""
        return by_code(self.donations, kind)

    def test(self, code: str) -> ReleaseTest:
        """The release test with this code; KeyError if the specification has none."""
        return by_code(self.tests, code)

    def required_tests(self, stage: str) -> tuple[ReleaseTest, ...]:
        """Tests of a stage ("lot" or "post_thaw") without which a lot is not released."""
        return tuple(test for test in self.tests if test.required and test.stage == stage)

    def provider(self, provides: str) -> ReleaseTest:
        """The test whose result feeds the dose calculation: "recovery", "viability" or "endotoxin"."""
        return next(test for test in self.tests if test.provides == provides)


def _provider_problems(tests: Iterable[ReleaseTest]) -> list[tuple[str, str]]:
    provided = [test.provides for test in tests]
    return [
        ("", f"{provided.count(value)} tests provide {value}; the dose calculation needs exactly one")
        for value in ("recovery", "viability", "endotoxin")
        if provided.count(value) != 1
    ]


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


def load_specification(text: str) -> Specification:
    """Read a product specification from TOML text; raise SpecificationProblems with all problems at once."""
    return definition.load_definition(text, Specification, SpecificationProblems)
