"""How an account stands when somebody comes to the pages with it: proved, locked, its password to be changed."""

import datetime
from dataclasses import dataclass

from cellbank.domain import agreement
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle import roles_for
from cellbank.domain.scans import Scan, read_scan
from cellbank.records import actor
from cellbank.records.actor import Actor
from cellbank.records.base import read_row
from cellbank.services.bank import Bank, server_time
from cellbank.services.people import actors, passwords
from cellbank.services.people.passwords import Credentials, is_old, take_the_time

# With a first or an old password one comes in, to change it.
COME_IN = {actor.Proof.RIGHT, actor.Proof.FIRST, actor.Proof.OLD}

_COLUMNS = f"""{actors.COLUMNS}, p.must_change_password, p.locked_until, p.password_set_at,
  coalesce(s.fin_registered, h.fin_registered) AS fin_registered,
  (SELECT jsonb_object_agg(x.code, x.name) FROM site x) AS site_names"""
_BY_ID = f"SELECT {_COLUMNS} FROM {actors.TABLES} WHERE p.id = %(given)s AND p.state = 'ACTIVE'"
_BY_NAME = f"SELECT {_COLUMNS} FROM {actors.TABLES} WHERE p.name = %(given)s AND p.state = 'ACTIVE'"
_BY_BADGE = f"SELECT {_COLUMNS} FROM {actors.TABLES} WHERE p.code = %(given)s AND p.state = 'ACTIVE'"


@dataclass(frozen=True)
class Standing:
    """An active account: the person, and what stands between them and their work."""

    actor: Actor
    is_first_password: bool  # chosen by an administrator
    is_old_password: bool  # older than the site allows
    locked_until: datetime.datetime | None
    stamp: str  # another one after every change of the password: sessions from before are over
    site_names: dict[str, str]  # of all sites of the bank, by code
    fin_registered: bool  # of the site where they act

    @property
    def must_change_password(self) -> bool:
        """Whether a new password comes before anything else."""
        return self.is_first_password or self.is_old_password

    @property
    def must_accept_agreement(self) -> bool:
        """Whether somebody who signs has not accepted the statement in force."""
        return bool(roles_for("accept_agreement") & self.actor.roles) and self.actor.agreement != agreement.VERSION

    def is_locked(self, now: datetime.datetime) -> bool:
        """Whether too many wrong passwords lock the account at this moment."""
        return self.locked_until is not None and now < self.locked_until


def standing_of(bank: Bank, person_id: int, site: str | None = None) -> Standing | None:
    """The account with this id, if it is active; acting at `site` where they may work there, else at home."""
    return _read(bank, _BY_ID, person_id, site)


def standing_of_name(bank: Bank, name: str, site: str | None = None) -> Standing | None:
    """The account with this sign-in name, or on whose badge this code stands, if it is active; `site` as for an id.

    A badge says who somebody is and proves nothing: the password does, as with a typed name.
    """
    badge = read_scan(name)
    if isinstance(badge, Scan) and badge.kind is Kind.PERSON:
        return _read(bank, _BY_BADGE, badge.code, site)
    return _read(bank, _BY_NAME, name.strip().lower(), site)


def _read(bank: Bank, statement: str, given: object, site: str | None) -> Standing | None:
    row = read_row(bank.reads, statement, {"given": given, "site": site})
    if row is None:
        return None
    stamp = row["password_set_at"].isoformat() if row["password_set_at"] else ""
    old = is_old(bank.config, row["password_set_at"], server_time())
    return Standing(
        actors.actor_of(bank, row), row["must_change_password"], old, row["locked_until"], stamp, row["site_names"],
        row["fin_registered"],
    )  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """What came of a name and a password: `standing` when all is right; `locked_until` when the account is locked.

    `step` is that of the one-time code, which the next act uses up.
    """

    standing: Standing | None
    locked_until: datetime.datetime | None = None
    step: int | None = None


def prove(
    bank: Bank, name: str, given: Credentials, now: datetime.datetime, *,
    door: str, client: str | None = None, site: str | None = None,
) -> Proof:  # fmt: skip
    """Whether these are somebody's name, password and, where a role has a second factor, code; `site` as for a name.

    What is wrong is counted; an unknown name takes as long, and it is never said what was wrong.
    """
    standing = standing_of_name(bank, name, site)
    if standing is None:
        take_the_time(bank, given.password)
        return Proof(None)
    proved = passwords.prove(bank, standing.actor, given, now, door=door, client=client)
    if proved.proof in COME_IN:
        return Proof(standing, step=proved.step)
    after = standing_of_name(bank, name)
    return Proof(None, after.locked_until if after and after.is_locked(now) else None)
