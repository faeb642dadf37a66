"""Freezing runs on the pages and over the API: the form, the picture beside its band, the board of the lot."""

from sqlalchemy import text

from cellbank.services.temperature.run_board import drawing_of, run_board
from cellbank.web.drawing import svg
from tests.factories.freezing import MINUTE, as_file, cooling, freezing_run, frozen_at
from tests.factories.lots import frozen_lot
from tests.factories.world import World
from tests.web.test_temperature import upload

WARM = 25.0


def test_a_run_is_uploaded_and_imported_on_the_page(world: World, signed_in) -> None:
    lot = frozen_lot(world).code
    tina = signed_in("tina")
    assert f"import_freezing_run?lot={lot}" in tina.get(f"/record/{lot}").text
    sha256 = upload(tina, as_file(cooling(frozen_at(world, lot)))).get_json()["sha256"]
    page = tina.get(f"/act/import_freezing_run?lot={lot}").text
    assert 'type="file"' in page and "Freezer, maker and model" in page
    given = {"lot": lot, "sha256": sha256, "file": "run.csv", "freezer": "CryoMed 7452"}
    done = tina.post("/act/import_freezing_run", {**given, "do": "do"}, follow_redirects=True)
    assert "within the band" in done.text
    with world.installation.reads.connect() as connection:
        statement = text("SELECT r.state FROM freezer_run r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot")
        assert connection.scalars(statement, {"lot": lot}).all() == ["WITHIN"]


def test_a_bad_file_comes_back_with_its_rows(world: World, signed_in) -> None:
    lot = frozen_lot(world).code
    tina = signed_in("tina")
    content = as_file(cooling(frozen_at(world, lot))).replace(b";-20.00;", b";cold;")
    given = {"lot": lot, "sha256": upload(tina, content).get_json()["sha256"], "file": "run.csv", "freezer": "X"}
    tina.get(f"/act/import_freezing_run?lot={lot}")
    refused = tina.post("/act/import_freezing_run", {**given, "do": "do"}, follow_redirects=True)
    assert "is no temperature" in refused.text and "run.csv" in refused.text


def test_the_page_of_a_run_shows_it_beside_its_band(world: World, regular) -> None:
    lot = frozen_lot(world).code
    wrong = freezing_run(world, lot)["code"]
    world.do("tina", "withdraw_freezing_run", run=wrong, reason="The file of the run before")
    made = freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    page = regular("quinn").get(f"/record/{made['code']}").text
    for shown in (
        'data-of="program"',
        "line-trace",
        "line-chamber",
        'data-of="warm"',
        made["deviation"],
        lot,
        wrong,
        "35.0",
    ):
        assert shown in page
    assert "It never left the band." in regular("quinn").get(f"/record/{wrong}").text
    pdf = regular("quinn").get(f"/freezing-runs/{made['code']}/run.pdf")
    assert pdf.status_code == 200 and pdf.data.startswith(b"%PDF")
    assert regular("quinn").get(f"/freezing-runs/{lot}/run.pdf").status_code == 404
    board = regular("quinn").get(f"/record/{lot}").text
    assert "Freezing run within its program" in board and made["code"] in board


def test_a_lot_without_its_run_waits_on_the_home_page(world: World, regular) -> None:
    lot = frozen_lot(world).code
    assert "Freezing runs to import" in (page := regular("tina").get("/").text)
    assert lot in page or "import_freezing_run" in page


def test_the_picture_keeps_its_size_however_many_readings_there_are(world: World) -> None:
    lot = frozen_lot(world).code
    began = frozen_at(world, lot)
    fine = [(at + second * MINUTE / 60, value) for at, value in cooling(began) for second in range(0, 60, 2)]
    board = run_board(world.installation, freezing_run(world, lot, fine)["code"])
    assert len(board.chart.product) == 75 * 30
    drawing = drawing_of(board.chart)
    assert [mark.tone for mark in drawing.marks if mark.shape == "area"] == ["program"]
    assert len(svg(drawing)) < 40_000
    assert run_board(world.installation, "FR0000") is None


def test_a_gap_breaks_the_line(world: World) -> None:
    lot = frozen_lot(world).code
    began = frozen_at(world, lot)
    gap = [one for one in cooling(began) if not 15 <= (one[0] - began) / MINUTE < 25]
    board = run_board(world.installation, freezing_run(world, lot, gap)["code"])
    assert [one.kind for one in board.departures] == ["silent"]
    assert len([mark for mark in drawing_of(board.chart).marks if mark.tone == "trace" and mark.shape == "line"]) == 2
