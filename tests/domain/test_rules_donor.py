"""The donor's evidence: panel, window, review, and NAT or the repeat after 180 days."""

import datetime
from importlib import resources

import pytest

from cellbank.domain.rules.donor import Collection, EvidenceFacts, PanelResult, consent_refusals, evidence_refusals
from cellbank.domain.specification import load_specification

RULES = load_specification((resources.files("cellbank") / "protocols" / "p-mmsc.toml").read_text("utf-8")).donor
ALL = tuple(test.code for test in RULES.tests)
NAT = RULES.retest_lifting_codes
AT = datetime.datetime(2026, 1, 10, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
CORD = Collection("donation A9999 26 000001", AT)


def results(
    tests: tuple[str, ...] = ALL, at: datetime.datetime = AT, choice: str = "negative", state: str = "REVIEWED"
) -> tuple[PanelResult, ...]:
    return tuple(PanelResult(f"RS-{test}", test, choice, at, state) for test in tests)


def codes(*found: PanelResult, collections: tuple[Collection, ...] = (CORD,)) -> list[str]:
    return [reason.code.value for reason in evidence_refusals(EvidenceFacts("DR1", RULES, collections, found))]


def test_a_complete_negative_panel_in_time_is_enough() -> None:
    assert codes(*results()) == []


@pytest.mark.parametrize("missing", [code for code in ALL if code not in NAT])
def test_every_test_of_the_panel_is_needed(missing: str) -> None:
    assert codes(*(result for result in results() if result.test != missing)) == ["PANEL_INCOMPLETE"]


@pytest.mark.parametrize("days", [-7, 7])
def test_seven_days_to_either_side_are_in_time(days: int) -> None:
    assert codes(*results(at=AT + days * DAY)) == []
    late = results(("HIV-AB",), at=AT + days * DAY + (DAY / 24 if days > 0 else -DAY / 24))
    others = (result for result in results() if result.test != "HIV-AB")
    assert codes(*others, *late) == ["SPECIMEN_OUTSIDE_WINDOW"]


@pytest.mark.parametrize("choice", ["positive", "indeterminate"])
def test_one_bad_result_stands_in_the_way_whatever_comes_later(choice: str) -> None:
    assert codes(*results(), *results(("HCV-AB",), choice=choice)) == ["OUT_OF_SPECIFICATION"]


def test_a_result_that_nobody_reviewed_counts_for_nothing() -> None:
    waiting = results(("SYPHILIS",), state="ENTERED")
    assert codes(*(one for one in results() if one.test != "SYPHILIS"), *waiting) == [
        "RESULT_NOT_REVIEWED",
        "SPECIMEN_OUTSIDE_WINDOW",
    ]
    assert codes(*results(), *results(("SYPHILIS",), choice="positive", state="ENTERED")) == ["RESULT_NOT_REVIEWED"]


@pytest.mark.parametrize("missing", NAT)
def test_without_one_of_the_three_nat_the_repeat_is_due(missing: str) -> None:
    assert codes(*(one for one in results() if one.test != missing)) == ["RETEST_DUE"]


def test_a_repeat_after_180_days_stands_in_for_nat_and_not_a_day_sooner() -> None:
    without_nat = tuple(one for one in results() if one.test not in NAT)
    repeated = tuple(test.code for test in RULES.tests if test.kind != "NAT")
    assert codes(*without_nat, *results(repeated, at=AT + 180 * DAY)) == []
    assert codes(*without_nat, *results(repeated, at=AT + 180 * DAY - DAY / 24)) == ["RETEST_DUE"]
    assert codes(*without_nat, *results(repeated[1:], at=AT + 180 * DAY)) == ["RETEST_DUE"]


def test_what_is_missing_is_named_and_what_may_stand_in_for_it() -> None:
    def told(*found: PanelResult, collections: tuple[Collection, ...] = (CORD,)) -> list[str]:
        return [reason.detail for reason in evidence_refusals(EvidenceFacts("DR1", RULES, collections, found))]

    (due,) = told(*(one for one in results() if one.test != NAT[0]))
    assert due.startswith("Donation A9999 26 000001: repeat ") and "of a specimen taken at the donation" in due
    assert "2026-07-09" in due and "(180 days after collection)" in due
    late = results(("HIV-AB",), at=AT + 8 * DAY)
    missing = told(*(one for one in results() if one.test not in ("HIV-AB", "SYPHILIS")), *late)
    assert "is incomplete" in missing[0] and "within 7 days" in missing[1]  # what nobody tested stands first
    assert "specimens are of 2026-01-18" in missing[1] and "2026-01-10" in missing[1]


def test_where_no_test_lifts_the_repeat_it_is_always_due() -> None:
    rules = RULES.model_copy(update={"tests": tuple(t.model_copy(update={"lifts_retest": False}) for t in RULES.tests)})
    found = evidence_refusals(EvidenceFacts("DR1", rules, (CORD,), results()))
    assert [reason.code.value for reason in found] == ["RETEST_DUE"] and "2026-07-09" in found[0].detail


def test_every_donation_is_asked_for_its_own_specimens() -> None:
    later = Collection("donation A9999 26 000002", AT + 20 * DAY)
    found = evidence_refusals(EvidenceFacts("DR1", RULES, (CORD, later), results()))
    assert {reason.code.value for reason in found} == {"SPECIMEN_OUTSIDE_WINDOW", "RETEST_DUE"}
    assert all("000002" in reason.detail for reason in found)


def test_without_a_donation_or_delivery_nothing_can_be_in_time() -> None:
    assert codes(*results(), collections=()) == ["PANEL_INCOMPLETE"]


@pytest.mark.parametrize(
    ("states", "says"), [([], "No consent"), (["WITHDRAWN"], "withdrawn"), (["WITHDRAWN", "GIVEN"], None)]
)
def test_consent_is_asked_for(states: list[str], says: str | None) -> None:
    found = consent_refusals("DR1", states)
    assert (says is None) == (found == ()) and all(str(says) in reason.detail for reason in found)
