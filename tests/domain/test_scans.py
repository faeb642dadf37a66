"""Every scan that is refused, with its reason; and that nothing wrong is taken for a code."""

import string
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellbank.domain.identifiers import (
    LARGEST_NUMBER,
    RECORD_KINDS,
    Kind,
    check_character,
    coi,
    command_code,
    din,
    dose_symbol,
    is_usable,
    record_code,
)
from cellbank.domain.layouts import LAYOUTS
from cellbank.domain.scans import Garbled, GarbledReason, Scan, read_scan

DONATION = "A999926000042"
VIAL = "A999926000042000007"
DOSE = "CHA999926000042"
LOT = record_code(Kind.LOT, 40)
EXPIRY = datetime(2028, 3, 31, 23, 59)
COMPOUND = "=+04000=A99992600004200=<D0001V99=,000007&>0280912359"
CAP = "=A99992600004200=,000007"
COMMAND = command_code("record_harvest")


def typed_wrongly_under(layout: str, text: str) -> str:
    """What arrives when a scanner sends the text to a computer with another keyboard layout."""
    return text.translate({us: typed for typed, us in LAYOUTS[layout].items()})


# --- refused scans ----------------------------------------------------------------------------

REFUSED = [
    ("", "EMPTY", "Nothing was read"),
    ("\r\n", "EMPTY", "Nothing was read"),
    ("]d1", "EMPTY", "Nothing was read"),
    ("A" * 161, "TOO_LONG", "161 characters"),
    # keyboard layouts
    ("=Ф99992600004200", "KEYBOARD_LAYOUT", "Ukrainian"),
    ("ДЕ00196", "KEYBOARD_LAYOUT", "Ukrainian or Russian"),
    ("Ю0280912359", "KEYBOARD_LAYOUT", "Ukrainian or Russian"),
    ("а999926000042", "KEYBOARD_LAYOUT", "Ukrainian or Russian"),
    ("a999926000042", "KEYBOARD_LAYOUT", "Caps Lock"),
    ("a999926000042r", "KEYBOARD_LAYOUT", "Caps Lock"),
    ("=a99992600004200", "KEYBOARD_LAYOUT", "Caps Lock"),
    ("cha999926000042", "KEYBOARD_LAYOUT", "Caps Lock"),
    # alphabets
    ("LТ0018X", "MIXED_ALPHABET", "Т at position 2 (U+0422 CYRILLIC CAPITAL LETTER TE, which looks like T)"),
    ("A99992600004Ο", "MIXED_ALPHABET", "U+039F GREEK CAPITAL LETTER OMICRON, which looks like O"),
    ("Α999926000042", "MIXED_ALPHABET", "U+0391 GREEK CAPITAL LETTER ALPHA, which looks like A"),
    ("Ａ999926000042", "MIXED_ALPHABET", "position 1 (U+FF21 FULLWIDTH LATIN CAPITAL LETTER A"),
    ("A99992600004\u200b2", "MIXED_ALPHABET", "at position 13 (U+200B ZERO WIDTH SPACE)"),
    ("A99992600004٢", "MIXED_ALPHABET", "ARABIC-INDIC DIGIT TWO"),
    ("LTé", "UNKNOWN_FORM", "signs or letters that no code has"),
    # truncated
    ("=", "TRUNCATED", "end of the label"),
    ("=A999926000042", "TRUNCATED", "donation number"),
    ("=A99992600004200=,0000", "TRUNCATED", "division"),
    ("=A999926000=<D0001V00", "TRUNCATED", "donation number"),
    (COMPOUND[:-1], "TRUNCATED", "expiry"),
    ("&>0280912359", "TRUNCATED", "without the donation or dose number"),
    ("=,000007", "TRUNCATED", "without the donation or dose number"),
    ("A99992600004", "TRUNCATED", "Only 12 characters"),
    ("A9999260000420000", "TRUNCATED", "Only 17 characters"),
    ("A99992600004200", "TRUNCATED", "set to drop the sign at the start"),
    ("CHA999926000", "TRUNCATED", "Only 12 characters"),
    ("A9999 26 000042", "TRUNCATED", "check character is missing"),
    ("A9999 26 000042 000007", "TRUNCATED", "check character is missing"),
    ("LT001", "TRUNCATED", "Only 5 characters"),
    # check characters
    ("A999926000042Q", "CHECK_CHARACTER", "does not fit"),
    ("A9999 26 000042 Q 000007", "CHECK_CHARACTER", "does not fit"),
    ("CHA999926000042R", "CHECK_CHARACTER", "does not fit"),
    ("=A99992600004286", "CHECK_CHARACTER", "inside the donation number"),
    (LOT[:-1] + ("Y" if LOT[-1] == "X" else "X"), "CHECK_CHARACTER", "does not fit"),
    ("LTOO18X", "CHECK_CHARACTER", "O never occurs"),
    ("lti01lx", "CHECK_CHARACTER", "I, L never occurs"),
    (COMMAND[:-1] + "*", "UNKNOWN_FORM", "not a code of this site"),
    ("CMRECORDHARVEST9", "CHECK_CHARACTER", "does not fit"),
    # compound messages
    ("=+03000=A99992600004200=<D0001V99=,000007&>0280912359", "WRONG_COUNT", "another number of parts"),
    ("=+05000=A99992600004200=<D0001V99=,000007&>0280912359", "WRONG_COUNT", "another number of parts"),
    ("=+00000", "TRUNCATED", "without the donation or dose number"),
    # divisions
    ("=A99992600004200=<D0001V99", "INCOMPLETE_DIVISION", "none was read"),
    ("=+03000=A99992600004200=<D0001V99&>0280912359", "INCOMPLETE_DIVISION", "none was read"),
    ("=<D0001V99", "INCOMPLETE_DIVISION", "none was read"),
    ("=A99992600004200=<D0001VA0=,000007", "INCOMPLETE_DIVISION", "ends in A0"),
    # leftovers
    (CAP + "X", "LEFTOVER", "1 characters at the end"),
    (CAP + "=*026123", "LEFTOVER", "8 characters at the end"),
    (CAP + CAP, "LEFTOVER", "second donation number"),
    (COMPOUND + COMPOUND, "LEFTOVER", "second count of a compound message"),
    (CAP[:16] + "=+01000" + CAP[16:], "LEFTOVER", "two labels ran together"),
    (LOT + LOT, "LEFTOVER", "Two scans ran together"),
    (VIAL + VIAL, "LEFTOVER", "Two scans ran together"),
    (f"{LOT}\r\n{LOT}", "LEFTOVER", "Two scans ran together"),
    ("LT000000000K", "LEFTOVER", "12 characters"),
    # nothing known
    ("&;", "UNKNOWN_FORM", "not used here"),
    ("=>026123", "UNKNOWN_FORM", "not used here"),
    ("=O99992600004200", "UNKNOWN_FORM", "not used here"),
    ("=A9999260000420X", "UNKNOWN_FORM", "donation number holds characters"),
    ("=A99992600004299", "UNKNOWN_FORM", "flags 99"),
    ("=A99992600004214", "UNKNOWN_FORM", "flags 14"),
    ("=A99992600004200&>0273662359", "UNKNOWN_FORM", "0273662359"),
    ("=A99992600004200&>0280002359", "UNKNOWN_FORM", "0280002359"),
    ("=A99992600004200&>0280912400", "UNKNOWN_FORM", "0280912400"),
    ("=A99992600004200&>0280912360", "UNKNOWN_FORM", "0280912360"),
    ("LT 0018X", "UNKNOWN_FORM", "leave out spaces"),
    (f" {LOT}", "UNKNOWN_FORM", "leave out spaces"),
    ("hello", "UNKNOWN_FORM", "not a code of this site"),
    ("lt\u0131018x", "UNKNOWN_FORM", "signs or letters"),
    ("\x00", "UNKNOWN_FORM", "not a code of this site"),
]


@pytest.mark.parametrize(("raw", "reason", "sentence"), REFUSED)
def test_a_garbled_scan_says_why(raw, reason, sentence):
    found = read_scan(raw)
    assert isinstance(found, Garbled)
    assert (found.reason.value, found.raw) == (reason, raw)
    assert sentence in found.sentence


def test_every_reason_occurs_in_the_table_above():
    assert {reason for _, reason, _ in REFUSED} == set(GarbledReason)


@pytest.mark.parametrize("layout", ["Ukrainian", "Russian"])
@pytest.mark.parametrize("code", [LOT, DONATION, VIAL, DOSE, CAP, COMPOUND, COMMAND, "]d1" + CAP])
def test_a_scan_under_a_cyrillic_layout_is_never_guessed(layout, code):
    typed = typed_wrongly_under(layout, code)
    found = read_scan(typed)
    assert isinstance(found, Garbled)
    assert found.reason is GarbledReason.KEYBOARD_LAYOUT
    assert "English" in found.sentence


def test_the_domain_reference_names_these_keys_of_a_ukrainian_layout():
    assert typed_wrongly_under("Ukrainian", "&<>A=") == "?БЮФ="


@pytest.mark.parametrize(("layout", "code"), [("German", "&/" + DOSE), ("French", LOT)])
def test_a_german_or_french_layout_is_named(layout, code):
    found = read_scan(typed_wrongly_under(layout, code))
    assert (found.reason, layout in found.sentence) == (GarbledReason.KEYBOARD_LAYOUT, True)


# --- nothing slips through --------------------------------------------------------------------

ALPHABET = string.printable + "АВЕФЇ×*"
FINS = st.from_regex("[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}", fullmatch=True)
YEARS = st.integers(2000, 2099)
SIX_DIGITS = st.integers(1, 999_999)
DINS = st.builds(din, FINS, YEARS, SIX_DIGITS)
COIS = st.builds(coi, FINS, YEARS, SIX_DIGITS)


@st.composite
def record_codes(draw) -> str:
    kind = draw(st.sampled_from(sorted(RECORD_KINDS)))
    number = draw(st.integers(0, LARGEST_NUMBER).filter(lambda n: is_usable(kind, n)))
    return record_code(kind, number)


@given(
    st.one_of(
        record_codes(),
        st.sampled_from([COMMAND, command_code("thaw_vial")]),
        DINS.map(lambda code: code + check_character(code)),
        COIS.map(lambda code: code + check_character(code)),
    ),
    st.data(),
)
def test_any_single_wrong_character_is_noticed(code, data):
    at = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(st.sampled_from([c for c in ALPHABET if c.upper() != code[at] and c not in "\r\n"]))
    assert isinstance(read_scan(code[:at] + wrong + code[at + 1 :]), Garbled)


@given(DINS | COIS, st.data())
def test_any_swap_of_neighbours_is_noticed(code, data):
    whole = code + check_character(code)
    at = data.draw(st.integers(0, len(whole) - 2).filter(lambda n: whole[n] != whole[n + 1]))
    assert isinstance(read_scan(whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]), Garbled)


@given(st.text() | st.text("=&<>,+/]dC0149 AKLT*\r\n", max_size=60) | st.text(max_size=4).map(COMPOUND.__add__))
@example("=" * 160)
@example("\ud800")
@example("LT00" * 40)
def test_no_text_breaks_the_reader(raw):
    found = read_scan(raw)
    assert isinstance(found, Scan | Garbled)
    assert found.raw == raw
    if isinstance(found, Garbled):
        assert found.sentence.endswith(".")
        assert found.sentence.isprintable()


@given(st.sampled_from([COMPOUND, CAP, dose_symbol(DOSE, EXPIRY)]), st.data())
def test_a_label_cut_short_is_never_taken_for_a_whole_one(label, data):
    cut = data.draw(st.integers(0, len(label) - 1))
    found = read_scan(label[:cut])
    # Only the dot on the cap may be cut to something whole: the donation that it names.
    assert isinstance(found, Garbled) or (label, found.kind) == (CAP, Kind.DONATION)


def test_only_the_first_five_foreign_characters_are_listed():
    assert read_scan("A" + "О" * 9).sentence.count("CYRILLIC") == 5
    assert "and 4 more" in read_scan("A" + "О" * 9).sentence


def test_expiry_is_read_without_a_zone():
    expires = read_scan(COMPOUND).extras["expires"]
    assert expires.tzinfo is None
    assert expires - EXPIRY == timedelta(0)
