"""When a hold may be lifted: the table of cases."""

from dataclasses import replace

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.hold import HeldDonor, LiftFacts, LotToReturn, lift_refusals
from cellbank.domain.rules.tested import LotResult
from tests.domain.test_rules_release import SPECIFICATION, result

DONOR = HeldDonor("DR0001", "ELIGIBLE", ("GIVEN",), ())
BAD = result("STERILITY", "OUT_OF_SPECIFICATION")


def returning(state: str, *results: LotResult, **change) -> tuple[LotToReturn, ...]:
    lot = LotToReturn("LT0017W", state, SPECIFICATION, results, "DR0001", "ELIGIBLE", ("GIVEN",), (), True)
    return (replace(lot, **change),)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"consent_states": ("WITHDRAWN",)}, [Code.CONSENT_MISSING]),
        ({"consent_states": ("WITHDRAWN", "GIVEN")}, []),
        ({"state": "INELIGIBLE"}, [Code.DONOR_NOT_ELIGIBLE]),
        ({"state": "REGISTERED"}, []),
        ({"reactive": ("RS0666",)}, [Code.OUT_OF_SPECIFICATION]),
    ],
)
def test_the_hold_of_a_donor_stays_while_she_is_not_fit(change: dict, codes: list[Code]) -> None:
    facts = LiftFacts("HD0001", replace(DONOR, **change), ())
    assert [refusal.code for refusal in lift_refusals(facts)] == codes


@pytest.mark.parametrize(
    ("lots", "codes"),
    [
        ((), []),
        (returning("RELEASED", BAD), [Code.OUT_OF_SPECIFICATION]),
        (returning("RELEASED", BAD, result("STERILITY")), [Code.OUT_OF_SPECIFICATION]),
        (returning("RELEASED", result("STERILITY", state="ENTERED")), [Code.RESULT_NOT_REVIEWED]),
        (returning("RELEASED", consent_states=("WITHDRAWN",)), [Code.CONSENT_MISSING]),
        (returning("RELEASED", donor_state="INELIGIBLE"), [Code.DONOR_NOT_ELIGIBLE]),
        (returning("RELEASED", deviations=("DV0001",)), [Code.DEVIATION_OPEN]),
        (returning("RELEASED", stopped_sources=("LT0001",)), [Code.CRITERION_OPEN]),
        (returning("RELEASED", is_reviewed=False), [Code.BATCH_NOT_REVIEWED]),
        (returning("QUARANTINE", BAD, deviations=("DV0001",), is_reviewed=False, donor_state="INELIGIBLE"), []),
    ],
)
def test_no_lot_goes_back_to_released_that_would_not_be_released_now(
    lots: tuple[LotToReturn, ...], codes: list[Code]
) -> None:
    assert [refusal.code for refusal in lift_refusals(LiftFacts("HD0001", None, lots))] == codes
