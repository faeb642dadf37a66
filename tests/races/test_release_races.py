"""Two officers decide opposite things about one lot in the same moment: exactly one of them wins.

Without the lock both would be told that they had; the last test shows that, so that the others mean something.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.trail import Act
from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from tests.factories.doses import checked_dose
from tests.factories.holds import notices_about
from tests.factories.quality import passed_lot, released_lot
from tests.factories.world import World
from tests.races.meeting import judge_together

pytestmark = pytest.mark.races
DOUBT = {"reason": "Out of doubt"}
RELEASE, REJECT = ("oksana", "release_lot", {}), ("quinn", "reject_lot", DOUBT)
RECALL, HOLD = ("quinn", "recall_lot", DOUBT), ("quinn", "hold_lot", DOUBT)
Decision = tuple[str, str, dict[str, str]]


def decide_at_once(world: World, lot: str, *decisions: Decision) -> list[Outcome]:
    def decide(decision: Decision) -> Outcome:
        who, act, given = decision
        return world.try_act(who, act, lot=lot, **given)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(decide, decisions))


def state_and_acts(world: World, lot: str, *names: str) -> tuple[str, list[str]]:
    with Session(world.installation.reads) as session:
        state = session.scalars(select(Lot.state).where(Lot.code == lot)).one()
        made = select(Act.name).where(Act.given["lot"].astext == lot, Act.outcome == "accepted").order_by(Act.id)
        return state, [name for name in session.scalars(made) if name in names]


def test_of_a_release_and_a_rejection_at_once_exactly_one_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, vials=3).code
    judge_together(monkeypatch, patience_s=1)
    outcomes = decide_at_once(world, lot, RELEASE, REJECT)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    [refused] = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals][-1] == "WRONG_STATE"
    won = "RELEASED" if outcomes[0].accepted else "REJECTED"
    state, decided = state_and_acts(world, lot, "release_lot", "reject_lot")
    assert state == won and decided == [(RELEASE, REJECT)[won == "REJECTED"][1]]


def test_of_a_release_and_a_hold_at_once_the_lot_ends_on_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold always stands; the release stands only where it came first, and then is what the hold remembers."""
    lot = passed_lot(world, vials=3).code
    judge_together(monkeypatch, patience_s=1)
    release, hold = decide_at_once(world, lot, RELEASE, HOLD)
    assert hold.accepted
    state, decided = state_and_acts(world, lot, "release_lot", "hold_lot")
    assert state == "ON_HOLD" and set(decided) == {"hold_lot", *(["release_lot"] if release.accepted else [])}
    with Session(world.installation.reads) as session:
        before = session.scalars(select(Lot.state_before_hold).where(Lot.code == lot)).one()
    assert before == ("RELEASED" if release.accepted else "QUARANTINE")


def test_of_a_recall_and_a_hold_at_once_the_lot_ends_recalled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = released_lot(world, vials=3).code
    judge_together(monkeypatch, patience_s=1)
    recall, hold = decide_at_once(world, lot, ("oksana", *RECALL[1:]), HOLD)
    assert recall.accepted
    assert state_and_acts(world, lot)[0] == "RECALLED"
    assert hold.accepted or [refusal.code.value for refusal in hold.refusals] == ["WRONG_STATE"]


def test_an_infusion_that_starts_at_the_moment_of_a_recall_is_stopped_or_runs_and_has_its_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = checked_dose(world)
    judge_together(monkeypatch, patience_s=1)
    with ThreadPoolExecutor(2) as pool:
        start = pool.submit(world.try_act, "clara", "start_infusion", dose=dose.code)
        recall = pool.submit(world.try_act, "oksana", "recall_lot", lot=dose.lot.code, **DOUBT)
    assert recall.result().accepted
    [notice] = recall.result().result["notices"]
    assert notices_about(world, dose.lot.code) == [(notice, dose.code, False)]
    assert start.result().accepted or start.result().refusals[0].code.value == "LOT_NOT_RELEASED"


@pytest.mark.usefixtures("each_rule_alone")
def test_without_the_lock_both_would_win(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, vials=3).code
    monkeypatch.setattr(Work, "_locking", lambda work, statement: statement)
    barrier = judge_together(monkeypatch, patience_s=30)
    outcomes = decide_at_once(world, lot, RELEASE, REJECT)
    assert not barrier.broken
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert sorted(state_and_acts(world, lot, "release_lot", "reject_lot")[1]) == ["reject_lot", "release_lot"]
