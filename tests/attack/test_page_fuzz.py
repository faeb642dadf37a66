"""Whatever is sent to a page, it is never an error of the program.

The addresses come from the application's own map; the names of what they read from the code that reads it and from the
forms that they show: a new page is attacked without a word here. Schemathesis does the same to the API (tests/api).
"""

import inspect
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from cellbank import create_app
from cellbank.services.acts import REGISTRY
from tests.attack.patient import patient_app
from tests.attack.size import sized
from tests.factories.world import World
from tests.web.conftest import Browser

__all__ = ["patient_app"]

EXAMPLES = sized(8, 160)
PEOPLE = ("tina", "quinn", "clara", "ada", "otto")
LEAVES = {"web.sign_out", "web.lock", "web.sign_in", "web.unlock", "web.change_password", "web.second_factor"}
NASTY = (
    "a\0b", "\0", "\x1b[31m", "\x1d", "\x7f", "", " ", "x" * 5000, "x" * 200_000, "9" * 30, "-1", "0", "1e999", "NaN",
    "\u202eabc", "😀", "'; DROP TABLE act; --", "%s %(x)s {0}", "../../etc/passwd", "//elsewhere.example/", "http://[",
    "2026-13-45", "0001-01-01T00:00", "9999-12-31T23:59:59+14:00", "A999926000001000001", "true", "null", "\r\nX: y",
    "<script>", "DR" + "9" * 20, "İıß\u0301", "\ud800", "=", "a=b=c", "add:x", "²", "١٢", "second.name",
)  # fmt: skip
WITH_CODES = (
    "donor", "donation", "lot", "vial", "storage_unit", "subject", "dose", "deviation", "definition", "shipment",
)  # fmt: skip
EVERYWHERE = ("a\0b", "x" * 5000)  # first, once in all fields
JSON = (
    b"null", b"[]", b"17", b'"x"', b"{", b"", b"\xff\xfe", b"NaN", b"[" * 5000, b'{"code": null}', b'{"code": ["x"]}',
    b'{"code": "a\\u0000b"}', b'{"code": "\\ud800"}', b'{"mode": [], "given": {}}', b'{"mode": "put", "given": []}',
    b'{"mode": "put", "key": "a\\u0000b", "given": {}}', b'{"mode": "put", "key": {}, "given": {"vials": {"a": 1}}}',
    b'{"mode": "check", "look": true, "given": {"vials": "x", "happened_at": "9999-12-31T23:59"}}',
    b'{"header": "x", "act": 1, "proof": null}', b'{"mode": "put", "given": {"\\u0000": "\\udfff"}}', b"1" * 5000,
)  # fmt: skip
READS = re.compile(r"""(?:args|form|files|values)\.(?:get|getlist)\(\s*["']([\w.]+)["']""")
SHOWN = re.compile(r'name="([^"]{1,60})"')


def _routes() -> list[tuple[str, str]]:
    rules = create_app_map().iter_rules()
    pages = (rule for rule in rules if rule.endpoint.startswith("web.") and rule.endpoint != "web.static")
    return sorted({(rule.endpoint, method) for rule in pages for method in rule.methods & {"GET", "POST"}})


def create_app_map() -> Any:
    """The map of addresses, of an application that has no database behind it."""
    from types import SimpleNamespace

    nobody = SimpleNamespace(
        config=SimpleNamespace(
            secret_key="x" * 40,
            secure_cookies=False,
            language="en",
            timezone="UTC",
            host="127.0.0.1",
            hosts=(),
            proxies=(),
        )
    )
    return create_app(nobody).url_map  # type: ignore[arg-type]


class Attacker:
    """One person's browser, and dice."""

    def __init__(self, app: Flask, world: World, dice: random.Random):
        self.app, self.world, self.dice = app, world, dice
        self.codes = _codes(world)

    def browser(self, name: str | None) -> Browser:
        made = Browser(self.app.test_client())
        if name is not None:
            assert made.enter(name).status_code == 302
            made.get("/")
        return made

    def address(self, endpoint: str) -> str:
        """One of the addresses of an endpoint, with a real code or with anything at all in its places."""
        rule = self.dice.choice([rule for rule in self.app.url_map.iter_rules(endpoint)])
        placed = {name: self.part(name, type(converter).__name__) for name, converter in rule._converters.items()}
        with self.app.test_request_context():
            return self.app.url_map.bind("localhost").build(endpoint, placed, force_external=False)

    def part(self, name: str, converter: str) -> Any:
        if converter == "IntegerConverter":
            return self.dice.choice((0, 1, 7, 10**9, 10**30))
        if name == "name" and self.dice.random() < 0.8:
            return self.dice.choice(sorted(REGISTRY))
        short = [one for one in NASTY if one and len(one) < 9000 and one.isascii()]
        return self.dice.choice(self.codes if self.dice.random() < 0.7 else short)

    def fields(self, endpoint: str, page: str, everywhere: str | None) -> dict[str, list[str]]:
        """Something for half of what the address reads or shows, once or twice; or one thing for all of it."""
        names = {*_read_by(self.app, endpoint), *SHOWN.findall(page)} - {"csrf_token", "viewport", "csrf-token"}
        if everywhere is not None:
            return {name: [everywhere] for name in names}
        chosen = [name for name in sorted(names) if self.dice.random() < 0.6]
        return {name: [self.value(name) for _ in range(self.dice.choice((1, 1, 1, 2)))] for name in chosen}

    def value(self, name: str) -> str:
        if name == "intent" and self.dice.random() < 0.8:
            return self.dice.choice(("check", "do", "confirm", "add:vials", "add:\0"))
        if self.dice.random() < 0.3:
            return self.dice.choice(self.codes)
        return self.dice.choice(NASTY).encode("utf-8", "replace").decode()


def _codes(world: World) -> list[str]:
    """A code of each kind that this bank has by now."""
    from sqlalchemy import text

    with world.installation.reads.connect() as connection:
        rows = (connection.scalar(text(f"SELECT code FROM {table} ORDER BY id LIMIT 1")) for table in WITH_CODES)
        return [code for code in rows if code]


def _read_by(app: Flask, endpoint: str) -> Iterator[str]:
    module = inspect.getmodule(inspect.unwrap(app.view_functions[endpoint]))
    assert module is not None
    for found in READS.finditer(inspect.getsource(module)):
        yield found[1]
    yield from ("key", "code", "second.name", "second.password", "password", "box", "dose", "q", "page")


@pytest.fixture(scope="module")
def attacker(patient_app: Flask, world: World) -> Iterator[Attacker]:
    made = Attacker(patient_app, world, random.Random(20261129))
    yield made
    for name in PEOPLE:
        made.browser(name)  # whoever proves a password has no wrong ones behind them any more


@pytest.mark.parametrize(("endpoint", "method"), _routes())
def test_no_page_fails(attacker: Attacker, tried: Callable[..., None], endpoint: str, method: str) -> None:
    tried(2 * EXAMPLES)
    attacker.dice.seed(f"{endpoint} {method}")
    browsers = {name: attacker.browser(name) for name in (None, attacker.dice.choice(PEOPLE), "tina")}
    for number in range(EXAMPLES):
        name = attacker.dice.choice(list(browsers))
        address = attacker.address(endpoint)
        shown = browsers[name].get(address)
        assert shown.status_code < 500, address
        everywhere = EVERYWHERE[number] if number < len(EVERYWHERE) else None
        sent = attacker.fields(endpoint, shown.text if shown.mimetype == "text/html" else "", everywhere)
        if method == "GET":
            answer = browsers[name].get(address, query_string=_short(sent))
        elif number % 3 == 2:
            body = attacker.dice.choice(JSON)
            headers = {"X-CSRFToken": browsers[name].token, "Accept": "application/json"}
            answer = browsers[name].client.post(address, data=body, content_type="application/json", headers=headers)
        else:
            answer = browsers[name].post(address, sent)
        assert answer.status_code < 500, (name, address, {key: [v[:40] for v in value] for key, value in sent.items()})
        if endpoint in LEAVES:
            browsers = {one: attacker.browser(one) for one in browsers}


def _short(sent: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [value[:2000] for value in values] for name, values in sent.items()}
