"""What a paper form tells against itself: it is told, and its deviation names it; nothing of it is turned away."""

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.paper_form import (
    PARTS,
    Doer,
    Step,
    doer_refusals,
    left_out,
    not_told,
    own_work_refusals,
    pool_refusals,
    recorded_otherwise,
    step_refusals,
    told_twice,
)
from cellbank.domain.rules.paper_vials import OtherVial, other_vial_refusals

AT = datetime.datetime(2026, 5, 4, 10, 0, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


def steps(*minutes: float | None) -> list[Step]:
    names = ("The thaw", "The count", "The preparation", "The first check", "The second check", "The start", "The end")
    return [Step(name, None if at is None else AT + at * MINUTE) for name, at in zip(names, minutes, strict=False)]


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("minutes", "crossed"),
    [
        ((0, 10, 20, 30, 31, 40, 60), []),
        ((0, 0, 0, 0, 0, 0, 0), []),
        ((0, 10, 20, 30, 31, 30.5, 60), []),  # the record has seconds, the form has minutes
        ((25, 10, 20, 30, 31, 40, 60), ["The count", "The preparation"]),  # each that lies before one before it
        ((0, 10, 20, 30, 29, 40, 60), ["The second check"]),
        ((0, 10, 20, 30, 31, 40, 35), ["The end"]),
        ((0, None, 20, None, 10, 40, 60), ["The second check"]),  # what nobody knows crosses nothing
    ],
)
def test_times_that_cross_each_other_are_named(minutes: tuple[float | None, ...], crossed: list[str]) -> None:
    found = list(step_refusals("CH1", steps(*minutes)))
    assert [one.facts["what"] for one in found] == crossed
    assert {one.code.value for one in found} <= {"FIGURES_CONTRADICT"}


DREW = Doer(1, "Taras", "drew the dose up", "technician", AT.date())
FIRST = Doer(2, "Clara", "checked the dose", "clinician", AT.date())
SECOND = replace(FIRST, id=3, person="Cyril")


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"id": None}, ["has no account here"]),
        ({"had_role": False}, ["was no technician then"]),
        ({"was_trained": False}, ["no valid training as technician then"]),
        ({"had_role": False, "was_trained": False}, ["was no technician then"]),
    ],
)
def test_whoever_did_it_is_judged_as_they_stood_then(change: dict[str, Any], said: list[str]) -> None:
    found = [one.detail for one in doer_refusals(replace(DREW, **change))]
    assert len(found) == len(said) and all(words in one for words, one in zip(said, found, strict=True))


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(
    ("drew", "first", "second", "count"),
    [
        (DREW, FIRST, SECOND, 0),
        (None, FIRST, None, 0),
        (DREW, replace(FIRST, id=1), SECOND, 1),
        (DREW, FIRST, replace(SECOND, id=1), 1),
        (DREW, FIRST, replace(SECOND, id=2), 1),
        (DREW, replace(FIRST, id=1), replace(SECOND, id=1), 3),
        (DREW, replace(FIRST, id=None, person="A. Nurse"), replace(SECOND, id=None, person="a. nurse"), 1),
        (DREW, replace(FIRST, id=None, person="A. Nurse"), replace(SECOND, id=None, person="B. Nurse"), 0),
    ],
)
def test_a_check_of_ones_own_work_is_named(drew: Doer | None, first: Doer, second: Doer | None, count: int) -> None:
    found = list(own_work_refusals("CH1", drew, first, second))
    assert len(found) == count and {one.code.value for one in found} <= {"NOT_QUALIFIED"}


@pytest.mark.parametrize(
    ("state", "vials", "said"),
    [
        ("PREPARED", {"V1": "THAWED", "V2": "RESERVED"}, []),
        ("CANCELLED", {}, ["Dose CH1 is recorded as cancelled"]),
        ("ORDERED", {"V1": "DISCARDED", "V2": "PICKED", "V3": "MISSING"},
         ["Vial V1 is recorded as destroyed", "Vial V3 is recorded as missing"]),
    ],
)  # fmt: skip
def test_what_the_record_says_otherwise_is_named(state: str, vials: dict[str, str], said: list[str]) -> None:
    found = list(recorded_otherwise("CH1", state, vials))
    assert all(words in one.detail for words, one in zip(said, found, strict=True))
    assert {one.code for one in found} <= {Code.RECORDED_OTHERWISE}


def test_a_step_that_the_record_has_is_told_twice_and_which_stands_is_said() -> None:
    found = [one.detail for one in told_twice("CH1", PARTS)]
    assert len(found) == len(PARTS)
    assert ["what it says stays" in one for one in found] == [part.stays for part in PARTS]
    assert ["the form stands" in one for one in found] == [not part.stays for part in PARTS]


def test_vials_that_a_form_leaves_out_or_names_from_elsewhere() -> None:
    found = [one.detail for one in left_out("CH1", ["V1"], {"V2": "given with another dose"})]
    assert "Vial V1 was thawed for dose CH1" in found[0]
    assert "names vial V2, which is recorded as given with another dose" in found[1]
    assert list(left_out("CH1", [], {})) == []


def test_what_a_form_does_not_tell_is_named() -> None:
    assert list(not_told("CH1", ())) == []
    (refusal,) = not_told("CH1", ("count", "diluent"))
    assert refusal.code is Code.NOT_ON_THE_FORM and "does not tell: count, diluent." in refusal.detail


@pytest.mark.parametrize(
    ("pooled", "drawn", "final", "said"),
    [
        ("15", "14", "20", []),
        ("14", "14", "14", []),
        ("15", "14.1", "14", ["14 mL, is less than the 14.1 mL"]),
        ("14", "14.1", "20", ["14.1 mL were drawn", "held 14 mL"]),
        ("1", "3", "2", ["2 mL, is less than the 3 mL", "3 mL were drawn"]),
    ],
)
def test_volumes_that_contradict_each_other_are_named(pooled: str, drawn: str, final: str, said: list[str]) -> None:
    found = list(pool_refusals("CH1", Decimal(pooled), Decimal(drawn), Decimal(final)))
    assert all(any(words in one.detail for one in found) for words in said)
    assert len(found) == (Decimal(final) < Decimal(drawn)) + (Decimal(drawn) > Decimal(pooled))


@pytest.mark.parametrize(
    ("vial", "codes", "words"),
    [
        (OtherVial("V1", "LT1", None), [Code.VIAL_NOT_RESERVED], "was not reserved for dose CH1"),
        (OtherVial("V1", "LT1", "CH2"), [Code.VIAL_NOT_RESERVED], "was kept for dose CH2"),
        (OtherVial("V1", "LT2", None), [Code.VIAL_NOT_RESERVED, Code.MIXED_LOTS], "was not reserved"),
    ],
)
def test_a_vial_that_was_not_kept_for_the_dose(vial: OtherVial, codes: list[Code], words: str) -> None:
    found = list(other_vial_refusals("CH1", "LT1", [vial]))
    assert [one.code for one in found] == codes and words in found[0].detail
