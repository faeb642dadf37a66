"""Deviations: opened by whoever finds one, linked to what it touches, investigated, decided and signed by another."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.lifecycle.states import ActionState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.deviation import (
    Classification,
    PlannedAction,
    closing_refusals,
    due_day,
    lowering_refusals,
    moved_due_day,
    raising_refusals,
)
from cellbank.records.deviations import CorrectiveAction, Deviation, DeviationLink
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import time_refusals
from cellbank.services.finding.lineage import Touched, find_records, with_what_they_are_of
from cellbank.services.inputs import AnyCodes, DeviationCode, Moment, OneLine, Reason, Text
from cellbank.services.site_time import local_day
from cellbank.services.stopping.deviation_opening import link, opened


class OpenDeviation(ActInput):
    """Open a deviation."""

    records: AnyCodes = Field(
        default=[],
        title="What it touches",
        description="Scan every record: vials, lots, cultures, doses, reagents, tanks. A dose stands for itself alone: "
        "scan its lot too if that is in doubt.",
    )
    title: OneLine = Field(title="In one line")
    description: Text = Field(title="What happened, and what was done at once")
    classification: Classification = Field(title="Classification")
    occurred_at: Moment | None = Field(default=None, title="When it happened")


@act(OpenDeviation, likely="rarely", begun_by={"quality_officer": 2})
def open_deviation(work: Work, given: OpenDeviation) -> Deviation:
    """Open a deviation and link it to what was scanned, and to what that is of. A major or critical one stops the
    release of every lot that it touches by lineage. Refuses a record that is not here, and a time to come."""
    at = given.occurred_at or work.now
    links = with_what_they_are_of(work, find_records(work, given.records))
    due_on = due_day(local_day(work, work.now), given.classification)
    work.show(due_on=due_on.isoformat(), links=[link.code for link in links])
    work.judge(Deviation, refusals=time_refusals(work, "The deviation", at))
    return opened(work, links, given.title, given.description, given.classification, at)


class LinkDeviation(ActInput):
    """Link a deviation to more records."""

    deviation: DeviationCode = Field(title="Deviation")
    records: AnyCodes = Field(title="What it touches too", min_length=1)


@act(LinkDeviation, likely="rarely")
def link_deviation(work: Work, given: LinkDeviation) -> Deviation:
    """Link a deviation to what else it turns out to touch. A link is never taken back; refuses records that are all
    linked already."""
    deviation = work.lock(Deviation, given.deviation)
    found = with_what_they_are_of(work, find_records(work, given.records))
    known = _links_of(work, deviation)
    links = [link for link in found if link not in known]
    sentence = "Deviation {deviation} is linked to all of these already."
    nothing = () if links else (refuse(Code.ALREADY_EXISTS, sentence, deviation=deviation.code),)
    work.show(links=[link.code for link in links])
    work.judge(deviation, refusals=nothing)
    link(work, deviation, links)
    return deviation


def _links_of(work: Work, deviation: Deviation) -> set[Touched]:
    columns = select(DeviationLink.record_kind, DeviationLink.record_id, DeviationLink.record_code)
    return {Touched(*row) for row in work.session.execute(columns.where(DeviationLink.deviation_id == deviation.id))}


class ClassifyDeviation(ActInput):
    """Classify a deviation anew."""

    deviation: DeviationCode = Field(title="Deviation")
    classification: Classification = Field(title="Classification")
    reason: Reason


@act(ClassifyDeviation)
def classify_deviation(work: Work, given: ClassifyDeviation) -> Deviation:
    """Make a deviation graver; its due date moves with it, counted from the opening. Refuses what is not graver: that
    is signed, by another."""
    return _classify(work, given, raising_refusals)


class LowerDeviation(SignedInput):
    """Lower a deviation."""

    deviation: DeviationCode = Field(title="Deviation")
    classification: Literal["minor", "major"] = Field(title="Classification")
    reason: Reason


@act(LowerDeviation, likely="rarely")
def lower_deviation(work: Work, given: LowerDeviation) -> Deviation:
    """Make an investigated deviation less grave, signed by somebody who neither opened nor investigated it: a minor
    one stops no release. What waits for a clinician's decision goes on to wait for it."""
    return _classify(work, given, lowering_refusals)


def _classify(
    work: Work,
    given: ClassifyDeviation | LowerDeviation,
    judged: Callable[[str, Classification, Classification], tuple[Refusal, ...]],
) -> Deviation:
    deviation = work.lock(Deviation, given.deviation)
    before: Classification = deviation.classification  # type: ignore[assignment]  # by a CHECK
    due_on = moved_due_day(deviation.due_on, before, given.classification)
    work.show(due_on=due_on.isoformat())
    work.judge(deviation, refusals=judged(deviation.code, before, given.classification))
    deviation.classification, deviation.due_on = given.classification, due_on
    work.transition(deviation)
    return deviation


class InvestigateDeviation(ActInput):
    """Investigate a deviation."""

    deviation: DeviationCode = Field(title="Deviation")
    investigation: Text = Field(title="What was looked at and found")
    root_cause: Text = Field(title="Root cause")


@act(InvestigateDeviation)
def investigate_deviation(work: Work, given: InvestigateDeviation) -> Deviation:
    """Write down the investigation and its root cause; a later one replaces it, and the trail keeps both."""
    deviation = work.lock(Deviation, given.deviation)
    work.judge(deviation)
    deviation.investigation, deviation.root_cause = given.investigation, given.root_cause
    deviation.investigated_by_id = work.actor.id
    work.transition(deviation)
    return deviation


class CloseDeviation(SignedInput):
    """Close a deviation."""

    deviation: DeviationCode = Field(title="Deviation")
    decision: Text = Field(title="Decision", description="What becomes of the records that it touches, and why.")


@act(CloseDeviation)
def close_deviation(work: Work, given: CloseDeviation) -> Deviation:
    """Decide and sign; by somebody who neither opened nor investigated it. Refuses while a corrective action is not
    done."""
    deviation = work.lock(Deviation, given.deviation)
    work.judge(deviation, refusals=closing_refusals(deviation.code, _planned(work, deviation)))
    deviation.decision, deviation.closed_at, deviation.closed_by_id = given.decision, work.now, work.actor.id
    work.transition(deviation)
    return deviation


def _planned(work: Work, deviation: Deviation) -> tuple[PlannedAction, ...]:
    columns = select(CorrectiveAction.code, CorrectiveAction.type)
    planned = columns.where(
        CorrectiveAction.deviation_id == deviation.id, CorrectiveAction.state == ActionState.PLANNED
    )
    return tuple(PlannedAction(*row) for row in work.session.execute(planned.order_by(CorrectiveAction.id)))


class ReopenDeviation(SignedInput):
    """Reopen a deviation."""

    deviation: DeviationCode = Field(title="Deviation")
    reason: Reason


@act(ReopenDeviation)
def reopen_deviation(work: Work, given: ReopenDeviation) -> Deviation:
    """Take a closed deviation up again, signed; it is due as if it were opened now, and stops releases again. What was
    investigated and decided stays until it is written anew."""
    deviation = work.lock(Deviation, given.deviation)
    work.judge(deviation)
    deviation.closed_at = deviation.closed_by_id = None
    deviation.due_on = due_day(local_day(work, work.now), deviation.classification)  # type: ignore[arg-type]  # by a CHECK
    work.transition(deviation)
    return deviation
