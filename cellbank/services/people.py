"""Who is acting: from a name, a badge, a session or a token to an Actor."""

import hashlib

from cellbank.domain.lifecycle import Role
from cellbank.records.base import read_row
from cellbank.records.work import Actor
from cellbank.services.bank import Bank

SYSTEM = Actor(1, "system", "This installation", frozenset({Role.SYSTEM}), 1)

_PERSON = "SELECT p.id, p.name, p.full_name, p.roles, p.site_id FROM person p"
_BY_ID = f"{_PERSON} WHERE p.id = %(given)s AND p.state = 'ACTIVE'"
_BY_NAME = f"{_PERSON} WHERE p.name = %(given)s AND p.state = 'ACTIVE'"
_BY_TOKEN = (
    f"{_PERSON} JOIN api_token t ON t.person_id = p.id "
    "WHERE t.digest = %(given)s AND t.state = 'LIVE' AND t.expires_at > now() AND p.state = 'ACTIVE' "
    "AND NOT p.must_change_password"
)


def actor_by_id(bank: Bank, person_id: int) -> Actor | None:
    """The person with this id, if the account is active."""
    return _one(bank, _BY_ID, person_id)


def actor_by_name(bank: Bank, name: str) -> Actor | None:
    """The person with this sign-in name, if the account is active."""
    return _one(bank, _BY_NAME, name.strip().lower())


def actor_by_token(bank: Bank, secret: str) -> Actor | None:
    """The person for whom this token speaks, if both are alive and it has not run out.

    Nobody while a password that an administrator chose waits to be changed: a reset shuts the keys out as well.
    """
    return _one(bank, _BY_TOKEN, hashlib.sha256(secret.encode()).digest())


def _one(bank: Bank, statement: str, given: object) -> Actor | None:
    """Every request begins here."""
    row = read_row(bank.reads, statement, {"given": given})
    if row is None:
        return None
    return Actor(row["id"], row["name"], row["full_name"], frozenset(map(Role, row["roles"])), row["site_id"])
