"""A quality officer's day from the home page, with no help: release, reject, hold a donor, recall a lot, print it all;
and those who must act on the recall."""

from tests.browser.stage import Stage
from tests.browser.station import Station

RELEASED_PRODUCT = "SELECT code FROM lot WHERE state = 'RELEASED' AND purpose = 'product'"
RELEASED_BANKS = "SELECT code FROM lot WHERE state = 'RELEASED' AND purpose = 'master_bank' ORDER BY id DESC"
DONOR_OF = """SELECT o.code FROM lot l JOIN donation d ON d.id = l.donation_id JOIN donor o ON o.id = d.donor_id
    WHERE l.code = :lot"""
OPEN_NOTICES = "SELECT code FROM recall_notice WHERE state = 'OPEN' ORDER BY id DESC"


def waiting_lot(stage: Stage, purpose: str) -> str:
    """The lot of this purpose that waits for a decision."""
    return stage.one("SELECT code FROM lot WHERE state = 'QUARANTINE' AND purpose = :purpose", purpose=purpose)


def at_home(station: Station) -> None:
    station.go("/")
    station.sees("Work that waits")


def is_a_pdf(station: Station, path: str) -> None:
    answer = station.page.context.request.get(f"{station.stage.url}{path}")
    assert answer.status == 200 and answer.body()[:5] == b"%PDF-", path


def test_the_pending_lot_is_released_from_the_home_page(station, stage: Stage) -> None:
    lot = waiting_lot(stage, "master_bank")
    iryna = station("iryna")
    iryna.sees("Lots in quarantine", "1 red")
    iryna.choose("review_batch_record")
    assert iryna.field("lot").input_value() == lot
    iryna.sign()
    iryna.submit()
    iryna.done("review_batch_record")
    at_home(iryna)
    iryna.sees("Ready to release")
    iryna.choose(f"release_lot?lot={lot}")
    iryna.check()
    iryna.sees("This can be recorded")
    iryna.sign()
    iryna.submit()
    iryna.done("release_lot")
    assert stage.state("lot", lot) == "RELEASED"


def test_the_failed_lot_shows_why_first_and_no_release(station, stage: Stage) -> None:
    lot = waiting_lot(stage, "product")
    iryna = station("iryna")
    iryna.page.locator(f'main a[href="/record/{lot}"]').click()
    iryna.sees("Not releasable")
    first = iryna.page.locator(".criterion").first
    assert "Sterility" in first.inner_text() and first.is_visible()
    assert first.bounding_box()["y"] < 768  # above the fold
    assert iryna.page.locator('main a[href^="/act/release_lot"]').count() == 0
    assert iryna.page.locator(".criterion-good").first.is_hidden()
    iryna.choose("reject_lot")
    iryna.sees("What this would touch", "118 vials")
    iryna.fill(reason="Growth in the sterility test")
    iryna.sign()
    iryna.submit()
    iryna.done("reject_lot")
    assert stage.state("lot", lot) == "REJECTED"
    iryna.page.get_by_role("link", name="Recall list").first.click()
    iryna.sees("Every vial, in the order of the tanks", "Growth in the sterility test")


def test_every_line_of_the_board_leads_to_its_evidence(station, stage: Stage) -> None:
    lot = stage.one(RELEASED_PRODUCT)
    iryna = station("iryna")
    iryna.go(f"/record/{lot}")
    links = iryna.page.locator(".proof").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 20
    for path in dict.fromkeys(links):
        assert iryna.page.context.request.get(f"{stage.url}{path}").status == 200, path


def test_a_recall_begins_on_the_home_page_and_reaches_everybody(station, stage: Stage) -> None:
    lot = stage.one(RELEASED_PRODUCT)
    maksym = station("maksym")
    at_home(maksym)
    maksym.choose("recall_lot")
    maksym.fill(lot=lot, reason="A particle was found in a vial of this lot")
    maksym.check()
    maksym.sees("What this would touch", "subjects have received cells")
    assert stage.state("lot", lot) == "RELEASED"
    maksym.sign()
    maksym.submit()
    maksym.done("recall_lot")
    assert stage.state("lot", lot) == "RECALLED"
    for name in ("recall_list", "batch_record"):
        is_a_pdf(maksym, f"/record/{lot}/{name}.pdf")
    table = maksym.page.context.request.get(f"{stage.url}/lots/{lot}/recall.csv")
    assert table.text().startswith("record,code,lot,state")

    notice = stage.rows(OPEN_NOTICES)[0]["code"]
    nataliia = station("nataliia")
    at_home(nataliia)
    nataliia.sees("Notices to answer", "Doses of rejected and recalled lots to stop")
    titles = nataliia.page.locator(".worklist h2").all_inner_texts()
    assert titles[0].startswith("Doses for the bedside"), "a notice never buries the work at the bed"
    nataliia.page.locator(f"a[href$='/record/{notice}']").first.click()
    lines = nataliia.page.locator(".notice-lines tbody tr:not([data-fill-row])")
    doses = lines.count()
    nataliia.page.get_by_label("What was done, for all").select_option("patient_told")
    nataliia.page.get_by_label("Note, for all").fill("Blood culture taken; watched for two days")
    nataliia.page.get_by_label("Note, for all").press("Tab")
    nataliia.submit()
    nataliia.done("answer_notice")
    assert doses > 1 and stage.state("recall_notice", notice) == "ACKNOWLEDGED"

    olena = station("olena")
    at_home(olena)
    olena.sees("Vials of rejected and recalled lots to take out and destroy")
    olena.choose("discard_vial")
    olena.fill(reason="The lot is recalled")
    vial = olena.field("vial").input_value().replace(" ", "")
    olena.submit()
    olena.done("discard_vial")
    assert stage.state("vial", vial) == "DISCARDED"


def test_a_donor_is_held_from_the_home_page_with_all_her_lots(station, stage: Stage) -> None:
    lot = stage.rows(RELEASED_BANKS)[0]["code"]
    donor = stage.one(DONOR_OF, lot=lot)
    maksym = station("maksym")
    at_home(maksym)
    maksym.choose("hold_donor")
    maksym.fill(donor=donor, reason="Her laboratory reports a reactive test")
    maksym.submit()
    maksym.done("hold_donor")
    assert stage.state("lot", lot) == "ON_HOLD"
    at_home(maksym)
    maksym.sees("Holds in force")
