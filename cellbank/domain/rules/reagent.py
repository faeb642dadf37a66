"""When a reagent lot may be used: accepted, and not past its last day."""

import datetime
from dataclasses import dataclass

from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class ReagentFacts:
    """One reagent lot, and the day (of the site) on which somebody wants to use it."""

    code: str
    name: str
    state: str
    expires_on: datetime.date
    used_on: datetime.date


def reagent_refusals(facts: ReagentFacts) -> tuple[Refusal, ...]:
    """Why this reagent lot may not touch cells. The day of expiry is still a good day."""
    return (*_state(facts), *_expiry(facts))


def _state(facts: ReagentFacts) -> tuple[Refusal, ...]:
    if facts.state == "ACCEPTED":
        return ()
    sentence = (
        "Reagent {code} ({name}) is in quarantine: a quality officer accepts it first, or take another lot."
        if facts.state == "QUARANTINED"
        else "Reagent {code} ({name}) was rejected. Put it aside and take another lot."
    )
    return (refuse(Code.REAGENT_QUARANTINED, sentence, code=facts.code, name=facts.name),)


def _expiry(facts: ReagentFacts) -> tuple[Refusal, ...]:
    if facts.used_on <= facts.expires_on:
        return ()
    return (
        refuse(
            Code.REAGENT_EXPIRED,
            "Reagent {code} ({name}) expired on {expires_on}. Put it aside and take another lot.",
            code=facts.code,
            name=facts.name,
            expires_on=facts.expires_on,
        ),
    )
