"""Where somebody proves who they are: from outside, at a screen that knows them, or where somebody is signed in.

A screen knows a person who has proved themself right at it: it carries a random token in a cookie, of which the digest
is kept beside the person. It opens nothing, and is nothing at another network address than where the person was
proved: a copy makes no known screen. But a lock of the account, which any stranger can bring about, is not for it, nor
are the pauses of its address. A reset of the account, other roles and its end make all screens forget it, by a
trigger; so do the days of a setting (DESK_DAYS).
"""

import datetime
import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cellbank.domain.actor import Actor
from cellbank.outside.account_key import account_key
from cellbank.records.base import read_row
from cellbank.services.installation import Installation

DAY = datetime.timedelta(days=1)  # how exactly it is kept when a screen was proved last


@dataclass(frozen=True)
class Place:
    """Where a proof is given, as its door found it."""

    door: str
    client: str | None = None  # the station, for the trail
    address: str | None = None  # the network address; None: this machine itself
    desk: bytes | None = None  # digest of the token of the screen
    stands: int | None = None  # id of the person who is signed in there, or whose key it is: it is no stranger's place
    session: int | None = None  # and of their session, which locks itself

    @property
    def called(self) -> str:
        """As the trail tells it."""
        said = f"{self.door}, {self.client}"[:200] if self.client else self.door
        return "".join(letter for letter in said if letter.isprintable())


def network_of(address: str) -> str:
    """The address that counts as one: of IPv6 the network, of which everybody has 2⁶⁴ addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:60]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


# ---- the token of a screen

_IS_KNOWN = "SELECT EXISTS (SELECT FROM known_desk WHERE desk = %(desk)s AND proved_at > %(since)s) AS known"
# The account as it was proved, as for a session: a reset in the same moment leaves no screen behind that knows it.
_NOTE = text(
    """INSERT INTO known_desk (person_id, desk, address, first_at, proved_at)
       SELECT p.id, :desk, :address, :now, :now FROM person p
        WHERE p.id = :person AND p.state = 'ACTIVE' AND p.password_set_at IS NOT DISTINCT FROM :password_set_at
          FOR SHARE
       ON CONFLICT (person_id, desk) DO UPDATE
          SET proved_at = greatest(known_desk.proved_at, excluded.proved_at), address = excluded.address"""
)
_FORGET = text("DELETE FROM known_desk WHERE proved_at < :since")


def digest_of_desk(token: str) -> bytes:
    """What is kept of the token of a screen."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def token_of_desk(installation: Installation, shown: str | None, now: datetime.datetime) -> str:
    """The token that a screen shows, if it knows somebody; else another one, for nobody plants a token of his own in a
    screen, to share what it will know."""
    if shown:
        given = {"desk": digest_of_desk(shown), "since": known_since(installation, now)}
        found = read_row(installation.reads, _IS_KNOWN, given)
        if found is not None and found["known"]:
            return shown
    return secrets.token_urlsafe(32)


def known_since(installation: Installation, now: datetime.datetime) -> datetime.datetime:
    """Who proved themself at a screen before that is not known to it any more."""
    return now - DAY * installation.config.desk_days


def kept_of_desk(installation: Installation, person: int, place: Place) -> str | None:
    """What is kept of a screen that knows this person, at its network address; this machine itself has none. Made with
    the key outside the database, so that nobody makes a screen of theirs known to another by writing a row."""
    if place.desk is None:
        return None
    here = f"{place.desk.hex()} at {place.address or ''}"
    return account_key(installation.config.data).of_person("screen", person, here).hex()


def note_desk(
    installation: Installation,
    actor: Actor,
    place: Place,
    password_set_at: datetime.datetime | None,
    now: datetime.datetime,
) -> None:
    """The person has proved themself right at this screen: it knows them there. Forgets what is over of anybody."""
    given: dict[str, Any] = {
        "person": actor.id,
        "desk": place.desk,
        "address": kept_of_desk(installation, actor.id, place),
        "password_set_at": password_set_at,
        "now": now,
    }
    with installation.engine.begin() as connection:
        connection.execute(_FORGET, {"since": known_since(installation, now)})
        connection.execute(_NOTE, given)
