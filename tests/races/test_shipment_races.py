"""Two people at one shipment in the same instant: real threads, real connections.

Both have judged before either writes. Each race is run three times: with the locks, without them, when the constraint
alone decides, and without both, when it does go wrong, which proves that the other two test something.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.services.acts import Outcome
from cellbank.services.shipping import custody, packing
from tests.conftest import Furnished
from tests.factories.quality import released_lot
from tests.factories.shipping import MINUTE, Parcel, ordered_shipment, sealed_shipment
from tests.factories.sites import second_site
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, meet_after, without_locks

pytestmark = pytest.mark.races
Call = tuple[str, str, dict[str, Any]]  # who, act, what is given


@dataclass(frozen=True)
class Race:
    """Two calls that must not both succeed: the rule after which both wait for each other, what in the database keeps
    them apart, and a question whose answer is more than one when it has gone wrong."""

    rule: tuple[Any, str]
    without: tuple[str, ...]
    calls: Callable[[World], tuple[Call, Call]]
    found: str
    then: tuple[Any, str] | None = None  # where the first waits again, until the second stands at the row that it wrote


def pack(parcel: Parcel, position: str = "A1", **given: Any) -> dict[str, Any]:
    return {
        "shipment": parcel.code,
        "shipper": parcel.shipper,
        "vials": [parcel.vials[0]],
        "positions": [position],
        "now": parcel.at + 10 * MINUTE,
        **given,
    }


def one_vial(world: World) -> tuple[Call, Call]:
    """Two shipments, two shippers, one vial."""
    first = ordered_shipment(world, vials=1)
    second = ordered_shipment(world, first.to, lot=first.lot, vials=1, at=first.at)
    return ("tina", "pack_vials", pack(first)), ("taras", "pack_vials", pack(second))


def one_shipper(world: World) -> tuple[Call, Call]:
    """Two shipments that are packed into one shipper."""
    site, lots = second_site(world), [released_lot(world, vials=1), released_lot(world, vials=1)]
    first, second = (ordered_shipment(world, site, lot=lot, vials=1) for lot in lots)
    at = max(first.at, second.at) + 10 * MINUTE
    mine, theirs = pack(first, now=at), pack(second, "B1", shipper=first.shipper, now=at)
    return ("tina", "pack_vials", mine), ("taras", "pack_vials", theirs)


def one_hand(world: World) -> tuple[Call, Call]:
    """Two carriers, and whoever has the shipment hands it to both."""
    parcel = sealed_shipment(world, vials=1)
    given = {"shipment": parcel.code, "now": parcel.at + 10 * MINUTE}
    first, second = ({**given, "carrier": carrier} for carrier in ("Cold Wings", "Warm Wheels"))
    return ("tina", "hand_over_shipment", first), ("tina", "hand_over_shipment", second)


RACES = {
    "one vial": Race(
        (packing, "packing_refusals"),
        (
            "DROP INDEX one_live_shipment_per_vial",
            "DROP INDEX one_live_position_per_vial",
            "DROP TRIGGER vial_travels_safely ON vial",
        ),
        one_vial,
        "SELECT count(*) FROM packed_vial WHERE ended_at IS NULL GROUP BY vial_id ORDER BY 1 DESC LIMIT 1",
    ),
    "one shipper": Race(
        (packing, "packing_refusals"),
        ("DROP INDEX one_live_shipment_per_shipper",),
        one_shipper,
        "SELECT count(*) FROM shipment WHERE state = 'PACKING' GROUP BY shipper_id ORDER BY 1 DESC LIMIT 1",
    ),
    "one hand": Race(
        (custody, "hand_over_refusals"),
        ("DROP INDEX one_custodian_at_a_time", "DROP TRIGGER custody_safety ON custody"),
        one_hand,
        "SELECT count(*) FROM custody WHERE until IS NULL GROUP BY shipment_id ORDER BY 1 DESC LIMIT 1",
        then=(custody, "end_custody"),
    ),
}
EACH = pytest.mark.parametrize("race", RACES.values(), ids=RACES)


def run(world: World, race: Race, monkeypatch: pytest.MonkeyPatch, *, locked: bool = True) -> list[Outcome]:
    """Do both at once; nobody writes before both have looked, and where a lock keeps the second one out, the first
    waits no longer than a moment."""
    calls = race.calls(world)
    meet_after(monkeypatch, *race.rule, patience_s=0.5 if locked else MUST_MEET_S)
    if not locked:
        without_locks(monkeypatch)
        if race.then:
            meet_after(monkeypatch, *race.then, patience_s=1)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(world.try_act, who, act, **given) for who, act, given in calls]
        return [one.result() for one in running]


def most(world: World, race: Race) -> int:
    """The answer of the database to whether it went wrong."""
    with world.installation.reads.connect() as connection:
        return int(connection.scalar(text(race.found)) or 0)


@EACH
def test_of_two_at_once_one_succeeds_and_the_other_hears_why(
    world: World, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(world, race, monkeypatch)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert {refusal.code.value for refusal in refused.refusals} <= {
        "WRONG_STATE",
        "VIAL_NOT_AVAILABLE",
        "SHIPPER_NOT_READY",
    }
    assert most(world, race) == 1


@EACH
def test_without_the_locks_the_database_lets_one_succeed(
    world: World, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(world, race, monkeypatch, locked=False)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert "Somebody else was faster" in refused.refusals[0].detail
    assert most(world, race) == 1


@pytest.fixture
def unprotected(furnished: Furnished, tmp_path: Path, race: Race) -> Iterator[World]:
    """A world of its own whose database has nothing against this race."""
    with furnished.world("shipment_race", tmp_path, race.without, stock=True) as world:
        yield world


@EACH
def test_without_locks_and_constraints_both_succeed(
    unprotected: World, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(unprotected, race, monkeypatch, locked=False)
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert most(unprotected, race) == 2
