"""Counting what was wrong: so many wrong passwords or codes from outside lock an account, and those who watch are told,
also of as many at a screen that knows the person (R15)."""

import datetime
import logging

from pydantic import Field

from cellbank.domain.accounts import is_locked
from cellbank.domain.actor import Actor
from cellbank.domain.handed_codes import Purpose
from cellbank.domain.messages import Template
from cellbank.records.people import Person
from cellbank.records.work import Work
from cellbank.services.inputs import Name, OneLine
from cellbank.services.installation import Installation
from cellbank.services.outbox.messages import tell
from cellbank.services.parsing import ActInput, parse
from cellbank.services.people.actors import SYSTEM, lock_account
from cellbank.services.people.handed_codes import count_try
from cellbank.services.people.places import Place
from cellbank.services.people.wrong_entries import Lately
from cellbank.services.performing import Call, perform
from cellbank.services.registry import act, find_act

FAILURE_WINDOW = datetime.timedelta(minutes=15)
LOG = logging.getLogger("cellbank.security")


class NoteWrongPassword(ActInput):
    """Count a wrong password or one-time code."""

    name: Name = Field(title="Sign-in name")
    place: OneLine = Field(default="unknown", title="Door and station")
    failures_allowed: int = Field(default=5, ge=1, le=100, title="Failures before the account locks")
    lock_minutes: int = Field(default=15, ge=1, le=1440, title="Minutes that it stays locked")
    here_before: int | None = Field(
        default=None,
        ge=0,
        le=100_000,
        title="Wrong ones before it, at a screen that knows the person; there nothing locks",
    )
    instead_of: Purpose | None = Field(default=None, title="Code in whose place it was given, the rest being right")


@act(NoteWrongPassword)
def note_wrong_password(work: Work, given: NoteWrongPassword) -> Person:
    """Count it; so many within a quarter of an hour lock the account for a while (21 CFR 11.300). At a screen that
    knows the person, or where somebody is signed in, they are told of and lock nothing: there each further one
    waits."""
    person = lock_account(work, given.name)
    work.judge(person)
    if given.here_before is None:
        _count_from_outside(work, person, given)
    elif given.here_before + 1 >= given.failures_allowed:
        person.locked_at, person.locked_from = work.now, given.place
    if given.instead_of is not None:
        count_try(work, person, given.instead_of)
    work.transition(person)
    return person


def _count_from_outside(work: Work, person: Person, given: NoteWrongPassword) -> None:
    was_locked = is_locked(person.locked_until, work.now)
    since = person.first_failure_at
    if since is None or (work.now - since > FAILURE_WINDOW and not was_locked):
        person.first_failure_at, person.failure_count = work.now, 0
    person.failure_count += 1
    if person.failure_count >= given.failures_allowed and not was_locked:  # what is tried meanwhile makes it no longer
        person.locked_until = work.now + datetime.timedelta(minutes=given.lock_minutes)
        person.locked_at, person.locked_from = work.now, given.place
        work.show(locked_until=person.locked_until)
        tell(work, person, Template.LOCKED, until=person.locked_until)


def count_wrong_password(
    installation: Installation,
    actor: Actor,
    now: datetime.datetime,
    *,
    place: Place,
    lately: Lately,
    instead_of: Purpose | None = None,
) -> None:
    """Count a wrong password or code of this person, and a try of the code that was handed over, where it alone was
    wrong; a lock is a line in the log as well."""
    allowed = installation.config.lockout_failures
    given = {
        "name": actor.name,
        "place": place.called,
        "failures_allowed": allowed,
        "here_before": lately.of_name if lately.is_inside else None,
        "lock_minutes": installation.config.lockout_minutes,
        "instead_of": instead_of,
    }
    registered = find_act("note_wrong_password")
    call = Call(registered, parse(registered.input, given), SYSTEM, now, place.door, None, place.client)
    locked = perform(installation, call).result.get("locked_until")
    if locked:
        why = "too many wrong passwords or codes"
        LOG.warning("account %s is locked until %s: %s, %s", actor.name, locked, why, place.called)
    elif lately.is_inside and lately.of_name + 1 >= allowed:
        LOG.warning("%s wrong passwords or codes of account %s, %s", lately.of_name + 1, actor.name, place.called)
