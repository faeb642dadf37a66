"""Quantities with a unit: what a person may enter, how it is rounded, how it is shown.

Everything is a Decimal or, for cells and grams, an int: a float that arrives is taken at the digits it
prints and from then on is exact. Rounding happens in one place only: a cell count is shortened for
display (millions). A volume goes to a mark of the syringe in dose.py. Facts: domain reference, §0.9.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice

Given = str | int | float | Decimal
"""What a form, a JSON document or a file may bring."""


@dataclass(frozen=True)
class Quantity:
    """What may be entered for one thing that is measured: unit, limits (both allowed), decimals.

    unit_in_words completes "is given …"; shown is the least number of decimals that a person sees.
    """

    name: str
    unit: str
    unit_in_words: str
    low: Decimal
    high: Decimal
    decimals: int
    shown: int = 0


CELLS = Quantity("The cell count", "cells", "in cells", Decimal(0), Decimal(10**12), 0)
VIABILITY = Quantity("Viability", "%", "in percent", Decimal(0), Decimal(100), 2, shown=1)
# From the smallest newborn to the heaviest adult; what is plausible in a trial, its protocol says.
WEIGHT = Quantity("Body weight", "kg", "in kilograms", Decimal("0.3"), Decimal("400.0"), 3, shown=1)
VOLUME = Quantity("The volume", "mL", "in millilitres", Decimal(0), Decimal(10_000), 3, shown=1)
TEMPERATURE = Quantity("The temperature", "°C", "in degrees Celsius", Decimal("-273.15"), Decimal(200), 2, shown=1)
FIO2 = Quantity("FiO2", "", "as a fraction, 0.40 and not 40 %", Decimal("0.21"), Decimal("1.0"), 2, shown=2)
MASS = Quantity("The mass", "g", "in grams", Decimal("0.1"), Decimal(5000), 1)
LENGTH = Quantity("The length", "cm", "in centimetres", Decimal("0.1"), Decimal(300), 1)
AREA = Quantity("The area", "cm²", "in square centimetres", Decimal("0.1"), Decimal(500_000), 1)

_SPELLINGS = {
    "g": "g",
    "cm": "cm",
    "cm²": "cm²",
    "ml": "mL",
    "kg": "kg",
    "%": "%",
    "°c": "°C",
    "cells": "cells",
    "cell": "cells",
}
_NUMBER = re.compile(r"([+-]?[0-9]+)(?:([.,])([0-9]+))?(?:[eE]([+-]?[0-9]+))?(?: ?([^\W0-9_]+|%|°C|cm²))?", re.ASCII)
_LONGEST_NUMBER = 40


# --- reading ----------------------------------------------------------------------------------


def parse_decimal(given: Given, quantity: Quantity) -> Decimal:
    """The value given for a quantity, exact and without needless zeros (73.40 becomes 73.4).

    A text may use a decimal comma where it cannot be a thousands separator, an exponent, and the right
    unit. Raises ValueError, with a sentence that names the limit and what was given, for everything
    else: no number, NaN, infinity, another unit, too many decimals, outside the limits.
    """
    value = _number(given, quantity)
    if not value.is_finite():
        raise ValueError(f"{quantity.name} must be a number; {_shown(given)} was given.")
    _refuse_outside(value, given, quantity)
    if _decimals(value) > quantity.decimals:
        raise ValueError(f"{quantity.name} {_fineness(quantity)}; {_shown(given)} was given.")
    return _plain(value)


def parse_whole(given: Given, quantity: Quantity) -> int:
    """The value given for a quantity without decimals. Raises ValueError as parse_decimal does."""
    if quantity.decimals:
        raise TypeError(f"{quantity.name} is measured, not counted: use parse_decimal.")
    return int(parse_decimal(given, quantity))


def parse_cells(given: Given) -> int:
    """A number of cells, 0 to 10¹². Raises ValueError as parse_decimal does."""
    return parse_whole(given, CELLS)


def parse_viability(given: Given) -> Decimal:
    """Viability in percent, 0 to 100. Raises ValueError as parse_decimal does."""
    return parse_decimal(given, VIABILITY)


def parse_weight(given: Given) -> Decimal:
    """Body weight, 0.3 to 400.0 kg, to a gram. Raises ValueError as parse_decimal does."""
    return parse_decimal(given, WEIGHT)


def parse_volume(given: Given) -> Decimal:
    """A volume, 0 to 10000 mL. Raises ValueError as parse_decimal does."""
    return parse_decimal(given, VOLUME)


def parse_temperature(given: Given) -> Decimal:
    """A temperature, −273.15 to 200 °C. Raises ValueError as parse_decimal does."""
    return parse_decimal(given, TEMPERATURE)


def parse_fio2(given: Given) -> Decimal:
    """The inspired fraction of oxygen, 0.21 to 1.0. Raises ValueError as parse_decimal does."""
    return parse_decimal(given, FIO2)


def _number(given: Given, quantity: Quantity) -> Decimal:
    if isinstance(given, Decimal):
        return given
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(f"{quantity.name} must be a number; {_shown(given)} was given.")
    # repr of a float is the shortest text that means it: 73.4 stays 73.4. An int is turned directly,
    # for Python refuses to spell very long ones.
    if isinstance(given, str):
        return _from_text(given.strip(), quantity)
    return Decimal(given) if isinstance(given, int) else Decimal(repr(given))


def _from_text(text: str, quantity: Quantity) -> Decimal:
    read = _NUMBER.fullmatch(text.replace("−", "-")) if len(text) <= _LONGEST_NUMBER else None
    if read is None:
        raise ValueError(f"{quantity.name} must be a plain number such as {quantity.high:f}; {_shown(text)} was given.")
    whole, mark, decimals, exponent, unit = read.groups()
    _refuse_other_unit(unit, text, quantity)
    if mark == "," and len(decimals) == 3 and whole.lstrip("+-0"):
        raise ValueError(
            f"{_shown(text)} can be read in two ways, for three digits follow the comma: "
            f"write {quantity.name[0].lower() + quantity.name[1:]} with a point or without a separator."
        )
    if exponent and len(exponent.lstrip("+-0")) > 4:
        raise ValueError(f"{quantity.name} {_limits(quantity)}; {_shown(text)} was given.")
    return Decimal(f"{whole}.{decimals or 0}e{exponent or 0}")


def _refuse_other_unit(unit: str | None, text: str, quantity: Quantity) -> None:
    if unit and _SPELLINGS.get(unit.lower()) != quantity.unit:
        raise ValueError(f"{quantity.name} is given {quantity.unit_in_words}; {_shown(text)} was given.")


def _refuse_outside(value: Decimal, given: Given, quantity: Quantity) -> None:
    if not quantity.low <= value <= quantity.high:
        hint = "" if quantity.unit else f" Give it {quantity.unit_in_words}."
        raise ValueError(f"{quantity.name} {_limits(quantity)}; {_shown(given)} was given.{hint}")


def _limits(quantity: Quantity) -> str:
    limits = f"must be between {quantity.low:,f} and {quantity.high:,f} {quantity.unit}"
    return limits.replace(",", " ").rstrip()


def _shown(given: object) -> str:
    """What was given, short enough and safe enough to stand in a sentence."""
    try:
        text = str(given)
    except ValueError:  # an int of more than 4300 digits
        return "a number of thousands of digits"
    text = "".join(islice((c for c in text if c.isprintable()), _LONGEST_NUMBER + 1))
    return (text if len(text) <= _LONGEST_NUMBER else text[:_LONGEST_NUMBER] + "…") or "nothing"


def _fineness(quantity: Quantity) -> str:
    if quantity.decimals == 0:
        return "is a whole number"
    return f"has {quantity.decimals} decimal{'' if quantity.decimals == 1 else 's'} at most"


def _decimals(value: Decimal) -> int:
    """Decimals that are not trailing zeros. Not by normalize(), which would round long values first."""
    _, digits, exponent = value.as_tuple()
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -(int(exponent) + trailing)) if any(digits) else 0


def _plain(value: Decimal) -> Decimal:
    """The same value without trailing zeros, exponent or a minus before zero."""
    return value.quantize(Decimal(1).scaleb(-_decimals(value))) + 0


# --- showing ----------------------------------------------------------------------------------


def millions(cells: int) -> str:
    """A cell count for people, ×10⁶ with three significant figures, halves up: 57375000 is ``57.4 ×10⁶``.

    For display only; nothing is ever calculated from it. Raises ValueError below 0.
    """
    if cells < 0:
        raise ValueError(f"A cell count is not below 0; {cells} was given.")
    if cells == 0:
        return "0 ×10⁶"
    exact = Decimal(cells).scaleb(-6)
    rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_UP)
    decimals = max(0, 2 - rounded.adjusted())
    return f"{rounded:.{decimals}f} ×10⁶"


def of_the_dose(cells: int | None, percent: Decimal | None) -> str:
    """Cells with what they are of the required dose: ``34.2 ×10⁶ (40.2 % of the dose)``; a dash where there are none
    yet."""
    return "–" if cells is None else f"{millions(cells)} ({percent} % of the dose)"
