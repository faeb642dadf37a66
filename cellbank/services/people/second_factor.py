"""The second factor: set up by its owner with a code that an administrator hands over, or with the old one; confirmed
with a first code; taken back by two people (R23). Which roles need one is the setting SECOND_FACTOR_ROLES.
"""

from pydantic import Field

from cellbank.domain.accounts import Change
from cellbank.domain.handed_codes import RECOVERY, Purpose
from cellbank.domain.messages import Template
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.inputs import Name, Reason
from cellbank.services.outbox.messages import tell
from cellbank.services.parsing import LONGEST_PASSWORD, ActInput, Secret
from cellbank.services.people.account_changes import asks_two, by_the_installation, change_account
from cellbank.services.people.actors import lock_account
from cellbank.services.people.handed_codes import hand_over, key_of, tell_code
from cellbank.services.people.keys import EndKeys, end_keys, live_keys, unanswered
from cellbank.services.people.one_time_codes import new_secret, step_of
from cellbank.services.registry import act


class HandOverCode(ActInput):
    """Hand over a code for a second factor."""

    name: Name = Field(title="Sign-in name")


@act(HandOverCode, begun_by={"administrator": 5})
def hand_over_code(work: Work, given: HandOverCode) -> Person:
    """Tell a code, once, to hand over in person: with it and the password its owner sets up a second factor. One that
    was told before is good no more. Refuses oneself, and somebody who has a second factor."""
    person = lock_account(work, given.name)
    has_one = [_has_one(person)] if person.totp_confirmed_at else []
    refusals = [*by_the_installation(work), *has_one, *_own(work, person)]
    work.judge(person, refusals=refusals)
    tell_code(work, person, Purpose.SECOND_FACTOR)
    work.transition(person)
    return person


def _own(work: Work, person: Person) -> list[Refusal]:
    if person.id != work.actor.id:
        return []
    sentence = "{person} hands no code over to themselves: another administrator does it, or the installation."
    return [refuse(Code.SAME_PERSON, sentence, person=person.full_name)]


def _has_one(person: Person) -> Refusal:
    sentence = (
        "{person} has a second factor, and sets up another with it. If it is lost: with a recovery code, or after an "
        "administrator has reset it."
    )
    return refuse(Code.ALREADY_EXISTS, sentence, person=person.full_name)


class SetUpSecondFactor(ActInput):
    """Set up a second factor."""


@act(SetUpSecondFactor, at_the_door=True)
def set_up_second_factor(work: Work, given: SetUpSecondFactor) -> Person:
    """Make a secret, told this once, to share with an authenticator app. It counts once a code has confirmed it; until
    then the factor that there is goes on.

    The door has proved the password, and the code of an administrator or of the factor that there is, which is used up:
    refuses whoever knows the password alone.
    """
    person = work.lock_id(Person, work.actor.id)
    work.judge(person, refusals=[] if work.once or work.dry_run else [_needs_code(person)])
    secret = new_secret()
    person.totp_next = key_of(work).closed(secret, of=person.name)
    work.tell_once(secret=secret)
    work.transition(person)
    return person


def _needs_code(person: Person) -> Refusal:
    has_one = person.totp_confirmed_at is not None
    by_hand = "A second factor is set up with a code that an administrator hands over in person. Ask one for it."
    with_it = "A second factor is replaced with a code of the one that there is, or a recovery code. Give one."
    return refuse(Code.SECOND_FACTOR_NEEDED, with_it if has_one else by_hand)


class ConfirmSecondFactor(ActInput):
    """Confirm a second factor."""

    one_time_code: Secret = Field(title="Code that the app shows now", max_length=LONGEST_PASSWORD)
    end_keys: EndKeys | None = Field(default=None, title="The keys of my programs end too")


@act(ConfirmSecondFactor, at_the_door=True)
def confirm_second_factor(work: Work, given: ConfirmSecondFactor) -> Person:
    """Prove that the app shows the right codes; from now on one is asked for. Tells ten recovery codes, once, in place
    of those that there were. Refuses a wrong code, asks about keys."""
    person = work.lock_id(Person, work.actor.id)
    secret = key_of(work).opened(person.totp_next, of=person.name)
    step = step_of(secret, given.one_time_code.get_secret_value(), work.now) if secret else None
    keys = live_keys(work, person)
    work.judge(person, refusals=[_wrong_code()] if step is None else unanswered(keys, given.end_keys))
    person.totp_secret, person.totp_next, person.totp_confirmed_at = person.totp_next, None, work.now
    person.totp_step = step
    tell(work, person, Template.FACTOR_SET_UP)
    work.tell_once(recovery=hand_over(work, person, Purpose.RECOVERY, RECOVERY))
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
    and the keys of their programs end with it. A second person confirms it of an account that has a power."""
    person = lock_account(work, given.name)
    two = asks_two(work, person.roles)
    change_account(work, person, Change.SECOND_FACTOR, two=two, reason=given.reason)
    return person
