"""What may be entered, how it is rounded, how it is shown."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.quantities import (
    CELLS,
    FIO2,
    MASS,
    TEMPERATURE,
    VIABILITY,
    VOLUME,
    WEIGHT,
    Quantity,
    millions,
    of_the_dose,
    parse_cells,
    parse_decimal,
    parse_fio2,
    parse_temperature,
    parse_viability,
    parse_volume,
    parse_weight,
    parse_whole,
)

QUANTITIES = [CELLS, VIABILITY, WEIGHT, VOLUME, TEMPERATURE, FIO2]


@pytest.mark.parametrize(
    ("parse", "entered", "value"),
    [
        (parse_weight, "73.4", "73.4"),
        (parse_weight, "73,4", "73.4"),
        (parse_weight, " 73.4 kg ", "73.4"),
        (parse_weight, "73.4kg", "73.4"),
        (parse_weight, "73.4 KG", "73.4"),
        (parse_weight, "73.40", "73.4"),
        (parse_weight, 73.4, "73.4"),
        (parse_weight, 64.1, "64.1"),
        (parse_weight, 120, "120"),
        (parse_weight, Decimal("30.0"), "30"),
        (parse_weight, "400,0", "400"),
        (parse_weight, "0.3", "0.3"),
        (parse_weight, "3.255", "3.255"),
        (parse_viability, "0", "0"),
        (parse_viability, "0.000", "0"),
        (parse_weight, "73.4" + "0" * 36, "73.4"),  # as long as a number may be
        (parse_weight, "734e-1", "73.4"),
        (parse_weight, "100e-0000001", "10"),
        (parse_viability, "100 %", "100"),
        (parse_viability, "85,25%", "85.25"),
        (parse_volume, "13.858 ml", "13.858"),
        (parse_volume, "0,125 mL", "0.125"),
        (parse_temperature, "−196 °C", "-196"),
        (parse_temperature, "-273.15", "-273.15"),
        (parse_temperature, "-0", "0"),
        (parse_fio2, "0,4", "0.4"),
        (parse_fio2, 1, "1"),
        (parse_fio2, "0.21", "0.21"),
    ],
)
def test_a_value_is_taken_exactly_as_given(parse, entered, value):
    found = parse(entered)
    assert isinstance(found, Decimal)
    assert str(found) == value


@pytest.mark.parametrize(
    ("entered", "cells"),
    [
        ("57375000", 57_375_000),
        ("57.375e6", 57_375_000),
        ("50E6 cells", 50_000_000),
        (5e7, 50_000_000),
        ("0.0", 0),
        ("1e12", 10**12),
    ],
)
def test_cells_become_an_int(entered, cells):
    found = parse_cells(entered)
    assert isinstance(found, int)
    assert found == cells


@pytest.mark.parametrize(
    ("parse", "entered", "sentence"),
    [
        (parse_weight, "160 lb", "Body weight is given in kilograms; 160 lb was given."),
        (parse_weight, "0.299", "Body weight must be between 0.3 and 400.0 kg; 0.299 was given."),
        (parse_weight, 400.1, "Body weight must be between 0.3 and 400.0 kg; 400.1 was given."),
        (parse_weight, "73.4512", "Body weight has 3 decimals at most; 73.4512 was given."),
        (parse_weight, 73.400000001, "Body weight has 3 decimals at most; 73.400000001 was given."),
        (parse_weight, "73,412", "73,412 can be read in two ways"),
        (parse_weight, "1,073.4", "Body weight must be a plain number"),
        (parse_weight, "", "Body weight must be a plain number such as 400.0; nothing was given."),
        (parse_weight, "1_00", "1_00 was given"),
        (parse_weight, "٧٣", "plain number"),
        (parse_weight, "73.", "plain number"),
        (parse_weight, "NaN", "plain number"),
        (parse_weight, "inf", "plain number"),
        (parse_weight, float("nan"), "Body weight must be a number; nan was given."),
        (parse_weight, float("-inf"), "Body weight must be a number; -inf was given."),
        (parse_weight, Decimal("sNaN"), "Body weight must be a number; sNaN was given."),
        (parse_weight, True, "Body weight must be a number; True was given."),
        (parse_weight, None, "Body weight must be a number; None was given."),
        (parse_weight, "1e" + "9" * 30, "must be between 0.3 and 400.0 kg"),
        (parse_weight, "73.4" + "0" * 37, "plain number"),
        (parse_weight, "1e999999999", "must be between 0.3 and 400.0 kg"),
        (parse_weight, Decimal("1e-999999"), "must be between 0.3 and 400.0 kg"),
        (parse_weight, "9" * 5000, "plain number"),
        pytest.param(parse_weight, 10**5000, "a number of thousands of digits was given", id="huge int"),
        (parse_cells, 10**30, "The cell count must be between 0 and 1 000 000 000 000 cells; 1000"),
        (parse_cells, "1e30", "between 0 and 1 000 000 000 000 cells; 1e30 was given."),
        (parse_cells, -1, "The cell count must be between 0 and 1 000 000 000 000 cells; -1 was given."),
        (parse_cells, 1.5, "The cell count is a whole number; 1.5 was given."),
        (parse_cells, "57,375", "can be read in two ways"),
        (parse_cells, "50 mL", "The cell count is given in cells; 50 mL was given."),
        (parse_viability, "100.01", "Viability must be between 0 and 100 %; 100.01 was given."),
        (parse_viability, "85.125", "Viability has 2 decimals at most; 85.125 was given."),
        (parse_viability, "1.0000000000000000000000000000000001", "Viability has 2 decimals at most"),
        (parse_volume, "2 L", "The volume is given in millilitres; 2 L was given."),
        (
            parse_temperature,
            "-273.16",
            "The temperature must be between -273.15 and 200 °C; -273.16 was given.",
        ),
        (parse_temperature, "77 K", "The temperature is given in degrees Celsius; 77 K was given."),
        (parse_fio2, 40, "FiO2 must be between 0.21 and 1.0; 40 was given. Give it as a fraction"),
        (parse_fio2, "40 %", "FiO2 is given as a fraction"),
        (parse_fio2, "0.2", "FiO2 must be between 0.21 and 1.0; 0.2 was given."),
    ],
)
def test_a_wrong_value_is_refused_with_the_limit_and_what_was_given(parse, entered, sentence):
    with pytest.raises(ValueError) as refused:
        parse(entered)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("parse", "entered", "sentence"),
    [
        (parse_weight, "0.299", "Body weight must be between 0.3 and 400.0 kg; 0.299 was given."),
        (
            parse_fio2,
            "0.2",
            "FiO2 must be between 0.21 and 1.0; 0.2 was given. Give it as a fraction, 0.40 and not 40 %.",
        ),
        (lambda entered: parse_decimal(entered, MASS), "1.25", "The mass has 1 decimal at most; 1.25 was given."),
        (
            parse_weight,
            "73,412",
            "73,412 can be read in two ways, for three digits follow the comma: "
            "write body weight with a point or without a separator.",
        ),
        (
            parse_weight,
            "x" * 40,
            f"Body weight must be a plain number such as 400.0; {'x' * 40} was given.",
        ),
        (
            parse_weight,
            "x" * 41,
            f"Body weight must be a plain number such as 400.0; {'x' * 40}… was given.",
        ),
    ],
)
def test_what_is_told_is_told_whole(parse, entered, sentence):
    with pytest.raises(ValueError) as refused:
        parse(entered)
    assert str(refused.value) == sentence


def test_a_sentence_stays_short_and_printable():
    with pytest.raises(ValueError) as refused:
        parse_weight("x\x00\x1b[31m" + "y" * 10_000)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


def test_a_measured_quantity_is_not_counted():
    with pytest.raises(TypeError, match="Body weight is measured"):
        parse_whole("73", WEIGHT)


@st.composite
def values(draw) -> tuple[Decimal, Quantity]:
    quantity = draw(st.sampled_from(QUANTITIES))
    return draw(st.decimals(quantity.low, quantity.high, places=quantity.decimals)), quantity


@given(values())
def test_a_float_is_taken_at_the_digits_it_prints(case):
    value, quantity = case
    assert parse_decimal(float(value), quantity) == value


@given(st.text() | st.floats() | st.decimals() | st.integers(), st.sampled_from(QUANTITIES))
def test_anything_is_either_within_the_limits_or_refused(entered, quantity):
    try:
        value = parse_decimal(entered, quantity)
    except ValueError:
        return
    assert quantity.low <= value <= quantity.high
    assert value == round(value, quantity.decimals)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (57_375_000, "57.4 ×10⁶"),
        (57_350_000, "57.4 ×10⁶"),
        (57_349_999, "57.3 ×10⁶"),
        (57_000_000, "57.0 ×10⁶"),
        (114_750_000, "115 ×10⁶"),
        (9_995_000, "10.0 ×10⁶"),
        (99_960_000, "100 ×10⁶"),
        (999_600, "1.00 ×10⁶"),
        (1_234_000_000, "1230 ×10⁶"),
        (1_500, "0.00150 ×10⁶"),
        (1, "0.00000100 ×10⁶"),
        (0, "0 ×10⁶"),
    ],
)
def test_cells_are_shown_in_millions_with_three_figures(cells, shown):
    assert millions(cells) == shown


def test_cells_beside_what_they_are_of_the_dose():
    assert of_the_dose(34_200_000, Decimal("40.2")) == "34.2 ×10⁶ (40.2 % of the dose)"
    assert of_the_dose(None, None) == "–"


def test_a_negative_cell_count_is_not_shown():
    with pytest.raises(ValueError, match="not below 0"):
        millions(-1)


@given(st.integers(1, 10**12))
def test_millions_are_off_by_half_a_percent_at_most(cells):
    shown = Decimal(millions(cells).removesuffix(" ×10⁶")) * 10**6
    assert abs(shown - cells) * 200 <= cells
