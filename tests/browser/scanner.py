"""A scanner that does not wait for the computer: its keys come at its own pace, whether the page keeps up or not.

A `Station` waits for the browser after each key, which makes a dozen codes a second at best. Here every key is sent
when its time has come, into a browser of its own: real key events, queued as the browser queues those of a device.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Page, Route, async_playwright

from tests.browser.stage import FLAGS

# What the page itself sees: when each Enter was sent, and how long it took until the cursor stood on the next position,
# from then and from the moment at which the page began with it.
WATCH = """() => {
  Object.assign(window, { came: [], waits: [], works: [] });
  let begun = 0;
  const heard = (event) => {
    if (event.isTrusted && event.key === 'Enter') { came.push(event.timeStamp); begun = performance.now(); }
  };
  const ready = () => { waits.push(performance.now() - came.at(-1)); works.push(performance.now() - begun); };
  window.addEventListener('keydown', heard, true);
  new MutationObserver(ready)
    .observe(document.querySelector('[data-cursor]'), { childList: true, characterData: true, subtree: true });
}"""
SETTLED = """count => ['done', 'waiting'].map((part) => document.querySelector(`[data-${part}]`).textContent).join()
  === `${count},0`"""
LIMIT_MS = 60_000
KEY_GAP_S = 0.001  # between two keys of a code
# What may happen to something that is sent.
CUT, ANSWER_LOST, SLOW = "never arrives", "arrives, the answer does not", "takes a second"


@dataclass(frozen=True)
class Pull:
    """What came of the codes: how many a second were sent, how long each took until the page was ready for the next, in
    ms, what of this was the page's own work, and how many of the troubles happened."""

    a_second: float
    waits_ms: list[float]
    works_ms: list[float]
    troubles_met: int


@dataclass(frozen=True)
class Desk:
    """Where the scanner stands: the browser's program, the server, who is signed in there."""

    program: str
    url: str
    name: str
    password: str


def scan_fast(desk: Desk, path: str, codes: Sequence[str], a_second: float, troubles: Sequence[str] = ()) -> Pull:
    """Open the page of a box and scan all codes at this pace; returns when the page says that all are recorded.

    `troubles` happen to what the page sends, one to each of its requests in turn. Raises TimeoutError when something is
    not recorded within a minute.
    """
    with ThreadPoolExecutor(1) as thread:  # a loop of its own: the caller may be inside one
        return thread.submit(asyncio.run, _scan(desk, path, codes, a_second, list(troubles))).result()


async def _scan(desk: Desk, path: str, codes: Sequence[str], a_second: float, troubles: list[str]) -> Pull:
    to_come = list(troubles)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=desk.program, args=list(FLAGS))
        page = await (await browser.new_context(base_url=desk.url)).new_page()
        await _sign_in(page, desk)
        await page.goto(path)
        await page.route("**/storage/fill/**", lambda route: _meet(route, to_come))
        await page.locator("#fill-scan:focus").wait_for()
        await page.evaluate(WATCH)
        await _pull(await page.context.new_cdp_session(page), codes, a_second)
        await page.wait_for_function(SETTLED, arg=len(codes), timeout=LIMIT_MS)
        came, waits, works = await page.evaluate("[came, waits, works]")
        await browser.close()
    return Pull((len(came) - 1) / (came[-1] - came[0]) * 1000, waits, works, len(troubles) - len(to_come))


async def _sign_in(page: Page, desk: Desk) -> None:
    await page.goto("/sign-in")
    await page.fill("#name", desk.name)
    await page.fill("#password", desk.password)
    await page.press("#password", "Enter")
    await page.wait_for_url(lambda url: "/sign-in" not in url)


async def _pull(keyboard: CDPSession, codes: Sequence[str], a_second: float) -> None:
    """Press the keys of each code when its time has come, and only at the end ask what became of them. No page here
    looks at a key that is let go; sending that too would double the driver's work, which is the most of all.

    Each key carries the time at which the scanner sent it, as those of a device do: what the way to the browser takes
    on a busy machine counts as waiting, and does not turn the scanner into a typist.
    """
    begun, sent = time.time(), []
    for number, code in enumerate(codes):
        at = begun + number / a_second
        await asyncio.sleep(at - time.time())
        for place, key in enumerate((*code, "Enter")):
            pressed = {"key": key, "timestamp": at + place * KEY_GAP_S}
            text = {"text": "\r", "code": "Enter", "windowsVirtualKeyCode": 13} if key == "Enter" else {"text": key}
            down = {"type": "keyDown", **pressed, **text}
            sent.append(asyncio.ensure_future(keyboard.send("Input.dispatchKeyEvent", down)))
    await asyncio.gather(*sent)


async def _meet(route: Route, to_come: list[str]) -> Any:
    trouble = to_come.pop(0) if to_come else ""
    if trouble == ANSWER_LOST:
        await route.fetch()
    if trouble in (CUT, ANSWER_LOST):
        return await route.abort()
    if trouble == SLOW:
        await asyncio.sleep(1)
    return await route.continue_()
