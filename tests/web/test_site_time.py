"""Times on the wall of the site, right through both changes of the clock."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from cellbank.web.reading import site_moment

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("2026-03-29T02:59", "2026-03-29T00:59"),
        ("2026-03-29T04:00", "2026-03-29T01:00"),
        ("2026-10-25T02:59", "2026-10-24T23:59"),
        ("2026-10-25T04:00", "2026-10-25T02:00"),
        ("2026-07-01T12:00", "2026-07-01T09:00"),
        ("2026-12-01T12:00", "2026-12-01T10:00"),
    ],
)
def test_a_time_on_the_wall_is_one_instant(typed: str, utc: str) -> None:
    moment = datetime.datetime.fromisoformat(site_moment(typed, KYIV))
    assert moment.astimezone(datetime.UTC) == datetime.datetime.fromisoformat(utc).replace(tzinfo=datetime.UTC)


@pytest.mark.requirement("R21")
def test_an_hour_that_never_was_gets_no_offset_so_that_the_act_refuses_it() -> None:
    assert site_moment("2026-03-29T03:30", KYIV) == "2026-03-29T03:30"


@pytest.mark.requirement("R20")
def test_a_late_entry_keeps_both_times_and_shows_them(signed_in, world) -> None:
    """What was written on paper yesterday is entered today: the record has the one, the trail both."""
    entered = world.now + datetime.timedelta(hours=20)
    donor = world.do(
        "tina",
        "register_donor",
        now=entered,
        pseudonym=world.unique("PL"),
        birth_year=1990,
        delivered_at=world.now.isoformat(),
    )["code"]
    page = signed_in("tina").get(f"/record/{donor}").text
    shown = f"{world.now.astimezone(world.installation.config.timezone):%Y-%m-%d %H:%M}"
    recorded = f"{entered.astimezone(world.installation.config.timezone):%Y-%m-%d %H:%M}"
    assert shown in page and recorded in page
