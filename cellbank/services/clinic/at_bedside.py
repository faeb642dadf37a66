"""What the screens ask about a dose while they show it: may it still be given, and what is the label in the hand.

Reads only, one statement each, and no row in the trail: a screen asks every few seconds.
"""

import datetime
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.refusals import Refusal, gravest_first
from cellbank.domain.rules.infusion import (
    ended_refusals,
    label_refusals,
    standing_refusals,
    symbol_refusals,
)
from cellbank.domain.scans import Scan, read_scan
from cellbank.services.clinic.infusion import infusion_facts, label_time
from cellbank.services.clinic.standing import DoseStanding, dose_standing
from cellbank.services.installation import Installation


@dataclass(frozen=True)
class Judged:
    """How a dose stands at this moment, by the rule of the bedside; no refusal: nothing speaks against it."""

    dose: str
    state: str
    refusals: tuple[Refusal, ...]
    at: datetime.datetime


def judge_standing(installation: Installation, code: str, now: datetime.datetime) -> Judged | None:
    """Judge the dose as it stands now; None when there is no such dose at the site that is looked at.

    An infusion that runs is judged by the day on which it began: it does not leave its window at midnight. While the
    clocks differ nothing is judged.
    """
    if installation.clocks.differ:
        return None
    with Session(installation.reads) as session:
        standing = _here(installation, dose_standing(session, code, now))
        if standing is None:
            return None
        state, started = standing.row.state, standing.row.infusion_started_at
        if state == DoseState.INFUSING and started is not None:
            standing = dose_standing(session, code, started) or standing
    refusals = standing_refusals(state, infusion_facts(standing, now, None))
    return Judged(code, state, gravest_first(refusals), now)


@dataclass(frozen=True)
class LabelRead:
    """A scan in the field for the dose label. `hints`: it is another symbol, to be named for what it is. `refusals`:
    nothing under this label may be given."""

    code: str
    hints: tuple[Refusal, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def read_label(installation: Installation, raw: str, now: datetime.datetime) -> LabelRead:
    """Look at what was scanned as a dose label. A dose that is not known here has neither hint nor refusal: the check
    says so."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled) or scan.kind is not Kind.DOSE:
        return LabelRead("", hints=symbol_refusals(scan))
    standing = _standing_here(installation, scan.code, now)
    if standing is None:
        return LabelRead(scan.code, hints=symbol_refusals(scan))
    refusals = ended_refusals(scan.code, standing.row.state)
    hints = () if refusals else symbol_refusals(scan)
    old = () if hints else label_refusals(scan.code, scan, label_time(standing))
    return LabelRead(scan.code, hints, refusals or old)


def outdated_refusals(installation: Installation, scan: Scan, now: datetime.datetime) -> tuple[Refusal, ...]:
    """Why this is an old label of a dose that is still about, wherever it is scanned. The number alone says nothing."""
    if scan.kind is not Kind.DOSE or "expires" not in scan.extras:
        return ()
    standing = _standing_here(installation, scan.code, now)
    return label_refusals(scan.code, scan, label_time(standing)) if standing else ()


def _standing_here(installation: Installation, code: str, now: datetime.datetime) -> DoseStanding | None:
    with Session(installation.reads) as session:
        return _here(installation, dose_standing(session, code, now))


def _here(installation: Installation, standing: DoseStanding | None) -> DoseStanding | None:
    """Nothing of a dose of another site."""
    return standing if standing is not None and installation.site in (None, standing.row.site_id) else None
