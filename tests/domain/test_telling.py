"""Permission and fact: what a late fact is still refused for, and how grave what was not allowed about it is."""

from datetime import UTC, datetime, timedelta

import pytest

from cellbank.domain.lifecycle.table import TRANSITIONS, roles_for, tells
from cellbank.domain.refusals import FORBIDS, LATE_TOO, Code, refuse
from cellbank.domain.telling import (
    FOUND_BY,
    TELLS,
    as_told,
    divided,
    existence_refusals,
    future_refusals,
    gravity,
    is_late,
    late_refusals,
    past_limit_refusals,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("ago", "late"), [(0, False), (10, False), (10.1, True), (600, True)])
def test_what_happened_more_than_ten_minutes_ago_is_late(ago: float, late: bool) -> None:
    happened = NOW - ago * MINUTE
    assert is_late(happened, NOW, TEN) is late
    codes = [one.code for one in late_refusals("Thaw a vial", happened, NOW, TEN, None)]
    assert codes == ([Code.LATE_REASON_NEEDED] if late else [])
    assert late_refusals("Thaw a vial", happened, NOW, TEN, "Network down") == ()


@pytest.mark.parametrize(
    ("ahead", "kept", "codes"),
    [
        (-60, -60, []),
        (0, 0, []),
        (0.1, 0, []),
        (1, 0, []),
        (1.1, 1.1, [Code.IN_THE_FUTURE]),
        (2, 2, [Code.IN_THE_FUTURE]),
    ],
)
def test_clocks_differ_by_a_minute_and_nothing_is_kept_of_a_time_to_come(
    ahead: float, kept: float, codes: list[Code]
) -> None:
    told = as_told(NOW + ahead * MINUTE, NOW)
    assert told == NOW + kept * MINUTE
    assert [one.code for one in future_refusals(NOW + ahead * MINUTE, NOW)] == codes


def test_nothing_happens_to_what_did_not_exist_but_times_are_written_to_the_minute() -> None:
    assert existence_refusals(NOW - timedelta(seconds=59), "Culture", NOW) == ()
    assert [one.code for one in existence_refusals(NOW - MINUTE, "Culture", NOW)] == [Code.OUT_OF_ORDER]


#: what somebody could otherwise enter who may not, or what no record can hold
NEVER = [
         "WRONG_STATE", "NOT_FOUND", "OTHER_SITE", "ROLE_NOT_ALLOWED", "SIGNATURE_NEEDED",
    "SIGNATURE_WRONG", "SAME_PERSON", "SECOND_PERSON_NEEDED", "AGREEMENT_NEEDED",
    "TRAINING_EXPIRED", "SCAN_UNREADABLE", "WRONG_KIND", "VIAL_MISMATCH", "VIAL_OF_ANOTHER_SUBJECT",
    "VIAL_THAWED", "CELLS_EXCEED_SOURCE", "OUTSIDE_LIMITS", "POSITION_TAKEN", "POSITION_UNKNOWN",
    "STORAGE_FULL", "OUT_OF_ORDER", "IN_THE_FUTURE", "LATE_REASON_NEEDED", "REASON_NEEDED",
]  # fmt: skip
#: what was not allowed, and was done
FORBIDDEN = [
         "WRISTBAND_MISMATCH", "DOSE_LABEL_MISMATCH", "CONTROL_ARM", "SUBJECT_NOT_ENROLLED",
    "ON_HOLD", "LOT_NOT_RELEASED", "EXCURSION_OPEN", "EXPIRED", "OUT_OF_TIME",
    "VIABILITY_TOO_LOW", "DOSE_OUT_OF_BAND", "OUTSIDE_WINDOW", "WEIGHT_STALE", "REAGENT_EXPIRED",
    "WARMING_BUDGET", "VIAL_NOT_RESERVED", "MIXED_LOTS", "DONATION_NOT_ACCEPTED", "OUT_OF_SPECIFICATION",
    "OVERTAKEN", "NOT_ORDERED", "RECORDED_OTHERWISE", "FIGURES_CONTRADICT", "NOT_ON_THE_FORM", "NOT_QUALIFIED",
    "OTHER_DILUENT",
]  # fmt: skip


@pytest.mark.parametrize("code", [Code(name) for name in NEVER])
def test_what_cannot_be_or_may_not_be_entered_is_refused_late_as_well(code: Code) -> None:
    one = refuse(code, "No.")
    assert code not in FORBIDS and divided([one], late=True) == ([one], [])


@pytest.mark.parametrize("code", [Code(name) for name in FORBIDDEN])
def test_what_was_only_not_allowed_is_refused_in_time_and_told_late(code: Code) -> None:
    one = refuse(code, "No.")
    assert divided([one], late=False) == ([one], [])
    assert divided([one], late=True) == ([], [one])


@pytest.mark.parametrize(("act", "code"), [(act, code) for act, found in FOUND_BY.items() for code in sorted(found)])
def test_what_an_act_is_there_to_find_it_refuses_however_late_it_is_told(act: str, code: Code) -> None:
    one = refuse(code, "No.")
    assert divided([one], late=True, act=act) == ([one], [])
    assert divided([one], late=True, act="confirm_dose_from_paper") == ([], [one])


def test_what_is_told_past_a_limit_says_why_however_short_the_time() -> None:
    told = ("Check a dose", NOW - MINUTE, NOW)
    assert [one.code for one in past_limit_refusals(*told, NOW, None)] == [Code.LATE_REASON_NEEDED]
    for limit, reason in ((NOW, "The tablet was flat"), (None, None), (NOW + MINUTE, None), (NOW - MINUTE, None)):
        assert past_limit_refusals(*told, limit, reason) == ()


def test_every_code_only_forbids_or_says_why_it_refuses_late_too() -> None:
    places = [FORBIDS, *LATE_TOO.values()]
    assert {code: sum(code in place for place in places) for code in Code} == dict.fromkeys(Code, 1)


def test_what_touches_the_patient_is_critical() -> None:
    assert gravity([Code.OUTSIDE_WINDOW, Code.WEIGHT_STALE]) == "major"
    assert gravity([Code.OUTSIDE_WINDOW, Code.OUT_OF_TIME]) == "critical"
    assert gravity([Code.WRISTBAND_MISMATCH]) == "critical"


def test_whoever_tells_may_open_the_deviation_of_it() -> None:
    opening = {row.act: row.roles for row in TRANSITIONS if row.record == "deviation" and row.source is None}
    assert set(opening) >= TELLS and all(opening[act] == roles_for(act) for act in TELLS)
    assert tells("thaw_vial") and not tells("order_dose")
