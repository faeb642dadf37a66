"""What a text that comes in may be made of, whichever door it comes through.

A character that no text of this bank holds (NUL, which no database stores, the other controls of a terminal, half of a
pair) is made visible when it enters: it becomes its picture, U+2400 and following. So nothing on the way to the
database meets it, what was scanned or typed stays recognizable in what is kept of it, and an input that has one is
refused by name (`services.parsing`), beside its field. Line ends and tabs are text; the separators inside a
two-dimensional symbol (U+001C to U+001F) are a scanner's, and the grammar of scans knows them.
"""

import re
from collections.abc import Mapping
from typing import Any

_FOREIGN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1b\x7f\ud800-\udfff]")
#: the pictures, and what they stand for: no input may hold either
NOT_STORABLE = re.compile("[\0\ud800-\udfff\u2400-\u2426]")
_PICTURE = re.compile("[\u2400-\u2426]")
_DELETE, _HALF = "\u2421", "\u2426"
_MEANT = {_DELETE: "\x7f", _HALF: "\ud800"}
DEEPEST = 20  # no input has lists in lists deeper than this


def cleaned(text: str) -> str:
    """The text with what cannot be part of it made visible; what needs nothing comes back as it is."""
    return _FOREIGN.sub(_picture, text)


def whole_number(text: str, digits: int = 17) -> int | None:
    """A number as it is typed, or stands in an address; None for anything else, and for more digits than these. What
    only looks like a digit is none (²), and `int` would not read it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 32 else _DELETE if code == 127 else _HALF


def cleaned_all(value: Any, levels: int = DEEPEST) -> Any:
    """Everything in a value of JSON cleaned, names included. Raises ValueError when it is nested too deeply."""
    if isinstance(value, str):
        return cleaned(value)
    if not isinstance(value, Mapping | list):
        return value
    if not levels:
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, list):
        return [cleaned_all(item, levels - 1) for item in value]
    return {cleaned(name): cleaned_all(item, levels - 1) for name, item in value.items()}


def _came(found: re.Match[str]) -> str:
    return _MEANT.get(found[0]) or chr(ord(found[0]) - 0x2400)


def written_out(text: str) -> str:
    """What was told and is kept in words: what cannot be seen, or is a picture of it, stands there as an escape."""
    came = _PICTURE.sub(_came, text)
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in came)


def spelled(text: str) -> str:
    """A text to be kept as evidence of itself: what cannot be printed, or is a picture of it, written as an escape."""
    came = _PICTURE.sub(_came, text)
    return came if came.isprintable() else came.encode("unicode_escape").decode()
