"""Population doublings, cumulative level and balance, with the worked numbers of the domain reference."""

import math
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.growth import (
    CumulativeLevel,
    Growth,
    GrowthFlag,
    cumulative_level,
    doubling_time_hours,
    growth,
    population_doublings,
    unaccounted_cells,
    viable_cells,
)

FOUR_DAYS = timedelta(hours=96)
COUNTS = st.integers(1, 10**12)


def test_the_worked_passage():
    assert growth(18_960_000, 190_000_000, FOUR_DAYS) == Growth(Decimal("3.325"), Decimal("28.9"), None)


@pytest.mark.parametrize(
    ("elapsed", "hours"),
    [(timedelta(microseconds=1), "0.0"), (timedelta(hours=12), "12.0"), (timedelta(hours=1000.04), "1000.0")],
)
def test_cells_that_doubled_once_took_the_time_that_passed(elapsed, hours):
    assert growth(10**6, 2 * 10**6, elapsed) == Growth(Decimal("1.000"), Decimal(hours), None)


def test_three_tenfold_passages_add_up():
    tenfold = population_doublings(10**6, 10**7)
    level = cumulative_level(None, [tenfold] * 3)
    assert tenfold == Decimal("3.322")
    assert round(level.doublings, 2) == Decimal("9.97")
    assert level.start_known


@pytest.mark.parametrize(
    ("seeded", "harvested", "expected"),
    [
        (2_000_000, 1_000_000, Growth(Decimal("-1.000"), None, GrowthFlag.FEWER_CELLS)),
        (1_000_000, 1_000_000, Growth(Decimal("0.000"), None, GrowthFlag.NO_GROWTH)),
        (1_000_000, 0, Growth(None, None, GrowthFlag.NOTHING_HARVESTED)),
        (None, 4_000_000, Growth(None, None, GrowthFlag.START_UNKNOWN)),
        (1, 0, Growth(None, None, GrowthFlag.NOTHING_HARVESTED)),
        (2, 1, Growth(Decimal("-1.000"), None, GrowthFlag.FEWER_CELLS)),
        (10**12, 10**12 - 1, Growth(Decimal("0.000"), None, GrowthFlag.FEWER_CELLS)),
    ],
)
def test_a_passage_without_growth_is_flagged_and_does_not_fail(seeded, harvested, expected):
    assert growth(seeded, harvested, FOUR_DAYS) == expected


def test_a_loss_too_small_to_show_is_not_minus_zero():
    assert str(population_doublings(10**12, 10**12 - 1)) == "0.000"


@pytest.mark.parametrize(
    ("seeded", "harvested", "elapsed"),
    [
        (0, 1, FOUR_DAYS),
        (-1, 0, FOUR_DAYS),
        (1, -1, FOUR_DAYS),
        (1, 2, timedelta(0)),
        (0, 0, FOUR_DAYS),
        (None, 2, timedelta(-1)),
        (None, 2, timedelta(0)),
    ],
)
def test_growth_is_refused_for_what_cannot_be(seeded, harvested, elapsed):
    with pytest.raises(ValueError):
        growth(seeded, harvested, elapsed)


@pytest.mark.parametrize(("seeded", "harvested"), [(0, 5), (5, 0)])
def test_doublings_need_living_cells_at_both_ends(seeded, harvested):
    with pytest.raises(ValueError, match="living cells at both ends"):
        population_doublings(seeded, harvested)


@given(COUNTS, COUNTS)
def test_doublings_agree_with_log2_and_change_sign_when_turned_round(seeded, harvested):
    doublings = population_doublings(seeded, harvested)
    assert float(doublings) == pytest.approx(math.log2(harvested / seeded), abs=0.0006)
    assert population_doublings(harvested, seeded) == -doublings


@given(st.integers(1, 10**9), st.integers(1, 10))
def test_cells_that_doubled_n_times_took_n_doubling_times(seeded, times):
    harvested = seeded * 2**times
    assert population_doublings(seeded, harvested) == times
    assert doubling_time_hours(seeded, harvested, timedelta(hours=24 * times)) == 24


def test_the_level_goes_on_through_a_bank_vial():
    banked = cumulative_level(None, [Decimal("3.322"), Decimal("2.100")])
    assert cumulative_level(banked, []) == banked
    assert cumulative_level(banked, [Decimal("3.000")]) == CumulativeLevel(Decimal("8.422"))


def test_an_unknown_start_counts_nothing_but_marks_the_level_for_good():
    primary = cumulative_level(None, [None, Decimal("3.000")])
    assert primary == CumulativeLevel(Decimal("3.000"), start_known=False)
    assert not cumulative_level(primary, [Decimal("1.000")]).start_known
    assert str(primary) == "3.000 + start unknown"
    assert str(CumulativeLevel(Decimal("3.000"))) == "3.000"


@given(st.lists(st.decimals(-5, 10, places=3)), st.lists(st.decimals(-5, 10, places=3)))
def test_banking_in_between_changes_no_level(before, after):
    assert cumulative_level(cumulative_level(None, before), after) == cumulative_level(None, before + after)


@pytest.mark.parametrize(
    ("total", "viability", "living"),
    [(4_100_000, "88", 3_608_000), (3, "33.34", 1), (3, "99.99", 2), (0, "90", 0), (10**12, "100", 10**12)],
)
def test_living_cells_are_rounded_down(total, viability, living):
    assert viable_cells(total, Decimal(viability)) == living


@pytest.mark.parametrize(("total", "viability"), [(-1, "90"), (1, "100.1"), (1, "-0.1")])
def test_living_cells_need_a_possible_count_and_viability(total, viability):
    with pytest.raises(ValueError):
        viable_cells(total, Decimal(viability))


@pytest.mark.parametrize(
    ("out", "samples", "losses", "left"),
    [(90, 6, 4, 0), (90, 6, 0, 4), (90, 6, 10, -6)],
)
def test_the_balance_of_a_step_is_what_nobody_explained(out, samples, losses, left):
    assert unaccounted_cells(100, cells_out=out, samples=samples, losses=losses) == left


def test_the_balance_refuses_a_negative_number_by_name():
    with pytest.raises(ValueError, match="Samples cannot be below 0; -3 was given"):
        unaccounted_cells(100, cells_out=103, samples=-3, losses=0)


@pytest.mark.parametrize(("percent", "alive"), [("0", 0), ("100", 999), ("50", 499)])
def test_living_cells_are_never_one_too_many(percent, alive):
    assert viable_cells(999, Decimal(percent)) == alive


@pytest.mark.parametrize("percent", ["-0.01", "100.01"])
def test_a_viability_lies_between_none_and_all(percent):
    with pytest.raises(ValueError, match="between 0 and 100"):
        viable_cells(999, Decimal(percent))


@pytest.mark.parametrize("elapsed", [timedelta(0), timedelta(microseconds=-1)])
def test_a_doubling_time_needs_time(elapsed):
    with pytest.raises(ValueError, match="later than the seeding"):
        doubling_time_hours(1, 2, elapsed)
    assert doubling_time_hours(1, 2, timedelta(hours=1)) == 1
    assert doubling_time_hours(1, 1, timedelta(hours=1)) is None


def test_no_count_is_below_nothing_and_nothing_is_one():
    assert unaccounted_cells(0, cells_out=0, samples=0, losses=0) == 0
    for what in ("cells_out", "samples", "losses"):
        counts = {"cells_out": 0, "samples": 0, "losses": 0, what: -1}
        with pytest.raises(ValueError, match="cannot be below 0"):
            unaccounted_cells(1, **counts)
