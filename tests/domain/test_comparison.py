"""What differs between two versions of a definition."""

from pathlib import Path

import pytest

import cellbank
from cellbank.domain.comparison import compare
from cellbank.domain.protocol import load_protocol
from cellbank.domain.specification import load_specification

FOLDER = Path(cellbank.__file__).parent / "protocols"
TEXT = (FOLDER / "p-mmsc.toml").read_text(encoding="utf-8")
BEFORE = load_specification(TEXT)


def changed(*replacements: tuple[str, str]):
    text = TEXT
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return load_specification(text)


def test_a_version_is_the_same_as_itself() -> None:
    assert compare(BEFORE, changed(('version = "2"', 'version = "3"'))).is_same


def test_a_change_is_named_field_by_field() -> None:
    found = compare(
        BEFORE,
        changed(
            ("minimum = 95", "minimum = 90\nmaximum = 99\nsamples = 2"),
            ("cpdl_warn = 15", "cpdl_warn = 16"),
            ("transport_soft_celsius = { low = 2", "transport_soft_celsius = { low = 3"),
            ("lifts_retest = true", ""),
        ),
    )
    [test] = found.changed
    assert test.code == "CD73" and found.same_tests == len(BEFORE.tests) - 1
    assert [(field.name, field.before, field.after) for field in test.fields] == [
        ("minimum", "95", "90"),
        ("maximum", "–", "99"),
        ("samples", "1", "2"),
    ]
    assert {(field.name, field.before, field.after) for field in found.settings} == {
        ("culture › cpdl warn", "15", "16"),
        ("donations › placenta › transport soft celsius › low", "2", "3"),
        ("donor › tests › HIV-NAT › lifts retest", "yes", "no"),
    }


def test_tests_that_only_move_are_no_change() -> None:
    moved = BEFORE.model_copy(update={"tests": tuple(reversed(BEFORE.tests))})
    assert compare(BEFORE, moved).is_same


def test_a_test_with_another_code_is_removed_and_added() -> None:
    found = compare(BEFORE, changed(('code = "CD90"', 'code = "CD44"')))
    assert [test.code for test in found.added] == ["CD44"] and [test.code for test in found.removed] == ["CD90"]


def test_protocols_compare_too_but_not_with_specifications() -> None:
    text = (FOLDER / "nct04461925.toml").read_text(encoding="utf-8")
    protocol = load_protocol(text)
    assert compare(protocol, protocol).is_same
    with pytest.raises(TypeError):
        compare(BEFORE, protocol)
