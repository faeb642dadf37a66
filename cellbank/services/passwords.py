"""Passwords: argon2id, proved at sign-in and again at every signature; wrong ones are counted and lock the account."""

import datetime

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.people import Person
from cellbank.records.work import Actor
from cellbank.services.acts import run_act
from cellbank.services.bank import Bank
from cellbank.services.people import SYSTEM

HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
SHORTEST, LONGEST = 10, 200


def hash_password(bank: Bank, password: str) -> str:
    """The argon2id hash that is stored; 64 MiB and about 0.1 s."""
    with bank.password_slots:
        return HASHER.hash(password)


def check_password(bank: Bank, actor: Actor, password: str, now: datetime.datetime) -> bool:
    """Whether this is the person's password. A locked account's is never right. A wrong one is counted."""
    with Session(bank.reads) as session:
        row = session.execute(select(Person.password_hash, Person.locked_until).where(Person.id == actor.id)).one()
    if row.locked_until is not None and now < row.locked_until:
        return False
    if _verifies(bank, row.password_hash, password):
        return True
    run_act(bank, "note_wrong_password", {"name": actor.name}, SYSTEM, door="signature", now=now)
    return False


def _verifies(bank: Bank, stored: str | None, password: str) -> bool:
    """Compare, taking the same time when there is no password: an unknown name must not answer faster."""
    with bank.password_slots:
        try:
            return HASHER.verify(stored or _NOBODYS_HASH, password[:LONGEST]) and stored is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


_NOBODYS_HASH = HASHER.hash("nobody has this password")
