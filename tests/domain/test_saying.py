"""What a sentence says, it says in the words of people."""

import datetime
import re
from typing import Any

import pytest

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.refusals import Code, refuse
from cellbank.domain.saying import NAMES_OF_THE_CODE, fill

AT = datetime.datetime(2026, 11, 22, 14, 5, 7, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("sentence", "fact", "said"),
    [
        ("It is {it}.", "IN_STOCK", "It is in stock."),
        ("It is {it}.", "OUT_OF_SPECIFICATION", "It is out of specification."),
        ("A {it}.", "master_bank", "A master bank."),
        ("Only from {it}.", ("GROWING", "ON_HOLD"), "Only from growing, on hold."),
        ("By {it}.", None, "By –."),
        ("Until {it:%H:%M}.", None, "Until –."),
        ("On {it}.", AT.date(), "On 2026-11-22."),
        ("Sure: {it}.", False, "Sure: no."),
        ("{it:.1f} °C", -65.04, "-65.0 °C"),
        ("Signed in as {it}.", "olena_k", "Signed in as olena_k."),  # a name is nobody's to change
        ("Lot {it}.", "LT0001K", "Lot LT0001K."),
        ("Of {it}.", (), "Of –."),
    ],
)
def test_facts_are_said_as_people_say_them(sentence: str, fact: Any, said: str) -> None:
    assert fill(sentence, {"it": fact}) == said
    assert refuse(Code.WRONG_STATE, sentence, it=fact).detail == said


@pytest.mark.parametrize("record", STATES)
def test_no_state_is_shouted(record: str) -> None:
    for state in STATES[record]:
        assert state in NAMES_OF_THE_CODE
        assert not re.search("[A-Z_]", refuse(Code.WRONG_STATE, "{state}", state=state).detail)


def test_a_fact_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("It is {it}.", {})
