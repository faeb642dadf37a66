"""Reagent lots used by scan: which may be used, how much of each, and what they went into."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from sqlalchemy import func, select

from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.reagent import ReagentFacts, reagent_refusals, shares
from cellbank.records.production import ReagentLot, ReagentUse
from cellbank.records.work import Work
from cellbank.services.inputs import ReagentCode, each_once
from cellbank.services.site_time import local_day

MOST = 50
_AMOUNT = Quantity("The amount", "", "as a plain number", Decimal("0.001"), Decimal(1_000_000), 3)
ReagentAmount = Annotated[Decimal, BeforeValidator(partial(parse_decimal, quantity=_AMOUNT))]

ScannedReagents = Annotated[
    list[ReagentCode],
    Field(
        title="Reagent lots", description="Scan every medium, enzyme and solution used.", min_length=1, max_length=MOST
    ),
    AfterValidator(each_once),
]
ReagentAmounts = Annotated[
    dict[ReagentCode, ReagentAmount],
    Field(
        default_factory=dict,
        title="Amounts used",
        description="For each reagent lot that is counted: its code, and the amount in its unit, all vessels together.",
        max_length=MOST,
        json_schema_extra={"pair": ["Reagent lot", "Amount"]},
    ),
]


def amounts_of_the_reagents(given: Any) -> Any:
    """Refuse an amount of a reagent that is not among those used; for a model with `reagents` and
    `reagent_quantities`."""
    strangers = [code for code in given.reagent_quantities if code not in given.reagents]
    if strangers:
        raise ValueError(f"an amount of {', '.join(strangers)}, not among the reagent lots: scan it there too")
    return given


def lock_reagents(
    work: Work, codes: Sequence[str], used_at: datetime.datetime, amounts: Mapping[str, Decimal]
) -> tuple[list[ReagentLot], tuple[Refusal, ...]]:
    """The scanned reagent lots, kept from being rejected until the end of the act, and the reasons why any may not be
    used. Call it before the judgement, `use_reagents` after. Refuses NOT_FOUND.

    Others may use them at the same time, unless amounts are taken: then they are locked as what is changed is, and at
    once, for two acts that both share a lock and then want more would wait for each other.
    """
    statement = select(ReagentLot).where(ReagentLot.code == func.any(list(codes))).order_by(ReagentLot.id)
    if not work.dry_run:
        locked = statement.with_for_update(key_share=bool(amounts), read=not amounts)
        statement = locked.execution_options(populate_existing=True)
    found = list(work.session.scalars(statement))
    missing = set(codes) - {reagent.code for reagent in found}
    if missing:
        raise Refused([_unknown(code) for code in sorted(missing)])
    used_on = local_day(work, used_at)
    facts = [reagent_facts(work, reagent, used_on, amounts.get(reagent.code)) for reagent in found]
    elsewhere = (reason for reagent in found for reason in work.elsewhere(reagent))
    return found, (*elsewhere, *(reason for one in facts for reason in reagent_refusals(one)))


def _unknown(code: str) -> Refusal:
    return refuse(Code.NOT_FOUND, "There is no reagent {code} here. Receive it first, or scan it again.", code=code)


def reagent_facts(
    work: Work, reagent: ReagentLot, used_on: datetime.date, wanted: Decimal | None = None
) -> ReagentFacts:
    """A reagent lot as its rules see it on a day of the site, with the amount that is wanted of it."""
    return ReagentFacts(
        code=reagent.code,
        name=reagent.name,
        state=reagent.state,
        expires_on=reagent.expires_on,
        used_on=used_on,
        opened_on=None if reagent.opened_at is None else local_day(work, reagent.opened_at),
        days_once_open=reagent.days_once_open,
        unit=reagent.unit,
        left=reagent.quantity_left,
        wanted=wanted,
    )


def use_reagents(
    work: Work,
    reagents: Sequence[ReagentLot],
    amounts: Mapping[str, Decimal],
    *,
    used_at: datetime.datetime,
    culture_ids: Sequence[int] = (),
    lot_id: int | None = None,
) -> None:
    """Note that these reagent lots went into these cultures, or into this lot: one statement for all of them. An amount
    is divided among the cultures and taken from what is left."""
    targets: list[dict[str, int | None]] = [{"culture_id": one, "lot_id": None} for one in culture_ids]
    if lot_id is not None:
        targets.append({"culture_id": None, "lot_id": lot_id})
    rows = []
    for reagent in reagents:
        amount = amounts.get(reagent.code)
        parts = (None,) * len(targets) if amount is None else shares(amount, len(targets))
        same = {"reagent_lot_id": reagent.id, "used_at": used_at}
        rows += [{**same, **target, "quantity": part} for target, part in zip(targets, parts, strict=True)]
        if amount is not None:
            reagent.quantity_left = ReagentLot.quantity_left - amount  # by the database, whose CHECK has the last word
    if rows:
        work.note_many(ReagentUse, rows)
