"""The time zone that a file names: in a title (`Date Time, GMT+02:00`), or above the titles (`Zeitzone: MEZ`).

What could be a zone and is not known for certain is asked; nothing that names one is left unread.
"""

import datetime
import re
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

Zone = datetime.tzinfo
MOST_HOURS = 14
_ABBREVIATIONS = {
    "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120, "OEZ": 120, "EEST": 180, "OESZ": 180, "WET": 0,
    "WEST": 60, "MSK": 180, "EDT": -240, "PDT": -420, "MDT": -360, "CDT": -300, "JST": 540, "Z": 0,
}  # fmt: skip
# Capitals in a title that name no zone. Others that end as zones do may be one: IST is India, Israel or Ireland.
_NO_ZONE = {"START", "EVENT", "COUNT", "POINT", "DAT", "TT", "HH", "MM", "SS", "DD", "YY"}
_MAY_BE_A_ZONE = re.compile(r"[A-Z]{1,4}(?:T|Z)")
_HOURS = r"(\d\d?(?!\d)|\d\d(?=\d\d))(?::?(\d\d))?(?!\d)"  # 2, 02, 2:00, 0200; not 120, which counts minutes
_SIGNED = rf"([+−-])\s*{_HOURS}"
_UNIVERSAL = re.compile(rf"(?<![A-Za-z/])(?:UTC|GMT)(?![A-Za-z])[\s:(]*(?:{_SIGNED}|(\d{{1,2}}))?", re.IGNORECASE)
_BRACKETS = re.compile(rf"[(\[]\s*{_SIGNED}\s*h?\s*[)\]]")
_AT_THE_END = re.compile(rf"(?:^|[\s,;]){_SIGNED}$")
_OFFSET = re.compile(rf"\(?\s*([+−-]?)\s*{_HOURS}\s*\)?\s*(?:h|hours?|год\w*)?\.?", re.IGNORECASE)
_IANA = re.compile(r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?")
_TURNED = re.compile(r"\betc/(?:gmt|utc)\s?([+−-])(\d{1,2})", re.IGNORECASE)
_PLACES = re.compile(
    r"\b(?:pacific|eastern|central|mountain|standard time|daylight|summer ?time|winter ?time|sommerzeit|winterzeit|"
    r"kyiv|kiev|moscow|berlin|літн|зимов|київ|москов)",
    re.IGNORECASE,
)
_NAMES_A_ZONE = re.compile(
    r"time ?-?zone|zeitzone|часовий пояс|\b(?:utc|gmt|zone|time|zeit)[ -]?(?:offset|diff)|"
    r"offset (?:from|to) (?:utc|gmt)|^\W*(?:tz|utc|gmt)\b",
    re.IGNORECASE,
)
_SUMMER_TIME = re.compile(r"\bdst\b|daylight|summer ?time|sommerzeit|літній час")
_IS_OFF = re.compile(r"\b(?:no|off|false|0|none|disabled|nein|aus|ні)\b")
_OF_TIMES = re.compile(r"\b(?:times?|timestamps?|zeiten|clock|час|zone|utc|gmt)\b", re.IGNORECASE)
_ENDS_OF_THE_ROWS = re.compile(r"^\W*(?:start|stop|end|first|last|begin|початок|кінець|ende)", re.IGNORECASE)
_DATE_OR_TIME = re.compile(r"\d{1,4}[-./]\d\d?[-./]\d{1,4}T?|\d\d?:\d\d:\d\d(?:[.,]\d+)?|(?<![+−-])\b\d\d?:\d\d\b")


class UnknownZone(ValueError):
    """What is named could be several zones, or none; the text is what stands there. `possible`: what it may mean."""

    def __init__(self, named: str, possible: Sequence[Zone] = ()):
        self.possible = tuple(possible)
        super().__init__(named.strip()[:40])


def zone_in(text: str) -> Zone | None:
    """The zone that a text names; None where it names none. Raises UnknownZone for what could be several."""
    if found := _TURNED.search(text):  # by its definition Etc/GMT-2 is UTC+02:00, and not everybody knows it
        raise UnknownZone(found[0], _both_signs(found[2], first="-" if found[1] == "+" else "+"))
    for name in _IANA.findall(text):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    if _PLACES.search(text):
        raise UnknownZone(text)
    if found := _UNIVERSAL.search(text):
        if found[4]:
            raise UnknownZone(found[0], _both_signs(found[4]))
        return _fixed(found[1] or "+", found[2] or "0", found[3])
    if found := _BRACKETS.search(text) or _AT_THE_END.search(text.strip()):
        return _fixed(found[1], found[2], found[3])
    return _by_letters(text)


def _by_letters(text: str) -> Zone | None:
    """The zone of an abbreviation: in capitals, or in brackets however it is written."""
    inside = " ".join(re.findall(r"[(\[]([^)\]]*)[)\]]", text)).upper()
    words = re.findall(r"(?<![A-Za-z])[A-Z]{1,5}(?![A-Za-z])", f"{text} {inside}")
    for word in words:
        if word in _ABBREVIATIONS:
            return datetime.timezone(datetime.timedelta(minutes=_ABBREVIATIONS[word]))
        if _MAY_BE_A_ZONE.fullmatch(word) and word not in _NO_ZONE:
            raise UnknownZone(word)
    return None


def zone_told(titles: Iterable[str], above: Iterable[Sequence[str]]) -> Zone | None:
    """The zone that a file names in the titles of its times or above them; None where it names none. Raises UnknownZone
    for one that is not known, and where two are named."""
    told = [*map(zone_in, titles), *map(_told_by, above)]
    zones = {called(zone): zone for zone in told if zone is not None}
    if len(zones) > 1:
        raise UnknownZone(" / ".join(zones), tuple(zones.values()))
    return next(iter(zones.values()), None)


def _told_by(cells: Sequence[str]) -> Zone | None:
    """The zone that a row above the titles names."""
    words = " ".join(cells).strip()
    key = words.casefold()
    if _SUMMER_TIME.search(key) and not _IS_OFF.search(key):
        raise UnknownZone(words)
    if _NAMES_A_ZONE.search(key):
        return _named(cells, words)
    if _SUMMER_TIME.search(key):
        return None
    if _ENDS_OF_THE_ROWS.search(words) and _DATE_OR_TIME.search(words):
        _ask_about_a_moment(_DATE_OR_TIME.sub(" ", words))
        return None
    return zone_in(words) if _OF_TIMES.search(words) and not _DATE_OR_TIME.search(words) else None


def _ask_about_a_moment(words: str) -> None:
    """The start or the end of the rows bears a zone: the rows may be written in it, and need not."""
    zone = zone_in(words)
    if zone is not None:
        raise UnknownZone(called(zone), (zone,))


def _named(cells: Sequence[str], words: str) -> Zone:
    """The zone of a row that is there to name it."""
    value = next((cell for cell in cells[1:] if cell.strip()), "")
    value = value or "".join(re.split(r":(?!\d)", words, maxsplit=1)[1:]) or _NAMES_A_ZONE.sub(" ", words)
    value = value.strip(" =:")
    if offset := _OFFSET.fullmatch(value):
        return _fixed(offset[1] or "+", offset[2], offset[3])
    found = zone_in(value) or zone_in(value.upper()) or (None if value else zone_in(words))
    if found is None:
        raise UnknownZone(value or words)
    return found


def _both_signs(hours: str, first: str = "+") -> tuple[Zone, ...]:
    return _fixed(first, hours, None), _fixed("-" if first == "+" else "+", hours, None)


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
