"""Names that read alike, and spans as they are told."""

import datetime

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.names import reads_alike
from cellbank.domain.rules.plausible import WAY_OUT, _in_words, as_answered, unanswered

OTHERS = [("Tank 1", "ST1"), ("TANK 1", "ST2"), ("Tank 2", "ST3")]


def test_a_name_that_reads_like_another_is_doubted_and_the_same_name_is_not() -> None:
    found = reads_alike("Tank 1", OTHERS[:2])
    assert [(one.code, one.facts["other"], one.facts["code"]) for one in found] == [(Code.IMPROBABLE, "TANK 1", "ST2")]
    assert found[0].detail.endswith(WAY_OUT)
    assert reads_alike("Tank 1", OTHERS[:1]) == ()
    assert unanswered(found, None) == found and unanswered(found, "another tank") == ()
    (answered,) = as_answered(found)
    assert not answered.detail.endswith(WAY_OUT) and "reads like “TANK 1” (ST2)" in answered.detail


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (0, "0 min"), (119.9, "119 min"), (120, "2 h"), (179, "2 h"), (72 * 60 - 1, "71 h"), (72 * 60, "3 days"),
        (24 * 60 * 5 - 1, "4 days"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_the_unit_that_fits(minutes: float, told: str) -> None:
    assert _in_words(datetime.timedelta(minutes=minutes)) == told
