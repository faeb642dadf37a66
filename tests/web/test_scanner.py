"""A scanner in a real browser: bursts, doubles, a queue, the lock over a half-filled form."""

import os
import re
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, Playwright, expect, sync_playwright
from werkzeug.serving import make_server

from tests.browser.stage import FLAGS, chromium_program
from tests.browser.station import Profile
from tests.factories.lots import frozen_lot
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.browser
CHROMIUM = chromium_program()
if not CHROMIUM and not os.environ.get("CELLBANK_REQUIRE_ALL"):
    pytest.skip("Chromium is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """The application, served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playing:
        yield playing


@pytest.fixture(scope="module")
def tinas(playwright: Playwright, address: str) -> Iterator[tuple[Profile, list]]:
    """The profile of a browser, and the cookies of Tina."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    profile = Profile(browser, address)
    page = profile.context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#name", "tina")
    page.fill("#password", PASSWORD)
    page.click("button.btn-big")
    expect(page.locator("#scanbox")).to_be_visible()
    kept = profile.context.cookies()
    profile.forget()
    yield profile, kept
    browser.close()


@pytest.fixture
def page(tinas: tuple[Profile, list]) -> Iterator[Page]:
    """A fresh window of Tina's; an error in a script fails the test."""
    profile, kept = tinas
    profile.context.add_cookies(kept)
    page = profile.context.new_page()
    page.set_viewport_size({"width": 1024, "height": 768})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    profile.forget()
    assert not errors


@pytest.fixture
def donor(world: World) -> str:
    return str(world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)["code"])


BURST = """code => {
  for (const key of [...code, "Enter"]) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    if (document.activeElement.dispatchEvent(event) && key !== "Enter") document.execCommand("insertText", false, key);
  }
}"""


def scan(page: Page, code: str) -> None:
    """What a wedge scanner does: keys without a pause, then Enter. Sent inside the page, so that a busy computer does
    not make pauses that a scanner never makes; nobody scans within a moment of typing."""
    page.wait_for_timeout(400)
    page.evaluate(BURST, code)


def test_a_scan_anywhere_opens_the_record(page: Page, donor: str) -> None:
    page.goto("/acts")
    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    scan(page, donor)
    expect(page).to_have_url(re.compile(f"/record/{donor}"))


def test_a_scan_with_the_focus_on_a_button_presses_nothing(page: Page, donor: str) -> None:
    page.goto("/list/lots")
    page.locator("summary").first.focus()
    scan(page, donor)
    expect(page).to_have_url(re.compile(f"/record/{donor}"))


def test_a_scan_while_a_number_is_typed_leaves_the_number_alone(page: Page, donor: str) -> None:
    page.goto("/act/record_consent")
    page.locator("#f-version").press_sequentially("3.1", delay=120)
    scan(page, donor)
    expect(page.locator("#f-version")).to_have_value("3.1")
    expect(page.locator("#f-donor")).to_have_value(donor)


def test_a_code_that_the_form_does_not_take_leaves_it_only_when_scanned_again(page: Page, donor: str) -> None:
    page.goto("/act/register_donor")
    page.locator("#f-pseudonym").press_sequentially("half", delay=120)
    scan(page, donor)
    expect(page.locator("#notice")).to_contain_text("does not belong in this form")
    expect(page.locator("#f-pseudonym")).to_have_value("half")
    page.wait_for_timeout(1100)
    scan(page, donor)
    expect(page).to_have_url(re.compile(f"/record/{donor}"))


def test_typing_by_hand_is_typing(page: Page) -> None:
    page.goto("/act/register_donor")
    page.locator("#f-pseudonym").press_sequentially("DR00019", delay=120)
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator("#f-pseudonym")).to_have_value("DR00019")


def test_vials_go_into_the_list_once_each(page: Page, world: World) -> None:
    lot = frozen_lot(world, vials=4)
    page.goto("/act/store_vials")
    for vial in (*lot.vials, lot.vials[0]):
        scan(page, vial)
    expect(page.locator(".scan-chips li")).to_have_count(4)
    expect(page.locator("#notice")).to_contain_text("Already in the list")
    page.locator(".scan-chips button").first.click()
    expect(page.locator("[data-count]")).to_have_text("3")


def test_a_double_scan_is_one_request(page: Page, donor: str) -> None:
    page.goto("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/scan?" in request.url else None)
    page.evaluate(f"code => {{ const burst = {BURST}; burst(code); burst(code); }}", donor)
    expect(page).to_have_url(re.compile(f"/record/{donor}"))
    page.wait_for_timeout(300)
    assert len(asked) == 1


def test_a_scan_while_the_next_page_loads_is_not_lost(page: Page, donor: str, world: World) -> None:
    other = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1990)["code"]
    page.goto("/")
    page.evaluate(f"codes => {{ const burst = {BURST}; codes.forEach(burst); }}", [donor, other])
    expect(page).to_have_url(re.compile(f"/record/{other}"))


def test_the_lock_keeps_the_form_and_another_person_goes_on(page: Page, address: str) -> None:
    page.goto("/sign-in")
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.fill("#name", "tina")
    page.fill("#password", PASSWORD)
    page.click("button.btn-big")
    page.goto("/act/register_donor")
    page.fill("#f-pseudonym", "half-filled")
    page.locator("#who").click()
    page.locator("form[data-lock] button").click()
    overlay = page.locator("#lock-overlay")
    expect(overlay).to_be_visible()
    page.keyboard.press("Escape")
    expect(overlay).to_be_visible()
    page.fill("#lock-name", "taras")
    page.fill("#lock-password", "wrong wrong wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#lock-problem")).to_contain_text("Wrong name or password")
    page.fill("#lock-password", PASSWORD)
    page.keyboard.press("Enter")
    expect(overlay).to_be_hidden()
    expect(page.locator("#f-pseudonym")).to_have_value("half-filled")
    expect(page.locator("[data-full-name]").first).to_have_text("Taras Technician")
    page.fill("#f-birth_year", "1890")
    page.locator("button[value=do].btn-big").click()
    expect(page.locator("#problem-birth_year")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/list/lots", "/act/passage_culture", "/acts", "/storage"])
def test_no_page_is_wider_than_a_tablet(page: Page, path: str) -> None:
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_every_button_is_large_enough_for_a_glove(page: Page, donor: str) -> None:
    page.goto(f"/record/{donor}")
    sizes = page.evaluate("[...document.querySelectorAll('.btn')].filter(b => b.offsetParent).map(b => b.offsetHeight)")
    assert sizes and min(sizes) >= 44
