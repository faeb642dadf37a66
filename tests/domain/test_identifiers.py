"""Every code that is printed: made, checked, and read back as it was made."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.identifiers import (
    LARGEST_NUMBER,
    RECORD_KINDS,
    Form,
    Kind,
    check_character,
    coi,
    command_code,
    din,
    division_code,
    donation_symbol,
    dose_symbol,
    form_code,
    is_fin,
    is_unregistered_fin,
    is_usable,
    looks_mixed,
    printed,
    record_check_character,
    record_code,
    vial_cap,
    vial_code,
    vial_compound,
)
from cellbank.domain.scans import Scan, read_scan

DONATION = "A999926000042"
VIAL = "A999926000042000007"
DOSE = "CHA999926000042"
LOT = record_code(Kind.LOT, 40)
EXPIRY = datetime(2028, 3, 31, 23, 59)
COMPOUND = "=+04000=A99992600004200=<D0001V99=,000007&>0280912359"
CAP = "=A99992600004200=,000007"
COMMAND = command_code("record_harvest")
SUBJECT = record_code(Kind.SUBJECT, 41)


# --- check characters -------------------------------------------------------------------------


@pytest.mark.requirement("R7")
@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("G123417654321", "A"),
        ("G123498654321", "H"),
        ("A999921123456", "3"),
        ("W000009123456", "G"),
        ("A999818123456", "N"),
        ("A999926000001", "8"),
        ("A999926000042", "R"),
        ("A999026123456", "C"),
        ("A999926000088", "*"),
        ("CHA999926000042", "I"),
        ("G123489654321", "Y"),
    ],
)
def test_check_characters_of_the_standard(text, character):
    assert check_character(text) == character


def test_the_check_character_of_two_letter_codes_is_mod_37_36():
    # The published example of the Global Release Identifier, which uses the same system.
    assert record_check_character("A12425GABC1234002") == "M"


@pytest.mark.parametrize("text", ["a999926000042", "", "A9999 26", "А999926000042", "A9999²"])
def test_only_digits_and_capitals_have_a_check_character(text):
    for check in (check_character, record_check_character):
        with pytest.raises(ValueError, match="digits and capitals"):
            check(text)


# --- making codes -----------------------------------------------------------------------------


def test_codes_are_made_as_the_domain_reference_shows():
    assert din("A9999", 2026, 42) == DONATION
    assert division_code(7) == "000007"
    assert vial_code(DONATION, "000007") == VIAL
    assert coi("A9999", 2026, 42) == DOSE
    assert donation_symbol(DONATION) == "=A99992600004200"
    assert vial_cap(DONATION, "000007") == CAP
    assert vial_compound(DONATION, "D0001V99", "000007", EXPIRY) == COMPOUND
    assert dose_symbol(DOSE, EXPIRY) == "=+02000&/CHA999926000042&>0280912359"


def test_symbols_have_the_lengths_that_the_labels_are_drawn_for():
    assert len(COMPOUND) == 53
    assert len(CAP) == 24


@pytest.mark.parametrize(
    "make",
    [
        lambda: din("O9999", 2026, 1),
        lambda: din("A999", 2026, 1),
        lambda: din("A9999\n", 2026, 1),
        lambda: din("A9999", 26, 1),
        lambda: din("A9999", 1999, 1),
        lambda: din("A9999", 2100, 1),
        lambda: din("A9999", 2026, 0),
        lambda: din("A9999", 2026, 1_000_000),
        lambda: coi("A999O", 2026, 1),
        lambda: division_code(0),
        lambda: division_code(1_000_000),
        lambda: vial_code(DONATION, "7"),
        lambda: vial_code(VIAL, "000007"),
        lambda: donation_symbol("a999926000042"),
        lambda: vial_cap(DONATION, "00000a"),
        lambda: vial_compound(DONATION, "D0001VA0", "000007", EXPIRY),
        lambda: vial_compound(DONATION, "D0001", "000007", EXPIRY),
        lambda: vial_compound(DONATION, "D0001V99", "000007", EXPIRY.replace(tzinfo=UTC)),
        lambda: vial_compound(DONATION, "D0001V99", "000007", EXPIRY.replace(year=1899)),
        lambda: vial_compound(DONATION, "D0001V99", "000007", EXPIRY.replace(year=2900)),
        lambda: dose_symbol(DONATION, EXPIRY),
        lambda: command_code("fly"),
        lambda: command_code("record-harvest"),
        lambda: command_code("x" * 61),
        lambda: record_code(Kind.LOT, -1),
        lambda: record_code(Kind.LOT, LARGEST_NUMBER + 1),
        lambda: record_code(Kind.VIAL, 1),
        lambda: is_usable(Kind.COMMAND, 1),
    ],
)
def test_a_malformed_part_makes_no_code(make):
    with pytest.raises(ValueError):
        make()


def test_the_first_and_the_last_of_everything_make_a_code():
    assert din("A9999", 2000, 1) == "A999900000001" and din("A9999", 2099, 999_999) == "A999999999999"
    assert division_code(1) == "000001" and division_code(999_999) == "999999"
    assert "&>900001" in dose_symbol(DOSE, EXPIRY.replace(year=1900, month=1, day=1))
    assert "&>899100" in dose_symbol(DOSE, EXPIRY.replace(year=2899, month=4, day=10))
    assert record_code(Kind.LOT, 1).startswith("LT0001") and record_code(Kind.LOT, LARGEST_NUMBER - 1)


@pytest.mark.parametrize(
    ("fin", "shaped", "unregistered"),
    [
        ("A9999", True, True),
        ("A9990", True, True),
        ("A9989", True, False),
        ("AB123", True, False),
        ("1ZZ00", True, False),
        ("O9999", False, False),
        ("0A999", False, False),
        ("A999", False, False),
        ("A99999", False, False),
        ("A99٩9", False, False),
    ],
)
def test_facility_numbers(fin, shaped, unregistered):
    assert is_fin(fin) == shaped
    assert is_unregistered_fin(fin) == unregistered


def test_numbers_with_a_check_character_that_could_be_misread_are_skipped():
    skipped = [n for n in range(360) if not is_usable(Kind.LOT, n)]
    assert 30 <= len(skipped) <= 50
    for number in skipped:
        with pytest.raises(ValueError, match="could be misread"):
            record_code(Kind.LOT, number)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (DONATION, "A9999 26 000042"),
        (VIAL, "A9999 26 000042 000007"),
        (DOSE, "CH A9999 26 000042"),
        (LOT, LOT),
        (COMMAND, COMMAND),
    ],
)
def test_codes_are_grouped_for_people(code, shown):
    assert printed(code) == shown


# --- reading back what was made ---------------------------------------------------------------

FINS = st.from_regex("[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}", fullmatch=True)
YEARS = st.integers(2000, 2099)
SIX_DIGITS = st.integers(1, 999_999)
DINS = st.builds(din, FINS, YEARS, SIX_DIGITS)
COIS = st.builds(coi, FINS, YEARS, SIX_DIGITS)
EXPIRIES = st.datetimes(datetime(1900, 1, 1), datetime(2899, 12, 31)).map(lambda t: t.replace(second=0, microsecond=0))


@st.composite
def record_codes(draw) -> str:
    kind = draw(st.sampled_from(sorted(RECORD_KINDS)))
    number = draw(st.integers(0, LARGEST_NUMBER).filter(lambda n: is_usable(kind, n)))
    return record_code(kind, number)


@given(record_codes())
def test_a_two_letter_code_reads_back_in_capitals_and_in_lower_case(code):
    for typed in (code, code.lower()):
        assert read_scan(typed) == Scan(Kind(code[:2]), code, typed, checked=True)


@pytest.mark.requirement("R7")
@given(DINS)
def test_a_donation_reads_back_scanned_and_typed(code):
    assert read_scan(code) == Scan(Kind.DONATION, code, code)
    symbol = donation_symbol(code)
    assert read_scan(symbol) == Scan(Kind.DONATION, code, symbol)
    for typed in (code + check_character(code), f"{printed(code)} {check_character(code)}"):
        assert read_scan(typed) == Scan(Kind.DONATION, code, typed, checked=True)


@given(DINS, SIX_DIGITS, EXPIRIES)
def test_a_vial_reads_back_from_label_cap_and_print(donation, number, expiry):
    division = division_code(number)
    code = vial_code(donation, division)
    parts = {"din": donation, "division": division}
    assert read_scan(code) == Scan(Kind.VIAL, code, code, parts)
    assert read_scan(cap := vial_cap(donation, division)) == Scan(Kind.VIAL, code, cap, parts)
    typed = f"{printed(donation)} {check_character(donation)} {division}"
    assert read_scan(typed) == Scan(Kind.VIAL, code, typed, parts, checked=True)
    label = vial_compound(donation, "D0001V99", division, expiry)
    everything = {**parts, "product": "D0001V99", "expires": expiry}
    assert read_scan(label) == Scan(Kind.VIAL, code, label, everything)


@given(COIS, EXPIRIES)
def test_a_dose_reads_back_scanned_and_typed(code, expiry):
    label = dose_symbol(code, expiry)
    assert read_scan(label) == Scan(Kind.DOSE, code, label, {"expires": expiry})
    assert read_scan(code) == Scan(Kind.DOSE, code, code)
    for typed in (code + check_character(code), f"{printed(code)} {check_character(code)}"):
        assert read_scan(typed) == Scan(Kind.DOSE, code, typed, checked=True)


@pytest.mark.parametrize("act", ["record_harvest", "thaw_vial", "hold_lot", "infuse_day7"])
def test_a_command_barcode_reads_back_as_the_name_without_underscores(act):
    code = command_code(act)
    name = act.replace("_", "").upper()
    assert code[:-1] == "CM" + name
    assert read_scan(code) == Scan(Kind.COMMAND, code, code, {"act": name}, checked=True)


@pytest.mark.parametrize(
    ("form", "of"),
    [(Form.PICK, ""), (Form.THAW, ""), (Form.BEDSIDE, ""), (Form.BEDSIDE, DOSE), (Form.SUBJECT, SUBJECT)],
)
def test_a_form_reads_back_with_what_it_is_about(form, of):
    code = form_code(form, of)
    extras = {"form": form, **({"of": of} if of else {})}
    assert read_scan(code) == Scan(Kind.FORM, code, code, extras, checked=True)
    for place in range(2, len(code)):  # one character misread is never another form
        wrong = code[:place] + ("2" if code[place] != "2" else "3") + code[place + 1 :]
        assert not isinstance(read_scan(wrong), Scan), wrong


@pytest.mark.parametrize(
    ("form", "of"), [(Form.SUBJECT, ""), (Form.SUBJECT, DOSE), (Form.PICK, SUBJECT), (Form.THAW, "CH1")]
)
def test_a_form_bears_only_the_code_of_its_kind(form, of):
    with pytest.raises(ValueError):
        form_code(form, of)


@pytest.mark.parametrize("prefix", ["]C0", "]C1", "]C4", "]d1", "]d2"])
@pytest.mark.parametrize("code", [LOT, DONATION, CAP, COMPOUND, COMMAND])
def test_symbology_prefix_and_line_ends_are_dropped(prefix, code):
    found = read_scan(f"{prefix}{code}\r\n")
    assert found == Scan(**{**vars(read_scan(code)), "raw": f"{prefix}{code}\r\n"})


@pytest.mark.parametrize(
    ("raw", "extras", "checked"),
    [
        ("=A99992600004287", {"flags": "87"}, True),
        ("=A99992600008896", {"flags": "96"}, True),
        ("=A99992600004207", {"flags": "07"}, False),
        ("=A99992600004200=<S1234VA0", {"product": "S1234VA0"}, False),
        ("=A99992600004200=<S1234VAa", {"product": "S1234VAa"}, False),
        ("=<S1234V00=A99992600004200", {"product": "S1234V00"}, False),
        ("=A99992600004200&+A9999000001", {"facility": "A9999000001"}, False),
        ("=+02000=A99992600004200&>0991230000", {"expires": datetime(2099, 5, 3)}, False),
        ("=A99992600004200&>9993652359", {"expires": datetime(1999, 12, 31, 23, 59)}, False),
        ("=A99992600004200&>0283662359", {"expires": datetime(2028, 12, 31, 23, 59)}, False),
    ],
)
def test_what_comes_with_a_donation_is_kept(raw, extras, checked):
    assert read_scan(raw) == Scan(Kind.DONATION, raw[raw.index("=A") + 1 :][:13], raw, extras, checked)


def test_a_dose_label_may_name_its_vial():
    found = read_scan("=+05000=A99992600004200=<D0001V99=,000007&>0280912359&/CHA999926000042")
    assert (found.kind, found.code) == (Kind.DOSE, DOSE)
    assert found.extras == {
        "din": DONATION,
        "division": "000007",
        "vial": VIAL,
        "product": "D0001V99",
        "expires": EXPIRY,
    }


# --- alphabets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("SUBJ-0012", []),
        ("ЖД-12", []),
        ("Müller", []),
        ("Оxygen", [1]),
        ("Еnoxaparin", [1]),
        ("С-reactive", [1]),
        ("САР-12", [1, 2, 3]),
        ("ЖA-12", [1]),
        ("12٣", [3]),
        ("12\u00a03", [3]),
        ("12 3", []),
        ("12\t3", [3]),
        ("²", [1]),
    ],
)
def test_characters_that_are_not_what_they_seem_are_found(text, positions):
    assert [found.position for found in looks_mixed(text)] == positions


def test_a_foreign_character_names_itself():
    (found,) = looks_mixed("Оxygen")
    assert str(found) == "О at position 1 (U+041E CYRILLIC CAPITAL LETTER O, which looks like O)"


@given(st.text(string.ascii_letters + string.digits + "-_/. "))
def test_plain_ascii_is_never_mixed(text):
    assert looks_mixed(text) == ()
