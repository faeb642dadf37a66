"""Sessions at the pages, as rows: begun, seen, locked, unlocked, ended. The cookie carries a token, the row what is
kept of it (`tokens.py`), so that neither the database nor the key that signs cookies is enough to be somebody.

Who is behind a token is told by `sessions.standing_of_session`, in the one statement that loads the person.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cellbank.domain.sessions import Ended
from cellbank.services.incidents import beside_an_answer
from cellbank.services.installation import Installation
from cellbank.services.people.sessions import Standing
from cellbank.services.people.tokens import SESSION, kept, new_token
from cellbank.services.people.wrong_entries import LOCK_SESSION

LONGEST_WORKSTATION = 200
RECENT = datetime.timedelta(days=7)  # sessions that ended within it are listed
MOST = 200  # on one page


# --- the life of a session ---------------------------------------------------------------------

# The account is held for that moment, and must be the one that was proved: a password that is changed just now does not
# leave a session of the old one behind.
_BEGIN = text(
    """INSERT INTO web_session (digest, person_id, site_code, workstation, created_at, proved_at, seen_at, idle_minutes)
       SELECT :digest, p.id, :site, :workstation, :now, :now, :now, :idle FROM person p
        WHERE p.id = :person AND p.state = 'ACTIVE' AND p.password_set_at IS NOT DISTINCT FROM :password_set_at
          FOR SHARE"""
)
_RENEW = text(
    """UPDATE web_session SET digest = :digest, locked_at = NULL, signed = false, proved_at = :now, seen_at = :now,
                              workstation = :workstation
        WHERE id = :id AND ended_at IS NULL"""
)
# Each sign-in forgets the sessions of anybody that are over for the days of the setting. The second condition is the
# first one for the index: nothing ends before it was proved.
_FORGET = text(
    """DELETE FROM web_session WHERE coalesce(ended_at, proved_at + make_interval(hours => 168)) < :before
         AND proved_at < :before"""
)
_SEEN = text(
    """UPDATE web_session SET seen_at = :now, idle_minutes = :idle
        WHERE id = :id AND ended_at IS NULL AND locked_at IS NULL"""
)
_SIGNED = text("UPDATE web_session SET signed = true WHERE id = :id AND ended_at IS NULL")
_MOVE = text("UPDATE web_session SET site_code = :site WHERE id = :id AND ended_at IS NULL")
_END = text("UPDATE web_session SET ended_at = :now, ended_why = :why WHERE id = :id AND ended_at IS NULL")


def begin(
    installation: Installation, standing: Standing, workstation: str, idle_minutes: int, now: datetime.datetime
) -> str | None:
    """A new session of somebody who has just proved who they are; returns its token, which is kept nowhere here. None:
    the account was changed in the same moment."""
    token = new_token(standing.actor.id, SESSION)
    _write(installation, _FORGET, before=now - datetime.timedelta(days=installation.config.session_days))
    given = {
        "digest": _digest(installation, token),
        "person": standing.actor.id,
        "site": standing.actor.site_code,
        "workstation": as_kept(workstation),
        "password_set_at": standing.password_set_at,
    }
    return token if _write(installation, _BEGIN, **given, now=now, idle=idle_minutes) else None


def _digest(installation: Installation, token: str) -> bytes:
    found = kept(installation.config.data, token, SESSION)
    assert found is not None
    return found.digest


def renew(
    installation: Installation, session_id: int, person: int, workstation: str, now: datetime.datetime
) -> str | None:
    """Unlock a session whose person has proved who they are: it gets another token, so that copies of the old cookie do
    not wake up with it, and goes on at this workstation. None: it has ended meanwhile."""
    token = new_token(person, SESSION)
    given = {"digest": _digest(installation, token), "workstation": as_kept(workstation)}
    return token if _write(installation, _RENEW, id=session_id, now=now, **given) else None


def as_kept(workstation: str) -> str:
    """A workstation as the row of a session has it."""
    return workstation[:LONGEST_WORKSTATION]


def note_seen(installation: Installation, session_id: int, idle_minutes: int, now: datetime.datetime) -> None:
    """Somebody is there, at a page that may lie untouched for so long. What cannot be noted only locks sooner."""
    with beside_an_answer():
        _write(installation, _SEEN, id=session_id, idle=idle_minutes, now=now)


def lock(installation: Installation, session_id: int, now: datetime.datetime) -> None:
    """From now on it does nothing until the password is proved."""
    _write(installation, LOCK_SESSION, id=session_id, now=now)


def note_signed(installation: Installation, session_id: int) -> None:
    """Its person has signed in it, with name and password."""
    _write(installation, _SIGNED, id=session_id)


def move_to_site(installation: Installation, session_id: int, site: str) -> None:
    """Its person goes on at another of their sites."""
    _write(installation, _MOVE, id=session_id, site=site)


def end(installation: Installation, session_id: int, why: Ended, now: datetime.datetime) -> None:
    """It is over for good."""
    _write(installation, _END, id=session_id, why=why.value, now=now)


def _write(installation: Installation, statement: Any, **given: Any) -> bool:
    with installation.engine.begin() as connection:
        return bool(connection.execute(statement, given).rowcount)


# --- looking at them ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A session as lists show it; `ended_why` None: it is alive."""

    id: int
    name: str
    full_name: str
    workstation: str
    site: str
    created_at: datetime.datetime
    seen_at: datetime.datetime
    locked_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    ended_why: str | None
    ended_by: str | None


# One that is over for its hours is marked so when somebody comes with it; until then its time tells.
_LIST = text(
    f"""SELECT w.id, p.name, p.full_name, w.workstation, coalesce(w.site_code, h.code) AS site, w.created_at, w.seen_at,
               w.locked_at, e.full_name AS ended_by,
               coalesce(w.ended_at, CASE WHEN over THEN w.proved_at + hours END) AS ended_at,
               coalesce(w.ended_why, CASE WHEN over THEN '{Ended.TOO_LONG.value}' END) AS ended_why
          FROM web_session w JOIN person p ON p.id = w.person_id JOIN site h ON h.id = p.site_id
          LEFT JOIN person e ON e.id = w.ended_by_id
          CROSS JOIN LATERAL (SELECT make_interval(hours => CAST(:hours AS int)) AS hours) s
          CROSS JOIN LATERAL (SELECT w.proved_at + s.hours < :now AS over) o
         WHERE (CAST(:person AS bigint) IS NULL OR w.person_id = :person)
           AND (CAST(:name AS text) IS NULL OR p.name = :name)
           AND coalesce(w.ended_at, CASE WHEN over THEN w.proved_at + hours END, 'infinity') > :since
         ORDER BY (w.ended_at IS NULL AND NOT over) DESC, coalesce(w.ended_at, w.seen_at) DESC LIMIT {MOST}"""
)


def sessions_of(installation: Installation, person_id: int, now: datetime.datetime) -> Sequence[Listed]:
    """The sessions of somebody: those that are alive, then those that ended within a week."""
    return _listed(installation, now, now - RECENT, person=person_id)


def sessions_of_all(installation: Installation, now: datetime.datetime, name: str | None = None) -> Sequence[Listed]:
    """Who is signed in now, or was within a week where a sign-in name is given; for administrators."""
    return _listed(installation, now, now - RECENT if name else now, name=name)


def _listed(
    installation: Installation, now: datetime.datetime, since: datetime.datetime, **given: Any
) -> Sequence[Listed]:
    with installation.reads.connect() as connection:
        asked = {
            "person": None,
            "name": None,
            **given,
            "hours": installation.config.session_hours,
            "now": now,
            "since": since,
        }
        return [Listed(**row) for row in connection.execute(_LIST, asked).mappings()]
