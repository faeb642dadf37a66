"""What a paper form tells against itself: it is told, and its deviation names it; nothing of it is turned away."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from cellbank.domain.rules.paper_form import Doer, Step, doer_refusals, own_work_refusals, step_refusals

AT = datetime.datetime(2026, 5, 4, 10, 0, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


def steps(*minutes: float | None) -> list[Step]:
    names = ("The thaw", "The count", "The preparation", "The first check", "The second check", "The start", "The end")
    return [Step(name, None if at is None else AT + at * MINUTE) for name, at in zip(names, minutes, strict=False)]


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("minutes", "crossed"),
    [
        ((0, 10, 20, 30, 31, 40, 60), []),
        ((0, 0, 0, 0, 0, 0, 0), []),
        ((0, 10, 20, 30, 31, 30.5, 60), []),  # the record has seconds, the form has minutes
        ((25, 10, 20, 30, 31, 40, 60), ["The count", "The preparation"]),  # each that lies before one before it
        ((0, 10, 20, 30, 29, 40, 60), ["The second check"]),
        ((0, 10, 20, 30, 31, 40, 35), ["The end"]),
        ((0, None, 20, None, 10, 40, 60), ["The second check"]),  # what nobody knows crosses nothing
    ],
)
def test_times_that_cross_each_other_are_named(minutes: tuple[float | None, ...], crossed: list[str]) -> None:
    found = list(step_refusals("CH1", steps(*minutes)))
    assert [one.facts["what"] for one in found] == crossed
    assert {one.code.value for one in found} <= {"FIGURES_CONTRADICT"}


DREW = Doer(1, "Taras", "drew the dose up", "technician", AT.date())
FIRST = Doer(2, "Clara", "checked the dose", "clinician", AT.date())
SECOND = replace(FIRST, id=3, person="Cyril")


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"id": None}, ["has no account here"]),
        ({"had_role": False}, ["was no technician then"]),
        ({"was_trained": False}, ["no valid training as technician then"]),
        ({"had_role": False, "was_trained": False}, ["was no technician then"]),
    ],
)
def test_whoever_did_it_is_judged_as_they_stood_then(change: dict[str, Any], said: list[str]) -> None:
    found = [one.detail for one in doer_refusals(replace(DREW, **change))]
    assert len(found) == len(said) and all(words in one for words, one in zip(said, found, strict=True))


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(
    ("drew", "first", "second", "count"),
    [
        (DREW, FIRST, SECOND, 0),
        (None, FIRST, None, 0),
        (DREW, replace(FIRST, id=1), SECOND, 1),
        (DREW, FIRST, replace(SECOND, id=1), 1),
        (DREW, FIRST, replace(SECOND, id=2), 1),
        (DREW, replace(FIRST, id=1), replace(SECOND, id=1), 3),
        (DREW, replace(FIRST, id=None, person="A. Nurse"), replace(SECOND, id=None, person="a. nurse"), 1),
        (DREW, replace(FIRST, id=None, person="A. Nurse"), replace(SECOND, id=None, person="B. Nurse"), 0),
    ],
)
def test_a_check_of_ones_own_work_is_named(drew: Doer | None, first: Doer, second: Doer | None, count: int) -> None:
    found = list(own_work_refusals("CH1", drew, first, second))
    assert len(found) == count and {one.code.value for one in found} <= {"NOT_QUALIFIED"}
