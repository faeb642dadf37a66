"""A line says something of every row: a page of work is never lost over a value that nobody thought of."""

import datetime

from cellbank.domain.phrase import By, in_english, phrases, sentences

KIND = By("kind", {"lot": "Lot {code} stopped"}, "{code} stopped")


def said(kind: str) -> str:
    return in_english(phrases((KIND,), {"kind": kind, "code": "LT000123"}, datetime.UTC))


def test_each_value_has_its_sentence_and_any_other_one_the_last() -> None:
    assert said("lot").startswith("Lot ") and said("lot").endswith(" stopped")
    assert said("comet") == said("lot").removeprefix("Lot ")
    assert list(sentences((KIND,))) == ["Lot {code} stopped", "{code} stopped"]
