"""Two people at one shipment as it arrives, in the same instant: real threads, real connections.

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
from cellbank.services.shipping import custody
from tests.conftest import Furnished
from tests.factories.by_hand import ASIDE
from tests.factories.receiving import Supply, received_shipment, stored_shipment
from tests.factories.shipping import HOUR, MINUTE, sent_shipment
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, judge_together, meet_after, without_locks

pytestmark = pytest.mark.races
Call = tuple[str, str, dict[str, Any]]  # who, act, what is given


@dataclass(frozen=True)
class Race:
    """Two calls that must not both succeed; what in the database stands behind the lock; and a question whose answer is
    more than one when it has gone wrong."""

    calls: Callable[[World, Supply], tuple[Call, Call]]
    behind: tuple[str, ...]
    found: str
    then: tuple[Any, str] | None = None  # where the first waits again, until the second stands at the row that it wrote


def receiving(world: World, supply: Supply) -> tuple[Call, Call]:
    """Two at the door take the same shipment."""
    parcel = sent_shipment(world, **supply(1))
    given = {"shipment": parcel.code, "intact": list(parcel.seals), "now": parcel.at + HOUR}
    first, second = (parcel.to.technician, parcel.to.other_technician)
    return (first, "receive_shipment", given), (second, "receive_shipment", given)


def checking_in(world: World, supply: Supply) -> tuple[Call, Call]:
    """Two scan the same vial, and one of them finds it damaged."""
    parcel = received_shipment(world, **supply(1))
    given = {"shipment": parcel.code, "vials": list(parcel.vials), "now": parcel.at + MINUTE}
    first, second = (parcel.to.technician, parcel.to.other_technician)
    return (first, "check_in_vials", given), (second, "check_in_vials", {**given, "damaged": True})


def deciding(world: World, supply: Supply) -> tuple[Call, Call]:
    """One accepts and the other rejects."""
    parcel = stored_shipment(world, **supply(1))
    given = {"shipment": parcel.code, "now": parcel.at + HOUR}
    first, second = (parcel.to.quality_officer, parcel.to.other_quality_officer)
    return (first, "accept_shipment", given), (second, "reject_shipment", {**given, "reason": "Not convinced."})


RACES = {
    "received twice": Race(
        receiving,
        ("DROP INDEX one_custodian_at_a_time", "DROP TRIGGER storage_unit_stays ON storage_unit"),
        "SELECT count(*) FROM custody WHERE until IS NULL GROUP BY shipment_id ORDER BY 1 DESC LIMIT 1",
        then=(custody, "end_custody"),
    ),
    "a vial checked in twice": Race(
        checking_in,
        ("DROP TRIGGER packed_vial_is_found_once ON packed_vial",),
        """SELECT count(*) FROM change WHERE record_kind = 'packed_vial' AND after ->> 'finding' IS NOT NULL
            GROUP BY record_id ORDER BY 1 DESC LIMIT 1""",
    ),
    "accepted and rejected": Race(
        deciding,
        ("DROP TRIGGER shipment_safety ON shipment",),
        """SELECT count(*) FROM signature WHERE record_kind = 'shipment' AND meaning IN ('approved', 'rejected')
            GROUP BY record_id ORDER BY 1 DESC LIMIT 1""",
    ),
}
EACH = pytest.mark.parametrize("race", RACES.values(), ids=RACES)


def run(
    world: World, supply: Supply, race: Race, monkeypatch: pytest.MonkeyPatch, *, locked: bool = True
) -> list[Outcome]:
    """Do both at once; nobody writes before both have judged, and where a lock keeps the second one out, the first
    waits no longer than a moment."""
    calls = race.calls(world, supply)
    judge_together(monkeypatch, 0.5 if locked else MUST_MEET_S)
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


@pytest.fixture(scope="module")
def supply(world: World) -> Supply:
    return Supply.of(world, vials=20)


@EACH
def test_of_two_at_once_one_succeeds_and_the_other_hears_why(
    world: World, supply: Supply, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(world, supply, race, monkeypatch)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals] == ["WRONG_STATE"]
    assert most(world, race) == 1


@EACH
def test_without_the_locks_the_database_lets_one_succeed(
    world: World, supply: Supply, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(world, supply, race, monkeypatch, locked=False)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    (refused,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert "Somebody else was faster" in refused.refusals[0].detail
    assert most(world, race) == 1


@pytest.fixture
def unprotected(furnished: Furnished, tmp_path: Path, race: Race) -> Iterator[World]:
    """A world of its own whose database has nothing against this race."""
    with furnished.world("receipt_race", tmp_path, (ASIDE, *race.behind), stock=True) as world:
        yield world


@EACH
def test_without_what_keeps_them_apart_both_succeed(
    unprotected: World, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(unprotected, Supply.of(unprotected, vials=6), race, monkeypatch, locked=False)
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert most(unprotected, race) == 2
