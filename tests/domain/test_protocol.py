"""Trial protocols: the shipped one says what the registry record says; a bad file hears all at once."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from cellbank.domain.definition import mixed_script_words
from cellbank.domain.protocol import ProtocolProblems, digest, load_protocol

PROTOCOLS = Path(__file__).parents[2] / "cellbank" / "protocols"
SHIPPED = (PROTOCOLS / "nct04461925.toml").read_text(encoding="utf-8")
FIXED = (Path(__file__).parent / "fixed-dose.toml").read_text(encoding="utf-8")


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProtocolProblems) as refused:
        load_protocol(text)
    return refused.value.problems


def changed(*replacements: tuple[str, str], text: str = SHIPPED) -> str:
    for old, new in replacements:
        assert text.count(old) >= 1, f"the protocol file has no {old!r}"
        text = text.replace(old, new, 1)
    return text


def test_shipped_protocol_is_the_registered_trial():
    protocol = load_protocol(SHIPPED)
    assert protocol.id == "NCT04461925"
    assert protocol.planned_subjects == 30
    assert [(arm.code, arm.receives_product, arm.specification) for arm in protocol.arms] == [
        ("EXP", True, "P-MMSC"),
        ("CTL", False, None),
    ]
    assert protocol.dosing.cells_per_kg == 1_000_000
    assert protocol.dosing.cap_cells is None
    assert [(i.number, i.window_first_day, i.day, i.window_last_day) for i in protocol.dosing.infusions] == [
        (1, 1, 1, 1),
        (2, 3, 4, 5),
        (3, 6, 7, 8),
    ]
    assert protocol.dosing.min_hours_between == 48


def test_shipped_criteria_are_those_of_the_record():
    protocol = load_protocol(SHIPPED)
    assert [c.code for c in protocol.inclusion] == ["I1", "I2", "I3", "I4a", "I4b", "I4c", "I4d"]
    assert [c.code for c in protocol.exclusion] == [f"E{number}" for number in range(1, 9)]
    assert [(c.code, c.operator, c.limit) for c in protocol.inclusion if c.group == "I4"] == [
        ("I4a", ">=", 30),
        ("I4b", "<=", 93),
        ("I4c", "<=", 300),
        ("I4d", "<", 48),
    ]
    assert protocol.visit("W8").day == 57
    assert {one.code: one.hours_to_expiry for one in protocol.thaw.diluents} == {"protein_free": 2, "albumin": 4}


def test_another_design_is_another_file():
    protocol = load_protocol(FIXED)
    assert protocol.dosing.kind == "fixed"
    assert protocol.dosing.cells == protocol.dosing.cap_cells == 100_000_000
    assert len(protocol.dosing.infusions) == 2
    assert {arm.specification for arm in protocol.arms} == {"P-MMSC", "UC-MSC", None}


@pytest.mark.parametrize("path", sorted(PROTOCOLS.glob("*.toml")), ids=lambda path: path.name)
def test_shipped_files_hold_no_cyrillic_letters(path):
    assert re.findall(r"[\u0400-\u04ff]+", path.read_text(encoding="utf-8")) == []


def test_a_loaded_protocol_cannot_be_changed():
    protocol = load_protocol(SHIPPED)
    with pytest.raises(ValidationError):
        protocol.dosing.cells_per_kg = 2_000_000


def test_numbers_are_exact():
    protocol = load_protocol(changed(("dead_volume_ml = 0.5", "dead_volume_ml = 0.1")))
    assert protocol.draw.dead_volume_ml == Decimal("0.1")
    in_powers_of_ten = load_protocol(changed(("cells_per_kg = 1_000_000", "cells_per_kg = 1e6")))
    assert isinstance(in_powers_of_ten.dosing.cells_per_kg, int)


ONE_MISTAKE = [
    ("dosing.weight.decimals: is missing", [("decimals = 1\n", "")]),
    ("dosing.cell_cap: is not a known key", [("min_hours_between", "cell_cap = 5\nmin_hours_between")]),
    ("dosing.cap_cells: is missing", [('cap_cells = "none"', "")]),
    ("dosing.cap_cells: should be a number (given: some)", [('cap_cells = "none"', 'cap_cells = "some"')]),
    (
        "dosing.cap_cells: is below the lowest conceivable dose of 30000000 cells",
        [('cap_cells = "none"', "cap_cells = 29_999_999")],
    ),
    (
        "dosing.cells_per_kg: should be a whole number of cells",
        [("cells_per_kg = 1_000_000", "cells_per_kg = 1000000.5")],
    ),
    ("dosing.cells_per_kg: is larger than 10^12", [("cells_per_kg = 1_000_000", "cells_per_kg = 1e999999")]),
    ("dosing.cells_per_kg: should be a finite number", [("cells_per_kg = 1_000_000", "cells_per_kg = nan")]),
    ("dosing.cells_per_kg: is missing: the dose is per_kg", [("cells_per_kg = 1_000_000", "")]),
    (
        "dosing.cells: does not belong to a dose that is per_kg",
        [("cells_per_kg = 1_000_000", "cells_per_kg = 1_000_000\ncells = 5")],
    ),
    ("dosing.kind: should be 'per_kg' or 'fixed' (given: by_eye)", [('"per_kg"', '"by_eye"')]),
    ("dosing.spare_vials: should be a valid integer", [("spare_vials = 1", "spare_vials = true")]),
    (
        "dosing.allow_mixed_lots: mixed lots are not supported: a dose comes from one lot. Write false",
        [("allow_mixed_lots = false", "allow_mixed_lots = true")],
    ),
    ("dosing.allow_mixed_lots: should be False", [("allow_mixed_lots = false", 'allow_mixed_lots = "no"')]),
    ("legend: String should have at most 40 characters", [("For clinical trial use only", "x" * 41)]),
    (
        "dosing.min_hours_between: day 4 is only 72 h after day 1",
        [("min_hours_between = 48", "min_hours_between = 73")],
    ),
    (
        "dosing.infusions[2].window_last_day: day 4 is outside its window 5 to 5",
        [("window_first_day = 3", "window_first_day = 5")],
    ),
    (
        "dosing.infusions[3].window_first_day: the window overlaps that of infusion 2, which ends on day 5",
        [("window_first_day = 6", "window_first_day = 5")],
    ),
    ("dosing.infusions[3].number: is 4; infusions are numbered 1, 2, 3", [("number = 3", "number = 4")]),
    ("dosing.infusions[1]: the first infusion defines day 1", [("window_last_day = 1", "window_last_day = 2")]),
    ("collaborators: should be a list", [('["Kyiv City Clinical Hospital No 4"]', '"a hospital"')]),
    ("dosing.tolerance.warn_percent: 95 to 120 does not enclose ok_percent 90 to 110", [("low = 80", "low = 95")]),
    ("dosing.tolerance.ok_percent: 101 to 110 does not hold 100 %", [("low = 90", "low = 101")]),
    ("dosing.tolerance.ok_percent.high: is below low, 90", [("high = 110", "high = 89")]),
    (
        "dosing.weight.plausible_kg: 0.2 to 250 reaches beyond 0.3 to 400.0 kg",
        [("{ low = 30, high = 250", "{ low = 0.2, high = 250")],
    ),
    (
        "dosing.weight.plausible_kg: 30 to 401 reaches beyond 0.3 to 400.0 kg",
        [("{ low = 30, high = 250", "{ low = 30, high = 401")],
    ),
    ("limits.dmso_g_per_kg: should be less than or equal to 1", [("dmso_g_per_kg = 1", "dmso_g_per_kg = 1.1")]),
    (
        "dosing.weight.change_percent_recalculate: is below change_percent_note",
        [("change_percent_recalculate = 10", "change_percent_recalculate = 4")],
    ),
    (
        "arms[1].specification: the arm receives product: name its product specification",
        [('specification = "P-MMSC"', "")],
    ),
    (
        "arms[2].specification: the arm receives no product",
        [("receives_product = false", 'receives_product = false\nspecification = "P-MMSC"')],
    ),
    ("arms[2].code: EXP is already the code of item 1", [('code = "CTL"', 'code = "EXP"')]),
    (
        "thaw.diluents[2].hours_to_expiry: 7 h is more than max_hours 6",
        [("hours_to_expiry = 4", "hours_to_expiry = 7")],
    ),
    (
        "thaw: should be a table",
        [(SHIPPED[SHIPPED.index("[thaw]") : SHIPPED.index("[limits]")], ""), ("id =", "thaw = 5\nid =")],
    ),
    ("draw.marks[2].up_to_ml: is not larger than the one before", [("up_to_ml = 60", "up_to_ml = 20")]),
    ("inclusion[1].question: height is not the code of a question", [('question = "age"', 'question = "height"')]),
    ("inclusion[2].operator: >= does not fit a yes_no question", [('operator = "yes"', 'operator = ">="\nlimit = 1')]),
    ("inclusion[4].limit: is missing: operator >= needs it", [("limit = 30", "")]),
    (
        "inclusion[4].range: does not belong to operator >=",
        [("limit = 30", "limit = 30\nrange = { low = 1, high = 2 }")],
    ),
    ("questions[1].unit: is missing: a number question needs it", [('unit = "completed years"', "")]),
    ("questions[2].unit: belongs to number questions only", [('kind = "yes_no"', 'kind = "yes_no"\nunit = "mg"')]),
    ("exclusion[1].code: I1 is already the code of an inclusion criterion", [('code = "E1"', 'code = "I1"')]),
    ("exclusion[1].group: only inclusion criteria form any-of groups", [('code = "E1"', 'code = "E1"\ngroup = "I4"')]),
    ("groups[1].at_least: is 5, but the group has only 4 criteria", [("at_least = 1", "at_least = 5")]),
    (
        "groups[2]: no inclusion criterion belongs to group I9",
        [("at_least = 1", 'at_least = 1\n[[groups]]\ncode = "I9"\ntext = "Any"\nat_least = 1')],
    ),
    ("groups: group I7 of inclusion criterion I4a is not declared", [('group = "I4"', 'group = "I7"')]),
    (
        "ambiguities[1].question: pneumonia is not the code of a number question",
        [('question = "ventilation_hours"\nvalue', 'question = "pneumonia"\nvalue')],
    ),
    (
        "ambiguities[1].decision: pneumonia already names another answer",
        [('decision = "pi_accepts_48_h_ventilation"', 'decision = "pneumonia"')],
    ),
    ("visits[1].day: there is no day 0", [("day = -1", "day = 0")]),
    ("outcomes[4].visits: W9 is not the code of a visit", [('"W8"]', '"W9"]')]),
    ("outcomes[1].until_day: is missing: name visits or the last day", [("until_day = 29", "")]),
    ("version: String should have at least 1 character", [('version = "1"', 'version = ""')]),
    ("investigator: begins or ends with a space", [('"Alexey Chibisov, MD"', '"Alexey Chibisov, MD "')]),
    *(
        (f"{name}: holds a character that is part of no text (given: a\\x00", [(f'{name} = "', f'{name} = "a\\u0000')])
        for name in ("version", "title", "investigator")
    ),
    ("version: holds a character that is part of no text", [('version = "1"', 'version = "1\\u001b"')]),
    ("version: holds a character that is part of no text", [('version = "1"', 'version = "1␀"')]),
    (
        "sites[1]: mixes Latin and Cyrillic letters in \u041exygen",
        [('sites = ["Institute', 'sites = ["\u041exygen Institute')],
    ),
]


@pytest.mark.parametrize(("problem", "mistakes"), ONE_MISTAKE, ids=[problem for problem, _ in ONE_MISTAKE])
def test_a_mistake_is_named_with_its_path(problem, mistakes):
    problems = problems_of(changed(*mistakes))
    assert any(found.startswith(problem) for found in problems), problems


def test_all_mistakes_are_listed_at_once():
    text = changed(
        ("planned_subjects = 30", ""),
        ('phase = "1/2"', "phase = 12"),
        ("spare_vials = 1", "spares = 1"),
        ("min_hours_between = 48", "min_hours_between = 500"),
        ('code = "CTL"', 'code = "EXP"'),
        ("low = 80", "low = 95"),
        ("at_least = 1", "at_least = 9"),
    )
    problems = problems_of(text)
    paths = [problem.split(": ")[0] for problem in problems]
    assert paths == [
        "phase",
        "planned_subjects",
        "arms[2].code",
        "dosing.min_hours_between",
        "dosing.min_hours_between",
        "dosing.spare_vials",
        "dosing.tolerance.warn_percent",
        "dosing.spares",
        "groups[1].at_least",
    ]


def test_both_overlapping_windows_are_listed():
    problems = problems_of(
        changed(("window_first_day = 3", "window_first_day = 1"), ("window_first_day = 6", "window_first_day = 5"))
    )
    assert [problem.split(": ")[0] for problem in problems] == [
        "dosing.infusions[2].window_first_day",
        "dosing.infusions[3].window_first_day",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id = \n", "not valid TOML: Invalid value (at line 1, column 6)"),
        ('id = "A"\nid = "B"\n', "not valid TOML: Cannot overwrite a value (at line 2"),
        ("a = " + "9" * 5000, "not valid TOML: a number is too long to be read"),
        ("a = 1e99999999999999999999", "not valid TOML: a number is too long to be read"),
        ("a = " + "[" * 5000, "not valid TOML: nested too deeply"),
    ],
)
def test_text_that_is_no_toml_is_one_problem(text, problem):
    problems = problems_of(text)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_fixed_dose_needs_its_cells_and_a_cap_not_below_it():
    assert problems_of(changed(("cells = 100e6\n", ""), text=FIXED)) == ("dosing.cells: is missing: the dose is fixed",)
    problems = problems_of(changed(("cap_cells = 100e6", "cap_cells = 99_999_999"), text=FIXED))
    assert problems[0].startswith("dosing.cap_cells: is below the lowest conceivable dose of 100000000 cells")


def test_a_trial_needs_an_arm_that_receives_product():
    text = changed(('receives_product = true\nspecification = "P-MMSC"', "receives_product = false"))
    assert problems_of(text) == ("arms: no arm receives product",)


def test_looking_up_what_is_not_there_names_what_is():
    protocol = load_protocol(SHIPPED)
    with pytest.raises(KeyError, match="EXP, CTL"):
        protocol.arm("ACTIVE")
    with pytest.raises(KeyError, match="3 infusions, no number 4"):
        protocol.dosing.infusion(4)


def test_digest_changes_with_every_character():
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(SHIPPED) != digest(SHIPPED + "\n")


def test_mixed_script_words_are_found_and_plain_ukrainian_is_not():
    assert mixed_script_words("\u0415noxaparin and \u043a\u0438\u0457\u0432 oxygen") == ("\u0415noxaparin",)


def test_a_version_that_stands_is_read_whatever_it_is_called():
    text = changed(('version = "1"', 'version = "1 of May"'))
    assert problems_of(text) == (
        "version: should be 1 to 24 of A to Z, a to z, 0 to 9 and . _ + -, and begin with a letter or a digit"
        " (given: 1 of May)",
    )
    assert load_protocol(text, stands=True).version == "1 of May"
