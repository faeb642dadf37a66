"""Who is acting: from a name, a badge, a session or a token to an Actor, with what decides whether they may sign.

All of it is one row: every request and every scan begins here.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from cellbank.domain.actor import Actor
from cellbank.domain.keys import Scope
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.rules.signing import Trained
from cellbank.records.base import read_row
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.installation import Installation
from cellbank.services.people.tokens import KEY, kept

FIRST_SITE = "MAIN"  # there from the beginning
SYSTEM = Actor(1, "system", "This installation", frozenset({Role.SYSTEM}), 1, site_code=FIRST_SITE, sites=(FIRST_SITE,))

# The site that is asked for, where the person may work there, or else their home.
COLUMNS = """clock_timestamp() AS database_time,
  p.id, p.name, p.full_name, p.roles, p.agreement_version, p.totp_confirmed_at,
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
# A key for one site opens nothing once its person works there no more.
_BY_TOKEN = f"""SELECT {COLUMNS}, t.id AS token_id, t.read_only, t.site_code AS only_site, t.acts, u.used_at
  FROM {tables("api_token t JOIN person p ON p.id = t.person_id", "coalesce(t.site_code, %(site)s::text)")}
  LEFT JOIN api_token_use u ON u.token_id = t.id
  WHERE t.digest = %(digest)s AND t.person_id = %(person)s AND t.state = 'LIVE' AND t.expires_at > now()
    AND p.state = 'ACTIVE' AND NOT p.must_change_password AND (t.site_code IS NULL OR t.site_code = s.code)"""


def actor_by_name(installation: Installation, name: str, site: str | None = None) -> Actor | None:
    """The person with this sign-in name, if the account is active; acting at `site` where they may, else at home."""
    return _one(installation, _BY_NAME, name.strip().lower(), site)


def lock_account(work: Work, name: str) -> Person:
    """The account with this sign-in name, locked until the end of the act. Refuses NOT_FOUND."""
    code = work.session.scalar(select(Person.code).where(Person.name == name)) or name
    return work.lock(Person, code)


@dataclass(frozen=True)
class KeyInUse:
    """A key of a program that has just been shown: for whom it speaks, within its limits, and when it did so last."""

    id: int
    actor: Actor
    used_at: datetime.datetime | None


def key_in_use(installation: Installation, secret: str, site: str | None = None) -> KeyInUse | None:
    """The key with this secret, if it and its person are alive and it has not run out; `site` as for a name.

    None while a password that an administrator chose waits to be changed: a reset shuts the keys out as well.
    """
    looked_for = kept(installation.config.data, secret, KEY)
    row = read_row(installation.reads, _BY_TOKEN, {**looked_for._asdict(), "site": site}) if looked_for else None
    if row is None:
        return None
    limits = Scope(row["read_only"], row["only_site"], frozenset(row["acts"] or ()))
    actor = actor_of(installation, row)
    if limits != Scope():
        sites = (limits.site,) if limits.site else actor.sites
        actor = replace(actor, scope=limits, sites=sites)
    return KeyInUse(row["token_id"], actor, row["used_at"])


def actor_by_token(installation: Installation, secret: str, site: str | None = None) -> Actor | None:
    """The person for whom this key speaks, as in `key_in_use`."""
    found = key_in_use(installation, secret, site)
    return None if found is None else found.actor


def _one(installation: Installation, statement: str, given: object, site: str | None) -> Actor | None:
    row = read_row(installation.reads, statement, {"given": given, "site": site})
    return None if row is None else actor_of(installation, row)


def actor_of(installation: Installation, row: Mapping[str, Any]) -> Actor:
    """The person of a row with these COLUMNS."""
    installation.clocks.hear(row["database_time"])
    roles = frozenset(map(Role, row["roles"]))
    confirmed = row["totp_confirmed_at"] is not None
    return Actor(
        row["id"],
        row["name"],
        row["full_name"],
        roles,
        row["site_id"],
        row["timezone"],
        row["agreement_version"],
        tuple(_trained(one) for one in row["trained"] or ()),
        has_second_factor=confirmed,
        lacks_second_factor=bool(roles & installation.config.second_factor_roles) and not confirmed,
        site_code=row["site_code"],
        site_name=row["site_name"],
        sites=tuple(row["sites"]),
    )


def _trained(one: list[str]) -> Trained:
    role, since, until = one
    return Trained(role, datetime.date.fromisoformat(since), datetime.date.fromisoformat(until))
