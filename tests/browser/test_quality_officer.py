"""The quality officer's desk: decide, release, reject, hold and lift; and a password that signs nothing."""

from tests.browser.stage import Stage

VIAL_OF_A_RELEASED_LOT = """SELECT v.code, l.code AS lot FROM vial v JOIN lot l ON l.id = v.lot_id
    WHERE v.state = 'IN_STOCK' AND l.state = 'RELEASED' AND l.purpose = 'product' ORDER BY v.id LIMIT 1"""


def lot_in_quarantine(stage: Stage, purpose: str) -> str:
    """The code of the lot of this purpose that waits for a decision."""
    return stage.one("SELECT code FROM lot WHERE state = 'QUARANTINE' AND purpose = :purpose", purpose=purpose)


def test_a_warm_donation_is_decided_from_the_home_page(station, stage: Stage) -> None:
    donation = stage.one("SELECT code FROM donation WHERE state = 'AWAITING_DECISION'")
    iryna = station("iryna")
    iryna.sees("Donations to decide")
    iryna.choose("decide_donation")
    assert iryna.field("donation").input_value() == donation
    iryna.sees("Awaiting decision", "You sign as Iryna Shevchenko")
    iryna.fill(decision="accept", reason="11.2 °C for twenty minutes only; tissue intact")
    iryna.sign()
    iryna.submit()
    iryna.done("decide_donation")
    assert stage.state("donation", donation) == "ACCEPTED"
    iryna.go(f"/record/{donation}")
    iryna.sees("Signatures", "Iryna Shevchenko")


def test_a_wrong_password_signs_nothing_and_keeps_what_was_typed(station, stage: Stage) -> None:
    held = "SELECT h.code, l.code AS lot FROM hold h JOIN lot l ON l.id = h.lot_id WHERE l.state = 'ON_HOLD'"
    hold, lot = stage.rows(held)[0].values()
    iryna = station("iryna")
    iryna.go(f"/act/lift_hold?hold={hold}")
    iryna.fill(reason="The supplier found nothing")
    iryna.sign("not my password")
    iryna.submit()
    iryna.sees("is wrong: nothing was signed")
    assert iryna.reasons == []
    assert iryna.field("reason").input_value() == "The supplier found nothing"
    assert iryna.field("password").input_value() == ""
    assert stage.state("hold", hold) == "PLACED"
    iryna.sign()
    iryna.submit()
    iryna.done("lift_hold")
    assert stage.state("hold", hold) == "LIFTED" and stage.state("lot", lot) == "RELEASED"


def test_a_lot_with_every_criterion_green_is_released(station, stage: Stage) -> None:
    lot = lot_in_quarantine(stage, "master_bank")
    stage.do("maksym", "review_batch_record", lot=lot)
    iryna = station("iryna")
    iryna.sees("Lots in quarantine", "Ready to release")
    iryna.scan_to(lot, f"/record/{lot}")
    iryna.sees("Release board")
    assert iryna.page.locator(".criterion").count() == iryna.page.locator(".criterion-good").count() > 15
    iryna.choose("release_lot")
    iryna.check()
    iryna.sees("This can be recorded")
    assert stage.state("lot", lot) == "QUARANTINE"
    iryna.sign()
    iryna.submit()
    iryna.done("release_lot")
    assert stage.state("lot", lot) == "RELEASED"


def test_a_lot_that_failed_sterility_is_refused_and_rejected(station, stage: Stage) -> None:
    lot = lot_in_quarantine(stage, "product")
    iryna = station("iryna")
    iryna.scan_to(lot, f"/record/{lot}")
    assert "Sterility" in iryna.page.locator(".criterion-stop").first.inner_text()
    assert iryna.page.locator('main a[href^="/act/release_lot"]').count() == 0
    iryna.go(f"/act/release_lot?lot={lot}")
    iryna.sign()
    iryna.submit()
    assert "OUT_OF_SPECIFICATION" in iryna.reasons
    assert "Sterility" in iryna.text(".reasons") or "sterility" in iryna.text(".reasons")
    iryna.go(f"/act/reject_lot?lot={lot}")
    iryna.fill(reason="Growth in the sterility test")
    iryna.sign()
    iryna.submit()
    iryna.done("reject_lot")
    assert stage.state("lot", lot) == "REJECTED"


def test_a_hold_stands_on_the_lot_and_on_its_vials(station, stage: Stage) -> None:
    vial = stage.rows(VIAL_OF_A_RELEASED_LOT)[0]
    maksym = station("maksym")
    maksym.scan_to(vial["lot"], f"/record/{vial['lot']}")
    maksym.choose("hold_lot")
    maksym.fill(reason="Box alarm last night; to be looked into")
    maksym.submit()
    maksym.done("hold_lot")
    assert stage.state("lot", vial["lot"]) == "ON_HOLD"
    maksym.scan_to(vial["code"], f"/record/{vial['code']}")
    maksym.sees("On hold")


def test_somebody_who_made_the_lot_cannot_release_it(station, stage: Stage) -> None:
    lot = stage.rows("SELECT code FROM lot WHERE purpose = 'master_bank' ORDER BY id")[-1]["code"]
    olena = station("olena")
    olena.go(f"/record/{lot}")
    assert olena.page.locator('main a[href^="/act/release_lot"]').count() == 0
    olena.go(f"/act/release_lot?lot={lot}")
    olena.sees("This is for: Quality officer")
    olena.sign()
    olena.submit()
    assert "ROLE_NOT_ALLOWED" in olena.reasons
