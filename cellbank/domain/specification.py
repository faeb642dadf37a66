"""The product specification as data: donor tests, limits from donation to storage, release tests.

The shipped example is protocols/p-mmsc.toml. A site that makes another product writes another file.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cellbank.domain import definition
from cellbank.domain.acceptance import (
    GROWTH_RESULTS,
    ReleaseTest,
    ResultVerdict,
    Stage,
    earliest_result_at,
    judge_result,
)
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
    Version,
    by_code,
    refuse_contradictions,
    unique_codes,
)
from cellbank.domain.freezing_band import FreezingBand

__all__ = [
    "GROWTH_RESULTS", "ConditionalRules", "DonorRules", "DonorTest", "ReleaseTest", "ResultVerdict", "Specification",
    "SpecificationProblems", "Stage", "digest", "earliest_result_at", "judge_result", "load_specification",
]  # fmt: skip

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
    def _acceptable_is_a_result(cls, tests: tuple[DonorTest, ...], info: ValidationInfo) -> tuple[DonorTest, ...]:
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
    """A freezing program that may be used. One with a band asks for the file of each run: no release without it."""

    code: Code
    title: Text
    steps: Text
    band: FreezingBand | None = None


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

    def band(self, code: str | None) -> FreezingBand | None:
        """The band of this program; None where it has none, or nothing is frozen yet."""
        return next((program.band for program in self.programs if program.code == code), None)

    @property
    def programs_with_a_band(self) -> tuple[str, ...]:
        """The codes of the programs that ask for the file of each run."""
        return tuple(program.code for program in self.programs if program.band)


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


class ConditionalRules(Definition):
    """Tests that may still be pending when a lot is used for one subject (domain reference §5.4)."""

    tests: Annotated[tuple[Code, ...], Field(min_length=1)]


class Specification(Definition):
    """A product specification version."""

    id: Identifier
    title: Text
    version: Version
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
    conditional_release: ConditionalRules | None = None  # absent: a lot is used released, or not at all

    @field_validator("conditional_release")
    @classmethod
    def _may_be_pending(cls, rules: ConditionalRules | None, info: ValidationInfo) -> ConditionalRules | None:
        if rules is not None and "tests" in info.data:
            refuse_contradictions(_pending_problems(rules.tests, {test.code: test for test in info.data["tests"]}))
        return rules

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

    def required_tests(self, stage: Stage) -> tuple[ReleaseTest, ...]:
        """Tests of a stage without which a lot is not released."""
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


def _pending_problems(codes: tuple[str, ...], tests: dict[str, ReleaseTest]) -> Iterable[tuple[str, str]]:
    for place, code in enumerate(codes, start=1):
        path, test = f".tests[{place}]", tests.get(code)
        if test is None:
            yield path, f"{code} is not one of the tests"
        elif code in codes[: place - 1]:
            yield path, f"{code} is named twice"
        elif not test.required or test.stage not in ("lot", "post_thaw"):
            yield path, f"{code} is no required test of the lot or after thaw: nothing waits for it"
        elif test.provides is not None:
            yield path, f"{code} provides the {test.provides} of the dose calculation and can never be pending"


def load_specification(text: str, *, stands: bool = False) -> Specification:
    """Read a product specification from TOML text; raise SpecificationProblems with all problems at once."""
    return definition.load_definition(text, Specification, SpecificationProblems, stands=stands)
