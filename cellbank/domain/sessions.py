"""Sessions at the pages: how long one may lie idle, how long it may last, and why it ended. Pure: the time is given."""

import datetime
from enum import StrEnum

GRAIN = datetime.timedelta(minutes=1)  # how exactly it is kept when somebody was last there


class Ended(StrEnum):
    """Why a session is over."""

    SIGNED_OUT = "signed_out"
    REPLACED = "replaced"  # another person came to the screen
    TOO_LONG = "too_long"  # the hours of the settings have passed since the password was proved
    BY_HAND = "by_hand"  # ended from the list of sessions
    PASSWORD = "password"  # its owner changed the password
    RESET = "reset"  # password or second factor were reset
    ROLES = "roles"
    DISABLED = "disabled"


def is_idle(seen_at: datetime.datetime, minutes: int, now: datetime.datetime) -> bool:
    """Whether nobody was there for so long that a password comes before anything else."""
    return now - seen_at > datetime.timedelta(minutes=minutes)


def is_too_long(proved_at: datetime.datetime, hours: int, now: datetime.datetime) -> bool:
    """Whether the password was proved so long ago that the session is over, however busy it was."""
    return now - proved_at > datetime.timedelta(hours=hours)


def is_noted(seen_at: datetime.datetime, now: datetime.datetime, minutes: int | None = None) -> bool:
    """Whether what is kept of when somebody, or the key of a program, was last there is exact enough: to the minute,
    and to a fifth of a short idle limit of so many `minutes`. So no request but the first of a minute writes anything,
    and a lock comes early by that at most."""
    grain = GRAIN if minutes is None else min(GRAIN, datetime.timedelta(minutes=minutes) / 5)
    return datetime.timedelta() <= now - seen_at < grain
