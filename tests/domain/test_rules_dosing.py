"""The rules of dosing, thaw and infusion as tables: facts in, codes out."""

import datetime
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cellbank.domain.identifiers import Kind, dose_symbol, record_code
from cellbank.domain.protocol import load_protocol
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.dosing import (
    MeasurementFacts,
    NewDayFacts,
    OrderFacts,
    SupplyFacts,
    WeightFacts,
    measurement_refusals,
    new_day_refusals,
    order_refusals,
    supply_refusals,
    weight_for_limits,
    weight_refusals,
)
from cellbank.domain.rules.infusion import BedsideFacts, InfusionFacts, bedside_refusals, infusion_refusals
from cellbank.domain.rules.picking import ReturnFacts, return_refusals
from cellbank.domain.rules.plan import OtherDose, PlanFacts, pick_day_refusals, plan_refusals
from cellbank.domain.rules.preparing import band_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.thaw import usable_until
from cellbank.domain.rules.warming import budget
from cellbank.domain.scans import read_scan
from cellbank.domain.specification import load_specification

PROTOCOLS = Path(__file__).parents[2] / "cellbank" / "protocols"
TRIAL = load_protocol((PROTOCOLS / "nct04461925.toml").read_text(encoding="utf-8"))
FIXED = load_protocol((Path(__file__).parent / "fixed-dose.toml").read_text(encoding="utf-8"))
HANDLING = load_specification((PROTOCOLS / "p-mmsc.toml").read_text(encoding="utf-8")).handling

DAY1 = datetime.date(2026, 3, 2)
NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
SECOND = datetime.timedelta(seconds=1)


def codes(refusals: tuple[Refusal, ...]) -> list[str]:
    for refusal in refusals:
        assert "{" not in refusal.detail and not refusal.detail[0].islower()  # every sentence fills
    return [refusal.code.value for refusal in refusals]


# --- subject and lot --------------------------------------------------------------------------

SUBJECT = SubjectFacts("SJ0001A", "ENROLLED", "EXP", True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"arm": "CTL", "receives_product": False}, ["CONTROL_ARM"]),
        ({"state": "SCREENING"}, ["SUBJECT_NOT_ENROLLED"]),
        ({"state": "WITHDRAWN", "receives_product": False}, ["CONTROL_ARM", "SUBJECT_NOT_ENROLLED"]),
        ({"state": "COMPLETED"}, ["SUBJECT_NOT_ENROLLED"]),
    ],
)
def test_subject(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(subject_refusals(replace(SUBJECT, **change))) == expected


LOT = LotFacts("LT0001A", "RELEASED", DAY1, "DR0001A", "ELIGIBLE", True, False, DAY1)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),  # on its last day a lot may still be used
        ({"used_on": datetime.date(2026, 3, 3)}, ["EXPIRED"]),
        ({"state": "QUARANTINE"}, ["LOT_NOT_RELEASED"]),
        ({"state": "RECALLED"}, ["LOT_NOT_RELEASED"]),
        ({"state": "ON_HOLD"}, ["ON_HOLD", "LOT_NOT_RELEASED"]),
        ({"is_held": True}, ["ON_HOLD"]),
        ({"donor_state": "INELIGIBLE"}, ["DONOR_NOT_ELIGIBLE"]),
        ({"consent_in_force": False}, ["CONSENT_MISSING"]),
    ],
)
def test_lot(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(lot_refusals(replace(LOT, **change))) == expected


# --- the plan ---------------------------------------------------------------------------------


def given(number: int, day: int, hour: int = 12) -> OtherDose:
    """An infusion given on a study day, ended at that hour (UTC)."""
    on = DAY1 + datetime.timedelta(days=day - 1)
    ended = datetime.datetime.combine(on, datetime.time(hour), tzinfo=datetime.UTC)
    return OtherDose(f"CH{number}", number, "INFUSED", on, ended)


def plan(number: int, day: int, *others: OtherDose, **change: Any) -> list[str]:
    on = DAY1 + datetime.timedelta(days=day - 1)
    end = datetime.datetime.combine(on, datetime.time(23, 59), tzinfo=datetime.UTC)
    return codes(plan_refusals(PlanFacts(TRIAL, number, on, change.pop("latest_at", end), others, **change)))


WAITING = OtherDose("CH9", 2, "ORDERED", None, None)


def test_plan_of_the_trial() -> None:
    assert plan(1, 1) == []
    assert plan(4, 9) == ["TOO_MANY_DOSES"]
    assert [plan(2, day, given(1, 1)) for day in (3, 4, 5)] == [[], [], []]
    assert plan(2, 6, given(1, 1)) == ["OUTSIDE_WINDOW"]
    assert plan(2, 2, given(1, 1)) == ["TOO_EARLY", "OUTSIDE_WINDOW"]
    assert plan(2, 4, replace(given(1, 1), state="CANCELLED")) == ["TOO_EARLY", "TOO_EARLY"]  # it never was
    assert plan(2, 4) == ["TOO_EARLY"]  # without a first infusion there is no day 4
    assert plan(3, 7, given(1, 1)) == []  # the second was missed and is skipped
    assert plan(2, 8, given(1, 1), given(3, 7)) == ["OVERTAKEN", "TOO_EARLY", "OUTSIDE_WINDOW"]
    assert plan(3, 7, given(1, 1), WAITING) == ["TOO_EARLY"]
    assert plan(2, 4, given(1, 1), WAITING) == ["DUPLICATE_DOSE"]


@pytest.mark.parametrize(
    ("planned", "thaw_or_give", "take_from_the_tank"),
    [(4, True, True), (5, False, True), (3, False, False), (6, False, False)],
)
def test_on_day_4_a_dose_of_another_day(planned: int, thaw_or_give: bool, take_from_the_tank: bool) -> None:
    planned_on = DAY1 + datetime.timedelta(days=planned - 1)
    refused = ["NOT_THE_PLANNED_DAY"]
    assert plan(2, 4, given(1, 1), planned_on=planned_on) == ([] if thaw_or_give else refused)
    on = DAY1 + datetime.timedelta(days=3)
    facts = PlanFacts(TRIAL, 2, on, NOON + 3 * 24 * HOUR, (given(1, 1),), planned_on=planned_on)
    assert codes(pick_day_refusals(facts)) == ([] if take_from_the_tank else refused)


@pytest.mark.parametrize(
    ("others", "ml"),
    [
        ((), "0"),
        ((("INFUSED", DAY1, DAY1, "0.3"),), "0.3"),
        ((("INFUSED", DAY1, DAY1 - datetime.timedelta(days=1), "0.3"), ("ORDERED", None, DAY1, "0.5")), "0.8"),
        ((("INFUSED", DAY1 - datetime.timedelta(days=1), DAY1, "0.3"),), "0"),  # the day it was given counts
        ((("ORDERED", None, DAY1 + datetime.timedelta(days=1), "0.3"),), "0"),
    ],
)
def test_dmso_of_the_other_doses_of_the_day(others: tuple, ml: str) -> None:
    doses = tuple(
        OtherDose("CH1", 1, state, started, None, planned, Fraction(dmso)) for state, started, planned, dmso in others
    )
    assert PlanFacts(TRIAL, 2, DAY1, NOON, doses).dmso_ml_that_day == Fraction(ml)


def test_forty_eight_hours_are_counted_to_the_minute() -> None:
    first = given(1, 1)
    rested = first.ended_at + 48 * HOUR  # type: ignore[operator]
    assert plan(2, 3, first, latest_at=rested) == []
    assert plan(2, 3, first, latest_at=rested - SECOND) == ["TOO_EARLY"]


def test_study_days_begin_with_the_first_infusion() -> None:
    day4 = DAY1 + datetime.timedelta(days=3)
    assert PlanFacts(TRIAL, 2, day4, NOON, ()).study_day is None
    assert PlanFacts(TRIAL, 2, day4, NOON, (given(1, 1),)).study_day == 4
    assert PlanFacts(TRIAL, 1, day4, NOON, ()).study_day == 1


def test_an_infusion_still_running_is_not_overtaken() -> None:
    running = OtherDose("CH1", 1, "INFUSING", DAY1, None)
    assert plan(2, 4, running) == ["TOO_EARLY"]


def test_a_deviation_is_for_one_day_and_never_for_the_rest() -> None:
    day6, day2 = DAY1 + datetime.timedelta(days=5), DAY1 + datetime.timedelta(days=1)
    assert plan(2, 6, given(1, 1), deviation_on=day6) == []
    assert plan(2, 9, given(1, 1), deviation_on=day6) == ["OUTSIDE_WINDOW"]
    assert plan(2, 2, given(1, 1), deviation_on=day2) == ["TOO_EARLY"]


def test_one_infusion_a_calendar_day() -> None:
    assert "DUPLICATE_DOSE" in plan(2, 1, given(1, 1, hour=1))


# --- the weight -------------------------------------------------------------------------------

WEIGHT = WeightFacts("SJ0001A", TRIAL.dosing.weight, True, Decimal("50.0"), NOON, None, None, NOON)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"weight_kg": None, "measured_at": None}, ["WEIGHT_MISSING"]),
        ({"at": NOON + 72 * HOUR}, []),
        ({"at": NOON + 72 * HOUR + SECOND}, ["WEIGHT_STALE"]),
        ({"pending_kg": Decimal("55.0")}, []),  # exactly 10 %
        ({"pending_kg": Decimal("55.1")}, ["WEIGHT_STALE"]),
        ({"used_kg": Decimal("55.5")}, []),
        ({"used_kg": Decimal("62.5"), "weight_kg": Decimal("56.25")}, []),  # exactly 10 %
        ({"used_kg": Decimal("45.4")}, ["WEIGHT_STALE"]),
        ({"used_kg": Decimal("45.5")}, []),
        ({"needed": False, "weight_kg": None, "measured_at": None}, []),
    ],
)
def test_weight(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(weight_refusals(replace(WEIGHT, **change))) == expected


def test_a_reading_must_be_plausible_for_the_protocol() -> None:
    assert codes(measurement_refusals(MeasurementFacts(Decimal("39.9"), FIXED.dosing.weight))) == ["OUTSIDE_LIMITS"]
    assert codes(measurement_refusals(MeasurementFacts(Decimal("50.05"), TRIAL.dosing.weight))) == ["OUTSIDE_LIMITS"]
    assert measurement_refusals(MeasurementFacts(Decimal("30.0"), TRIAL.dosing.weight)) == ()
    assert measurement_refusals(MeasurementFacts(Decimal("250.0"), TRIAL.dosing.weight)) == ()
    assert codes(measurement_refusals(MeasurementFacts(Decimal("250.1"), TRIAL.dosing.weight))) == ["OUTSIDE_LIMITS"]


def test_a_missing_weight_is_asked_for_as_the_protocol_wants_it() -> None:
    """A second person is spoken of only where one is needed."""
    alone = TRIAL.dosing.weight.model_copy(update={"second_person": False})
    missing = replace(WEIGHT, weight_kg=None)
    (two,), (one,) = weight_refusals(missing), weight_refusals(replace(missing, rules=alone))
    assert two.detail.endswith("no confirmed weight. Measure it and let a second person confirm it.")
    assert one.detail.endswith("no weight. Measure it.")
    assert codes(weight_refusals(replace(WEIGHT, measured_at=None))) == ["WEIGHT_MISSING"]


def test_limits_of_a_fixed_dose_are_judged_by_the_lightest() -> None:
    assert weight_for_limits(FIXED, None) == 40
    assert weight_for_limits(FIXED, Decimal("80.0")) == Decimal("80.0")


# --- the supply -------------------------------------------------------------------------------

SUPPLY = SupplyFacts("P-MMSC", LOT, "P-MMSC", (), None, 4, 4, Decimal("0.01"), Decimal("0.5"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"lot": None}, ["NOT_ENOUGH_VIALS"]),
        ({"lot_product": "a master bank"}, ["WRONG_KIND"]),
        ({"missing_results": ("Recovery",)}, ["POST_THAW_RESULT_MISSING"]),
        ({"problem": "The recovery of 104 % is outside 0 to 100 %."}, ["OUTSIDE_LIMITS"]),
        ({"vials_found": 3}, ["NOT_ENOUGH_VIALS"]),
        ({"vials_found": 5}, []),
        ({"vials_wanted": None, "vials_found": 0}, []),
        ({"dmso_g_per_kg": None, "endotoxin_eu_per_kg": None}, []),
        ({"dmso_g_per_kg": Decimal("0.9999")}, []),
        ({"dmso_g_per_kg": Decimal(1)}, ["DMSO_LIMIT"]),
        ({"endotoxin_eu_per_kg": Decimal(5)}, []),
        ({"endotoxin_eu_per_kg": Decimal("5.0001")}, ["ENDOTOXIN_LIMIT"]),
    ],
)
def test_supply(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(supply_refusals(replace(SUPPLY, **change), TRIAL.limits)) == expected


# --- the order, and another day ---------------------------------------------------------------

ORDER = OrderFacts(SUBJECT, PlanFacts(TRIAL, 1, DAY1, NOON, ()), WEIGHT, SUPPLY, DAY1)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"supply": None}, []),
        ({"supply": replace(SUPPLY, lot=None)}, ["NOT_ENOUGH_VIALS"]),
        ({"subject": replace(SUBJECT, state="SCREENING")}, ["SUBJECT_NOT_ENROLLED"]),
        ({"weight": replace(WEIGHT, weight_kg=None)}, ["WEIGHT_MISSING"]),
        ({"plan": PlanFacts(TRIAL, 9, DAY1, NOON, ())}, ["TOO_MANY_DOSES"]),
        ({"today": DAY1 + datetime.timedelta(days=1)}, ["OUT_OF_ORDER"]),
        ({"today": DAY1 - datetime.timedelta(days=1)}, []),
    ],
)
def test_an_order(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(order_refusals(replace(ORDER, **change))) == expected


BEFORE = DAY1 - datetime.timedelta(days=1)
DOSE = "CHA999926000001"
NEW_DAY = NewDayFacts(DOSE, SUBJECT, LOT, ORDER.plan, WEIGHT, BEFORE, BEFORE, NOON, None, dmso_g_per_kg=Decimal("0.5"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"was_on": DAY1}, ["ALREADY_EXISTS"]),
        ({"expires_at": NOON + SECOND}, []),
        ({"expires_at": NOON}, ["OUT_OF_TIME"]),  # as the day begins it is over
        ({"dmso_g_per_kg": Decimal(1)}, ["DMSO_LIMIT"]),
        ({"today": DAY1 + datetime.timedelta(days=1)}, ["OUT_OF_ORDER"]),
        ({"lot": replace(LOT, is_held=True)}, ["ON_HOLD"]),
        ({"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
        ({"weight": replace(WEIGHT, used_kg=Decimal("70.0"))}, ["WEIGHT_STALE"]),
        ({"plan": PlanFacts(TRIAL, 9, DAY1, NOON, ())}, ["TOO_MANY_DOSES"]),
    ],
)
def test_another_day(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(new_day_refusals(replace(NEW_DAY, **change))) == expected


# --- thaw -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((30,), []),
        ((31,), ["WARMING_BUDGET"]),
        ((30, 30, 30), []),
        ((0, 30, 30, 30), []),  # a move within the vapour is no time out of the cold
        ((1, 1, 1, 1), ["WARMING_BUDGET"]),
        ((31, 30, 30), ["WARMING_BUDGET", "WARMING_BUDGET"]),
    ],
)
def test_warming_budget(seconds: tuple[int, ...], expected: list[str]) -> None:
    spent = budget(tuple(second * SECOND for second in seconds), HANDLING)
    facts = ReturnFacts("A999926000042000007", spent)
    assert codes(return_refusals(facts)) == expected


def test_the_diluent_decides_how_long_cells_keep() -> None:
    assert usable_until(TRIAL.thaw, NOON, None) == NOON + 6 * HOUR
    assert usable_until(TRIAL.thaw, NOON, "albumin") == NOON + 4 * HOUR
    assert usable_until(TRIAL.thaw, NOON, "protein_free") == NOON + 2 * HOUR
    assert usable_until(TRIAL.thaw, NOON, "water") == NOON + 2 * HOUR  # nobody knows how long: the shortest


@pytest.mark.parametrize(
    ("percent", "has_reason", "expected"),
    [
        (Fraction(90), False, []),
        (Fraction(8999, 100), False, ["REASON_NEEDED"]),
        (Fraction(80), True, []),
        (Fraction(79999, 1000), True, ["DOSE_OUT_OF_BAND"]),  # 80.0 when rounded
        (Fraction(120), True, []),
        (Fraction(1201, 10), True, ["DOSE_OUT_OF_BAND"]),
    ],
)
def test_bands_by_the_exact_percent(percent: Fraction, has_reason: bool, expected: list[str]) -> None:
    assert codes(band_refusals("CH1", percent, TRIAL.dosing.tolerance, has_reason=has_reason)) == expected


# --- infusion ---------------------------------------------------------------------------------

EXPIRES = datetime.datetime(2026, 3, 2, 18, 0)
INFUSION = InfusionFacts(
    dose=DOSE,
    protocol=TRIAL,
    subject=SUBJECT,
    lot=LOT,
    plan=PlanFacts(TRIAL, 1, DAY1, NOON, ()),
    weight=WEIGHT,
    viability_percent=Decimal(88),
    delivered_percent=Fraction("100.3"),
    is_short=False,
    short_dose_accepted=False,
    expires_at=NOON + HOUR,
    bedside=None,
    now=NOON,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"now": NOON + HOUR}, ["OUT_OF_TIME"]),
        ({"viability_percent": Decimal("69.99")}, ["VIABILITY_TOO_LOW"]),
        ({"delivered_percent": Fraction("79.99")}, ["DOSE_OUT_OF_BAND"]),
        ({"is_short": True}, ["DOSE_OUT_OF_BAND"]),
        ({"is_short": True, "short_dose_accepted": True}, []),
        ({"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
        ({"lot": replace(LOT, state="RECALLED")}, ["LOT_NOT_RELEASED"]),
        ({"weight": replace(WEIGHT, used_kg=Decimal("70.0"))}, ["WEIGHT_STALE"]),
        ({"plan": PlanFacts(TRIAL, 2, DAY1, NOON, (given(1, 1, hour=8),))},
         ["DUPLICATE_DOSE", "TOO_EARLY", "OUTSIDE_WINDOW"]),
    ],
)  # fmt: skip
def test_infusion(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(infusion_refusals(replace(INFUSION, **change))) == expected


def at_bedside(**change: Any) -> list[str]:
    facts = BedsideFacts(
        label=read_scan(dose_symbol(DOSE, EXPIRES)),
        wristband=read_scan(a_subject()),
        read_back="MRN-7",
        second_identifier="MRN-7",
        born_on=datetime.date(1970, 4, 1),
        label_expires=EXPIRES,
    )
    return codes(bedside_refusals(DOSE, a_subject(), replace(facts, **change)))


def a_subject(number: int = 1) -> str:
    return record_code(Kind.SUBJECT, number)


def test_the_scans_of_the_bedside() -> None:
    assert at_bedside() == []
    assert at_bedside(read_back=" mrn-7 ") == at_bedside(read_back="MRN 7") == at_bedside(read_back="mrn7") == []
    assert at_bedside(read_back="МRN–7") == []  # a Cyrillic letter, another dash
    assert at_bedside(read_back="MRN-77") == at_bedside(read_back="-") == at_bedside(read_back="") != []
    assert at_bedside(read_back="1970-04-01") == at_bedside(read_back="01.04.1970") == []
    assert at_bedside(read_back="04/01/1970") == ["WRISTBAND_MISMATCH"]
    assert at_bedside(wristband=read_scan(a_subject(2))) == ["WRISTBAND_MISMATCH"]
    assert at_bedside(label=read_scan(dose_symbol("CHA999926000002", EXPIRES))) == ["DOSE_LABEL_MISMATCH"]
    assert at_bedside(label=read_scan(DOSE)) == ["WRONG_KIND"]  # the bars beside the symbol: named, and no mismatch
    assert at_bedside(label_expires=EXPIRES.replace(minute=1)) == ["DOSE_LABEL_MISMATCH"]
    assert at_bedside(label_expires=None) == ["DOSE_LABEL_MISMATCH"]
    assert at_bedside(wristband=read_scan("bed 12")) == ["SCAN_UNREADABLE"]
    assert at_bedside(wristband=read_scan(DOSE)) == ["WRONG_KIND"]
