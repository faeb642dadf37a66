"""Eligibility for NCT04461925: yes, no, and not known yet."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cellbank.domain.eligibility import (
    NOT_APPLICABLE,
    Eligibility,
    Tri,
    age_in_years,
    assess,
    pf_ratio,
    usable_answers,
    what_it_means,
)
from cellbank.domain.protocol import load_protocol

HERE = Path(__file__).parent
TRIAL_TEXT = (HERE.parents[1] / "cellbank" / "protocols" / "nct04461925.toml").read_text(encoding="utf-8")
TRIAL = load_protocol(TRIAL_TEXT)
FIXED = load_protocol((HERE / "fixed-dose.toml").read_text(encoding="utf-8"))
ELIGIBLE, NOT_ELIGIBLE, UNDECIDED = Eligibility

FIT = {  # severe pneumonia, not ventilated, nothing against it
    "age": 54,
    "pcr_positive": True,
    "pneumonia": True,
    "respiratory_rate": 32,
    "spo2": 91,
    "pf_ratio": Decimal("187.5"),
    "ventilation_hours": NOT_APPLICABLE,
    "pregnancy": False,
    "systemic_disease": False,
    "other_trial": False,
    "cannot_comply": False,
    "hiv_or_syphilis": False,
    "organ_failure": False,
}
NONE_OF_I4 = {"respiratory_rate": 20, "spo2": 97, "pf_ratio": 420}

CASES = [
    ("all known and fit", {}, ELIGIBLE, []),
    ("18 is included", {"age": 18}, ELIGIBLE, []),
    ("75 is included", {"age": 75}, ELIGIBLE, []),
    ("17", {"age": 17}, NOT_ELIGIBLE, ["I1", "E1"]),
    ("76", {"age": 76}, NOT_ELIGIBLE, ["I1", "E1"]),
    ("age unknown", {"age": None}, UNDECIDED, ["I1", "E1"]),
    ("age implausible", {"age": 540}, UNDECIDED, ["I1", "E1"]),
    ("PCR negative", {"pcr_positive": False}, NOT_ELIGIBLE, ["I2"]),
    ("PCR pending", {"pcr_positive": None}, UNDECIDED, ["I2"]),
    ("no pneumonia", {"pneumonia": False}, NOT_ELIGIBLE, ["I3"]),
    ("none of I4", NONE_OF_I4, NOT_ELIGIBLE, ["I4"]),
    ("rate 30 alone", {**NONE_OF_I4, "respiratory_rate": 30}, ELIGIBLE, []),
    ("rate 29 alone", {**NONE_OF_I4, "respiratory_rate": 29}, NOT_ELIGIBLE, ["I4"]),
    ("SpO2 93 alone", {**NONE_OF_I4, "spo2": 93}, ELIGIBLE, []),
    ("SpO2 94 alone", {**NONE_OF_I4, "spo2": 94}, NOT_ELIGIBLE, ["I4"]),
    ("SpO2 typed as a fraction", {**NONE_OF_I4, "spo2": Decimal("0.93")}, UNDECIDED, ["I4"]),
    ("P/F 300 alone", {**NONE_OF_I4, "pf_ratio": 300}, ELIGIBLE, []),
    ("P/F 300.01 alone", {**NONE_OF_I4, "pf_ratio": Decimal("300.01")}, NOT_ELIGIBLE, ["I4"]),
    ("P/F unknown is not false", {**NONE_OF_I4, "pf_ratio": None}, UNDECIDED, ["I4"]),
    ("P/F unknown, another one met", {"pf_ratio": None}, ELIGIBLE, []),
    ("ventilated 47.9 h alone", {**NONE_OF_I4, "ventilation_hours": Decimal("47.9")}, ELIGIBLE, []),
    ("ventilated 48.1 h", {"ventilation_hours": Decimal("48.1")}, NOT_ELIGIBLE, ["E7"]),
    ("ventilated 48.0 h", {"ventilation_hours": Decimal("48.0")}, UNDECIDED, ["E7"]),
    ("ventilated 48.0 h alone", {**NONE_OF_I4, "ventilation_hours": 48}, UNDECIDED, ["I4", "E7"]),
    (
        "the PI accepts 48.0 h",
        {**NONE_OF_I4, "ventilation_hours": 48, "pi_accepts_48_h_ventilation": True},
        ELIGIBLE,
        [],
    ),
    (
        "the PI does not accept 48.0 h",
        {"ventilation_hours": 48, "pi_accepts_48_h_ventilation": False},
        NOT_ELIGIBLE,
        ["E7"],
    ),
    (
        "a decision does not help 49 h",
        {"ventilation_hours": 49, "pi_accepts_48_h_ventilation": True},
        NOT_ELIGIBLE,
        ["E7"],
    ),
    ("ventilation unknown", {"ventilation_hours": None}, UNDECIDED, ["E7"]),
    ("pregnant, lactating or no contraception", {"pregnancy": True}, NOT_ELIGIBLE, ["E2"]),
    ("pregnancy unknown", {"pregnancy": None}, UNDECIDED, ["E2"]),
    ("malignancy", {"systemic_disease": True}, NOT_ELIGIBLE, ["E3"]),
    ("other trial", {"other_trial": True}, NOT_ELIGIBLE, ["E4"]),
    ("cannot comply", {"cannot_comply": True}, NOT_ELIGIBLE, ["E5"]),
    ("HIV", {"hiv_or_syphilis": True}, NOT_ELIGIBLE, ["E6"]),
    ("organ failure", {"organ_failure": True}, NOT_ELIGIBLE, ["E8"]),
    (
        "a no weighs more than an unknown, and comes first",
        {"pcr_positive": None, "organ_failure": True},
        NOT_ELIGIBLE,
        ["E8", "I2"],
    ),
]


@pytest.mark.parametrize(("answers", "outcome", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_eligibility(answers, outcome, codes):
    assessment = assess(TRIAL, {**FIT, **answers})
    assert assessment.outcome is outcome
    assert [reason.split(":")[0] for reason in assessment.reasons] == codes


def test_no_answers_at_all_is_undecided_about_everything():
    assessment = assess(TRIAL, {})
    assert assessment.outcome is UNDECIDED
    assert {verdict.satisfied for verdict in assessment.verdicts} == {Tri.UNKNOWN}
    assert len(assessment.reasons) == 3 + 1 + 8


def test_48_hours_says_who_decides():
    reasons = assess(TRIAL, {**FIT, "ventilation_hours": 48}).reasons
    assert reasons[0].startswith("E7: PI decides. Exactly 48.0 h")


def test_48_hours_without_a_ruling_is_neither_included_nor_excluded():
    text = TRIAL_TEXT[: TRIAL_TEXT.index("[[ambiguities]]")] + TRIAL_TEXT[TRIAL_TEXT.index("[[visits]]") :]
    verdicts = assess(load_protocol(text), {**FIT, "ventilation_hours": 48}).verdicts
    assert {v.code: v.satisfied for v in verdicts if v.code in ("I4d", "E7")} == {"I4d": Tri.NO, "E7": Tri.YES}


def test_the_checklist_shows_every_criterion_and_the_group():
    verdicts = assess(TRIAL, FIT).verdicts
    assert [(v.code, v.part, v.group) for v in verdicts][3:8] == [
        ("I4a", "inclusion", "I4"),
        ("I4b", "inclusion", "I4"),
        ("I4c", "inclusion", "I4"),
        ("I4d", "inclusion", "I4"),
        ("I4", "group", None),
    ]
    assert next(v.reason for v in verdicts if v.code == "I4") == (
        "at least 1 of I4a, I4b, I4c, I4d: I4a, I4b, I4c met."
    )
    assert next(v.reason for v in verdicts if v.code == "I4d") == (
        "Invasive ventilation so far: not on invasive ventilation."
    )


@pytest.mark.parametrize(
    ("meaning", "outcome"),
    [
        ("undecided", UNDECIDED),
        ("not_met", NOT_ELIGIBLE),
        ("met", ELIGIBLE),
    ],
)
def test_the_file_says_what_unknown_means(meaning, outcome):
    text = TRIAL_TEXT.replace('when_unknown = "undecided"', f'when_unknown = "{meaning}"')
    assert assess(load_protocol(text), {**FIT, **NONE_OF_I4, "pf_ratio": None}).outcome is outcome


@pytest.mark.parametrize(
    ("at_least", "spo2", "hours", "satisfied"),
    [
        (3, 91, None, Tri.YES),
        (4, 91, None, Tri.UNKNOWN),
        (4, 91, 12, Tri.YES),
        (4, 97, None, Tri.NO),
    ],
)
def test_a_group_may_ask_for_more_than_one(at_least, spo2, hours, satisfied):
    protocol = load_protocol(TRIAL_TEXT.replace("at_least = 1", f"at_least = {at_least}"))
    verdicts = assess(protocol, {**FIT, "spo2": spo2, "ventilation_hours": hours}).verdicts
    assert next(verdict.satisfied for verdict in verdicts if verdict.code == "I4") is satisfied


def test_yes_no_criteria_of_another_trial():
    assert assess(FIXED, {"adult": True}).outcome is ELIGIBLE
    assert assess(FIXED, {"adult": False}).outcome is NOT_ELIGIBLE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("I1", "Age at consent: 54 completed years."),
        ("I2", "SARS-CoV-2 RT-PCR positive, from any specimen: yes."),
        ("E3", "Malignant tumour, other serious systemic disease, or psychosis: no."),
    ],
)
def test_the_reason_names_what_was_answered(code, reason):
    shown = {verdict.code: verdict.reason for verdict in assess(TRIAL, FIT).verdicts}
    assert shown[code] == reason


def test_of_answers_to_another_version_those_that_fit_are_kept():
    ruling = "pi_accepts_48_h_ventilation"
    kept = {"age": 54, "pneumonia": None, ruling: True}
    assert usable_answers(TRIAL, {**kept, "shoe_size": 42, "spo2": "92", "hiv_or_syphilis": 1}) == kept


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"shoe_size": 42}, "shoe_size is not asked"),
        ({"age": 54.0}, "age is answered by a number"),
        ({"age": True}, "age is answered by a number"),
        ({"age": "54"}, "age is answered by a number"),
        ({"age": NOT_APPLICABLE}, "age is answered by a number"),
        ({"age": Decimal("NaN")}, "age is answered by a number"),
        ({"pneumonia": 1}, "pneumonia is answered by yes or no"),
        ({"pi_accepts_48_h_ventilation": 1}, "pi_accepts_48_h_ventilation is answered by yes or no"),
    ],
)
def test_answers_of_the_wrong_kind_are_refused(answers, words):
    with pytest.raises(ValueError, match=words):
        assess(TRIAL, {**FIT, **answers})


@pytest.mark.parametrize(
    ("pao2", "fio2", "ratio"),
    [
        ("75", "0.40", "187.5"),
        ("63", "0.21", "300"),
        ("95", "1.0", "95"),
        ("90.001", "0.3", "300.01"),
    ],
)
def test_pf_ratio(pao2, fio2, ratio):
    assert pf_ratio(Decimal(pao2), Decimal(fio2)) == Decimal(ratio)


@pytest.mark.parametrize(
    ("pao2", "fio2"),
    [
        (Decimal(75), Decimal(40)),
        (Decimal(75), Decimal("0.2")),
        (Decimal(75), Decimal("1.01")),
        (Decimal(0), Decimal("0.4")),
        (Decimal(75), 0.4),
    ],
)
def test_pf_ratio_refuses_percent_and_nonsense(pao2, fio2):
    with pytest.raises(ValueError, match=r"FiO2|PaO2"):
        pf_ratio(pao2, fio2)


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 11, 22), date(2026, 11, 22), 18),
        (date(2008, 11, 23), date(2026, 11, 22), 17),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(1950, 11, 23), date(2026, 11, 22), 75),
        (date(2026, 11, 22), date(2026, 11, 22), 0),
    ],
)
def test_age_is_in_completed_years(born, on, age):
    assert age_in_years(born, on) == age


def test_nobody_consents_before_birth():
    with pytest.raises(ValueError, match="before the birth"):
        age_in_years(date(2026, 11, 23), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("part", "satisfied", "means"),
    [
        ("exclusion", Tri.YES, "does not exclude"),
        ("exclusion", Tri.NO, "excludes"),
        ("exclusion", Tri.UNKNOWN, "is not known yet"),
        ("inclusion", Tri.YES, "is met"),
        ("inclusion", Tri.NO, "is not met"),
        ("group", Tri.YES, "is met"),
        ("group", Tri.UNKNOWN, "is not known yet"),
    ],
)
def test_what_a_criterion_means_for_the_patient(part, satisfied, means):
    assert what_it_means(part, satisfied) == means


@pytest.mark.parametrize(
    ("sex", "answer", "means", "outcome"),
    [
        ("female", False, "does not exclude", ELIGIBLE),
        ("female", True, "excludes", NOT_ELIGIBLE),
        ("female", None, "is not known yet", UNDECIDED),
        ("male", None, "does not concern this patient", ELIGIBLE),
        ("male", True, "does not concern this patient", ELIGIBLE),  # an answer from before it was kept from men
        (None, None, "is not known yet", UNDECIDED),
    ],
)
def test_pregnancy_is_asked_of_women(sex, answer, means, outcome):
    assessment = assess(TRIAL, {**FIT, "pregnancy": answer}, sex)
    assert assessment.outcome == outcome
    assert next(verdict.means for verdict in assessment.verdicts if verdict.code == "E2") == means


def test_a_criterion_that_concerns_only_others_meets_no_group():
    text = TRIAL_TEXT.replace('code = "spo2"\n', 'code = "spo2"\nasked_of = "female"\n')
    others = {"respiratory_rate": 20, "pf_ratio": 400, "ventilation_hours": "not_applicable"}
    assert assess(load_protocol(text), {**FIT, "spo2": 90, **others}, "female").outcome == ELIGIBLE
    assert assess(load_protocol(text), {**FIT, "spo2": 90, **others}, "male").outcome == NOT_ELIGIBLE
