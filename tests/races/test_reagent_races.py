"""Two people take from one bottle in the same moment: together they never take more than there is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cellbank.records.production import ReagentLot
from cellbank.services.acts import Outcome
from tests.factories.production import DAY, delivered, donation
from tests.factories.world import World
from tests.races.meeting import judge_together

pytestmark = pytest.mark.races


def counted_reagent(world: World) -> str:
    """A hundred millilitres, accepted."""
    given = {"name": "Medium", "manufacturer": "Maker", "manufacturer_lot": world.unique("M"), "certificate": "CoA 1",
             "expires_on": (world.now + 300 * DAY).date(), "quantity": "100", "unit": "mL"}  # fmt: skip
    code = str(world.do("tina", "receive_reagent", now=world.now - 200 * DAY, **given)["code"])
    accepted = {"reagent": code, "decision": "accept", "reason": "Certificate checked"}
    world.do("quinn", "decide_reagent", now=world.now - 200 * DAY, **accepted)
    return code


def take_at_once(world: World, reagent: str, amount: str, tissue: tuple[str, str]) -> list[Outcome]:
    given = {"method": "explant", "vessel": "T175", "area_cm2": 175, "started_at": delivered(world) + DAY,
             "reagents": [reagent], "reagent_quantities": {reagent: amount}}  # fmt: skip

    def take(who: str, din: str) -> Outcome:
        return world.try_act(who, "isolate_tissue", donation=din, **given)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(take, ("tina", "taras"), tissue))


def left(world: World, reagent: str) -> int:
    with Session(world.installation.reads) as session:
        return int(session.scalars(select(ReagentLot.quantity_left).where(ReagentLot.code == reagent)).one() or 0)


def test_two_take_what_is_there_for_both(world: World) -> None:
    reagent, tissue = counted_reagent(world), (donation(world), donation(world))
    assert [outcome.accepted for outcome in take_at_once(world, reagent, "50", tissue)] == [True, True]
    assert left(world, reagent) == 0


@pytest.mark.parametrize("locks", ["on", "off"])
def test_the_last_of_a_bottle_is_taken_once(world: World, monkeypatch: pytest.MonkeyPatch, locks: str) -> None:
    reagent, tissue = counted_reagent(world), (donation(world), donation(world))
    if locks == "off":
        monkeypatch.setattr(Select, "with_for_update", lambda statement, **_: statement)
    barrier = judge_together(monkeypatch, patience_s=30 if locks == "off" else 1)
    outcomes = take_at_once(world, reagent, "60", tissue)
    assert barrier.broken == (locks == "on")  # both came through the judgement only without the lock
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    [refused] = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals] == ["REAGENT_USED_UP"]
    assert left(world, reagent) == 40
