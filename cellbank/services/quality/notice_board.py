"""What the page of a notice shows: what was stopped and why, and each dose as it stands now with its answer."""

import datetime
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.domain.lifecycle.states import DoseState
from cellbank.services.installation import Installation, at_site


@dataclass(frozen=True)
class DoseToTell:
    """One dose of a notice. `is_stopped`: quality does not let the subject have the lot now."""

    code: str
    state: str
    subject: str
    trial_number: str
    infusion_number: int
    day: int
    planned_on: datetime.date
    given_at: datetime.datetime | None
    lot: str
    is_stopped: bool
    done: str | None
    note: str | None
    answered_at: datetime.datetime | None
    answered_by: str | None

    @property
    def runs(self) -> bool:
        """Whether stopped product is running into the patient now."""
        return self.is_stopped and self.state == DoseState.INFUSING

    @property
    def waits(self) -> bool:
        """Whether it would still be given, and must not be."""
        return self.is_stopped and self.given_at is None and self.done != "not_given"


@dataclass(frozen=True)
class NoticeBoard:
    """A notice with its doses: what runs first, then what is still to come, then what was given. `lifted_at`: when the
    last hold of it was lifted; None while one is in force, and where nothing was put on hold."""

    code: str
    kind: str
    stopped: str
    reasons: tuple[str, ...]
    opened_at: datetime.datetime
    stopped_by: str | None
    lifted_at: datetime.datetime | None
    doses: tuple[DoseToTell, ...]

    @property
    def waiting(self) -> tuple[DoseToTell, ...]:
        """The doses of which nobody has said yet what was done."""
        return tuple(sorted((one for one in self.doses if one.answered_at is None), key=_gravest_first))

    @property
    def answered(self) -> tuple[DoseToTell, ...]:
        """The others."""
        return tuple(one for one in self.doses if one.answered_at is not None)


def _gravest_first(dose: DoseToTell) -> tuple[bool, bool, str, int]:
    return (not dose.runs, not dose.waits, dose.trial_number, dose.infusion_number)


_NOTICE = text(
    f"""SELECT n.id, n.record_kind, n.record_code, n.reason, n.opened_at, p.full_name,
              holds_lifted_at(n.act_id) AS lifted_at
         FROM recall_notice n
         LEFT JOIN act a ON a.id = n.act_id LEFT JOIN person p ON p.id = a.person_id
         WHERE n.code = :code AND {at_site("n.site_id")}"""
)
_DOSES = text(
    """SELECT d.code, d.state, s.code AS subject, s.trial_number, d.infusion_number, d.day, d.planned_on,
              d.infusion_started_at, l.code AS lot, NOT lot_is_for(l.id, s.id), a.done, a.note, a.answered_at,
              p.full_name
         FROM notice_line a JOIN dose d ON d.id = a.dose_id JOIN subject s ON s.id = d.subject_id
         JOIN lot l ON l.id = d.lot_id LEFT JOIN person p ON p.id = a.answered_by_id
        WHERE a.notice_id = :notice ORDER BY s.trial_number, d.infusion_number, d.id"""
)


def notice_board(installation: Installation, code: str) -> NoticeBoard | None:
    """The notice with this code; None when there is none at the site that is looked at."""
    with installation.reads.connect() as connection:
        row = connection.execute(_NOTICE, {"code": code, "site": installation.site}).one_or_none()
        if row is None:
            return None
        doses = connection.execute(_DOSES, {"notice": row.id}).all()
    reasons = tuple(row.reason.splitlines())
    return NoticeBoard(
        code,
        row.record_kind,
        row.record_code,
        reasons,
        row.opened_at,
        row.full_name,
        row.lifted_at,
        tuple(DoseToTell(*dose) for dose in doses),
    )
