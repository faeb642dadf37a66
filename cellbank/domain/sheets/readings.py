"""Readings as numbers: a million of them take 8 MB, and the numbers sort as times do."""

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence

OFFSET = 1 << 15  # so that no temperature is below nought
_PIECE = 1 << 17


def pack(second: int, hundredths: int) -> int:
    """A reading as one number."""
    return (second << 16) | (hundredths + OFFSET)


def unpacked(keys: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Readings as (second, hundredths)."""
    return ((key >> 16, (key & 0xFFFF) - OFFSET) for key in keys)


def in_order(keys: "array[int]") -> "array[int]":
    """The readings in the order of time: sorted in pieces, so that a file in the wrong order does not take ten times
    the memory of one in the right order."""
    pieces = [array("q", sorted(keys[start : start + _PIECE])) for start in range(0, len(keys), _PIECE)]
    return pieces[0] if len(pieces) == 1 else array("q", heapq.merge(*pieces))


def repeated(keys: Sequence[int]) -> list[int]:
    """The places of readings at the same time as the one before, where they are in order."""
    return [place for place in range(1, len(keys)) if keys[place] >> 16 == keys[place - 1] >> 16]
