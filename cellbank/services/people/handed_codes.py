"""Codes that are handed over (`domain/handed_codes.py`): made, told once, tried, used up."""

import datetime
import hmac
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text, update

from cellbank.domain.handed_codes import Purpose, is_good, new_code, plain
from cellbank.outside.account_key import AccountKey, account_key
from cellbank.records.people import HandedCode, Person
from cellbank.records.work import Work
from cellbank.services.installation import Installation

TOLD_FOR = datetime.timedelta(days=14)
# Beside the account, in the one statement by which a password is proved: whether half of it was handed over. It is
# asked for as long as there is a live one, and where two people gave the password: of a half that is used up or gone
# nobody knows a good one, and the password is reset again.
ASKS_HALF = f"""must_change_password AND (given_by_two(person) OR EXISTS (SELECT FROM handed_code c
  WHERE c.person_id = person.id AND c.purpose = '{Purpose.FIRST_PASSWORD}' AND c.used_at IS NULL AND c.ended_at IS NULL
    AND c.made_at >= person.password_set_at))"""
_LIVE = text("""SELECT id, purpose, digest, tries, expires_at FROM handed_code
  WHERE person_id = :person AND purpose = ANY(:purposes) AND used_at IS NULL AND ended_at IS NULL""")


def key_of(work: Work) -> AccountKey:
    """The key of the installation in which this is done."""
    assert work.folder is not None
    return account_key(work.folder)


def hand_over(work: Work, person: Person, purpose: Purpose, count: int = 1) -> list[str]:
    """Make codes in place of those that there are; they are told once by the caller. The act has judged."""
    _change(work, person.id, purpose, ended_at=work.now)
    recovery = purpose is Purpose.RECOVERY
    expires_at = None if recovery else work.now + datetime.timedelta(hours=work.code_hours)
    codes = [new_code() for _ in range(count)]
    key = key_of(work)
    work.session.add_all(
        HandedCode(
            person_id=person.id,
            purpose=purpose.value,
            digest=_digest(key, person.id, purpose, code),
            made_at=work.now,
            expires_at=expires_at,
        )
        for code in codes
    )
    return codes


def tell_code(work: Work, person: Person, purpose: Purpose) -> None:
    """Make a code and tell it whoever does this, to hand it over to its owner."""
    (code,) = hand_over(work, person, purpose)
    work.tell_once(handed=code, purpose=purpose.value, owner=person.full_name)


def found(
    installation: Installation, person_id: int, code: str, now: datetime.datetime, *purposes: Purpose
) -> int | None:
    """The id of the good code of this person that was given; None: there is no such one."""
    given = {"person": person_id, "purposes": [purpose.value for purpose in purposes]}
    key = account_key(installation.config.data)
    with installation.reads.connect() as connection:
        live = [row for row in connection.execute(_LIVE, given) if is_good(row.tries, row.expires_at, now)]
    same = (row.id for row in live if _is(key, row, person_id, code))
    return next(same, None) if plain(code) else None


def _is(key: AccountKey, row: Row[Any], person_id: int, code: str) -> bool:
    return hmac.compare_digest(bytes(row.digest), _digest(key, person_id, row.purpose, code))


def _digest(key: AccountKey, person_id: int, purpose: str, code: str) -> bytes:
    return key.of_person(purpose, person_id, plain(code))


def count_try(work: Work, person: Person, purpose: Purpose) -> None:
    """A wrong code was given in place of the live ones for this purpose."""
    _change(work, person.id, purpose, tries=HandedCode.tries + 1)


def end_all(work: Work, person: Person) -> None:
    """The second factor is taken back: no code about it is good for anything any more."""
    for purpose in (Purpose.SECOND_FACTOR, Purpose.RECOVERY):
        _change(work, person.id, purpose, ended_at=work.now)


def use_half(work: Work, person: Person) -> None:
    """The first password is exchanged: its half is used up."""
    _change(work, person.id, Purpose.FIRST_PASSWORD, used_at=work.now)


def _change(work: Work, person_id: int, purpose: Purpose, **values: Any) -> None:
    alive = (HandedCode.used_at.is_(None), HandedCode.ended_at.is_(None))
    mine = (HandedCode.person_id == person_id, HandedCode.purpose == purpose.value)
    work.session.execute(update(HandedCode).where(*mine, *alive).values(**values))


@dataclass(frozen=True)
class Recovery:
    """How many recovery codes somebody has left, and when one was used."""

    left: int
    used_at: datetime.datetime | None


_RECOVERY = text(
    f"""SELECT count(*) FILTER (WHERE used_at IS NULL AND ended_at IS NULL) AS left, max(used_at) AS used_at
          FROM handed_code WHERE person_id = :person AND purpose = '{Purpose.RECOVERY}'"""
)


def recovery_of(installation: Installation, person_id: int) -> Recovery:
    """What its owner is told: a code that somebody else used is seen."""
    with installation.reads.connect() as connection:
        return Recovery(*connection.execute(_RECOVERY, {"person": person_id}).one())


def recovery_used_lately(installation: Installation, person_id: int, now: datetime.datetime) -> Recovery | None:
    """What the home page tells, for a fortnight."""
    told = recovery_of(installation, person_id)
    return told if told.used_at is not None and now - told.used_at < TOLD_FOR else None
