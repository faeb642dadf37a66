"""What of an account two people change: whatever lets somebody sign, or decides who does.

One person asks, another one confirms by signature, and only then it holds: else one administrator alone makes a signer
of quality, or signs as one whose password they have reset. Twin in the database: a_signer_is_changed_by_two.
"""

import datetime
from collections.abc import Collection
from enum import StrEnum

from cellbank.domain.transition import POWERS


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
    administrator, or by two people. Twin in the database: a_lock_is_opened_by_two."""
    return until is not None and now < until


def has_power(roles: Collection[str]) -> bool:
    """Whether an account with these roles signs, or decides about accounts."""
    return not POWERS.isdisjoint(roles)


def gains_power(before: Collection[str], after: Collection[str]) -> bool:
    """Whether somebody who changes from these roles to those gets one that signs or decides about accounts."""
    return has_power(set(after) - set(before))


def gains_site(before: Collection[str], after: Collection[str]) -> bool:
    """Whether somebody who may work at these sites besides their own gets another one."""
    return bool(set(after) - set(before))
