"""A hold is placed in the moment in which a lot below is frozen or released: afterwards the lot stands still.

With the locks off both acts have judged before either writes, and each believes what it saw; then the database is the
one that says no, so that no lot is in quarantine or released under a hold.
"""

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from tests.factories.holds import lot_row
from tests.factories.lots import fill_started_at, filled_lot
from tests.factories.production import accepted_reagent, harvested_culture
from tests.factories.quality import passed_lot
from tests.factories.world import World
from tests.races.meeting import judge_together

pytestmark = pytest.mark.races


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side locks anything before it has judged."""
    monkeypatch.setattr(Work, "_locking", lambda work, statement: statement)
    for module in ("production.donors", "quality.holds", "production.reagents", "storage.storage_failure"):
        monkeypatch.setattr(f"cellbank.services.{module}.lots_reached", lambda *_: [], raising=False)


def at_once(*acts: Any) -> list[Outcome]:
    with ThreadPoolExecutor(2) as pool:
        return [running.result() for running in [pool.submit(act) for act in acts]]


def is_held(world: World, lot: str) -> bool:
    with Session(world.installation.reads) as session:
        return session.scalar(select(func.lot_holds(Lot.id)).where(Lot.code == lot).limit(1)) is not None


def used_reagent(world: World) -> tuple[str, str]:
    """A reagent lot, and a filled lot of cells that it touched."""
    reagent = accepted_reagent(world)
    culture = harvested_culture(world, total_cells=51_000_000, reagent=reagent)
    return reagent, filled_lot(world, vials=2, culture=culture).code


def recall_while_freezing(world: World, reagent: str, lot: str) -> list[Outcome]:
    at = fill_started_at(world, lot) + datetime.timedelta(minutes=45)
    return at_once(
        lambda: world.try_act("quinn", "recall_reagent", reagent=reagent, reason="Endotoxin found"),
        lambda: world.try_act("tina", "record_freezing", now=at, lot=lot, program="CRF-1"),
    )


def test_a_lot_that_is_frozen_while_a_hold_is_placed_is_on_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reagent, lot = used_reagent(world)
    judge_together(monkeypatch, patience_s=1)
    assert [outcome.accepted for outcome in recall_while_freezing(world, reagent, lot)] == [True, True]
    assert (lot_row(world, lot).state, lot_row(world, lot).state_before_hold) == ("ON_HOLD", "QUARANTINE")


def test_without_the_locks_the_database_refuses_the_one_that_comes_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reagent, lot = used_reagent(world)
    without_locks(monkeypatch)
    barrier = judge_together(monkeypatch, patience_s=30)
    monkeypatch.setattr("cellbank.services.stopping.holding.lots_reached", lambda *_: [])
    outcomes = recall_while_freezing(world, reagent, lot)
    assert not barrier.broken
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    [refused] = [outcome for outcome in outcomes if not outcome.accepted]
    assert refused.refusals[0].code.value in ("CHANGED_MEANWHILE", "ON_HOLD")
    assert not (is_held(world, lot) and lot_row(world, lot).state == "QUARANTINE")


def hold_while_releasing(world: World, lot: str) -> list[Outcome]:
    return at_once(
        lambda: world.try_act("quinn", "hold_lot", lot=lot, reason="A doubt about it"),
        lambda: world.try_act("oksana", "release_lot", lot=lot),
    )


def test_a_lot_that_is_released_while_a_hold_is_placed_ends_on_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = passed_lot(world, vials=2).code
    judge_together(monkeypatch, patience_s=1)
    held, released = hold_while_releasing(world, lot)
    assert held.accepted and lot_row(world, lot).state == "ON_HOLD"
    before = "RELEASED" if released.accepted else "QUARANTINE"
    assert lot_row(world, lot).state_before_hold == before


def test_without_the_locks_no_lot_is_released_under_a_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, vials=2).code
    without_locks(monkeypatch)
    monkeypatch.setattr("cellbank.services.stopping.holding.lots_reached", lambda *_: [])
    barrier = judge_together(monkeypatch, patience_s=30)
    outcomes = hold_while_releasing(world, lot)
    assert not barrier.broken
    assert [outcome.accepted for outcome in outcomes].count(False) >= 1
    assert not (is_held(world, lot) and lot_row(world, lot).state == "RELEASED")
