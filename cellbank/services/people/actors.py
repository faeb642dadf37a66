"""Who is acting: from a name, a badge, a session or a token to an Actor, with what decides whether they may sign.

All of it is one row: every request and every scan begins here.
"""

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from cellbank.domain.lifecycle import Role
from cellbank.domain.rules.signing import Trained
from cellbank.records.base import read_row
from cellbank.records.people import Person
from cellbank.records.work import Actor, Work
from cellbank.services.bank import Bank

FIRST_SITE = "MAIN"  # there from the beginning: what was recorded before there were others is its
SYSTEM = Actor(1, "system", "This installation", frozenset({Role.SYSTEM}), 1, site_code=FIRST_SITE, sites=(FIRST_SITE,))

# The site that is asked for, where the person may work there, or else their home.
COLUMNS = """p.id, p.name, p.full_name, p.roles, p.agreement_version, p.totp_confirmed_at,
  coalesce(s.id, h.id) AS site_id, coalesce(s.code, h.code) AS site_code, coalesce(s.name, h.name) AS site_name,
  coalesce(s.timezone, h.timezone) AS timezone, h.code || coalesce(p.also_at, '{}') AS sites,
  (SELECT jsonb_agg(jsonb_build_array(t.role, t.trained_on, t.valid_until))
     FROM training t WHERE t.person_id = p.id AND t.state = 'VALID') AS trained"""


def tables(person: str = "person p", site: str = "%(site)s::text") -> str:
    """The person, as they are found, their home site, and the site that is asked for."""
    return f"""{person} JOIN site h ON h.id = p.site_id
  LEFT JOIN site s ON s.code = {site} AND (s.id = p.site_id OR s.code = ANY(p.also_at))"""


TABLES = tables()

_BY_NAME = f"SELECT {COLUMNS} FROM {TABLES} WHERE p.name = %(given)s AND p.state = 'ACTIVE'"
_BY_TOKEN = (
    f"SELECT {COLUMNS} FROM {TABLES} JOIN api_token t ON t.person_id = p.id "
    "WHERE t.digest = %(given)s AND t.state = 'LIVE' AND t.expires_at > now() AND p.state = 'ACTIVE' "
    "AND NOT p.must_change_password"
)


def actor_by_name(bank: Bank, name: str, site: str | None = None) -> Actor | None:
    """The person with this sign-in name, if the account is active; acting at `site` where they may, else at home."""
    return _one(bank, _BY_NAME, name.strip().lower(), site)


def lock_account(work: Work, name: str) -> Person:
    """The account with this sign-in name, locked until the end of the act. Refuses NOT_FOUND."""
    code = work.session.scalar(select(Person.code).where(Person.name == name)) or name
    return work.lock(Person, code)


def actor_by_token(bank: Bank, secret: str, site: str | None = None) -> Actor | None:
    """The person for whom this token speaks, if both are alive and it has not run out; `site` as for a name.

    Nobody while a password that an administrator chose waits to be changed: a reset shuts the keys out as well.
    """
    return _one(bank, _BY_TOKEN, hashlib.sha256(secret.encode()).digest(), site)


def _one(bank: Bank, statement: str, given: object, site: str | None) -> Actor | None:
    row = read_row(bank.reads, statement, {"given": given, "site": site})
    return None if row is None else actor_of(bank, row)


def actor_of(bank: Bank, row: Mapping[str, Any]) -> Actor:
    """The person of a row with these COLUMNS."""
    roles = frozenset(map(Role, row["roles"]))
    confirmed = row["totp_confirmed_at"] is not None
    return Actor(
        row["id"], row["name"], row["full_name"], roles, row["site_id"], row["timezone"], row["agreement_version"],
        tuple(_trained(one) for one in row["trained"] or ()),
        has_second_factor=confirmed,
        lacks_second_factor=bool(roles & bank.config.second_factor_roles) and not confirmed,
        site_code=row["site_code"], site_name=row["site_name"], sites=tuple(row["sites"]),
    )  # fmt: skip


def _trained(one: list[str]) -> Trained:
    role, since, until = one
    return Trained(role, datetime.date.fromisoformat(since), datetime.date.fromisoformat(until))
