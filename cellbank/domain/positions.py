"""The positions of a box: rows are letters from the back, columns are numbers; they count from 1, row by row.

In a box of 9 × 9, A1 is position 1, A9 position 9, B1 position 10 and I9 position 81.
"""

import re
from collections.abc import Collection
from string import ascii_uppercase

_NAME = re.compile(r"([A-Z])([1-9][0-9]?)")


def is_position_name(text: str) -> bool:
    """Whether the text has the shape of a position: one capital from A to Z and a number from 1 to 99."""
    return _NAME.fullmatch(text) is not None


def position_name(position: int, columns: int) -> str:
    """What is written at a position: 10 in a box of 9 columns is B1. Raises ValueError outside rows A to Z."""
    row, column = divmod(position - 1, columns)
    if position < 1 or row >= len(ascii_uppercase):
        raise ValueError(f"A box of {columns} columns has no position {position}.")
    return f"{ascii_uppercase[row]}{column + 1}"


def position_number(name: str, rows: int, columns: int) -> int:
    """The number of a position from its name. Raises ValueError, naming the last position, when the box has none."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ValueError(f"{name!r} is not a position: write the letter of the row and the number of the column, C4.")
    row, column = ascii_uppercase.index(parts[1]), int(parts[2])
    if row >= rows or column > columns:
        raise ValueError(f"There is no position {name}: the last one is {position_name(rows * columns, columns)}.")
    return row * columns + column


def free_positions(taken: Collection[int], size: int, first: int = 1) -> tuple[int, ...]:
    """The positions of a box of this size that are not taken, in order, from `first` on."""
    return tuple(position for position in range(first, size + 1) if position not in taken)
