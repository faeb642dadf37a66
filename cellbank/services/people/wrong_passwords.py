"""Counting what was wrong: so many wrong passwords or codes lock an account, and those who watch are told (R15)."""

import datetime
import logging

from pydantic import Field

from cellbank.domain.handed_codes import Purpose
from cellbank.records.people import Person
from cellbank.records.work import Actor, Work
from cellbank.services.bank import Bank
from cellbank.services.inputs import Line, Name
from cellbank.services.parsing import ActInput, parse
from cellbank.services.people.actors import SYSTEM, lock_account
from cellbank.services.people.handed_codes import count_try
from cellbank.services.performing import Call, perform
from cellbank.services.registry import act, find_act

FAILURE_WINDOW = datetime.timedelta(minutes=15)
LOG = logging.getLogger("cellbank.security")


class NoteWrongPassword(ActInput):
    """Count a wrong password or one-time code."""

    name: Name = Field(title="Sign-in name")
    place: Line = Field(default="unknown", title="Door and station")
    failures_allowed: int = Field(default=5, ge=1, le=100, title="Failures before the account locks")
    lock_minutes: int = Field(default=15, ge=1, le=1440, title="Minutes that it stays locked")
    instead_of: Purpose | None = Field(default=None, title="Code in whose place it was given, the rest being right")


@act(NoteWrongPassword)
def note_wrong_password(work: Work, given: NoteWrongPassword) -> Person:
    """Count it; so many within a quarter of an hour lock the account for a while (21 CFR 11.300)."""
    person = lock_account(work, given.name)
    work.judge(person)
    if person.first_failure_at is None or work.now - person.first_failure_at > FAILURE_WINDOW:
        person.first_failure_at, person.failure_count = work.now, 0
    person.failure_count += 1
    if person.failure_count >= given.failures_allowed:
        person.locked_until = work.now + datetime.timedelta(minutes=given.lock_minutes)
        person.locked_at, person.locked_from = work.now, given.place
        work.show(locked_until=person.locked_until)
    if given.instead_of is not None:
        count_try(work, person, given.instead_of)
    work.transition(person)
    return person


def count_wrong_password(
    bank: Bank, actor: Actor, now: datetime.datetime, *,
    door: str, client: str | None, instead_of: Purpose | None = None,
) -> None:  # fmt: skip
    """Count a wrong password or code of this person, and a try of the code that was handed over, where it alone was
    wrong; a lock is a line in the log as well."""
    place = f"{door}, {client}"[:200] if client else door
    given = {
        "name": actor.name,
        "place": "".join(letter for letter in place if letter.isprintable()),
        "failures_allowed": bank.config.lockout_failures,
        "lock_minutes": bank.config.lockout_minutes,
        "instead_of": instead_of,
    }
    registered = find_act("note_wrong_password")
    call = Call(registered, parse(registered.input, given), SYSTEM, now, door, None, client)
    locked = perform(bank, call).result.get("locked_until")
    if locked:
        LOG.warning("account %s is locked until %s: too many wrong passwords or codes, %s", actor.name, locked, place)
