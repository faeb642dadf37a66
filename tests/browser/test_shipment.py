"""Ten vials go to the clinic and nine arrive: ordered, packed, sealed and handed over by keyboard and scanner at one
site, received, scanned, put away and accepted at the other."""

import datetime
from pathlib import Path

from cellbank.domain.identifiers import command_code
from tests.browser.cold_store import UNIT, standing
from tests.browser.stage import Stage
from tests.browser.station import Station

CLINIC, COUNT = "KCH4", 10
SEALS = ("UA-200451", "UA-200452")
LOGGER = "SELECT p.code FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id WHERE u.code = :unit"
RELEASED = """SELECT l.code FROM lot l WHERE l.state = 'RELEASED' AND (SELECT count(*) FROM vial v WHERE v.lot_id = l.id
    AND v.state = 'IN_STOCK' AND v.site_id = 1) >= :count ORDER BY l.id LIMIT 1"""
THERE = """SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id JOIN site s ON s.id = v.site_id WHERE s.code = :site
    AND l.code = :lot AND v.state = :state AND v.code = ANY(:vials) ORDER BY v.number"""


def recorded(station: Station, count: int) -> None:
    """The page says that so many scans are recorded, and that none waits."""
    for part, shown in (("done", count), ("waiting", 0)):
        station.page.locator(f"[data-{part}]").get_by_text(str(shown), exact=True).wait_for()


def open_page(station: Station, code: str) -> None:
    """Scan the shipment and go on to its page."""
    station.scan_to(code, f"/record/{code}")
    station.tab_to(station.page.locator(f'main a[href="/shipments/{code}"]'))
    station.keys("Enter")
    station.arrives(f"/shipments/{code}")


def look_again(station: Station) -> None:
    """The page as it is now."""
    station.tab_to(station.page.locator('.fill-leave a[href^="/shipments/"]'))
    with station.page.expect_navigation():
        station.keys("Enter")


def picture(station: Station, code: str) -> None:
    """Everything of the page fits its width, in a narrow window too."""
    for width in (1366, 1024):
        station.page.set_viewport_size({"width": width, "height": 768})
        assert station.page.evaluate("document.documentElement.scrollWidth") <= width, code
    station.page.set_viewport_size({"width": 1366, "height": 768})


def order(olena: Station, stage: Stage) -> tuple[str, str]:
    """The code of the lot, and of the shipment of ten vials that is ordered."""
    lot = stage.one(RELEASED, count=COUNT)
    olena.scan_to(command_code("order_shipment"), "/act/order_shipment")
    olena.fill(to=CLINIC, lots=lot, counts=COUNT)
    olena.submit()
    olena.done("order_shipment")
    return lot, stage.rows("SELECT code FROM shipment ORDER BY id DESC LIMIT 1")[0]["code"]


def pack(olena: Station, stage: Stage, shipment: str) -> tuple[str, list[str]]:
    """Scan the shipper, then the vials that the page names; returns both."""
    shipper = stage.one(UNIT, name="Dry shipper 2")
    olena.scan_to(shipper, f"/shipments/{shipment}?shipper={shipper}")
    vials = [link.inner_text().replace(" ", "") for link in olena.page.locator("td:nth-child(3) a.code").all()]
    assert len(vials) == COUNT and olena.focus() == "fill-scan"
    olena.scan_all(vials)
    recorded(olena, COUNT)
    assert standing(stage, shipper) == list(enumerate(vials, start=1))
    picture(olena, shipment)
    return shipper, vials


def seal_and_send(olena: Station, stage: Stage, shipment: str, logger: str) -> None:
    """Close the shipper, and give it to the courier with a signature."""
    look_again(olena)
    olena.choose("seal_shipment")
    assert olena.field("logger").input_value() == logger
    local = datetime.datetime.now(stage.installation.config.timezone) - datetime.timedelta(hours=3)
    olena.fill(seals="\n".join(SEALS), charged_at=f"{local:%Y-%m-%dT%H:%M}", charge_kg="21.4", planned_hours="30")
    olena.submit()
    olena.done("seal_shipment")
    olena.go(f"/shipments/{shipment}")
    olena.sees("Sealed", "Cold until")
    olena.choose("hand_over_shipment")
    olena.fill(carrier="Cold courier, driver Yurii", waybill="CC-558-311")
    olena.sign()
    olena.submit()
    olena.done("hand_over_shipment")
    assert stage.state("shipment", shipment) == "ON_THE_WAY"


def receive(halyna: Station, shipment: str) -> None:
    """What stands on the seals is read and typed, and the receipt signed."""
    halyna.go("/")
    halyna.sees("Shipments on the way to us")
    open_page(halyna, shipment)
    halyna.choose("receive_shipment")
    halyna.fill(intact="\n".join(SEALS))
    halyna.sign()
    halyna.submit()
    halyna.done("receive_shipment")


def check_in(halyna: Station, stage: Stage, shipment: str, vials: list[str]) -> None:
    """Nine of ten are scanned, in no order: each is ticked at its own position."""
    open_page(halyna, shipment)
    stray = stage.rows("SELECT code FROM vial WHERE state = 'IN_STOCK' ORDER BY id LIMIT 1")[0]["code"]
    halyna.scan(stray)
    halyna.sees("was not packed into shipment")
    halyna.scan_all([*vials[5:9], *vials[:5]])
    recorded(halyna, 9)
    ticked = [cell.get_attribute("data-expects") for cell in halyna.page.locator("td.is-done").all()]
    assert ticked == vials[:9]
    look_again(halyna)
    halyna.sees("9 of 10", "Missing until they are scanned")
    picture(halyna, shipment)
    halyna.choose("close_receipt")
    halyna.submit()
    halyna.done("close_receipt", warned=True)


def bring_in(halyna: Station, stage: Stage, shipment: str, logger: str, folder: Path) -> None:
    """The nine into a box, and the logger's file read."""
    halyna.go(f"/shipments/{shipment}")
    halyna.sees("What still stops the acceptance", "Not found")
    halyna.choose("store_vials")
    halyna.scan(stage.one(UNIT, name="Clinic box"))
    halyna.submit()
    halyna.done("store_vials")
    halyna.go(f"/shipments/{shipment}")
    halyna.choose("import_readings")
    way = stage.rows("SELECT sealed_at, received_at FROM shipment WHERE code = :code", code=shipment)[0]
    middle = way["sealed_at"] + (way["received_at"] - way["sealed_at"]) / 2
    file = folder / "logger.csv"
    file.write_text(f"Date/Time (UTC);Temperature (°C)\n{middle:%Y-%m-%d %H:%M:%S}Z;-186.4\n")
    halyna.page.locator("#f-sha256").set_input_files(file)
    halyna.sees("logger.csv")
    halyna.page.wait_for_function("document.querySelector('[name=sha256]').value.length === 64")
    halyna.submit()
    halyna.done("import_readings")


def accept(roman: Station, shipment: str) -> None:
    """Signed by somebody who had nothing to do with it before."""
    roman.go("/")
    roman.sees("Shipments to accept")
    open_page(roman, shipment)
    picture(roman, shipment)
    roman.choose("accept_shipment")
    roman.sign()
    roman.submit()
    roman.done("accept_shipment")


def test_ten_vials_are_shipped_and_nine_received(station, stage: Stage, tmp_path: Path) -> None:
    olena = station("olena")
    lot, shipment = order(olena, stage)
    open_page(olena, shipment)
    shipper, vials = pack(olena, stage, shipment)
    logger = stage.one(LOGGER, unit=shipper)
    seal_and_send(olena, stage, shipment, logger)
    halyna = station("halyna")
    receive(halyna, shipment)
    check_in(halyna, stage, shipment, vials)
    assert stage.state("vial", vials[9]) == "MISSING"
    missing = stage.rows("SELECT differences FROM shipment WHERE code = :code", code=shipment)[0]["differences"]
    assert [one["what"] for one in missing] == ["missing"]
    assert stage.state("deviation", missing[0]["deviation"]) == "OPEN"
    bring_in(halyna, stage, shipment, logger, tmp_path)
    assert stage.rows(THERE, site=CLINIC, lot=lot, state="IN_STOCK", vials=vials) == []
    roman = station("roman")
    accept(roman, shipment)
    there = [row["code"] for row in stage.rows(THERE, site=CLINIC, lot=lot, state="IN_STOCK", vials=vials)]
    assert there == sorted(vials[:9])
    roman.scan_to(vials[0], f"/record/{vials[0]}")
    roman.sees("Clinic tank › Clinic rack › Clinic box")
