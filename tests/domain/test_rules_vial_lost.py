"""What counts on a vial, and what its loss means for it."""

import pytest

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.refusals import Code
from cellbank.domain.rules.vial_lost import LostVial, classified, is_counted_on, lost_warnings

VIAL = "A999926000001000001"
KEPT = {"dose": "A9999CH26000001", "subject": "001-001", "needed": 3}


@pytest.mark.parametrize("dose_state", [*STATES["dose"], None])
@pytest.mark.parametrize("vial_state", STATES["vial"])
def test_a_dose_counts_on_its_vials_until_it_is_whole_and_on_its_pool_until_it_runs(
    vial_state: str, dose_state: str | None
) -> None:
    filling = {"ORDERED", "PICKED", "THAWING", "COUNTED"}
    expected = {
        "RESERVED": filling,
        "PICKED": filling,
        "THAWED": filling,
        "POOLED": {"THAWING", "COUNTED", "PREPARED", "CHECKED_ONCE", "CHECKED"},
    }
    assert is_counted_on(vial_state, dose_state) == (dose_state in expected.get(vial_state, set()))


@pytest.mark.parametrize(
    ("lost", "code", "graveness"),
    [
        (LostVial(VIAL, "RESERVED", **KEPT, left=3), Code.VIAL_NOT_AVAILABLE, "minor"),
        (LostVial(VIAL, "PICKED", **KEPT, left=2), Code.NOT_ENOUGH_VIALS, "major"),
        (LostVial(VIAL, "POOLED", **KEPT, left=3), Code.VIAL_NOT_AVAILABLE, "critical"),
        (LostVial(VIAL, "IN_TRANSIT", shipment="SH0001"), Code.NOT_IN_SHIPMENT, "major"),
    ],
)
def test_what_is_to_be_done_is_said_with_the_loss(lost: LostVial, code: Code, graveness: str) -> None:
    [warning] = lost_warnings([lost])
    assert warning.code is code and classified([lost]) == graveness
