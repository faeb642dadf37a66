"""Notices: whatever stops product tells the clinicians of every dose that it concerns, at once and in one place.

An act that stops product opens one notice for each site of clinicians, with a line for each dose: given, running or
still to come. It stays open until a clinician has said of each dose what was done (domain reference §5.4: notify the
physician). Twin in the database: a_stop_reaches_every_clinician.
"""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import NoticeState
from cellbank.domain.rules.notice import AnswerFacts, answer_refusals
from cellbank.records.clinic import Dose
from cellbank.records.quality import Notice, NoticeLine
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.inputs import DoseCode, Text, scanned
from cellbank.services.parsing import TellingInput
from cellbank.services.registry import act

NoticeCode = Annotated[str, *scanned(Kind.NOTICE)]
MOST_LINES = 1000


class Stopped(Protocol):
    """What was stopped, or what failed: any record, or what was tested."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> int: ...
    @property
    def code(self) -> str: ...


_CONCERNED = text(
    """SELECT d.id, s.site_id FROM dose d JOIN subject s ON s.id = d.subject_id
        WHERE d.id IN (SELECT doses_concerned(:kind, :id, CAST(:since AS timestamptz)))
          AND d.id NOT IN (SELECT l.dose_id FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id
                            WHERE n.act_id = :act) ORDER BY d.id"""
)

_AT = text(
    """SELECT d.id, s.site_id FROM dose d JOIN subject s ON s.id = d.subject_id
        WHERE d.id = ANY(:doses) ORDER BY d.id"""
)


def tell_clinicians(work: Work, stopped: Stopped, reason: str, since: datetime.datetime | None = None) -> None:
    """A line for each dose that this stop concerns, in the one notice that this act opens at its site. `since`: from
    when on a storage unit was not well.

    Call it after the judgement, with the lots locked: then no dose is ordered or started from them in the meantime,
    and one that was a moment before is found. The answer names the notices.
    """
    work.session.flush()
    given = {"kind": stopped.kind, "id": stopped.id, "since": since or work.now, "act": work.act_id}
    _tell(work, stopped, reason, work.session.execute(_CONCERNED, given).all())


def tell_of_doses(work: Work, lost: Stopped, reason: str, doses: Sequence[Dose]) -> None:
    """A line in the notice for each of these doses, which counted on what is lost."""
    work.session.flush()
    found = work.session.execute(_AT, {"doses": [dose.id for dose in doses]}).all() if doses else ()
    _tell(work, lost, reason, found)


def _tell(work: Work, stopped: Stopped, reason: str, found: Sequence[Any]) -> None:
    notices = {one.site_id: one for one in work.session.scalars(select(Notice).where(Notice.act_id == work.act_id))}
    for site_id in sorted({row.site_id for row in found}):
        if site_id not in notices:
            notices[site_id] = work.add(_notice(work, stopped, reason, site_id), to=NoticeState.OPEN)
        _add_reason(notices[site_id], reason)
    rows = [{"notice_id": notices[row.site_id].id, "dose_id": row.id} for row in found]
    work.note_many(NoticeLine, rows)
    if notices:
        work.show(notices=[one.code for one in notices.values()])


def _notice(work: Work, stopped: Stopped, reason: str, site_id: int) -> Notice:
    return Notice(
        code=new_code(work, Kind.NOTICE),
        site_id=site_id,
        act_id=work.act_id,
        record_kind=stopped.kind,
        record_code=stopped.code,
        reason=reason,
        opened_at=work.now,
    )


def _add_reason(notice: Notice, reason: str) -> None:
    """An act may stop several things: each reason once, also where one says the same in more words."""
    if not any(reason in known or known in reason for known in notice.reason.splitlines()):
        notice.reason = f"{notice.reason}\n{reason}"


# --- answering --------------------------------------------------------------------------------


class DoseAnswer(BaseModel):
    """What was done about one dose. Empty: nothing is said of it yet."""

    model_config = ConfigDict(extra="forbid")
    dose: DoseCode = Field(title="Dose")
    done: Literal["patient_told", "patient_seen", "infusion_stopped", "nothing_needed", "other"] | None = Field(
        default=None, title="What was done"
    )
    note: Text | None = Field(
        default=None, title="Note", description="Whom you told, what was examined or given, what is watched."
    )


class AnswerNotice(TellingInput):
    """Answer a notice about stopped product."""

    notice: NoticeCode = Field(title="Notice")
    answers: list[DoseAnswer] = Field(title="Doses", min_length=1, max_length=MOST_LINES)


@act(AnswerNotice, area="quality")
def answer_notice(work: Work, given: AnswerNotice) -> Notice:
    """Say of each dose, or of some of them, what was done for the patient. Whoever answers stands beside the answer.

    Refuses a dose that is not in the notice, or is answered already; an infusion said to be stopped that is not; and
    “nothing needed” or “other” without a note.
    """
    notice = work.lock(Notice, given.notice)
    lines = _lines_of(work, notice)
    said = {answer.dose: answer for answer in given.answers if answer.done is not None or answer.note is not None}
    facts = [_facts(answer, lines.get(code)) for code, answer in said.items()]
    refusals = answer_refusals(notice.code, facts)
    left = [code for code, (line, _) in lines.items() if line.answered_at is None and code not in said]
    work.show(answered=len(said), left=len(left))
    target = NoticeState.OPEN if left else NoticeState.ACKNOWLEDGED
    work.judge(notice, refusals=refusals, to=target)
    for code, answer in said.items():
        _answer(work, lines[code][0], answer.done or "other", answer.note)
    work.session.flush()  # a notice ends after its last answer
    work.transition(notice, to=target)
    return notice


Lines = dict[str, tuple[NoticeLine, Dose]]


def _lines_of(work: Work, notice: Notice) -> Lines:
    """The lines of a notice by the code of their dose, each with the dose as it stands."""
    rows = select(NoticeLine, Dose).join(Dose, Dose.id == NoticeLine.dose_id).where(NoticeLine.notice_id == notice.id)
    found = work.session.execute(rows.order_by(NoticeLine.id).execution_options(populate_existing=True))
    return {dose.code: (line, dose) for line, dose in found}


def _facts(answer: DoseAnswer, found: tuple[NoticeLine, Dose] | None) -> AnswerFacts:
    line, dose = found or (None, None)
    return AnswerFacts(
        dose=answer.dose,
        state=dose.state if dose else None,
        is_answered=bool(line and line.answered_at),
        done=answer.done or "other",
        has_note=answer.note is not None,
    )


def _answer(work: Work, line: NoticeLine, done: str, note: str | None) -> None:
    line.done, line.note = done, note
    line.answered_at, line.answered_by_id = work.now, work.actor.id


_OPEN_ABOUT = (
    select(NoticeLine, Notice)
    .join(Notice, Notice.id == NoticeLine.notice_id)
    .where(NoticeLine.answered_at.is_(None))
    .order_by(Notice.id)
)


def note_not_given(work: Work, dose: Dose, reason: str) -> None:
    """A dose that came to nothing answers its lines by itself: it was not given. Call it after the judgement, with the
    dose locked."""
    about: Sequence[Any] = work.session.execute(
        _OPEN_ABOUT.where(NoticeLine.dose_id == dose.id).with_for_update(of=Notice, key_share=True)
    ).all()
    for line, _ in about:
        _answer(work, line, "not_given", reason)
    work.session.flush()
    for _, notice in about:
        if not any(line.answered_at is None for line, _ in _lines_of(work, notice).values()):
            work.transition(notice, to=NoticeState.ACKNOWLEDGED)
