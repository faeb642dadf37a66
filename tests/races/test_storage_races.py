"""Two technicians at one box in the same instant: real threads, real connections.

Each race is held open between looking and writing, where it would go wrong: both threads have judged before either
writes. Without the constraint (a copy of the database without the index, and the lock on the box bypassed) it does go
wrong, which proves that the tests above it test something.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cellbank.records.production import Vial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from cellbank.services.storage import places
from tests.conftest import Furnished
from tests.factories.lots import box, frozen_lot
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, meet_after

pytestmark = pytest.mark.races


@pytest.fixture
def both_have_looked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., threading.Barrier]:
    """Let nobody write before two have judged; where a lock keeps the second one out, the first waits no longer than
    a moment."""
    return partial(meet_after, monkeypatch, places, "give_places")


def at_once(world: World, *puts: dict[str, Any]) -> list[Outcome]:
    """Put vials away in one thread for each, by two technicians."""
    with ThreadPoolExecutor(len(puts)) as pool:
        people = ("tina", "taras")
        running = [pool.submit(world.try_act, who, "store_vials", **put) for who, put in zip(people, puts, strict=True)]
        return [one.result() for one in running]


def standing(world: World, home: str) -> list[tuple[int, int]]:
    """How many vials stand at each position of a box."""
    with Session(world.installation.reads) as session:
        statement = select(Placement.position, func.count()).join(StorageUnit, StorageUnit.id == Placement.box_id)
        live = statement.where(StorageUnit.code == home, Placement.taken_at.is_(None))
        return [tuple(row) for row in session.execute(live.group_by(Placement.position).order_by(Placement.position))]


def test_of_two_vials_for_one_position_exactly_one_gets_it(world: World, both_have_looked: Callable) -> None:
    lot, home = frozen_lot(world, vials=2), box(world)
    both_have_looked()
    outcomes = at_once(world, *({"vials": [vial], "box": home, "positions": ["C4"]} for vial in lot.vials))
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals] == ["POSITION_TAKEN"]
    assert standing(world, home) == [(22, 1)]
    with Session(world.installation.reads) as session:
        states = session.scalars(select(Vial.state).where(Vial.code.in_(lot.vials))).all()
    assert sorted(states) == ["FROZEN", "IN_STOCK"]


def test_two_who_take_the_next_free_position_both_find_one(world: World, both_have_looked: Callable) -> None:
    lot, home = frozen_lot(world, vials=2), box(world)
    both_have_looked()
    outcomes = at_once(world, *({"vials": [vial], "box": home} for vial in lot.vials))
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert standing(world, home) == [(1, 1), (2, 1)]


def test_one_vial_goes_to_one_position(world: World, both_have_looked: Callable) -> None:
    (vial,) = frozen_lot(world, vials=1).vials
    homes = [box(world), box(world)]
    both_have_looked()
    outcomes = at_once(world, *({"vials": [vial], "box": home, "positions": ["A1"]} for home in homes))
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    assert sorted(len(standing(world, home)) for home in homes) == [0, 1]


@pytest.fixture
def without_the_constraint(furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own whose database lacks the index, and in which the lock on a box locks nothing."""
    lock = Work.lock

    def lock_all_but_boxes(work: Work, cls: type, code: str) -> Any:
        return work.find(cls, code) if cls is StorageUnit else lock(work, cls, code)

    monkeypatch.setattr(Work, "lock", lock_all_but_boxes)
    with furnished.world("storage_race", tmp_path, ["DROP INDEX one_live_vial_per_position"]) as world:
        yield world


@pytest.mark.parametrize("positions", [["A1"], []], ids=["named", "next free"])
def test_without_the_constraint_two_vials_stand_in_one_position(
    without_the_constraint: World, both_have_looked: Callable, positions: list[str]
) -> None:
    world = without_the_constraint
    lot, home = frozen_lot(world, vials=2), box(world)
    both_have_looked(MUST_MEET_S)
    outcomes = at_once(world, *({"vials": [vial], "box": home, "positions": positions} for vial in lot.vials))
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert standing(world, home) == [(1, 2)]
