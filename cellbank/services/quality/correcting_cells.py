"""A count or a time of a culture or of a lot put right: growth and levels worked out again down to the lots, and each
lot judged again by the criteria of its release."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from cellbank.domain.lifecycle.states import CultureState, LotState
from cellbank.domain.rules.correction import Taken, balance_refusals, level_refusals
from cellbank.domain.rules.culture import HarvestFacts, cells_to_take, harvest_warnings
from cellbank.domain.rules.freezing import expires_on, shelf_life_months
from cellbank.domain.rules.release import release_criteria
from cellbank.domain.specification import Specification
from cellbank.records.people import Site
from cellbank.records.production import Culture, Donation, Lot, LotSource, Vial
from cellbank.records.storage import Placement
from cellbank.records.work import Work
from cellbank.services.common import specification_of
from cellbank.services.production.growing import Harvested, harvested
from cellbank.services.quality.correcting_draft import Draft, Effect
from cellbank.services.quality.release_board import release_facts

ENDED = (CultureState.FINISHED, CultureState.DISCARDED)
OUT = (LotState.RELEASED, LotState.RECALLED)


def of_culture(work: Work, culture: Culture, column: str, right: Any) -> Effect:
    """What a right value of a culture means for it, for all that was grown from it, and for the lots."""
    effect = Effect(draft := Draft())
    parent = work.lock_id(Culture, culture.parent_id) if culture.parent_id else None
    carried = _carried(work, draft, culture)
    effect.lots = _lots_below(work, culture)
    draft.put(culture, column, right)
    effect.follows, effect.comes_before = _between(work, culture, parent, column)
    specification = specification_of(work.session, work.session.get_one(Donation, culture.donation_id).specification_id)
    balances = []
    if column == "cells_harvested":
        balances.append(_taken(draft, culture, right - (culture.cells_harvested or 0)))
    if column == "cells_seeded" and parent is not None and culture.cells_seeded is not None:
        balances.append(_taken(draft, parent, _as_taken(parent, culture.cells_seeded) - _as_taken(parent, right)))
    effect.refusals += balance_refusals(balances)
    if _can_be(effect, draft, culture):
        _grow(draft, culture, carried)
        effect.warnings += _warnings(draft, culture, specification)
        _down(work, draft, culture)
    _judge(work, effect, specification.culture.cpdl_block)
    effect.about = [culture]
    return effect


def of_lot(work: Work, lot: Lot, column: str, right: Any) -> Effect:
    """What a right value of a lot means for it: its expiry, and the criteria of its release."""
    effect = Effect(draft := Draft())
    draft.put(lot, column, right)
    effect.lots, effect.about = [lot], [lot]
    if column == "fill_started_at":
        specification, zone = specification_of(work.session, lot.specification_id), _zone(work, lot)
        months = shelf_life_months(specification.freezing, lot.purpose) or 0
        draft.put(lot, "expires_on", expires_on(right.astimezone(zone).date(), months))
        of_sources = select(func.max(Culture.harvested_at)).join(LotSource, LotSource.culture_id == Culture.id)
        effect.follows = work.session.scalar(of_sources.where(LotSource.lot_id == lot.id))
        effect.comes_before = lot.frozen_at
    if column == "frozen_at":
        stored = select(func.min(Placement.placed_at)).join(Vial, Vial.id == Placement.vial_id)
        effect.follows = lot.fill_started_at
        effect.comes_before = work.session.scalar(stored.where(Vial.lot_id == lot.id))
    _judge(work, effect, None)
    return effect


# --- the culture ------------------------------------------------------------------------------


def _between(
    work: Work, culture: Culture, parent: Culture | None, column: str
) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """Between which times a time of the culture lies."""
    if column == "started_at":
        return (parent.harvested_at if parent else None), culture.harvested_at
    if column != "harvested_at":
        return None, None
    passaged = select(func.min(Culture.started_at)).where(Culture.parent_id == culture.id)
    filled = select(func.min(Lot.fill_started_at)).join(LotSource, LotSource.lot_id == Lot.id)
    into = (work.session.scalar(passaged), work.session.scalar(filled.where(LotSource.culture_id == culture.id)))
    return culture.started_at, min((at for at in into if at), default=None)


def _taken(draft: Draft, culture: Culture, more: int) -> Taken:
    """So many cells more than were counted are left of a harvest; of one that is closed, they were lost with the
    rest."""
    column = "cells_lost" if culture.state in ENDED else "cells_left"
    left = (getattr(culture, column) or 0) + more
    draft.put(culture, column, max(left, 0))
    return Taken(culture.code, left)


def _as_taken(parent: Culture, viable: int) -> int:
    """All cells of the parent that were taken for so many living ones."""
    return cells_to_take(viable, parent.viability_percent or Decimal(0)) or 0


def _can_be(effect: Effect, draft: Draft, culture: Culture) -> bool:
    """Whether figures can be worked out of it at all; if not, a refusal says why."""
    began, ended = draft.get(culture, "started_at"), draft.get(culture, "harvested_at")
    return not effect.refusals and (ended is None or began < ended) and draft.get(culture, "cells_seeded") != 0


def _carried(work: Work, draft: Draft, culture: Culture) -> Decimal:
    """The level of the cells that were put in: of the parent, of the lot of the bank vial, or nothing yet."""
    if culture.parent_id is not None:
        carried: Decimal = draft.get(work.session.get_one(Culture, culture.parent_id), "cumulative_doublings")
        return carried
    if culture.source_vial_id is not None:
        vial = work.session.get_one(Vial, culture.source_vial_id)
        in_the_vial: Decimal = draft.get(work.session.get_one(Lot, vial.lot_id), "cumulative_doublings")
        return in_the_vial
    return Decimal(0)


def _grow(draft: Draft, culture: Culture, carried: Decimal) -> None:
    """The figures of a culture, worked out as at its harvest; of one that still grows, the level that it carries."""
    if culture.harvested_at is None:
        draft.put(culture, "cumulative_doublings", carried)
        return
    for column, value in _harvested(draft, culture, carried).columns().items():
        draft.put(culture, column, value)


def _harvested(draft: Draft, culture: Culture, carried: Decimal) -> Harvested:
    names = ("cells_seeded", "cells_harvested", "viability_percent", "started_at", "harvested_at")
    seeded, total, viability, began, ended = (draft.get(culture, name) for name in names)
    return harvested(carried, seeded, total, viability, ended - began)


def _warnings(draft: Draft, culture: Culture, specification: Specification) -> Sequence[Any]:
    """What the harvest would have warned of."""
    if culture.harvested_at is None:
        return ()
    found = _harvested(draft, culture, Decimal(0))
    names = ("cells_seeded", "viability_percent", "confluence_percent", "cumulative_doublings")
    seeded, viability, confluence, level = (draft.get(culture, name) for name in names)
    facts = HarvestFacts(
        culture.code,
        seeded,
        found.viable,
        viability,
        confluence,
        found.grown.flag,
        level,
        fewer_cells_confirmed=True,
        note="put right",
        limits=specification.culture,
    )
    return harvest_warnings(facts)


# --- what was made of it ----------------------------------------------------------------------


def _down(work: Work, draft: Draft, first: Culture) -> None:
    """The level of everything that was grown or frozen from a culture, as far as it changes."""
    waiting: list[Culture | Lot] = [first]
    while waiting:
        one = waiting.pop(0)
        if draft.get(one, "cumulative_doublings") == one.cumulative_doublings:
            continue
        if isinstance(one, Lot):
            waiting += _regrown(work, draft, Culture.source_vial_id.in_(select(Vial.id).where(Vial.lot_id == one.id)))
        else:
            waiting += _regrown(work, draft, Culture.parent_id == one.id)
            waiting += _refilled(work, draft, one)


def _regrown(work: Work, draft: Draft, which: Any) -> list[Culture]:
    found = select(Culture).where(which).order_by(Culture.id)
    cultures = list(work.session.scalars(found if work.dry_run else found.with_for_update(key_share=True)))
    for culture in cultures:
        _grow(draft, culture, _carried(work, draft, culture))
    return cultures


def _refilled(work: Work, draft: Draft, culture: Culture) -> list[Lot]:
    """The lots that cells of the culture went into: each stands at the highest level of its sources."""
    into = select(LotSource.lot_id).where(LotSource.culture_id == culture.id)
    lots = list(work.session.scalars(select(Lot).where(Lot.id.in_(into)).order_by(Lot.id)))
    for lot in lots:
        of = select(Culture).join(LotSource, LotSource.culture_id == Culture.id).where(LotSource.lot_id == lot.id)
        levels = [draft.get(source, "cumulative_doublings") for source in work.session.scalars(of)]
        draft.put(lot, "cumulative_doublings", max(levels))
    return lots


def _lots_below(work: Work, culture: Culture) -> list[Lot]:
    """Every lot that was made from the culture, at any remove, locked."""
    below = select(Lot).where(Lot.id.in_(select(func.lots_below("culture", culture.id)))).order_by(Lot.id)
    fresh = below.execution_options(populate_existing=True)
    return list(work.session.scalars(fresh if work.dry_run else fresh.with_for_update(of=Lot, key_share=True)))


def _judge(work: Work, effect: Effect, block: Decimal | None) -> None:
    """Every lot by the criteria of its release, with the right values; and what is out of the laboratory."""
    levels = []
    for lot in effect.lots:
        failing = _newly_failing(work, effect.draft, lot)
        if failing:
            effect.failing[lot.code] = failing
        levels.append((lot.called, effect.draft.get(lot, "cumulative_doublings")))
        effect.is_out |= lot.state in OUT or lot.state_before_hold == LotState.RELEASED
    if block is not None:
        effect.refusals += level_refusals(levels, block)


def _newly_failing(work: Work, draft: Draft, lot: Lot) -> tuple[str, ...]:
    """The titles of the criteria that the lot met before and does not meet by the right values. That its batch record
    is to be reviewed again is said beside it."""
    if lot.frozen_at is None or lot.state == LotState.REJECTED:
        return ()
    facts = release_facts(work.session, lot, work.now)
    names = ("frozen_at", "expires_on", "cumulative_doublings")
    closing = replace(
        facts.closing, sample_cells=draft.get(lot, "sample_cells"), lost_cells=draft.get(lot, "lost_cells")
    )
    right = replace(facts, closing=closing, **{name: draft.get(lot, name) for name in names})
    before = {one.code for one in release_criteria(facts) if not one.met}
    return tuple(one.title for one in release_criteria(right) if not one.met and one.code not in before)


def _zone(work: Work, lot: Lot) -> ZoneInfo:
    return ZoneInfo(work.session.get_one(Site, lot.site_id).timezone)
