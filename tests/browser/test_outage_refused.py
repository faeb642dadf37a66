"""An outage that goes wrong: the second check is none, the dose runs all the same, and the patient reacts to it."""

import pytest

from cellbank.story import PASSWORD
from tests.browser.stage import Stage
from tests.browser.station import Station
from tests.browser.test_clinician import check_second
from tests.browser.test_outage import cut, first_check_online, nataliia, ready, scan_offline, sign_offline

__all__ = ["nataliia"]


@pytest.mark.requirement("R9")
def test_a_dose_given_on_a_check_that_is_none_is_not_forgotten_and_gets_no_go(
    nataliia: Station, station, stage: Stage
) -> None:
    dose, subject = stage.dose("EXP-11", state="PREPARED"), stage.subject("EXP-11")
    code, label = dose["code"], stage.label(dose["code"])
    first_check_online(nataliia, stage, dose, subject, "nataliia")
    ready(nataliia, code)
    nataliia.go("/bedside")
    ready(nataliia, code)
    cut(nataliia)
    nataliia.scan(label)
    nataliia.sees("Not connected since")
    nataliia.page.get_by_text("Start again").click()
    nataliia.page.locator("#off-label:focus").wait_for()
    scan_offline(nataliia, label, subject["code"])
    nataliia.page.locator("#off-read").fill("999999")  # the screen cannot compare it
    sign_offline(nataliia, "check", "petro")
    sign_offline(nataliia, "start", "petro")
    nataliia.sees("Infusing, not connected")
    nataliia.page.get_by_text("Note a reaction").click()
    nataliia.page.locator("#off-reaction").fill("Rash, adrenaline given")
    nataliia.page.locator('[data-form="reaction"] input[name="serious"][value="true"]').check()
    nataliia.page.locator("#off-react-name").fill("nataliia")
    nataliia.page.locator("#off-react-password").fill(PASSWORD)
    nataliia.page.locator('[data-form="reaction"] button[type="submit"]').click()
    nataliia.sees("Kept")
    nataliia.page.locator("#off-volume").fill("70")
    sign_offline(nataliia, "stop", "nataliia")
    nataliia.sees("Only 50 mL were prepared.")
    sign_offline(nataliia, "stop", "nataliia")
    nataliia.sees("The end of the infusion is kept here.")
    cut(nataliia, False)
    nataliia.sees("The server is back", "Not accepted.", "is kept in deviation")
    kept = stage.rows(
        "SELECT v.description FROM deviation v JOIN deviation_link k ON k.deviation_id = v.id "
        "WHERE k.record_code = :code AND v.classification = 'critical' ORDER BY v.id",
        code=code,
    )
    assert any("Rash, adrenaline given" in row["description"] for row in kept)  # it waited for nothing before it
    assert stage.state("dose", code) == "CHECKED_ONCE"
    petro = station("petro")
    petro.go("/")
    petro.sees("Treatment stopped", "EXP-11")
    petro.go("/bedside")
    check_second(petro, label, subject["code"], subject["second_identifier"], "petro")
    petro.sees("STOP", "before a clinician has decided")
    petro.complaints.clear()
