"""Who may enter the trial, and when the treatment is finished."""

import datetime
from dataclasses import replace
from importlib.resources import files

import pytest

from cellbank.domain.eligibility import Assessment, Eligibility
from cellbank.domain.protocol import load_protocol
from cellbank.domain.refusals import Code
from cellbank.domain.rules.enrolment import (
    AmendmentFacts,
    CompletionFacts,
    EnrolmentFacts,
    OtherTrial,
    TrialFacts,
    amendment_refusals,
    completion_refusals,
    criteria_against_another_trial,
    eligibility_refusals,
    enrolment_refusals,
)

TRIAL = TrialFacts("NCT04461925", planned=30, taken=29)
FACTS = EnrolmentFacts(
    "T-01", None, "MRN-1", None, datetime.date(1970, 4, 1), datetime.date(2026, 3, 1), "EXP", ("EXP", "CTL"), TRIAL
)
ELSEWHERE = OtherTrial("FIXED-100", "SJ0009", "F-1")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"trial_number_is": "SJ0001"}, [Code.ALREADY_EXISTS]),
        ({"trial_number_is": "SJ0001", "second_identifier_is": "SJ0002"}, [Code.ALREADY_EXISTS, Code.PATIENT_KNOWN]),
        ({"second_identifier_is": "SJ0002", "known_elsewhere": True}, [Code.PATIENT_KNOWN]),
        ({"second_identifier_is": "SJ0002"}, [Code.PATIENT_KNOWN]),
        ({"known_elsewhere": True}, [Code.PATIENT_KNOWN]),
        ({"arm": "OPEN"}, [Code.NOT_FOUND]),
        ({"consented_on": datetime.date(1970, 4, 1)}, []),
        ({"consented_on": datetime.date(1970, 3, 31)}, [Code.OUT_OF_ORDER]),
        ({"trial": replace(TRIAL, taken=30)}, [Code.TRIAL_FULL]),
        ({"trial": replace(TRIAL, taken=31)}, [Code.TRIAL_FULL]),
        ({"other_trials": (ELSEWHERE,)}, []),  # no criterion forbids it
        ({"forbidden_by": ("E4",)}, []),
        ({"other_trials": (ELSEWHERE,), "forbidden_by": ("E4",)}, [Code.PATIENT_KNOWN]),
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


SHIPPED = (files("cellbank") / "protocols" / "nct04461925.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (("", ""), ("E4",)),
        (('question = "other_trial"\noperator = "yes"', 'question = "pregnancy"\noperator = "yes"'), ()),
    ],
)
def test_which_criteria_forbid_another_trial(change: tuple[str, str], codes: tuple[str, ...]) -> None:
    assert criteria_against_another_trial(load_protocol(SHIPPED.replace(*change))) == codes


def test_a_trial_looks_at_a_subject_until_its_last_day() -> None:
    assert load_protocol(SHIPPED).last_study_day == 64  # week 8 is day 57, ±7
    day = datetime.date(2026, 3, 1)
    assert ELSEWHERE.goes_on(day)
    assert replace(ELSEWHERE, last_day=day).goes_on(day)
    assert not replace(ELSEWHERE, last_day=day - datetime.timedelta(days=1)).goes_on(day)


AMENDMENT = AmendmentFacts("SJ0001", "NCT@1", "NCT@2", "EXP", ("EXP", "CTL"), "P-MMSC", "P-MMSC", ())


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"newest": "NCT@1"}, [Code.ALREADY_EXISTS]),
        ({"arms": ("CELLS", "CTL"), "new_product": None}, [Code.NOT_FOUND]),
        ({"new_product": "UC-MSC"}, [Code.WRONG_KIND]),
        ({"product": None}, [Code.WRONG_KIND]),
        ({"open_doses": (("CH1", "ORDERED"), ("CH2", "PREPARED"))}, [Code.CRITERION_OPEN] * 2),
    ],
)
def test_an_amendment(change: dict, codes: list[Code]) -> None:
    refusals = amendment_refusals(replace(AMENDMENT, **change))
    assert [refusal.code for refusal in refusals] == codes
    assert not any("{" in refusal.detail for refusal in refusals)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("P-MMSC", "UC-MSC", "receives UC-MSC under NCT@2, and P-MMSC so far"),
        (None, "UC-MSC", "receives UC-MSC under NCT@2, and no cells so far"),
        ("P-MMSC", None, "receives no cells under NCT@2, and P-MMSC so far"),
    ],
)
def test_an_amendment_that_changes_what_an_arm_receives_says_what(old: str | None, new: str | None, words: str) -> None:
    (refusal,) = amendment_refusals(replace(AMENDMENT, product=old, new_product=new))
    assert words in refusal.detail


def test_whether_a_patient_of_another_site_is_whom_nobody_here_is_told() -> None:
    (refusal,) = enrolment_refusals(replace(FACTS, second_identifier_is="SJ0002", known_elsewhere=True))
    assert "at another site already" in refusal.detail and "SJ0002" not in refusal.detail
    (refusal,) = enrolment_refusals(replace(FACTS, second_identifier_is="SJ0002"))
    assert "SJ0002" in refusal.detail
