"""Accounts, as the pages of the administrator list them. Read only."""

import datetime
from dataclasses import dataclass

from sqlalchemy import select

from cellbank.records.people import Person
from cellbank.services.installation import Installation
from cellbank.services.people.actors import SYSTEM


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


def list_people(installation: Installation) -> tuple[Account, ...]:
    """All accounts that ever were, but for the installation's own; those that may sign in first, by name."""
    columns = select(
        Person.code,
        Person.name,
        Person.full_name,
        Person.roles,
        Person.state,
        Person.must_change_password,
        Person.failure_count,
        Person.locked_until,
    )
    people = columns.where(Person.id != SYSTEM.id).order_by(Person.state, Person.name)
    with installation.reads.connect() as connection:
        rows = connection.execute(people).mappings()
        return tuple(Account(**{**row, "roles": tuple(row["roles"])}) for row in rows)
