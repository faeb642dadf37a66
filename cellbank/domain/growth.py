"""How cells grow: population doublings, doubling time, cumulative level, and the balance of a step.

The level decides limits (a culture that has doubled too often is not a product), so it is calculated in
Decimal and rounded once, by the rule stated at each function. Facts: domain reference, §4.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

_LN2 = Decimal(2).ln()


class GrowthFlag(StrEnum):
    """What a passage shows that a person must look at."""

    START_UNKNOWN = "START_UNKNOWN"
    """The cells put in were not counted, as in a P0 from tissue pieces: its doublings are not known."""

    NOTHING_HARVESTED = "NOTHING_HARVESTED"
    """No living cell was harvested: there are neither doublings nor a doubling time."""

    FEWER_CELLS = "FEWER_CELLS"
    """Fewer living cells were harvested than seeded: doublings are negative, no doubling time."""

    NO_GROWTH = "NO_GROWTH"
    """As many living cells were harvested as seeded: doublings are 0, no doubling time."""


@dataclass(frozen=True)
class Growth:
    """The growth of one passage: doublings to 0.001, doubling time in hours to 0.1, halves up."""

    doublings: Decimal | None
    doubling_time_hours: Decimal | None
    flag: GrowthFlag | None


def viable_cells(total_cells: int, viability_percent: Decimal) -> int:
    """Living cells among those counted, rounded down: a count never promises a cell too many.

    Raises ValueError for a negative count or a viability outside 0–100.
    """
    _refuse_negative(total_cells=total_cells)
    if not 0 <= viability_percent <= 100:
        raise ValueError(f"Viability lies between 0 and 100 %; {viability_percent} % was given.")
    return int(total_cells * viability_percent / 100)


def population_doublings(seeded: int, harvested: int) -> Decimal:
    """log2 of living cells harvested over living cells seeded, to 0.001, halves away from 0.

    Negative when cells were lost. Raises ValueError unless both counts are above 0.
    """
    return _rounded(_ln_ratio(seeded, harvested) / _LN2, "0.001")


def doubling_time_hours(seeded: int, harvested: int, elapsed: timedelta) -> Decimal | None:
    """Hours in which the living cells doubled, to 0.1 h; None when they did not grow.

    Raises ValueError unless both counts and the time are above 0.
    """
    if elapsed <= timedelta(0):
        raise ValueError("The harvest must be later than the seeding.")
    ratio = _ln_ratio(seeded, harvested)
    hours = Decimal(elapsed // timedelta(microseconds=1)) / (3600 * 10**6)
    return _rounded(hours * _LN2 / ratio, "0.1") if ratio > 0 else None


def growth(seeded: int | None, harvested: int, elapsed: timedelta) -> Growth:
    """The growth of one passage from living cells seeded (None: not known) and harvested.

    A passage without growth is flagged, never an error. Raises ValueError for a count of seeded cells
    that is not above 0, a negative harvest, or a harvest that is not later than the seeding.
    """
    _refuse_negative(harvested=harvested)
    if elapsed <= timedelta(0):
        raise ValueError("The harvest must be later than the seeding.")
    if seeded is None:
        return Growth(None, None, GrowthFlag.START_UNKNOWN)
    if harvested == 0 and seeded > 0:
        return Growth(None, None, GrowthFlag.NOTHING_HARVESTED)
    hours = doubling_time_hours(seeded, harvested, elapsed)
    return Growth(population_doublings(seeded, harvested), hours, _flag(seeded, harvested))


def _flag(seeded: int, harvested: int) -> GrowthFlag | None:
    if harvested < seeded:
        return GrowthFlag.FEWER_CELLS
    return GrowthFlag.NO_GROWTH if harvested == seeded else None


@dataclass(frozen=True)
class CumulativeLevel:
    """Population doublings since the first count. start_known is False when a passage could not be counted,
    so that the true level is higher by an unknown number."""

    doublings: Decimal
    start_known: bool = True

    def __str__(self) -> str:
        return f"{self.doublings}" if self.start_known else f"{self.doublings} + start unknown"


def cumulative_level(carried: CumulativeLevel | None, passages: Iterable[Decimal | None]) -> CumulativeLevel:
    """The level after further passages: the sum of their doublings, as they were rounded and recorded.

    carried is the level at which a bank vial was frozen; a culture started from it goes on from there and
    never starts at 0 again. None is for cells fresh from tissue. A passage whose doublings are None
    (unknown start) adds 0 and marks the level; a negative passage counts as it is, by the formula.
    """
    so_far = carried or CumulativeLevel(Decimal(0))
    each = list(passages)
    known = so_far.start_known and None not in each
    return CumulativeLevel(so_far.doublings + sum((d for d in each if d is not None), Decimal(0)), known)


def unaccounted_cells(cells_in: int, *, cells_out: int, samples: int, losses: int) -> int:
    """Cells of one step that are not explained: in − out − samples − losses. 0 means balanced.

    Positive: cells are missing. Negative: more came out than went in. Raises ValueError below 0.
    """
    _refuse_negative(cells_in=cells_in, cells_out=cells_out, samples=samples, losses=losses)
    return cells_in - cells_out - samples - losses


def _ln_ratio(seeded: int, harvested: int) -> Decimal:
    if seeded <= 0 or harvested <= 0:
        raise ValueError(f"Doublings need living cells at both ends; {seeded} and {harvested} were given.")
    return (Decimal(harvested) / seeded).ln()


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), ROUND_HALF_UP) + 0  # + 0 turns -0.000 into 0.000


def _refuse_negative(**counts: int) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name.replace('_', ' ').capitalize()} cannot be below 0; {count} was given.")
