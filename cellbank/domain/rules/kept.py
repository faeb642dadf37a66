"""What a screen at the bedside did without the server: it went on by a judgement that this server signed, of that dose,
at that site; and what the server itself refused of the dose stands beside it.

A judgement gives away one thing: that what is sent is late however soon it comes, so that it is recorded with its
deviation where it would have been refused. Whoever has none tells what happened as everybody does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from cellbank.domain.refusals import FORBIDS, Code, Refusal, refuse
from cellbank.domain.telling import WRITTEN

GOES_BY_IT = frozenset({"check_dose", "start_infusion"})
"""What a screen lets people do only while its judgement holds. An end and a reaction are noted whenever they come."""

MOMENTS = timedelta(minutes=10)
"""A judgement says how a dose stands, not what was scanned: a STOP of the bedside so long before it still counts."""


@dataclass(frozen=True)
class HeldJudgement:
    """What is asked of a judgement that comes back with an act."""

    dose: str
    site: str
    at: datetime
    until: datetime


class Unread(Enum):
    """A judgement that this server has signed, in an earlier version, and cannot read any more."""

    UNREADABLE = "unreadable"


UNREADABLE = Unread.UNREADABLE


@dataclass(frozen=True)
class KeptFacts:
    """An act that a screen kept; `judgement` is None where none goes with it that this server has signed."""

    act: str
    title: str
    dose: str
    site: str
    at: datetime
    judgement: HeldJudgement | Unread | None


def kept_refusals(facts: KeptFacts) -> tuple[Refusal, ...]:
    """Why an act is none that a screen without the server could have kept."""
    held = None if facts.judgement is UNREADABLE else facts.judgement
    if facts.judgement is UNREADABLE:
        sentence = (
            "The judgement that goes with “{act}” ({at}) of dose {dose} is of an earlier version of this server and "
            "cannot be read any more. If it happened, enter it with its time and the reason, or from the bedside form "
            "on paper."
        )
    elif held is None or (held.dose, held.site) != (facts.dose, facts.site):
        sentence = (
            "With “{act}” ({at}) goes no judgement of dose {dose} that this server has signed. If it happened, enter "
            "it with its time and the reason, or from the bedside form on paper."
        )
    elif facts.at < held.at - WRITTEN:
        sentence = (
            "“{act}” is told of {at}, and at {judged} the server was there and judged dose {dose}. If it happened, "
            "enter it with its time and the reason, or from the bedside form on paper."
        )
    elif facts.act in GOES_BY_IT and facts.at > held.until:
        sentence = (
            "“{act}” is told of {at}, and the judgement of dose {dose} held until {until} only. If it happened, enter "
            "it with its time and the reason, or from the bedside form on paper."
        )
    else:
        return ()
    judged, until = (held.at, held.until) if held else (None, None)
    shown = {"act": facts.title, "at": facts.at, "dose": facts.dose, "judged": judged, "until": until}
    return (refuse(Code.NOT_JUDGED_HERE, sentence, **shown),)


@dataclass(frozen=True)
class Stop:
    """An act at the bedside that the server refused."""

    act: int
    title: str
    at: datetime
    codes: Sequence[str]


def stopped_before_refusals(dose: str, judged: datetime, stops: Iterable[Stop]) -> tuple[Refusal, ...]:
    """What the server refused of a dose about the time at which a screen went on with it without the server. What only
    spoke against the person or the password says nothing of the dose."""
    sentence = (
        "At {at} the server refused “{act}” of dose {dose} ({codes}, act {number}); the screen went on without the "
        "server, by the judgement of {judged}."
    )
    return tuple(
        refuse(
            Code.STOPPED_BEFORE,
            sentence,
            at=one.at,
            act=one.title,
            dose=dose,
            codes=tuple(found),
            number=one.act,
            judged=judged,
        )
        for one in stops
        if (found := [code for code in one.codes if code in FORBIDS])
    )
