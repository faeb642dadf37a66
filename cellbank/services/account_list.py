"""Accounts and keys, as the pages of the administrator and of their owners list them. Read only."""

import datetime
from dataclasses import dataclass

from sqlalchemy import select

from cellbank.domain.lifecycle import Role
from cellbank.records.people import ApiToken, Person
from cellbank.records.work import Actor
from cellbank.services.bank import Bank
from cellbank.services.people import SYSTEM


@dataclass(frozen=True)
class Account:
    """A person as the administrator's list shows them."""

    code: str
    name: str
    full_name: str
    roles: tuple[str, ...]
    state: str
    must_change_password: bool
    failure_count: int
    locked_until: datetime.datetime | None  # in the past: no longer locked


@dataclass(frozen=True)
class Token:
    """A key for a program, without the key."""

    code: str
    title: str
    owner: str
    state: str
    expires_at: datetime.datetime


def list_people(bank: Bank) -> tuple[Account, ...]:
    """All accounts that ever were, but for the installation's own; those that may sign in first, by name."""
    columns = select(
        Person.code, Person.name, Person.full_name, Person.roles, Person.state, Person.must_change_password,
        Person.failure_count, Person.locked_until,
    )  # fmt: skip
    people = columns.where(Person.id != SYSTEM.id).order_by(Person.state, Person.name)
    with bank.reads.connect() as connection:
        rows = connection.execute(people).mappings()
        return tuple(Account(**{**row, "roles": tuple(row["roles"])}) for row in rows)


def list_tokens(bank: Bank, actor: Actor) -> tuple[Token, ...]:
    """The keys that this person may revoke: their own; for an administrator everybody's. Newest first."""
    columns = select(
        ApiToken.code, ApiToken.title, Person.name.label("owner"), ApiToken.state, ApiToken.expires_at
    ).join(Person, Person.id == ApiToken.person_id)
    if Role.ADMINISTRATOR not in actor.roles:
        columns = columns.where(ApiToken.person_id == actor.id)
    with bank.reads.connect() as connection:
        return tuple(Token(**row) for row in connection.execute(columns.order_by(ApiToken.id.desc())).mappings())
