"""Who is acting: from a name, a badge, a session or a token to an Actor."""

import hashlib

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle import Role
from cellbank.records.people import ApiToken, Person
from cellbank.records.work import Actor
from cellbank.services.bank import Bank

SYSTEM = Actor(1, "system", "This installation", frozenset({Role.SYSTEM}), 1)

_COLUMNS = (Person.id, Person.name, Person.full_name, Person.roles, Person.site_id)


def _actor(row: object) -> Actor:
    identity, name, full_name, roles, site = row  # type: ignore[misc]
    return Actor(identity, name, full_name, frozenset(Role(role) for role in roles), site)


def actor_by_id(bank: Bank, person_id: int) -> Actor | None:
    """The person with this id, if the account is active."""
    return _one(bank, select(*_COLUMNS).where(Person.id == person_id, Person.state == "ACTIVE"))


def actor_by_name(bank: Bank, name: str) -> Actor | None:
    """The person with this sign-in name, if the account is active."""
    return _one(bank, select(*_COLUMNS).where(Person.name == name.strip().lower(), Person.state == "ACTIVE"))


def actor_by_token(bank: Bank, secret: str) -> Actor | None:
    """The person for whom this token speaks, if both are alive and it has not run out."""
    live = ApiToken.digest == hashlib.sha256(secret.encode()).digest()
    statement = select(*_COLUMNS).join(ApiToken, ApiToken.person_id == Person.id)
    return _one(
        bank,
        statement.where(live, ApiToken.state == "LIVE", Person.state == "ACTIVE", ApiToken.expires_at > func.now()),
    )


def _one(bank: Bank, statement: Select) -> Actor | None:
    with Session(bank.reads) as session:
        row = session.execute(statement).one_or_none()
    return None if row is None else _actor(row)
