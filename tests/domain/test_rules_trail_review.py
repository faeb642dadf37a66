"""Which stretch of the trail may be signed as reviewed."""

from dataclasses import replace

import pytest

from cellbank.domain.rules.trail_review import StretchFacts, stretch_refusals

pytestmark = pytest.mark.requirement("R5")
GOOD = StretchFacts(first=11, last=20, newest=25, unread=11, twice=None, something_left=True)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"last": 25}, []),
        ({"last": 26}, ["NOT_FOUND"]),
        ({"first": 12}, ["OUT_OF_ORDER"]),
        ({"first": 5}, []),  # another officer's acts of an earlier stretch are still to be read
        ({"unread": None}, []),
        ({"twice": "TV0001X"}, ["ALREADY_EXISTS"]),
        ({"twice": "TV0001X", "something_left": False}, ["ALREADY_EXISTS"]),
        ({"something_left": False}, ["SAME_PERSON"]),
        ({"first": 30, "last": 40, "something_left": False}, ["NOT_FOUND", "OUT_OF_ORDER", "SAME_PERSON"]),
    ],
)
def test_a_stretch_follows_the_last_review_and_holds_something_to_read(change: dict, codes: list[str]) -> None:
    assert [refusal.code.value for refusal in stretch_refusals(replace(GOOD, **change))] == codes


def test_the_refusal_says_where_to_begin() -> None:
    assert "Begin at act 11" in stretch_refusals(replace(GOOD, first=15))[0].detail
