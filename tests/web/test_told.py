"""What the code has said, stored or made by a statement, is said in the reader's language: its sentence is recognised,
its facts stay. What people typed stays as they typed it."""

import time
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import Babel, force_locale, gettext

from cellbank.domain.lines import LINES
from cellbank.web.shell import TRANSLATIONS
from cellbank.web.told import FIELD, SAID, Template, _of_the_catalogue, said_again, template_of, title_of

FACTS = {
    "time": "2026-11-22 14:05 EET", "day": "2026-11-22", "n": "3", "m": "41.5", "k": "7", "l": "2",
    "code": "LT0001A", "lot": "LT0002B", "codes": "DS0001A, DS0002B",
}  # fmt: skip


@pytest.fixture(scope="module")
def ukrainian():
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, locale_selector=lambda: "uk")
    with app.test_request_context():
        yield


def facts_of(sentence: str) -> dict[str, str]:
    """Something for each place of a sentence, of the kind that stands there."""
    places = [field[1] for field in FIELD.finditer(sentence)]
    words = {name: f"'Q{n}x'" if name.startswith("quoted") else f"Q{n}x" for n, name in enumerate(places)}
    return {name: FACTS.get(name, word) for name, word in words.items()}


def filled(sentence: str, facts: dict[str, str]) -> str:
    return FIELD.sub(lambda field: facts[field[1]], sentence)


def test_every_line_is_told_with_its_own_facts(ukrainian: None) -> None:
    wrong = {}
    for line in LINES:
        facts = facts_of(line)
        said = said_again(filled(line, facts))
        if said != filled(gettext(line), facts) and template_of(line) is not None:
            wrong[line] = said
    assert not wrong


def test_no_reason_is_taken_for_another(ukrainian: None) -> None:
    """Whatever the catalogue can fill is recognised as itself."""
    sentences = [one.sentence for one in _of_the_catalogue()]
    wrong = {}
    for sentence in sentences:
        facts = facts_of(sentence)
        said = said_again(filled(sentence, facts).strip())
        if said != filled(gettext(sentence), facts).strip():
            wrong[sentence] = said
    assert len(sentences) > 400 and not wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Infusion 2 (Day 4) of subject 01-004", "Інфузія 2 (день 4), учасник 01-004"),
        ("peak -98.41 °C, from 2026-11-22 14:05 EET, goes on", "пік -98.41 °C, від 2026-11-22 14:05 EET, триває"),
        ("Panel complete; window period closed", "Панель повна; період вікна минув"),
        ("must be a number. Given: 'cold'.", "має бути числом. Подано: 'cold'."),
        ("Row 3: 'x' is no temperature: 'a;x'. Correct the file, or have such rows left out.",
         "Рядок 3: 'x' не є температурою: 'a;x'. Виправте файл або дозвольте пропустити такі рядки."),
        ("62.4 kg × 1.0 ×10⁶ per kg", "62.4 кг × 1.0 ×10⁶ на кг"),
    ],
)  # fmt: skip
def test_lines_steps_evidence_and_faults(ukrainian: None, text: str, said: str) -> None:
    assert said_again(text) == said


@pytest.mark.parametrize(
    "typed",
    ["", "Thawed too fast; see lot book", "Glove torn while a lot was filled", "in 5 days", "{lot}", "a" * 5000],
)
def test_what_people_typed_stays(ukrainian: None, typed: str) -> None:
    assert said_again(typed) == typed


NAMES = ["Viability", "Vials", "Released", "Freezer", "Placenta", "Dose", "Lot LT0001A"]  # people may call things so


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_people_gave_is_never_said_in_another_language(ukrainian: None, name: str) -> None:
    lines = ["Count of {unit}", "Silent excursion in {unit}", "Logger {name}", "read by {person}", "Shipment to {site}"]
    for line in [*lines, "{person}, about {code}"]:
        facts = {**facts_of(line), **{place: name for place in ("unit", "name", "person", "site")}}
        said = said_again(filled(line, facts))
        assert said == filled(gettext(line), facts) and name in said, said
    for kind in ("PS", "ST", "TR"):
        assert title_of(SimpleNamespace(code=f"{kind}0001A", title=name)) == name
    lot = SimpleNamespace(code="LT0001A", title="Lot LT0001A")
    assert title_of(lot) == gettext("Lot {code}").format(code="LT0001A")


def test_every_place_of_a_sentence_is_one_of_a_word_or_of_a_name(ukrainian: None) -> None:
    """What the code says in a place is said again; a place that is meant for it and never used is a slip."""
    used = {field[1] for one in _of_the_catalogue() for field in FIELD.finditer(one.sentence)}
    assert used >= SAID, SAID - used


def _cost(letters: int) -> float:
    """How long all templates take for texts of so many letters that were made to be nearly theirs."""
    return sum(_cost_of(one, letters) for one in _of_the_catalogue())


def _cost_of(one: Template, letters: int) -> float:
    own = FIELD.split(one.sentence)[0::2]
    text = own[0] + (" ".join(own[1:]) * letters)[:letters] + "~"
    took = []
    for _ in range(5):
        before = time.perf_counter()
        one.looks.fullmatch(text)
        took.append(time.perf_counter() - before)
    return min(took)


def test_a_crafted_text_costs_in_proportion_to_its_length(ukrainian: None) -> None:
    """A ratio, for times say nothing on a machine that others use: eight times as long, and not sixty-four."""
    assert _cost(8000) / _cost(1000) < 24


def test_many_sentences_cost_no_more_than_their_number(ukrainian: None) -> None:
    text = "Umbilical cord. " * 120
    assert said_again(text[:-1])  # neither too deep nor too long
    assert said_again("Lot LT0001A stopped. " * 90).count(gettext("Lot {code} stopped").split()[-1]) <= 90


def test_in_english_nothing_changes(ukrainian: None) -> None:
    with force_locale("en"):
        assert said_again("Hold on LT0001A") == "Hold on LT0001A"


def test_a_stored_reason_is_told_and_stays_stored(browser, world) -> None:
    assert browser.enter("tina").status_code == 302
    browser.get("/")
    browser.post("/language", {"language": "uk", "next": "/"})
    outcome = world.try_act(
        "tina",
        "register_donor",
        pseudonym="PL-1",
        birth_year=1990,
        delivered_at=(world.now.replace(year=2090)).isoformat(),
    )
    stored = outcome.refusals[0].detail
    page = browser.get(f"/done/{outcome.act}").text
    assert "lies in the future" in stored and "lies in the future" not in page and "— у майбутньому" in page
