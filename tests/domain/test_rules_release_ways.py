"""Behind each line of the release board: the records it rests on, and the act that resolves a red one."""

from dataclasses import replace
from typing import Any

import pytest

from cellbank.domain.lifecycle.table import rows_for
from cellbank.domain.rules.freezing_run import RunOfLot
from cellbank.domain.rules.release import LiveHold, LotResult, OpenDeviation, SourceLot
from cellbank.domain.rules.release_ways import BoardLine, Evidence, Papers, Way, release_lines
from tests.domain.test_rules_release import LATER, READY, panel, without

PAPERS = Papers(
    consents=("CN0001Z",),
    cultures=("CU0001T",),
    boxes=(Evidence("Tank 1 › Box 2", "ST0003D"),),
    acts=(("close_filling", 41), ("record_freezing", 42)),
)
OUTSIDE = RunOfLot("FR0001", "OUTSIDE", "once outside the band", "DV0002", "OPEN")
LOT, FAILED = ("lot", "LT0017W"), "OUT_OF_SPECIFICATION"


def lines(**changes: Any) -> dict[str, BoardLine]:
    return {line.criterion.code: line for line in release_lines(replace(READY, **changes), PAPERS)}


def karyotype(verdict: str = "IN_SPECIFICATION", state: str = "REVIEWED", code: str = "RS0042X") -> LotResult:
    return LotResult(code, "KARYOTYPE", "value", verdict, state, LATER.date())


def deviation(state: str, classification: str = "major") -> OpenDeviation:
    return OpenDeviation("DV0001", "Spill", classification, state)


def test_every_green_line_names_what_it_rests_on_and_asks_for_nothing() -> None:
    board = lines(made_from=(SourceLot("LT0016Y", "RELEASED"),), deviations=(deviation("OPEN", "minor"),))
    assert all(line.criterion.met and not line.ways for line in board.values())
    assert [code for code, line in board.items() if not line.proofs] == ["NO_HOLD", "STORAGE_TRACE"]
    assert board["CELL_BALANCE"].proofs == (Evidence("Closing of the filling", act=41),)
    assert board["STORAGE"].proofs == (Evidence("Freezing", act=42), Evidence("Tank 1 › Box 2", "ST0003D"))
    assert board["DONOR_ELIGIBLE"].proofs == (Evidence("DR0001", "DR0001"),)


def test_every_result_of_a_test_is_proof_the_one_that_decides_first() -> None:
    failed, passed = karyotype(FAILED, code="RS0001"), karyotype(code="RS0002")
    proofs = lines(results=without("KARYOTYPE", failed, passed))["TEST_KARYOTYPE"].proofs
    assert [proof.code for proof in proofs] == ["RS0001", "RS0002"]


CASES = [
    ("a test missing", {"results": without("KARYOTYPE")}, "TEST_KARYOTYPE",
     [Way("enter_result", (LOT, ("test", "KARYOTYPE")))]),
    ("a test disputed", {"results": without("KARYOTYPE", karyotype(state="DISPUTED"))}, "TEST_KARYOTYPE",
     [Way("enter_result", (LOT, ("test", "KARYOTYPE")))]),
    ("a test not reviewed", {"results": without("KARYOTYPE", karyotype(state="ENTERED"))}, "TEST_KARYOTYPE",
     [Way("review_results", (("results", "RS0042X"),))]),
    ("a test failed", {"results": without("KARYOTYPE", karyotype(FAILED))}, "TEST_KARYOTYPE",
     [Way("reject_lot", (LOT,)), Way("invalidate_result", (("result", "RS0042X"),))]),
    ("a test failed, not reviewed", {"results": without("KARYOTYPE", karyotype(FAILED, "ENTERED"))}, "TEST_KARYOTYPE",
     [Way("review_results", (("results", "RS0042X"),)), Way("reject_lot", (LOT,))]),
    ("donor not determined", {"donor_state": "REGISTERED"}, "DONOR_ELIGIBLE",
     [Way("determine_eligibility", (("donor", "DR0001"),))]),
    ("a panel with a gap", {"evidence": panel("SYPHILIS")}, "DONOR_TESTS",
     [Way("enter_result", (("donor", "DR0001"),))]),
    ("no consent", {"consent_states": ()}, "CONSENT", [Way("record_consent", (("donor", "DR0001"),))]),
    ("two holds", {"holds": (LiveHold("HD0001", "one"), LiveHold("HD0002", "two"))}, "NO_HOLD",
     [Way("lift_hold", (("hold", "HD0001"),)), Way("lift_hold", (("hold", "HD0002"),))]),
    ("a recalled bank", {"made_from": (SourceLot("LT0016Y", "RECALLED"),)}, "SOURCE_LOTS",
     [Way("reject_lot", (LOT,))]),
    ("an open deviation", {"deviations": (deviation("OPEN"), deviation("OPEN", "minor"))}, "DEVIATIONS",
     [Way("investigate_deviation", (("deviation", "DV0001"),))]),
    ("an investigated one", {"deviations": (deviation("INVESTIGATED"),)}, "DEVIATIONS",
     [Way("close_deviation", (("deviation", "DV0001"),))]),
    ("nobody read the batch record", {"batch_review": None}, "BATCH_RECORD", [Way("review_batch_record", (LOT,))]),
    ("labels open", {"vial_counts": {"PRINTED": 1, "IN_STOCK": 5}}, "LABELS_RECONCILED",
     [Way("close_filling", (LOT,))]),
    ("not frozen", {"frozen_at": None}, "STORAGE", [Way("record_freezing", (LOT,))]),
    ("no freezing run", {"freezing_program": "CRF-1"}, "FREEZING_RUN", [Way("import_freezing_run", (LOT,))]),
    ("a run outside its band", {"freezing_program": "CRF-1", "freezing_run": OUTSIDE}, "FREEZING_RUN",
     [Way("investigate_deviation", (("deviation", "DV0002"),)), Way("withdraw_freezing_run", (("run", "FR0001"),))]),
    ("not put away", {"vial_counts": {"FROZEN": 2, "IN_STOCK": 3}}, "STORAGE", [Way("store_vials", ())]),
    ("nothing left", {"vial_counts": {"QC_USED": 6}}, "STORAGE", [Way("reject_lot", (LOT,))]),
    ("a passage too far", {"passage": 40}, "PASSAGE", [Way("reject_lot", (LOT,))]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "ways"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_red_line_offers_its_way_out(changes: dict[str, Any], code: str, ways: list[Way]) -> None:
    line = lines(**changes)[code]
    assert not line.criterion.met
    assert list(line.ways) == ways
    assert all(rows_for(way.act) for way in line.ways)
