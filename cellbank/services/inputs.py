"""The types of which act inputs are made: scanned codes, quantities with units, instants.

One type is read the same way from a form, from JSON and from the command line, because all three end here. The extra
keys in the JSON schema (`scan`, `unit`) tell the form which widget to draw and other programs what to send.
"""

import datetime
import re
import unicodedata
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from cellbank.domain import quantities
from cellbank.domain.addresses import LONGEST, read_address
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import ON_PAPER, Kind, listed, looks_mixed
from cellbank.domain.scans import read_scan

# Signs that turn the direction of writing: they make a text read as another one than it is.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MAX_VIALS = 1000  # a limit on everything: no lot or box of these sites is larger


def as_text(given: Any) -> str:
    """The text given. A number or a list is refused: str() of it would be read as something that nobody typed."""
    if not isinstance(given, str):
        raise ValueError("must be text")
    return given


def scanned(*kinds: Kind) -> tuple[Any, ...]:
    """What makes a str a code of one of these kinds as a scanner or a person types it; validated to its stored form."""
    names = " or ".join(kind.name.lower() for kind in kinds) if len(kinds) < 12 else "record's"

    def read(given: Any) -> str:
        scan = read_scan(as_text(given))
        if isinstance(scan, Garbled):
            raise ValueError(scan.sentence)
        if scan.kind not in kinds:
            raise ValueError(f"This is a {scan.kind.name.lower()} code ({scan.code}); a {names} code is needed here.")
        return scan.code

    return BeforeValidator(read), Field(json_schema_extra={"scan": [kind.value for kind in kinds]})


DonorCode = Annotated[str, *scanned(Kind.DONOR)]
ConsentCode = Annotated[str, *scanned(Kind.CONSENT)]
DonationCode = Annotated[str, *scanned(Kind.DONATION)]
CultureCode = Annotated[str, *scanned(Kind.CULTURE)]
LotCode = Annotated[str, *scanned(Kind.LOT)]
VialCode = Annotated[str, *scanned(Kind.VIAL)]
StorageCode = Annotated[str, *scanned(Kind.STORAGE)]
ReagentCode = Annotated[str, *scanned(Kind.REAGENT)]
ResultCode = Annotated[str, *scanned(Kind.RESULT)]
SampleCode = Annotated[str, *scanned(Kind.SAMPLE)]
SubjectCode = Annotated[str, *scanned(Kind.SUBJECT)]
WeightCode = Annotated[str, *scanned(Kind.WEIGHT)]
DoseCode = Annotated[str, *scanned(Kind.DOSE)]
ShipmentCode = Annotated[str, *scanned(Kind.SHIPMENT)]
DeviationCode = Annotated[str, *scanned(Kind.DEVIATION)]
FreezerRunCode = Annotated[str, *scanned(Kind.FREEZER_RUN)]
ActionCode = Annotated[str, *scanned(Kind.ACTION)]


def each_once(codes: list[str]) -> list[str]:
    """Refuse a list in which something is scanned twice: the second vial would be missing from the count."""
    twice = sorted(code for code, times in Counter(codes).items() if times > 1)
    if twice:
        raise ValueError(f"scanned twice: {', '.join(twice[:5])}. Scan each of them once.")
    return codes


VialCodes = Annotated[list[VialCode], Field(min_length=1, max_length=MAX_VIALS), AfterValidator(each_once)]
# Of any record that bears a code, whatever it is; the key of a program is none that people have in hand.
AnyCode = Annotated[str, *scanned(*(kind for kind in Kind if kind not in ON_PAPER | {Kind.TOKEN}))]
AnyCodes = Annotated[list[AnyCode], Field(max_length=200), AfterValidator(each_once)]


def quantity(unit: str, parse: Any) -> tuple[Any, ...]:
    """What makes a number one with its unit, read by `domain.quantities`: wrong units, NaN and absurd sizes are refused
    in words."""
    return BeforeValidator(parse), Field(json_schema_extra={"unit": unit})


Cells = Annotated[int, *quantity("cells", quantities.parse_cells)]
Percentage = Annotated[Decimal, *quantity("%", quantities.parse_viability)]
WeightKg = Annotated[Decimal, *quantity("kg", quantities.parse_weight)]
VolumeMl = Annotated[Decimal, *quantity("mL", quantities.parse_volume)]
TemperatureC = Annotated[Decimal, *quantity("°C", quantities.parse_temperature)]
MassG = Annotated[Decimal, *quantity("g", partial(quantities.parse_decimal, quantity=quantities.MASS))]
LengthCm = Annotated[Decimal, *quantity("cm", partial(quantities.parse_decimal, quantity=quantities.LENGTH))]
AreaCm2 = Annotated[Decimal, *quantity("cm²", partial(quantities.parse_decimal, quantity=quantities.AREA))]


def _legible(given: str, *, lines: bool) -> str:
    """Refuse what a person cannot see, or sees as something else, in a text that will be shown and printed."""
    allowed = "\n\r\t" if lines else ""
    hidden = next((c for c in given if c in _TURNING or (ord(c) < 32 and c not in allowed) or c == "\x7f"), None)
    if hidden is not None:
        raise ValueError(f"has a character that cannot be seen (U+{ord(hidden):04X}). Type it again")
    return given


def _identifier(given: Any) -> str:
    """Refuse Cyrillic look-alikes, and what cannot be printed on a label, in an identifier that a person types."""
    text = as_text(given).strip()
    if foreign := looks_mixed(text):
        raise ValueError(f"mixes alphabets: {listed(foreign)}. Type it again with one keyboard layout")
    if not text.isprintable() or any(unicodedata.category(c) == "So" and c != "№" for c in text):
        raise ValueError("has a character that cannot be printed. Type it again")
    return text


OneLine = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(partial(_legible, lines=False))
]
_Lines = AfterValidator(partial(_legible, lines=True))
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000), _Lines, Field(json_schema_extra={"long": True})]
#: The answer to what can hardly be (`rules/plausible.py`); its field shows once it is asked.
Improbable = Annotated[
    Text | None,
    Field(title="Why it is right all the same", json_schema_extra={"folded": "improbable"}),
]
Reason = Annotated[
    str,
    StringConstraints(min_length=5, max_length=1000),
    _Lines,
    Field(title="Reason", json_schema_extra={"long": True}),
]
Identifier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[^\s](.*[^\s])?$"),
    BeforeValidator(_identifier),
]


def _site_code(given: Any) -> str:
    return str(_identifier(given)).upper()


SiteCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,10}[A-Z0-9]$"), BeforeValidator(_site_code)]


def _zone(given: str) -> str:
    try:
        return ZoneInfo(given).key
    except (KeyError, OSError, ValueError):
        raise ValueError("must be an IANA time zone, such as Europe/Kyiv or UTC") from None


Zone = Annotated[OneLine, AfterValidator(_zone)]

_SIGN_IN_NAME = "[a-z][a-z0-9.]{1,39}"


def _sign_in_name(given: Any) -> str:
    name = as_text(given).strip().lower()
    if not re.fullmatch(_SIGN_IN_NAME, name):
        raise ValueError("has 2 to 40 letters a to z, digits and points, and starts with a letter")
    return name


Name = Annotated[
    str,
    StringConstraints(pattern=f"^{_SIGN_IN_NAME}$"),
    BeforeValidator(_sign_in_name),
]


Address = Annotated[str, AfterValidator(read_address), StringConstraints(max_length=LONGEST)]


def _instant(given: Any) -> Any:
    """An instant has a zone, or it could be another instant on another machine."""
    if isinstance(given, datetime.datetime):
        moment = given
    else:
        try:
            moment = datetime.datetime.fromisoformat(as_text(given).strip())
        except ValueError:
            raise ValueError("must be a date and time like 2026-11-22T14:05+02:00") from None
    if moment.tzinfo is None:
        raise ValueError("needs its time zone, like 2026-11-22T14:05+02:00")
    if (
        not datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
        < moment
        < datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)
    ):
        raise ValueError("must lie between the years 1900 and 2200")
    return moment.astimezone(datetime.UTC)


Moment = Annotated[datetime.datetime, BeforeValidator(_instant)]


def _day(given: Any) -> Any:
    """A day is written as one: a bare number would be taken for seconds since 1970."""
    try:
        is_day = isinstance(given, datetime.date) and not isinstance(given, datetime.datetime)
        day = given if is_day else datetime.date.fromisoformat(as_text(given).strip())
    except ValueError:
        raise ValueError("must be a date like 2026-11-22") from None
    if not datetime.date(1900, 1, 1) <= day < datetime.date(2200, 1, 1):
        raise ValueError("must lie between the years 1900 and 2200")
    return day


Date = Annotated[datetime.date, BeforeValidator(_day)]
