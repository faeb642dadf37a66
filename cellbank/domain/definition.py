"""How a definition file (trial protocol, product specification) becomes a frozen model, or a list of faults.

Definitions are TOML: numbers, names, choices, never logic. Numbers arrive as int or Decimal, never as
float, for they decide how many vials a patient gets. A file with five mistakes is answered with five
problems, each with its dotted path (items of a list are counted from 1: `dosing.infusions[2].day`).
A check that needs a value which is itself wrong or missing waits until that value is right.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from cellbank.domain.entering import NOT_STORABLE, cleaned, written_out

# A version is part of a code and of an address, and read aloud: of letters that can be told apart. Twin:
# a_version_has_a_plain_code.
PLAIN_VERSION = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,23}"
LARGEST_NUMBER = Decimal(10) ** 12  # more cells than any lot; keeps "1e999999" from costing hours
MOST_DECIMALS = 6


class DefinitionProblems(ValueError):
    """A definition file was refused; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Contradictions(ValueError):
    """Raised inside a field validator: several (sub-path, sentence) problems of one field at once."""

    def __init__(self, problems: Iterable[tuple[str, str]]):
        self.problems = tuple(problems)
        super().__init__("; ".join(sentence for _, sentence in self.problems))


class Definition(BaseModel):
    """One table of a definition file: frozen, unknown keys refused, defaults checked like given values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Coded(Protocol):
    """Anything in a definition that is named by its code."""

    @property
    def code(self) -> str: ...


C = TypeVar("C", bound=Coded)


def refuse_contradictions(problems: Iterable[tuple[str, str]]) -> None:
    """Raise `Contradictions` if there is at least one problem."""
    found = tuple(problems)
    if found:
        raise Contradictions(found)


def unique_codes(items: tuple[C, ...]) -> tuple[C, ...]:
    """Refuse a list in which two items carry the same code."""
    first_places: dict[str, int] = {}
    problems = []
    for place, item in enumerate(items, start=1):
        first = first_places.setdefault(item.code, place)
        if first != place:
            problems.append((f"[{place}].code", f"{item.code} is already the code of item {first}"))
    refuse_contradictions(problems)
    return items


def by_code(items: Iterable[C], code: str) -> C:
    """Find the item with this code; KeyError names the codes that exist."""
    known = {item.code: item for item in items}
    if code not in known:
        raise KeyError(f"{code} is not one of {', '.join(known)}")
    return known[code]


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("should be a number")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("should be a finite number")
    if abs(number) > LARGEST_NUMBER:
        raise ValueError("is larger than 10^12")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
        raise ValueError(f"has more than {MOST_DECIMALS} decimals")
    return number


def _whole_cells(value: object) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError("should be a whole number of cells")
    return int(number)


def _stands(info: ValidationInfo) -> bool:
    """Whether the file is of a version that was imported already."""
    return bool((info.context or {}).get("stands"))


def _readable(text: str, info: ValidationInfo) -> str:
    # Written as an escape it comes in past the door where such characters become visible. One that stands has none that
    # no database stores, and is read as it is.
    if not _stands(info) and (cleaned(text) != text or NOT_STORABLE.search(text)):
        raise ValueError("holds a character that is part of no text")
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    mixed = mixed_script_words(text)
    if mixed:
        raise ValueError(f"mixes Latin and Cyrillic letters in {', '.join(mixed)}; type the word again")
    return text


def mixed_script_words(text: str) -> tuple[str, ...]:
    """Words with both Latin and Cyrillic letters, which look alike (registry records have some)."""
    words = re.findall(r"[^\W\d_]+", text)
    return tuple(word for word in words if re.search("[A-Za-z]", word) and re.search("[\u0400-\u04ff]", word))


def _plain(text: str, info: ValidationInfo) -> str:
    """Of a file that comes in; a version that stands is read as it is, or all that was made under it could not be."""
    if not _stands(info) and not re.fullmatch(PLAIN_VERSION, text):
        raise ValueError("should be 1 to 24 of A to Z, a to z, 0 to 9 and . _ + -, and begin with a letter or a digit")
    return text


Text = Annotated[StrictStr, Field(min_length=1, max_length=1000), AfterValidator(_readable)]
Version = Annotated[Text, AfterValidator(_plain)]
ShortText = Annotated[StrictStr, Field(min_length=1, max_length=24), AfterValidator(_readable)]
LabelLine = Annotated[StrictStr, Field(min_length=1, max_length=40), AfterValidator(_readable)]
Code = Annotated[StrictStr, Field(pattern=r"^[A-Z0-9][A-Za-z0-9+-]{0,39}$")]
Identifier = Annotated[StrictStr, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$")]
Key = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Flag = StrictBool
Count = Annotated[StrictInt, Field(ge=0, le=100_000)]
AtLeastOne = Annotated[StrictInt, Field(ge=1, le=100_000)]
Number = Annotated[Decimal, BeforeValidator(_number)]
NotNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Cells = Annotated[int, BeforeValidator(_whole_cells), Field(gt=0)]

N = TypeVar("N", int, Decimal)


class Bounds(Definition, Generic[N]):
    """Two bounds, both inside: `{ low = 90, high = 110 }`."""

    low: N
    high: N

    @field_validator("high")
    @classmethod
    def _not_below_low(cls, high: N, info: ValidationInfo) -> N:
        if "low" in info.data and high < info.data["low"]:
            raise ValueError(f"is below low, {info.data['low']}")
        return high

    def holds(self, value: Decimal | int | Fraction) -> bool:
        """Whether the value lies inside, bounds included; exact. Raises TypeError for a float."""
        if isinstance(value, float):
            raise TypeError(f"{value!r} is a float: compare exact numbers only")
        return Fraction(self.low) <= Fraction(value) <= Fraction(self.high)

    def encloses(self, other: "Bounds[N]") -> bool:
        """Whether the other range lies inside this one."""
        return self.low <= other.low and other.high <= self.high

    def __str__(self) -> str:
        return f"{Decimal(self.low):f} to {Decimal(self.high):f}"


class Range(Bounds[Number]):
    """A range of numbers."""


class CellRange(Bounds[Cells]):
    """A range of whole cells."""


D = TypeVar("D", bound=Definition)


def digest(text: str) -> str:
    """sha256 (hex) of a definition file's text in UTF-8, as given: a changed comment is another file."""
    return hashlib.sha256(text.encode()).hexdigest()


def load_definition(text: str, model: type[D], problems_type: type[DefinitionProblems], *, stands: bool) -> D:
    """Parse TOML text into `model`; raise `problems_type` with all problems at once. `stands`: imported already."""
    try:
        return model.model_validate(_parse(text, problems_type), context={"stands": stands})
    except ValidationError as error:
        raise problems_type(_sentences(error)) from None


LONGEST_FILE = 500_000  # letters
# The time to read a dotted name grows with the square of its points and more: 20,000 of them take half a minute.
MOST_POINTS = 100
_BETWEEN_NAMES = re.compile(r"[=,\[\]{}\n]")


def _parse(text: str, problems_type: type[DefinitionProblems]) -> dict[str, Any]:
    if len(text) > LONGEST_FILE:
        raise problems_type([f"not read: it has more than {LONGEST_FILE:,} letters"])
    if any(piece.count(".") > MOST_POINTS for piece in _BETWEEN_NAMES.split(text)):
        raise problems_type([f"not read: a name, or a line of text, has more than {MOST_POINTS} points"])
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise problems_type([f"not valid TOML: {error}"]) from None
    except (ValueError, ArithmeticError):  # Python's own limits on the length of one number
        raise problems_type(["not valid TOML: a number is too long to be read"]) from None
    except RecursionError:
        raise problems_type(["not valid TOML: nested too deeply"]) from None


def _sentences(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        path = _dotted(problem["loc"])
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, Contradictions):
            yield from (f"{path}{below}: {sentence}" for below, sentence in cause.problems)
        else:
            yield f"{path}: {_sentence(problem['type'], problem['msg'], problem['input'], cause)}"


def _dotted(location: tuple[str | int, ...]) -> str:
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "model_type": "should be a table",
    "tuple_type": "should be a list",
}


def _sentence(kind: str, message: str, given: object, cause: object) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    said = str(cause) if cause else message.replace("Input should", "should")
    return f"{said} (given: {written_out(str(given))})" if isinstance(given, (str, int, Decimal)) else said
