"""Whether a subject's next dose waits, who decides about it, and when there is nothing to decide."""

from dataclasses import replace
from typing import Any

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.standing import (
    SubjectFacts,
    next_dose_refusals,
    nothing_to_decide_refusals,
    other_clinician_refusals,
    subject_refusals,
)

SUBJECT = SubjectFacts("SJ0001A", "ENROLLED", "EXP", receives_product=True)
REACTION = "a serious reaction to CH1"


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"undecided": (REACTION,)}, [Code.DECISION_NEEDED]),
        ({"given_on_paper": "CH2"}, [Code.DECISION_NEEDED]),
        ({"undecided": (REACTION,), "given_on_paper": "CH2"}, [Code.DECISION_NEEDED] * 2),
    ],
)
def test_the_next_dose_waits_for_a_decision_and_for_a_form(change: dict[str, Any], codes: list[Code]) -> None:
    facts = replace(SUBJECT, **change)
    found = list(next_dose_refusals(facts))
    assert [one.code for one in found] == codes == [one.code for one in subject_refusals(facts)]
    named = [*([facts.given_on_paper] if facts.given_on_paper else []), *facts.undecided]
    assert all(words in one.detail for words, one in zip(named, found, strict=True))


@pytest.mark.parametrize("state", ["SCREENING", "ENROLLED"])
def test_a_clinician_decides_while_doses_may_come(state: str) -> None:
    waiting = replace(SUBJECT, state=state, undecided=(REACTION,))
    assert nothing_to_decide_refusals(waiting) == ()
    (refusal,) = nothing_to_decide_refusals(replace(waiting, undecided=()))
    assert refusal.code is Code.WRONG_STATE and "Nothing about subject SJ0001A waits" in refusal.detail


@pytest.mark.parametrize("state", ["WITHDRAWN", "SCREEN_FAILED", "COMPLETED"])
def test_where_treatment_has_ended_nobody_decides_about_a_next_dose(state: str) -> None:
    (refusal,) = nothing_to_decide_refusals(replace(SUBJECT, state=state, undecided=(REACTION,)))
    assert refusal.code is Code.WRONG_STATE
    assert f"is {state.lower().replace('_', ' ')}: there is no next dose" in refusal.detail


@pytest.mark.parametrize(
    ("own", "others", "codes"),
    [(0, 0, []), (0, 1, []), (1, 0, [Code.SAME_PERSON]), (2, 0, [Code.SAME_PERSON]), (1, 1, [])],
)
def test_nobody_decides_alone_about_a_reaction_that_they_noted(own: int, others: int, codes: list[Code]) -> None:
    assert [one.code for one in other_clinician_refusals("Petro", "SJ0001A", own, others)] == codes
