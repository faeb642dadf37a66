"""STOP at the bedside: it fills the screen, says every reason in order, shows the clock, and is kept in the trail."""

import datetime

import pytest

from cellbank.domain.identifiers import dose_symbol
from cellbank.story import PASSWORD
from tests.browser.stage import Stage
from tests.browser.station import Station
from tests.browser.test_clinician import at_the_bed, check_second
from tests.browser.test_outage import cut, quiet, ready, sign_offline

CYRILLIC = str.maketrans("QWERTYUIOPASDFGHJKLZXCVBNM", "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ")


@pytest.fixture
def nataliia(station) -> Station:
    """Nataliia at the bed of EXP-11."""
    nataliia = station("nataliia")
    nataliia.go("/bedside")
    return nataliia


@pytest.fixture
def dose(stage: Stage) -> dict:
    """The dose that waits at the bed."""
    return stage.dose("EXP-11", state="PREPARED")


def stops(station: Station, stage: Stage, *reasons: str) -> None:
    """The screen says STOP with these reasons in this order; no dose was touched, and the refusal is in the trail."""
    station.sees("STOP", "Do not infuse.", "This stop is kept in the trail.")
    assert "is-stop" in station.page.locator("body").get_attribute("class")
    height = station.page.locator(".bed-verdict").bounding_box()["height"]
    assert height > 250, height
    said = station.page.locator(".bed-reasons li").all_inner_texts()
    assert len(said) == len(reasons) and all(wanted in text for wanted, text in zip(reasons, said, strict=True)), said
    kept = stage.rows("SELECT outcome, given FROM act WHERE name = 'check_dose' ORDER BY id DESC LIMIT 1")[0]
    assert kept["outcome"] == "refused" and "wristband" in kept["given"]


def test_the_wristband_of_somebody_else(nataliia: Station, stage: Stage, dose: dict) -> None:
    other = stage.subject("EXP-10")
    at_the_bed(nataliia, stage.label(dose["code"]), other["code"], other["second_identifier"])
    stops(nataliia, stage, "this wristband is that of", "What was read back is neither")
    nataliia.sees("Since thaw", "Time left")
    assert nataliia.page.locator("body").get_attribute("data-sound") == "stop"
    assert stage.state("dose", dose["code"]) == "PREPARED"


def test_a_label_that_is_no_longer_the_current_one(nataliia: Station, stage: Stage, dose: dict) -> None:
    old = dose["expires_at"].astimezone(stage.installation.config.timezone).replace(tzinfo=None) - datetime.timedelta(
        hours=2
    )
    nataliia.scan(dose_symbol(dose["code"], old))
    nataliia.sees("STOP", "The label is obsolete")
    assert nataliia.page.locator("body").get_attribute("data-sound") == "stop"


def test_a_patient_of_the_control_arm(nataliia: Station, stage: Stage, dose: dict) -> None:
    control = stage.subject("CTL-02")
    at_the_bed(nataliia, stage.label(dose["code"]), control["code"], control["second_identifier"])
    stops(nataliia, stage, "this wristband is that of", "What was read back is neither")


def test_another_symbol_is_named_and_a_wristband_in_cyrillic_stops(nataliia: Station, stage: Stage, dose: dict) -> None:
    subject, label = stage.subject("EXP-11"), stage.label(dose["code"])
    vial = stage.vials(dose["code"], "POOLED")[0]
    for scanned, said in ((label[:-6], "was not read"), (dose["code"], "scan the square symbol"), (vial, "vial code")):
        nataliia.scan(scanned)
        nataliia.sees("Not checked", said)
        assert "is-unchecked" in nataliia.page.locator("body").get_attribute("class")
        nataliia.page.locator('#bed-input[name="dose_label"]:focus').wait_for()
        assert nataliia.page.locator(".bed-unchecked").bounding_box()["y"] >= 0
    at_the_bed(nataliia, label, subject["code"].translate(CYRILLIC), subject["second_identifier"])
    stops(nataliia, stage, "The wristband was not read")
    assert "keyboard" in nataliia.text(".bed-reasons")


def test_a_mistyped_password_leaves_the_match_and_the_same_person_twice_is_a_stop(
    nataliia: Station, stage: Stage
) -> None:
    dose, subject = _second_prepared_dose(stage), stage.subject("EXP-12")
    scans = (stage.label(dose), subject["code"], str(subject["born_on"]))
    at_the_bed(nataliia, *scans)
    nataliia.page.locator("#bed-password:focus").wait_for()
    nataliia.page.keyboard.type("mistyped")
    nataliia.keys("Enter")
    nataliia.sees("Match, check 1 of 2", "Wrong name or password")
    field = nataliia.page.locator("#bed-password:focus")
    field.wait_for()
    assert field.input_value() == "" and "is-match" in nataliia.page.locator("body").get_attribute("class")
    nataliia.page.keyboard.type(PASSWORD)
    nataliia.keys("Enter")
    nataliia.sees("First check done")
    check_second(nataliia, *scans, "nataliia")
    stops(nataliia, stage, "another person")
    assert stage.state("dose", dose) == "CHECKED_ONCE"


def test_a_dose_that_has_expired(nataliia: Station, stage: Stage, monkeypatch: pytest.MonkeyPatch, dose: dict) -> None:
    from cellbank.services import acts

    subject = stage.subject("EXP-11")
    later = dose["expires_at"] + datetime.timedelta(minutes=1)
    monkeypatch.setattr(acts, "server_time", lambda: later)
    at_the_bed(nataliia, stage.label(dose["code"]), subject["code"], subject["second_identifier"])
    until = f"{dose['expires_at'].astimezone(stage.installation.config.timezone):%Y-%m-%d %H:%M %Z}"
    # Late in the evening it expires on the next day, which is not the one of the dose.
    is_next_day = later.astimezone(stage.installation.config.timezone).date() != dose["planned_on"]
    stops(nataliia, stage, f"could be used until {until} after thaw", *(["Leave it for its day"] * is_next_day))


def test_a_kept_check_that_the_server_refused_counts_for_nothing_when_the_network_is_cut_again(
    nataliia: Station, stage: Stage, dose: dict
) -> None:
    code, label, subject = dose["code"], stage.label(dose["code"]), stage.subject("EXP-11")
    nataliia.scan(label)
    nataliia.page.locator('#bed-input[name="wristband"]').wait_for()
    ready(nataliia, code, "first")
    nataliia.page.get_by_text("Start again").click()
    nataliia.page.locator('#bed-input[name="dose_label"]:focus').wait_for()
    cut(nataliia)
    nataliia.scan(label)  # it is taken along
    nataliia.sees("Taken along", "Scan the wristband")
    nataliia.scan(subject["code"])
    nataliia.page.locator("#off-read").fill("not of this patient")  # the screen cannot compare it
    sign_offline(nataliia, "check", "nataliia")
    nataliia.sees("First check kept")
    cut(nataliia, False)
    nataliia.sees("The server is back", "Not accepted.")
    assert not nataliia.page.get_by_role("link", name="Go on with the server").is_visible()  # it was not looked at
    cut(nataliia)
    nataliia.page.locator("#off-label").wait_for()
    nataliia.scan(label)
    nataliia.sees("Not checked", "The server has not accepted what was kept of this dose.")
    assert "off-is-go" not in (nataliia.page.locator("body").get_attribute("class") or "")
    assert stage.state("dose", code) == "PREPARED"
    cut(nataliia, False)
    quiet(nataliia)


def _second_prepared_dose(stage: Stage) -> str:
    """The dose of EXP-12 drawn up and labelled, by Olena and Andriy."""
    dose = stage.dose("EXP-12", state="THAWING")["code"]
    vials = stage.vials(dose, "THAWED")
    counted = stage.do(
        "olena",
        "pool_and_count",
        dose=dose,
        vials=vials,
        diluent="albumin",
        pooled_ml=5 * len(vials),
        total_cells_per_ml=4_650_000,
        viability_percent="87.5",
        method="trypan blue",
    )
    stage.do("andriy", "prepare_dose", dose=dose, drawn_ml=counted["draw"]["drawn_ml"], final_volume_ml="50")
    return dose
