"""The time zone that a file names: in a title (`Date Time, GMT+02:00`), or above the titles (`Zeitzone: MEZ`)."""

import datetime
import re
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

Zone = datetime.tzinfo
MOST_HOURS = 14
_ABBREVIATIONS = {
    "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120, "OEZ": 120, "EEST": 180, "OESZ": 180, "WET": 0,
    "WEST": 60, "MSK": 180, "EDT": -240, "PDT": -420, "MDT": -360, "CDT": -300,
}  # fmt: skip
# One name, several places on earth: IST is India, Israel or Ireland.
_AMBIGUOUS = ("IST", "BST", "CST", "EST", "AST", "MST", "PST", "GST")
_UNIVERSAL = re.compile(r"(?<![A-Za-z/])(?:UTC|GMT)(?:\s*([+−-])\s*(\d{1,2})(?::?(\d\d))?)?(?![A-Za-z])", re.IGNORECASE)
_OFFSET = re.compile(r"\(?\s*([+−-]?)\s*(\d{1,2})(?::?(\d\d))?\s*\)?\s*h?")
_IANA = re.compile(r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?")
_NAMES_A_ZONE = ("time zone", "timezone", "zeitzone", "utc offset", "gmt offset", "zone offset", "часовий пояс")
_SAYS_TIMES_ARE = re.compile(r"\b(?:all )?(?:times?|timestamps?|zeiten)\b[^\d]*\b(?:in|are|is|:|=)", re.IGNORECASE)


class UnknownZone(ValueError):
    """A zone is named that could be several or none; the text is what stands there."""


def zone_in(text: str) -> Zone | None:
    """The zone that a text names; None where it names none. Raises UnknownZone for a name that several places have."""
    if found := _UNIVERSAL.search(text):
        return _fixed(found[1] or "+", found[2] or "0", found[3])
    for name in _IANA.findall(text):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    words = re.findall(r"[A-Z]{3,4}", text) if "(" in text or "[" in text or text.isupper() else []
    for word in words:
        if word in _ABBREVIATIONS:
            return datetime.timezone(datetime.timedelta(minutes=_ABBREVIATIONS[word]))
        if word in _AMBIGUOUS:
            raise UnknownZone(word)
    return None


def zone_above(rows: Iterable[Sequence[str]]) -> Zone | None:
    """The zone that a row above the titles names. Raises UnknownZone where one is named that is not known."""
    for cells in rows:
        words = " ".join(cells).strip()
        key = words.casefold()
        if any(name in key for name in _NAMES_A_ZONE):
            return _named(cells, words)
        if _SAYS_TIMES_ARE.search(words) and (found := zone_in(words)) is not None:
            return found
    return None


def _named(cells: Sequence[str], words: str) -> Zone:
    value = next((cell for cell in cells[1:] if cell.strip()), "") or words.partition(":")[2]
    value = value.strip()
    found = zone_in(value) or zone_in(value.upper()) or zone_in(words)
    if found is not None:
        return found
    if offset := _OFFSET.fullmatch(value):
        return _fixed(offset[1] or "+", offset[2], offset[3])
    raise UnknownZone(value[:40] or words[:40])


def _fixed(sign: str, hours: str, minutes: str | None) -> Zone:
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > datetime.timedelta(hours=MOST_HOURS):
        raise UnknownZone(f"{sign}{hours}:{minutes or '00'}")
    return datetime.timezone(offset if sign == "+" else -offset)


def zone_called(name: str) -> Zone:
    """The zone of a name: Europe/Kyiv, UTC, UTC+02:00. Raises UnknownZone."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        found = zone_in(name.upper())
    if found is None or isinstance(found, ZoneInfo):
        raise UnknownZone(name)
    return found


def called(zone: Zone) -> str:
    """A zone as a person reads it: Europe/Kyiv, UTC+02:00."""
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)
