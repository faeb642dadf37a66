"""What another program or the command line gives for an act: one JSON object, read strictly."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from cellbank.domain.entering import DEEPEST, cleaned_all
from cellbank.services.parsing import Malformed, Problem

LARGEST_EXPONENT = 40  # no quantity of this field is near; beyond it, a short text would be a very long number


def read_object(data: bytes | str) -> dict[str, Any]:
    """The object, its fractions as exact decimals. Raises Malformed for anything else than one JSON object.

    Refused are also NaN and Infinity, a name that stands twice (which one was meant?), and nesting that no input has.
    """
    try:
        given = json.loads(data, parse_float=_exact, parse_constant=_not_json, object_pairs_hook=_each_name_once)
    except RecursionError:
        raise _malformed(f"It is nested deeper than {DEEPEST} levels.") from None
    except ValueError as error:
        raise _malformed(f"This is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise _malformed("A JSON object with the act's inputs is needed.")
    try:
        cleaned: dict[str, Any] = cleaned_all(given)
        return cleaned
    except ValueError as error:
        raise _malformed(f"It is {error}.") from None


def _malformed(sentence: str) -> Malformed:
    return Malformed([Problem("(whole)", sentence)])


def _exact(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:  # an exponent of twenty digits
        number = None
    if number is None or abs(number.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(f"the number {digits[:40]} is out of any range")
    return number


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise ValueError(f"{name[:80]!a} stands there twice")
        read[name] = value
    return read
