"""Units that are moved while somebody else does something with them, in the same instant: real threads."""

import contextlib
import datetime
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.services.acts import Outcome
from cellbank.services.clinic import thawing
from cellbank.services.storage import places, storage_moves, units
from tests.conftest import Furnished
from tests.factories.doses import ordered_dose
from tests.factories.lots import box, frozen_lot
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S

pytestmark = pytest.mark.races
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the first to call each of these functions wait a moment for the other, where a lock does not keep it out."""

    def hold(*places: tuple[Any, str], patience_s: float = 0.5) -> None:
        barrier = threading.Barrier(2)
        for module, name in places:
            whole = getattr(module, name)

            def held(*given: Any, whole: Callable = whole, **named: Any) -> Any:
                found = whole(*given, **named)
                with contextlib.suppress(threading.BrokenBarrierError):
                    barrier.wait(timeout=patience_s)
                return found

            monkeypatch.setattr(module, name, held)

    return hold


def at_once(world: World, *acts: tuple[str, str, dict[str, Any]]) -> list[Outcome]:
    with ThreadPoolExecutor(len(acts)) as pool:
        running = [pool.submit(world.try_act, who, act, now=world.now + MINUTE, **given) for who, act, given in acts]
        return [one.result() for one in running]


def room(world: World, parent: str | None = None) -> str:
    return world.do("tina", "add_storage_unit", type="room", name=world.unique("Room"), parent=parent)["code"]


def scalar(world: World, statement: str, **given: Any) -> Any:
    with Session(world.installation.reads) as session:
        return session.scalar(text(statement), given)


CIRCLE = """SELECT a.parent_id = b.id AND b.parent_id = a.id FROM storage_unit a, storage_unit b
    WHERE a.code = :a AND b.code = :b"""
TANK_OF = """SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id
    JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box"""


def test_two_rooms_are_never_moved_into_each_other(world: World, meet: Callable) -> None:
    a, b = room(world), room(world)
    meet((storage_moves, "move_refusals"))
    moves = [("tina", "move_storage_unit", {"unit": one, "into": other}) for one, other in ((a, b), (b, a))]
    outcomes = at_once(world, *moves)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    assert not scalar(world, CIRCLE, a=a, b=b)


@pytest.fixture
def without_the_rule(furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of its own whose database lets units stand in themselves, and in which no lock is on the tree."""
    monkeypatch.setattr(storage_moves, "lock_tree", lambda work: None)
    monkeypatch.setattr(storage_moves, "lock_place", lambda work, code: code and work.find(units.StorageUnit, code))
    with furnished.world("tree_race", tmp_path, ["DROP TRIGGER storage_unit_moved ON storage_unit"]) as world:
        yield world


def test_without_the_rule_two_rooms_stand_in_each_other(without_the_rule: World, meet: Callable) -> None:
    world = without_the_rule
    a, b = room(world), room(world)
    meet((storage_moves, "move_refusals"), patience_s=MUST_MEET_S)
    moves = [("tina", "move_storage_unit", {"unit": one, "into": other}) for one, other in ((a, b), (b, a))]
    assert [outcome.accepted for outcome in at_once(world, *moves)] == [True, True]
    assert scalar(world, CIRCLE, a=a, b=b)


def test_a_box_that_is_moved_while_a_vial_goes_in_keeps_the_vial(world: World, meet: Callable) -> None:
    vial, home = frozen_lot(world, vials=1).vials[0], box(world)
    tank = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))["code"]
    meet((places, "give_places"), (storage_moves, "move_refusals"))
    put, moved = at_once(
        world,
        ("tina", "store_vials", {"vials": [vial], "box": home, "positions": ["A1"]}),
        ("taras", "move_storage_unit", {"unit": home, "into": tank}),
    )
    assert put.accepted and moved.accepted
    inside = "SELECT t.code FROM placement p JOIN vial v ON v.id = p.vial_id JOIN storage_unit b ON b.id = p.box_id "
    inside += "JOIN storage_unit t ON t.id = b.parent_id WHERE v.code = :vial AND p.taken_at IS NULL"
    assert scalar(world, inside, vial=vial) == tank


def test_a_vial_is_picked_from_a_tank_that_is_relocated_in_the_same_instant(world: World, meet: Callable) -> None:
    dose = ordered_dose(world)
    tank = scalar(world, TANK_OF, box=dose.lot.box)
    spare = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Spare"))["code"]
    meet((thawing, "pick_refusals"), (storage_moves, "relocation_refusals"))
    picked, relocated = at_once(
        world,
        ("tina", "pick_vial", {"dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0]}),
        ("taras", "relocate_unit", {"unit": tank, "into": spare, "reason": "The tank is dead"}),
    )
    assert picked.accepted and relocated.accepted
    assert scalar(world, "SELECT state FROM vial WHERE code = :vial", vial=dose.vials[0]) == "PICKED"
    assert (
        scalar(
            world,
            "SELECT count(*) FROM storage_unit r JOIN storage_unit t ON t.id = r.parent_id WHERE t.code = :tank",
            tank=tank,
        )
        == 0
    )


def test_two_racks_for_one_place_of_a_tank(world: World, meet: Callable) -> None:
    tanks = [world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))["code"] for _ in range(3)]
    racks = [world.do("tina", "add_storage_unit", type="rack", name="Rack", parent=tank)["code"] for tank in tanks[:2]]
    meet((storage_moves, "move_refusals"))
    outcomes = at_once(
        world, *(("tina", "move_storage_unit", {"unit": rack, "into": tanks[2], "place": 1}) for rack in racks)
    )
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals] == ["POSITION_TAKEN"]
