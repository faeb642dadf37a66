"""The technician's day: what waits, a vial, a culture, a lot put away, a dose picked, thawed and drawn up.

Nothing here is clicked that a scan, Tab or Enter can do.
"""

import pytest

from cellbank.domain.identifiers import command_code, vial_cap
from cellbank.services.acts import REGISTRY
from tests.browser.stage import Stage

VIAL_IN_STOCK = """SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id
    WHERE v.state = 'IN_STOCK' AND l.state = 'RELEASED' AND l.purpose = 'product' ORDER BY v.id LIMIT 1"""


def test_signing_in_shows_the_work_that_waits(station) -> None:
    olena = station()
    olena.sign_in("olena")
    olena.sees("Work that waits", "Doses to pick", "Doses to thaw and prepare", "Cultures growing")
    assert "EXP-13" in olena.text() and "EXP-12" in olena.text()
    assert olena.focus() == "scanbox"


@pytest.mark.parametrize("page", ["/", "/storage", "/list/lots", "/acts"])
def test_a_vial_scanned_from_anywhere_shows_its_card_and_acts(station, stage: Stage, page: str) -> None:
    code = stage.rows(VIAL_IN_STOCK)[0]["code"]
    olena = station("olena")
    olena.go(page)
    olena.scan_to(vial_cap(code[:13], code[13:]), f"/record/{code}")
    olena.sees("In stock", "Tank 1 › Rack 1", "What next", REGISTRY["use_vial_for_testing"].title)
    assert olena.page.locator("body").get_attribute("data-sound") == "heard"
    assert olena.focus() == "scanbox"


def test_a_command_barcode_opens_an_act_about_the_last_scan(station, stage: Stage) -> None:
    code = stage.rows(VIAL_IN_STOCK)[0]["code"]
    olena = station("olena")
    olena.scan_to(code, f"/record/{code}")
    olena.scan_to(command_code("move_vial"), "/act/move_vial")
    assert olena.field("vial").input_value() == code


def test_a_culture_is_harvested_filled_frozen_and_put_away_by_scan(station, stage: Stage) -> None:
    culture = stage.rows("SELECT code FROM culture WHERE state = 'GROWING'")[0]["code"]
    olena = station("olena")
    olena.scan_to(culture, f"/record/{culture}")
    olena.choose("record_harvest")
    olena.fill(total_cells="61500000", viability_percent="94.5")
    olena.sees("= 61.5 ×10⁶ cells")
    olena.submit()
    olena.done("record_harvest")
    assert stage.state("culture", culture) == "HARVESTED"
    vials = _frozen_lot(stage, culture)
    box = stage.rows("SELECT code FROM storage_unit WHERE name = 'Box 1'")[0]["code"]
    olena.scan_to(vials[0], f"/record/{vials[0]}")
    olena.sees("Frozen")
    olena.choose("store_vials")
    for vial in vials[1:]:
        olena.scan(vial)
    olena.scan(box)
    assert olena.page.locator("[data-count]").inner_text() == str(len(vials))
    assert olena.field("box").input_value() == box
    olena.tab_to(olena.page.locator('[data-act-form] .actions button[value="do"]'))
    olena.keys("Enter")
    olena.arrives("/done/")
    olena.done("store_vials")
    assert {stage.state("vial", vial) for vial in vials} == {"IN_STOCK"}
    olena.scan_to(vials[2], f"/record/{vials[2]}")
    olena.sees("Tank 1 › Rack 1 › Box 1 › A3")


def _frozen_lot(stage: Stage, culture: str) -> list[str]:
    """A working bank of three vials from a harvest, filled and frozen now."""
    opened = stage.do(
        "olena",
        "open_lot",
        cultures=[culture],
        cells=[31_000_000],
        purpose="working_bank",
        vial_count=3,
        cells_per_vial=10_000_000,
        volume_ml="1.0",
        dmso_percent="10",
        reagents=[stage.rows("SELECT code FROM reagent_lot WHERE manufacturer_lot = 'CRY-1140'")[0]["code"]],
    )
    lot, first = opened["code"], opened["first_vial"]
    vials = [f"{first[:13]}{int(first[13:]) + number:06d}" for number in range(3)]
    stage.do("olena", "record_filling", lot=lot, vials=vials)
    stage.do("olena", "close_filling", lot=lot, sample_cells=500_000, lost_cells=500_000)
    at_once = {"improbable_because": "A test does not wait"}
    stage.do("olena", "record_freezing", lot=lot, program="CRF-1", **at_once)
    return vials


def test_a_dose_is_picked_and_thawed_in_the_order_of_the_tank(station, stage: Stage) -> None:
    dose = stage.dose("EXP-13", state="ORDERED")["code"]
    olena = station("olena")
    olena.scan_to(dose, f"/record/{dose}")
    listed = olena.page.locator("section", has_text="Pick list").locator("a.code").all_inner_texts()
    codes = [code.replace(" ", "") for code in listed]
    places = olena.page.locator("section", has_text="Pick list").locator("td strong").all_inner_texts()
    assert sorted(codes) == stage.vials(dose, "RESERVED") and places == sorted(places)
    box = stage.one("SELECT code FROM storage_unit WHERE name = :name", name=places[0].split(" › ")[-2])
    for vial in codes[:-1]:
        olena.go(f"/record/{dose}")
        olena.choose("pick_vial")
        olena.scan(box)
        olena.scan(vial)
        assert olena.field("box").input_value() == box and olena.field("vial").input_value() == vial
        olena.submit()
        olena.done("pick_vial")
    assert stage.vials(dose, "PICKED") == sorted(codes[:-1]) and stage.vials(dose, "RESERVED") == codes[-1:]
    for vial in codes[:-1]:
        olena.go(f"/act/thaw_vial?dose={dose}")
        olena.scan(vial)
        olena.submit()
        olena.done("thaw_vial")
    assert stage.state("dose", dose) == "THAWING"


def test_a_vial_of_another_dose_is_refused_at_the_tank(station, stage: Stage) -> None:
    dose = stage.dose("EXP-09", state="ORDERED")["code"]
    stranger = stage.vials(stage.dose("EXP-10", state="PICKED")["code"], "RESERVED")[0]
    box = stage.rows("SELECT code FROM storage_unit WHERE name = 'Box 2'")[0]["code"]
    olena = station("olena")
    olena.go(f"/act/pick_vial?dose={dose}")
    olena.scan(box)
    olena.scan(stranger)
    olena.submit()
    assert olena.reasons[0] == "VIAL_OF_ANOTHER_SUBJECT"
    olena.sees("STOP. Vial")
    assert olena.page.locator("body").get_attribute("data-sound") == "no"
    assert stage.state("vial", stranger) == "RESERVED"


def test_a_short_dose_is_said_before_it_is_too_late_and_the_dose_is_drawn_up(station, stage: Stage) -> None:
    dose = stage.dose("EXP-12", state="THAWING")["code"]
    vials = stage.vials(dose, "THAWED")
    olena = station("olena")
    olena.scan_to(dose, f"/record/{dose}")
    olena.choose("pool_and_count")
    for vial in vials:
        olena.scan(vial)
    olena.fill(diluent="albumin", pooled_ml=5 * len(vials), method="trypan blue")
    olena.fill(total_cells_per_ml="3600000", viability_percent="88")
    olena.check()
    olena.sees("Short dose:", "84.2 %", "One more vial would hold them.")
    olena.fill(total_cells_per_ml="4650000", viability_percent="87.5")
    olena.submit()
    olena.done("pool_and_count")

    assert stage.state("dose", dose) == "COUNTED"
    drawn = olena.page.locator('table.steps tr:has(th:text-is("Draw")) td').last.inner_text().removesuffix(" mL")
    olena.choose("prepare_dose")
    olena.fill(drawn_ml=drawn, final_volume_ml="50")
    olena.submit()
    olena.done("prepare_dose")
    assert stage.state("dose", dose) == "PREPARED"
    olena.go(f"/record/{dose}")
    link = olena.page.locator("section", has_text="Labels printed").locator("a").first
    answer = olena.context.request.get(link.get_attribute("href"))
    assert answer.ok and answer.headers["content-type"] == "application/pdf" and answer.body().startswith(b"%PDF")
