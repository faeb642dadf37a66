"""Reagent lots: received into quarantine, decided by a quality officer, opened, recalled; used in reagent_use.py."""

from typing import Literal

from pydantic import Field, model_validator
from sqlalchemy import exists, select

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ReagentState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.names import reads_alike
from cellbank.domain.rules.reagent import (
    ReagentFacts,
    acceptance_refusals,
    expiry_refusals,
    opening_refusals,
)
from cellbank.records.production import ReagentLot, ReagentUse
from cellbank.records.quality import Hold
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.common import asked_about, new_code, time_refusals
from cellbank.services.inputs import Date, Identifier, Improbable, OneLine, ReagentCode, Reason
from cellbank.services.production.reagent_use import ReagentAmount, reagent_facts
from cellbank.services.site_time import local_day
from cellbank.services.stopping.holding import lots_reached, place_hold

LONGEST_OPEN_DAYS = 3650


class ReceiveReagent(TellingInput):
    """Receive a reagent lot."""

    name: OneLine = Field(title="Reagent")
    manufacturer: OneLine = Field(title="Manufacturer")
    manufacturer_lot: Identifier = Field(title="Lot number of the manufacturer")
    certificate: Identifier | None = Field(
        default=None, title="Certificate of analysis", description="Without it nothing is accepted."
    )
    expires_on: Date = Field(title="Expires on", description="The last day on which it may be used.")
    quantity: ReagentAmount | None = Field(
        default=None, title="Amount", description="Only where the amount is to be counted."
    )
    unit: Literal["mL", "g", "mg", "pieces"] | None = Field(default=None, title="Unit of the amount")
    days_once_open: int | None = Field(
        default=None,
        title="Days that it keeps once open",
        description="Where that is shorter than its expiry.",
        ge=0,
        le=LONGEST_OPEN_DAYS,
    )
    improbable_because: Improbable = None

    @model_validator(mode="after")
    def _amount_and_unit(self) -> "ReceiveReagent":
        if (self.quantity is None) != (self.unit is None):
            raise ValueError("give the amount with its unit, or neither")
        return self


@act(ReceiveReagent, begun_by={"technician": 2})
def receive_reagent(work: Work, given: ReceiveReagent) -> ReagentLot:
    """Take a lot in, into quarantine. Refuses one that has expired; asks about a number that reads like that of another
    lot and is spelled otherwise."""
    today = local_day(work, work.happened)
    facts = ReagentFacts(given.manufacturer_lot, given.name, ReagentState.ACCEPTED, given.expires_on, today)
    alike = ReagentLot.manufacturer_lot_key == skeleton(given.manufacturer_lot)
    here = ReagentLot.site_id == work.actor.site_id
    others = work.session.execute(select(ReagentLot.manufacturer_lot, ReagentLot.code).where(alike, here)).all()
    doubted = asked_about(work, reads_alike(given.manufacturer_lot, others), given.improbable_because)
    work.judge(ReagentLot, refusals=expiry_refusals(facts) or doubted)
    return work.add(
        ReagentLot(
            site_id=work.actor.site_id,
            code=new_code(work, Kind.REAGENT),
            received_by_id=work.actor.id,
            quantity_received=given.quantity,
            quantity_left=given.quantity,
            **given.model_dump(exclude={"quantity", "improbable_because"} | given.TOLD),
        )
    )


class DecideReagent(SignedInput):
    """Decide about a reagent lot."""

    reagent: ReagentCode = Field(title="Reagent lot")
    decision: Literal["accept", "reject"] = Field(title="Decision")
    certificate: Identifier | None = Field(
        default=None, title="Certificate of analysis", description="Where it came after the reagent."
    )
    reason: Reason


@act(DecideReagent)
def decide_reagent(work: Work, given: DecideReagent) -> ReagentLot:
    """Accept or reject a lot. Refuses to accept one that has expired or has no certificate, and to decide the same
    thing again. Rejecting one that has been used stops every lot that it touched."""
    reagent = work.lock(ReagentLot, given.reagent)
    target = {"accept": ReagentState.ACCEPTED, "reject": ReagentState.REJECTED}[given.decision]
    certificate = given.certificate or reagent.certificate
    stops = target == ReagentState.REJECTED and _is_used(work, reagent)
    if stops:
        lots_reached(work, reagent)  # locked before the judgement; the hold stops them after it
    refusals = _cannot_accept(work, reagent, certificate) if target == ReagentState.ACCEPTED else ()
    work.judge(reagent, *((Hold,) if stops else ()), refusals=refusals, to=target)
    reagent.decision_reason, reagent.certificate = given.reason, certificate
    work.transition(reagent, to=target)
    if stops:
        place_hold(work, reagent, reason=f"Reagent {reagent.code} ({reagent.name}) rejected after use: {given.reason}")
    return reagent


def _cannot_accept(work: Work, reagent: ReagentLot, certificate: str | None) -> tuple[Refusal, ...]:
    facts = reagent_facts(work, reagent, local_day(work, work.now))
    return (*expiry_refusals(facts), *acceptance_refusals(reagent.code, certificate))


def _is_used(work: Work, reagent: ReagentLot) -> bool:
    return bool(work.session.scalar(select(exists().where(ReagentUse.reagent_lot_id == reagent.id))))


class OpenReagent(TellingInput):
    """Open a reagent lot."""

    EARLIER_NAME = "opened_at"
    reagent: ReagentCode = Field(title="Reagent lot")


@act(OpenReagent)
def open_reagent(work: Work, given: OpenReagent) -> ReagentLot:
    """Note when a lot was opened: from then on it is good until the earlier of its expiry and its days once open.

    Refuses one that is not accepted, has expired, or was opened before.
    """
    reagent = work.lock(ReagentLot, given.reagent)
    at = work.happened
    opened_on = None if reagent.opened_at is None else local_day(work, reagent.opened_at)
    facts = reagent_facts(work, reagent, local_day(work, at))
    refusals = (*opening_refusals(reagent.code, opened_on), *expiry_refusals(facts))
    work.judge(reagent, refusals=(*refusals, *time_refusals(work, "The opening", at)))
    reagent.opened_at = at
    work.transition(reagent)
    return reagent


class RecallReagent(SignedInput):
    """Recall a reagent lot."""

    reagent: ReagentCode = Field(title="Reagent lot")
    reason: Reason


@act(RecallReagent, likely="rarely", previews="reagent_lot")
def recall_reagent(work: Work, given: RecallReagent) -> ReagentLot:
    """Take a lot out of use that its maker, or we, call back, and stop every lot that it touched, also one that is
    frozen later. The answer names them."""
    reagent = work.lock(ReagentLot, given.reagent)
    lots_reached(work, reagent)  # locked before the judgement; the hold stops them after it
    work.judge(reagent, Hold)
    reagent.recall_reason = given.reason
    work.transition(reagent)
    place_hold(work, reagent, reason=f"Reagent {reagent.code} ({reagent.name}) recalled: {given.reason}")
    return reagent
