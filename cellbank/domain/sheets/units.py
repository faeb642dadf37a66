"""Units of temperature in any spelling: in a title, a row of units, a cell, above the titles. What is not certain is no
unit; what speaks of a part of a degree (`1/10 °C`, `°C x 10`, `m°C`) is asked, for a factor is read either way."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

CELSIUS, FAHRENHEIT, KELVIN = "C", "F", "K"
UNITS = {CELSIUS: "°C", FAHRENHEIT: "°F", KELVIN: "K"}
PARTS = {"C/10": "tenths of °C", "C/100": "hundredths of °C", "C/1000": "thousandths of °C"}
EVERY_UNIT = {**PARTS, **UNITS}
NOT_TOLD = ""
SCALED = "scaled"  # a factor stands there: only a person knows what the numbers count
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
_POWER = r"(?:10+(?!\d)|0[.,]0*1(?!\d)|10\^?[-−]\d)"
_PART = re.compile(
    rf"(?:(?:(?<![a-z])|(?<=temp)|(?<=c))x|[×*·/])\s*{_POWER}|(?<!\d)10+\s?[x×*·]|10\^?[-−]\d|"
    r"(?<![\d.,])0[.,]0*1(?!\d)|(?<![a-z])(?:[mcdμµ]°(?=\s?[cfk])|[mμµ]\s°|m[ck]\b)|"
    r"(?:mill?i|[cz]enti|de[cz]i)[\s-]?(?:deg|°|c\b|celsius|kelvin|grad(?!e))|"
    r"(?:ten|hundred|thousand)th|zehntel|hundertstel|tausendstel|де[сc]ят|(?<!\w)[сc]от(?:их|і)|тисячн|\bscaled"
)
_NAMES_A_UNIT = re.compile(r"\b(?:unit|einheit|одиниц)")
_NAMES_A_FACTOR = re.compile(r"\b(?:scale|scaling|factor|multiplier|divisor|faktor|множник|дільник)\b")
_LETTER_AT_THE_END = re.compile(r"(.*(?:temp|темп).*?(?=[\s_.,:/-])|.*temp(?:erature)?)[\s_.,:/-]*([cf])")
_IN_CELL = re.compile(r"[(\[]?\s*(?:°|deg(?:rees?)?\.?)?\s*([cfk])\s*°?\s*[)\]]?")


def _plain(text: str) -> str:
    return text.strip().translate(_SIGNS).casefold()


def unit_of_title(title: str, beside: Iterable[str] = ()) -> str:
    """C, F or K as a title tells it, SCALED where it speaks of a part of a degree, else NOT_TOLD. A letter at the end
    (`Temp F`) is a unit unless the titles `beside` it count on in letters: then it may be the name of a channel."""
    plain = _plain(title)
    if _PART.search(plain):
        return SCALED
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


def unit_above(rows: Iterable[Sequence[str]]) -> str:
    """The unit that a row above the titles tells (`Temperature unit: °F`, `Scale factor;10`), else NOT_TOLD."""
    for cells in rows:
        words = _plain(" ".join(cells))
        value = next((cell for cell in cells[1:] if cell.strip()), "") or words.partition(":")[2]
        if _NAMES_A_FACTOR.search(words) and value.strip() not in ("", "1", "1.0", "1,0"):
            return SCALED
        if _NAMES_A_UNIT.search(words) and (found := unit_of_cell(value) or unit_of_title(words)):
            return found
    return NOT_TOLD


def in_celsius(value: Decimal, unit: str) -> Decimal:
    """A temperature in °C, exactly."""
    if unit == FAHRENHEIT:
        return (value - 32) * 5 / 9
    if unit in PARTS:
        return value / int(unit.partition("/")[2])
    return value - Decimal("273.15") if unit == KELVIN else value
