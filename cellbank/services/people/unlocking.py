"""A lock that stands ends early: by an administrator, or by two people at one screen, whoever they are, as long as each
can sign. Nothing else of the account changes.
"""

from pydantic import Field

from cellbank.domain.accounts import Change, lock_refusals, unlock_refusals
from cellbank.domain.messages import Template
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import AccountChange, Person
from cellbank.records.work import Work
from cellbank.services.inputs import Name, Reason
from cellbank.services.outbox.messages import tell
from cellbank.services.parsing import ActInput, ProvedInput, SignedInput
from cellbank.services.people.account_changes import (
    NOTHING,
    PersonCode,
    ask,
    decide,
    decline,
    forget_failures,
    not_two,
    open_change,
    waiting_for,
)
from cellbank.services.people.actors import lock_account
from cellbank.services.people.wrong_entries import forgive_everywhere
from cellbank.services.registry import act


def _unlock(work: Work, person: Person) -> None:
    """Its owner may try again now, wherever they stand."""
    assert work.folder is not None
    forget_failures(person)
    forgive_everywhere(work.session, work.folder, person.name)


class UnlockPerson(ActInput):
    """Unlock an account."""

    name: Name = Field(title="Sign-in name")
    reason: Reason


@act(UnlockPerson, begun_by={"administrator": 4})
def unlock_person(work: Work, given: UnlockPerson) -> Person:
    """Forget the wrong passwords of an account, so that its owner may try again now."""
    person = lock_account(work, given.name)
    work.judge(person)
    _unlock(work, person)
    tell(work, person, Template.UNLOCKED)
    work.transition(person)
    return person


class UnlockTogether(ProvedInput):
    """Unlock an account together."""

    person: PersonCode = Field(title="Who is locked out", description="The badge, or its code.")
    reason: Reason


@act(UnlockTogether)
def unlock_together(work: Work, given: UnlockTogether) -> Person:
    """The first of two people who unlock an account, with the password; the second one signs `confirm_unlock` within a
    quarter of an hour. What was asked for before and nobody has signed is no more. Refuses an account that is not
    locked, and whoever it is about."""
    person = work.lock(Person, given.person)
    before = open_change(work, person, unlocks=True)
    work.judge(person, AccountChange, *([before] if before else []), refusals=_not_together(work, person))
    if before is not None:
        decline(work, before, given.reason)
        work.session.flush()
    ask(work, person, Change.UNLOCK, NOTHING, reason=given.reason)
    sentence = "The account opens once a second person has signed for it, within a quarter of an hour."
    work.warn([refuse(Code.SECOND_PERSON_NEEDED, sentence)])
    work.transition(person)
    return person


def _not_together(work: Work, person: Person) -> list[Refusal]:
    open_already = lock_refusals(person.locked_until, work.now, owner=person.full_name)
    if not open_already and person.id == work.actor.id:
        sentence = "{person} is locked out themself: two other people unlock the account."
        return [refuse(Code.SAME_PERSON, sentence, person=person.full_name)]
    return list(open_already)


_NOT_ASKED = "Nobody has asked for the account of {person} to be unlocked. The first of you does so."


class ConfirmUnlock(SignedInput):
    """Unlock an account as the second person."""

    person: PersonCode = Field(title="Who is locked out", description="The badge, or its code.")


@act(ConfirmUnlock)
def confirm_unlock(work: Work, given: ConfirmUnlock) -> Person:
    """Lift the lock, as the second of two people; nothing else changes. Its owner is told, and so are both of them:
    whoever was not there learns that somebody has their password. Refuses whoever asked for it, and whoever it is
    about, what was asked for a quarter of an hour ago or by somebody who may not any more, and an account that is not
    locked any more."""
    person, change = waiting_for(work, given.person, _NOT_ASKED, unlocks=True)
    first, owner = work.session.get_one(Person, change.asked_by_id), person.full_name
    refusals = [
        *lock_refusals(person.locked_until, work.now, owner=owner),
        *not_two(first, "unlock_together"),
        *unlock_refusals(change.asked_at, work.now, owner=owner),
    ]
    work.judge(person, change, refusals=refusals)
    _unlock(work, person)
    tell(work, person, Template.UNLOCKED, asked=first.full_name)
    for one in (first, work.session.get_one(Person, work.actor.id)):
        tell(work, one, Template.UNLOCKED_ANOTHER, whom=person.full_name)
    decide(work, change)
    work.transition(person)
    return person
