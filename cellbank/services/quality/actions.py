"""Corrective and preventive actions: who does what about a deviation, by which day, and whether it helped."""

from typing import Literal

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import FLOOR
from cellbank.domain.lifecycle.states import ActionState, PersonState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.deviation import closed_refusals, due_refusals
from cellbank.records.deviations import CorrectiveAction, Deviation
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, TellingInput, act
from cellbank.services.common import new_code, time_refusals
from cellbank.services.inputs import ActionCode, Date, DeviationCode, Identifier, Text
from cellbank.services.site_time import local_day


class PlanAction(ActInput):
    """Plan a corrective or preventive action."""

    deviation: DeviationCode = Field(title="Deviation")
    type: Literal["corrective", "preventive"] = Field(
        title="Type",
        description="A corrective action puts right what went wrong and is done before the deviation is closed; a "
        "preventive one works on the next time.",
    )
    description: Text = Field(title="What is to be done")
    responsible: Identifier = Field(title="By whom", description="The person's sign-in name.")
    due_on: Date = Field(title="Until")


@act(PlanAction)
def plan_action(work: Work, given: PlanAction) -> CorrectiveAction:
    """Plan who does what by when. Refuses a day that has passed, somebody who cannot do it, and a closed deviation."""
    deviation = work.lock(Deviation, given.deviation)
    person = _named(work, given.responsible)
    refusals = (*due_refusals(given.due_on, local_day(work, work.now)), *_cannot_do_it(person))
    closed = closed_refusals(deviation.code, deviation.state)
    work.judge(CorrectiveAction, refusals=(*closed, *refusals), of=[deviation])
    return work.add(
        CorrectiveAction(
            code=new_code(work, Kind.ACTION),
            deviation_id=deviation.id,
            type=given.type,
            description=given.description,
            responsible_id=person.id,
            due_on=given.due_on,
        )
    )


def _named(work: Work, name: str) -> Person:
    code = work.session.scalar(select(Person.code).where(Person.name == name))
    return work.find(Person, code or name)


def _cannot_do_it(person: Person) -> tuple[Refusal, ...]:
    if person.state == PersonState.ACTIVE and FLOOR & set(person.roles):
        return ()
    sentence = "{person} cannot do it. Name somebody who works here as technician, quality officer or clinician."
    return (refuse(Code.ROLE_NOT_ALLOWED, sentence, person=person.full_name),)


class CompleteAction(TellingInput):
    """Report an action as done."""

    EARLIER_NAME = "done_at"
    action: ActionCode = Field(title="Action")
    done_note: Text = Field(title="What was done")


@act(CompleteAction)
def complete_action(work: Work, given: CompleteAction) -> CorrectiveAction:
    """Write down what was done; whoever did it, for the responsible person may be away. Refuses a time to come."""
    action = work.lock(CorrectiveAction, given.action)
    at = work.happened
    work.judge(action, refusals=time_refusals(work, "The action", at))
    action.done_at, action.done_by_id, action.done_note = at, work.actor.id, given.done_note
    work.transition(action)
    return action


class VerifyAction(SignedInput):
    """Verify an action."""

    action: ActionCode = Field(title="Action")
    effective: bool = Field(title="It has helped", description="If not, it is to be done again.")
    verification: Text = Field(title="How that was seen")


@act(VerifyAction)
def verify_action(work: Work, given: VerifyAction) -> CorrectiveAction:
    """Sign that an action has helped, by somebody who did not do it; or send it back to be done again, which a closed
    deviation refuses: it is reopened first."""
    action = work.lock(CorrectiveAction, given.action)
    deviation = work.share(Deviation, action.deviation_id)
    refusals = () if given.effective else closed_refusals(deviation.code, deviation.state)
    target = ActionState.VERIFIED if given.effective else ActionState.PLANNED
    work.judge(action, refusals=refusals, to=target)
    action.verification = given.verification
    if given.effective:
        action.verified_by_id = work.actor.id
    else:
        action.done_at = action.done_by_id = action.done_note = None
    work.transition(action, to=target)
    return action
