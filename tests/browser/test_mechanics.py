"""What must work on every page: one click sends once, scans are neither doubled nor lost, the lock loses nothing."""

import logging
import threading

import pytest
from playwright.sync_api import Request

from cellbank.domain.identifiers import command_code
from cellbank.web import records
from tests.browser.stage import Stage, open_stage

IN_STOCK = "SELECT code FROM vial WHERE state = 'IN_STOCK' ORDER BY id LIMIT 20"
REGISTERED_LAST_BY = """SELECT p.name FROM act a JOIN person p ON p.id = a.person_id
    WHERE a.name = 'register_donor' ORDER BY a.id DESC LIMIT 1"""


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set it to let the server answer scans: until then the next page does not come."""
    set_by_the_test, look_up = threading.Event(), records.look_up
    monkeypatch.setattr(records, "look_up", lambda *given: set_by_the_test.wait(30) and look_up(*given))
    return set_by_the_test


def test_a_double_click_sends_one_form_and_makes_one_record(station, stage: Stage) -> None:
    olena = station("olena")
    olena.go("/act/register_donor")
    olena.fill(pseudonym="PL-900", birth_year="1992")
    sent: list[str] = []
    olena.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    olena.page.locator('[data-act-form] .actions button[value="do"]').dblclick()
    olena.done("register_donor")
    assert len(sent) == 1
    assert stage.one("SELECT count(*) FROM donor WHERE pseudonym = 'PL-900'") == 1


def test_a_form_sent_again_makes_no_second_record(station, stage: Stage) -> None:
    olena = station("olena")
    olena.go("/act/register_donor")
    olena.fill(pseudonym="PL-901", birth_year="1992")
    twice = olena.page.locator("[data-act-form]").evaluate(
        """async form => {
            const sent = new FormData(form), answers = [];
            sent.set("intent", "do");
            for (const _ of [1, 2]) answers.push((await fetch(form.action, {method: "POST", body: sent})).url);
            return answers;
        }"""
    )
    assert "/done/" in twice[0] and twice[0] == twice[1]
    assert stage.one("SELECT count(*) FROM donor WHERE pseudonym = 'PL-901'") == 1


def test_the_same_scan_twice_within_a_second_is_one_scan(station, stage: Stage, answer: threading.Event) -> None:
    vial = stage.rows(IN_STOCK)[0]["code"]
    olena = station("olena")
    asked: list[Request] = []
    olena.page.on("request", lambda request: asked.append(request) if "/scan?" in request.url else None)
    olena.scan(vial)
    olena.scan(vial)
    answer.set()
    olena.arrives(f"/record/{vial}")
    assert len(asked) == 1


def test_the_same_scan_after_a_press_of_a_person_is_another_scan(station, stage: Stage) -> None:
    vial = stage.rows(IN_STOCK)[0]["code"]
    olena = station("olena")
    olena.scan(vial)
    olena.arrives(f"/record/{vial}")
    olena.page.get_by_role("link", name="Home").first.click()
    olena.arrives("/")
    olena.scan(vial)
    olena.arrives(f"/record/{vial}")


def test_no_scan_is_lost_while_a_page_loads(station, stage: Stage, answer: threading.Event) -> None:
    vials = [row["code"] for row in stage.rows(IN_STOCK)]
    olena = station("olena")
    olena.scan(command_code("store_vials"))
    for vial in vials:
        olena.scan(vial)
    answer.set()
    olena.arrives("/act/store_vials")
    olena.page.wait_for_function(
        "count => document.querySelector('[data-count]').textContent === String(count)", arg=20
    )
    assert olena.field("vials").input_value().split() == vials


def test_the_focus_comes_home_to_the_scan_box(station) -> None:
    olena = station("olena")
    olena.page.locator("h1").first.click()
    assert olena.focus() == "scanbox"
    olena.page.locator("summary", has_text="Records").click()
    olena.keys("Escape")
    olena.page.locator("h1").first.click()
    assert olena.focus() == "scanbox"


def test_on_a_phone_the_scan_box_is_as_wide_as_the_screen_and_nothing_lies_beside_it(station) -> None:
    nataliia = station("nataliia", width=390, height=844)
    for path in ("/", "/downtime", "/list/doses"):
        nataliia.go(path)
        assert nataliia.page.locator("#scanbox").bounding_box()["width"] > 300, path
        assert nataliia.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    for menu in nataliia.page.locator(".menus summary").all():
        menu.click()
        panel = nataliia.page.locator(".menu[open] .menu-panel").last.bounding_box()
        assert panel["x"] >= 0 and panel["x"] + panel["width"] <= 390
        menu.click()


def test_the_barcode_of_a_manufacturer_stays_in_its_text_field(station) -> None:
    olena = station("olena")
    olena.go("/act/receive_reagent")
    olena.field("manufacturer_lot").focus()
    olena.scan("MED-77123")
    assert olena.field("manufacturer_lot").input_value() == "MED-77123"
    assert olena.path == "/act/receive_reagent"


def test_an_idle_screen_locks_and_a_colleague_goes_on_with_the_form(station, stage: Stage) -> None:
    olena = station("olena", own=True)  # the clock of a browser is never its own again
    olena.page.clock.install()
    olena.go("/act/register_donor")
    olena.fill(pseudonym="PL-902", birth_year="1990")
    olena.page.clock.fast_forward(60_000 * stage.installation.config.idle_minutes + 10_000)
    olena.page.locator("#lock-overlay[open]").wait_for()
    assert not olena.page.locator("main").is_visible()
    olena.page.locator("#lock-name").fill("andriy")
    olena.page.locator("#lock-password").fill("cellbank-demo")
    olena.keys("Enter")
    olena.page.locator("#lock-overlay:not([open])").wait_for(state="attached")
    assert olena.field("pseudonym").input_value() == "PL-902" and olena.text("#who") == "Andriy Bondar"
    olena.submit()
    olena.done("register_donor")
    assert stage.one(REGISTERED_LAST_BY) == "andriy"


def test_scans_at_a_locked_screen_are_no_wrong_passwords(station, stage: Stage) -> None:
    vial = stage.rows(IN_STOCK)[3]["code"]
    olena = station()
    olena.sign_in("olena")
    olena.page.locator("#who").click()
    olena.page.get_by_role("button", name="Lock or change user").click()
    assert olena.focus() == "lock-password"
    olena.scan(vial)
    assert olena.page.locator("#lock-password").input_value() == ""
    assert stage.count("note_wrong_password") == 0
    olena.page.locator("#lock-password").fill("cellbank-demo")
    olena.keys("Enter")
    olena.arrives(f"/record/{vial}")


def test_the_cookie_of_the_session_is_kept_from_scripts_and_other_sites(station, stage: Stage) -> None:
    olena = station("olena")
    (cookie,) = olena.page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and not cookie["secure"]
    assert olena.page.evaluate("document.cookie") == ""
    with open_stage(stage.installation, secure_cookies=True) as behind_https:
        answer = station().context.request.get(f"{behind_https.url}/sign-in")
    assert "; Secure" in answer.headers["set-cookie"]


def test_an_inline_script_does_not_run_and_would_fail_these_tests(station) -> None:
    olena = station("olena")
    olena.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'owned'";
            document.body.append(script);
        }"""
    )
    olena.page.wait_for_timeout(100)
    assert olena.page.title() != "owned"
    assert len(olena.complaints) == 1 and "Content Security Policy" in olena.complaints.pop()


def test_a_bug_shows_a_number_that_stands_in_the_log(station, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    olena = station("olena")
    monkeypatch.setattr("cellbank.web.home.worklists", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "cellbank.incident"):
        olena.go("/")
    assert olena.page.locator(".incident").inner_text() == caplog.records[0].args[0]
    assert "ZeroDivisionError" not in olena.page.content()
    assert "500" in olena.complaints.pop()
