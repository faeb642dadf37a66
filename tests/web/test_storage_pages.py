"""The pages at the tank: the map of a box, filling it, a rack scanner's picture, a pick, the pictures of the stock."""

import datetime
import io
import json

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories.doses import dewar, ordered_dose
from tests.factories.lots import box, frozen_lot, stored_lot
from tests.factories.quality import released_lot
from tests.factories.world import World


def send(browser, address: str, **body) -> tuple[int, dict]:
    """What our script sends."""
    headers = {"Accept": "application/json", "X-CSRFToken": browser.token}
    answer = browser.client.post(address, data=json.dumps(body), content_type="application/json", headers=headers)
    return answer.status_code, answer.get_json()


def test_the_map_tells_how_each_vial_stands_by_word_as_well_as_colour(signed_in, world: World) -> None:
    dose = ordered_dose(world)
    tina = signed_in("tina")
    page = tina.get(f"/record/{dose.lot.box}").text
    trial_number = dose.subject and page.count("spot-busy")
    assert trial_number and "reserved" in page and "spot-good" in page and "spot-whom" in page
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason="A question of the auditor")
    assert "spot-stop" in tina.get(f"/record/{dose.lot.box}").text


def test_a_box_is_filled_by_what_the_page_sends(signed_in, world: World) -> None:
    lot, home = frozen_lot(world, vials=2), box(world, rows=1, columns=2)
    tina = signed_in("tina")
    assert tina.get(f"/storage/fill/{home}").text.count("data-place") == 2
    given = {"vials": list(lot.vials), "positions": ["A1", "A2"]}
    status, said = send(tina, f"/storage/fill/{home}", mode="put", key="one", given=given)
    assert status == 200 and said["result"]["positions"] == dict(zip(lot.vials, ["A1", "A2"], strict=True))
    assert send(tina, f"/storage/fill/{home}", mode="put", key="one", given=given) == (200, said)
    status, said = send(tina, f"/storage/fill/{home}", mode="put", key="two", given=given)
    assert status == 409 and {refusal["code"] for refusal in said["refusals"]} >= {"POSITION_TAKEN"}
    assert send(tina, f"/storage/fill/{home}", mode="put", given={"vials": ["x"]})[0] == 422
    assert "Full" in tina.get(f"/record/{home}").text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "nonsense", "given": {}},
        {"mode": "put", "given": []},
        {"mode": "put", "given": {"vials": [], "positions": []}, "look": True},
    ],
)
def test_what_the_page_would_never_send_is_refused(signed_in, world: World, body: dict) -> None:
    tina = signed_in("tina")
    assert send(tina, f"/storage/fill/{box(world)}", **body)[0] == 400
    assert tina.get("/storage/fill/STZZZZG").status_code == 404


def test_what_differs_is_shown_before_any_reason(signed_in, world: World) -> None:
    lot = stored_lot(world, vials=2)
    given = {"vials": [lot.vials[1]], "positions": ["A1"]}
    status, said = send(signed_in("tina"), f"/storage/fill/{lot.box}", mode="rescan", look=True, given=given)
    assert status == 200
    assert [one["finding"] for one in said["differences"]] == ["moved", "missing"]


def test_a_scan_of_something_else_is_said_and_an_unreadable_one_kept(signed_in, world: World) -> None:
    lot, tina = stored_lot(world, vials=1), signed_in("tina")
    assert send(tina, "/storage/read", code=lot.box)[1]["kind"] == "ST"
    status, said = send(tina, "/storage/read", code="Ф999926000001000001")
    assert status == 200 and said["kind"] is None and said["sentence"]
    with Session(world.installation.reads) as session:
        kept = session.scalars(text("SELECT given ->> 'raw' FROM act WHERE name = 'report_unreadable_scan'")).all()
    assert "Ф999926000001000001" in kept


def test_the_picture_of_a_rack_scanner_is_compared_and_written_with_reasons(signed_in, world: World) -> None:
    lot = stored_lot(world, vials=2)
    tina = signed_in("tina")
    address = f"/storage/picture/{lot.box}"
    tina.get(address)
    content = f"A01;{lot.vials[0]}\r\nA02;NOREAD\r\n"
    page = tina.post(
        address,
        {"file": (io.BytesIO(content.encode("utf-16")), "rack.csv"), "intent": "look"},
        content_type="multipart/form-data",
    )
    assert page.status_code == 200 and "Unreadable" in page.text and 'name="reason.A2"' in page.text
    refused = tina.post(address, {"picture": content, "intent": "do"})
    assert refused.status_code == 409 and "Give a reason" in refused.text
    done = tina.post(address, {"picture": content, "intent": "do", "reason.A2": "Frost on the code"})
    assert done.status_code == 200 and "The book is as the picture says." in done.text
    twice = tina.post(address, {"picture": "A1,NOREAD\nA01,NOREAD", "intent": "look"})
    assert twice.status_code == 422 and "comes twice" in twice.text


def test_the_first_count_is_not_shown_to_the_second_person(signed_in, world: World) -> None:
    lot = stored_lot(world, vials=2)
    count = world.do("tina", "count_box", box=lot.box, vials=[lot.vials[0]])["code"]
    taras = signed_in("taras")
    for page in (f"/record/{count}", f"/storage/fill/{lot.box}?mode=again", f"/record/{lot.box}"):
        assert "missing" not in taras.get(page).text.split("<main")[1].lower(), page
    assert f'data-vial="{lot.vials[0]}"' not in taras.get(f"/storage/fill/{lot.box}?mode=again").text
    world.do("taras", "count_again", box=lot.box, vials=[lot.vials[0]])
    assert "Missing" in taras.get(f"/record/{count}").text


def test_a_pick_stops_at_the_wrong_box(signed_in, world: World) -> None:
    today = datetime.datetime.now(datetime.UTC)  # its planned day: pages know no other
    dose, tina = ordered_dose(world, at=today), signed_in("tina")
    address = f"/storage/pick/{dose.code}"
    assert "s in the open" in tina.get(address).text
    wrong = tina.post(address, {"box": box(world)})
    assert wrong.status_code == 422 and "STOP" in wrong.text and 'data-sound="stop"' in wrong.text
    right = tina.post(address, {"box": dose.lot.box})
    assert right.status_code == 200 and 'name="vial"' in right.text
    for garbled in ({"vial": dose.vials[0][:-1]}, {"vial": dose.vials[0], "happened_at": "yesterday"}):
        unread = tina.post(address, {"box": dose.lot.box, **garbled})
        assert unread.status_code == 422 and "STOP" in unread.text
    assert tina.post(address, {"box": dose.lot.box, "vial": dose.lot.vials[7]}).status_code == 409
    assert tina.post(address, {"box": dose.lot.box, "vial": dose.vials[0]}).status_code == 303
    into = dewar(world)
    named = tina.post(address, {"box": into})
    assert "keeps cold for" in named.text and f'name="into" value="{into}"' in named.text
    picked = {"box": dose.lot.box, "into": into}
    for vial in dose.vials[1:3]:
        assert f"into={into}" in tina.post(address, {**picked, "vial": vial}).headers["Location"]
    whole = tina.get(address).text
    assert "Every vial of the list is picked" in whole and "spare: stays in the tank" in whole
    assert f"/act/fetch_spare?dose={dose.code}" in whole
    waiting = tina.get("/").text
    assert "Vials out of the tank and not thawed" in waiting and "carried in the open" in waiting


def test_the_pictures_of_the_stock_are_one_drawing_on_page_and_paper(signed_in, world: World) -> None:
    stored_lot(world, vials=1)
    tina = signed_in("tina")
    assert "Fill level of the tanks" in tina.get("/storage").text
    assert 'class="area fill-good" data-of="in stock"' in tina.get("/storage/stock").text
    paper = tina.get("/storage/stock.pdf")
    assert paper.mimetype == "application/pdf" and paper.data.startswith(b"%PDF")
    tina.post("/language", {"language": "uk", "next": "/"})
    assert "Наповнення посудин" in tina.get("/storage").text


def test_a_box_out_of_service_says_so_before_anything_is_scanned(signed_in, world: World) -> None:
    home = box(world)
    world.do("tina", "take_out_of_service", unit=home, reason="A wall is cracked")
    page = signed_in("tina").get(f"/storage/fill/{home}").text
    assert 'data-stopped="Box A is out of service: A wall is cracked"' in page
    status, said = send(
        signed_in("tina"),
        f"/storage/fill/{home}",
        mode="put",
        given={"vials": list(frozen_lot(world, vials=1).vials), "positions": ["A1"]},
    )
    assert status == 409 and [one["code"] for one in said["refusals"]] == ["STORAGE_OUT_OF_SERVICE"]


def test_the_wrong_person_is_told_before_the_first_scan_of_a_count(signed_in, world: World) -> None:
    lot = stored_lot(world, vials=2)
    world.do("tina", "count_box", box=lot.box, vials=[lot.vials[0]])
    assert 'data-stopped=""' not in signed_in("tina").get(f"/storage/fill/{lot.box}?mode=again").text
    assert 'data-stopped=""' not in signed_in("taras").get(f"/storage/fill/{lot.box}?mode=count").text
    assert 'data-stopped=""' in signed_in("taras").get(f"/storage/fill/{lot.box}?mode=again").text


def test_two_lots_in_one_box_stand_apart_by_a_letter_and_what_is_not_released_is_told(signed_in, world: World) -> None:
    first, second = released_lot(world, vials=2), frozen_lot(world, vials=1)
    tina = signed_in("tina")
    assert "spot-lot" not in tina.get(f"/record/{first.box}").text
    given = {"vials": list(second.vials), "positions": ["B5"]}
    status, said = send(tina, f"/storage/fill/{first.box}", mode="put", key=first.box, given=given)
    assert status == 200 and [one["code"] for one in said["result"]["warnings"]] == ["LOT_NOT_RELEASED"]
    page = tina.get(f"/record/{first.box}").text
    for letter, lot in zip("AB", sorted([first.code, second.code]), strict=True):
        assert f'<b class="spot-lot">{letter}</b> lot {lot}' in page
    assert "is not released stand in this box" in page
    assert "spot-lot" not in tina.get(f"/storage/fill/{first.box}?mode=count").text
