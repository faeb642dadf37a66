"""A station in the lab or on the ward: a screen, a keyboard, and a scanner that types fast and ends with Enter."""

import re
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Locator, Page, Response

from cellbank.services.acts import REGISTRY
from cellbank.story import PASSWORD
from tests.browser.stage import Stage

SCANNER_GAP_MS = 6  # between two characters of a USB scanner
TYPIST_GAP_MS = 150  # of a person
LIMIT_MS = 20_000
WIDTH, HEIGHT = 1366, 768
HERE = "/static/mark.svg"  # a page of the application that does nothing
# Said by Chromium of every answer from 400 on; refusals are such answers.
ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


class Profile:
    """A browser profile in which one person after another sits down. It remembers nothing of them; but the process that
    draws its pages stays, since a page of the application is open in it all the time."""

    def __init__(self, browser: Browser, url: str):
        self.url = url
        self.context = browser.new_context(base_url=url, viewport={"width": WIDTH, "height": HEIGHT})
        self.context.set_default_timeout(LIMIT_MS)
        self._stays = self.context.new_page()
        self._stays.goto(HERE)
        self._inside = self.context.new_cdp_session(self._stays)

    def forget(self) -> None:
        """As it was before somebody sat down."""
        for page in self.context.pages:
            if page is not self._stays:
                page.close()
        self.context.set_offline(False)
        self.context.clear_cookies()
        # A service worker goes when no page is its own any more: one told to go that stays serves the next test.
        self._stays.goto("about:blank")
        self._inside.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "all"})
        self._stays.goto(HERE)


class Station:
    """One browser window with nobody or one person signed in. `complaints` is what went wrong behind the page."""

    def __init__(self, profile: Profile, stage: Stage, name: str, width: int, height: int):
        self.stage, self.name, self.profile = stage, name, profile
        self.complaints: list[str] = []
        self.context = profile.context
        self._page = self._watch(self.context.new_page())
        if (width, height) != (WIDTH, HEIGHT):
            self._page.set_viewport_size({"width": width, "height": height})
        self._is_new = bool(name)
        if name:
            self.context.add_cookies([stage.cookie(name)])

    @property
    def page(self) -> Page:
        """The window. Whoever is signed in and has gone nowhere yet is at home."""
        if self._is_new:
            self.go("/")
        return self._page

    @cached_property
    def scanner(self) -> CDPSession:
        """What sends its keys, and what else only the browser itself can do."""
        return self.context.new_cdp_session(self.page)

    def _watch(self, page: Page) -> Page:
        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and not ANSWERED.match(message.text):
                self.complaints.append(f"{page.url}: {message.text}")

        def answered(response: Response) -> None:
            if response.status >= 400 and "/static/" in response.url:
                self.complaints.append(f"{response.url} was answered with {response.status}")

        page.on("console", heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", answered)
        return page

    # ---- going and seeing ----

    def go(self, path: str) -> int:
        """Open a page of the application; returns the status of the answer."""
        self._is_new = False
        answer = self._page.goto(path)
        assert answer is not None
        return answer.status

    @property
    def path(self) -> str:
        """Where the window is, without host and query."""
        return self.page.url.removeprefix(self.stage.url).partition("?")[0]

    def sees(self, *texts: str) -> None:
        """Every text stands on the page, or comes to stand there in a moment."""
        for wanted in texts:
            self.page.get_by_text(wanted).locator("visible=true").first.wait_for()

    def until(self, script: str, given: Any = None) -> None:
        """Wait until an async function of the page answers yes. (Playwright's own waiting takes the promise for it.)"""
        end = time.monotonic() + LIMIT_MS / 1000
        while not self.page.evaluate(script, given):
            assert time.monotonic() < end, script
            self.page.wait_for_timeout(100)

    def text(self, selector: str = "main") -> str:
        """What a part of the page says, with spaces made single."""
        return " ".join(self.page.locator(selector).inner_text().split())

    def focus(self) -> str:
        """The id of what has the focus."""
        return self.page.evaluate("document.activeElement.id")

    # ---- keyboard and scanner ----

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def types(self, text: str) -> None:
        """Type as a person does, slower than any scanner: the keys carry such times, and nobody waits for them."""
        begun = time.time() - len(text) * TYPIST_GAP_MS / 1000
        for number, key in enumerate(text):
            self._press({"key": key, "timestamp": begun + number * TYPIST_GAP_MS / 1000}, {"text": key})

    def _press(self, pressed: dict[str, Any], text: dict[str, Any]) -> None:
        self.scanner.send("Input.dispatchKeyEvent", {"type": "keyDown", **pressed, **text})
        self.scanner.send("Input.dispatchKeyEvent", {"type": "keyUp", **pressed})

    def scan(self, code: str, gap_ms: float = SCANNER_GAP_MS, stall_ms: float = 0) -> None:
        """Pull the trigger of the scanner, wherever the focus is; does not wait for what comes of it.

        The keys carry the times at which a scanner sends them, so that a busy machine does not turn it into a typist.
        A scanner on a bad radio link stalls halfway through the code.
        """
        at = time.time()
        for number, key in enumerate([*code, "Enter"]):
            stalled = stall_ms if number > len(code) // 2 else 0
            pressed = {"key": key, "timestamp": at + (number * gap_ms + stalled) / 1000}
            text = {"text": "\r", "windowsVirtualKeyCode": 13, "code": "Enter"} if key == "Enter" else {"text": key}
            self._press(pressed, text)

    def scan_all(self, codes: Sequence[str]) -> None:
        """Code after code, as fast as the driver presses keys: one call for all of them."""
        self.page.keyboard.type("".join(f"{code}\n" for code in codes))

    def scan_to(self, code: str, path: str) -> None:
        """Scan, and wait for the page to which it leads."""
        self.scan(code)
        self.arrives(path)

    def arrives(self, path: str) -> None:
        """Wait for a page: the beginning of its path."""
        self.page.wait_for_url(lambda url: url.removeprefix(self.stage.url).startswith(path))
        self.page.wait_for_load_state()

    def tab_to(self, target: Locator, most: int = 80) -> None:
        """Press Tab until the target has the focus, as somebody without a mouse does."""
        for _ in range(most):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} is not reached with {most} tabs")

    def choose(self, act: str) -> None:
        """Go to the button of an act with Tab and press Enter."""
        self.tab_to(self.page.locator(f'main a[href^="/act/{act}"]').locator("visible=true").first)
        self.keys("Enter")
        self.arrives(f"/act/{act}")

    # ---- people and forms ----

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Name, Tab, password, Enter."""
        self.go("/sign-in")
        self.page.locator("#name:focus").wait_for()
        self.page.keyboard.type(name)
        self.keys("Tab")
        self.page.keyboard.type(password)
        self.keys("Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def field(self, name: str) -> Locator:
        """An input of the form of an act, by the name of the field."""
        return self.page.locator(f'[data-act-form] [name="{name}"]').first

    def fill(self, **values: Any) -> None:
        """Fill in fields of the form of an act; `a__b` is the field a.b; a choice is given by its value."""
        for name, value in values.items():
            name = name.replace("__", ".")
            field = self.field(name)
            kind = field.evaluate("field => field.tagName + ' ' + field.type")
            if kind == "INPUT radio":
                self.page.locator(f'[data-act-form] [name="{name}"][value="{value}"]').check()
            elif kind == "INPUT file":
                field.set_input_files(value)
            elif kind.startswith("SELECT"):
                field.select_option(value)
            else:
                field.fill(str(value))

    def sign(self, password: str = PASSWORD) -> None:
        """Fill in what a signature asks for: at the first one of a session the sign-in name as well."""
        name = self.page.locator("#f-signer")
        if name.count():
            assert name.input_value() == ""
            name.fill(self.name)
        self.fill(password=password)

    def press(self, name: str) -> None:
        """Press a button of the page and wait for the answer to stand there."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()

    def check(self) -> None:
        """Ask for the verdict without doing anything."""
        self.press("Check first")

    def submit(self) -> None:
        """Do the act of the form."""
        with self.page.expect_navigation():
            self.page.locator('[data-act-form] .actions button[value="do"]').click()

    def done(self, act: str, warned: bool = False) -> None:
        """The act was accepted, with a warning or without one; the page says so by its title."""
        self.sees(f"Done{', with a warning' if warned else ''}: {REGISTRY[act].title}")

    @property
    def reasons(self) -> list[str]:
        """The codes of the refusals on the page of an act, in their order."""
        return self.page.locator(".reasons .reason-code").all_inner_texts()
