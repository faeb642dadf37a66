"""What a form or a file does not tell is asked on the page, and each answer is one click."""

import datetime
import html
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cellbank.services.acts import REGISTRY
from cellbank.web.forms import Field, fields_of
from cellbank.web.reading import doubtful_times
from tests.factories.temperature import probe, sent
from tests.factories.world import World

KYIV = ZoneInfo("Europe/Kyiv")
TWICE, NEVER = "2025-10-26T03:30", "2025-03-30T03:30"
DEVIATION = {"title": "The alarm at night", "description": "The lid stood open.", "classification": "minor"}


def moments(fields: tuple[Field, ...], prefix: str = "") -> Iterator[str]:
    """The path of every time that a form asks for."""
    for item in fields:
        path = prefix + item.name
        if item.kind == "moment":
            yield path
        elif item.kind in ("group", "rows"):
            yield from moments(item.fields, f"{path}." if item.kind == "group" else f"{path}.0.")


EVERY = [(name, path) for name, act in REGISTRY.items() for path in moments(fields_of(act.input))]


def test_there_are_times_to_ask_for() -> None:
    assert len(EVERY) > 20


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(("name", "path"), EVERY)
def test_every_time_of_every_form_is_asked_where_the_clock_showed_it_twice_or_never(name: str, path: str) -> None:
    for typed, answers in (
        (TWICE, ["2025-10-26T03:30:00+03:00", "2025-10-26T03:30:00+02:00"]),
        (NEVER, ["2025-03-30T02:30:00+02:00", "2025-03-30T04:30:00+03:00"]),
    ):
        (asked,) = doubtful_times(fields_of(REGISTRY[name].input), {path: [typed]}, KYIV)
        assert asked.field == path and asked.asks is not None and asked.asks.field == path
        assert [choice.value for choice in asked.asks.choices] == answers
        for answer in answers:
            assert not list(doubtful_times(fields_of(REGISTRY[name].input), {path: [answer]}, KYIV))


def offered(page: str) -> list[str]:
    """The answers that the page offers, each as a button of the form."""
    return [html.unescape(one) for one in re.findall(r'form="act-form" name="answer" value="([^"]+)"', page)]


def posted(browser: Any, name: str, **values: str) -> Any:
    """Post a form as the browser does, with the key of its page."""
    key = re.search(r'name="key" value="([^"]+)"', browser.get(f"/act/{name}").text)
    assert key is not None
    return browser.post(f"/act/{name}", {"key": key[1], "intent": "do", **values})


@pytest.mark.requirement("R21")
def test_an_hour_that_came_twice_is_asked_and_one_click_answers(signed_in, world: World) -> None:
    tina = signed_in("tina")
    page = posted(tina, "open_deviation", occurred_at=TWICE, **DEVIATION)
    assert page.status_code == 422 and "came twice in Europe/Kyiv" in page.text
    assert "2025-10-26 03:30 UTC+03:00" in page.text and "2025-10-26 03:30 UTC+02:00" in page.text
    answers = offered(page.text)
    assert answers == [f"occurred_at={TWICE}:00+03:00", f"occurred_at={TWICE}:00+02:00"]
    checked = posted(tina, "open_deviation", occurred_at=TWICE, answer=answers[1], **DEVIATION)
    assert checked.status_code == 200 and f'value="{TWICE}:00+02:00"' in checked.text
    done = posted(tina, "open_deviation", occurred_at=f"{TWICE}:00+02:00", **DEVIATION)
    assert done.status_code == 303


def test_an_hour_that_never_was_offers_what_may_be_meant(signed_in) -> None:
    page = posted(signed_in("tina"), "open_deviation", occurred_at=NEVER, **DEVIATION)
    assert page.status_code == 422 and "did not exist in Europe/Kyiv" in page.text
    assert offered(page.text) == ["occurred_at=2025-03-30T02:30:00+02:00", "occurred_at=2025-03-30T04:30:00+03:00"]


def test_a_file_without_a_unit_shows_what_was_read_and_offers_each_unit(signed_in, world: World) -> None:
    tina, code = signed_in("tina"), probe(world)
    at = datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC)
    content = f"Export {code}\nTime;Temp\n{at:%Y-%m-%d %H:%M:%S}Z;-300.5\n".encode()
    given = {"probe": code, "sha256": sent(world, content), "file": "log.csv"}
    page = posted(tina, "import_readings", **given)
    assert page.status_code == 422 and "does not say in which unit" in page.text and "-300.5" in page.text
    assert offered(page.text) == ["unit=C", "unit=F", "unit=K"]
    checked = posted(tina, "import_readings", answer="unit=F", **given)
    assert checked.status_code == 200 and "unit: F" in checked.text
    assert posted(tina, "import_readings", unit="F", **given).status_code == 303
