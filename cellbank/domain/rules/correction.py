"""Why a value is not put right so, and what a right value means for what was made of the wrong one.

Twins in the database: a_noted_value_is_only_put_right, what_was_checked_is_checked_again,
a_dose_that_was_given_is_put_right_with_a_deviation.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.correction import Correctable
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.refusals import Code, Refusal, refuse

LATE_BY_A_MINUTE = datetime.timedelta(minutes=1)


@dataclass(frozen=True)
class CorrectionFacts:
    """A value about to be put right. `follows` and `comes_before` are the times between which a right time lies, where
    there are such."""

    called: str
    label: str
    row: Correctable
    state: str
    before: Any
    after: Any
    roles: frozenset[Role]
    now: datetime.datetime
    follows: datetime.datetime | None = None
    comes_before: datetime.datetime | None = None


def correction_refusals(facts: CorrectionFacts) -> tuple[Refusal, ...]:
    """Why this value of this record is not put right by this person, or not to this."""
    return tuple(_refusals(facts))


def _refusals(facts: CorrectionFacts) -> Iterator[Refusal]:
    named = {"record": facts.called, "what": facts.label}
    if not facts.row.roles & facts.roles:
        who = ", ".join(sorted(role.value.replace("_", " ") for role in facts.row.roles))
        sentence = "“{what}” of {record} is put right by: {who}."
        yield refuse(Code.ROLE_NOT_ALLOWED, sentence, **named, who=who)
    if facts.state not in facts.row.states or facts.before is None:
        sentence = "“{what}” of {record} is not noted yet: there is nothing to put right. Record it."
        yield refuse(Code.WRONG_STATE, sentence, **named)
    if isinstance(facts.after, datetime.datetime):
        yield from _time_refusals(facts)


def _time_refusals(facts: CorrectionFacts) -> Iterator[Refusal]:
    at, named = facts.after, {"record": facts.called, "what": facts.label}
    if at > facts.now + LATE_BY_A_MINUTE:
        sentence = "“{what}” of {record} cannot lie in the future ({at})."
        yield refuse(Code.IN_THE_FUTURE, sentence, **named, at=at)
    if facts.follows is not None and at < facts.follows:
        sentence = "“{what}” of {record} ({at}) lies before what it follows ({follows}). Put that right first."
        yield refuse(Code.OUT_OF_ORDER, sentence, **named, at=at, follows=facts.follows)
    if facts.comes_before is not None and at > facts.comes_before:
        sentence = "“{what}” of {record} ({at}) lies after what follows it ({next}). Put that right first."
        yield refuse(Code.OUT_OF_ORDER, sentence, **named, at=at, next=facts.comes_before)


@dataclass(frozen=True)
class Taken:
    """The balance of a harvest that is put right: cells left by the right count, of which some were taken already."""

    culture: str
    left: int


def balance_refusals(taken: Sequence[Taken]) -> tuple[Refusal, ...]:
    """More cannot have been taken out of a harvest than there was."""
    sentence = (
        "Culture {culture} would lack {missing} cells: more was taken out of it already. Put right first what was "
        "taken, seeded or counted there."
    )
    return tuple(
        refuse(Code.CELLS_EXCEED_SOURCE, sentence, culture=one.culture, missing=f"{-one.left:,}".replace(",", " "))
        for one in taken
        if one.left < 0
    )


def level_refusals(levels: Sequence[tuple[str, Decimal]], limit: Decimal) -> tuple[Refusal, ...]:
    """What was made of cells that, by the right value, had doubled too often."""
    sentence = "{record} stands at {level} population doublings in all by the right value; the limit is {limit}."
    return tuple(
        refuse(Code.POPULATION_DOUBLING_LIMIT, sentence, record=called, level=level, limit=f"{limit:f}")
        for called, level in levels
        if level > limit
    )


def stopped_refusals(lot: str, criteria: Sequence[str]) -> tuple[Refusal, ...]:
    """The warning that a lot fails by the right value, and is stopped where patients could have it."""
    sentence = "Lot {lot} does not meet by the right value: {criteria}."
    return (refuse(Code.OUT_OF_SPECIFICATION, sentence, lot=lot, criteria=", ".join(criteria)),) if criteria else ()


def review_warnings(lots: Sequence[str]) -> tuple[Refusal, ...]:
    """The reviews of batch records that are void by it."""
    sentence = "The batch record of lot {lot} was reviewed as it stood before: it is to be reviewed again."
    return tuple(refuse(Code.BATCH_NOT_REVIEWED, sentence, lot=lot) for lot in lots)


def check_warnings(dose: str, state: str) -> tuple[Refusal, ...]:
    """A dose whose label is printed gets another one; one that was checked is checked again."""
    if state not in (DoseState.PREPARED, DoseState.CHECKED_ONCE, DoseState.CHECKED):
        return ()
    sentence = "Print the label of dose {dose} again, and have two people check it at the bedside from the beginning."
    return (refuse(Code.CHANGED_MEANWHILE, sentence, dose=dose),)
