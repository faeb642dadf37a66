"""Who is known already: the numbers of a trial, the same patient in another trial of this bank, how full a trial is."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select, text

from cellbank.domain.dose import date_of_day
from cellbank.domain.folding import skeleton
from cellbank.domain.lifecycle.states import DefinitionState, SubjectState
from cellbank.domain.rules.enrolment import OtherTrial, TrialFacts
from cellbank.records.clinic import Subject
from cellbank.records.people import Definition
from cellbank.records.work import Work
from cellbank.services.clinic.standing import protocol_by_digest
from cellbank.services.common import read_protocol
from cellbank.services.site_time import local_day


def who_has(work: Work, trial: str, number: Any, given: str) -> tuple[str | None, int | None]:
    """The subject of a trial, under any version of its protocol, whose folded `number` (a column) is this one, by its
    code and its site; nobody: neither."""
    of_it = select(Subject.code, Subject.site_id).where(Subject.trial == trial, number == skeleton(given))
    found = work.session.execute(of_it).first()
    return (found.code, found.site_id) if found else (None, None)


# At every site: a patient moves between hospitals. Somebody who withdrew or failed screening takes part no more.
_ELSEWHERE = text(
    """SELECT s.trial, s.code, s.trial_number, s.state, s.consented_on, p.id AS protocol_id, p.digest, x.timezone,
              (SELECT min(d.infusion_started_at) FROM dose d WHERE d.subject_id = s.id) AS first_at
         FROM subject s JOIN definition p ON p.id = s.protocol_id JOIN site x ON x.id = s.site_id
        WHERE s.second_identifier_key = :key AND s.born_on = :born_on AND s.trial <> :trial
          AND s.state IN ('SCREENING', 'ENROLLED', 'COMPLETED') ORDER BY s.id"""
)


def other_trials(work: Work, trial: str, second_identifier: str, born_on: datetime.date) -> tuple[OtherTrial, ...]:
    """The other trials of this bank in which the same patient takes part today."""
    same = {"key": skeleton(second_identifier), "born_on": born_on, "trial": trial}
    found = (_other_trial(work, row) for row in work.session.execute(_ELSEWHERE, same))
    today = local_day(work, work.now)
    return tuple(one for one in found if one.goes_on(today))


def _other_trial(work: Work, row: Row[Any]) -> OtherTrial:
    last = None if row.state != SubjectState.COMPLETED else _last_day(work, row)
    return OtherTrial(row.trial, row.code, row.trial_number, last)


def _last_day(work: Work, row: Row[Any]) -> datetime.date:
    """The last day of the follow-up: counted from the first infusion, or without one from the consent."""
    protocol = protocol_by_digest(work.session, row.protocol_id, row.digest)
    first = row.first_at.astimezone(ZoneInfo(row.timezone)).date() if row.first_at else row.consented_on
    return date_of_day(first, protocol.last_study_day)


def in_words(others: tuple[OtherTrial, ...]) -> list[str]:
    """The other trials as they are shown: by the numbers of the trials, never by who it is."""
    return [f"{one.trial}: subject {one.trial_number} ({one.subject})" for one in others]


def trial_facts(work: Work, version: Definition) -> TrialFacts:
    """How full the trial is, by the number of subjects that this version of its protocol plans."""
    taken = select(func.count()).where(Subject.trial == version.identifier, Subject.place.is_not(None))
    planned = read_protocol(version.content).planned_subjects
    return TrialFacts(version.identifier, planned, work.session.scalars(taken).one())


def version_in_force(work: Work, subject: Subject) -> Definition:
    """The version of the subject's protocol in force; its own where none is."""
    same = select(Definition).where(Definition.type == "protocol", Definition.identifier == subject.trial)
    newest = work.session.scalar(same.where(Definition.state == DefinitionState.EFFECTIVE))
    return newest or work.session.get_one(Definition, subject.protocol_id)
