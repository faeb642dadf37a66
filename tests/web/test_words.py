"""The words of the pages in both languages, and the faces of the states."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import session

from cellbank.domain.identifiers import ON_PAPER, RECORD_KINDS
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.refusals import Code, refuse
from cellbank.web.icons import icon
from cellbank.web.reasons import reason
from cellbank.web.shell import TRANSLATIONS
from cellbank.web.words import KIND_ICONS, STATE_ICONS, TONE_ICONS, TONE_OF
from tools.words import read, still_english

FOLDER: Path = TRANSLATIONS / "uk" / "LC_MESSAGES"


def test_the_compiled_words_are_those_of_the_source() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, read())
    assert (FOLDER / "messages.mo").read_bytes() == compiled.getvalue()


def test_every_word_that_people_are_shown_is_said_in_ukrainian() -> None:
    assert not still_english(read()), "translate in messages.po what `python -m tools.words` lists"


def test_a_word_without_its_translation_is_found() -> None:
    catalogue = read()
    for text, context in (("Sign: verified", None), ("Open", "button"), ("Thaw a vial", None), ("Order a dose", None)):
        catalogue.delete(text, context)
    assert still_english(catalogue) == ["Open", "Order a dose", "Sign: verified", "Thaw a vial"]


def test_a_reason_is_ukrainian_with_what_fills_it(app) -> None:
    refusal = refuse(
        Code.WRONG_STATE,
        "{record} is {state}: “{act}” is possible only from {possible}.",
        record="LT0001J",
        state="on hold",
        act="Release a lot",
        possible="quarantine",
    )
    with app.test_request_context("/"):
        session["language"] = "uk"
        said = reason(refusal)["detail"]
    assert said == "LT0001J у стані призупинено: «Випустити серію» можливо лише зі стану карантин."


def test_a_reason_with_a_sentence_hung_on_it_is_ukrainian_to_its_end(app) -> None:
    base = "Lot {lot} has not been frozen. Record the freezing."
    hung = "This is mismatch {count} of this dose: stop and call the quality officer."
    with app.test_request_context("/"):
        session["language"] = "uk"
        said = reason(refuse(Code.WRISTBAND_MISMATCH, f"{base} {hung}", lot="LT0001J", count=3))["detail"]
    assert said.startswith("Серію LT0001J не заморожено.")
    assert said.endswith("Це незбіг 3 цієї дози: зупиніться й покличте фахівця з якості.")


def test_no_translation_loses_what_is_filled_in() -> None:
    for message in read_po(io.BytesIO((FOLDER / "messages.po").read_bytes()), locale="uk"):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(re.findall(r"%\(\w+\)s|\{\w+\}", ids[-1]))
        for text in strings:
            assert set(re.findall(r"%\(\w+\)s|\{\w+\}", text)) <= wanted, message.id
        assert wanted <= set(re.findall(r"%\(\w+\)s|\{\w+\}", strings[-1])), message.id


@pytest.mark.parametrize("state", sorted({state for states in STATES.values() for state in states}))
def test_every_state_has_a_tone_an_icon_and_a_word(state: str) -> None:
    assert state in TONE_OF
    assert "<path" in icon(STATE_ICONS.get(state, TONE_ICONS[TONE_OF[state]]))


@pytest.mark.parametrize("kind", sorted(STATES))
def test_every_kind_of_record_has_an_icon(kind: str) -> None:
    assert "<path" in icon(KIND_ICONS[kind])


def test_the_home_page_speaks_ukrainian(signed_in) -> None:
    tina = signed_in("tina")
    tina.post("/language", {"language": "uk", "next": "/"})
    page = tina.get("/").text
    assert "Робота, що чекає" in page and "Покласти віали на місце" in page


def test_the_script_knows_the_codes_of_every_kind() -> None:
    """A slow scan in a text field is told from typing by the shape of the code."""
    listed = re.search(r"const RECORD =\s+/\^\(([A-Z|]+)\)", (TRANSLATIONS.parent / "static" / "scan.js").read_text())
    assert listed is not None
    assert set(listed[1].split("|")) == {kind.value for kind in RECORD_KINDS | ON_PAPER}
