"""Temperature on the pages: boards, pictures, the upload of a file, and a vial's thermal life."""

import datetime

import pytest
from sqlalchemy import text

from cellbank.services.temperature.temperature_chart import chart_of, drawing_of
from cellbank.web.drawing import svg
from tests.factories.lots import stored_lot
from tests.factories.temperature import MINUTE, as_csv, import_file, probe, steady, tank, trace
from tests.factories.world import World

START = datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC)


def tank_of(world: World, box: str) -> str:
    statement = text(
        "SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id "
        "JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box"
    )
    with world.installation.reads.connect() as connection:
        return str(connection.scalar(statement, {"box": box}))


def upload(browser, content: bytes):
    browser.get("/")
    headers = {"X-CSRFToken": browser.token, "Content-Type": "application/octet-stream"}
    return browser.client.post("/readings/upload", data=content, headers=headers)


def test_the_page_of_a_probe_shows_its_trace_and_its_excursions(world: World, regular) -> None:
    technician = regular("tina")
    code = probe(world)
    assert "It has no readings yet." in technician.get(f"/record/{code}").text
    excursion = import_file(world, code, as_csv(trace(START, [-187, -130, -130, -187])))["excursions"][0]
    page = technician.get(f"/record/{code}").text
    assert (
        '<svg class="drawing trace"' in page
        and "line-trace" in page
        and 'data-of="critical"' in page
        and excursion in page
    )
    for period in ("day", "month", "year", "nonsense"):
        assert technician.get(f"/record/{code}?period={period}").status_code == 200
    pdf = technician.get(f"/probes/{code}/trace.pdf")
    assert pdf.status_code == 200 and pdf.data.startswith(b"%PDF")
    assert technician.get(f"/probes/{tank(world)}/trace.pdf").status_code == 404


def test_the_page_of_an_excursion_shows_what_stood_there(world: World, regular) -> None:
    technician = regular("tina")
    lot = stored_lot(world)
    code = probe(world, tank_of(world, lot.box))
    excursion = import_file(world, code, as_csv(trace(START, [-187, -130, -130, -187])))["excursions"][0]
    page = technician.get(f"/record/{excursion}").text
    assert lot.code in page and "HD0" in page
    assert "Thermal life" in (vial := technician.get(f"/record/{lot.vials[0]}").text) and excursion in vial
    assert "alarm" in technician.get("/").text


def test_a_file_is_uploaded_and_imported(world: World, regular) -> None:
    technician = regular("tina")
    code, content = probe(world), as_csv(steady(START, 30_000, every=1))
    answer = upload(technician, content)
    assert answer.status_code == 200
    sha256 = answer.get_json()["sha256"]
    assert technician.get(f"/readings/progress/{sha256}").get_json() == {"part": None}
    assert technician.get("/readings/progress/x").status_code == 404
    page = technician.get(f"/act/import_readings?probe={code}").text
    assert 'type="file"' in page and "data-upload" in page
    world.do("tina", "import_readings", probe=code, sha256=sha256, file="log.csv", now=START + 30_000 * MINUTE)


def test_who_may_not_import_may_not_upload(regular) -> None:
    assert upload(regular("otto"), b"x").status_code == 403


def test_a_trace_is_broken_where_no_reading_came(world: World) -> None:
    code = probe(world)
    import_file(world, code, as_csv([*steady(START, 10), *steady(START + 600 * MINUTE, 10)]))
    drawing = drawing_of(chart_of(world.installation, code))
    lines = [mark for mark in drawing.marks if mark.tone == "trace"]
    assert len(lines) == 2
    assert svg(drawing).count('data-of="silent"') == 1


@pytest.mark.parametrize("days", [0.01, 1, 40, 400, 4000])
def test_every_span_has_a_scale(world: World, days: float) -> None:
    code = probe(world)
    import_file(world, code, as_csv(trace(START, [-187, 20, -187])))
    until = START + datetime.timedelta(days=1)
    found = list(drawing_of(chart_of(world.installation, code, until - datetime.timedelta(days=days), until)).marks)
    names = [mark.text for mark in found if mark.shape == "word" and mark.anchor == "middle"]
    assert 1 <= len(names) <= 10
