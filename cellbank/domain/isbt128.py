"""ISBT 128 data structures: a scanned text cut into its parts. Facts: domain reference, §1.1.

Only the structures that labels of a cell bank need are known. What the parts mean together is said in
scans.py; how they are built, in identifiers.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cellbank.domain.garbled import Garbled, GarbledReason, garbled
from cellbank.domain.identifiers import COI, DIN, DIVISION, FIN, PRODUCT_CODE


@dataclass(frozen=True)
class _Structure:
    """One ISBT 128 data structure: its number, how it opens, and the shape of what follows."""

    name: str
    opening: str
    identifier_length: int
    length: int
    content: str
    words: str


_STRUCTURES = (
    _Structure("din", "=[A-NP-Z1-9]", 1, 15, f"{DIN}[0-9]{{2}}", "donation number"),  # 001
    _Structure("product", "=<", 2, 8, PRODUCT_CODE, "product code"),  # 003
    _Structure("expires", "&>", 2, 10, "[0-9]{10}", "expiry"),  # 005
    _Structure("compound", r"=\+", 2, 5, "[0-9]{5}", "count of a compound message"),  # 023
    _Structure("division", "=,", 2, 6, DIVISION, "division"),  # 032
    _Structure("facility", r"&\+", 2, 11, f"{FIN}[A-Z0-9]{{6}}", "processing facility"),  # 033
    _Structure("dose", "&/", 2, 15, COI, "dose code"),  # 040
)


def split(text: str) -> dict[str, str] | Garbled:
    """The content of each structure by name; every character must belong to one, and each come once."""
    parts: dict[str, str] = {}
    rest = text
    while rest:
        structure = next((s for s in _STRUCTURES if re.match(s.opening, rest)), None)
        if structure is None:
            return _no_structure(rest, parts)
        if structure.name in parts or (structure.name == "compound" and parts):
            return garbled(
                GarbledReason.LEFTOVER,
                f"The scan holds a second {structure.words}: two labels ran together. "
                "Clear the field and scan one label at a time.",
            )
        end = structure.identifier_length + structure.length
        content = rest[structure.identifier_length : end]
        if not re.fullmatch(structure.content, content):
            return _malformed(structure, content)
        parts[structure.name] = content
        rest = rest[end:]
    return parts


def _no_structure(rest: str, parts: Mapping[str, str]) -> Garbled:
    if len(rest) == 1 and rest in "=&":
        return garbled(GarbledReason.TRUNCATED, "The end of the label is missing. Scan the label again.")
    if parts:
        return garbled(
            GarbledReason.LEFTOVER,
            f"{len(rest)} characters at the end belong to no part of a label. "
            "Clear the field and scan one label at a time.",
        )
    return garbled(
        GarbledReason.UNKNOWN_FORM,
        "The label starts with a part that is not used here. Scan the donation, vial or dose label instead.",
    )


def _malformed(structure: _Structure, content: str) -> Garbled:
    if len(content) < structure.length or re.search("[=&]", content):
        return garbled(
            GarbledReason.TRUNCATED,
            f"The {structure.words} on the label was read in part only. Scan the label again.",
        )
    return garbled(
        GarbledReason.UNKNOWN_FORM,
        f"The {structure.words} holds characters that cannot occur in one. Scan the label again.",
    )


def date_time(text: str) -> datetime | None:
    """cyyjjjhhmm as a local time; c is the hundreds digit of the year: 9 is 19xx, 0 is 20xx."""
    year = (1000 if text[0] == "9" else 2000) + int(text[:3])
    day, hour, minute = int(text[3:6]), int(text[6:8]), int(text[8:])
    if day < 1 or hour > 23 or minute > 59:
        return None
    at = datetime(year, 1, 1, hour, minute) + timedelta(days=day - 1)
    return at if at.year == year else None
