"""What enters: what no text can hold is made visible, and nothing is nested without end."""

import datetime

import pytest

from cellbank.domain.entering import DEEPEST, cleaned, cleaned_all, spelled, whole_number
from cellbank.domain.refusals import Code, refuse

NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("sign", "picture"), [("\0", "\u2400"), ("\x01", "\u2401"), ("\x7f", "\u2421"), ("\ud800", "\u2426")]
)
def test_each_sign_has_its_picture(sign: str, picture: str) -> None:
    assert cleaned(f"a{sign}b") == f"a{picture}b" and spelled(picture) == spelled(sign) != picture
    assert cleaned_all({sign: [sign, 1, None]}) == {picture: [picture, 1, None]}


def test_lists_in_lists_have_an_end() -> None:
    value: object = "x"
    for _ in range(DEEPEST):
        value = [value]
    assert cleaned_all(value) == value
    with pytest.raises(ValueError, match="nested deeper than 20"):
        cleaned_all([value])


def test_all_instants_of_a_reason_are_told_on_the_clock_of_the_site() -> None:
    there = datetime.timezone(datetime.timedelta(hours=2))
    told = refuse(Code.OUT_OF_TIME, "It ended at {at}, {more}.", at=NOON, more=(NOON, "late")).at_site(there)
    assert told.facts["at"].utcoffset() == told.facts["more"][0].utcoffset() == datetime.timedelta(hours=2)
    assert "asks" not in told.as_json()


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("007", 7), ("²", None), ("٣", None), ("-1", None), ("", None)])
def test_a_whole_number_is_of_the_digits_that_are_read(text: str, number: int | None) -> None:
    assert whole_number(text) == number
    assert whole_number("1000", digits=3) is None
