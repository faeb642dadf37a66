"""Wrong names, passwords and codes, counted by place and name, so that whoever guesses waits, longer each time
(`domain/pauses.py`): also of a name that nobody has, of which a keyed digest is kept.

No records of the trail, and gone after a day; what was wrong of an account that there is, is an act as well
(`wrong_passwords.py`).
"""

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.config import Config
from cellbank.domain.actor import Actor
from cellbank.domain.pauses import LONGEST_OF_STRANGERS, LONGEST_PAUSE, WINDOW, goes_on_at
from cellbank.outside.account_key import account_key
from cellbank.records.base import read_row
from cellbank.services.installation import Installation
from cellbank.services.people.places import DAY, Place, kept_of_desk, known_since

Who = Actor | str  # a person, or a name that nobody has
# Of many that come at once each waits for the one before, and is counted: in each process by itself.
_AT_A_PLACE, _OF_A_NAME = (tuple(threading.Lock() for _ in range(64)) for _ in range(2))

_LOOK = """SELECT d.proved_at AS desk_proved_at, count(*) FILTER (WHERE e.name = %(name)s) AS of_name,
    max(e.at) FILTER (WHERE e.name = %(name)s) AS name_at, count(e.at) AS of_all, max(e.at) AS all_at
  FROM (SELECT (SELECT k.proved_at FROM known_desk k
                 WHERE k.person_id = %(person)s::bigint AND k.desk = %(desk)s::bytea AND k.address = %(address)s::text
                   AND k.proved_at > %(since)s) AS proved_at) d
  LEFT JOIN wrong_entry e ON e.at > %(after)s AND e.at < %(before)s
    AND e.place = CASE WHEN d.proved_at IS NULL THEN %(elsewhere)s::text ELSE %(at_desk)s::text END
  GROUP BY d.proved_at"""
_NOTE = text("INSERT INTO wrong_entry (place, name, at) VALUES (:place, :name, :at)")
_FORGET = text("DELETE FROM wrong_entry WHERE at < :before")
_FORGIVE = text("DELETE FROM wrong_entry WHERE place = :place AND name = :name")
_FORGIVE_ALL = text("DELETE FROM wrong_entry WHERE name = :name")
LOCK_SESSION = text("UPDATE web_session SET locked_at = :now WHERE id = :id AND ended_at IS NULL AND locked_at IS NULL")


@dataclass(frozen=True)
class Lately:
    """What was wrong at a place within a quarter of an hour, of one name and of all, and what place it is."""

    place: str | None  # under which it is counted; None: nowhere
    name: bytes
    is_inside: bool  # the person is known there, or somebody is signed in: no lock of the account is for it
    desk_proved_at: datetime.datetime | None  # when the person last proved themself at this screen; None: never
    of_name: int
    name_at: datetime.datetime | None
    of_all: int
    all_at: datetime.datetime | None

    def wait(self, config: Config, now: datetime.datetime) -> datetime.timedelta | None:
        """For how long nothing is looked at; None: it is now. A screen that knows the person forgives nobody for
        others, nor lets anybody wait for them."""
        pauses = [goes_on_at(self.of_name, self.name_at, config.lockout_failures)]
        if self.desk_proved_at is None:
            longest = LONGEST_PAUSE if self.is_inside else LONGEST_OF_STRANGERS
            pauses.append(goes_on_at(self.of_all, self.all_at, config.address_failures, longest))
        until = max((one for one in pauses if one is not None), default=now)
        return until - now if now < until else None


@contextmanager
def turn(place: Place, who: Who) -> Iterator[None]:
    """One at a time, of one place and of one name."""
    name = who if isinstance(who, str) else who.name
    where = place.address if place.stands is None else place.stands
    with _AT_A_PLACE[hash(where) % len(_AT_A_PLACE)], _OF_A_NAME[hash(name) % len(_OF_A_NAME)]:
        yield


def _key(folder: Path, said: str) -> bytes:
    """The name as it is kept: nobody who reads the table learns it, for a password is typed there too at times."""
    return account_key(folder).digest(f"name {said.strip().lower().encode(errors='replace').decode()}")


def look(installation: Installation, who: Who, place: Place, now: datetime.datetime) -> Lately:
    """What was wrong lately where this person, or this name that nobody has, is proved."""
    name = _key(installation.config.data, who if isinstance(who, str) else who.name)
    person = None if isinstance(who, str) else who.id
    at_desk, elsewhere = _at_desk(place), _elsewhere(place)
    row = read_row(
        installation.reads,
        _LOOK,
        {
            "name": name,
            "person": person,
            "desk": place.desk,
            "at_desk": at_desk,
            "elsewhere": elsewhere,
            "address": None if person is None else kept_of_desk(installation, person, place),
            "since": known_since(installation, now),
            "after": now - WINDOW,
            "before": now + WINDOW,
        },
    )
    assert row is not None
    known = row["desk_proved_at"] is not None
    inside = known or place.stands is not None
    return Lately(at_desk if known else elsewhere, name, inside, **row)


def _at_desk(place: Place) -> str | None:
    """Of the screen; but whoever is signed in at it waits for nobody who only has its cookie."""
    if place.stands is not None:
        return _elsewhere(place)
    return f"screen {place.desk.hex()}" if place.desk else None


def _elsewhere(place: Place) -> str | None:
    """Of whoever is signed in, and not of their session: signing in once more begins nothing anew."""
    if place.stands is not None:
        return f"with {place.stands}"
    return f"from {place.address}" if place.address is not None else None


def note_wrong(installation: Installation, lately: Lately, place: Place, now: datetime.datetime) -> None:
    """One more was wrong; the session in which it was locks itself after so many."""
    allowed = installation.config.lockout_failures
    with installation.engine.begin() as connection:
        connection.execute(_FORGET, {"before": now - DAY})
        if lately.place is not None:
            connection.execute(_NOTE, {"place": lately.place, "name": lately.name, "at": now})
        if place.session is not None and lately.of_name + 1 >= allowed:
            connection.execute(LOCK_SESSION, {"id": place.session, "now": now})


def forgive(installation: Installation, lately: Lately) -> None:
    """It was right at last: what was wrong of this name there counts no longer."""
    if lately.of_name:
        with installation.engine.begin() as connection:
            connection.execute(_FORGIVE, {"place": lately.place, "name": lately.name})


def forgive_everywhere(session: Session, folder: Path, name: str) -> None:
    """Somebody who may has unlocked the account with this sign-in name: it waits nowhere."""
    session.execute(_FORGIVE_ALL, {"name": _key(folder, name)})
