"""Codes that are handed over: told once to one person, used once by another, and worth nothing without a password.

Half of a first password, leave to set up a second factor, a way in when the telephone is lost. Eight signs of
Crockford's alphabet, in which nothing looks like anything else: 40 bits, far beyond the few tries that there are.
"""

import datetime
import secrets
from enum import StrEnum

from cellbank.domain.identifiers import CROCKFORD

LENGTH = 8
TRIES = 5  # wrong ones after which it is dead
RECOVERY = 10  # recovery codes of one second factor
_READ_AS = str.maketrans("OIL", "011")
_BETWEEN = frozenset(" -\u2010\u2011\u2012\u2013")


class Purpose(StrEnum):
    """What a code is good for."""

    FIRST_PASSWORD = "first password"  # the half of whoever confirmed it; the other one is known to whoever asked
    SECOND_FACTOR = "second factor"  # from an administrator: to set one up
    RECOVERY = "recovery"  # of a second factor: in place of the telephone, once


def new_code() -> str:
    """A code, as it is told: K7QM-3XTV."""
    code = "".join(secrets.choice(CROCKFORD) for _ in range(LENGTH))
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def plain(text: str) -> str:
    """A code as it is compared: without case, spaces and dashes, O as 0, I and L as 1; nothing when it is none."""
    code = "".join(sign for sign in text if sign not in _BETWEEN).upper().translate(_READ_AS)
    return code if len(code) == LENGTH and set(code) <= set(CROCKFORD) else ""


def halves(typed: str) -> tuple[str, str]:
    """A first password and the code that was typed after it, with or without a space between them."""
    at = len(typed)
    for _ in range(LENGTH):
        at = max(at - 1, 0)
        while at and typed[at] in _BETWEEN:
            at -= 1
    return typed[:at].rstrip(), plain(typed[at:])


def is_good(tries: int, expires_at: datetime.datetime | None, now: datetime.datetime) -> bool:
    """Whether a code that nobody has used may still be."""
    return tries < TRIES and (expires_at is None or now < expires_at)
