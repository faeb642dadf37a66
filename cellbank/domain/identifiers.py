"""Every code that is printed and scanned: how it is made, checked and shown to a person.

Five families, told apart by their shape alone (see scans.py, which reads them back):

=========  ===============================================  ======================
what       code                                             check character
=========  ===============================================  ======================
donation   DIN, 13 characters, ``A999926000042``            mod 37,2, beside the code
vial       DIN + division, 19 characters                    mod 37,2 of the DIN
dose       chain-of-identity code, 15 characters, ``CH…``   mod 37,2, beside the code
form       ``FM``, name of the form, code of its record     MOD 37,36, last character
the rest   kind + number, ``LT0017W``                       MOD 37,36, last character
=========  ===============================================  ======================

Only digits and capitals are used, for these are the keys that most keyboard layouts leave alone.
Facts: domain reference, section 1 (ISBT 128, ISO/IEC 7064).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a code stands for; the value is the first two letters of the codes that carry a kind."""

    DONOR = "DR"
    CONSENT = "CN"
    DONATION = "DN"
    CULTURE = "CU"
    LOT = "LT"
    VIAL = "VL"
    STORAGE = "ST"
    REAGENT = "RG"
    RESULT = "RS"
    SUBJECT = "SJ"
    WEIGHT = "WT"
    DOSE = "DS"
    PERSON = "PS"
    HOLD = "HD"
    TOKEN = "TK"
    SAMPLE = "SA"
    DEVIATION = "DV"
    ACTION = "CA"
    BATCH_REVIEW = "BR"
    NOTICE = "RN"
    TRAINING = "TR"
    TRAIL_REVIEW = "TV"
    DOCUMENT = "DC"
    PROBE = "PB"
    READINGS = "RD"
    EXCURSION = "EX"
    FREEZER_RUN = "FR"
    COUNT = "IC"
    CONDITIONAL_RELEASE = "CR"
    SHIPMENT = "SP"
    TREATMENT_DECISION = "TD"
    COMMAND = "CM"
    FORM = "FM"


# The kinds that stand on paper and lead somewhere, and of which there is no record.
ON_PAPER = frozenset({Kind.COMMAND, Kind.FORM})
_CALLED = {
    Kind.REAGENT: "reagent_lot", Kind.STORAGE: "storage_unit", Kind.RESULT: "test_result", Kind.TOKEN: "api_token",
    Kind.ACTION: "corrective_action", Kind.NOTICE: "recall_notice", Kind.DOCUMENT: "document_issue",
    Kind.READINGS: "reading_import", Kind.COUNT: "stock_count",
}  # fmt: skip
# The record that a code of each kind stands for, by the name of its table; a command and a form stand for none.
RECORDS: Mapping[Kind, str] = {kind: _CALLED.get(kind, kind.name.lower()) for kind in Kind if kind not in ON_PAPER}


class Form(StrEnum):
    """A symbol on a downtime form: which form it is, or that it stands for a subject without being a wristband."""

    PICK = "PICK"
    THAW = "THAW"
    BEDSIDE = "BEDSIDE"
    SUBJECT = "SUBJECT"


RECORD_KINDS = frozenset(Kind) - {Kind.DONATION, Kind.VIAL, Kind.DOSE} - ON_PAPER
"""The kinds whose code is kind + number + check character."""

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without I, L, O (read as 1, 1, 0) and U."""

NEVER_IN_A_NUMBER = "ILOU"
BODY_AT_LEAST, BODY_AT_MOST = 4, 8
LARGEST_NUMBER = 32**BODY_AT_MOST - 1
LONGEST_COMMAND_NAME = 60

FIN = "[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}"
DIN = f"{FIN}[0-9]{{8}}"
DIVISION = "[A-Z0-9]{6}"
COI = f"CH{FIN}[0-9]{{2}}[A-Z0-9]{{6}}"
PRODUCT_CODE = "[A-Z][A-Z0-9]{6}[A-Za-z0-9]"
RECORD_BODY = f"(?:[{CROCKFORD}]{{4}}|[{CROCKFORD[1:]}][{CROCKFORD}]{{4,7}})"
# Four letters first, so that a command can never have the shape of a DIN or of a dose code.
COMMAND_NAME = f"[A-Z]{{4}}[A-Z0-9]{{0,{LONGEST_COMMAND_NAME - 4}}}"

CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_VALUES = {character: value for value, character in enumerate(CHECK_ALPHABET)}
_DATA = re.compile("[0-9A-Z]+")


# --- check characters -------------------------------------------------------------------------


def check_character(text: str) -> str:
    """The ISO/IEC 7064 mod 37,2 character of a DIN or a dose code: a digit, a capital or ``*``.

    It finds every single wrong character and every swap of neighbours.
    Raises ValueError when the text holds anything but digits and capitals.
    """
    remainder = 0
    for character in _checkable(text):
        remainder = (2 * remainder + _VALUES[character]) % 37
    return CHECK_ALPHABET[(1 - 2 * remainder) % 37]


def record_check_character(text: str) -> str:
    """The ISO/IEC 7064 MOD 37,36 character of a two-letter code: always a digit or a capital.

    It finds every single wrong character. Raises ValueError as check_character does.
    """
    product = 36
    for character in _checkable(text):
        product = ((product + _VALUES[character]) % 36 or 36) * 2 % 37
    return CHECK_ALPHABET[(1 - product) % 36]


def _checkable(text: str) -> str:
    if not _DATA.fullmatch(text):
        raise ValueError(f"A check character needs digits and capitals A to Z only; {text!r} was given.")
    return text


# --- donation, vial, dose ---------------------------------------------------------------------


def is_fin(text: str) -> bool:
    """Whether the text has the shape of a facility identification number: five characters, no letter O."""
    return re.fullmatch(FIN, text) is not None


def is_unregistered_fin(fin: str) -> bool:
    """Whether the FIN lies in A9990–A9999, set aside for tests: labels under it must say so."""
    return re.fullmatch("A999[0-9]", fin) is not None


def din(fin: str, year: int, number: int) -> str:
    """The donation identification number, 13 characters: ``din("A9999", 2026, 42)`` is A999926000042.

    Raises ValueError for a malformed FIN, a year outside 2000–2099 or a number outside 1–999999.
    """
    return f"{_fin(fin)}{_year(year)}{_six_digits('donation number', number)}"


def division_code(number: int) -> str:
    """The division of one vial among those of its donation, six digits: 7 is ``000007``.

    Raises ValueError outside 1–999999.
    """
    return _six_digits("vial number", number)


def vial_code(din: str, division: str) -> str:
    """The vial's own code, 19 characters: DIN and division. Raises ValueError when either is malformed."""
    return _shaped("DIN", DIN, din) + _shaped("division", DIVISION, division)


def coi(fin: str, year: int, number: int) -> str:
    """The chain-of-identity code of one dose, 15 characters; its check character is printed beside it.

    Raises ValueError as din does.
    """
    return f"CH{_fin(fin)}{_year(year)}{_six_digits('dose number', number)}"


def _fin(fin: str) -> str:
    return _shaped("facility identification number", FIN, fin)


def _year(year: int) -> str:
    if not 2000 <= year <= 2099:
        raise ValueError(f"The year of an identifier lies between 2000 and 2099; {year} was given.")
    return f"{year % 100:02d}"


def _six_digits(what: str, number: int) -> str:
    if not 1 <= number <= 999_999:
        raise ValueError(f"A {what} lies between 1 and 999999; {number} was given.")
    return f"{number:06d}"


def _shaped(what: str, pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{text!r} is not a {what}.")
    return text


# --- two-letter codes -------------------------------------------------------------------------


def is_usable(kind: Kind, number: int) -> bool:
    """Whether the number may be given out: its check character is none of I, L, O and U.

    Four numbers in thirty-six are not; whoever allocates numbers takes the next one instead.
    Raises ValueError for a kind without numbers, or a number below 0 or beyond LARGEST_NUMBER.
    """
    return record_check_character(_record_stem(kind, number)) not in NEVER_IN_A_NUMBER


def record_code(kind: Kind, number: int) -> str:
    """The code of a record: kind, number in Crockford base 32 (at least 4 characters), check character.

    Raises ValueError as is_usable does, and for a number that is not usable.
    """
    if not is_usable(kind, number):
        raise ValueError(f"Number {number} is skipped for kind {kind}: its check character could be misread.")
    stem = _record_stem(kind, number)
    return stem + record_check_character(stem)


def command_code(act_name: str) -> str:
    """The command barcode of an act: ``record_harvest`` is CMRECORDHARVEST and a check character.

    Underscores are dropped because layouts move them; the registry of acts knows which act is meant.
    Raises ValueError unless the name starts with four letters and has 60 letters and digits at most.
    """
    name = act_name.replace("_", "").upper()
    stem = Kind.COMMAND + _shaped("name for a command barcode", COMMAND_NAME, name)
    return stem + record_check_character(stem)


def form_code(form: Form, of: str = "") -> str:
    """The symbol of a downtime form: FM, the form's name, the code of its dose (none on a blank form) and a check
    character. Of the form SUBJECT it is the code of a subject.

    A subject's own code never stands in a symbol on paper: scanned in place of the wristband it would prove a patient
    who is not there. Raises ValueError for a code that such a form cannot bear.
    """
    if not (form is not Form.SUBJECT and of == ""):
        shape = f"{Kind.SUBJECT}{RECORD_BODY}[0-9A-Z]" if form is Form.SUBJECT else COI
        _shaped(f"code on a {form.lower()} form", shape, of)
    stem = f"{Kind.FORM}{form}{of}"
    return stem + record_check_character(stem)


def _record_stem(kind: Kind, number: int) -> str:
    if kind not in RECORD_KINDS:
        raise ValueError(f"Codes of kind {kind} are not made from a number alone.")
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"The number of a code lies between 0 and {LARGEST_NUMBER}; {number} was given.")
    body = ""
    while number:
        number, digit = divmod(number, 32)
        body = CROCKFORD[digit] + body
    return Kind(kind) + body.rjust(BODY_AT_LEAST, "0")


# --- what labels carry ------------------------------------------------------------------------


def donation_symbol(din: str) -> str:
    """Structure 001 for a donation label: ``=A99992600004200``. Raises ValueError for a malformed DIN."""
    return f"={_shaped('DIN', DIN, din)}00"


def vial_cap(din: str, division: str) -> str:
    """What the dot on a vial's cap carries, 24 characters: ``=A99992600004200=,000007``."""
    return f"{donation_symbol(din)}=,{_shaped('division', DIVISION, division)}"


def vial_compound(din: str, product_code: str, division: str, expires_at_local: datetime) -> str:
    """What the label around a vial carries: DIN, product, division and expiry in one compound message.

    The product code has 8 characters and ends in 99, which says that the division follows.
    The expiry is site time without a zone; seconds are dropped. Raises ValueError for anything malformed.
    """
    if not _shaped("product code", PRODUCT_CODE, product_code).endswith("99"):
        raise ValueError(f"Product code {product_code} must end in 99: a vial has a six-character division.")
    return (
        f"=+04000{donation_symbol(din)}=<{product_code}"
        f"=,{_shaped('division', DIVISION, division)}&>{_expiry(expires_at_local)}"
    )


def dose_symbol(coi: str, expires_at_local: datetime) -> str:
    """What a dose label carries: the chain-of-identity code and the expiry, in one compound message."""
    return f"=+02000&/{_shaped('dose code', COI, coi)}&>{_expiry(expires_at_local)}"


def _expiry(at_local: datetime) -> str:
    """Structure 005, cyyjjjhhmm: 2028-03-31 23:59 is 0280912359."""
    if at_local.tzinfo is not None:
        # A UTC instant printed as it stands would be hours wrong on the label: the caller converts.
        raise ValueError("An expiry on a label is the site's local time without a zone; convert it first.")
    if not 1900 <= at_local.year <= 2899:
        raise ValueError(f"A label can show the years 1900 to 2899; {at_local.year} was given.")
    return f"{at_local.year % 1000:03d}{at_local:%j%H%M}"


# --- for people -------------------------------------------------------------------------------


def printed(code: str) -> str:
    """The code as a person reads it: DIN, vial and dose in groups, every other code as it is.

    The check character is not included: check_character(din) stands in a box after the DIN's groups.
    """
    parts = re.fullmatch(f"(CH)?({FIN})([0-9]{{2}})({DIVISION})({DIVISION})?", code)
    return " ".join(part for part in parts.groups() if part) if parts else code


@dataclass(frozen=True)
class ForeignCharacter:
    """One character of an identifier that is not what it seems; position counts from 1."""

    character: str
    position: int

    def __str__(self) -> str:
        shown = f"{self.character} " if self.character.isprintable() else ""
        name = unicodedata.name(self.character, "a character without a name")
        latin = latin_twin(self.character)
        twin = f", which looks like {latin}" if latin else ""
        return f"{shown}at position {self.position} (U+{ord(self.character):04X} {name}{twin})"


LOOK_ALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХЗаеосрхуіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧον",
        "ABESIJKMHOPCTYX3aeocpxyijsABEZHIKMNOPTYXov",
        strict=True,
    )
)
"""Cyrillic and Greek letters that print like a Latin letter or a digit."""


def looks_mixed(text: str) -> tuple[ForeignCharacter, ...]:
    """The characters of an identifier that come from another alphabet than it seems; empty means none.

    Found are letters of another alphabet beside Latin ones; letters of another alphabet when each of
    them looks like a Latin one (the whole would be read as Latin); digits other than 0–9; and characters
    that cannot be seen. An identifier that is openly Cyrillic, such as ``ЖД-12``, is not mixed.
    """
    foreign = [ForeignCharacter(c, n) for n, c in enumerate(text, 1) if _is_foreign_letter(c)]
    openly_foreign = any(not latin_twin(found.character) for found in foreign)
    if openly_foreign and not any(is_latin_letter(c) for c in text):
        foreign = []
    hidden = [ForeignCharacter(c, n) for n, c in enumerate(text, 1) if _is_false_or_unseen(c)]
    return tuple(sorted(foreign + hidden, key=lambda found: found.position))


def latin_twin(character: str) -> str:
    """The Latin letter or digit that a foreign character prints like, full-width forms included; else ""."""
    plain = unicodedata.normalize("NFKC", character)
    return LOOK_ALIKES.get(character) or (plain if plain.isascii() and not character.isascii() else "")


def is_latin_letter(character: str) -> bool:
    """Whether the character is a letter of the Latin alphabet, with or without an accent."""
    return character.isalpha() and (character.isascii() or unicodedata.name(character, "").startswith("LATIN "))


def listed(found: Iterable[ForeignCharacter]) -> str:
    """The foreign characters as words of a sentence; the first five, for a long text may be all wrong."""
    words = [str(one) for one in found]
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return ", ".join(words[:5]) + more


def _is_foreign_letter(character: str) -> bool:
    return character.isalpha() and not is_latin_letter(character)


def _is_false_or_unseen(character: str) -> bool:
    """A digit that is not ASCII, or anything but a plain space that leaves no ink."""
    category = unicodedata.category(character)
    if category in ("Nd", "Nl", "No"):
        return not character.isascii()
    return category in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") or (category == "Zs" and character != " ")
