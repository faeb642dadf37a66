"""Reagents as a table: the last day is still a good day, and the last millilitre a good one."""

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.rules.reagent import ReagentFacts, acceptance_refusals, opening_refusals, reagent_refusals
from tests.domain.test_rules_dosing import DAY1, codes

DAY = datetime.timedelta(days=1)
REAGENT = ReagentFacts("RG1", "MEM alpha", "ACCEPTED", DAY1, DAY1)
COUNTED = {"unit": "mL", "left": Decimal(10)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"used_on": DAY1 + DAY}, ["REAGENT_EXPIRED"]),
        *(({"state": state}, ["REAGENT_QUARANTINED"]) for state in ("QUARANTINED", "REJECTED", "RECALLED")),
        ({"days_once_open": 5}, ["OUT_OF_ORDER"]),  # nobody said when it was opened
        ({"days_once_open": 5, "opened_on": DAY1 - 5 * DAY}, []),
        ({"days_once_open": 5, "opened_on": DAY1 - 6 * DAY}, ["REAGENT_EXPIRED"]),
        ({"opened_on": DAY1 - 99 * DAY}, []),
        ({"wanted": Decimal(1)}, ["WRONG_STATE"]),
        ({**COUNTED, "wanted": Decimal(10)}, []),
        ({**COUNTED, "wanted": Decimal("10.001")}, ["REAGENT_USED_UP"]),
        (COUNTED, []),
        ({**COUNTED, "left": Decimal(0)}, ["REAGENT_USED_UP"]),
    ],
)
def test_reagents(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(reagent_refusals(replace(REAGENT, **change))) == expected


def test_what_a_reagent_was_too_long_is_said() -> None:
    opened = {"days_once_open": 5, "opened_on": DAY1 - 6 * DAY}
    (long_open,) = reagent_refusals(replace(REAGENT, **opened))
    (expired,) = reagent_refusals(replace(REAGENT, used_on=DAY1 + DAY))
    assert "was opened on" in long_open.detail and "expired on" in expired.detail


def test_a_reagent_is_accepted_with_a_certificate_and_opened_once() -> None:
    assert acceptance_refusals("RG1", "CoA 12") == opening_refusals("RG1", None) == ()
    assert codes(acceptance_refusals("RG1", None)) == codes(acceptance_refusals("RG1", "")) == ["CRITERION_OPEN"]
    assert codes(opening_refusals("RG1", DAY1)) == ["WRONG_STATE"]
