"""Ending a session at the pages from elsewhere: one's own that was left open; an administrator, anybody's."""

from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, func, select, update

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.sessions import Ended
from cellbank.records.people import Person, WebSession
from cellbank.records.work import Work
from cellbank.services.inputs import Name, Reason
from cellbank.services.parsing import ActInput
from cellbank.services.people.actors import lock_account
from cellbank.services.registry import act


def _number(given: int) -> int:
    """What can be the number of a row."""
    if not 0 < given < 2**63:
        raise ValueError("is no number of a session: it stands in the list")
    return given


class EndSession(ActInput):
    """End a session."""

    name: Name = Field(title="Sign-in name of the person")
    session: Annotated[int, AfterValidator(_number)] | None = Field(
        default=None, title="Number of the session", description="Empty: all sessions of that person."
    )
    reason: Reason | None = Field(
        default=None,
        title="Reason",
        description="Needed for the session of somebody else.",
        json_schema_extra={"long": True},
    )


@act(EndSession, likely="rarely")
def end_session(work: Work, given: EndSession) -> Person:
    """End one session, or all that a person has open: whoever holds its cookie does nothing more with it."""
    person = lock_account(work, given.name)
    work.judge(person, refusals=_refusals(work, given, person))
    values = {"ended_at": work.now, "ended_why": Ended.BY_HAND.value, "ended_by_id": work.actor.id}
    ending = update(WebSession).where(*_open(given, person)).values(values).returning(WebSession.id)
    work.show(sessions=len(work.session.scalars(ending).all()))
    work.transition(person)
    return person


def _refusals(work: Work, given: EndSession, person: Person) -> list[Refusal]:
    is_own = person.id == work.actor.id
    if not is_own and Role.ADMINISTRATOR not in work.actor.roles:
        sentence = "{person} ends their sessions themself. Ask them, or an administrator."
        return [refuse(Code.ROLE_NOT_ALLOWED, sentence, person=person.full_name)]
    found = []
    if not is_own and given.reason is None:
        sentence = "Say why you end the session of {person}."
        found.append(refuse(Code.REASON_NEEDED, sentence, person=person.full_name))
    if not work.session.scalar(select(func.count()).select_from(WebSession).where(*_open(given, person))):
        sentence = "{person} has no such session open. Look at the list once more."
        found.append(refuse(Code.NOT_FOUND, sentence, person=person.full_name))
    return found


def _open(given: EndSession, person: Person) -> list[ColumnElement[bool]]:
    """The sessions that are meant."""
    one = [] if given.session is None else [WebSession.id == given.session]
    return [WebSession.person_id == person.id, WebSession.ended_at.is_(None), *one]
