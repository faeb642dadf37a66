"""Deviations: due days, lowering and raising, what closing waits for."""

import datetime

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.deviation import (
    Classification,
    PlannedAction,
    closed_refusals,
    closing_refusals,
    due_day,
    due_refusals,
    lowering_refusals,
    moved_due_day,
    raising_refusals,
)

MARCH = datetime.date(2026, 3, 1)


@pytest.mark.parametrize(("classification", "due"), [("critical", "03-11"), ("major", "03-31"), ("minor", "04-30")])
def test_the_graver_the_sooner(classification: Classification, due: str) -> None:
    assert due_day(MARCH, classification) == datetime.date.fromisoformat(f"2026-{due}")


@pytest.mark.parametrize("before", ["minor", "major", "critical"])
@pytest.mark.parametrize("after", ["minor", "major", "critical"])
def test_the_days_run_from_the_opening(before: Classification, after: Classification) -> None:
    assert moved_due_day(due_day(MARCH, before), before, after) == due_day(MARCH, after)


def test_graver_is_one_decision_and_less_grave_another() -> None:
    assert raising_refusals("DV0001", "major", "critical") == ()
    assert [one.code for one in raising_refusals("DV0001", "major", "major")] == [Code.ALREADY_EXISTS]
    assert [one.code for one in raising_refusals("DV0001", "major", "minor")] == [Code.SECOND_PERSON_NEEDED]
    assert lowering_refusals("DV0001", "critical", "major") == ()
    for given in ("major", "critical"):
        assert [one.code for one in lowering_refusals("DV0001", "major", given)] == [Code.ALREADY_EXISTS]


@pytest.mark.parametrize(
    ("planned", "codes"),
    [
        ((), []),
        ((PlannedAction("CA0001", "preventive"),), []),
        ((PlannedAction("CA0001", "preventive"), PlannedAction("CA0002", "corrective")), [Code.CRITERION_OPEN]),
    ],
)
def test_only_corrective_actions_hold_up_the_closing(planned: tuple[PlannedAction, ...], codes: list[Code]) -> None:
    refusals = closing_refusals("DV0001", planned)
    assert [one.code for one in refusals] == codes
    assert all("CA0002" in one.detail and "CA0001" not in one.detail for one in refusals)


@pytest.mark.parametrize(("state", "codes"), [("OPEN", []), ("INVESTIGATED", []), ("CLOSED", [Code.WRONG_STATE])])
def test_a_closed_deviation_is_left_alone(state: str, codes: list[Code]) -> None:
    assert [one.code for one in closed_refusals("DV0001", state)] == codes


def test_an_action_is_due_today_at_the_earliest() -> None:
    assert due_refusals(MARCH, MARCH) == ()
    assert [one.code for one in due_refusals(MARCH - datetime.timedelta(days=1), MARCH)] == [Code.OUT_OF_ORDER]
