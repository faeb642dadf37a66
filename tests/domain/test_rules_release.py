"""The release board: every criterion, met and not met, without a database."""

import datetime
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import cellbank
from cellbank.domain.refusals import Code
from cellbank.domain.rules.donor import Collection, EvidenceFacts, PanelResult
from cellbank.domain.rules.freezing import ClosingFacts
from cellbank.domain.rules.freezing_run import RunOfLot
from cellbank.domain.rules.hold import RecallFacts, recall_refusals
from cellbank.domain.rules.release import (
    BatchReviewed,
    LiveHold,
    OpenDeviation,
    ReleaseFacts,
    SourceLot,
    Through,
    release_criteria,
    release_refusals,
)
from cellbank.domain.rules.tested import LotResult
from cellbank.domain.specification import load_specification

TEXT = (Path(cellbank.__file__).parent / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")
SPECIFICATION = load_specification(TEXT)
COLLECTED = datetime.datetime(2026, 1, 10, 9, tzinfo=datetime.UTC)
FROZEN = COLLECTED + datetime.timedelta(days=20)
LATER = FROZEN + datetime.timedelta(days=30)
REQUIRED = [test for test in SPECIFICATION.tests if test.required]


def result(
    test: str,
    verdict: str = "IN_SPECIFICATION",
    state: str = "REVIEWED",
    code: str = "RS0001",
    at: datetime.datetime = LATER,
) -> LotResult:
    return LotResult(code, test, "value", verdict, state, at.date())


def panel(*leave_out: str) -> EvidenceFacts:
    results = tuple(
        PanelResult(f"RS{place}", test.code, "negative", COLLECTED, "REVIEWED")
        for place, test in enumerate(SPECIFICATION.donor.tests)
        if test.code not in leave_out
    )
    return EvidenceFacts("DR0001", SPECIFICATION.donor, (Collection("donation A9999 26 000042", COLLECTED),), results)


PASSED = tuple(result(test.code) for test in REQUIRED)
READY = ReleaseFacts(
    lot="LT0017W",
    specification=SPECIFICATION,
    donor="DR0001",
    donor_state="ELIGIBLE",
    evidence=panel(),
    consent_states=("WITHDRAWN", "GIVEN"),
    holds=(),
    deviations=(),
    batch_review=BatchReviewed("BR0001X", "Maksym", LATER.date(), is_current=True),
    results=PASSED,
    closing=ClosingFacts("LT0017W", 61_000_000, 6, 10_000_000, 500_000, 500_000),
    vial_counts={"IN_STOCK": 5, "QC_USED": 1, "VOIDED": 2},
    frozen_at=FROZEN,
    expires_on=datetime.date(2028, 1, 30),
    today=LATER.date(),
    passage=4,
    cumulative_doublings=Decimal("14.2"),
)


def without(test: str, *instead: LotResult) -> tuple[LotResult, ...]:
    return (*(one for one in PASSED if one.test != test), *instead)


WITHIN = RunOfLot("FR0001", "WITHIN", "within the band")
OUTSIDE = RunOfLot("FR0001", "OUTSIDE", "once outside the band", "DV0002", "OPEN")
OLD_FAILURE = result("CD73", "OUT_OF_SPECIFICATION", code="RS0666", at=FROZEN)
INVALIDATED = result("CD73", "OUT_OF_SPECIFICATION", "INVALIDATED", code="RS0666", at=FROZEN)
WARM = Through("EX0001", "warning", "OPEN", Decimal("-148.25"))
CASES = [
    ("all met", {}, None, None),
    ("donor not determined", {"donor_state": "REGISTERED"}, "DONOR_ELIGIBLE", Code.DONOR_NOT_ELIGIBLE),
    ("no freezing run", {"freezing_program": "CRF-1"}, "FREEZING_RUN", Code.CRITERION_OPEN),
    ("a run within its band", {"freezing_program": "CRF-1", "freezing_run": WITHIN}, None, None),
    ("a run outside it", {"freezing_program": "CRF-1", "freezing_run": OUTSIDE}, "FREEZING_RUN", Code.DEVIATION_OPEN),
    ("outside, and decided", {"freezing_program": "CRF-1",
     "freezing_run": replace(OUTSIDE, deviation_state="CLOSED")}, None, None),
    ("a program without a band", {"freezing_program": "CRF-0"}, None, None),
    ("donor ineligible", {"donor_state": "INELIGIBLE"}, "DONOR_ELIGIBLE", Code.DONOR_NOT_ELIGIBLE),
    ("a NAT missing: repeat due", {"evidence": panel("HCV-NAT")}, "DONOR_TESTS", Code.RETEST_DUE),
    ("an antibody test missing", {"evidence": panel("SYPHILIS")}, "DONOR_TESTS", Code.PANEL_INCOMPLETE),
    ("consent withdrawn", {"consent_states": ("WITHDRAWN",)}, "CONSENT", Code.CONSENT_MISSING),
    ("no consent", {"consent_states": ()}, "CONSENT", Code.CONSENT_MISSING),
    ("a hold", {"holds": (LiveHold("HD0001", "a doubt"),)}, "NO_HOLD", Code.ON_HOLD),
    ("made from a bank that is in use", {"made_from": (SourceLot("LT0016Y", "RELEASED"),)}, None, None),
    ("made from a recalled bank", {"made_from": (SourceLot("LT0016Y", "RECALLED"),)}, "SOURCE_LOTS",
     Code.CRITERION_OPEN),
    ("a test missing", {"results": without("KARYOTYPE")}, "TEST_KARYOTYPE", Code.RESULT_MISSING),
    ("a test after thaw missing", {"results": without("PT-VIABILITY")}, "TEST_PT-VIABILITY", Code.RESULT_MISSING),
    ("not reviewed", {"results": without("CD73", result("CD73", state="ENTERED"))}, "TEST_CD73",
     Code.RESULT_NOT_REVIEWED),
    ("out of specification", {"results": without("CD73", result("CD73", "OUT_OF_SPECIFICATION"))}, "TEST_CD73",
     Code.OUT_OF_SPECIFICATION),
    ("out of specification and not even reviewed",
     {"results": without("CD73", result("CD73", "OUT_OF_SPECIFICATION", "ENTERED"))}, "TEST_CD73",
     Code.OUT_OF_SPECIFICATION),
    ("only a disputed one", {"results": without("CD73", result("CD73", state="DISPUTED"))}, "TEST_CD73",
     Code.RESULT_MISSING),
    ("a failure decides, whatever came after it", {"results": without("CD73", OLD_FAILURE, result("CD73"))},
     "TEST_CD73", Code.OUT_OF_SPECIFICATION),
    ("an invalidated failure does not", {"results": without("CD73", INVALIDATED, result("CD73"))}, None, None),
    ("a major deviation", {"deviations": (OpenDeviation("DV0001", "Spill", "major"),)}, "DEVIATIONS",
     Code.DEVIATION_OPEN),
    ("a critical deviation", {"deviations": (OpenDeviation("DV0001", "Spill", "critical"),)}, "DEVIATIONS",
     Code.DEVIATION_OPEN),
    ("a minor deviation", {"deviations": (OpenDeviation("DV0001", "Late note", "minor"),)}, None, None),
    ("nobody read the batch record", {"batch_review": None}, "BATCH_RECORD", Code.BATCH_NOT_REVIEWED),
    ("the batch record changed since", {"batch_review": replace(READY.batch_review, is_current=False)},
     "BATCH_RECORD", Code.BATCH_NOT_REVIEWED),
    ("a newer failure decides",
     {"results": without("CD73", result("CD73", at=FROZEN), result("CD73", "OUT_OF_SPECIFICATION"))}, "TEST_CD73",
     Code.OUT_OF_SPECIFICATION),
    ("a newer failure that was disputed does not",
     {"results": without("CD73", result("CD73"), result("CD73", "OUT_OF_SPECIFICATION", "DISPUTED"))}, None, None),
    ("an informative test does not matter", {"results": (*PASSED, result("POTENCY", "INFORMATIVE"))}, None, None),
    ("cells unaccounted for", {"closing": replace(READY.closing, lost_cells=499_999)}, "CELL_BALANCE",
     Code.CELL_BALANCE),
    ("a label still open", {"vial_counts": {"IN_STOCK": 5, "PRINTED": 1}}, "LABELS_RECONCILED", Code.CRITERION_OPEN),
    ("the last day counts", {"today": datetime.date(2028, 1, 30)}, None, None),
    ("expired", {"today": datetime.date(2028, 1, 31)}, "EXPIRY", Code.EXPIRED),
    ("no expiry", {"expires_on": None}, "EXPIRY", Code.CRITERION_OPEN),
    ("the last passage", {"passage": 5}, None, None),
    ("one passage too many", {"passage": 6}, "PASSAGE", Code.PASSAGE_LIMIT),
    ("doublings at the limit", {"cumulative_doublings": Decimal("20")}, None, None),
    ("doublings over it", {"cumulative_doublings": Decimal("20.001")}, "DOUBLINGS", Code.POPULATION_DOUBLING_LIMIT),
    ("not frozen", {"frozen_at": None}, "STORAGE", Code.CRITERION_OPEN),
    ("an excursion that nobody decided", {"trace": (WARM,)}, "STORAGE_TRACE", Code.EXCURSION_OPEN),
    ("an excursion that was accepted", {"trace": (replace(WARM, state="ACCEPTED"),)}, None, None),
    ("one that was decided against the vials, and an open one",
     {"trace": (WARM, replace(WARM, state="REJECTED"))}, "STORAGE_TRACE", Code.EXCURSION_OPEN),
    ("a vial outside", {"vial_counts": {"IN_STOCK": 5, "FROZEN": 1}}, "STORAGE", Code.CRITERION_OPEN),
    ("no vial at all", {"vial_counts": {"QC_USED": 6}}, "STORAGE", Code.CRITERION_OPEN),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_criterion_stands_for_itself(change: dict, line: str | None, code: Code | None) -> None:
    facts = replace(READY, **change)
    open_lines = [one for one in release_criteria(facts) if not one.met]
    assert [one.code for one in open_lines] == ([] if line is None else [line])
    assert [refusal.code for refusal in release_refusals(facts)] == ([] if code is None else [code])
    assert all((one.refusal is None) == one.met and one.evidence for one in release_criteria(facts))


def told(line: str, **change: object) -> str:
    return next(one.evidence for one in release_criteria(replace(READY, **change)) if one.code == line)


def test_the_board_names_what_it_saw() -> None:
    assert told("STORAGE_TRACE") == "No excursion"
    assert told("STORAGE_TRACE", is_unwatched=True) == "not all vials stand where a probe watches"
    assert told("STORAGE_TRACE", trace=(WARM,)) == "EX0001 (warning, -148.2 °C): open"
    (against,) = release_refusals(replace(READY, trace=(replace(WARM, state="REJECTED"), replace(WARM, code="EX0002"))))
    assert "stood in EX0001, which was decided against them" in against.detail
    (waiting,) = release_refusals(replace(READY, trace=(WARM, replace(WARM, code="EX2", state="ACCEPTED"))))
    assert "nobody has decided: EX0001. " in waiting.detail
    ran = {"freezing_program": "CRF-1", "freezing_run": OUTSIDE}
    assert told("FREEZING_RUN", **ran) == "FR0001, program CRF-1: once outside the band; deviation DV0002 open"
    assert told("FREEZING_RUN", **{**ran, "freezing_run": WITHIN}) == "FR0001, program CRF-1: within the band"


def test_a_specification_that_only_warns_of_passages_says_so_on_the_board() -> None:
    limits = READY.specification.culture.model_copy(update={"passage_above_max": "warn"})
    warning = READY.specification.model_copy(update={"culture": limits})
    note = "above the limit, which the specification only warns of"
    assert note in told("PASSAGE", specification=warning, passage=6)
    assert all(note not in told("PASSAGE", passage=passage) for passage in (4, 6))
    assert note not in told("PASSAGE", specification=warning, passage=5)
    assert release_refusals(replace(READY, specification=warning, passage=6)) == ()


@pytest.mark.parametrize(("doublings", "noted"), [("15", False), ("15.001", True), ("20.001", True)])
def test_doublings_above_the_warning_ask_for_a_look(doublings: str, noted: bool) -> None:
    assert ("above 15: look at the karyotype" in told("DOUBLINGS", cumulative_doublings=Decimal(doublings))) is noted


def test_the_board_has_one_line_for_each_required_test_and_no_line_twice() -> None:
    codes = [line.code for line in release_criteria(READY)]
    assert len(codes) == len(set(codes))
    assert {f"TEST_{test.code}" for test in REQUIRED} == {code for code in codes if code.startswith("TEST_")}


def test_everything_is_refused_at_once() -> None:
    nothing = replace(READY, donor_state="REGISTERED", results=(), frozen_at=None)
    assert len(release_refusals(nothing)) == 2 + len(REQUIRED)


def test_an_older_failure_and_a_disputed_result_stay_visible() -> None:
    disputed = result("CD73", state="DISPUTED", code="RS0777")
    lines = release_criteria(replace(READY, results=without("CD73", INVALIDATED, disputed, result("CD73"))))
    [evidence] = [line.evidence for line in lines if line.code == "TEST_CD73"]
    assert "invalidated" in evidence and "RS0666" in evidence
    assert "disputed" in evidence and "RS0777" in evidence


@pytest.mark.parametrize(("before", "codes"), [(None, []), ("RELEASED", []), ("QUARANTINE", [Code.WRONG_STATE])])
def test_only_what_was_released_is_recalled(before: str | None, codes: list[Code]) -> None:
    assert [refusal.code for refusal in recall_refusals(RecallFacts("LT0017W", before))] == codes
