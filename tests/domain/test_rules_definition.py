"""When a definition may be imported and come into force."""

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.definition import EffectiveFacts, ImportFacts, effective_refusals, import_refusals


@pytest.mark.parametrize(
    ("in_use", "said"),
    [(None, None), ("aa", "the same text"), ("bb", "new version")],
)
def test_a_version_is_one_text_for_ever(in_use: str | None, said: str | None) -> None:
    refusals = import_refusals(ImportFacts("P-MMSC@1", "aa", in_use))
    assert [refusal.code for refusal in refusals] == ([] if said is None else [Code.ALREADY_EXISTS])
    assert said is None or said in refusals[0].detail


@pytest.mark.parametrize(
    ("state", "missing", "codes"),
    [
        ("IMPORTED", (), []),
        ("EFFECTIVE", (), [Code.WRONG_STATE]),
        ("IMPORTED", ("P-MMSC",), [Code.DEFINITION_NOT_EFFECTIVE]),
        ("IMPORTED", ("A-1", "B-1"), [Code.DEFINITION_NOT_EFFECTIVE] * 2),
    ],
)
def test_a_protocol_needs_its_specifications(state: str, missing: tuple[str, ...], codes: list[Code]) -> None:
    refusals = effective_refusals(EffectiveFacts("NCT04461925@1", state, missing))
    assert [refusal.code for refusal in refusals] == codes
    assert [name for name in missing if not any(name in refusal.detail for refusal in refusals)] == []


def test_what_nobody_imported_does_not_come_into_force() -> None:
    [refusal] = effective_refusals(EffectiveFacts("NCT04461925@1", "IMPORTED", is_imported_by_somebody=False))
    assert refusal.code is Code.SECOND_PERSON_NEEDED


def test_figures_that_are_not_of_the_file_do_not_come_into_force() -> None:
    [refusal] = effective_refusals(EffectiveFacts("NCT04461925@1", "IMPORTED", figures_agree=False))
    assert refusal.code is Code.FIGURES_CONTRADICT
