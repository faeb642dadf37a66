"""The registry of acts and `run_act`, the only way in: everything that is the same for every act stands here, once.

One transaction in this order: parse, open the act (which also looks whether this idempotency key was seen), lock and
judge (in the act function), write, sign, close, commit; the database seals. Printing comes after the commit. A refused
act is a row too, with its reasons: a near miss at the bedside is data.
"""

import datetime
import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle import is_signed, roles_for
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.records.base import Record, as_json
from cellbank.records.trail import Act
from cellbank.records.work import Actor, JudgedOnly, Proof, Work, role_refusal
from cellbank.services.bank import Bank, server_time
from cellbank.services.constraints import refusal_for
from cellbank.services.parsing import ActInput, Malformed, Problem, Secret, SignedInput, parse

__all__ = [
    "REGISTRY", "VERSION", "ActInput", "Call", "Malformed", "Outcome", "Problem", "RegisteredAct", "Secret",
    "SignedInput", "UnknownAct", "act", "find_act", "hash_new_password", "parse", "prove_password", "run_act",
]  # fmt: skip

VERSION = importlib.metadata.version("cellbank")
# A deadlock or a lock that did not come in time is nobody's fault: the whole act is simply run again.
RETRIED = {"40001", "40P01", "55P03"}
TRIES = 3


@dataclass(frozen=True)
class RegisteredAct:
    """One act: its name, its title for people, its input model and the function that does it."""

    name: str
    title: str
    input: type[ActInput]
    function: Callable[[Work, Any], Any]
    area: str  # the service module: the group under which pages and documents list it


class UnknownAct(Exception):
    """There is no act of this name."""


@dataclass(frozen=True)
class Outcome:
    """What came of an act. `act` is its number in the trail (None for a dry run); `repeated` tells a stored answer."""

    accepted: bool
    act: int | None
    result: dict[str, Any] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    repeated: bool = False


F = TypeVar("F", bound=Callable[..., Any])
REGISTRY: dict[str, RegisteredAct] = {}


def act(model: type[ActInput]) -> Callable[[F], F]:
    """Register the function that does what `model` describes. The model's docstring is the act's title."""

    def register(function: F) -> F:
        name = function.__name__
        if name in REGISTRY or issubclass(model, SignedInput) != is_signed(name) or not roles_for(name):
            raise RuntimeError(f"{name} does not fit the transition table (rows, roles or signature)")
        title = (model.__doc__ or "").strip().splitlines()[0].rstrip(".")
        REGISTRY[name] = RegisteredAct(name, title, model, function, function.__module__.rpartition(".")[2])
        return function

    return register


def find_act(name: str) -> RegisteredAct:
    """The act of this name. Raises UnknownAct."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise UnknownAct(name) from None


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
    proof: Proof | None
    new_password_hash: str | None

    @cached_property
    def stored(self) -> dict[str, Any]:
        """The input as the trail keeps it: without the password."""
        return self.given.model_dump(mode="json", exclude={"password", "new_password"}, exclude_none=True)

    @cached_property
    def digest(self) -> str:
        """What makes two requests with the same key the same request."""
        return hashlib.sha256(as_json([self.act.name, self.stored]).encode()).hexdigest()

    def row(self) -> dict[str, Any]:
        """The act's row in the trail, but for its outcome."""
        return {
            "site_id": self.actor.site_id, "person_id": self.actor.id, "name": self.act.name, "given": self.stored,
            "key": self.key, "given_digest": self.digest, "door": self.door, "client": self.client, "version": VERSION,
            "at": self.now,
        }  # fmt: skip


def run_act(
    bank: Bank,
    name: str,
    given: Mapping[str, Any],
    actor: Actor,
    *,
    door: str,
    key: str | None = None,
    dry_run: bool = False,
    client: str | None = None,
    now: datetime.datetime | None = None,
) -> Outcome:
    """Do an act for a person, or only judge it (`dry_run`).

    Returns the outcome, accepted or refused. Raises UnknownAct, Malformed, and whatever bug there is, in which case
    nothing was written. `now` is given by the demo and the tests only.
    """
    registered = find_act(name)
    parsed = parse(registered.input, given)
    at = now or server_time()
    proof = prove_password(bank, registered, parsed, actor, at)
    new_hash = None if dry_run else hash_new_password(bank, registered, parsed, actor)
    call = Call(registered, parsed, actor, at, door, key, client, proof, new_hash)
    for attempt in range(TRIES):
        try:
            return _judge_only(bank, call) if dry_run else _do(bank, call)
        except Refused as refused:
            return Outcome(False, None, {}, refused.refusals) if dry_run else _record_refusal(bank, call, refused)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in RETRIED or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def prove_password(
    bank: Bank, registered: RegisteredAct, parsed: ActInput, actor: Actor, now: datetime.datetime
) -> Proof | None:
    """What the password given for a signature proves; None when none was asked for or given."""
    password = getattr(parsed, "password", None)
    if not is_signed(registered.name) or password is None:
        return None
    from cellbank.services.passwords import prove  # it records failures through run_act

    return prove(bank, actor, password.get_secret_value(), now, door="signature")


def hash_new_password(bank: Bank, registered: RegisteredAct, parsed: ActInput, actor: Actor) -> str | None:
    """The hash of a new password in the input, made while nothing is locked: it takes 0.1 s and 64 MiB."""
    password = getattr(parsed, "new_password", None)
    if password is None or not roles_for(registered.name) & actor.roles:
        return None
    from cellbank.services.passwords import hash_password

    return hash_password(bank, password.get_secret_value())


def _work(session: Session, call: Call, act_id: int | None) -> Work:
    work = Work(
        session, call.actor, call.act.name, call.act.title, call.now, act_id, call.proof, call.new_password_hash
    )
    allowed = roles_for(call.act.name)
    if not allowed & call.actor.roles:
        raise Refused([role_refusal(call.act.title, allowed)])
    return work


def _judge_only(bank: Bank, call: Call) -> Outcome:
    # On a connection that cannot write. A rollback would also make the connection forget its prepared statements.
    with Session(bank.reads, autoflush=False, expire_on_commit=False) as session:
        work = _work(session, call, None)
        try:
            call.act.function(work, call.given)
        except JudgedOnly:
            return Outcome(True, None, work.shown)
    raise RuntimeError(f"{call.act.name} never judged")


def _do(bank: Bank, call: Call) -> Outcome:
    with Session(bank.engine, autoflush=False, expire_on_commit=False) as session:
        act_id = _open(session, call)
        if act_id is None:
            return _stored_answer(session, call)
        work = _work(session, call, act_id)
        try:
            made = call.act.function(work, call.given)
            work.sign()
            result = _result(made, work)
            _close(session, act_id, work, result)
            session.commit()
        except IntegrityError as error:
            refusal = refusal_for(error)
            if refusal is None:
                raise
            raise Refused([refusal], work.about) from error
        except Refused as refused:
            refused.about = work.about
            raise
    for task in work.after_commit:
        result = {**result, **task(bank)}
    return Outcome(True, act_id, {**result, **work.told_once})


# Plain text, and whose changes these are told to the triggers in the same round trip: every act pays for these two.
_OPEN = text(
    """INSERT INTO act (site_id, person_id, name, given, key, given_digest, door, client, version, at)
       VALUES (:site_id, :person_id, :name, CAST(:given AS jsonb), :key, :given_digest, :door, :client, :version, :at)
       ON CONFLICT (person_id, key) DO NOTHING RETURNING id, set_config('cellbank.act', id::text, true)"""
)
_CLOSE = text(
    """UPDATE act SET outcome = 'accepted', result = CAST(:result AS jsonb), record_code = :about WHERE id = :act"""
)


def _open(session: Session, call: Call) -> int | None:
    """Open the act. With a key that somebody is using right now this waits for them; None: the key has an answer."""
    return session.scalar(_OPEN, {**call.row(), "given": as_json(call.stored)})


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


def _record_refusal(bank: Bank, call: Call, refused: Refused) -> Outcome:
    """Keep a refused act, with its reasons, in a transaction of its own."""
    reasons = [refusal.as_json() for refusal in refused.refusals]
    row = {**call.row(), "outcome": "refused", "refusals": reasons, "record_code": refused.about}
    with Session(bank.engine, autoflush=False) as session:
        statement = upsert(Act).values(**row).on_conflict_do_nothing(index_elements=["person_id", "key"])
        act_id = session.scalar(statement.returning(Act.id))
        if act_id is None:
            return _stored_answer(session, call)
        session.commit()
    return Outcome(False, act_id, {}, refused.refusals)


def _stored_answer(session: Session, call: Call) -> Outcome:
    """The answer that this key already has: the same request gets it again, another one is refused."""
    columns = select(Act.id, Act.given_digest, Act.outcome, Act.result, Act.refusals)
    row = session.execute(columns.where(Act.person_id == call.actor.id, Act.key == call.key)).one()
    if row.given_digest != call.digest:
        again = refuse(
            Code.KEY_REUSED,
            "This request key already belongs to act {act} with other content. Nothing was done: use a new key.",
            act=row.id,
        )
        return Outcome(False, row.id, {}, (again,))
    refusals = tuple(
        Refusal(Code(item["code"]), item["detail"].replace("{", "{{").replace("}", "}}")) for item in row.refusals or ()
    )
    return Outcome(row.outcome == "accepted", row.id, row.result or {}, refusals, repeated=True)
