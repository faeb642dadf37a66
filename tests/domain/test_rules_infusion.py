"""The bedside and what follows it, as tables: who stops what, to the drop."""

import datetime
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cellbank.domain.identifiers import dose_symbol
from cellbank.domain.rules.infusion import (
    BedsideFacts,
    ReconciliationFacts,
    StopFacts,
    bedside_refusals,
    ended_refusals,
    infusion_refusals,
    is_mismatch,
    read_back_fits,
    reconciliation_refusals,
    standing_refusals,
    stop_refusals,
)
from cellbank.domain.scans import read_scan
from tests.domain.test_rules_dosing import (
    DOSE,
    EXPIRES,
    INFUSION,
    LOT,
    NOON,
    SECOND,
    SUBJECT,
    TRIAL,
    a_subject,
    codes,
)

BORN = datetime.date(1961, 5, 17)
BEDSIDE = BedsideFacts(
    label=read_scan(dose_symbol(DOSE, EXPIRES)),
    wristband=read_scan(a_subject()),
    read_back="MRN-7",
    second_identifier="MRN-7",
    born_on=BORN,
    label_expires=EXPIRES,
)
VIABLE = TRIAL.thaw.viability_minimum_percent


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"viability_percent": VIABLE}, []),  # the limit itself
        ({"viability_percent": VIABLE - Decimal("0.01")}, ["VIABILITY_TOO_LOW"]),
        ({"viability_percent": None, "delivered_percent": None}, []),
        ({"delivered_percent": Fraction(80)}, []),
        ({"expires_at": NOON + SECOND}, []),
        ({"expires_at": NOON}, ["OUT_OF_TIME"]),
        ({"expires_at": None}, []),
    ],
)
def test_the_limits_of_an_infusion(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(infusion_refusals(replace(INFUSION, **change))) == expected


@pytest.mark.parametrize(
    ("state", "change", "expected"),
    [
        ("THAWING", {"viability_percent": Decimal(1)}, []),  # nothing is counted yet
        *((state, {"viability_percent": Decimal(1)}, ["VIABILITY_TOO_LOW"])
          for state in ("PREPARED", "CHECKED_ONCE", "CHECKED", "INFUSING")),
        ("THAWING", {"expires_at": NOON}, ["OUT_OF_TIME"]),
        ("ORDERED", {"lot": replace(LOT, is_held=True)}, ["ON_HOLD"]),
        ("ORDERED", {"subject": replace(SUBJECT, state="WITHDRAWN")}, ["SUBJECT_NOT_ENROLLED"]),
        *((state, {"expires_at": NOON}, ["WRONG_STATE"])
          for state in ("INFUSED", "RECONCILED", "DISCARDED", "CANCELLED")),
    ],
)  # fmt: skip
def test_how_a_dose_stands(state: str, change: dict[str, Any], expected: list[str]) -> None:
    assert codes(standing_refusals(state, replace(INFUSION, **change))) == expected


def test_a_label_of_what_is_over_says_what_became_of_it() -> None:
    said = {state: ended_refusals(DOSE, state)[0].detail for state in ("INFUSED", "DISCARDED", "CANCELLED")}
    assert "was given already" in said["INFUSED"] and "was discarded already" in said["DISCARDED"]
    assert "was cancelled already" in said["CANCELLED"]
    assert ended_refusals(DOSE, "PREPARED") == ()


@pytest.mark.parametrize(("earlier", "stops"), [(0, False), (1, False), (2, True), (3, True)])
def test_the_third_mismatch_ends_in_an_order_to_stop(earlier: int, stops: bool) -> None:
    (found,) = bedside_refusals(DOSE, a_subject(), replace(BEDSIDE, read_back="x", earlier_mismatches=earlier))
    assert ("call the quality officer" in found.detail) is stops
    assert not stops or f"This is mismatch {earlier + 1} of this dose" in found.detail
    assert is_mismatch(found)


def test_what_is_not_read_is_no_mismatch() -> None:
    scanned = replace(BEDSIDE, wristband=read_scan("bed 12"), earlier_mismatches=2)
    (found,) = bedside_refusals(DOSE, a_subject(), scanned)
    assert not is_mismatch(found) and "call the quality officer" not in found.detail


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        *((said, True) for said in ("1961-05-17", "17.05.1961", "19610517", "17051961", "170561", " 17.05.1961 ")),
        *((said, True) for said in ("MRN-7", "mrn 7")),
        *((said, False) for said in ("05/17/1961", "17.05.61", "1705", "MRN-8", "", " ", "-")),
    ],
)
def test_what_is_read_back(said: str, fits: bool) -> None:
    assert read_back_fits(said, "MRN-7", BORN) is fits


STOP = StopFacts(DOSE, Decimal(50), Decimal(50), 50_000_000, 50_000_000, TRIAL, False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),  # all that was prepared
        ({"given_ml": Decimal("50.01")}, ["FIGURES_CONTRADICT"]),
        ({"given_ml": Decimal(45)}, []),  # 90 %
        ({"given_ml": Decimal("44.99")}, ["REASON_NEEDED"]),
        ({"given_ml": Decimal("44.99"), "has_reason": True}, []),
        ({"delivered_cells": 49_999_999, "given_ml": Decimal(45)}, ["REASON_NEEDED"]),
    ],
)
def test_how_an_infusion_ends(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(stop_refusals(replace(STOP, **change))) == expected


EMPTY = ("A999926000042000007", "A999926000042000008")
LEFT = ReconciliationFacts(DOSE, Decimal(50), Decimal(49), Decimal(1), EMPTY, EMPTY)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"residual_ml": Decimal("1.01")}, ["FIGURES_CONTRADICT"]),
        ({"given_ml": None, "residual_ml": Decimal(50)}, []),
        ({"given_ml": None, "residual_ml": Decimal("50.01")}, ["FIGURES_CONTRADICT"]),
        ({"prepared_ml": None, "residual_ml": Decimal(99)}, []),
        ({"scanned": EMPTY[:1]}, ["NOT_ENOUGH_VIALS"]),
        ({"scanned": (*EMPTY, "A999926000042000009")}, ["VIAL_MISMATCH"]),
        ({"scanned": ("A999926000042000009",)}, ["VIAL_MISMATCH", "NOT_ENOUGH_VIALS"]),
    ],
)
def test_what_is_left_of_a_dose(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(reconciliation_refusals(replace(LEFT, **change))) == expected
