"""A running infusion under the idle lock: the screen goes on watching and shouts STOP, but tells nobody why."""

import datetime

import pytest

from cellbank.story import PASSWORD
from cellbank.web import session
from tests.browser.stage import Stage
from tests.browser.station import Station

SIREN = "window.heard = []; cellbank.play = (name) => { heard.push(name); };"


@pytest.fixture
def running(stage: Stage) -> tuple[str, str]:
    """A dose that runs, and its lot."""
    dose, subject = stage.dose("EXP-11", state="PREPARED"), stage.subject("EXP-11")
    scans = {"dose_label": stage.label(dose["code"]), "wristband": subject["code"]}
    for person in ("nataliia", "petro"):
        stage.do(person, "check_dose", **scans, read_back=subject["second_identifier"])
    stage.do("nataliia", "start_infusion", dose=dose["code"])
    return dose["code"], stage.one("SELECT code FROM lot WHERE id = :id", id=dose["lot_id"])


def tells(station: Station, place: str, verdict: str, *words: str) -> str:
    """What the lock says of the infusion, when it says it."""
    said = station.page.locator(f'{place} [data-under-lock="{verdict}"]')
    said.wait_for(timeout=30_000)
    text = said.inner_text()
    assert all(word in text for word in words), text
    return text


@pytest.fixture
def nobody_touches_it(monkeypatch: pytest.MonkeyPatch):
    """Let so many minutes pass by the clock of the sessions: longer than a page at the bedside may lie untouched."""
    real = session.server_time
    return lambda minutes: monkeypatch.setattr(
        session, "server_time", lambda: real() + datetime.timedelta(minutes=minutes)
    )


def test_a_hold_stops_a_running_infusion_through_the_lock(
    station, stage: Stage, running: tuple[str, str], nobody_touches_it
) -> None:
    code, lot = running
    subject, hold = stage.subject("EXP-11"), "A contamination is suspected"
    nataliia = station("nataliia")
    nataliia.go(f"/bedside?dose={code}")
    nataliia.page.locator("body.is-running").wait_for()
    nataliia.page.evaluate(SIREN)
    nobody_touches_it(6)
    tells(nataliia, "#lock-overlay[open]", "accepted", code, "watches")
    assert not nataliia.page.locator("main").is_visible()

    stage.do("iryna", "hold_lot", lot=lot, reason=hold)
    said = tells(nataliia, "#lock-overlay[open]", "refused", "STOP", code, "Sign in")
    shown = nataliia.text("#lock-overlay")
    for secret in (hold, lot, subject["trial_number"], subject["code"], subject["second_identifier"]):
        assert secret not in said + shown, secret
    assert "stop" in nataliia.page.evaluate("heard")

    # Where the page is asked for again, the password page stands in its place: it says the same.
    nataliia.go(f"/bedside?dose={code}")
    assert nataliia.path == "/unlock"
    tells(nataliia, "main", "refused", "STOP", code)
    cut_off(nataliia)
    nataliia.page.locator("#name").fill("petro")
    nataliia.page.locator("#password").fill(PASSWORD)
    with nataliia.page.expect_navigation():
        nataliia.keys("Enter")
    nataliia.sees("STOP", "Stop the infusion.", lot)

    # And it is not lost to the lock once more: the STOP goes on, and after the password the form stands there.
    nobody_touches_it(12)
    tells(nataliia, "#lock-overlay[open]", "refused", "STOP", code)
    nataliia.page.locator("#lock-password").fill(PASSWORD)
    nataliia.keys("Enter")
    nataliia.page.locator("#lock-overlay:not([open])").wait_for(state="attached")
    nataliia.page.locator("#bed-stop-volume").fill("20")
    nataliia.press("Stop the infusion")
    assert stage.state("dose", code) == "INFUSED"


def cut_off(station: Station) -> None:
    """Without a server a STOP stays a STOP."""
    station.context.set_offline(True)
    station.page.wait_for_timeout(5000)
    tells(station, "main", "refused", "STOP")
    station.context.set_offline(False)
    station.complaints[:] = [line for line in station.complaints if "ERR_" not in line]
