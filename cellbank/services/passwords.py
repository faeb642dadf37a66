"""Passwords: argon2id, proved at sign-in and again at every signature; wrong ones are counted and lock the account."""

import datetime

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.people import Person
from cellbank.records.work import Actor, Proof
from cellbank.services.acts import run_act
from cellbank.services.bank import Bank
from cellbank.services.parsing import LONGEST_PASSWORD
from cellbank.services.people import SYSTEM

HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
SHORTEST, LONGEST = 10, LONGEST_PASSWORD


def hash_password(bank: Bank, password: str) -> str:
    """The argon2id hash that is stored; 64 MiB and about 0.1 s."""
    with bank.password_slots:
        return HASHER.hash(password)


def check_password(bank: Bank, actor: Actor, password: str, now: datetime.datetime) -> bool:
    """Whether this is the person's password, be it their own choice or a first one. A wrong one is counted."""
    return prove(bank, actor, password, now, door="sign-in") in (Proof.RIGHT, Proof.FIRST)


def prove(bank: Bank, actor: Actor, password: str, now: datetime.datetime, *, door: str) -> Proof:
    """What the password proves. A wrong one is counted, and so many of them lock the account (settings LOCKOUT_…).

    The account is looked at only when it is this password's turn: of many that are sent at once, those beyond the limit
    are not compared.
    """
    columns = select(Person.password_hash, Person.locked_until, Person.must_change_password)
    with bank.password_slots:
        with Session(bank.reads) as session:
            row = session.execute(columns.where(Person.id == actor.id)).one()
        if row.locked_until is not None and now < row.locked_until:
            return Proof.LOCKED
        if _verifies(row.password_hash, password):
            return Proof.FIRST if row.must_change_password else Proof.RIGHT
        _count_wrong_password(bank, actor, now, door)
    return Proof.WRONG


def _count_wrong_password(bank: Bank, actor: Actor, now: datetime.datetime, door: str) -> None:
    config = bank.config
    given = {
        "name": actor.name,
        "failures_allowed": config.lockout_failures,
        "lock_minutes": config.lockout_minutes,
    }
    run_act(bank, "note_wrong_password", given, SYSTEM, door=door, now=now)


def take_the_time(bank: Bank, password: str) -> None:
    """Spend as long as a comparison does, for a name that nobody has: an unknown name must not answer faster."""
    with bank.password_slots:
        _verifies(None, password)


def _verifies(stored: str | None, password: str) -> bool:
    """Compare, taking the same time when there is no password."""
    if len(password) > LONGEST:
        stored = None
    given = password[:LONGEST].encode(errors="replace")  # half a pair of surrogates is in nobody's password
    try:
        return HASHER.verify(stored or _NOBODYS_HASH, given) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


_NOBODYS_HASH = HASHER.hash("nobody has this password")
