"""Who may sign: the statement, the training, the second factor."""

import dataclasses
import datetime

import pytest

from cellbank.domain.rules.signing import Signer, Trained, signer_refusals

TODAY = datetime.date(2026, 3, 2)
DAY = datetime.timedelta(days=1)
VALID = Trained("quality_officer", TODAY - 30 * DAY, TODAY + 30 * DAY)
READY = Signer("Quinn", frozenset({"quality_officer"}), "2", "2", (VALID,), False, TODAY)


def codes(**changed) -> list[str]:
    return [refusal.code.value for refusal in signer_refusals(dataclasses.replace(READY, **changed))]


def training(since: datetime.date, until: datetime.date, role: str = "quality_officer") -> tuple[Trained, ...]:
    return (Trained(role, since, until),)


CASES = {
    "nothing is in the way": ({}, []),
    "no statement accepted": ({"agreement": None}, ["AGREEMENT_NEEDED"]),
    "an older statement accepted": ({"agreement": "1"}, ["AGREEMENT_NEEDED"]),
    "never trained": ({"trained": ()}, ["TRAINING_EXPIRED"]),
    "valid on its last day": ({"trained": training(TODAY - DAY, TODAY)}, []),
    "over on the day after": ({"trained": training(TODAY - 9 * DAY, TODAY - DAY)}, ["TRAINING_EXPIRED"]),
    "valid on its first day": ({"trained": training(TODAY, TODAY + DAY)}, []),
    "not begun": ({"trained": training(TODAY + DAY, TODAY + 9 * DAY)}, ["TRAINING_EXPIRED"]),
    "trained as something else": ({"trained": training(TODAY, TODAY, "clinician")}, ["TRAINING_EXPIRED"]),
    "one of two roles will do": (
        {"roles": frozenset({"quality_officer", "technician"}), "trained": training(TODAY, TODAY, "technician")}, [],
    ),
    "an old training beside the new one": ({"trained": (*training(TODAY - 9 * DAY, TODAY - DAY), VALID)}, []),
    "a second factor missing": ({"lacks_second_factor": True}, ["SECOND_FACTOR_NEEDED"]),
    "everything missing": (
        {"agreement": None, "trained": (), "lacks_second_factor": True},
        ["AGREEMENT_NEEDED", "TRAINING_EXPIRED", "SECOND_FACTOR_NEEDED"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "expected"), CASES.values(), ids=CASES)
@pytest.mark.requirement("R8", "R9")
def test_who_may_sign(changed: dict, expected: list[str]) -> None:
    assert codes(**changed) == expected


def test_the_refusal_says_until_when_the_training_was_valid_and_who_helps() -> None:
    ended = dataclasses.replace(READY, trained=training(TODAY - 9 * DAY, TODAY - DAY))
    (refusal,) = signer_refusals(ended)
    assert "ended on 2026-03-01" in refusal.detail and "as quality officer" in refusal.detail
    assert "administrator or a quality officer records" in refusal.detail
