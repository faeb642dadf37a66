"""What several services need: new codes, the definitions in force, and the refusals about time."""

import datetime
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, is_usable, record_code
from cellbank.domain.lifecycle.states import DefinitionState
from cellbank.domain.protocol import Protocol, load_protocol
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.plausible import as_answered, unanswered
from cellbank.domain.specification import Specification, load_specification
from cellbank.domain.telling import CLOCK_SKEW
from cellbank.records.people import Definition
from cellbank.records.work import Work


def new_code(work: Work, kind: Kind) -> str:
    """The next code of a kind. Numbers whose check character would be misread are passed over."""
    while True:
        number = work.number(kind.value)
        if is_usable(kind, number):
            return record_code(kind, number)


def new_codes(work: Work, kind: Kind, count: int) -> list[str]:
    """The next codes of a kind, taken with one look at the counter for nearly all of them."""
    codes: list[str] = []
    while missing := count - len(codes):
        last = work.number(kind.value, missing)
        codes += [record_code(kind, at) for at in range(last - missing + 1, last + 1) if is_usable(kind, at)]
    return codes


@lru_cache(maxsize=64)
def read_specification(content: str) -> Specification:
    """A product specification from the text that was imported. The text decides, so the answer can be kept."""
    return load_specification(content, stands=True)


@lru_cache(maxsize=64)
def read_protocol(content: str) -> Protocol:
    """A trial protocol from the text that was imported."""
    return load_protocol(content, stands=True)


def specification_of(session: Session, definition_id: int) -> Specification:
    """The specification under which a record was made."""
    return read_specification(session.get_one(Definition, definition_id).content)


def protocol_of(session: Session, definition_id: int) -> Protocol:
    """The protocol under which a record was made."""
    return read_protocol(session.get_one(Definition, definition_id).content)


def effective(work: Work, type_: str, identifier: str | None = None) -> Definition:
    """The definition in force, of this identifier or the only one. Refuses DEFINITION_NOT_EFFECTIVE."""
    statement = select(Definition).where(Definition.type == type_, Definition.state == DefinitionState.EFFECTIVE)
    if identifier is not None:
        statement = statement.where(Definition.identifier == identifier)
    found = list(work.session.scalars(statement))
    if len(found) != 1:
        sentence = (
            "No {type} {identifier} is in force. A quality officer imports it and makes it effective."
            if not found
            else "{count} of type {type} are in force; say which one is meant."
        )
        raise Refused(
            [
                refuse(
                    Code.DEFINITION_NOT_EFFECTIVE,
                    sentence,
                    type=type_,
                    identifier=identifier or "",
                    count=len(found),
                )
            ]
        )
    return found[0]


def asked_about(work: Work, improbable: Sequence[Refusal], because: str | None) -> tuple[Refusal, ...]:
    """What can hardly be, refused until somebody has said why it is right (`rules/plausible.py`), and then a warning.
    Both stand with the act: in the trail, in the history of its record, in the batch record (`trail/answered.py`)."""
    work.warn(as_answered(improbable) if because else ())
    return unanswered(improbable, because)


def time_refusals(
    work: Work, what: str, at: datetime.datetime, after: datetime.datetime | None = None
) -> tuple[Refusal, ...]:
    """Why an event time cannot be: it lies in the future, or before the event that it follows."""
    refusals = []
    if at > work.now + CLOCK_SKEW:
        refusals.append(
            refuse(
                Code.IN_THE_FUTURE,
                "{what} ({at}) lies in the future: the server's clock says {now}. Correct the time.",
                what=what,
                at=at,
                now=work.now,
            )
        )
    if after is not None and at < after:
        refusals.append(
            refuse(
                Code.OUT_OF_ORDER,
                "{what} ({at}) lies before what it follows ({after}). Correct the time.",
                what=what,
                at=at,
                after=after,
            )
        )
    return tuple(refusals)


def told_after(work: Work, what: str, after: datetime.datetime | None) -> tuple[Refusal, ...]:
    """Why what is told, with the time at which it happened, cannot come before what came before: what is told as it
    happens comes after all before it."""
    return time_refusals(work, what, work.told_at, after) if work.told_at else ()
