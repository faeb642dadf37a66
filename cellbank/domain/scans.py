"""The one scan grammar: what a scanner or a keyboard sent, read as a code or refused with a reason.

Two shapes exist. A text that starts with ``=`` or ``&`` is a row of ISBT 128 structures; anything else
is one plain code of identifiers.py. Nothing is ever guessed: a text that would make sense under another
keyboard layout is not translated but refused, with the layout named. Facts: domain reference, §1.1, §0.11.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cellbank.domain.garbled import Garbled, GarbledReason, garbled
from cellbank.domain.identifiers import (
    BODY_AT_LEAST,
    BODY_AT_MOST,
    CHECK_ALPHABET,
    COI,
    COMMAND_NAME,
    DIN,
    DIVISION,
    FIN,
    NEVER_IN_A_NUMBER,
    ON_PAPER,
    RECORD_BODY,
    RECORD_KINDS,
    Form,
    Kind,
    check_character,
    is_latin_letter,
    listed,
    looks_mixed,
    record_check_character,
    vial_code,
)
from cellbank.domain.isbt128 import date_time, split
from cellbank.domain.layouts import LAYOUTS, is_cyrillic

LONGEST_SCAN = 160
"""Two of the longest labels, a compound of five with a dose code (70 characters), and some room."""


@dataclass(frozen=True)
class Scan:
    """A code that was read: its kind, its stored form (capitals, no spaces) and what came with it.

    extras may hold ``din``, ``division``, ``vial``, ``product`` (8 characters), ``facility``, ``flags``,
    ``expires`` (a datetime in the site's local time, without a zone); for a command ``act``, the name of
    the act in capitals without underscores; for a downtime form ``form`` and, unless it is blank, ``of``: the
    code of its dose or subject. checked says that a check character was verified,
    typed or hidden in the flags of a DIN; of a vial it covers the DIN, not the division.
    """

    kind: Kind
    code: str
    raw: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)
    checked: bool = False


def read_scan(raw: str) -> Scan | Garbled:
    """Read what a scanner or a person typed. Never raises for any text, never corrects it.

    One symbology prefix (``]C0`` ``]C1`` ``]C4`` ``]d1`` ``]d2``) and line ends around the text are
    dropped. Lower case is accepted only in two-letter codes whose check character then fits.
    """
    text = _bare(raw)
    if not text:
        return Garbled(raw, GarbledReason.EMPTY, "Nothing was read. Scan the label again.")
    if len(text) > LONGEST_SCAN:
        return Garbled(
            raw,
            GarbledReason.TOO_LONG,
            f"{len(text)} characters were read, but no label holds more than {LONGEST_SCAN}. "
            "Clear the field and scan one label.",
        )
    found = _recognise(text)
    if isinstance(found, Garbled):
        found = _layout_fault(text) or _alphabet_fault(text) or found
    return replace(found, raw=raw)


def _bare(raw: str) -> str:
    return re.sub(r"\A\](?:C[014]|d[12])", "", raw.strip("\r\n"))


def _recognise(text: str) -> Scan | Garbled:
    return _read_structures(text) if text[:1] in ("=", "&") else _plain(text) or _plain_fault(text)


# --- plain codes ------------------------------------------------------------------------------

_VIAL_OR_DIN = re.compile(f"({DIN})({DIVISION})?")
_TYPED_VIAL_OR_DIN = re.compile(f"({FIN} ?[0-9]{{2}} ?[0-9]{{6}}) ?([0-9A-Z*])(?: ?({DIVISION}))?")
_TYPED_DOSE = re.compile(f"(CH ?{FIN} ?[0-9]{{2}} ?[A-Z0-9]{{6}}) ?([0-9A-Z*])")
_RECORD = re.compile(f"({'|'.join(sorted(RECORD_KINDS))}){RECORD_BODY}([0-9A-Z])")
_COMMAND = re.compile(f"{Kind.COMMAND}({COMMAND_NAME})([0-9A-Z])")
_FORM = re.compile(
    f"{Kind.FORM}(?:({Form.PICK}|{Form.THAW}|{Form.BEDSIDE})({COI})?"
    f"|({Form.SUBJECT})({Kind.SUBJECT}{RECORD_BODY}[0-9A-Z]))([0-9A-Z])"
)
_UNCHECKED_IN_GROUPS = re.compile(f"(?:CH ?)?{FIN} ?[0-9]{{2}} ?[A-Z0-9]{{6}}(?: {DIVISION})?")


def _plain(text: str) -> Scan | None:
    return _donation_or_vial(text) or _dose(text) or _two_letter(text)


def _donation_or_vial(text: str) -> Scan | None:
    """A DIN or a vial; typed from a label with the boxed check character after the DIN, in groups or not."""
    if found := _VIAL_OR_DIN.fullmatch(text):
        return _container(found[1], found[2], {}, checked=False)
    found = _TYPED_VIAL_OR_DIN.fullmatch(text)
    if found and check_character(din := found[1].replace(" ", "")) == found[2]:
        return _container(din, found[3], {}, checked=True)
    return None


def _container(din: str, division: str | None, extras: dict[str, Any], *, checked: bool) -> Scan:
    if division is None:
        return Scan(Kind.DONATION, din, extras=extras, checked=checked)
    held = {"din": din, "division": division, **extras}
    return Scan(Kind.VIAL, vial_code(din, division), extras=held, checked=checked)


def _dose(text: str) -> Scan | None:
    if re.fullmatch(COI, text):
        return Scan(Kind.DOSE, text)
    found = _TYPED_DOSE.fullmatch(text)
    if found and check_character(code := found[1].replace(" ", "")) == found[2]:
        return Scan(Kind.DOSE, code, checked=True)
    return None


def _two_letter(text: str) -> Scan | None:
    # The look at isascii comes first: upper() would turn a dotless i or a long s into a Latin capital.
    code = text.upper() if text.isascii() else ""
    record, command, form = _RECORD.fullmatch(code), _COMMAND.fullmatch(code), _FORM.fullmatch(code)
    if not (record or command or form) or record_check_character(code[:-1]) != code[-1]:
        return None
    if form:
        of = form[2] or form[4]
        return Scan(
            Kind.FORM, code, extras={"form": Form(form[1] or form[3]), **({"of": of} if of else {})}, checked=True
        )
    if command:
        return Scan(Kind.COMMAND, code, extras={"act": command[1]}, checked=True)
    return Scan(Kind(code[:2]), code, checked=True) if code[-1] not in NEVER_IN_A_NUMBER else None


# --- why a plain code was not read ------------------------------------------------------------

_SHORTEST_RECORD = 2 + BODY_AT_LEAST + 1
_LONGEST_RECORD = 2 + BODY_AT_MOST + 1


def _plain_fault(text: str) -> Garbled:
    if "\r" in text or "\n" in text or _runs_together(text):
        return garbled(GarbledReason.LEFTOVER, "Two scans ran together. Clear the field and scan one label at a time.")
    if _UNCHECKED_IN_GROUPS.fullmatch(text) and " " in text:
        return garbled(
            GarbledReason.TRUNCATED,
            "The check character is missing. Type the boxed character that follows the donation or dose "
            "number on the label too, or scan the label.",
        )
    fault = _dose_or_din_fault(text) or _two_letter_fault(text.upper())
    return fault or garbled(
        GarbledReason.UNKNOWN_FORM,
        "This is not a code of this site, or characters were lost. Scan the label again; "
        "if it was typed, leave out spaces and signs.",
    )


def _runs_together(text: str) -> bool:
    return any(_plain(text[:cut]) and _plain(text[cut:]) for cut in range(_SHORTEST_RECORD, len(text)))


def _dose_or_din_fault(text: str) -> Garbled | None:
    if _TYPED_DOSE.fullmatch(text) or _TYPED_VIAL_OR_DIN.fullmatch(text):
        return garbled(
            GarbledReason.CHECK_CHARACTER,
            "The check character does not fit the number. Compare every character with the label, or scan the label.",
        )
    start = re.match(f"(CH)?{FIN}[0-9]{{0,8}}", text)
    if not start or not text.isalnum() or (text[:2] in RECORD_KINDS and len(text) <= _LONGEST_RECORD):
        return None
    complete = 15 if start[1] else 19
    if start.end() == len(text) or (start.end() >= 13 and len(text) < complete):
        return garbled(
            GarbledReason.TRUNCATED,
            f"Only {len(text)} characters of a donation, vial or dose code were read. Scan the label again; "
            "if that repeats, the scanner may be set to drop the sign at the start of a code.",
        )
    return None


def _two_letter_fault(code: str) -> Garbled | None:
    if code[:2] not in RECORD_KINDS | ON_PAPER or not code.isalnum():
        return None
    if len(code) < _SHORTEST_RECORD:
        return garbled(
            GarbledReason.TRUNCATED,
            f"Only {len(code)} characters of a code were read; the shortest has {_SHORTEST_RECORD}. "
            "Scan the label again.",
        )
    if code[:2] not in ON_PAPER:
        if len(code) > _LONGEST_RECORD:
            return garbled(
                GarbledReason.LEFTOVER,
                f"{len(code)} characters were read, but a {code[:2]} code has {_LONGEST_RECORD} at most. "
                "Clear the field and scan one label.",
            )
        if misread := sorted(set(code[2:]) & set(NEVER_IN_A_NUMBER)):
            return garbled(
                GarbledReason.CHECK_CHARACTER,
                f"{', '.join(misread)} never occurs in the number of a code. A round sign is the digit 0, "
                "an upright one the digit 1, and U is most likely V. Compare it with the label.",
            )
    return garbled(
        GarbledReason.CHECK_CHARACTER,
        "The last character, which checks the others, does not fit. Compare every character with the "
        "label, or scan the label.",
    )


# --- ISBT 128 structures ----------------------------------------------------------------------


def _read_structures(text: str) -> Scan | Garbled:
    parts = split(text)
    if isinstance(parts, Garbled):
        return parts
    announced = parts.pop("compound", None)
    if announced is not None and int(announced[:2]) != len(parts):
        return garbled(
            GarbledReason.WRONG_COUNT,
            "The label holds another number of parts than it announces. Scan it again; "
            "if that repeats, the label is wrong: set the container aside and tell quality.",
        )
    return _division_fault(parts) or _meaning(parts)


def _division_fault(parts: Mapping[str, str]) -> Garbled | None:
    """Product code and division must tell the same: 99 if and only if a six-character division follows."""
    if "product" not in parts or (parts["product"].endswith("99") == ("division" in parts)):
        return None
    if "division" in parts:
        what = f"The product code ends in {parts['product'][-2:]}, but a six-character division follows."
    else:
        what = "The product code says that a six-character division follows, but none was read."
    return garbled(
        GarbledReason.INCOMPLETE_DIVISION,
        f"{what} The vial is not identified: scan the whole label, or the dot on the cap.",
    )


def _meaning(parts: Mapping[str, str]) -> Scan | Garbled:
    extras: dict[str, Any] = {name: parts[name] for name in ("product", "facility") if name in parts}
    if "expires" in parts:
        expires = date_time(parts["expires"])
        if expires is None:
            return garbled(
                GarbledReason.UNKNOWN_FORM,
                f"The expiry {parts['expires']} on the label is no date and time. Scan the label again; "
                "if that repeats, set the container aside and tell quality.",
            )
        extras["expires"] = expires
    container = _donation_structure(parts, extras)
    if "dose" not in parts or isinstance(container, Garbled):
        return container or garbled(
            GarbledReason.TRUNCATED,
            "Only a part of a label was read, without the donation or dose number. Scan the whole label.",
        )
    if container:
        extras = {**container.extras, "din": container.code[:13]}
        extras |= {"vial": container.code} if container.kind is Kind.VIAL else {}
    return Scan(Kind.DOSE, parts["dose"], extras=extras)


def _donation_structure(parts: Mapping[str, str], extras: dict[str, Any]) -> Scan | Garbled | None:
    """The donation or vial among the structures. Flags 60 to 96 are 60 + the value of the check character."""
    if "din" not in parts:
        return None
    din, flags = parts["din"][:13], parts["din"][13:]
    if flags == "14" or flags > "96":
        return garbled(
            GarbledReason.UNKNOWN_FORM,
            f"The donation number carries the flags {flags}, which have no meaning. Scan the label again.",
        )
    if flags >= "60" and CHECK_ALPHABET[int(flags) - 60] != check_character(din):
        return garbled(
            GarbledReason.CHECK_CHARACTER,
            "The check value inside the donation number does not fit it. Scan the label again; "
            "if that repeats, set the container aside and tell quality.",
        )
    if flags != "00":
        extras = {**extras, "flags": flags}
    # A scanned structure has the symbol's own error correction; only the flags prove the number itself.
    return _container(din, parts.get("division"), extras, checked=flags >= "60")


# --- keyboard layouts and alphabets -----------------------------------------------------------


def _layout_fault(text: str) -> Garbled | None:
    """Whether the text becomes readable under another keyboard layout: said, never acted on."""
    if text.isascii() and text != text.upper() and isinstance(_recognise(text.upper()), Scan):
        return garbled(
            GarbledReason.KEYBOARD_LAYOUT,
            "The letters arrived in lower case. Switch Caps Lock off and scan again; when typing, use capitals.",
        )
    for layout, table in LAYOUTS.items():
        meant = _bare(text.translate(table))
        if meant and meant != text and isinstance(_recognise(meant), Scan):
            return _layout(layout)
    if any(map(is_cyrillic, text)) and not any(map(is_latin_letter, text)):
        return _layout("Ukrainian or Russian")
    return None


def _layout(name: str) -> Garbled:
    return garbled(
        GarbledReason.KEYBOARD_LAYOUT,
        f"This computer's keyboard layout seems to be {name}, which changes what a scanner types. "
        "Switch it to English (US) and scan again.",
    )


def _alphabet_fault(text: str) -> Garbled | None:
    if text.isascii():
        return None
    if found := looks_mixed(text):
        return garbled(
            GarbledReason.MIXED_ALPHABET,
            f"The code mixes alphabets: {listed(found)}. Switch the keyboard to English (US) and enter it again.",
        )
    return garbled(
        GarbledReason.UNKNOWN_FORM,
        "The text holds signs or letters that no code has. Codes have digits and the letters A to Z only; "
        "scan the label again.",
    )
