"""From the tank to the syringe, as tables: each limit at its very edge, and on either side of it."""

import datetime
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cellbank.domain.refusals import Code, refuse
from cellbank.domain.rules.picking import (
    DewarFacts,
    PickFacts,
    ReturnFacts,
    VialFacts,
    pick_refusals,
    return_refusals,
    vial_refusals,
)
from cellbank.domain.rules.plan import PlanFacts
from cellbank.domain.rules.preparing import PreparationFacts, ShortDoseFacts, preparation_refusals, short_dose_refusals
from cellbank.domain.rules.thaw import (
    CountFacts,
    SpareFacts,
    ThawFacts,
    count_refusals,
    spare_refusals,
    thaw_refusals,
    usable_until,
)
from cellbank.domain.rules.warming import budget
from tests.domain.test_rules_dosing import (
    DAY1,
    HANDLING,
    HOUR,
    LOT,
    NOON,
    SECOND,
    SUBJECT,
    TRIAL,
    WEIGHT,
    codes,
    given,
)

DOSE = "CHA999926000001"
MINE, NEXT, STRANGE = "A999926000042000007", "A999926000042000008", "A999926000042000009"
PLAN = PlanFacts(TRIAL, 1, DAY1, NOON, ())
WARMED = budget((31 * SECOND,), HANDLING)
VIAL = VialFacts(MINE, DOSE, SUBJECT.code)


@pytest.mark.parametrize(
    ("vial", "expected"),
    [
        (VIAL, []),
        (replace(VIAL, for_dose="CH2"), ["VIAL_MISMATCH"]),  # another dose of the same subject
        (replace(VIAL, for_dose=None, of_subject=None), ["VIAL_MISMATCH"]),
        (replace(VIAL, for_dose="CH2", of_subject="SJ9"), ["VIAL_OF_ANOTHER_SUBJECT"]),
    ],
)
def test_whose_vial_it_is(vial: VialFacts, expected: list[str]) -> None:
    assert codes(vial_refusals(vial, DOSE, SUBJECT.code)) == expected


PICK = PickFacts(VIAL, DOSE, SUBJECT, LOT, replace(PLAN, planned_on=DAY1), "BX1", "BX1", "Tank 1 A1")
DEWAR = DewarFacts("Dewar 1", "dewar", True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"box_scanned": "BX2"}, ["POSITION_MISMATCH"]),
        ({"stands_in": None, "place": None}, ["POSITION_MISMATCH"]),
        ({"in_hand": 1, "wanted": 2}, []),
        ({"in_hand": 2, "wanted": 2}, ["SPARE_NOT_CALLED"]),
        ({"in_hand": 3, "wanted": 2}, ["SPARE_NOT_CALLED"]),
        ({"in_hand": 2, "wanted": 2, "vial": replace(VIAL, for_dose="CH2")}, ["VIAL_MISMATCH"]),
        ({"dewar": DEWAR}, []),
        ({"dewar": replace(DEWAR, keeps_cold=False, type="box")}, ["WRONG_KIND"]),
        ({"dewar": replace(DEWAR, out_of_service="its lid is broken")}, ["STORAGE_OUT_OF_SERVICE"]),
        ({"warmed": budget((30 * SECOND,), HANDLING)}, []),
        ({"warmed": WARMED}, ["WARMING_BUDGET"]),
        ({"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
        ({"lot": replace(LOT, state="RECALLED")}, ["LOT_NOT_RELEASED"]),
        ({"plan": replace(PLAN, planned_on=DAY1 + datetime.timedelta(days=2))}, ["NOT_THE_PLANNED_DAY"]),
    ],
)
def test_what_leaves_the_tank(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(pick_refusals(replace(PICK, **change))) == expected


def test_where_a_vial_belongs_is_said() -> None:
    (there,) = pick_refusals(replace(PICK, box_scanned="BX2"))
    (nowhere,) = pick_refusals(replace(PICK, stands_in=None, place=None))
    assert "belongs at Tank 1 A1" in there.detail and "belongs nowhere in the store" in nowhere.detail


SPARE = SpareFacts(DOSE, 1, True, True, NOON, NOON - SECOND)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"left": 0}, ["NOT_ENOUGH_VIALS"]),
        ({"is_short": False}, ["WRONG_STATE"]),
        ({"is_counted": False, "is_short": False}, []),  # a vial is broken before anything is counted
        ({"now": NOON}, ["OUT_OF_TIME"]),  # at the very instant it is over
        ({"expires_at": None}, []),
    ],
)
def test_a_spare_vial_is_called(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(spare_refusals(replace(SPARE, **change))) == expected


@pytest.mark.parametrize(("still_needed", "expected"), [(0, []), (1, ["NOT_ENOUGH_VIALS"])])
def test_a_vial_that_is_needed_is_not_put_back(still_needed: int, expected: list[str]) -> None:
    assert codes(return_refusals(ReturnFacts(MINE, None, DOSE, still_needed))) == expected


THAW = ThawFacts(VIAL, DOSE, SUBJECT, LOT, PLAN, WEIGHT, None, False, False, Decimal("0.5"), NOON)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"expires_at": NOON + SECOND}, []),
        ({"expires_at": NOON}, ["OUT_OF_TIME"]),
        ({"was_counted": True}, ["WRONG_STATE"]),
        ({"was_counted": True, "is_short": True}, []),
        ({"dmso_g_per_kg": Decimal("0.999")}, []),
        ({"dmso_g_per_kg": Decimal(1)}, ["DMSO_LIMIT"]),
        ({"warmed": WARMED}, ["WARMING_BUDGET"]),
        ({"vial": replace(VIAL, for_dose="CH2")}, ["VIAL_MISMATCH"]),
        ({"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
        ({"lot": replace(LOT, used_on=DAY1 + datetime.timedelta(days=1))}, ["EXPIRED"]),
        ({"weight": replace(WEIGHT, used_kg=Decimal("70.0"))}, ["WEIGHT_STALE"]),
        ({"plan": replace(PLAN, number=9)}, ["TOO_MANY_DOSES"]),
        ({"plan": replace(PLAN, number=2, others=(given(1, 1),))}, ["DUPLICATE_DOSE", "TOO_EARLY", "OUTSIDE_WINDOW"]),
    ],
)
def test_what_is_thawed(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(thaw_refusals(replace(THAW, **change))) == expected


LIMIT, METHOD = TRIAL.thaw.viability_minimum_percent, TRIAL.thaw.viability_method
FILLED = 25_000_000
COUNT = CountFacts(
    DOSE,
    (MINE, NEXT),
    (NEXT, MINE),
    TRIAL.thaw,
    "albumin",
    None,
    NOON,
    LIMIT,
    METHOD,
    Fraction(2 * FILLED),
    FILLED,
    None,
    NOON,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),  # the viability is the limit itself: alive enough
        ({"viability_percent": LIMIT - Decimal("0.01")}, ["VIABILITY_TOO_LOW"]),
        ({"method": METHOD.upper()}, []),
        ({"method": "flow cytometry"}, ["OTHER_METHOD"]),
        ({"total_cells": Fraction(2 * FILLED * 12, 10)}, []),  # 20 % above what was filled: it may be so
        ({"total_cells": Fraction(2 * FILLED * 12, 10) + 1}, ["FIGURES_CONTRADICT"]),
        ({"scanned": (MINE,), "total_cells": Fraction(FILLED)}, ["VIAL_MISMATCH"]),
        ({"scanned": (MINE, NEXT, STRANGE)}, ["VIAL_MISMATCH"]),
        ({"scanned": (MINE, STRANGE)}, ["VIAL_MISMATCH", "VIAL_MISMATCH"]),
        ({"diluent": "water"}, ["OTHER_DILUENT"]),
        ({"earlier_diluent": "albumin"}, []),
        ({"earlier_diluent": "protein_free"}, ["OTHER_DILUENT"]),
        ({"now": NOON + 4 * HOUR - SECOND}, []),
        ({"now": NOON + 4 * HOUR}, ["OUT_OF_TIME"]),
        ({"now": NOON + 2 * HOUR, "diluent": "protein_free"}, ["OUT_OF_TIME"]),
        ({"problem": "Nothing can be drawn."}, ["FIGURES_CONTRADICT"]),
    ],
)
def test_what_is_counted(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(count_refusals(replace(COUNT, **change))) == expected


def test_a_count_that_cannot_be_is_told_in_millions() -> None:
    (said,) = count_refusals(replace(COUNT, total_cells=Fraction(75_000_000)))
    assert "75.0 ×10⁶ cells, but 2 vials were filled with 50.0 ×10⁶ together" in said.detail


def test_nothing_keeps_longer_than_the_protocol_lets_it() -> None:
    """Also in a diluent that would keep it longer."""
    short = TRIAL.thaw.model_copy(update={"max_hours": Decimal("1.5")})
    assert usable_until(short, NOON, "albumin") == usable_until(short, NOON, None) == NOON + 1.5 * HOUR


BAND = TRIAL.dosing.tolerance
SHORT = ShortDoseFacts(DOSE, True, Fraction(80), BAND, NOON, NOON - SECOND)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"is_short": False}, ["WRONG_STATE"]),
        ({"percent": Fraction(7999, 100)}, ["DOSE_OUT_OF_BAND"]),
        ({"now": NOON}, ["OUT_OF_TIME"]),
    ],
)
def test_a_short_dose_is_accepted(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(short_dose_refusals(replace(SHORT, **change))) == expected


ML = Decimal("13.9")
PREPARED = PreparationFacts(
    DOSE,
    SUBJECT,
    LOT,
    ML,
    ML,
    Decimal("0.1"),
    ML,
    Decimal(50),
    Fraction(100),
    BAND,
    False,
    False,
    False,
    (),
    NOON,
    NOON - SECOND,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"drawn_ml": Decimal("13.8")}, []),  # one mark of the syringe less
        ({"drawn_ml": Decimal("13.79")}, ["FIGURES_CONTRADICT"]),
        ({"drawn_ml": Decimal("14.0")}, ["FIGURES_CONTRADICT"]),  # one mark more, but so much there is not
        ({"drawn_ml": Decimal("14.0"), "available_ml": Decimal("14.0")}, []),
        ({"drawn_ml": Decimal("14.1"), "available_ml": Decimal(15)}, ["FIGURES_CONTRADICT"]),
        ({"final_volume_ml": ML}, []),
        ({"final_volume_ml": Decimal("13.8")}, ["FIGURES_CONTRADICT"]),
        ({"is_short": True}, ["DOSE_OUT_OF_BAND"]),
        ({"is_short": True, "short_dose_accepted": True}, []),
        ({"percent": Fraction(85)}, ["REASON_NEEDED"]),
        ({"percent": Fraction(85), "has_reason": True}, []),
        ({"limits": (refuse(Code.DMSO_LIMIT, "Too much."),)}, ["DMSO_LIMIT"]),
        ({"now": NOON}, ["OUT_OF_TIME"]),
        ({"lot": replace(LOT, is_held=True)}, ["ON_HOLD"]),
        ({"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
    ],
)
def test_what_is_drawn_up(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(preparation_refusals(replace(PREPARED, **change))) == expected
