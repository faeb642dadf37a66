"""Limits of expansion, cells taken from a harvest, bank vials."""

import datetime
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.growth import viable_cells
from cellbank.domain.rules.culture import (
    BankVialFacts,
    SeedingFacts,
    TakingFacts,
    bank_vial_refusals,
    cells_to_take,
    seeding_refusals,
    seeding_warnings,
    taking_refusals,
)
from cellbank.domain.specification import load_specification

LIMITS = load_specification((resources.files("cellbank") / "protocols" / "p-mmsc.toml").read_text("utf-8")).culture


def seeding(passage: int = 5, level: str = "10", cells: int = 3_000_000, **limits: Any) -> SeedingFacts:
    rules = LIMITS.model_copy(update=limits)
    return SeedingFacts("culture CU1", passage, Decimal(level), cells, Decimal(1000), rules)


@pytest.mark.parametrize(
    ("facts", "refused", "warned"),
    [
        (seeding(), [], []),
        (seeding(passage=6), ["PASSAGE_LIMIT"], []),
        (seeding(passage=6, passage_above_max="warn"), [], ["PASSAGE_LIMIT"]),
        (seeding(passage=5, passage_above_max="warn"), [], []),
        (seeding(level="15"), [], []),
        (seeding(level="15.001"), [], ["POPULATION_DOUBLING_LIMIT"]),
        (seeding(level="20"), [], ["POPULATION_DOUBLING_LIMIT"]),
        (seeding(level="20.001"), ["POPULATION_DOUBLING_LIMIT"], []),
        (seeding(cells=999_000), [], ["OUTSIDE_LIMITS"]),
        (seeding(cells=1_000_000), [], []),
        (seeding(cells=5_001_000), [], ["OUTSIDE_LIMITS"]),
    ],
)
def test_expansion_ends_at_the_limits(facts: SeedingFacts, refused: list[str], warned: list[str]) -> None:
    assert [reason.code.value for reason in seeding_refusals(facts)] == refused
    assert [warning.code.value for warning in seeding_warnings(facts)] == warned


@given(st.integers(1, 10**12), st.decimals("0.01", "100", places=2))
def test_the_cells_taken_hold_the_living_ones_and_not_a_cell_fewer_would(wanted: int, viability: Decimal) -> None:
    taken = cells_to_take(wanted, viability)
    assert taken is not None
    assert taken * viability >= wanted * 100 > (taken - 1) * viability


@given(st.integers(0, 10**12), st.decimals("0.01", "100", places=2))
def test_all_living_cells_of_a_harvest_can_be_taken(left: int, viability: Decimal) -> None:
    living = viable_cells(left, viability)
    if living:
        assert taking_refusals(TakingFacts("CU1", living, viability, left)) == ()
    (reason,) = taking_refusals(TakingFacts("CU1", living + 1, viability, left))
    assert reason.code.value == "CELLS_EXCEED_SOURCE"


def test_dead_cells_seed_nothing() -> None:
    assert cells_to_take(1, Decimal(0)) is None
    (reason,) = taking_refusals(TakingFacts("CU1", 1, Decimal(0), 1000))
    assert reason.code.value == "CELLS_EXCEED_SOURCE"


@pytest.mark.parametrize(("viability", "left"), [(None, None), (None, 1000), (Decimal(90), None)])
def test_nothing_is_taken_before_the_harvest_is_counted(viability: Decimal | None, left: int | None) -> None:
    assert taking_refusals(TakingFacts("CU1", 1, viability, left)) == ()  # the table of transitions says so


def bank_vial(**given: Any) -> BankVialFacts:
    usual = {
        "vial": "A9999 26 000001 000001",
        "lot": "LT1",
        "lot_state": "RELEASED",
        "purpose": "master_bank",
        "expires_on": datetime.date(2027, 1, 1),
        "thawed_on": datetime.date(2027, 1, 1),
        "cells_filled": 5_000_000,
        "viable_seeded": 5_000_000,
    }
    return BankVialFacts(**{**usual, **given})


@pytest.mark.parametrize(
    ("facts", "refused"),
    [
        (bank_vial(), []),
        (bank_vial(purpose="working_bank"), []),
        (bank_vial(purpose="product"), ["WRONG_KIND"]),
        (bank_vial(lot_state="QUARANTINE"), ["LOT_NOT_RELEASED"]),
        (bank_vial(lot_state="ON_HOLD"), ["LOT_NOT_RELEASED"]),
        (bank_vial(thawed_on=datetime.date(2027, 1, 2)), ["EXPIRED"]),
        (bank_vial(viable_seeded=5_000_001), ["CELLS_EXCEED_SOURCE"]),
    ],
)
def test_bank_vials(facts: BankVialFacts, refused: list[str]) -> None:
    assert [reason.code.value for reason in bank_vial_refusals(facts)] == refused
