"""A lot for one subject while results are pending: what must be green, what may be open, for whom."""

from dataclasses import replace

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.conditional import ConditionalFacts, conditional_refusals, pending_tests
from cellbank.domain.rules.release import LiveHold
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals
from cellbank.domain.rules.tested import LotResult
from cellbank.domain.specification import load_specification
from tests.domain.test_rules_release import LATER, READY, SPECIFICATION, TEXT, result, without
from tests.factories.conditional import TABLE

ALLOWING = load_specification(TEXT + TABLE)
OPEN = replace(READY, specification=ALLOWING, results=without("MYCOPLASMA"))
FACTS = ConditionalFacts(OPEN, "product", SubjectFacts("SJ0001A", "ENROLLED", "EXP", receives_product=True))


def with_results(*results: LotResult) -> dict:
    return {"release": replace(OPEN, results=without("MYCOPLASMA", *results))}


GOOD, BAD = result("MYCOPLASMA", state="ENTERED"), result("MYCOPLASMA", "OUT_OF_SPECIFICATION", "ENTERED")
OFF = replace(OPEN, specification=SPECIFICATION)
CASES = [
    ("nothing known of the test", {}, []),
    ("a good value waits for its review", with_results(GOOD), []),
    ("a good value after a wrong number", with_results(result("MYCOPLASMA", state="CORRECTED"), GOOD), []),
    ("a bad value", with_results(BAD), [Code.OUT_OF_SPECIFICATION, Code.CRITERION_OPEN]),
    ("a disputed value", with_results(result("MYCOPLASMA", state="DISPUTED")),
     [Code.RESULT_MISSING, Code.CRITERION_OPEN]),
    ("an invalidated bad value", with_results(result("MYCOPLASMA", "OUT_OF_SPECIFICATION", "INVALIDATED")),
     [Code.RESULT_MISSING, Code.CRITERION_OPEN]),
    ("a good value, reviewed: nothing is pending", with_results(result("MYCOPLASMA")), [Code.CRITERION_OPEN]),
    ("the specification does not allow it", {"release": OFF}, [Code.DEFINITION_NOT_EFFECTIVE, Code.RESULT_MISSING]),
    ("another test is missing", {"release": replace(OPEN, results=tuple(
        one for one in OPEN.results if one.test != "CD73"))}, [Code.RESULT_MISSING]),
    ("a hold", {"release": replace(OPEN, holds=(LiveHold("HD0001", "a doubt"),))}, [Code.ON_HOLD]),
    ("the donor is not determined", {"release": replace(OPEN, donor_state="REGISTERED")}, [Code.DONOR_NOT_ELIGIBLE]),
    ("nobody read the batch record", {"release": replace(OPEN, batch_review=None)}, [Code.BATCH_NOT_REVIEWED]),
    ("a bank", {"purpose": "working_bank"}, [Code.WRONG_KIND]),
    ("the control arm", {"subject": replace(FACTS.subject, receives_product=False)}, [Code.CONTROL_ARM]),
    ("a subject in screening", {"subject": replace(FACTS.subject, state="SCREENING")}, [Code.SUBJECT_NOT_ENROLLED]),
    ("one is under way", {"live": "CR0001A"}, [Code.ALREADY_EXISTS]),
    ("what was pending still is", {"requested": ("MYCOPLASMA",)}, []),
    ("something else was pending", {"requested": ("STERILITY",)}, [Code.RESULT_MISSING, Code.CRITERION_OPEN]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_everything_but_the_pending_tests_must_be_green(change: dict, codes: list[Code]) -> None:
    assert [refusal.code for refusal in conditional_refusals(replace(FACTS, **change))] == codes


def test_only_tests_that_the_specification_names_are_pending() -> None:
    nothing_tested = replace(OPEN, results=())
    assert pending_tests(nothing_tested) == ("MYCOPLASMA",)
    assert pending_tests(replace(nothing_tested, specification=SPECIFICATION)) == ()


@pytest.mark.parametrize(
    ("state", "conditional", "may_have_it"),
    [
        ("RELEASED", False, True),
        ("RELEASED", True, True),
        ("QUARANTINE", True, True),
        ("QUARANTINE", False, False),
        ("ON_HOLD", True, False),
        ("REJECTED", True, False),
        ("RECALLED", True, False),
    ],
)
def test_a_lot_that_is_stopped_is_for_nobody(state: str, conditional: bool, may_have_it: bool) -> None:
    day = LATER.date()
    facts = LotFacts("LT0001A", state, day, "DR0001A", "ELIGIBLE", True, False, day, conditional)
    assert facts.released_for_subject is may_have_it
    assert (Code.LOT_NOT_RELEASED in [one.code for one in lot_refusals(facts)]) is not may_have_it
