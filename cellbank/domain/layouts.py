"""Keyboard layouts that spoil scans: which key an English (US) keyboard has where a sign was typed.

A keyboard-wedge scanner presses keys; under another layout other signs arrive. The tables serve only to
name the layout to the person at the bench, never to repair a scan. Facts: domain reference, §0.11.
"""

_US_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?' + "@#$^&"
_UKRAINIAN = "'йцукенгшщзхїфівапролджєячсмитьбю." + "₴ЙЦУКЕНГШЩЗХЇФІВАПРОЛДЖЄЯЧСМИТЬБЮ," + '"№;:?'
_RUSSIAN = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ," + '"№;:?'
_GERMAN, _US_FOR_GERMAN = "zyZY;:´`/-+", "yzYZ<>=+&/]"
_FRENCH = "aqzwAQZW" + "&é\"'(-è_çà" + "1234567890" + ",?;.:/!§)$"
_US_FOR_FRENCH = "qawzQAWZ" + "1234567890" + "!@#$%^&*()" + "mM,<.>/?-]"

LAYOUTS = {
    "Ukrainian": str.maketrans(_UKRAINIAN, _US_KEYS),
    "Russian": str.maketrans(_RUSSIAN, _US_KEYS),
    "German": str.maketrans(_GERMAN, _US_FOR_GERMAN),
    "French": str.maketrans(_FRENCH, _US_FOR_FRENCH),
}
"""By name, the table for str.translate that turns typed signs into the keys that were meant."""

_CYRILLIC = frozenset(c for c in _UKRAINIAN + _RUSSIAN + "ґҐ" if c.isalpha())


def is_cyrillic(character: str) -> bool:
    """Whether the character is a letter that a Ukrainian or Russian keyboard types."""
    return character in _CYRILLIC
