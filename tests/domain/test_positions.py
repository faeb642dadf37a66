"""Positions of a box: their names, their numbers, and which are free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.positions import free_positions, is_position_name, position_name, position_number


@pytest.mark.parametrize(
    ("name", "number"), [("A1", 1), ("A9", 9), ("B1", 10), ("C4", 22), ("I9", 81)], ids=lambda value: str(value)
)
def test_positions_of_a_nine_by_nine_box_count_row_by_row(name: str, number: int) -> None:
    assert position_number(name, 9, 9) == number
    assert position_name(number, 9) == name


@given(st.integers(1, 26), st.integers(1, 48), st.data())
def test_a_number_becomes_a_name_and_the_same_number_again(rows: int, columns: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, rows * columns))
    name = position_name(number, columns)
    assert is_position_name(name) and position_number(name, rows, columns) == number


@pytest.mark.parametrize("name", ["J1", "A10", "I10", "Z99"])
def test_a_position_that_the_box_does_not_have_names_the_last_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"no position {name}: the last one is I9"):
        position_number(name, 9, 9)


@pytest.mark.parametrize("text", ["", "1", "A", "A0", "A01", "AA1", "a1", "А1", "1A", "A1 ", "A100"])
def test_what_has_not_the_shape_of_a_position_is_none(text: str) -> None:
    assert not is_position_name(text)
    with pytest.raises(ValueError, match="is not a position"):
        position_number(text, 9, 9)


def test_no_position_lies_before_the_first_or_after_row_z() -> None:
    for position in (0, 27):
        with pytest.raises(ValueError, match="has no position"):
            position_name(position, 1)


def test_free_positions_are_offered_in_order_from_the_first_wanted() -> None:
    assert free_positions({1, 3}, 6) == (2, 4, 5, 6)
    assert free_positions({1, 3}, 6, first=5) == (5, 6)
    assert free_positions({1}, 1) == ()
