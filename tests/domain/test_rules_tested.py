"""What the results of a lot say about it, and the evidence that a person reads."""

import datetime

import pytest

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.refusals import Code
from cellbank.domain.rules.tested import LotResult, deciding_result, evidence, refusal_of_test, samples_missing

DAY = datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC)
ONE = ReleaseTest(
    code="CD73", title="CD73 positive", stage="lot", method="flow", required=True, kind="number", unit="%", minimum=95
)
THREE = ONE.model_copy(update={"samples": 3})
FAILED, PASSED = "OUT_OF_SPECIFICATION", "IN_SPECIFICATION"


def result(code: str, verdict: str = PASSED, state: str = "REVIEWED", number: int = 1, **more: str) -> LotResult:
    return LotResult(code, "CD73", "value", verdict, state, DAY.date(), number, **more)


@pytest.mark.parametrize(
    ("results", "decides"),
    [
        ([], None),
        ([result("A"), result("B")], "B"),
        ([result("A", FAILED), result("B")], "A"),  # a retest never overwrites
        ([result("A", FAILED, "INVALIDATED"), result("B")], "B"),
        ([result("A", FAILED, "CORRECTED"), result("B")], "B"),
        ([result("A", FAILED, "DISPUTED")], None),
        ([result("A", state="ENTERED"), result("B")], "A"),  # it waits for its review
    ],
)
def test_which_result_decides(results: list[LotResult], decides: str | None) -> None:
    found = deciding_result(results, "CD73")
    assert (found.code if found else None) == decides


@pytest.mark.parametrize(
    ("test", "results", "code"),
    [
        (ONE, [], Code.RESULT_MISSING),
        (ONE, [result("A")], None),
        (ONE, [result("A", state="ENTERED")], Code.RESULT_NOT_REVIEWED),
        (ONE, [result("A", FAILED), result("B")], Code.OUT_OF_SPECIFICATION),
        (ONE, [result("A", state="INVALIDATED")], Code.RESULT_MISSING),
        (THREE, [result("A"), result("B", number=2)], Code.RESULT_MISSING),
        (THREE, [result("A"), result("B", number=2), result("C", number=3)], None),
        (THREE, [result("A"), result("B", number=2), result("C", state="ENTERED", number=3)], Code.RESULT_NOT_REVIEWED),
        (THREE, [result("A"), result("B", FAILED, number=2), result("C", number=3)], Code.OUT_OF_SPECIFICATION),
        (THREE, [result("A"), result("B"), result("C")], Code.RESULT_MISSING),  # three times the same sample
    ],
)
def test_what_the_results_refuse(test: ReleaseTest, results: list[LotResult], code: Code | None) -> None:
    refusal = refusal_of_test("LT0017W", test, results)
    assert (refusal.code if refusal else None) == code


def test_missing_samples_are_numbered() -> None:
    assert samples_missing(THREE, [result("B", number=2)]) == (1, 3)
    refusal = refusal_of_test("LT0017W", THREE, [result("B", number=2)])
    assert refusal and "needs 3 samples: no result of number 1, 3" in refusal.detail


@pytest.mark.requirement("R2")
@pytest.mark.requirement("R5")
def test_nothing_is_hidden() -> None:
    corrected = result("A", FAILED, "CORRECTED", changed="by Tina: a slip")
    invalidated = result("B", FAILED, "INVALIDATED", changed="by Q: x")
    shown = evidence(ONE, [corrected, invalidated, result("C", state="DISPUTED"), result("D", of="culture CU0001T")])
    assert shown.startswith("value, in specification (D, 2026-03-01, of culture CU0001T)")
    assert "corrected by Tina: a slip: value, out of specification (A" in shown
    assert "invalidated by Q: x: value" in shown and "disputed: value" in shown
    assert evidence(ONE, [result("A", FAILED), result("B")]).count("out of specification") == 1
    assert evidence(THREE, [result("A"), result("B", number=2)]) == (
        "sample 1: value, in specification (A, 2026-03-01); sample 2: value, in specification (B, 2026-03-01)"
    )
    assert evidence(ONE, []) == "No result"


def test_an_earlier_failure_stands_beside_what_decides_now() -> None:
    first, last = result("A", FAILED), result("B", FAILED)
    told = evidence(ONE, [first, last])
    assert told.count("earlier: ") == 1 and "earlier: " not in evidence(ONE, [first])
    assert "earlier: " not in evidence(ONE, [result("A"), result("B")])
