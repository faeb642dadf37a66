"""How an account stands when somebody comes to the pages with it: proved, locked, its password to be changed; and who
is behind the token of a session."""

import datetime
import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from cellbank.domain import agreement
from cellbank.domain.actor import Actor, OneTime
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.scans import Scan, read_scan
from cellbank.records.base import read_row
from cellbank.services.installation import Installation, server_time
from cellbank.services.people import actors, passwords
from cellbank.services.people.passwords import COME_IN, Credentials, is_old
from cellbank.services.people.places import Place
from cellbank.services.people.tokens import SESSION, kept
from cellbank.services.people.wrong_entries import look
from cellbank.services.room import NoRoom

_COLUMNS = f"""{actors.COLUMNS}, p.must_change_password, p.password_set_at,
  coalesce(s.fin_registered, h.fin_registered) AS fin_registered,
  (SELECT jsonb_object_agg(x.code, x.name) FROM site x) AS site_names"""
# By the unique digest, which leads to the person: who is signed in costs no statement of its own.
_BY_SESSION = f"""SELECT {_COLUMNS}, w.id AS session_id, w.proved_at, w.seen_at, w.idle_minutes, w.signed, w.locked_at,
  w.workstation FROM {actors.tables("web_session w JOIN person p ON p.id = w.person_id", "w.site_code")}
  WHERE w.digest = %(digest)s AND w.person_id = %(person)s AND w.ended_at IS NULL AND p.state = 'ACTIVE'"""
_BY_NAME = f"SELECT {_COLUMNS} FROM {actors.TABLES} WHERE p.name = %(given)s AND p.state = 'ACTIVE'"
_BY_BADGE = f"SELECT {_COLUMNS} FROM {actors.TABLES} WHERE p.code = %(given)s AND p.state = 'ACTIVE'"


@dataclass(frozen=True)
class OpenSession:
    """A session that has not ended."""

    id: int
    proved_at: datetime.datetime
    seen_at: datetime.datetime
    idle_minutes: int
    signed: bool  # its person has signed in it, with name and password
    is_locked: bool
    workstation: str  # where it was begun or unlocked: nowhere else is it good for anything


@dataclass(frozen=True)
class Standing:
    """An active account: the person, and what stands between them and their work."""

    actor: Actor
    is_first_password: bool  # chosen by an administrator
    is_old_password: bool  # older than the site allows
    password_set_at: datetime.datetime | None
    site_names: dict[str, str]  # of all sites of the bank, by code
    fin_registered: bool  # of the site where they act
    session: OpenSession | None = None  # the one that their token is of

    @property
    def must_change_password(self) -> bool:
        """Whether a new password comes before anything else."""
        return self.is_first_password or self.is_old_password

    @property
    def must_accept_agreement(self) -> bool:
        """Whether somebody who signs has not accepted the statement in force."""
        return bool(roles_for("accept_agreement") & self.actor.roles) and self.actor.agreement != agreement.VERSION


def standing_of_session(installation: Installation, token: str) -> Standing | None:
    """The account behind the token of a session, with the session, locked or not; nobody when it has ended or the
    account is disabled. Its person acts at the site of the session where they may work there, else at home."""
    looked_for = kept(installation.config.data, token, SESSION)
    row = read_row(installation.reads, _BY_SESSION, looked_for._asdict()) if looked_for else None
    if row is None:
        return None
    found = OpenSession(
        row["session_id"],
        row["proved_at"],
        row["seen_at"],
        row["idle_minutes"],
        row["signed"],
        row["locked_at"] is not None,
        row["workstation"],
    )
    return _standing(installation, row, found)


def standing_of_name(installation: Installation, name: str, site: str | None = None) -> Standing | None:
    """The account with this sign-in name, or on whose badge this code stands, if it is active; `site` as for an id.

    A badge says who somebody is and proves nothing: the password does, as with a typed name.
    """
    badge = read_scan(name)
    if isinstance(badge, Scan) and badge.kind is Kind.PERSON:
        return _read(installation, _BY_BADGE, badge.code, site)
    return _read(installation, _BY_NAME, name.strip().lower(), site)


def _read(installation: Installation, statement: str, given: object, site: str | None) -> Standing | None:
    row = read_row(installation.reads, statement, {"given": given, "site": site})
    return None if row is None else _standing(installation, row)


def _standing(installation: Installation, row: Mapping[str, Any], session: OpenSession | None = None) -> Standing:
    old = is_old(installation.config, row["password_set_at"], server_time())
    return Standing(
        actors.actor_of(installation, row),
        row["must_change_password"],
        old,
        row["password_set_at"],
        row["site_names"],
        row["fin_registered"],
        session,
    )


@dataclass(frozen=True)
class SignInAnswer:
    """What came of a name and a password: `standing` when all is right. `once` is the one-time code, which the next act
    uses up. `wait`: it was not looked at, and may be tried again after so many seconds. `opens_at`: all is right, and
    the account is locked until then for who comes from outside."""

    standing: Standing | None
    once: OneTime | None = None
    wait: int | None = None
    opens_at: datetime.datetime | None = None


BUSY_SECONDS = 2  # until a place among those who come from outside is likely free
WRONG_ANSWERS_AFTER = 0.5  # seconds: longer than any of the ways to be wrong takes on a machine that is not overrun


def prove(
    installation: Installation,
    name: str,
    given: Credentials,
    now: datetime.datetime,
    *,
    place: Place,
    site: str | None = None,
    enrols: bool = False,
) -> SignInAnswer:
    """Whether these are somebody's name, password and, where a role has a second factor, code; `site` as for a name,
    `enrols` as in `passwords.prove`.

    What is wrong is counted, and it is never said what was wrong. Neither the answer nor its time tells a name that
    nobody has from a wrong password or an account that is locked: each takes a comparison, and waits until the same
    moment, for counting takes time too. Nor does a pause after many wrong ones, which is for all names. Only who gives
    the right password of a locked account is told that it is.

    Strangers who guess do not hold up those who work: of those who come from outside, to a screen that does not know
    them, few at once are looked at, and of one address fewer.
    """
    began = time.monotonic()
    standing = standing_of_name(installation, name, site)
    who = name if standing is None else standing.actor
    lately = look(installation, who, place, now)
    wait = lately.wait(installation.config, now)
    if wait is not None:  # takes no place from whoever comes for the first time
        return SignInAnswer(None, wait=_seconds(wait))
    try:
        with nullcontext() if lately.is_inside else _among_strangers(installation, place):
            proved = passwords.prove(installation, who, given, now, place=place, enrols=enrols)
            if proved.proof in COME_IN:
                return SignInAnswer(standing, proved.once)
            time.sleep(max(0.0, began + WRONG_ANSWERS_AFTER - time.monotonic()))
    except NoRoom:
        return SignInAnswer(None, wait=BUSY_SECONDS)
    return SignInAnswer(None, wait=_seconds(proved.wait) if proved.wait else None, opens_at=proved.opens_at)


def _seconds(wait: datetime.timedelta) -> int:
    return math.ceil(wait.total_seconds())


def _among_strangers(installation: Installation, place: Place) -> AbstractContextManager[None]:
    return nullcontext() if place.address is None else installation.strangers.of(place.address)
