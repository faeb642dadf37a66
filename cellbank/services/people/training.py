"""Who is trained for what, until when; without a valid training nobody signs (domain reference §2, R8)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import PersonState, TrainingState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import Person, Training
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.inputs import Date, Name, OneLine, Reason, scanned
from cellbank.services.parsing import ActInput, SignedInput
from cellbank.services.people.account_changes import by_the_installation, not_two, say_that_it_waits
from cellbank.services.registry import act
from cellbank.services.site_time import local_day

TrainingCode = Annotated[str, *scanned(Kind.TRAINING)]
TRAINED = (PersonState.ACTIVE, PersonState.PROPOSED)  # also whoever is still to be confirmed


class RecordTraining(ActInput):
    """Record a training."""

    name: Name = Field(title="Sign-in name of the person trained")
    role: Literal["technician", "quality_officer", "clinician"] = Field(title="Trained as")
    procedure: OneLine = Field(title="Procedure with its version")
    trained_on: Date = Field(title="Trained on")
    valid_until: Date = Field(title="Valid until, this day included")

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.valid_until < self.trained_on:
            raise ValueError(f"valid until {self.valid_until} lies before trained on {self.trained_on}")
        return self


@act(RecordTraining, begun_by={"administrator": 2})
def record_training(work: Work, given: RecordTraining) -> Training:
    """Note that a person was trained for a role, by somebody else; it counts once a second person has confirmed it.
    Refuses a training in the future, one's own, and one of somebody who works at other sites only."""
    person = work.session.scalar(select(Person).where(Person.name == given.name, Person.state.in_(TRAINED)))
    refusals = [_nobody(given.name)] if person is None else _own(work, person)
    if given.trained_on > local_day(work, work.now):
        refusals.append(_future(given))
    refusals.extend(by_the_installation(work))
    state = TrainingState.VALID if counts_at_once(work) else TrainingState.RECORDED
    work.judge(Training, refusals=refusals, to=state, of=[person] if person else [])
    if state == TrainingState.RECORDED:
        say_that_it_waits(work)
    assert person is not None
    training = Training(
        code=new_code(work, Kind.TRAINING),
        person_id=person.id,
        role=given.role,
        procedure=given.procedure,
        trained_on=given.trained_on,
        valid_until=given.valid_until,
        recorded_by_id=work.actor.id,
    )
    return work.add(training, to=state)


def counts_at_once(work: Work) -> bool:
    """Whether no second person confirms it: what the installation itself records, for the first people."""
    return Role.SYSTEM in work.actor.roles


class ConfirmTraining(SignedInput):
    """Confirm a training."""

    training: TrainingCode = Field(title="Training")


@act(ConfirmTraining)
def confirm_training(work: Work, given: ConfirmTraining) -> Training:
    """From now on it counts. Refuses whoever recorded it, whoever was trained, and what was recorded by somebody who
    has lost the right to."""
    training = work.lock(Training, given.training)
    first = work.session.get_one(Person, training.recorded_by_id)
    work.judge(training, refusals=not_two(first, "record_training"))
    training.confirmed_by_id = work.actor.id
    work.transition(training)
    return training


def _nobody(name: str) -> Refusal:
    return refuse(Code.NOT_FOUND, "Nobody who may sign in has the name {name}. Look it up in the list.", name=name)


def _own(work: Work, person: Person) -> list[Refusal]:
    if person.id != work.actor.id:
        return []
    sentence = "{person} cannot record a training of their own: another quality officer or an administrator does it."
    return [refuse(Code.SAME_PERSON, sentence, person=person.full_name)]


def _future(given: RecordTraining) -> Refusal:
    sentence = "A training on {on} lies in the future. Record it once it has taken place."
    return refuse(Code.IN_THE_FUTURE, sentence, on=given.trained_on)


class RevokeTraining(ActInput):
    """Revoke a training."""

    training: TrainingCode = Field(title="Training")
    reason: Reason


@act(RevokeTraining, likely="rarely")
def revoke_training(work: Work, given: RevokeTraining) -> Training:
    """It counts no longer: from now on its owner signs only under another one."""
    training = work.lock(Training, given.training)
    work.judge(training)
    training.revoke_reason = given.reason
    work.transition(training)
    return training
