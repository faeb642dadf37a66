"""What the hand-made pages read: the release board of a lot, the calendar of a subject, a dose."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from cellbank.domain.dose import Window, window
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.protocol import Protocol
from cellbank.services.clinic.enrolment import assessment_to_show
from cellbank.services.clinic.reactions import REACTIONS, Noted, reactions_of
from cellbank.services.clinic.standing import protocol_by_digest
from cellbank.services.clinic.steps import StepDone, dose_steps
from cellbank.services.clinic.thawing import PickLine, pick_list
from cellbank.services.installation import Installation, at_site
from cellbank.services.labels.label_printing import PrintedLabels, printings
from cellbank.services.quality.release_board import ReleaseBoard, release_board

Row = RowMapping


# --- lots -------------------------------------------------------------------------------------


def lot_board(
    installation: Installation, code: str, now: datetime.datetime, person_id: int | None = None
) -> ReleaseBoard | None:
    """The release board of a lot, for the person who looks at it."""
    with Session(installation.reads) as session:
        return release_board(session, code, now, person_id, installation.site)


# --- subjects ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannedInfusion:
    """One infusion of the plan: its dates (None before day 1 is known), and its live dose."""

    number: int
    day: int
    window: Window | None
    dose: Row | None
    state: str  # of the dose, or OPEN, DUE, MISSED, LATER


@dataclass(frozen=True)
class Calendar:
    """The plan of a subject: infusions, weights, doses that came to nothing."""

    subject: str
    trial_number: str
    arm: str
    receives: bool
    state: str
    first_on: datetime.date | None
    infusions: tuple[PlannedInfusion, ...]
    weights: tuple[Row, ...]
    ended: tuple[Row, ...]
    reactions: tuple[Noted, ...]  # to all doses, the latest first
    assessment: Mapping[str, Any] | None
    version: str = ""
    newest: str = ""  # the version of the protocol in force

    @property
    def next(self) -> PlannedInfusion | None:
        """The first infusion without a live dose."""
        return next((item for item in self.infusions if item.dose is None), None)


_SUBJECT = text(
    f"""SELECT s.id, s.code, s.trial_number, s.arm, s.receives_product, s.state, s.assessment, p.id AS protocol_id,
              p.version, p.digest, coalesce((SELECT n.version FROM definition n WHERE n.type = 'protocol'
                AND n.identifier = s.trial AND n.state = 'EFFECTIVE'), p.version) AS newest, site.timezone
         FROM subject s JOIN definition p ON p.id = s.protocol_id
         JOIN site ON site.id = s.site_id WHERE s.code = :code AND {at_site("s.site_id")}"""
)
_DOSES = text(
    f"""SELECT d.*, {REACTIONS}, l.code AS lot, w.weight_kg FROM dose d JOIN lot l ON l.id = d.lot_id
         LEFT JOIN weight w ON w.id = d.weight_id WHERE d.subject_id = :subject ORDER BY d.infusion_number, d.id"""
)
_WEIGHTS = text(
    """SELECT w.code, w.state, w.method, w.measured_at,
              CASE WHEN w.state = 'CONFIRMED' THEN w.weight_kg END AS weight_kg
         FROM weight w WHERE w.subject_id = :subject ORDER BY w.measured_at DESC, w.id DESC LIMIT 6"""
)


def calendar(installation: Installation, code: str, now: datetime.datetime) -> Calendar | None:
    """The calendar of a subject, as it stands today at the ward. A weight that waits for its second reading is hidden,
    for the second person must read the scale and not the screen."""
    with Session(installation.reads) as session:
        subject = session.execute(_SUBJECT, {"code": code, "site": installation.site}).one_or_none()
        if subject is None:
            return None
        doses = session.execute(_DOSES, {"subject": subject.id}).mappings().all()
        weights = session.execute(_WEIGHTS, {"subject": subject.id}).mappings().all()
        protocol = protocol_by_digest(session, subject.protocol_id, subject.digest)
    zone = ZoneInfo(subject.timezone)
    live = {
        dose["infusion_number"]: dose
        for dose in doses
        if dose["state"] not in (DoseState.CANCELLED, DoseState.DISCARDED)
    }
    first_on = _first_infusion_on(live.get(1), zone)
    today = now.astimezone(zone).date()
    numbers = [item.number for item in protocol.dosing.infusions] if subject.receives_product else []
    infusions = tuple(_planned(protocol, number, live.get(number), first_on, today) for number in numbers)
    ended = tuple(dose for dose in doses if dose["state"] in (DoseState.CANCELLED, DoseState.DISCARDED))
    reactions = [one for dose in doses for one in reactions_of(dose["reactions"])]
    return Calendar(
        subject.code,
        subject.trial_number,
        subject.arm,
        subject.receives_product,
        subject.state,
        first_on,
        infusions,
        tuple(weights),
        ended,
        tuple(reversed(reactions)),
        assessment_to_show(subject.assessment),
        subject.version,
        subject.newest,
    )


def _first_infusion_on(dose: Row | None, zone: ZoneInfo) -> datetime.date | None:
    """Day 1: when the first infusion began, or for when it is planned."""
    if dose is None:
        return None
    started = dose["infusion_started_at"]
    day_one: datetime.date = started.astimezone(zone).date() if started else dose["planned_on"]
    return day_one


def _planned(
    protocol: Protocol, number: int, dose: Row | None, first_on: datetime.date | None, today: datetime.date
) -> PlannedInfusion:
    dates = window(protocol, number, first_on) if first_on else None
    day = protocol.dosing.infusion(number).day
    if dose is not None:
        return PlannedInfusion(number, day, dates, dose, dose["state"])
    if dates is None:
        state = "OPEN" if number == 1 else "LATER"
    elif today > dates.latest_on:
        state = "MISSED"
    else:
        state = "DUE" if dates.holds(today) else "LATER"
    return PlannedInfusion(number, day, dates, None, state)


# --- doses ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DoseBoard:
    """A dose with its arithmetic, its vials and its labels. `picks` are the vials that stand in the tank, in its order:
    those to pick, and the spare ones that stay there until they are called."""

    row: Row
    vials: tuple[Row, ...]
    picks: tuple[PickLine, ...]
    reactions: tuple[Noted, ...]
    printed: tuple[PrintedLabels, ...]
    steps: tuple[StepDone, ...]

    @property
    def to_pick(self) -> tuple[PickLine, ...]:
        """What is to be fetched now."""
        return tuple(line for line in self.picks if not line.spare)

    @property
    def may_call_a_spare(self) -> bool:
        """Whether the dose has all that was called, and one more stands in the tank for it."""
        called = self.row["state"] in (DoseState.PICKED, DoseState.THAWING) or (
            self.row["state"] == DoseState.COUNTED and self.row["is_short"]
        )
        return bool(called and self.picks and not self.to_pick)


_DOSE = text(
    f"""SELECT d.*, {REACTIONS}, s.code AS subject, s.trial_number, right(s.second_identifier, 4) AS identifier_end,
              s.sex, l.code AS lot, w.weight_kg,
              prepared.full_name AS prepared_by, first.full_name AS first_checked_by,
              second.full_name AS second_checked_by
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id
         LEFT JOIN weight w ON w.id = d.weight_id LEFT JOIN person prepared ON prepared.id = d.prepared_by_id
         LEFT JOIN person first ON first.id = d.first_checked_by_id
         LEFT JOIN person second ON second.id = d.second_checked_by_id
        WHERE d.code = :code AND {at_site("s.site_id")}"""
)
_VIALS = text("SELECT v.code, v.number, v.state FROM vial v WHERE v.dose_id = :dose ORDER BY v.number")


def dose_board(installation: Installation, code: str) -> DoseBoard | None:
    """A dose and everything around it; None when there is no such dose at the site that is looked at."""
    with Session(installation.reads) as session:
        row = session.execute(_DOSE, {"code": code, "site": installation.site}).mappings().one_or_none()
        if row is None:
            return None
        vials = session.execute(_VIALS, {"dose": row["id"]}).mappings().all()
        reactions = reactions_of(row["reactions"])
        return DoseBoard(
            row,
            tuple(vials),
            tuple(pick_list(session, code)),
            reactions,
            tuple(printings(session, code)),
            dose_steps(session.connection(), row["id"]),
        )


def labels_of(installation: Installation, code: str) -> tuple[PrintedLabels, ...]:
    """What was printed for a record."""
    with Session(installation.reads) as session:
        return tuple(printings(session, code))
