"""The second factor: set up by its owner, confirmed with a first code, taken back by an administrator (R23).

Which roles need one is the setting SECOND_FACTOR_ROLES. The door proves the password before it is set up.
"""

from pydantic import Field

from cellbank.domain.accounts import Change
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Secret, act
from cellbank.services.inputs import Name, Reason
from cellbank.services.parsing import LONGEST_PASSWORD
from cellbank.services.people.account_changes import asks_two, change_account
from cellbank.services.people.actors import lock_account
from cellbank.services.people.keys import EndKeys, end_keys, live_keys, unanswered
from cellbank.services.people.one_time_codes import new_secret, step_of


class SetUpSecondFactor(ActInput):
    """Set up a second factor."""


@act(SetUpSecondFactor)
def set_up_second_factor(work: Work, given: SetUpSecondFactor) -> Person:
    """Make a secret, told this once, to share with an authenticator app. It counts once a code has confirmed it.

    Refuses to replace a confirmed one: whoever found an open screen could make it their own.
    """
    person = work.lock_id(Person, work.actor.id)
    work.judge(person, refusals=[_has_one(person)] if person.totp_confirmed_at else [])
    secret = new_secret()
    person.totp_secret, person.totp_step = secret, None
    work.tell_once(secret=secret)
    work.transition(person)
    return person


def _has_one(person: Person) -> Refusal:
    sentence = "{person} has a second factor. If it is lost, an administrator resets it; then set up another."
    return refuse(Code.ALREADY_EXISTS, sentence, person=person.full_name)


class ConfirmSecondFactor(ActInput):
    """Confirm a second factor."""

    one_time_code: Secret = Field(title="Code that the app shows now", max_length=LONGEST_PASSWORD)
    end_keys: EndKeys | None = Field(default=None, title="The keys of my programs end too")


@act(ConfirmSecondFactor)
def confirm_second_factor(work: Work, given: ConfirmSecondFactor) -> Person:
    """Prove that the app shows the right codes; from now on one is asked for. Refuses a wrong code, asks about keys."""
    person = work.lock_id(Person, work.actor.id)
    code = given.one_time_code.get_secret_value()
    step = step_of(person.totp_secret, code, work.now) if person.totp_secret else None
    refusals = [_has_one(person)] if person.totp_confirmed_at else [_wrong_code()] if step is None else []
    keys = live_keys(work, person)
    work.judge(person, refusals=refusals or unanswered(keys, given.end_keys))
    person.totp_confirmed_at, person.totp_step = work.now, step
    work.transition(person)
    end_keys(work, keys if given.end_keys == "yes" else ())
    return person


def _wrong_code() -> Refusal:
    sentence = (
        "This is not the code of the secret that was shown. Wait for the next one; if it stays wrong, look whether the "
        "telephone's clock is right, and set the second factor up once more."
    )
    return refuse(Code.SIGNATURE_WRONG, sentence)


class ResetSecondFactor(ActInput):
    """Reset a second factor."""

    name: Name = Field(title="Sign-in name")
    reason: Reason


@act(ResetSecondFactor)
def reset_second_factor(work: Work, given: ResetSecondFactor) -> Person:
    """Forget the second factor of somebody who lost it. Until they set up another, they sign nothing. Their sessions
    and the keys of their programs end with it. A second person confirms it of an account that signs."""
    person = lock_account(work, given.name)
    two = asks_two(work, person.roles)
    change_account(work, person, Change.SECOND_FACTOR, two=two, reason=given.reason)
    return person
