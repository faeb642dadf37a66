"""Whatever stands in the head of a request, it is never an error of the program: the framework reads dates, ranges,
languages and cookies by itself, of files too.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from tests.attack.patient import patient_app
from tests.attack.size import sized
from tests.attack.test_page_fuzz import Attacker
from tests.factories.world import World

__all__ = ["patient_app"]

NAMES = (
    "HTTP_DATE", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_RANGE", "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH", "HTTP_AUTHORIZATION", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_CHARSET",
    "HTTP_ACCEPT_ENCODING", "HTTP_COOKIE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING",
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_CACHE_CONTROL",
    "HTTP_PRAGMA", "HTTP_MAX_FORWARDS", "HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE",
    "HTTP_X_CSRFTOKEN", "HTTP_CELLBANK_SITE", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_REQUESTED_WITH", "HTTP_HOST",
)  # fmt: skip
DATES = (
    "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 GMT",
    "Mon, 01 Jan 2024 00:00:00 +99999999999999", "Mon, 01 Jan 2024 00:00:00 -" + "9" * 400, "Mon Jan 1 00:00:00 0000",
    "Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 99 Jan 2024 99:99:99 GMT", "Sat, 01 Jan 2000 00:00:00 +0000 (",
    "Mon, ² Jan 2024 00:00:00 GMT", "Mon, 01 Jan " + "9" * 4400 + " 00:00:00 GMT",
)  # fmt: skip
VALUES = (
    *DATES, "9" * 5000, "²", "-1", "+1", "1_0", "1e999", "", " ", "*", '"', '"\xff"', 'W/"a', "=;,", "\x00", "\x1f",
    "\x85", "bytes=0-99999999999999999999999999", "bytes=-" + "9" * 5000, "bytes=9-1", "bytes=a-b", "bytes=²-",
    "bytes=0-0,0-0", "bytes=" + ",".join("0-1" for _ in range(1000)), "Basic !!!!", "Basic /w==", "Basic AGE6AGE=",
    "Bearer", "Bearer cb_", "Bearer cb_1.\x00", "Bearer cb_" + "9" * 5000 + ".x", "Digest a=b,c", "Negotiate",
    "en;q=nan,uk;q=inf", "en;q=1e999", "en-" + "a" * 3000, "uk_UA;q=0.5", "*;q=-1", "a=b;" * 5000, 'a="\\777"',
    'a="\\', "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\x00",
    "text/html; charset=rot13", "application/json; charset=idna", "application/x-www-form-urlencoded; charset=utf-7",
    "text/plain; a*0=b; a*2=c", "text/plain; a*=utf-8''%ff%fe", "for=[::1]:99999;proto=x", "[::1", "localhost:²",
    "chunked", "a" * 70_000, "max-age=²", "max-age=" + "9" * 5000, "session=.eJw; session=\x00",
    "cellbank_desk=" + "9" * 5000, "cellbank_desk=\xff", "remember_token=1|x", "http://[", "javascript:x",
)  # fmt: skip


def addresses(app: Flask, attacker: Attacker) -> Iterator[str]:
    """Files of every kind, pages, and what programs read; the first one of each kind."""
    yield from ("/static/cellbank.css", "/service-worker.js", "/bedside/alive", "/sign-in", "/")
    yield from ("/api/openapi.json", "/ready")
    named = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and rule.endpoint != "web.static"]
    yield from (attacker.address(rule.endpoint) for rule in named)


def test_no_header_is_an_error_of_the_program(patient_app: Flask, world: World, tried: Callable[..., None]) -> None:
    attacker = Attacker(patient_app, world, random.Random(20261130))
    browser, found = attacker.browser("tina"), []
    every = [(name, value) for name in NAMES for value in VALUES]
    for number, address in enumerate(addresses(patient_app, attacker)):
        some = every if number < 1 else attacker.dice.sample(every, sized(40 if number < 7 else 8, 600))
        tried(len(some))
        for name, value in some:
            answer = browser.client.get(address, environ_overrides={name: value})
            answer.get_data()
            if answer.status_code >= 500:
                found.append((address, name, value[:50]))
        if name == "HTTP_COOKIE":
            browser = attacker.browser("tina")
    assert not found


def test_no_header_of_what_is_sent_is_one_either(patient_app: Flask, world: World, tried: Any) -> None:
    attacker = Attacker(patient_app, world, random.Random(20261201))
    browser, found = attacker.browser("tina"), []
    rules = [rule for rule in patient_app.url_map.iter_rules() if "POST" in rule.methods]
    leaves = {"web.sign_out", "web.lock", "web.sign_in", "web.unlock"}
    for rule in rules:
        if rule.endpoint in leaves:
            continue
        address = attacker.address(rule.endpoint)
        for _ in range(sized(8, 200)):
            name, value = attacker.dice.choice(NAMES), attacker.dice.choice(VALUES)
            headers = {"X-CSRFToken": browser.token}
            answer = browser.client.post(address, data={"key": "a"}, headers=headers, environ_overrides={name: value})
            tried(1)
            if answer.status_code >= 500:
                found.append((address, name, value[:50]))
    assert not found
