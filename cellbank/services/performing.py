"""An act on its way through the database: one transaction, or, when it is refused, one row with its reasons.

In this order: open the act (which also looks whether this idempotency key was seen), lock and judge (in the act
function), write, sign, close, commit; the database seals. Printing comes after the commit. What comes before, parsing
and passwords, stands in `acts.run_act`, the only way in for people and programs.
"""

import datetime
import hashlib
import importlib.metadata
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cellbank.domain.actor import Actor, OneTime, Proof
from cellbank.domain.keys import scope_refusals
from cellbank.domain.lifecycle.states import PersonState
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.authority import role_refusal
from cellbank.domain.telling import as_kept, as_told, is_late
from cellbank.outside.account_key import account_key
from cellbank.records.away import OutcomeUnknown, Patience, is_away
from cellbank.records.base import Record, as_json
from cellbank.records.hidden import DIGEST_OF
from cellbank.records.people import Person
from cellbank.records.trail import Act
from cellbank.records.work import JudgedOnly, Work
from cellbank.services.constraints import refusal_for
from cellbank.services.incidents import note_recorded
from cellbank.services.installation import Installation, server_time
from cellbank.services.outbox.messages import tell_of_recovery_code
from cellbank.services.parsing import ActInput, TellingInput
from cellbank.services.registry import RegisteredAct, title_of
from cellbank.services.stopping.irregular import report_irregular

VERSION = importlib.metadata.version("cellbank")
# A deadlock or a lock that did not come in time is nobody's fault: the whole act is simply run again.
RETRIED = {"40001", "40P01", "55P03"}
TRIES = 3
# What proves the person is kept nowhere: the trail has the input without these.
SECRETS = {"password", "new_password", "signer", "one_time_code"}


@dataclass(frozen=True)
class Outcome:
    """What came of an act. `act` is its number in the trail (None for a dry run); `repeated` tells a stored answer."""

    accepted: bool
    act: int | None
    result: dict[str, Any] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    repeated: bool = False
    about: str | None = None  # of a refusal: the record that was to be changed, where one was found


@dataclass(frozen=True)
class Call:
    """One request to do one act, as it arrived at a door."""

    act: RegisteredAct
    given: ActInput
    actor: Actor
    now: datetime.datetime
    door: str
    key: str | None
    client: str | None
    proof: Proof | None = None
    once: OneTime | None = None  # what proved the person besides: the act uses it up
    new_password_hash: str | None = None
    late_after: datetime.timedelta = datetime.timedelta(minutes=10)
    cut_off_since: datetime.datetime | None = None  # of a screen that went on without the server

    @property
    def happened_at(self) -> datetime.datetime | None:
        """When it happened, as the person says; by the clock of the server where theirs is a little ahead, and where a
        screen kept it: that was before it came, whatever the clock of the screen says."""
        at = self.given.happened_at if isinstance(self.given, TellingInput) else None
        return as_kept(at, self.now) if self.cut_off_since else as_told(at, self.now)

    @property
    def late_because(self) -> str | None:
        """Why it is entered late; nothing where it is not late."""
        at = self.happened_at
        always = isinstance(self.given, TellingInput) and self.given.ALWAYS_LATE
        late = at is not None and is_late(at, self.now, datetime.timedelta(0) if always else self.late_after)
        return self.given.entered_late_because if late and isinstance(self.given, TellingInput) else None

    @cached_property
    def stored(self) -> dict[str, Any]:
        """The input as the trail keeps it."""
        return self.given.model_dump(mode="json", exclude=SECRETS, exclude_none=True)

    @cached_property
    def digest(self) -> str:
        """What makes two requests with the same key the same request."""
        return hashlib.sha256(as_json([self.act.name, self.stored]).encode()).hexdigest()

    def row(self) -> dict[str, Any]:
        """The act's row in the trail, but for its outcome."""
        return {
            "site_id": self.actor.site_id,
            "person_id": self.actor.id,
            "name": self.act.name,
            "given": self.stored,
            "key": self.key,
            "given_digest": self.digest,
            "door": self.door,
            "client": self.client,
            "version": VERSION,
            "at": self.now,
            "happened_at": self.happened_at,
            "late_reason": self.late_because,
        }


def perform(installation: Installation, call: Call, *, dry_run: bool = False) -> Outcome:
    """Do the act, or only judge it; again when two got in each other's way, or when the connection was lost.

    Whatever is done has a key, the sender's or one of ours: done again, it is done once. Raises OutcomeUnknown when the
    connection was lost at the commit and did not come back in time; Unavailable; and whatever bug there is.
    """
    if call.key is None and not dry_run:
        call = replace(call, key=f"own.{secrets.token_urlsafe(16)}")
    tries, patience, doubt = Tries(), Patience(), None
    while True:
        try:
            return _once(installation, call, dry_run)
        except (DBAPIError, PoolTimeout, CommitLost) as error:
            if isinstance(error, CommitLost):
                assert call.key is not None
                doubt = OutcomeUnknown(call.key)
            waits = doubt or is_away(error)
            if not (patience.wait() if waits else tries.again(error) or _was_told_the_time(installation, error)):
                raise (doubt or error) from error


def _was_told_the_time(installation: Installation, error: BaseException) -> bool:
    """Whether the database did not take the act for its time, and this process had not heard of another one: now it
    has, and the act is refused with its reason."""
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    if getattr(diagnosis, "constraint_name", None) != "an_act_is_of_its_time" or installation.clocks.differ:
        return False
    with installation.reads.connect() as connection:
        installation.clocks.hear(connection.execute(text("SELECT clock_timestamp()")).scalar_one())
    return installation.clocks.differ


class CommitLost(Exception):
    """The connection was lost while the commit was under way."""


class Tries:
    """How often two acts may get in each other's way."""

    def __init__(self) -> None:
        self.left = TRIES

    def again(self, error: BaseException) -> bool:
        """Whether this was such a thing, and may be tried again."""
        self.left -= 1
        return self.left > 0 and getattr(getattr(error, "orig", None), "sqlstate", None) in RETRIED


def _once(installation: Installation, call: Call, dry_run: bool) -> Outcome:
    try:
        return _judge_only(installation, call) if dry_run else _do(installation, call)
    except Refused as refused:
        there = refused.at_site(ZoneInfo(call.actor.zone))
        if dry_run:
            return Outcome(False, None, {}, there.refusals, about=there.about)
        return keep_refusal(installation, call, there)


def _commit(session: Session) -> None:
    try:
        session.commit()
    except DBAPIError as error:
        if is_away(error):
            raise CommitLost from error
        raise


def _work(installation: Installation, session: Session, call: Call, act_id: int | None) -> Work:
    apart = installation.clocks.refusals(call.act.name)
    if apart:
        raise Refused(apart)
    work = Work(
        session,
        call.actor,
        call.act.name,
        call.act.title,
        call.now,
        act_id,
        call.proof,
        call.once,
        call.new_password_hash,
        told_at=call.happened_at,
        late_because=call.late_because,
        late_after=call.late_after,
        cut_off_since=call.cut_off_since,
        key_days=installation.config.key_days,
        code_hours=installation.config.code_hours,
        folder=installation.config.data,
        mail_from=installation.config.mail_from if installation.config.smtp_url else None,
    )
    if not_theirs := _not_theirs(call, call.actor.roles, dry_run=act_id is None):
        raise Refused(not_theirs)
    return work


def _not_theirs(call: Call, roles: Collection[str], *, dry_run: bool = False) -> tuple[Refusal, ...]:
    """Why this act is not for whoever asks, who has these roles, whatever it is about: before anything is judged, and
    before what was answered under its key is told again."""
    limits = scope_refusals(call.actor.scope, call.act.name, call.act.title, dry_run=dry_run)
    allowed = roles_for(call.act.name)
    return limits or (() if allowed & set(roles) else (role_refusal(call.act.title, allowed),))


def _judge_only(installation: Installation, call: Call) -> Outcome:
    # On a connection that cannot write. A rollback would also make the connection forget its prepared statements.
    with Session(installation.reads, autoflush=False, expire_on_commit=False) as session:
        work = _work(installation, session, call, None)
        try:
            call.act.function(work, call.given)
        except JudgedOnly:
            return Outcome(True, None, work.shown)
        except Refused as refused:
            raise Refused(work.told_here(refused.refusals), refused.about) from refused
    raise RuntimeError(f"{call.act.name} never judged")


def _timed(installation: Installation, call: Call) -> Call:
    """The request with the time that the trail keeps of it."""
    return replace(call, now=installation.clocks.in_the_trail(call.now))


def _do(installation: Installation, call: Call) -> Outcome:
    call = _timed(installation, call)
    with Session(installation.engine, autoflush=False, expire_on_commit=False) as session:
        session.info[DIGEST_OF] = lambda value: account_key(installation.config.data).of_hidden(value)
        act_id = _open(installation, session, call)
        if act_id is None:
            return _stored_answer(session, call)
        work = _work(installation, session, call, act_id)
        try:
            made = call.act.function(work, call.given)
            report_irregular(work, made)
            work.sign()
            work.use_code_up()
            tell_of_recovery_code(work)
            result = _result(made, work)
            _close(session, act_id, work, result)
            _commit(session)
            note_recorded(act_id)
        except IntegrityError as error:
            refusal = refusal_for(error)
            if refusal is None:
                raise
            raise Refused([refusal], work.about) from error
        except Refused as refused:
            raise Refused(work.told_here(refused.refusals), work.about) from refused
    for task in work.after_commit:
        result = {**result, **task(installation)}
    return Outcome(True, act_id, {**result, **work.told_once})


# Plain text: every act pays for these two. Whose changes the transaction makes, the triggers know by it.
_OPEN = text(
    """INSERT INTO act (site_id, person_id, name, given, key, given_digest, door, client, version, at, happened_at,
                        late_reason)
       VALUES (:site_id, :person_id, :name, CAST(:given AS jsonb), :key, :given_digest, :door, :client, :version, :at,
               :happened_at, :late_reason)
       ON CONFLICT (person_id, key) DO NOTHING
       RETURNING id, clock_timestamp() AS database_time"""
)
_PROBE = text(
    """INSERT INTO act (site_id, person_id, name, given, key, given_digest, door, version, at)
       VALUES (:site_id, :person_id, :name, '{}', :key, '', 'probe', '', :at)
       ON CONFLICT (person_id, key) DO NOTHING RETURNING id"""
)
_CLOSE = text(
    """UPDATE act SET outcome = 'accepted', result = CAST(:result AS jsonb), record_code = :about WHERE id = :act"""
)


def _open(installation: Installation, session: Session, call: Call) -> int | None:
    """Open the act. With a key that somebody is using right now this waits for them; None: the key has an answer."""
    row = {**call.row(), "given": as_json(call.stored)}
    opened = session.execute(_OPEN, row).one_or_none()
    if opened is None:
        return None
    installation.clocks.hear(opened.database_time)
    act: int = opened.id
    return act


def _result(made: Any, work: Work) -> dict[str, Any]:
    """The answer: what the act made or changed, and what it showed."""
    if isinstance(made, Record):
        code = getattr(made, "code", None)
        work.about = code or work.about
        shown = {"kind": made.kind, "code": code, "state": getattr(made, "state", None)}
        return {**{name: value for name, value in shown.items() if value is not None}, **work.shown}
    return dict(work.shown)


def _close(session: Session, act_id: int, work: Work, result: dict[str, Any]) -> None:
    session.execute(_CLOSE, {"act": act_id, "result": as_json(result), "about": work.about})


def keep_refusal(installation: Installation, call: Call, refused: Refused) -> Outcome:
    """Keep a refused act, with its reasons, in a transaction of its own; once, however often under the same key."""
    reasons = [refusal.as_json() for refusal in refused.refusals]
    call = _timed(installation, call)
    row = {**call.row(), "outcome": "refused", "refusals": reasons, "record_code": refused.about}
    with Session(installation.engine, autoflush=False) as session:
        statement = upsert(Act).values(**row).on_conflict_do_nothing(index_elements=["person_id", "key"])
        act_id = session.scalar(statement.returning(Act.id))
        if act_id is None:
            return _stored_answer(session, call)
        _commit(session)
        note_recorded(act_id)
    return Outcome(False, act_id, {}, refused.refusals)


def outcome_of(installation: Installation, actor: Actor, key: str) -> Outcome | None:
    """What is true of this person's request with this key: its stored outcome, or None when nothing was recorded.

    Waits for one that is still being committed, so that None stays true unless it is sent again. Raises Unavailable.
    """
    columns = select(Act.id, Act.name, Act.site_id, Act.outcome, Act.result, Act.refusals)
    stored = columns.where(Act.person_id == actor.id, Act.key == key)
    with Session(installation.engine, autoflush=False) as session:
        probe = {"site_id": actor.site_id, "person_id": actor.id, "name": "sign_in", "key": key, "at": server_time()}
        if session.scalar(_PROBE, probe) is not None:
            return None  # it is rolled back: nobody else had the key, and nobody has it now
        row = session.execute(stored).one()
    is_here = row.site_id == actor.site_id
    if limits := scope_refusals(actor.scope, row.name, title_of(row.name), dry_run=True, at_its_site=is_here):
        return Outcome(False, None, {}, limits)
    return Outcome(row.outcome == "accepted", row.id, row.result or {}, _refusals(row), repeated=True)


def _stored_answer(session: Session, call: Call) -> Outcome:
    """The answer that this key already has: the same request gets it again, if it would still be theirs to make, and
    another one is refused. Made at another site it is another one."""
    columns = select(Act.id, Act.site_id, Act.given_digest, Act.outcome, Act.result, Act.refusals, Person.roles)
    mine = columns.join(Person, (Person.id == Act.person_id) & (Person.state == PersonState.ACTIVE))
    row = session.execute(mine.where(Act.person_id == call.actor.id, Act.key == call.key)).one_or_none()
    if not_theirs := _not_theirs(call, row.roles if row else ()):
        return Outcome(False, None, {}, not_theirs)
    assert row is not None  # an account that is over has no roles
    if (row.given_digest, row.site_id) != (call.digest, call.actor.site_id):
        again = refuse(
            Code.KEY_REUSED,
            "This request key already belongs to act {act} with other content. Nothing was done: use a new key.",
            act=row.id,
        )
        return Outcome(False, row.id, {}, (again,))
    note_recorded(row.id)
    return Outcome(row.outcome == "accepted", row.id, row.result or {}, _refusals(row), repeated=True)


def _refusals(row: Any) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(Code(item["code"]), item["detail"].replace("{", "{{").replace("}", "}}")) for item in row.refusals or ()
    )
