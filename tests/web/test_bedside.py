"""The bedside: two people on one screen, GO or STOP, every STOP in the trail."""

import datetime
import re

import pytest

from cellbank.services.bank import server_time
from tests.factories.doses import OrderedDose, bedside, ordered_dose, prepared_dose
from tests.factories.world import PASSWORD, World

LATELY = datetime.timedelta(minutes=45)


@pytest.fixture
def dose(world: World) -> OrderedDose:
    """A dose prepared a quarter of an hour ago by the clock of the server."""
    return prepared_dose(world, ordered_dose(world, at=server_time().replace(microsecond=0) - LATELY))


def check(browser, scans: dict[str, str], who: str) -> str:
    """Scan label, wristband and identity, one after the other, as the page asks; then sign. The last page.

    The first person signs what was judged; the second one is judged with their password."""
    browser.get("/bedside")
    label = {"dose_label": scans["dose_label"]}
    assert "Scan the wristband" in browser.post("/bedside", label).text
    both = {**label, "wristband": scans["wristband"]}
    asked = browser.post("/bedside", both).text
    assert "date of birth" in asked and "is-match" not in asked
    signed = {**scans, "act": "check_dose", "intent": "do", "second.name": who, "second.password": PASSWORD}
    if "Check and sign" in asked:
        return browser.post("/bedside", signed).text
    page = browser.post("/bedside", scans).text
    if "STOP" in page.split("<main")[1]:
        return page
    assert "is-match" in page and "of 2" in page and "is-go" not in page
    return browser.post("/bedside", signed).text


def test_two_people_check_on_one_screen_and_the_infusion_runs(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    assert "First check done" in check(clara, scans, "clara")
    page = check(clara, scans, "cyril")
    assert (
        "Both checks done" in page and "Start the infusion" in page and "Checked by Clara Clinician and Cyril" in page
    )
    page = clara.post("/bedside", {"act": "start_infusion", "intent": "do", "dose": dose.code}).text
    assert "Infusion is running" in page and "Clara Clinician" in page
    page = clara.post(
        "/bedside", {"act": "record_reaction", "intent": "do", "dose": dose.code, "reaction": "Flush"}
    ).text
    assert "Infusion is running" in page
    too_much = {"act": "stop_infusion", "intent": "do", "dose": dose.code, "volume_given_ml": "51"}
    assert "is-stop" not in clara.post("/bedside", too_much).text
    page = clara.post("/bedside", {**too_much, "volume_given_ml": "49"}).text
    assert "Reconcile" in page


def test_the_same_person_cannot_check_twice(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    check(clara, scans, "clara")
    assert "another person" in check(clara, scans, "clara")


def test_a_wrong_wristband_is_a_stop_that_the_trail_keeps(signed_in, world: World, dose: OrderedDose) -> None:
    clara = signed_in("clara")
    scans = bedside(world, dose, wristband="SJ-not-a-wristband")
    page = check(clara, scans, "clara")
    assert "is-stop" in page and "Do not infuse" in page and 'data-sound="stop"' in page
    trail = signed_in("otto").get("/trail?act=check_dose&outcome=refused").text
    assert "Clara Clinician" in trail
    act = re.search(r'href="/done/(\d+)"', trail)[1]
    assert signed_in("otto").get(f"/done/{act}").status_code == 200


def test_a_go_does_not_outlive_its_time(signed_in, world: World) -> None:
    long_ago = (server_time() - datetime.timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    dose = prepared_dose(world, ordered_dose(world, at=long_ago))
    scans = bedside(world, dose)
    for person in ("clara", "cyril"):  # within the day for which it was planned
        world.do(person, "check_dose", now=long_ago + LATELY, **scans)
    page = signed_in("clara").get(f"/bedside?dose={dose.code}").text
    assert "is-stop" in page and "is-go" not in page and "Start the infusion" not in page


def test_a_wrong_password_signs_nothing(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    clara.get("/bedside")
    signed = {**scans, "act": "check_dose", "intent": "do", "second.name": "cyril", "second.password": "wrong"}
    page = clara.post("/bedside", signed).text
    assert "Wrong name or password" in page and "First check done" not in page
    assert 'name="second.password"' in page
