"""Units of temperature in any spelling: in a title, in a row of units, in a cell. What is not certain is no unit."""

import re
from collections.abc import Iterable
from decimal import Decimal

CELSIUS, FAHRENHEIT, KELVIN = "C", "F", "K"
UNITS = {CELSIUS: "°C", FAHRENHEIT: "°F", KELVIN: "K"}
NOT_TOLD = ""
_SIGNS = str.maketrans(
    {"º": "°", "˚": "°", "∘": "°", "⁰": "°", "℃": "°c", "℉": "°f", "K": "k", "с": "c", "С": "c", "к": "k", "К": "k"}
)  # the second four are Cyrillic
_DEGREE = r"(?:°|\bdeg(?:rees?)?\b\.?|\bdeg|град\w*\.?)[\s._]*"
_WORDS = {
    CELSIUS: r"celsius|centigrade|celsjus|цельcій",
    FAHRENHEIT: r"fahrenheit|фаренгейт",
    KELVIN: r"kelvin|кельвін|kельвін",
}
# "(K)" may be a thermocouple's type: a letter in brackets or at the end is a unit of C and F alone.
_IN_BRACKETS = {CELSIUS: r"|[(\[]\s*c\s*[)\]]", FAHRENHEIT: r"|[(\[]\s*f\s*[)\]]", KELVIN: ""}
_IN_TITLE = {
    unit: re.compile(rf"{_DEGREE}{unit.lower()}\b|\b{unit.lower()}\s?°|{_WORDS[unit]}{_IN_BRACKETS[unit]}")
    for unit in UNITS
}
_LETTER_AT_THE_END = re.compile(r"(.*(?:temp|темп).*?(?=[\s_.,:/-])|.*temp(?:erature)?)[\s_.,:/-]*([cf])")
_IN_CELL = re.compile(r"[(\[]?\s*(?:°|deg(?:rees?)?\.?)?\s*([cfk])\s*°?\s*[)\]]?")


def _plain(text: str) -> str:
    return text.strip().translate(_SIGNS).casefold()


def unit_of_title(title: str, beside: Iterable[str] = ()) -> str:
    """C, F or K as a title tells it, else NOT_TOLD. A letter at the end (`Temp F`) is a unit unless the titles `beside`
    it count on in letters: then it may be the name of a channel."""
    plain = _plain(title)
    found = [unit for unit, pattern in _IN_TITLE.items() if pattern.search(plain)]
    if found:
        return found[0] if len(found) == 1 else NOT_TOLD
    ends = _LETTER_AT_THE_END.fullmatch(plain)
    if ends is None or any(_is_next_channel(ends[1], other) for other in beside):
        return NOT_TOLD
    return ends[2].upper()


def _is_next_channel(stem: str, title: str) -> bool:
    """Whether a title is the same one with another letter at its end that is no unit."""
    plain = _plain(title)
    return plain.startswith(stem) and re.fullmatch(r"[\s_.,:/-]*[abd-eg-z]", plain[len(stem) :]) is not None


def unit_of_cell(text: str) -> str | None:
    """The unit that stands alone in a cell or behind its number: C, F or K; NOT_TOLD for nothing; None for anything
    else."""
    plain = _plain(text)
    if not plain:
        return NOT_TOLD
    if plain in ("celsius", "fahrenheit", "kelvin"):
        return plain[0].upper()
    found = _IN_CELL.fullmatch(plain)
    return found[1].upper() if found else None


def in_celsius(value: Decimal, unit: str) -> Decimal:
    """A temperature in °C, exactly."""
    if unit == FAHRENHEIT:
        return (value - 32) * 5 / 9
    return value - Decimal("273.15") if unit == KELVIN else value
