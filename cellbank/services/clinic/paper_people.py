"""Whom a paper form names, as they stood then: their role and their training on that day, whatever became of them."""

import datetime
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.domain.rules.paper_form import Doer
from cellbank.records.work import Work

DREW, CHECKED = ("drew the dose up", "technician"), ("checked the dose", "clinician")


@dataclass(frozen=True)
class Named:
    """Somebody whom a form or the record names; no id: nobody here has that name, or it is not known yet who it is."""

    id: int | None
    name: str


_AS_WRITTEN = text("SELECT id, full_name FROM person WHERE id = person_as_written(:written)")
_OF_ID = text("SELECT id, full_name FROM person WHERE id = :id")
# Of the account and its trainings as they were then: the first change afterwards tells what was before it.
_THEN = text(
    """SELECT coalesce((SELECT c.before -> 'roles' FROM change c JOIN act a ON a.id = c.act_id
                         WHERE c.record_kind = 'person' AND c.record_id = p.id AND c.before ? 'roles' AND a.at > :at
                         ORDER BY c.id LIMIT 1), to_jsonb(p.roles)) ? :role AS had_role,
              EXISTS (SELECT FROM training t WHERE t.person_id = p.id AND t.role = :role
                         AND :on BETWEEN t.trained_on AND t.valid_until
                         AND (t.state = 'VALID' OR EXISTS (
                           SELECT FROM change c JOIN act a ON a.id = c.act_id
                            WHERE c.record_kind = 'training' AND c.record_id = t.id AND c.before ->> 'state' = 'VALID'
                              AND c.after ->> 'state' = 'REVOKED' AND a.at > :at))) AS was_trained
         FROM person p WHERE p.id = :person"""
)


def as_written(work: Work, written: str) -> Named:
    """The person of this sign-in name or full name; a name that nobody has stays as it is written."""
    row = work.session.execute(_AS_WRITTEN, {"written": written}).one_or_none()
    return Named(row.id, row.full_name) if row else Named(None, written)


def of_id(work: Work, person_id: int) -> Named:
    """The person with this id."""
    return Named(*work.session.execute(_OF_ID, {"id": person_id}).one())


def doer(
    work: Work,
    who: Named,
    what: tuple[str, str],
    at: datetime.datetime,
    on: datetime.date,
) -> Doer:
    """This person as they stood when they did it, `on` the date of the ward."""
    did, role = what
    if who.id is None:
        return Doer(None, who.name, did, role, on)
    then = work.session.execute(_THEN, {"person": who.id, "at": at, "on": on, "role": role}).one()
    return Doer(who.id, who.name, did, role, on, then.had_role, then.was_trained)
