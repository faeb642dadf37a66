"""What may be entered as a result of a lot or of a donor, and when."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

import cellbank
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.refusals import Code
from cellbank.domain.rules.result import (
    InvalidationFacts,
    Reading,
    ResultFacts,
    ReviewedFacts,
    SamplingFacts,
    VialSampled,
    choice_problem,
    days_to_result,
    donor_reading_problems,
    donor_verdict,
    invalidation_refusals,
    limit_in_words,
    reading_problems,
    result_refusals,
    review_refusals,
    value_problem,
    verdict_of,
    vial_sampled_refusals,
)
from cellbank.domain.specification import ResultVerdict, load_specification

TEXT = (Path(cellbank.__file__).parent / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")
SPECIFICATION = load_specification(TEXT)
COLLECTED = datetime.datetime(2026, 1, 10, 9, tzinfo=datetime.UTC)
FROZEN = COLLECTED + datetime.timedelta(days=20)
DAY = datetime.timedelta(days=1)
MINUTE = datetime.timedelta(minutes=1)


def refusals(
    test: str,
    choice: str | None,
    started: datetime.datetime,
    resulted: datetime.datetime,
    frozen: datetime.datetime | None = FROZEN,
):
    begun = ("was collected as tissue", COLLECTED, frozen)
    sampling = SamplingFacts("lot LT0017W", SPECIFICATION.test(test), started, *begun)
    return result_refusals(ResultFacts(sampling, choice, resulted))


@pytest.mark.parametrize(
    ("test", "choice", "days", "codes"),
    [
        ("STERILITY", "no growth", 14 * DAY, []),
        ("STERILITY", "no growth", 14 * DAY - MINUTE, [Code.RESULT_TOO_EARLY]),
        ("STERILITY", "growth", DAY, []),
        ("MYCOPLASMA", "no growth", 28 * DAY, []),
        ("MYCOPLASMA", "no growth", 27 * DAY, [Code.RESULT_TOO_EARLY]),
        ("PT-STERILITY", "no growth", 13 * DAY, [Code.RESULT_TOO_EARLY]),
        ("KARYOTYPE", "normal", MINUTE, []),
    ],
)
def test_no_growth_waits_for_its_day(test: str, choice: str, days: datetime.timedelta, codes: list[Code]) -> None:
    assert [refusal.code for refusal in refusals(test, choice, FROZEN, FROZEN + days)] == codes


def test_the_earliest_day_is_named() -> None:
    [refusal] = refusals("STERILITY", "no growth", FROZEN, FROZEN + DAY)
    assert f"{FROZEN + 14 * DAY:%Y-%m-%d %H:%M}" in refusal.detail


@pytest.mark.parametrize(
    ("test", "started", "frozen", "codes"),
    [
        ("PT-VIABILITY", FROZEN, FROZEN, []),
        ("PT-VIABILITY", FROZEN - MINUTE, FROZEN, [Code.OUT_OF_ORDER]),
        ("PT-VIABILITY", FROZEN, None, [Code.OUT_OF_ORDER]),
        ("MYCOPLASMA", FROZEN - DAY, FROZEN, []),  # the supernatant of the last culture
        ("VIABILITY", FROZEN, None, []),
        ("CD73", COLLECTED - MINUTE, FROZEN, [Code.OUT_OF_ORDER]),
    ],
)
def test_a_sample_is_not_older_than_what_it_is_of(test: str, started, frozen, codes: list[Code]) -> None:
    found = refusals(test, None, started, started + 30 * DAY, frozen)
    assert [refusal.code for refusal in found] == codes


@pytest.mark.parametrize(
    ("test", "number", "choice", "field"),
    [
        ("VIABILITY", "93.5", None, None),
        ("VIABILITY", "0", None, None),
        ("VIABILITY", "101", None, "number"),
        ("VIABILITY", "-1", None, "number"),
        ("VIABILITY", None, "good", "number"),
        ("PT-RECOVERY", "104", None, None),
        ("PT-RECOVERY", "-0.1", None, "number"),
        ("ENDOTOXIN", "250", None, None),
        ("ENDOTOXIN", "-0.5", None, "number"),
        ("KARYOTYPE", None, "normal", None),
        ("KARYOTYPE", None, "fine", "choice"),
        ("KARYOTYPE", "1", None, "choice"),
        ("STERILITY", None, "no growth", None),
        ("STERILITY", None, "negative", "choice"),
    ],
)
def test_a_value_is_a_possible_result(test: str, number: str | None, choice: str | None, field: str | None) -> None:
    problem = value_problem(SPECIFICATION.test(test), Decimal(number) if number else None, choice)
    assert (problem and problem[0]) == field


def test_a_choice_problem_names_what_is_possible() -> None:
    problem = choice_problem("HIV NAT", SPECIFICATION.donor.results, "perhaps")
    assert problem == ("choice", "HIV NAT is one of: negative, positive, indeterminate")


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [
        ("negative", ResultVerdict.IN_SPEC),
        ("positive", ResultVerdict.OUT_OF_SPEC),
        ("indeterminate", ResultVerdict.OUT_OF_SPEC),
    ],
)
def test_only_the_acceptable_result_of_a_donor_is_in_specification(choice: str, verdict: ResultVerdict) -> None:
    assert donor_verdict(SPECIFICATION.donor.test("HIV-NAT"), choice) is verdict


@pytest.mark.parametrize(
    ("reading", "fields"),
    [
        (Reading(Decimal("98")), []),
        (Reading(Decimal("98"), unit="%", sample_number=1), []),
        (Reading(Decimal("98"), unit="ppm"), ["unit"]),
        (Reading(Decimal("101"), unit="ppm", sample_number=2), ["number", "unit", "sample_number"]),
        (Reading(choice="good"), ["number"]),
    ],
)
def test_everything_wrong_with_a_reading_is_told_at_once(reading: Reading, fields: list[str]) -> None:
    assert [field for field, _ in reading_problems(SPECIFICATION.test("CD73"), reading)] == fields


def test_a_test_of_several_samples_asks_which_one() -> None:
    test = SPECIFICATION.test("CD73").model_copy(update={"samples": 3})
    assert [field for field, _ in reading_problems(test, Reading(Decimal("98")))] == ["sample_number"]
    assert reading_problems(test, Reading(Decimal("98"), sample_number=3)) == ()


def test_a_donor_has_one_specimen_and_no_unit() -> None:
    test, possible = SPECIFICATION.donor.test("HIV-NAT"), SPECIFICATION.donor.results
    assert donor_reading_problems(test, possible, Reading(choice="negative")) == ()
    wrong = Reading(choice="perhaps", unit="%", sample_number=2)
    assert [field for field, _ in donor_reading_problems(test, possible, wrong)] == ["choice", "unit", "sample_number"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("CD73", "95 % or more"),
        ("NEGATIVE", "2 % or less"),
        ("PT-VIABILITY", "70 % or more, 100 % or less"),
        ("KARYOTYPE", "normal or non-clonal change"),
        ("STERILITY", "no growth"),
    ],
)
def test_a_limit_is_said_in_words(code: str, words: str) -> None:
    assert limit_in_words(SPECIFICATION.test(code)) == words


@pytest.mark.parametrize(
    ("vial", "codes"),
    [
        (None, []),
        (VialSampled("V", "QC_USED", True), []),
        (VialSampled("V", "IN_STOCK", False), [Code.VIAL_MISMATCH]),
        (VialSampled("V", "VOIDED", True), [Code.VIAL_NOT_AVAILABLE]),
    ],
)
def test_a_vial_sampled_is_a_filled_one_of_the_lot(vial: VialSampled | None, codes: list[Code]) -> None:
    assert [refusal.code for refusal in vial_sampled_refusals("lot LT0017W", vial)] == codes


@pytest.mark.parametrize(
    ("asked", "roles", "codes"),
    [
        (("technician", "quality_officer"), {Role.TECHNICIAN}, []),
        (("quality_officer",), {Role.QUALITY_OFFICER}, []),
        (("quality_officer",), {Role.TECHNICIAN}, [Code.ROLE_NOT_ALLOWED]),
        (("quality_officer",), {Role.TECHNICIAN, Role.QUALITY_OFFICER}, []),
    ],
)
def test_the_specification_says_who_reviews(asked: tuple[str, ...], roles: set[Role], codes: list[Code]) -> None:
    found = review_refusals([ReviewedFacts("RS0001", "Karyotype", asked)], frozenset(roles))
    assert [refusal.code for refusal in found] == codes


@pytest.mark.parametrize(
    ("state", "is_about_it", "codes"),
    [
        ("INVESTIGATED", True, []),
        ("CLOSED", True, []),
        ("OPEN", True, [Code.DEVIATION_OPEN]),
        ("OPEN", False, [Code.CRITERION_OPEN, Code.DEVIATION_OPEN]),
        ("CLOSED", False, [Code.CRITERION_OPEN]),
    ],
)
def test_only_its_own_investigation_invalidates_a_result(state: str, is_about_it: bool, codes: list[Code]) -> None:
    found = invalidation_refusals(InvalidationFacts("RS0001", "DV0001", state, is_about_it, "Quinn", False))
    assert [refusal.code for refusal in found] == codes


def test_whoever_investigated_it_does_not_invalidate_the_result() -> None:
    [found] = invalidation_refusals(InvalidationFacts("RS0001", "DV0001", "INVESTIGATED", True, "Quinn", True))
    assert found.code == Code.SAME_PERSON


def test_a_unit_is_the_one_of_the_test() -> None:
    numbers, words = SPECIFICATION.test("CD73"), SPECIFICATION.test("STERILITY")
    told = [reading_problems(numbers, Reading(Decimal("98"), unit=unit)) for unit in (None, "%", "mL")]
    assert told == [(), (), (("unit", f"{numbers.title} is given in %"),)]
    said = reading_problems(words, Reading(choice="no growth", unit="%"))
    assert said == (("unit", f"{words.title} has no unit"),)


@pytest.mark.parametrize(
    ("test", "number", "wrong"),
    [("CD73", "0", False), ("CD73", "100", False), ("CD73", "100.01", True), ("CD73", "-0.01", True),
     ("PT-RECOVERY", "104", False), ("ENDOTOXIN", "101", False), ("ENDOTOXIN", "-1", True)],
)  # fmt: skip
def test_a_number_that_cannot_be(test: str, number: str, wrong: bool) -> None:
    assert bool(value_problem(SPECIFICATION.test(test), Decimal(number), None)) is wrong


DONOR_TEST = SPECIFICATION.donor.tests[0]


def test_a_value_is_judged_by_the_test_of_which_it_is() -> None:
    assert verdict_of(DONOR_TEST, DONOR_TEST.acceptable) is ResultVerdict.IN_SPEC
    assert verdict_of(DONOR_TEST, "indeterminate") is ResultVerdict.OUT_OF_SPEC
    assert verdict_of(SPECIFICATION.test("CD73"), Decimal(95)) is ResultVerdict.IN_SPEC
    assert verdict_of(SPECIFICATION.test("CD73"), Decimal("94.9")) is ResultVerdict.OUT_OF_SPEC
    assert Reading(number=Decimal("98.5")).value == Decimal("98.5") and Reading(choice="growth").value == "growth"


def test_when_a_result_is_due() -> None:
    assert days_to_result(SPECIFICATION.test("STERILITY")) == 14
    assert days_to_result(DONOR_TEST) == days_to_result(SPECIFICATION.test("CD73"))
