"""What a screen did without the server: which judgement it needs, and what the server had refused stands beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.kept import (
    UNREADABLE,
    HeldJudgement,
    KeptFacts,
    Stop,
    kept_refusals,
    stopped_before_refusals,
)

AT = datetime(2026, 3, 2, 10, 42, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HELD = {"dose": "CH1", "site": "MAIN", "at": AT, "until": AT + 60 * MINUTE}


@pytest.mark.parametrize(
    ("held", "act", "minutes", "said"),
    [
        ({}, "check_dose", 5, ""),
        ({}, "start_infusion", 60, ""),
        ({}, "start_infusion", 61, "held until"),
        ({}, "stop_infusion", 600, ""),  # it ends when it ends
        ({}, "record_reaction", 600, ""),
        ({}, "check_dose", -1, ""),  # times are written to the minute
        ({}, "stop_infusion", -2, "the server was there"),
        ({"dose": "CH2"}, "stop_infusion", 5, "no judgement of dose CH1"),
        ({"site": "CLINIC"}, "check_dose", 5, "no judgement of dose CH1"),
        (None, "record_reaction", 5, "no judgement of dose CH1"),
        ("unreadable", "stop_infusion", 5, "cannot be read"),
    ],
)
def test_a_kept_act_has_the_judgement_of_its_dose(
    held: dict[str, Any] | str | None, act: str, minutes: int, said: str
) -> None:
    judgement = HeldJudgement(**{**HELD, **held}) if isinstance(held, dict) else held and UNREADABLE
    found = kept_refusals(KeptFacts(act, "Check a dose", "CH1", "MAIN", AT + minutes * MINUTE, judgement))
    assert [one.code for one in found] == ([Code.NOT_JUDGED_HERE] if said else [])
    assert said in "".join(one.detail for one in found)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (["WRISTBAND_MISMATCH"], "WRISTBAND_MISMATCH"),
        (["ON_HOLD", "SIGNATURE_WRONG"], "(on hold, act 7)"),
        (["SIGNATURE_WRONG"], ""),  # says nothing about the dose
        (["SAME_PERSON", "LATE_REASON_NEEDED"], ""),
        ([], ""),
    ],
)
def test_a_stop_of_the_server_is_named(codes: list[str], said: str) -> None:
    found = stopped_before_refusals("CH1", AT, [Stop(7, "Check a dose", AT + MINUTE, codes)])
    assert [one.code for one in found] == ([Code.STOPPED_BEFORE] if said else [])
    assert said in "".join(one.detail for one in found)
