"""What lets somebody sign is changed by two people: one asks for it, another one confirms it by signature.

Rules: `domain/accounts.py`. Until then nothing has changed: a new account does not sign in, old roles and the old
password count.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlalchemy import any_, literal, select, text

from cellbank.domain.accounts import Change, first_refusals, has_power, installation_refusals
from cellbank.domain.handed_codes import Purpose
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import AccountChangeState, PersonState
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.messages import Template
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import AccountChange, Person
from cellbank.records.work import Work
from cellbank.services.inputs import Reason, scanned
from cellbank.services.installation import Installation
from cellbank.services.outbox.messages import tell
from cellbank.services.parsing import ActInput, SignedInput
from cellbank.services.people.handed_codes import end_all, tell_code
from cellbank.services.people.keys import end_keys, live_keys
from cellbank.services.registry import act

PersonCode = Annotated[str, *scanned(Kind.PERSON)]
# Which of somebody's sessions and keys end: what is taken over with a password or a second factor.
ENDS_KEYS = frozenset({Change.PASSWORD, Change.SECOND_FACTOR})
HAS_HALVES = frozenset({Change.NEW, Change.PASSWORD})
TOLD = {
    Change.NEW: Template.OPENED, Change.ROLES: Template.ROLES, Change.SITES: Template.SITES,
    Change.PASSWORD: Template.PASSWORD_RESET, Change.SECOND_FACTOR: Template.FACTOR_TAKEN_BACK,
    Change.UNLOCK: Template.UNLOCKED, Change.ADDRESS: Template.ADDRESS,
}  # fmt: skip


def asks_two(work: Work, roles: Sequence[str]) -> bool:
    """Whether a second person confirms what this act changes of an account with these roles. What the installation
    itself does at its command line is confirmed by whoever has the machine."""
    return Role.SYSTEM not in work.actor.roles and has_power(roles)


_AT_HAND = text("SELECT installation_is_at_hand()")


def by_the_installation(work: Work) -> tuple[Refusal, ...]:
    """Why what is done here is not for the installation itself to do; nothing about what people do."""
    if Role.SYSTEM not in work.actor.roles:
        return ()
    return installation_refusals(is_at_hand=bool(work.session.scalar(_AT_HAND)))


def already_asked(work: Work, person: Person) -> list[Refusal]:
    """One change of an account waits at a time: whoever confirms knows what they confirm."""
    waiting = open_change(work, person)
    if waiting is None:
        return []
    sentence = "A change of the account of {person} waits already ({change}). It is confirmed or declined first."
    return [refuse(Code.ALREADY_EXISTS, sentence, person=person.full_name, change=waiting.change)]


@dataclass(frozen=True)
class Wanted:
    """What an account is to have by its change."""

    roles: Sequence[str] | None = None
    sites: Sequence[str] | None = None  # besides the home site
    password_hash: str | None = None
    email: str | None = None

    @classmethod
    def of(cls, change: AccountChange) -> "Wanted":
        """As it was asked for."""
        return cls(change.roles, change.also_at, change.password_hash, change.email)


NOTHING = Wanted()  # the change alone says it all


def change_account(
    work: Work,
    person: Person,
    change: Change,
    *,
    two: bool,
    reason: str,
    wanted: Wanted = NOTHING,
    refusals: Sequence[Refusal] = (),
) -> None:
    """Judge the change of an account and do it at once, or, where `two` decide, keep what is asked for. Keys of its
    programs end with what they were opened by."""
    keys = live_keys(work, person) if change in ENDS_KEYS and not two else []
    asked = [AccountChange] if two else []
    work.judge(person, *asked, refusals=[*refusals, *already_asked(work, person)])
    if two:
        say_that_it_waits(work)
        ask(work, person, change, wanted, reason=reason)
    else:
        _do(work, person, change, wanted)
    work.transition(person)
    end_keys(work, keys)


def ask(work: Work, person: Person, change: Change, wanted: Wanted, *, reason: str | None = None) -> AccountChange:
    """Keep what is asked for. The act has judged."""
    return work.add(
        AccountChange(
            person_id=person.id,
            change=change.value,
            roles=list(wanted.roles) if wanted.roles else None,
            also_at=list(wanted.sites) if wanted.sites else None,
            password_hash=wanted.password_hash,
            email=wanted.email,
            reason=reason,
            asked_at=work.now,
            asked_by_id=work.actor.id,
        )
    )


def say_that_it_waits(work: Work) -> None:
    """What was asked for is recorded, and no good news yet."""
    sentence = (
        "This holds only once another administrator or a quality officer has confirmed it by signature. Ask one of "
        "them: it waits on their home page."
    )
    work.warn([refuse(Code.SECOND_PERSON_NEEDED, sentence)])


def open_change(work: Work, person: Person, *, unlocks: bool = False) -> AccountChange | None:
    """What waits for this account, locked; or that its owner is let in, which waits for no other change, nor any for
    it."""
    return next((one for one in open_changes(work, person) if (one.change == Change.UNLOCK) == unlocks), None)


def open_changes(work: Work, person: Person) -> list[AccountChange]:
    """All that waits for this account, locked: one change, and that its owner is let in."""
    mine = (AccountChange.person_id == person.id, AccountChange.state == AccountChangeState.ASKED)
    waiting = select(AccountChange).where(*mine).order_by(AccountChange.id)
    return list(work.session.scalars(waiting if work.dry_run else waiting.with_for_update()))


def last_administrator(work: Work, person: Person, roles: Sequence[str]) -> list[Refusal]:
    """Without an administrator nobody could ever add one again."""
    if Role.ADMINISTRATOR in roles or Role.ADMINISTRATOR not in person.roles:
        return []
    administrators = select(Person.id).where(
        literal(Role.ADMINISTRATOR.value) == any_(Person.roles),
        Person.state == PersonState.ACTIVE,
        Person.id != person.id,
    )
    if not work.dry_run:  # two administrators who disable each other at the same moment wait for each other here
        administrators = administrators.with_for_update(key_share=True)
    if work.session.scalars(administrators).all():
        return []
    return [
        refuse(
            Code.LAST_ADMINISTRATOR,
            "{name} is the last administrator. Add another one first.",
            name=person.name,
        )
    ]


class ConfirmAccountChange(SignedInput):
    """Confirm a change of an account."""

    person: PersonCode = Field(title="Whose account", description="The badge, or its code.")


@act(ConfirmAccountChange)
def confirm_account_change(work: Work, given: ConfirmAccountChange) -> Person:
    """Do what another person has asked for this account. Of a first password whoever confirms it is told the second
    half, once, to hand it over: one half is known to whoever asked for it, and neither signs in with theirs. Refuses
    whoever asked for it, and whoever it is about, and what was asked for by somebody who has lost the right to."""
    person, change = waiting_for(work, given.person, _NOTHING_WAITS)
    keys = live_keys(work, person) if change.change in ENDS_KEYS else []
    roles = change.roles if change.roles is not None and change.change == Change.ROLES else person.roles
    first = work.session.get_one(Person, change.asked_by_id)
    refusals = [*last_administrator(work, person, roles), *not_two(first, "change_roles")]
    work.judge(person, change, *keys, refusals=refusals)
    _do(work, person, Change(change.change), Wanted.of(change), asked=first.full_name)
    if change.change in HAS_HALVES:
        tell_code(work, person, Purpose.FIRST_PASSWORD)
    decide(work, change)
    work.transition(person)
    end_keys(work, keys)
    return person


class DeclineAccountChange(ActInput):
    """Decline a change of an account."""

    person: PersonCode = Field(title="Whose account", description="The badge, or its code.")
    reason: Reason


@act(DeclineAccountChange)
def decline_account_change(work: Work, given: DeclineAccountChange) -> Person:
    """Nothing changes; an account that was only proposed is closed. Whoever asked for it may take it back so."""
    person, change = waiting_for(work, given.person, _NOTHING_WAITS)
    work.judge(person, change)
    decline(work, change, given.reason)
    work.transition(person)
    return person


def decline(work: Work, change: AccountChange, reason: str) -> None:
    """What was asked for is not done. The act has judged."""
    change.decision_reason = reason
    decide(work, change)


def decide(work: Work, change: AccountChange) -> None:
    """It waits no longer, and its password is forgotten."""
    change.decided_at, change.decided_by_id, change.password_hash = work.now, work.actor.id, None
    work.transition(change)


_NOTHING_WAITS = "No change of the account of {person} waits to be confirmed. Look at its history."


def waiting_for(work: Work, code: str, nothing: str, *, unlocks: bool = False) -> tuple[Person, AccountChange]:
    """The account, and what waits for it, both locked. Refuses NOT_FOUND, with `nothing` as its sentence."""
    person = work.lock(Person, code)
    change = open_change(work, person, unlocks=unlocks)
    if change is None:
        work.judge(person, refusals=[refuse(Code.NOT_FOUND, nothing, person=person.full_name)])
    assert change is not None
    return person, change


def not_two(first: Person, act: str) -> tuple[Refusal, ...]:
    """Why what this person began by an act is for nobody to confirm: they may not do it any more."""
    may_still = first.state == PersonState.ACTIVE and bool(roles_for(act) & set(first.roles))
    return first_refusals(may_still=may_still, first=first.full_name)


def _do(work: Work, person: Person, change: Change, wanted: Wanted, **asked: str) -> None:
    """Change the account, and tell its owner: of another address also at the old one."""
    before = person.email
    _change(work, person, change, wanted)
    values = {"roles": person.roles} if change is Change.ROLES else {}
    values |= {"sites": person.also_at or []} if change is Change.SITES else {}
    tell(work, person, TOLD[change], also_to=[before], **values, **asked)


def _change(work: Work, person: Person, change: Change, wanted: Wanted) -> None:
    match change:
        case Change.ROLES:
            assert wanted.roles is not None
            person.roles = list(wanted.roles)
        case Change.SITES:
            person.also_at = list(wanted.sites or ()) or None
        case Change.PASSWORD:
            set_password(work, person, wanted.password_hash, must_change=True)
        case Change.SECOND_FACTOR:
            person.totp_secret, person.totp_next, person.totp_confirmed_at, person.totp_step = None, None, None, None
            end_all(work, person)
        case Change.ADDRESS:
            person.email = wanted.email
        case Change.UNLOCK:
            raise AssertionError("an account is unlocked by confirm_unlock")
        case Change.NEW:  # all of it stands in the account, which becomes active
            set_password(work, person, person.password_hash, must_change=True)


def set_password(work: Work, person: Person, password_hash: str | None, *, must_change: bool) -> None:
    """Give an account this password; wrong ones are forgotten."""
    person.password_hash, person.password_set_at, person.must_change_password = password_hash, work.now, must_change
    forget_failures(person)


def forget_failures(person: Person) -> None:
    """Forget the wrong passwords of an account, and its lock with them."""
    person.failure_count, person.first_failure_at, person.locked_until = 0, None, None


@dataclass(frozen=True)
class Done:
    """What two people have changed of somebody's account."""

    change: str
    asked_by: str
    confirmed_by: str
    at: datetime.datetime


TOLD_FOR = datetime.timedelta(days=14)
_LATELY = text(
    """SELECT c.change, a.full_name AS asked_by, d.full_name AS confirmed_by, c.decided_at AS at FROM account_change c
         JOIN person a ON a.id = c.asked_by_id JOIN person d ON d.id = c.decided_by_id
        WHERE c.person_id = :person AND c.state = 'CONFIRMED' AND c.change <> :new AND c.decided_at > :since
        ORDER BY c.decided_at DESC"""
)


def changed_lately(installation: Installation, person_id: int, now: datetime.datetime) -> tuple[Done, ...]:
    """What its owner is told about on the home page: whoever did not ask for it themself says so to somebody."""
    with installation.reads.connect() as connection:
        asked = {"person": person_id, "new": Change.NEW.value, "since": now - TOLD_FOR}
        return tuple(Done(*row) for row in connection.execute(_LATELY, asked))
