"""Reagent lots: received into quarantine, decided by a quality officer, used by scan."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from sqlalchemy import func, select

from cellbank.domain.identifiers import Kind
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.reagent import ReagentFacts, reagent_refusals
from cellbank.records.production import ReagentLot, ReagentUse
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import Date, Identifier, Line, ReagentCode, Reason, each_once
from cellbank.services.site_time import local_day

ScannedReagents = Annotated[
    list[ReagentCode],
    Field(
        title="Reagent lots", description="Scan every medium, enzyme and solution used.", min_length=1, max_length=50
    ),
    AfterValidator(each_once),
]


class ReceiveReagent(ActInput):
    """Receive a reagent lot."""

    name: Line = Field(title="Reagent")
    manufacturer: Line = Field(title="Manufacturer")
    manufacturer_lot: Identifier = Field(title="Lot number of the manufacturer")
    certificate: Identifier | None = Field(default=None, title="Certificate of analysis")
    expires_on: Date = Field(title="Expires on", description="The last day on which it may be used.")


@act(ReceiveReagent)
def receive_reagent(work: Work, given: ReceiveReagent) -> ReagentLot:
    """Take a lot in, into quarantine. Refuses one that has expired."""
    facts = ReagentFacts(given.manufacturer_lot, given.name, "ACCEPTED", given.expires_on, local_day(work, work.now))
    work.judge(ReagentLot, refusals=reagent_refusals(facts))
    return work.add(
        ReagentLot(
            site_id=work.actor.site_id,
            code=new_code(work, Kind.REAGENT),
            received_by_id=work.actor.id,
            **given.model_dump(),
        )
    )


class DecideReagent(SignedInput):
    """Decide about a reagent lot."""

    reagent: ReagentCode = Field(title="Reagent lot")
    decision: Literal["accept", "reject"] = Field(title="Decision")
    reason: Reason


@act(DecideReagent)
def decide_reagent(work: Work, given: DecideReagent) -> ReagentLot:
    """Accept or reject a lot. Refuses to accept one that has expired, and to decide the same thing again."""
    reagent = work.lock(ReagentLot, given.reagent)
    target = {"accept": "ACCEPTED", "reject": "REJECTED"}[given.decision]
    refusals = _cannot_accept(work, reagent) if target == "ACCEPTED" else ()
    work.judge(reagent, refusals=refusals, to=target)
    reagent.decision_reason = given.reason
    work.transition(reagent, to=target)
    return reagent


def _cannot_accept(work: Work, reagent: ReagentLot) -> list[Refusal]:
    facts = _facts(reagent, local_day(work, work.now))
    return [reason for reason in reagent_refusals(facts) if reason.code is Code.REAGENT_EXPIRED]


def _facts(reagent: ReagentLot, used_on: datetime.date) -> ReagentFacts:
    return ReagentFacts(reagent.code, reagent.name, reagent.state, reagent.expires_on, used_on)


def lock_reagents(
    work: Work, codes: Sequence[str], used_at: datetime.datetime
) -> tuple[list[ReagentLot], tuple[Refusal, ...]]:
    """The scanned reagent lots, kept from being rejected until the end of the act though others may use them too, and
    the reasons why any may not be used. Call it before the judgement, `use_reagents` after. Refuses NOT_FOUND."""
    statement = select(ReagentLot).where(ReagentLot.code == func.any(list(codes))).order_by(ReagentLot.id)
    found = list(work.session.scalars(statement if work.dry_run else statement.with_for_update(read=True)))
    missing = set(codes) - {reagent.code for reagent in found}
    if missing:
        raise Refused([_unknown(code) for code in sorted(missing)])
    used_on = local_day(work, used_at)
    return found, tuple(reason for reagent in found for reason in reagent_refusals(_facts(reagent, used_on)))


def _unknown(code: str) -> Refusal:
    return refuse(Code.NOT_FOUND, "There is no reagent {code} here. Receive it first, or scan it again.", code=code)


def use_reagents(
    work: Work,
    reagents: Sequence[ReagentLot],
    *,
    used_at: datetime.datetime,
    culture_ids: Sequence[int] = (),
    lot_id: int | None = None,
) -> None:
    """Note that these reagent lots went into these cultures, or into this lot: one statement for all of them."""
    targets: list[dict[str, int | None]] = [{"culture_id": one, "lot_id": None} for one in culture_ids]
    if lot_id is not None:
        targets.append({"culture_id": None, "lot_id": lot_id})
    rows = [{"reagent_lot_id": reagent.id, "used_at": used_at, **target} for target in targets for reagent in reagents]
    if rows:
        work.note_many(ReagentUse, rows)
