"""At the tank: a box of 81 filled without touching the mouse, a network cut, a spilled box, a pick, and a tank that is
lost. All scans are key events as a scanner sends them."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route

from cellbank.domain.identifiers import command_code
from tests.browser.cold_store import UNIT, frozen_vials, new_box, standing, take
from tests.browser.stage import Stage
from tests.browser.station import Station

# Every vial below a unit: in which place of it, in which box and at which position.
PLACES = """WITH RECURSIVE unit(id, path) AS (
      SELECT id, ''::text FROM storage_unit WHERE code = :unit
      UNION ALL SELECT s.id, u.path || '/' || s.place FROM storage_unit s JOIN unit u ON s.parent_id = u.id)
    SELECT v.code, u.path, p.position FROM placement p JOIN unit u ON u.id = p.box_id JOIN vial v ON v.id = p.vial_id
     WHERE p.taken_at IS NULL ORDER BY v.code"""
VIAL_IN = f"SELECT min(there.code) FROM ({PLACES}) there"


@pytest.fixture(scope="module")
def frozen(stage: Stage) -> Iterator[str]:
    return frozen_vials(stage, 120)


def recorded(station: Station, count: int) -> None:
    """The page says that so many scans are recorded, and that none waits."""
    for part, shown in (("done", count), ("waiting", 0)):
        station.page.locator(f"[data-{part}]").get_by_text(str(shown), exact=True).wait_for()


def of_another_kind(route: Route) -> None:
    """What the server doubts, as if it were something else."""
    answer = route.fetch()
    said = answer.text().replace("after their freezing began", "before their freezing run ended")
    route.fulfill(response=answer, body=said)


def cursor(station: Station) -> str:
    return station.page.locator("[data-cursor]").inner_text()


def test_what_can_hardly_be_is_asked_at_the_box_and_answered_there(
    station, stage: Stage, frozen: Iterator[str]
) -> None:
    """Told for a moment at which the freezer had hardly begun: the page asks why that is right, and sends it again."""
    box, vials = new_box(stage, 2, 2), take(frozen, 3)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}")
    olena.page.locator(".earlier summary").click()
    olena.page.evaluate(
        """zone => { const at = new Date().toLocaleString("sv", { timeZone: zone }).replace(" ", "T");
            document.getElementById("fill-happened").value = at; }""",
        str(stage.installation.zone),
    )
    olena.scan(vials[0])
    olena.page.locator("[data-doubt]").wait_for()
    olena.sees("after their freezing began")
    assert standing(stage, box) == []
    olena.page.locator("#fill-doubt").fill("A test does not wait")
    olena.keys("Enter")
    recorded(olena, 1)
    olena.scan(vials[1])  # the answer holds for the same doubt
    recorded(olena, 2)
    olena.page.locator(".earlier summary").click()  # what goes along with later scans stays in sight
    assert olena.page.locator("#fill-happened").is_visible()
    olena.page.route("**/storage/fill/**", of_another_kind, times=1)
    olena.scan(vials[2])  # and for no other one
    olena.sees("before their freezing run ended")
    olena.page.locator("[data-doubt]").wait_for()
    assert olena.page.locator("#fill-doubt").input_value() == ""
    assert standing(stage, box) == list(enumerate(vials[:2], start=1))


def test_a_box_of_81_is_filled_without_touching_the_mouse(station, stage: Stage, frozen: Iterator[str]) -> None:
    box, vials = new_box(stage, 9, 9), take(frozen, 81)
    olena = station("olena")
    olena.scan_to(box, f"/record/{box}")
    olena.tab_to(olena.page.locator(f'main a[href="/storage/fill/{box}"]'))
    olena.keys("Enter")
    olena.arrives("/storage/fill/")
    assert (olena.focus(), cursor(olena)) == ("fill-scan", "A1")
    olena.scan_all(vials)
    recorded(olena, 81)
    assert standing(stage, box) == list(enumerate(vials, start=1))
    assert cursor(olena) == "–"
    olena.sees("No position is free.")
    spare = next(frozen)
    olena.scan(spare)
    olena.sees("No position is free.")
    assert stage.state("vial", spare) == "FROZEN"


def cut(route: Route) -> None:
    """Pages still come, but nothing that is sent arrives."""
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def test_nothing_is_lost_when_the_network_is_cut(station, stage: Stage, frozen: Iterator[str]) -> None:
    box, vials = new_box(stage, 2, 4), take(frozen, 6)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}")
    for vial in vials[:2]:
        olena.scan(vial)
    recorded(olena, 2)
    olena.page.route("**/storage/fill/**", cut)
    for vial in vials[2:5]:
        olena.scan(vial)
    olena.sees("The server does not answer.", "not yet sent")
    assert len(standing(stage, box)) == 2 and cursor(olena) == "B2"
    olena.page.once("dialog", lambda dialog: dialog.accept())
    olena.go("/")
    olena.sees("Scans wait to be sent.")
    olena.page.unroute_all()
    olena.go(f"/storage/fill/{box}")
    olena.page.locator("[data-waiting]").get_by_text("0", exact=True).wait_for()
    olena.scan(vials[5])
    olena.page.locator("td.is-done[data-place=B2]").wait_for()
    assert standing(stage, box) == list(enumerate(vials, start=1))
    olena.complaints[:] = [line for line in olena.complaints if "ERR_FAILED" not in line]


def test_what_does_not_belong_here_is_said_and_the_cursor_stays(station, stage: Stage, frozen: Iterator[str]) -> None:
    box, vial = new_box(stage, 2, 2), next(frozen)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}")
    for wrong, said in (
        ("Ф999926000001000001", "Keyboard"),
        (stage.rows("SELECT code FROM lot")[0]["code"], "is no vial"),
    ):
        olena.scan(wrong)
        olena.page.locator("[data-problem]").wait_for()
        assert cursor(olena) == "A1", said
    olena.scan(vial)
    recorded(olena, 1)
    time.sleep(1.1)  # a scanner that reads twice in a second is told apart from a person who scans again
    olena.scan(vial)
    olena.sees("Already in the list")
    assert cursor(olena) == "A2" and standing(stage, box) == [(1, vial)]
    stored = stage.rows("SELECT v.code FROM vial v WHERE v.state = 'IN_STOCK' ORDER BY id LIMIT 1")[0]["code"]
    olena.scan(stored)
    olena.page.locator("td.is-refused[data-place=A2]").wait_for()
    assert standing(stage, box) == [(1, vial)]


def test_a_code_that_stalls_halfway_is_still_one_code(station, stage: Stage, frozen: Iterator[str]) -> None:
    box, vials = new_box(stage, 2, 3), take(frozen, 3)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}")
    for vial, stall in zip(vials, (0, 400, 0), strict=True):
        olena.scan(vial, gap_ms=2, stall_ms=stall)
    recorded(olena, 3)
    assert standing(stage, box) == list(enumerate(vials, start=1))
    olena.go("/")
    olena.scan(vials[1], gap_ms=2, stall_ms=400)
    olena.arrives(f"/record/{vials[1]}")


def test_a_box_out_of_service_takes_no_scan_and_a_scanned_box_is_gone_to(
    station, stage: Stage, frozen: Iterator[str]
) -> None:
    shut, free, vial = new_box(stage, 2, 2), new_box(stage, 2, 3), next(frozen)
    stage.do("olena", "take_out_of_service", unit=shut, reason="The lid is cracked")
    olena = station("olena")
    olena.go(f"/storage/fill/{shut}")
    olena.scan(vial)
    olena.page.locator("[data-problem]", has_text="out of service: The lid is cracked").wait_for()
    assert olena.page.locator("[data-waiting]").inner_text() == "0"
    olena.scan_to(free, f"/storage/fill/{free}")
    olena.scan(vial)
    recorded(olena, 1)
    assert (standing(stage, shut), standing(stage, free)) == ([], [(1, vial)])


def test_a_box_that_is_closed_meanwhile_and_a_stranger_are_refused_where_they_were_scanned(
    station, stage: Stage, frozen: Iterator[str]
) -> None:
    box, vials = new_box(stage, 2, 2), take(frozen, 3)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}")
    olena.scan(f"{vials[0][:13]}999999")
    olena.page.locator("td.is-refused[data-place=A1]").wait_for()
    olena.sees("999999")
    olena.scan(vials[0])  # the hand has not moved: the same position
    olena.page.locator("td.is-done[data-place=A1]").wait_for()
    stage.do("andriy", "take_out_of_service", unit=box, reason="The lid is cracked")
    olena.scan(vials[1])
    olena.page.locator("td.is-refused[data-place=A2]").wait_for()
    olena.page.locator("[data-problem]", has_text="The lid is cracked").wait_for()
    assert standing(stage, box) == [(1, vials[0])] and stage.state("vial", vials[1]) == "FROZEN"


def test_a_spilled_box_is_scanned_again_and_each_difference_gets_its_reason(
    station, stage: Stage, frozen: Iterator[str]
) -> None:
    box, vials = new_box(stage, 1, 4), take(frozen, 3)
    stage.do("olena", "store_vials", box=box, vials=vials)
    olena = station("olena")
    olena.go(f"/storage/fill/{box}?mode=rescan")
    for vial in (vials[1], vials[0], vials[2]):
        olena.scan(vial)
    olena.tab_to(olena.page.locator("[data-finish]"))
    olena.keys("Enter")
    olena.sees("Each difference needs its reason", "moved")
    for field in olena.page.locator("[data-lines] input").all():
        field.fill("The box fell and was filled again")
    olena.page.locator("#fill-seconds").fill("25")
    olena.keys("Enter")
    olena.arrives("/done/")
    assert standing(stage, box) == [(1, vials[1]), (2, vials[0]), (3, vials[2])]
    olena.scan_to(vials[0], f"/record/{vials[0]}")
    olena.sees("Time out of the cold")
    lifted = stage.rows(
        "SELECT in_at - out_at AS long FROM warming_event w JOIN storage_unit u ON u.id = w.unit_id "
        "WHERE u.code = :box",
        box=box,
    )
    assert [row["long"].seconds for row in lifted] == [25]


def test_a_wrong_box_at_the_tank_stops_with_a_sound_of_its_own(station, stage: Stage) -> None:
    dose = stage.dose("EXP-13", state="ORDERED")["code"]
    vial = stage.vials(dose, "RESERVED")[0]
    home = stage.rows(
        "SELECT u.code FROM placement p JOIN vial v ON v.id = p.vial_id JOIN storage_unit u ON u.id = "
        "p.box_id WHERE v.code = :vial AND p.taken_at IS NULL",
        vial=vial,
    )[0]["code"]
    olena = station("olena")
    olena.go(f"/storage/pick/{dose}")
    olena.sees("s in the open")
    olena.scan(new_box(stage, 3, 3))
    olena.sees("STOP", "This box holds no vial of the list.")
    assert olena.page.locator("body").get_attribute("data-sound") == "stop"
    olena.keys("Enter")
    olena.page.locator("#pick-box").wait_for()
    olena.scan(home)
    olena.page.locator("#pick-vial").wait_for()
    before = stage.vials(dose, "PICKED")
    olena.scan(olena.page.locator(".pick-now .code-text").inner_text().replace(" ", ""))
    olena.page.wait_for_url(lambda url: "box=" in url)
    assert len(stage.vials(dose, "PICKED")) == len(before) + 1


def test_a_tank_is_lost_and_everything_in_it_relocated(station, stage: Stage) -> None:
    tank, spare = stage.one(UNIT, name="Tank 1"), stage.one(UNIT, name="Tank 2 (spare)")
    before, vial = stage.rows(PLACES, unit=tank), stage.one(VIAL_IN, unit=tank)
    assert len(before) > 200 and stage.rows(PLACES, unit=spare) == []
    olena = station("olena")
    olena.scan_to(tank, f"/record/{tank}")
    olena.scan_to(command_code("report_storage_failure"), "/act/report_storage_failure")
    assert olena.field("unit").input_value() == tank
    olena.fill(reason="No nitrogen since the night, the lid is warm")
    olena.submit()
    olena.done("report_storage_failure")
    olena.scan_to(tank, f"/record/{tank}")
    olena.sees("Failed")
    assert "/act/relocate_unit" in olena.page.locator(".next-acts a").first.get_attribute("href")
    olena.scan_to(command_code("relocate_unit"), "/act/relocate_unit")
    olena.scan(spare)
    olena.fill(reason="Moved into the spare tank at once")
    olena.submit()
    olena.done("relocate_unit")
    assert (stage.rows(PLACES, unit=tank), stage.rows(PLACES, unit=spare)) == ([], before)
    olena.scan_to(vial, f"/record/{vial}")
    olena.sees("Cryo room › Tank 2 (spare) › Rack")
