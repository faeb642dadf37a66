"""How an account stands when somebody comes to the pages with it: proved, locked, its password to be changed."""

import datetime
from dataclasses import dataclass

from cellbank.records.base import read_row
from cellbank.records.work import Actor
from cellbank.services import people
from cellbank.services.bank import Bank
from cellbank.services.passwords import check_password, take_the_time

_COLUMNS = f"{people.COLUMNS}, p.must_change_password, p.locked_until, p.password_set_at"
_BY_ID = f"SELECT {_COLUMNS} FROM {people.TABLES} WHERE p.id = %(given)s AND p.state = 'ACTIVE'"
_BY_NAME = f"SELECT {_COLUMNS} FROM {people.TABLES} WHERE p.name = %(given)s AND p.state = 'ACTIVE'"


@dataclass(frozen=True)
class Standing:
    """An active account: the person, and what stands between them and their work."""

    actor: Actor
    must_change_password: bool
    locked_until: datetime.datetime | None
    stamp: str  # another one after every change of the password: sessions from before are over

    def is_locked(self, now: datetime.datetime) -> bool:
        """Whether too many wrong passwords lock the account at this moment."""
        return self.locked_until is not None and now < self.locked_until


def standing_of(bank: Bank, person_id: int) -> Standing | None:
    """The account with this id, if it is active."""
    return _read(bank, _BY_ID, person_id)


def standing_of_name(bank: Bank, name: str) -> Standing | None:
    """The account with this sign-in name, if it is active."""
    return _read(bank, _BY_NAME, name.strip().lower())


def _read(bank: Bank, statement: str, given: object) -> Standing | None:
    row = read_row(bank.reads, statement, {"given": given})
    if row is None:
        return None
    stamp = row["password_set_at"].isoformat() if row["password_set_at"] else ""
    return Standing(people.actor_of(bank, row), row["must_change_password"], row["locked_until"], stamp)


@dataclass(frozen=True)
class Proof:
    """What came of a name and a password: `standing` when both are right; `locked_until` when the account is locked."""

    standing: Standing | None
    locked_until: datetime.datetime | None = None


def prove(bank: Bank, name: str, password: str, now: datetime.datetime) -> Proof:
    """Whether this is somebody's name and password. A wrong password is counted; an unknown name takes as long."""
    standing = standing_of_name(bank, name)
    if standing is None:
        take_the_time(bank, password)
        return Proof(None)
    if check_password(bank, standing.actor, password, now):
        return Proof(standing)
    after = standing_of_name(bank, name)
    return Proof(None, after.locked_until if after and after.is_locked(now) else None)
