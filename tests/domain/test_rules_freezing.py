"""When a lot may be opened, closed and frozen, and when it expires."""

import datetime
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import cellbank
from cellbank.domain.rules.freezing import (
    ClosingFacts,
    FillingFacts,
    FreezingFacts,
    OpeningFacts,
    Source,
    closing_refusals,
    expires_on,
    filling_refusals,
    freezing_refusals,
    opening_refusals,
    shelf_life_months,
)
from cellbank.domain.specification import load_specification

SPECIFICATION = load_specification(
    (Path(cellbank.__file__).parent / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")
)
FREEZING, CULTURE = SPECIFICATION.freezing, SPECIFICATION.culture
NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)

SOURCE = Source("CU1", "A999926000001", 200_000_000, 200_000_000, 4, Decimal("12.5"))
OPENING = OpeningFacts((SOURCE,), "product", 8, 25_000_000, Decimal("1.0"), Decimal(10), FREEZING, CULTURE)
CLOSING = ClosingFacts("LT1", 200_000_000, 7, 25_000_000, 20_000_000, 5_000_000)
FREEZE = FreezingFacts("LT1", NOON, NOON + datetime.timedelta(minutes=60), "CRF-1", FREEZING)


@pytest.mark.parametrize(
    ("filled", "months", "expires"),
    [
        ("2026-03-02", 24, "2028-03-02"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-11-30", 1, "2026-12-30"),
        ("2026-12-15", 12, "2027-12-15"),
    ],
)
def test_a_lot_expires_whole_months_later_and_never_in_the_month_after(filled: str, months: int, expires: str) -> None:
    assert expires_on(datetime.date.fromisoformat(filled), months) == datetime.date.fromisoformat(expires)


def test_the_shelf_life_is_that_of_the_purpose() -> None:
    assert shelf_life_months(FREEZING, "product") == 24
    assert shelf_life_months(FREEZING, "keepsake") is None


@pytest.mark.parametrize(
    "facts",
    [
        OPENING,
        replace(OPENING, vial_count=7),
        replace(OPENING, cells_per_vial=5_000_000),
        replace(OPENING, vial_count=4, cells_per_vial=50_000_000, volume_ml=Decimal("1.8")),
        replace(OPENING, dmso_percent=Decimal(5)),
        replace(OPENING, sources=(SOURCE, replace(SOURCE, culture="CU2"))),
        replace(OPENING, sources=(replace(SOURCE, passage=5, cumulative_doublings=Decimal(20)),)),
    ],
)
def test_a_lot_within_the_limits_is_opened(facts: OpeningFacts) -> None:
    assert opening_refusals(facts) == ()


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (
            replace(OPENING, sources=(SOURCE, replace(SOURCE, culture="CU2", donation="A999926000002"))),
            "MIXED_DONORS",
            "culture CU2 from A999926000002",
        ),
        (
            replace(OPENING, sources=(replace(SOURCE, cells_left=199_999_999),)),
            "CELLS_EXCEED_SOURCE",
            "199 999 999 cells left and 200 000 000",
        ),
        (replace(OPENING, vial_count=9), "CELLS_EXCEED_SOURCE", "25 000 000 are missing"),
        (replace(OPENING, vial_count=1, cells_per_vial=28_000_001), "OUTSIDE_LIMITS", "5.00 ×10⁶ to 28.0 ×10⁶"),
        (replace(OPENING, cells_per_vial=4_999_999), "OUTSIDE_LIMITS", "cells per mL"),
        (replace(OPENING, volume_ml=Decimal("1.801")), "OUTSIDE_LIMITS", "1.801 mL) is outside"),
        (replace(OPENING, volume_ml=Decimal("0.999")), "OUTSIDE_LIMITS", "0.999 mL) is outside"),
        (replace(OPENING, dmso_percent=Decimal("10.01")), "OUTSIDE_LIMITS", "DMSO (10.01 %)"),
        (
            replace(OPENING, freezing=FREEZING.model_copy(update={"shelf_life": FREEZING.shelf_life[:1]})),
            "OUTSIDE_LIMITS",
            "product lot",
        ),
        (replace(OPENING, sources=(replace(SOURCE, passage=6),)), "PASSAGE_LIMIT", "is P6 and the limit is P5"),
        (
            replace(OPENING, sources=(replace(SOURCE, cumulative_doublings=Decimal("20.001")),)),
            "POPULATION_DOUBLING_LIMIT",
            "20.001 times",
        ),
    ],
)
def test_a_lot_outside_the_limits_is_refused_with_its_reason(facts: OpeningFacts, code: str, words: str) -> None:
    refusals = opening_refusals(facts)
    assert [refusal.code for refusal in refusals] == [code]
    assert words in refusals[0].detail


def test_a_volume_of_nothing_is_refused_and_not_divided_by() -> None:
    codes = [refusal.code for refusal in opening_refusals(replace(OPENING, volume_ml=Decimal(0)))]
    assert codes == ["OUTSIDE_LIMITS", "OUTSIDE_LIMITS"]


def test_a_passage_above_the_limit_that_only_warns_is_opened() -> None:
    warns = CULTURE.model_copy(update={"passage_above_max": "warn"})
    assert opening_refusals(replace(OPENING, sources=(replace(SOURCE, passage=6),), culture=warns)) == ()


def test_a_vial_of_another_lot_is_refused_by_name() -> None:
    (refusal,) = filling_refusals(FillingFacts("LT1", {"V9": "LT2"}))
    assert refusal.code == "VIAL_MISMATCH"
    assert "Vial V9 belongs to lot LT2, not to lot LT1" in refusal.detail
    assert filling_refusals(FillingFacts("LT1", {})) == ()


def test_a_balance_of_zero_closes_the_filling() -> None:
    assert closing_refusals(CLOSING) == ()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(CLOSING, lost_cells=4_999_999), " 1 cells are not accounted for"),
        (replace(CLOSING, lost_cells=5_000_001), " 1 cells too many"),
        (replace(CLOSING, filled_count=6), " 25 000 000 cells are not accounted for"),
        (replace(CLOSING, filled_count=8), " 25 000 000 cells too many"),
    ],
)
def test_a_single_cell_that_is_not_accounted_for_keeps_the_filling_open(facts: ClosingFacts, words: str) -> None:
    (refusal,) = closing_refusals(facts)
    assert refusal.code == "CELL_BALANCE"
    assert words in refusal.detail
    told = facts.filled_count * facts.cells_per_vial + facts.sample_cells + facts.lost_cells
    assert f"make {told:,}.".replace(",", " ") in refusal.detail


def test_freezing_begins_within_the_hour_by_a_program_of_the_specification() -> None:
    assert freezing_refusals(FREEZE) == ()


def test_freezing_a_second_too_late_is_refused() -> None:
    (refusal,) = freezing_refusals(replace(FREEZE, frozen_at=FREEZE.frozen_at + datetime.timedelta(seconds=1)))
    assert refusal.code == "TOO_LATE"
    assert "61 minutes after filling did; 60 are allowed" in refusal.detail


def test_a_program_that_the_specification_does_not_know_is_refused() -> None:
    (refusal,) = freezing_refusals(replace(FREEZE, program="KITCHEN"))
    assert refusal.code == "OUT_OF_SPECIFICATION"
    assert "CRF-1 or CRF-2" in refusal.detail
