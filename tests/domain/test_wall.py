"""Times in words: on the clock of a site, so that nobody takes one instant for another."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from cellbank.domain import wall

KYIV = ZoneInfo("Europe/Kyiv")
SUMMER = datetime.datetime(2026, 5, 3, 21, 30, 5, tzinfo=datetime.UTC)
WINTER = datetime.datetime(2026, 11, 22, 22, 5, tzinfo=datetime.UTC)


def test_an_instant_is_told_on_the_clock_of_the_site() -> None:
    assert wall.on_the_wall(SUMMER, KYIV) == "2026-05-04 00:30 EEST"
    assert wall.on_the_wall(SUMMER, KYIV, seconds=True) == "2026-05-04 00:30:05 EEST"
    assert wall.on_the_wall(SUMMER) == "2026-05-03 21:30 UTC"
    assert wall.hour_on_the_wall(WINTER, KYIV) == "00:05 EET"
    assert wall.day_on_the_wall(WINTER, KYIV) == "2026-11-23"  # the calendar on that wall is a day on
    assert wall.span_on_the_wall(SUMMER, WINTER, KYIV) == "2026-05-04 00:30 EEST – 2026-11-23 00:05 EET"


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Kyiv", "2026-05-04 00:30 EEST (UTC+03:00)"),
        ("America/St_Johns", "2026-05-03 19:00 NDT (UTC-02:30)"),
        ("UTC", "2026-05-03 21:30 UTC (UTC+00:00)"),
    ],
)
def test_for_another_country_its_offset_stands_beside_it(zone: str, told: str) -> None:
    assert wall.for_any_clock(SUMMER, ZoneInfo(zone)) == told


def test_instants_within_a_text_are_told_on_the_wall() -> None:
    text = "thawed at 2026-05-03T21:30:05Z, counted at 2026-05-03T23:40:00.5+02:00; 2026-05-03 stays"
    assert wall.text_on_the_wall(text, KYIV) == (
        "thawed at 2026-05-04 00:30 EEST, counted at 2026-05-04 00:40 EEST; 2026-05-03 stays"
    )


@pytest.mark.parametrize("zone", [None, KYIV])
def test_a_time_without_a_zone_is_no_instant(zone: ZoneInfo | None) -> None:
    with pytest.raises(ValueError, match="has no zone"):
        wall.on_the_wall(datetime.datetime(2026, 5, 3, 12, 0), zone)
