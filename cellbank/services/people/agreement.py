"""The statement that everybody accepts, each for themselves, before their first signature (domain reference §2, R9)."""

from pydantic import Field

from cellbank.domain import agreement
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.inputs import OneLine
from cellbank.services.parsing import ActInput
from cellbank.services.registry import act


class AcceptAgreement(ActInput):
    """Accept the statement on electronic signatures."""

    version: OneLine = Field(title="Version of the statement that was read")


@act(AcceptAgreement, at_the_door=True)
def accept_agreement(work: Work, given: AcceptAgreement) -> Person:
    """Note that the person who acts has accepted the statement. Refuses another version than that in force."""
    person = work.lock_id(Person, work.actor.id)
    work.judge(person, refusals=[] if given.version == agreement.VERSION else [_another(given.version)])
    person.agreement_version, person.agreement_at = agreement.VERSION, work.now
    work.transition(person)
    return person


def _another(version: str) -> Refusal:
    return refuse(
        Code.CHANGED_MEANWHILE,
        "The statement in force is version {in_force}, not {given}. Read it again and accept that one.",
        in_force=agreement.VERSION,
        given=version,
    )
