"""What a paper form tells against itself: it is told, and its deviation names it; nothing of it is turned away."""

import datetime

import pytest

from cellbank.domain.rules.paper_form import Step, step_refusals

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
