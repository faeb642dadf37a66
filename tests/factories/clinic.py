"""Subjects of the trial, through the real acts."""

import datetime
from typing import Any

from tests.factories.stock import stocked
from tests.factories.world import World

# Severe pneumonia, not ventilated, nothing against it. The age is worked out from the dates.
FIT: dict[str, Any] = {
    "pcr_positive": "yes",
    "pneumonia": "yes",
    "respiratory_rate": 32,
    "spo2": 91,
    "ventilation_hours": "not_applicable",
    "pregnancy": "no",
    "systemic_disease": "no",
    "other_trial": "no",
    "cannot_comply": "no",
    "hiv_or_syphilis": "no",
    "organ_failure": "no",
}


def screened_subject(world: World, arm: str = "EXP", *, at: datetime.datetime | None = None, **given: Any) -> str:
    """A subject in screening, who has consented on that day; returns the code on the wristband."""
    at = at or world.now
    person = {
        "trial_number": world.unique("T"),
        "second_identifier": world.unique("MRN"),
        "sex": "female",
        "born_on": datetime.date(1970, 4, 1),
        "consented_on": at.date(),
        "arm": arm,
        **given,
    }
    return str(world.do("clara", "enrol_subject", now=at, **person)["code"])


def answered_subject(
    world: World,
    arm: str = "EXP",
    *,
    at: datetime.datetime | None = None,
    answers: dict[str, Any] | None = None,
    **given: Any,
) -> str:
    """A subject in screening with every criterion answered; `answers` replace those of somebody who fits."""
    code = screened_subject(world, arm, at=at, **given)
    gas = {"pao2_mmhg": 75, "fio2": "0.40"}
    fit = {code: answer for code, answer in FIT.items() if code != "pregnancy" or given.get("sex") != "male"}
    world.do("clara", "answer_criteria", now=at, subject=code, answers={**fit, **(answers or {})}, **gas)
    return code


@stocked
def enrolled_subject(world: World, arm: str = "EXP", *, at: datetime.datetime | None = None, **given: Any) -> str:
    """An eligible subject, signed, in an arm; returns the code on the wristband."""
    code = answered_subject(world, arm, at=at, **given)
    world.do("cyril", "sign_eligibility", now=at, subject=code)
    return code
