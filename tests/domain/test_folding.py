"""Spellings of one identifier fold to the same, those of two to different ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.folding import name_skeleton, skeleton
from cellbank.domain.identifiers import LOOK_ALIKES

SAME = {
    "case": "kh4-12345",
    "spaces": "KH4 12 345",
    "a non-breaking space": "KH4\N{NO-BREAK SPACE}12345",
    "no dash": "KH412345",
    "an en dash": "KH4–12345",
    "a minus": "KH4−12345",
    "a soft hyphen": "KH4-12\N{SOFT HYPHEN}345",
    "a zero-width space": "KH4-12\u200b345",
    "a variation selector": "KH4-12345\ufe0f",
    "a low line": "KH4_12345",
    "a dot": "KH4.12345",
    "a slash": "KH4/12345",
    "a hyphen bullet": "KH4\N{HYPHEN BULLET}12345",
    "a lengthening mark": "KH4\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}12345",
    "a middle dot and an apostrophe": "KH4\N{MIDDLE DOT}12'345",
    "full width": "\uff2b\uff28\uff14-12345",
    "Cyrillic capitals": "КН4-12345",
    "Cyrillic small letters": "кн4-12345",
    "Greek capitals": "ΚΗ4-12345",
}


@pytest.mark.parametrize("spelling", SAME.values(), ids=SAME)
def test_one_identifier_in_many_spellings(spelling: str) -> None:
    assert skeleton(spelling) == "kh412345"


@pytest.mark.parametrize(
    ("one", "other"),
    [("KH4-12345", "KH4-12346"), ("ЖД-12", "ЗД-12"), ("E\u0301-1", "E-1"), ("O1", "01")],
)
def test_what_reads_differently_stays_different(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("name", "other"),
    [("olena", "o1ena"), ("olena", "0lena"), ("olena", "oiena"), ("roman", "rornan"), ("ivan", "1van"),
     ("wanda", "vvanda"), ("o.lena", "ol.ena"), ("martin", "rnartin")],
)  # fmt: skip
def test_names_that_read_alike_are_one(name: str, other: str) -> None:
    assert name_skeleton(name) == name_skeleton(other)


@pytest.mark.parametrize(("name", "other"), [("olena", "olene"), ("petro", "petra"), ("user2", "user3"), ("m", "n")])
def test_names_that_read_differently_are_two(name: str, other: str) -> None:
    assert name_skeleton(name) != name_skeleton(other)


def test_a_cyrillic_word_folds_alike_in_both_cases() -> None:
    assert skeleton("ЖД-В12") == skeleton("жд-в12") == "ждb12"


@given(st.text(st.sampled_from("ABКНkнo0- \u200b–ЖжΝνßéIіı" + "".join(LOOK_ALIKES)), max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = skeleton(text)
    assert skeleton(once) == once == skeleton(f" {text}-")
