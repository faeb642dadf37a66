"""Times of readings that cannot be, or that nobody expects."""

import datetime

import pytest

from cellbank.domain.rules.reading_time import KEEP, TimeFacts, improbable_before, reading_time_refusals

UTC = datetime.UTC
SINCE = datetime.datetime(2026, 1, 10, tzinfo=UTC)
NOW = datetime.datetime(2026, 11, 20, tzinfo=UTC)
DAY = datetime.timedelta(days=1)


def facts(first: datetime.datetime, **more: object) -> TimeFacts:
    return TimeFacts("PB1", first, NOW, SINCE, **more)


@pytest.mark.parametrize(
    ("first", "more", "asked"),
    [
        (NOW - DAY, {}, None),
        (SINCE, {}, None),
        (SINCE - DAY, {}, ["leave_out", "keep"]),
        (datetime.datetime(1970, 1, 1, tzinfo=UTC), {}, ["leave_out"]),
        (datetime.datetime(2000, 1, 1, tzinfo=UTC), {}, ["leave_out"]),
        (NOW - DAY, {"last": NOW - 100 * DAY}, ["keep"]),
        (NOW - DAY, {"last": NOW - 90 * DAY}, None),
        (SINCE, {"gap": (SINCE, SINCE + 100 * DAY)}, ["leave_out", "keep"]),
        (SINCE, {"gap": (SINCE, SINCE + 80 * DAY)}, None),
    ],
)
def test_a_time_that_nobody_expects_is_asked(
    first: datetime.datetime, more: dict[str, object], asked: list[str] | None
) -> None:
    found = reading_time_refusals(facts(first, **more), may_answer=True)
    assert [refusal.code.value for refusal in found] == ([] if asked is None else ["IMPROBABLE_TIME"])
    if asked is not None:
        assert found[0].asks and [choice.value for choice in found[0].asks.choices] == asked
        kept = reading_time_refusals(facts(first, **more), KEEP, may_answer=True)
        assert bool(kept) == ("keep" not in asked)


def test_a_program_cannot_be_asked_and_may_come_late() -> None:
    assert reading_time_refusals(facts(NOW - DAY, last=NOW - 200 * DAY)) == ()
    refused = reading_time_refusals(facts(SINCE - DAY))
    assert [(one.code.value, one.asks) for one in refused] == [("IMPROBABLE_TIME", None)]


def test_what_is_left_out_ends_where_readings_can_be() -> None:
    assert improbable_before(facts(datetime.datetime(1970, 1, 1, tzinfo=UTC))) == SINCE
    assert improbable_before(facts(SINCE, gap=(SINCE, SINCE + 100 * DAY))) == SINCE + 100 * DAY
    assert improbable_before(facts(SINCE)) is None
