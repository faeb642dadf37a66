"""Those who do not touch: the auditor reads everything and writes nothing, the administrator rules no product."""

import pytest

from tests.browser.stage import Stage
from tests.browser.station import Station

RECORDS = {
    "vial": "SELECT code FROM vial WHERE state = 'IN_STOCK' ORDER BY id LIMIT 1",
    "lot": "SELECT code FROM lot WHERE state = 'QUARANTINE' ORDER BY id LIMIT 1",
    "dose": "SELECT code FROM dose WHERE state = 'PREPARED'",
    "subject": "SELECT code FROM subject WHERE trial_number = 'EXP-14'",
    "donation": "SELECT code FROM donation WHERE state = 'AWAITING_DECISION'",
    "culture": "SELECT code FROM culture WHERE state = 'GROWING'",
}


def acts_offered(station: Station) -> set[str]:
    """The names of the acts that the page offers."""
    links = station.page.locator('main a[href^="/act/"]').evaluate_all("links => links.map(a => a.pathname)")
    return {link.removeprefix("/act/") for link in links}


def test_the_auditor_reads_the_trail_and_the_family_of_a_dose(station, stage: Stage) -> None:
    auditor = station("auditor")
    auditor.sees("sealed acts")
    auditor.page.get_by_role("link", name="Open the trail").press("Enter")
    auditor.arrives("/trail")
    dose = stage.dose("EXP-11", state="PREPARED")["code"]
    auditor.page.locator("#t-act").select_option("prepare_dose")
    auditor.page.locator("#t-record").focus()
    auditor.scan(dose)
    assert auditor.page.locator("#t-record").input_value() == dose
    auditor.press("Show")
    rows = auditor.page.locator("main tbody tr")
    assert rows.count() == 1 and "Olena Koval" in rows.first.inner_text()
    auditor.go(f"/trace/{dose}")
    auditor.sees("It came from", "PL-001", "EXP-11")
    assert auditor.page.locator("svg.family rect.box").count() > 5


def test_the_auditor_finds_the_refusals(station, stage: Stage) -> None:
    auditor = station("auditor")
    auditor.go("/trail?outcome=refused")
    auditor.sees("Refused", "Nataliia Melnyk")
    assert auditor.page.locator("main tbody tr").count() == stage.one(
        "SELECT count(*) FROM act WHERE outcome = 'refused'"
    )


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("person", ["auditor", "admin"])
def test_no_act_on_a_product_is_offered(station, stage: Stage, person: str, kind: str) -> None:
    code = stage.one(RECORDS[kind])
    onlooker = station(person)
    onlooker.scan_to(code, f"/record/{code}")
    # What an auditor may do changes no record: take a document away, and look at who a subject is.
    reading = {"issue_document", "look_at_identity"} if person == "auditor" else set()
    assert acts_offered(onlooker) <= reading


@pytest.mark.parametrize("person", ["auditor", "admin"])
def test_the_address_of_an_act_gives_no_power_either(station, stage: Stage, person: str) -> None:
    lot = stage.one(RECORDS["lot"])
    onlooker = station(person)
    onlooker.go(f"/act/release_lot?lot={lot}")
    onlooker.sees("This is for: Quality officer")
    onlooker.sign()
    onlooker.submit()
    assert "ROLE_NOT_ALLOWED" in onlooker.reasons
    assert stage.state("lot", lot) == "QUARANTINE"


def test_the_administrator_looks_after_people(station, stage: Stage) -> None:
    admin = station("admin")
    begun = {"add_person", "record_training", "reset_password", "unlock_person", "hand_over_code"}
    assert acts_offered(admin) == {*begun, "confirm_account_change", "confirm_training"}
    admin.choose("add_person")
    admin.fill(name="oleh", full_name="Oleh Melnychuk", new_password="fridge magnet seven")
    admin.page.locator('[data-act-form] input[name="roles"][value="technician"]').check()
    admin.submit()
    admin.done("add_person", warned=True)
    oleh = stage.one("SELECT code FROM person WHERE name = 'oleh'")
    assert stage.state("person", oleh) == "PROPOSED"
    officer = station("iryna")
    officer.go(f"/act/confirm_account_change?person={oleh}")
    officer.sees("Oleh Melnychuk")
    officer.sign()
    officer.submit()
    officer.sees("Hand this code over to Oleh Melnychuk")
    half = officer.page.locator(".incident").inner_text()
    newcomer = station()
    newcomer.sign_in("oleh", f"fridge magnet seven{half}")
    assert newcomer.path == "/password"
    newcomer.go("/list/lots")
    assert newcomer.path == "/password"
