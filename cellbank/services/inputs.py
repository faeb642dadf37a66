"""The types of which act inputs are made: scanned codes, quantities with units, instants.

One type is read the same way from a form, from JSON and from the command line, because all three end here. The extra
keys in the JSON schema (`scan`, `unit`) tell the form which widget to draw and other programs what to send.
"""

import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from cellbank.domain import quantities
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind, listed, looks_mixed
from cellbank.domain.scans import read_scan

MAX_VIALS = 1000  # a limit on everything: no lot or box of these sites is larger


def scanned(*kinds: Kind) -> Any:
    """A code of one of these kinds as a scanner or a person types it; validated to its stored form."""
    names = " or ".join(kind.name.lower() for kind in kinds)

    def read(given: Any) -> str:
        scan = read_scan(str(given))
        if isinstance(scan, Garbled):
            raise ValueError(scan.sentence)
        if scan.kind not in kinds:
            raise ValueError(f"This is a {scan.kind.name.lower()} code ({scan.code}); a {names} code is needed here.")
        return scan.code

    return Annotated[str, BeforeValidator(read), Field(json_schema_extra={"scan": [kind.value for kind in kinds]})]


DonorCode = scanned(Kind.DONOR)
ConsentCode = scanned(Kind.CONSENT)
DonationCode = scanned(Kind.DONATION)
CultureCode = scanned(Kind.CULTURE)
LotCode = scanned(Kind.LOT)
VialCode = scanned(Kind.VIAL)
StorageCode = scanned(Kind.STORAGE)
ReagentCode = scanned(Kind.REAGENT)
ResultCode = scanned(Kind.RESULT)
SubjectCode = scanned(Kind.SUBJECT)
WeightCode = scanned(Kind.WEIGHT)
DoseCode = scanned(Kind.DOSE)


def each_once(codes: list[str]) -> list[str]:
    """Refuse a list in which something is scanned twice: the second vial would be missing from the count."""
    twice = sorted({code for code in codes if codes.count(code) > 1}) if len(set(codes)) < len(codes) else []
    if twice:
        raise ValueError(f"scanned twice: {', '.join(twice[:5])}. Scan each of them once.")
    return codes


VialCodes = Annotated[list[VialCode], Field(min_length=1, max_length=MAX_VIALS), AfterValidator(each_once)]


def quantity(unit: str, parse: Any, number: Any = Decimal) -> Any:
    """A number with its unit, read by `domain.quantities`: wrong units, NaN and absurd sizes are refused in words."""
    return Annotated[number, BeforeValidator(parse), Field(json_schema_extra={"unit": unit})]


Cells = quantity("cells", quantities.parse_cells, int)
Percentage = quantity("%", quantities.parse_viability)
WeightKg = quantity("kg", quantities.parse_weight)
VolumeMl = quantity("mL", quantities.parse_volume)
TemperatureC = quantity("°C", quantities.parse_temperature)
MassG = Annotated[Decimal, Field(gt=0, le=5000, max_digits=6, decimal_places=1, json_schema_extra={"unit": "g"})]
LengthCm = Annotated[Decimal, Field(gt=0, le=300, max_digits=5, decimal_places=1, json_schema_extra={"unit": "cm"})]
AreaCm2 = Annotated[Decimal, Field(gt=0, le=500_000, max_digits=8, decimal_places=1, json_schema_extra={"unit": "cm²"})]


def _one_alphabet(given: str) -> str:
    """Refuse Cyrillic look-alikes and control characters in an identifier that a person types."""
    foreign = looks_mixed(given)
    if foreign:
        raise ValueError(f"mixes alphabets: {listed(foreign)}. Type it again with one keyboard layout.")
    if not given.isprintable():
        raise ValueError("has a character that cannot be printed. Type it again.")
    return given


Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000), Field(json_schema_extra={"long": True})]
Reason = Annotated[
    str,
    StringConstraints(min_length=5, max_length=1000),
    Field(title="Reason", json_schema_extra={"long": True}),
]
Identifier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[^\s](.*[^\s])?$"),
    BeforeValidator(lambda v: _one_alphabet(str(v))),
]


def _instant(given: Any) -> Any:
    """An instant has a zone, or it could be another instant on another machine."""
    if isinstance(given, datetime.datetime):
        moment = given
    else:
        try:
            moment = datetime.datetime.fromisoformat(str(given))
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
Date = Annotated[datetime.date, Field(ge=datetime.date(1900, 1, 1), le=datetime.date(2200, 1, 1))]
