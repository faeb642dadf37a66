"""A logger's file from the upload to the decision: the excursion in it, the lots that it stops, quality's word."""

import datetime
from pathlib import Path

import pytest

from cellbank.services.installation import server_time
from tests.bench.temperature import logger_file
from tests.browser.cold_store import UNIT
from tests.browser.stage import Stage
from tests.browser.station import Station

OF_PROBE = "SELECT e.* FROM excursion e JOIN probe p ON p.id = e.probe_id WHERE p.code = :probe"
STOPPED = """SELECT l.code AS lot, h.code AS hold FROM hold h JOIN lot l ON l.id = h.lot_id
    JOIN excursion e ON e.id = h.excursion_id WHERE e.code = :excursion AND l.state_before_hold = 'RELEASED'
     AND (SELECT count(*) FROM lot_holds(l.id)) = 1 ORDER BY l.id"""
VIAL_THERE = """SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id JOIN placement p ON p.vial_id = v.id
    WHERE l.code = :lot AND p.taken_at IS NULL ORDER BY v.id LIMIT 1"""
# Keeps every value that the bar has had.
WATCH_BAR = """() => {
  const bar = document.querySelector('[data-upload] progress');
  window.parts = [];
  new MutationObserver(() => parts.push(bar.value)).observe(bar, { attributes: true });
}"""
SLOW_LINE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
QUICK_LINE = {**SLOW_LINE, "uploadThroughput": -1}


@pytest.fixture
def probe(stage: Stage) -> str:
    """A second probe in the tank in which everything stands, with a logger whose files nobody has seen."""
    day, year = server_time().date(), datetime.timedelta(days=365)
    given = {"name": "Tank 1, bottom", "model": "Bench logger", "calibrated_on": day, "calibration_due_on": day + year}
    return str(stage.do("olena", "add_probe", unit=stage.one(UNIT, name="Tank 1"), **given)["code"])


def upload(station: Station, probe: str, file: Path) -> None:
    """From the probe to the form, choose the file, see it arrive."""
    station.scan_to(probe, f"/record/{probe}")
    station.choose("import_readings")
    assert station.focus() == "f-sha256"
    station.page.locator("#f-sha256").set_input_files(file)
    station.sees(f"{file.name} is here")


def test_a_loggers_file_stops_the_lots_that_stood_warm_until_quality_decides(
    station, stage: Stage, probe: str, tmp_path: Path
) -> None:
    file = tmp_path / "bench.csv"
    file.write_bytes(logger_file(server_time() - datetime.timedelta(days=4), 6_000))
    olena = station("olena")
    upload(olena, probe, file)
    olena.keys("Enter")
    olena.arrives("/done/")
    olena.sees("Done, with a warning: Import a logger's file")
    (excursion,) = stage.rows(OF_PROBE, probe=probe)
    stopped = stage.rows(STOPPED, excursion=excursion["code"])
    assert excursion["category"] == "critical" and stopped
    olena.sees(stopped[0]["lot"])
    olena.go("/")
    olena.sees("Temperature alarms", "Critical excursion in Tank 1")
    vial = stage.one(VIAL_THERE, lot=stopped[0]["lot"])
    olena.scan_to(vial, f"/record/{vial}")
    olena.sees("Thermal life", excursion["code"], "On hold")

    iryna = station("iryna")
    iryna.sees("Excursions to decide", "Critical excursion in Tank 1")
    iryna.scan_to(excursion["code"], f"/record/{excursion['code']}")
    iryna.sees("What stood there", stopped[0]["lot"], stopped[0]["hold"])
    iryna.choose("decide_excursion")
    iryna.fill(decision="accept", reason="The sensor lay in the opening for half an hour; the racks did not.")
    iryna.sign()
    iryna.submit()
    iryna.done("decide_excursion")
    iryna.go("/")
    assert "Critical excursion in Tank 1" not in iryna.text()
    iryna.scan_to(stopped[0]["hold"], f"/record/{stopped[0]['hold']}")
    iryna.choose("lift_hold")
    iryna.fill(reason="The excursion is accepted.")
    iryna.sign()
    iryna.submit()
    iryna.done("lift_hold")
    assert stage.state("lot", stopped[0]["lot"]) == "RELEASED"


def test_a_bar_shows_how_much_of_a_file_has_arrived(station, stage: Stage, probe: str, tmp_path: Path) -> None:
    file = tmp_path / "slow.csv"
    file.write_bytes(logger_file(server_time() - datetime.timedelta(days=30), 8_000))
    olena = station("olena")
    olena.go(f"/act/import_readings?probe={probe}")
    olena.scanner.send("Network.enable")
    olena.scanner.send("Network.emulateNetworkConditions", SLOW_LINE)
    olena.page.evaluate(WATCH_BAR)
    olena.page.locator("#f-sha256").set_input_files(file)
    olena.page.locator(".actions [value=do]:disabled").wait_for()
    olena.sees("slow.csv is here")
    olena.scanner.send("Network.emulateNetworkConditions", QUICK_LINE)
    parts = olena.page.evaluate("parts")
    assert parts == sorted(parts) and parts[-1] == 1 and any(0 < part < 1 for part in parts)
    assert olena.page.locator("[data-upload] progress").is_visible()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Monthly report of the cold store;\nAll is well;\n", "column"),
        ("Date/Time;Temperature (°C)\n2026-11-01 10:00:00;-180\n2026-11-01 10:05:00;warm\n", "Row 3"),
        ("", "empty"),
    ],
)
def test_another_file_is_refused_with_what_is_wrong(
    station, stage: Stage, probe: str, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    olena = station("olena")
    upload(olena, probe, file)
    olena.submit()
    olena.sees("Nothing was recorded.")
    assert said in olena.text(".act")
    assert olena.field("skip_unreadable").is_visible()
    assert (
        stage.one("SELECT count(*) FROM reading r JOIN probe p ON p.id = r.probe_id WHERE p.code = :probe", probe=probe)
        == 0
    )


def test_what_a_file_does_not_tell_is_answered_by_one_click(station, stage: Stage, probe: str, tmp_path: Path) -> None:
    """A two-channel logger without a unit: the column and the unit are asked, and learned for this probe."""
    began = server_time() - datetime.timedelta(hours=2)

    def export(name: str, minutes: int) -> Path:
        file = tmp_path / name
        rows = [
            f"{began + datetime.timedelta(minutes=minutes + step):%Y-%m-%d %H:%M:%S}Z;-300.1;-304.4" for step in (0, 5)
        ]
        file.write_text("\n".join([name, "Time;CH1 Temp;CH2 Temp", *rows, ""]))
        return file

    olena = station("olena")
    upload(olena, probe, export("first.csv", 0))
    olena.submit()
    olena.sees("Several columns could be the temperature", "-304.4")
    olena.page.get_by_role("button", name="CH2 Temp").click()
    olena.sees("does not say in which unit")
    olena.page.get_by_role("button", name="°F").click()
    olena.sees("Nothing has been done yet", "unit: F")
    olena.submit()
    olena.arrives("/done/")
    upload(olena, probe, export("second.csv", 10))
    olena.submit()
    olena.arrives("/done/")
    readings = stage.rows(
        "SELECT DISTINCT celsius FROM reading r JOIN probe p ON p.id = r.probe_id WHERE p.code = :probe", probe=probe
    )
    assert [float(row["celsius"]) for row in readings] == [-186.89]
