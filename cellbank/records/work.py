"""The unit of work of one act: who, when, which act, one transaction.

An act goes through it in one order: **lock** the rows, **judge** them (role, transition, signature, four eyes, the
rules: every refusal gathered, none raised early), then **write**. Nothing can be written before the judgement: the
session refuses to flush. `Work.transition` is the only writer of `.state`.
"""

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, event, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import QueryableAttribute, Session

from cellbank.domain.actor import Actor, OneTime, Proof
from cellbank.domain.blind import SAID_WHEN_DONE
from cellbank.domain.lifecycle.moves import PERFORMERS, Transition
from cellbank.domain.lifecycle.table import crosses_sites, rows_for
from cellbank.domain.refusals import Code, Refusal, Refused, refuse, told_here
from cellbank.domain.rules.authority import (
    NOT_PROVED,
    role_refusal,
    same_person_refusals,
    signature_refusals,
    site_refusals,
)
from cellbank.domain.telling import divided, future_refusals, late_refusals
from cellbank.records.base import Base, Record, as_json
from cellbank.records.beginnings import before_it_existed, sentence_start
from cellbank.records.belonging import also_of, site_of
from cellbank.records.people import NumberSeries, Site
from cellbank.records.quality import Signature
from cellbank.records.signed_content import content_digest
from cellbank.records.statements import by_code, by_codes, insert_many, update_many, using_code

R = TypeVar("R", bound=Record)
WORK = "work"  # in Session.info: the work whose session it is
# A password, or why something improbable is right: asked for where nothing else is in the way. That a patient is known
# is told then too: whoever is refused for something else would find out who is by trying.
ASKED_LAST = frozenset({Code.SIGNATURE_NEEDED, Code.IMPROBABLE, Code.PATIENT_KNOWN})


class JudgedOnly(Exception):
    """A dry run has reached the end of the judgement without a refusal."""


@dataclass
class Work:
    """What an act function holds in its hands. Build it through `services.acts.run_act` only."""

    session: Session
    actor: Actor
    act: str
    title: str
    now: datetime.datetime
    act_id: int | None = None  # None in a dry run: nothing will be written
    proof: Proof | None = None  # None: no password was given
    once: OneTime | None = None  # what proved the person besides and works once
    new_password_hash: str | None = None  # of an input's `new_password`, made before anything was locked
    judged: bool = False
    told_at: datetime.datetime | None = None  # when it happened, as the person says; None: now
    late_because: str | None = None  # why that is entered late
    late_after: datetime.timedelta = datetime.timedelta(minutes=10)
    cut_off_since: datetime.datetime | None = None  # the judgement by which a screen went on without the server
    #: the records that were judged
    concerned: list[Any] = field(default_factory=list)
    #: what was not allowed about a fact told late: it becomes a deviation instead of being refused
    irregularities: list[Refusal] = field(default_factory=list)
    key_days: int = 90  # for which a key of a program is valid at most
    code_hours: int = 72  # for which a code that is handed over is good
    mail_from: str | None = None  # the address from which people are written to; None: they are not
    folder: Path | None = None  # of the installation: for files that are too large for an input
    shown: dict[str, Any] = field(default_factory=dict)
    told_once: dict[str, Any] = field(default_factory=dict)
    #: done with the bank once the act stands; each adds to the answer and none may fail
    after_commit: list[Callable[[Any], Mapping[str, Any]]] = field(default_factory=list)
    about: str | None = None
    scanned: Record | None = None  # what the act is about: the record that it asked for first
    sites: dict[tuple[str, int], int] = field(default_factory=dict)  # of what records are about, by kind and id
    _to_sign: list[tuple[Record, Transition]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session.info[WORK] = self

    @property
    def dry_run(self) -> bool:
        """Whether the work ends with the judgement."""
        return self.act_id is None

    @property
    def happened(self) -> datetime.datetime:
        """When that happened which the act tells of. What is recorded about it bears this time, and is judged by it;
        who acts and signs does so `now`."""
        return self.told_at or self.now

    @property
    def is_late(self) -> bool:
        """Whether a fact is told late, with its reason: what only forbade it does not refuse it any more."""
        return self.late_because is not None

    # ---- lock ----------------------------------------------------------------------------------------------------

    def find(self, cls: type[R], code: str) -> R:
        """The record with this code, not locked. Refuses NOT_FOUND."""
        return self._one(cls, code, by_code(cls))

    def lock(self, cls: type[R], code: str) -> R:
        """The record with this code, locked until the end of the act (in a dry run only read). Refuses NOT_FOUND."""
        return self._one(cls, code, self._locking(by_code(cls)))

    def lock_id(self, cls: type[R], record_id: int) -> R:
        """The record with this id, locked; for records found through another one."""
        record: R = self.session.scalars(self._locking(select(cls).where(cls.id == record_id))).one()
        return record

    def share(self, cls: type[R], record_id: int) -> R:
        """The record with this id, kept from changing until the end of the act, though others may read or share it."""
        statement = select(cls).where(cls.id == record_id).execution_options(populate_existing=True)
        return self.session.scalars(statement if self.dry_run else statement.with_for_update(read=True)).one()

    def lock_all(self, cls: type[R], codes: Sequence[str]) -> list[R]:
        """The records with these codes, locked in the order of their ids (so that two acts cannot block each other),
        returned in the order given. Refuses NOT_FOUND, naming each that is missing."""
        records = self.session.scalars(self._locking(by_codes(cls)), {"codes": list(codes)})
        found = {record.code: record for record in records}
        missing = [self._not_found(cls, code) for code in codes if code not in found]
        if missing:
            raise Refused(missing)
        return [found[code] for code in codes]

    def _locking(self, statement: Any) -> Any:
        # What was read before the lock may have changed while waiting for it.
        fresh = statement.execution_options(populate_existing=True)
        return fresh if self.dry_run else fresh.with_for_update(key_share=True)

    def _one(self, cls: type[R], code: str, statement: Any) -> R:
        record: R | None = self.session.scalars(statement, {"code": code}).one_or_none()
        if record is None:
            raise Refused([self._not_found(cls, code)])
        if self.about is None:
            self.about, self.scanned = code, record
        return record

    def _not_found(self, cls: type[Record], code: str) -> Refusal:
        return refuse(
            Code.NOT_FOUND,
            "There is no {kind} {code} here. Scan the label again, or search for it.",
            kind=cls.__tablename__.replace("_", " "),
            code=code,
        )

    # ---- judge ---------------------------------------------------------------------------------------------------

    def judge(
        self,
        *subjects: Record | type[Record],
        refusals: Iterable[Refusal] = (),
        to: str | tuple[str, ...] = (),
        of: Iterable[Any] = (),
    ) -> None:
        """Decide. `subjects` are the records that the act moves (a class: one that it creates); `to` picks the target,
        or one for each kind of move, where the table offers several; `of` are what the act is about besides: they are
        of this site too. Raises Refused with all reasons, or ends a dry run; afterwards writing is open."""
        found = [reason for subject in subjects for reason in self._judge_one(subject, to)]
        of = tuple(of)
        found.extend(reason for record in of for reason in self.elsewhere(record))
        found.extend(refusals)
        found.extend(self._told_refusals(subjects, {one.code for one in found}))
        if self.dry_run:
            later = SAID_WHEN_DONE.get(self.act)
            found = [reason for reason in found if later is None or reason.code is not later.code]
        refusing, irregular = divided(found, late=self.is_late, act=self.act)
        refusing = told_here([reason for reason in refusing if reason.code not in ASKED_LAST] or refusing)
        if refusing:
            raise Refused(refusing)
        self.concerned.extend(one for one in (*subjects, *of) if not isinstance(one, type))
        self._keep(irregular)
        self.judged = True
        if self.dry_run:
            raise JudgedOnly

    def _judge_one(self, subject: Record | type[Record], to: str | tuple[str, ...]) -> list[Refusal]:
        rows = self._rows(subject, to)
        crossing = any(map(crosses_sites, rows or self._towards(subject, to)))
        elsewhere = [] if crossing or isinstance(subject, type) else self.elsewhere(subject)
        if not rows:
            return [self._wrong_state(subject, to), *elsewhere]
        return [
            *elsewhere,
            *self._role_refusals(rows),
            *signature_refusals(self.actor, rows, self.proof, self.title, self.now, dry_run=self.dry_run),
            *self._same_person(subject, rows[0]),
        ]

    def _told_refusals(self, subjects: Iterable[Record | type[Record]], known: Collection[Code]) -> list[Refusal]:
        """Why a fact cannot be told so: of a time to come, of one at which its record did not exist, or late without
        saying why. What the act has found out about its times itself (`known`) is not said twice."""
        if self.told_at is None:
            return []
        found = late_refusals(self.title, self.told_at, self.now, self.late_after, self.late_because)
        if Code.IN_THE_FUTURE not in known:
            found += future_refusals(self.told_at, self.now)
        made = [one for one in subjects if not isinstance(one, type)]
        return [*found, *before_it_existed(self.session, made, self.told_at, known)]

    def made_later(self, records: Iterable[Record], told: datetime.datetime) -> list[Refusal]:
        """Why nothing happened to these records then: they had not come into being. `judge` asks it of when the act
        itself happened; who reads several times off a form asks here."""
        return before_it_existed(self.session, records, told, {Code.NOT_ORDERED})

    def _keep(self, irregular: Sequence[Refusal]) -> None:
        """Keep what was not allowed, for the deviation and for the answer."""
        self.irregularities.extend(one for one in self.here(irregular) if one not in self.irregularities)
        if self.irregularities:
            self.show(irregularities=[one.as_json() for one in self.irregularities])

    def here(self, said: Iterable[Refusal]) -> list[Refusal]:
        """Reasons as they are kept: with times as the clock of this site shows them."""
        return [one.at_site(ZoneInfo(self.actor.zone)) for one in said]

    def _rows(self, subject: Record | type[Record], to: str | tuple[str, ...]) -> tuple[Transition, ...]:
        """The rows of the table that this act could take on this subject now."""
        source = None if isinstance(subject, type) else getattr(subject, "state", None)
        return tuple(row for row in self._towards(subject, to) if row.source == source)

    def _towards(self, subject: Record | type[Record], to: str | tuple[str, ...]) -> tuple[Transition, ...]:
        """The rows of the table of this act on such a subject; those to a target where one is meant of this kind."""
        rows = rows_for(self.act, subject.__tablename__)
        targets = (to,) if isinstance(to, str) else to
        return tuple(row for row in rows if row.target in targets) or rows  # else `to` is about the act's other records

    def _wrong_state(self, subject: Record | type[Record], to: str | tuple[str, ...]) -> Refusal:
        possible = dict.fromkeys(row.source for row in self._towards(subject, to) if row.source)
        return refuse(
            Code.WRONG_STATE,
            "{record} is {state}: “{act}” is possible only from {possible}.",
            record=sentence_start(getattr(subject, "called", subject.__tablename__)),
            state=getattr(subject, "state", "new"),
            act=self.title,
            possible=tuple(possible) or "no state",
        )

    def site_refusals(self, site_id: int | None, called: str) -> list[Refusal]:
        """Why what is of this site may not be touched from here: it is another one. `judge` asks it of all that it is
        given, and the database once more; whoever reads a row and no record asks here."""
        if site_id in (None, self.actor.site_id):
            return []
        return list(site_refusals(self.actor, self.session.get_one(Site, site_id).code, sentence_start(called)))

    def elsewhere(self, record: Any) -> list[Refusal]:
        """Why a record is not acted on here: it is of another site. Nothing of one that is of this site."""
        if self.actor.site_code in also_of(self.session, record):
            return []
        return self.site_refusals(site_of(self.session, record, self.sites), record.called)

    def told_here(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """What somebody may read of reasons that were found before the judgement, such as that no count is open: where
        what the act is about is of another site and the act does not cross sites, only that."""
        about, said = self.scanned, {one.code for one in refusals}
        if about is None or self.judged or Code.OTHER_SITE in said:
            return list(refusals)
        crosses = any(map(crosses_sites, rows_for(self.act, about.__tablename__)))
        return list(refusals) if crosses else told_here([*self.elsewhere(about), *refusals])

    def _role_refusals(self, rows: tuple[Transition, ...]) -> list[Refusal]:
        """Who may do the act was asked at the door; of some acts not everybody may make each move."""
        allowed = frozenset().union(*(row.roles for row in rows))
        return [] if allowed & self.actor.roles else [role_refusal(self.title, allowed)]

    def _same_person(self, subject: Record | type[Record], row: Transition) -> list[Refusal]:
        for column in row.differs:
            people = self._performers(subject) if column == PERFORMERS else {getattr(subject, column, None)}
            if found := same_person_refusals(self.actor, people, getattr(subject, "called", "it"), self.title):
                return list(found)
        return []

    def _performers(self, subject: Any) -> set[int]:
        return set(self.session.scalars(text("SELECT * FROM lot_performers(:lot)"), {"lot": subject.id}))

    # ---- write ---------------------------------------------------------------------------------------------------

    def show(self, **facts: Any) -> None:
        """Put facts into the answer: of a dry run (a calculation to look at) as well as of the real thing."""
        self.shown.update(facts)

    def warn(self, warnings: Iterable[Refusal]) -> None:
        """Put into the answer what does not refuse the act but must be looked at: a page that shows it is not green."""
        self.shown.setdefault("warnings", []).extend(warning.as_json() for warning in self.here(warnings))

    def tell_once(self, **secrets: Any) -> None:
        """Put a secret into the answer that is given now, and nowhere else: the trail does not keep it."""
        self.told_once.update(secrets)

    def number(self, series: str, count: int = 1) -> int:
        """The next number of a series; with `count` the last of that many. Numbers are never given twice."""
        statement = upsert(NumberSeries).values(name=series, last=count)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"last": NumberSeries.last + count})
        return int(self.session.execute(statement.returning(NumberSeries.last)).scalar_one())

    def add(self, record: R, to: str | None = None) -> R:
        """Insert a new record, in the state in which the table says that this act creates it."""
        row = self._row(type(record), to)
        if hasattr(type(record), "state"):
            record.state = row.target  # type: ignore[attr-defined]  # of those kinds only that have states
        self.session.add(record)
        self.session.flush()
        if row.meaning:
            self._to_sign.append((record, row))
        return record

    def note(self, record: R) -> R:
        """Insert a row that has no life of its own (a use, a placement, a source)."""
        self.session.add(record)
        return record

    def add_many(self, cls: type[Record], rows: Sequence[Mapping[str, Any]], to: str | None = None) -> list[int]:
        """Insert many new records in one statement; returns their ids in the order of `rows`."""
        state = {"state": self._row(cls, to).target} if hasattr(cls, "state") else {}
        self.session.flush()
        statement = insert(cls).returning(cls.id, sort_by_parameter_order=True)
        return list(self.session.scalars(statement, [{**row, **state} for row in rows]))

    def note_many(self, cls: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows that have no life of their own, in one statement."""
        self.session.flush()
        if rows:
            self.session.execute(insert_many(cls, tuple(rows[0])), {"rows": as_json(rows)})

    def transition(self, *records: Record, to: str | None = None) -> None:
        """Move records to the state that the table gives for this act, and sign where it says so."""
        for record in records:
            row = self._row(record, to)
            record.state = row.target  # type: ignore[attr-defined]  # of those kinds only that have states
            if row.meaning:
                self._to_sign.append((record, row))

    def transition_many(
        self, cls: type[Record], records: Sequence[Record], to: str | None = None, **columns: Any
    ) -> None:
        """Move many records of one kind, and sign, in one statement for each state that they come from. `columns` are
        set too: to a value, or to what the database computes from the row as it was, such as `Lot.state`."""
        by_row: dict[Transition, list[int]] = {}
        for record in records:
            by_row.setdefault(self._row(record, to), []).append(record.id)
        self.session.flush()
        computed = {name: new for name, new in columns.items() if isinstance(new, ColumnElement | QueryableAttribute)}
        given = {f"new_{name}": new for name, new in columns.items() if name not in computed}
        statement = update_many(cls, ("state", *(name for name in columns if name not in computed)))
        for row, ids in by_row.items():
            moved = statement.values(computed) if computed else statement
            self.session.execute(moved, {"ids": ids, "new_state": row.target, **given})
        for record in records:
            self.session.expire(record)

    def _row(self, subject: Record | type[Record], to: str | None) -> Transition:
        if not self.judged:
            raise RuntimeError(f"{self.act} writes before it has judged")
        rows = self._rows(subject, to or ())
        if not rows or (len(rows) > 1 and to is None) or (to is not None and rows[0].target != to):
            raise RuntimeError(f"{self.act}: no single row of the table for {subject!r} to {to}")
        return rows[0]

    # ---- sign ----------------------------------------------------------------------------------------------------

    def sign(self) -> None:
        """Write the signatures that the transitions asked for; the registry calls this once, after the act."""
        self.session.flush()
        for record, row in dict.fromkeys(self._to_sign):
            assert row.meaning is not None
            self.session.refresh(record)
            self.session.add(
                Signature(
                    act_id=self.act_id,
                    person_id=self.actor.id,
                    full_name=self.actor.full_name,
                    meaning=row.meaning.value,
                    record_kind=record.kind,
                    record_id=record.id,
                    digest=content_digest(record, self.act),
                    signed_at=self.now,
                )
            )
        self.session.flush()

    def use_code_up(self) -> None:
        """Keep that the one-time code which proved the person is used, unless somebody was faster with the same code:
        no code works twice. Refuses SIGNATURE_WRONG."""
        if self.once is None:
            return
        if self.session.execute(using_code(self.once, self.actor.id, self.now)).one_or_none() is None:
            raise Refused([refuse(*NOT_PROVED[Proof.CODE_USED])])


@event.listens_for(Session, "before_flush")
def _nothing_before_the_judgement(session: Session, *_: Any) -> None:
    work = session.info.get(WORK)
    if work is not None and not work.judged:
        raise RuntimeError(f"{work.act} writes before it has judged")
