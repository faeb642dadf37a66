"""What of an account two people change: whatever gives somebody a power, or gives their account to somebody else.

One person asks, another one confirms by signature, and only then it holds: else one administrator alone makes a signer
of quality, signs as one whose password they have reset, or reads as an auditor who the patients are. Twin in the
database: a_signer_is_changed_by_two.
"""

import datetime
from collections.abc import Collection
from enum import StrEnum

from cellbank.domain.lifecycle.table import powers
from cellbank.domain.refusals import Code, Refusal, refuse


class Change(StrEnum):
    """What is asked for an account."""

    NEW = "new account"
    ROLES = "other roles"
    SITES = "other sites"
    PASSWORD = "new password"
    SECOND_FACTOR = "second factor taken back"
    UNLOCK = "unlocked"
    ADDRESS = "other address"


def is_locked(until: datetime.datetime | None, now: datetime.datetime) -> bool:
    """Whether nobody signs in to an account from outside: from a screen that does not know its owner. Ended early by an
    administrator, or by two people who can sign. Twin in the database: a_lock_is_opened_by_two."""
    return until is not None and now < until


#: both of those who unlock an account are there: from asking for it to the second signature at most. Twin in the
#: database: a_lock_is_opened_by_two.
TOGETHER = datetime.timedelta(minutes=15)


def lock_refusals(until: datetime.datetime | None, now: datetime.datetime, *, owner: str) -> tuple[Refusal, ...]:
    """Why nobody unlocks an account: it is not locked, or not any more."""
    if is_locked(until, now):
        return ()
    sentence = "The account of {person} is not locked. They give their name and password again."
    return (refuse(Code.WRONG_STATE, sentence, person=owner),)


def unlock_refusals(asked_at: datetime.datetime, now: datetime.datetime, *, owner: str) -> tuple[Refusal, ...]:
    """Why nobody unlocks an account on what was asked for then: one of the two is gone."""
    if now - asked_at <= TOGETHER:
        return ()
    sentence = "Two people unlock the account of {person} together, and it was asked for on {asked}. Ask once more."
    return (refuse(Code.SECOND_PERSON_NEEDED, sentence, asked=asked_at, person=owner),)


def first_refusals(*, may_still: bool, first: str) -> tuple[Refusal, ...]:
    """Why nobody confirms what somebody else asked for or recorded: whoever did so has no account any more, or not the
    role, so that there are not two. Twin in the database: both_of_two_may."""
    if may_still:
        return ()
    sentence = "{first} began this and may not do so any more. Take it back, and let somebody who may begin anew."
    return (refuse(Code.SECOND_PERSON_NEEDED, sentence, first=first),)


def has_power(roles: Collection[str]) -> bool:
    """Whether an account with these roles does or reads what not everybody may."""
    return not powers().isdisjoint(roles)


def gains_power(before: Collection[str], after: Collection[str]) -> bool:
    """Whether somebody who changes from these roles to those gets one that has a power."""
    return has_power(set(after) - set(before))


def gains_site(before: Collection[str], after: Collection[str]) -> bool:
    """Whether somebody who may work at these sites besides their own gets another one."""
    return bool(set(after) - set(before))


def installation_refusals(*, is_at_hand: bool) -> tuple[Refusal, ...]:
    """Why the installation itself does not let somebody in (an account, a training, a code). It does where the owner of
    the database asks for it at the command line, who could do it in any way, and where a story is played; never by
    the way that the application has. Twin in the database: the_installation_lets_nobody_in."""
    if is_at_hand:
        return ()
    sentence = (
        "The installation lets people in only as the owner of its database: set CELLBANK_OWNER_DATABASE_URL. Otherwise "
        "an administrator asks for it, and a second person confirms."
    )
    return (refuse(Code.ROLE_NOT_ALLOWED, sentence),)
