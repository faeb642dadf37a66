"""The bedside without a network, as its pages answer: whose judgement goes along, and the door of kept acts."""

import datetime

from cellbank.domain.refusals import Code
from tests.factories.doses import bedside, prepared_dose, row_of
from tests.factories.sealing import kept, signed
from tests.factories.world import World

JSON = {"Accept": "application/json"}


def test_a_screen_learns_whether_it_is_locked_or_left(signed_in, browser) -> None:
    """What it keeps of a dose stays under a lock, and goes when nobody is signed in."""
    ask = "/bedside/judgement?dose=CHA999926000001"
    left = browser.get(ask, headers=JSON)
    assert left.status_code == 403 and left.json == {"locked": True, "ended": True}
    clara = signed_in("clara")
    assert clara.get(ask, headers=JSON).json["judgement"] is None
    clara.get("/")
    clara.post("/lock", headers=JSON)
    assert clara.get(ask, headers=JSON).json == {"locked": True, "ended": False}


def test_the_page_without_the_server_says_that_it_proves_nobody(browser) -> None:
    page = browser.get("/bedside/offline").text
    assert page.count("Nobody’s password was proved") == 2  # at the check, and beside the GO
    assert browser.get("/bedside/alive").status_code == 204


def test_a_sealed_act_alone_opens_no_door(browser, world: World) -> None:
    """Anybody can seal for the server, signed in or not: without the judgement of the dose it does nothing."""
    dose, other = prepared_dose(world), prepared_dose(world)
    at = datetime.datetime.now(datetime.UTC)
    for judgement in (None, signed(world, other.code, at), {**signed(world, dose.code, at), "signature": "AAAA"}):
        act = kept(world, "clara", "check_dose", at, bedside(world, dose), judgement=judgement, dose=dose.code)
        said = browser.client.post("/bedside/kept", json=act, headers=JSON).json
        assert said["came"] == "refused" and "no judgement of dose" in said["reasons"][0]
    assert row_of(world, dose.code).state == "PREPARED"
    with world.installation.reads.connect() as connection:
        refused = connection.exec_driver_sql(
            "SELECT refusals FROM act WHERE name = 'check_dose' AND outcome = 'refused' AND record_code = %s",
            (dose.code,),
        ).scalars()
        assert [one["code"] for row in refused for one in row] == [Code.NOT_JUDGED_HERE] * 3
