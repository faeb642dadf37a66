"""The hour that the clocks repeat in autumn: which pass a row is of, told by the order of the rows, or not at all.

Rows of one file stand in the order of time, or all the other way round. Of every way to split the rows of the hour
into a first and a second pass, one that keeps the order of time and the even steps of the logger is taken if it is
the only one. A logger that shows the hour once does not follow the clocks: nothing here decides that.
"""

from collections.abc import Sequence
from itertools import pairwise

HOUR = 3600
UNEVEN = 1.5  # a step this much longer than another is a gap


def passes(before: Sequence[int], first: Sequence[int], after: Sequence[int]) -> list[int] | None:
    """The seconds of the rows of the hour; None where the order does not tell.

    `before` and `after`: the seconds of some rows around it; `first`: its rows as of the first pass, an hour earlier
    than in the second. All as they stand in the file.
    """
    possible = _in_order(before, first, after)
    if possible:
        return _only_one(possible, before, first, after)
    turned = (after[::-1], first[::-1], before[::-1])
    found = _only_one(_in_order(*turned), *turned)
    return found[::-1] if found else None


def _in_order(before: Sequence[int], first: Sequence[int], after: Sequence[int]) -> list[list[int]]:
    """Every way to split the hour in which no row is earlier than the one before it."""
    ways = ([*first[:split], *(one + HOUR for one in first[split:])] for split in range(len(first) + 1))
    return [way for way in ways if all(one <= two for one, two in pairwise([*before[-1:], *way, *after[:1]]))]


def _only_one(
    possible: list[list[int]], before: Sequence[int], first: Sequence[int], after: Sequence[int]
) -> list[int] | None:
    if any(two < one for one, two in pairwise(first)):  # the clock was seen to step back
        return possible[0] if len(possible) == 1 else None
    even = [way for way in possible if _is_even([*before, *way, *after])]
    return even[0] if len(even) == 1 else None


def _is_even(rows: Sequence[int]) -> bool:
    """Whether no step is a gap; a row that was written twice is one row."""
    steps = [two - one for one, two in pairwise(rows) if two != one]
    return bool(steps) and max(steps) <= UNEVEN * min(steps)
