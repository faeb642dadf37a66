"""What is said of a scan that could not be read."""

from dataclasses import dataclass
from enum import StrEnum


class GarbledReason(StrEnum):
    """Why a scan could not be read."""

    EMPTY = "EMPTY"
    TOO_LONG = "TOO_LONG"
    KEYBOARD_LAYOUT = "KEYBOARD_LAYOUT"
    MIXED_ALPHABET = "MIXED_ALPHABET"
    TRUNCATED = "TRUNCATED"
    CHECK_CHARACTER = "CHECK_CHARACTER"
    WRONG_COUNT = "WRONG_COUNT"
    INCOMPLETE_DIVISION = "INCOMPLETE_DIVISION"
    LEFTOVER = "LEFTOVER"
    UNKNOWN_FORM = "UNKNOWN_FORM"


@dataclass(frozen=True)
class Garbled:
    """A scan that could not be read; the sentence says what happened and what to do."""

    raw: str
    reason: GarbledReason
    sentence: str


def garbled(reason: GarbledReason, sentence: str) -> Garbled:
    """A Garbled whose raw text is still to be filled in, which scans.read_scan does at its end."""
    return Garbled("", reason, sentence)
