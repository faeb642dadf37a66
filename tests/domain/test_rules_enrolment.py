"""Who may enter the trial, and when the treatment is finished."""

import datetime
from dataclasses import replace

import pytest

from cellbank.domain.eligibility import Assessment, Eligibility
from cellbank.domain.refusals import Code
from cellbank.domain.rules.enrolment import (
    CompletionFacts,
    EnrolmentFacts,
    completion_refusals,
    eligibility_refusals,
    enrolment_refusals,
)

FACTS = EnrolmentFacts(
    "T-01", None, "MRN-1", None, datetime.date(1970, 4, 1), datetime.date(2026, 3, 1), "EXP", ("EXP", "CTL")
)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"trial_number_is": "SJ0001"}, [Code.ALREADY_EXISTS]),
        ({"trial_number_is": "SJ0001", "second_identifier_is": "SJ0002"}, [Code.ALREADY_EXISTS] * 2),
        ({"arm": "OPEN"}, [Code.NOT_FOUND]),
        ({"consented_on": datetime.date(1970, 4, 1)}, []),
        ({"consented_on": datetime.date(1970, 3, 31)}, [Code.OUT_OF_ORDER]),
    ],
)
def test_enrolment(change: dict, codes: list[Code]) -> None:
    assert [refusal.code for refusal in enrolment_refusals(replace(FACTS, **change))] == codes


@pytest.mark.parametrize(
    ("outcome", "reasons", "count"),
    [
        (Eligibility.ELIGIBLE, (), 0),
        (Eligibility.NOT_ELIGIBLE, ("E8: failure",), 0),
        (Eligibility.UNDECIDED, ("I2: not answered.", "E2: not answered."), 2),
    ],
)
def test_only_an_open_question_stops_the_signature(outcome: Eligibility, reasons: tuple[str, ...], count: int) -> None:
    refusals = eligibility_refusals("SJ0001", Assessment(outcome, (), reasons))
    assert [refusal.code for refusal in refusals] == [Code.CRITERION_OPEN] * count
    assert [reason in refusal.detail for reason, refusal in zip(reasons, refusals, strict=False)] == [True] * count


def test_a_treatment_with_an_open_dose_is_not_finished() -> None:
    assert completion_refusals(CompletionFacts("SJ0001", ())) == ()
    [refusal] = completion_refusals(CompletionFacts("SJ0001", (("CHA9999260000421", "PICKED"),)))
    assert refusal.code is Code.CRITERION_OPEN and "CHA9999260000421" in refusal.detail
