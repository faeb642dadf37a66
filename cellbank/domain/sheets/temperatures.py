"""The number in a cell, as a temperature."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.units import NOT_TOLD, in_celsius, unit_of_cell

_COLDEST, _WARMEST = -27315, 20000
_NUMBER = re.compile(r"([+-]?)(\d{1,4})(?:([.,])(\d{1,10}))?\s*(.*)")


def read_number(text: str) -> tuple[Decimal, str]:
    """The number in a cell, with a point or a comma, and the unit behind it, if one is. Raises Unreadable."""
    found = _NUMBER.fullmatch(text.strip().replace("−", "-"))
    unit = unit_of_cell(found[5]) if found else None
    if found is None or unit is None:
        raise Unreadable(f"{text[:30]!r} is no temperature")
    return Decimal(f"{found[1]}{found[2]}.{found[4] or 0}"), unit


def hundredths_of(number: Decimal, text: str, unit: str) -> int:
    """A temperature in hundredths of a degree Celsius; 0 while nobody knows its unit. Raises Unreadable for what no
    probe can read."""
    if unit == NOT_TOLD:
        return 0
    hundredths = int((in_celsius(number, unit) * 100).to_integral_value(ROUND_HALF_EVEN))
    if not _COLDEST <= hundredths <= _WARMEST:
        raise Unreadable(f"{text[:30]!r} is outside −273.15 to 200 °C")
    return hundredths
