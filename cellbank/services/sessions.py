"""How an account stands when somebody comes to the pages with it: proved, locked, its password to be changed."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cellbank.domain.lifecycle import Role
from cellbank.records.work import Actor
from cellbank.services.bank import Bank
from cellbank.services.passwords import check_password, take_the_time

_COLUMNS = "id, name, full_name, roles, site_id, must_change_password, locked_until, password_set_at"
_BY_ID = text(f"SELECT {_COLUMNS} FROM person WHERE id = :given AND state = 'ACTIVE'")
_BY_NAME = text(f"SELECT {_COLUMNS} FROM person WHERE name = :given AND state = 'ACTIVE'")


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


def _read(bank: Bank, statement: Any, given: object) -> Standing | None:
    with bank.reads.connect() as connection:
        row = connection.execute(statement, {"given": given}).one_or_none()
    if row is None:
        return None
    roles = frozenset(Role(role) for role in row.roles)
    actor = Actor(row.id, row.name, row.full_name, roles, row.site_id)
    stamp = row.password_set_at.isoformat() if row.password_set_at else ""
    return Standing(actor, row.must_change_password, row.locked_until, stamp)


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
