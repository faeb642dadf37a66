"""When a reagent lot may be used: accepted, not past its last day, closed or not open for too long, and enough of it.

Twins in the database: only_accepted_reagents_are_used, no_expired_reagent_is_used,
no_reagent_is_used_too_long_after_opening, ck_reagent_lot_never_more_used_than_there_is,
an_accepted_reagent_has_a_certificate.
"""

import datetime
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from cellbank.domain.lifecycle.states import ReagentState
from cellbank.domain.refusals import Code, Refusal, refuse

FINEST = Decimal("0.001")  # of an amount, in whatever unit


@dataclass(frozen=True)
class ReagentFacts:
    """One reagent lot, and the day (of the site) on which somebody wants to use it.

    `opened_on` is None while it is closed; `days_once_open` where it keeps a shorter time after opening; `left` and
    `wanted` in `unit`, None when its amount is not counted, or not given.
    """

    code: str
    name: str
    state: str
    expires_on: datetime.date
    used_on: datetime.date
    opened_on: datetime.date | None = None
    days_once_open: int | None = None
    unit: str | None = None
    left: Decimal | None = None
    wanted: Decimal | None = None


def use_by(expires_on: datetime.date, opened_on: datetime.date | None, days_once_open: int | None) -> datetime.date:
    """The last day of use: the earlier of the maker's date and so many days after the opening."""
    if opened_on is None or days_once_open is None:
        return expires_on
    return min(expires_on, opened_on + datetime.timedelta(days=days_once_open))


def reagent_refusals(facts: ReagentFacts) -> tuple[Refusal, ...]:
    """Why this reagent lot may not touch cells. The last day is still a good day."""
    return (*_state(facts), *expiry_refusals(facts), *_opening(facts), *_amount(facts))


def _state(facts: ReagentFacts) -> tuple[Refusal, ...]:
    if facts.state == ReagentState.ACCEPTED:
        return ()
    sentences: dict[str, str] = {
        ReagentState.QUARANTINED: "Reagent {code} ({name}) is in quarantine: a quality officer accepts it first, "
        "or take another lot.",
        ReagentState.REJECTED: "Reagent {code} ({name}) was rejected. Put it aside and take another lot.",
        ReagentState.RECALLED: "Reagent {code} ({name}) was recalled. Put it aside and take another lot.",
    }
    return (refuse(Code.REAGENT_QUARANTINED, sentences[facts.state], code=facts.code, name=facts.name),)


def expiry_refusals(facts: ReagentFacts) -> tuple[Refusal, ...]:
    """Why this reagent lot is too old on that day."""
    last = use_by(facts.expires_on, facts.opened_on, facts.days_once_open)
    if facts.used_on <= last:
        return ()
    named = {"code": facts.code, "name": facts.name}
    if last == facts.expires_on:
        sentence = "Reagent {code} ({name}) expired on {expires_on}. Put it aside and take another lot."
        return (refuse(Code.REAGENT_EXPIRED, sentence, expires_on=last, **named),)
    sentence = (
        "Reagent {code} ({name}) was opened on {opened_on} and keeps {days} days: it was good until {last}. Put it "
        "aside and take another lot."
    )
    opened = {"opened_on": facts.opened_on, "days": facts.days_once_open, "last": last}
    return (refuse(Code.REAGENT_EXPIRED, sentence, **opened, **named),)


def _opening(facts: ReagentFacts) -> tuple[Refusal, ...]:
    """What keeps so many days once open has no last day until somebody says when it was opened."""
    if facts.days_once_open is None or facts.opened_on is not None:
        return ()
    sentence = "Reagent {code} ({name}) keeps {days} days once open: scan it as opened first."
    return (refuse(Code.OUT_OF_ORDER, sentence, code=facts.code, name=facts.name, days=facts.days_once_open),)


def _amount(facts: ReagentFacts) -> tuple[Refusal, ...]:
    named = {"code": facts.code, "name": facts.name}
    if facts.left is None:
        if facts.wanted is None:
            return ()
        sentence = "The amount of reagent {code} ({name}) is not counted: leave the amount out."
        return (refuse(Code.WRONG_STATE, sentence, **named),)
    if facts.left == 0:
        return (refuse(Code.REAGENT_USED_UP, "Reagent {code} ({name}) is used up. Take another lot.", **named),)
    if facts.wanted is None or facts.wanted <= facts.left:
        return ()
    sentence = (
        "Reagent {code} ({name}) has {left} {unit} left, and {wanted} {unit} are wanted. Take another lot for the rest."
    )
    amounts = {"left": f"{facts.left.normalize():f}", "wanted": f"{facts.wanted.normalize():f}", "unit": facts.unit}
    return (refuse(Code.REAGENT_USED_UP, sentence, **amounts, **named),)


def acceptance_refusals(code: str, certificate: str | None) -> tuple[Refusal, ...]:
    """Nothing is accepted without the maker's certificate."""
    if certificate:
        return ()
    sentence = "Reagent {code} has no certificate of analysis. Give its number, or leave the reagent in quarantine."
    return (refuse(Code.CRITERION_OPEN, sentence, code=code),)


def opening_refusals(code: str, opened_on: datetime.date | None) -> tuple[Refusal, ...]:
    """A lot is opened once: each bottle that is to be followed alone is received alone."""
    if opened_on is None:
        return ()
    sentence = "Reagent {code} was opened on {opened_on} already. Nothing was changed."
    return (refuse(Code.WRONG_STATE, sentence, code=code, opened_on=opened_on),)


def shares(amount: Decimal, count: int) -> tuple[Decimal, ...]:
    """An amount divided among so many vessels, to a thousandth; what does not divide goes to the first, so that the
    shares add up to the amount."""
    each = (amount / count).quantize(FINEST, ROUND_DOWN)
    return (amount - each * (count - 1), *([each] * (count - 1)))
