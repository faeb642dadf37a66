"""Two officers decide opposite things about one lot in the same moment: exactly one of them wins.

Without the lock both would be told that they had; the second test shows that, so that the first one means something.
"""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.trail import Act
from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from tests.factories.quality import passed_lot
from tests.factories.world import World

pytestmark = pytest.mark.races
DECISIONS = (("oksana", "release_lot", {}), ("quinn", "reject_lot", {"reason": "Out of doubt"}))


def judge_together(monkeypatch: pytest.MonkeyPatch, patience_s: float) -> threading.Barrier:
    """Let both officers come out of the judgement before either writes, if the lock lets them both in that long."""
    both, judge = threading.Barrier(2), Work.judge

    def judge_and_wait(work: Work, *subjects: Any, **reasons: Any) -> None:
        judge(work, *subjects, **reasons)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one is kept out by the lock
            both.wait(timeout=patience_s)

    monkeypatch.setattr(Work, "judge", judge_and_wait)
    return both


def decide_at_once(world: World, lot: str) -> list[Outcome]:
    def decide(decision: tuple[str, str, dict[str, str]]) -> Outcome:
        who, act, given = decision
        return world.try_act(who, act, lot=lot, **given)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(decide, DECISIONS))


def state_and_acts(world: World, lot: str) -> tuple[str, list[str]]:
    with Session(world.bank.reads) as session:
        state = session.scalars(select(Lot.state).where(Lot.code == lot)).one()
        names = select(Act.name).where(Act.record_code == lot, Act.outcome == "accepted").order_by(Act.id)
        decided = [name for name in session.scalars(names) if name in ("release_lot", "reject_lot")]
    return state, decided


def test_of_a_release_and_a_rejection_at_once_exactly_one_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, vials=3).code
    judge_together(monkeypatch, patience_s=1)
    outcomes = decide_at_once(world, lot)
    assert sorted(outcome.accepted for outcome in outcomes) == [False, True]
    [refused] = [outcome for outcome in outcomes if not outcome.accepted]
    assert [refusal.code.value for refusal in refused.refusals][-1] == "WRONG_STATE"
    won = "RELEASED" if outcomes[0].accepted else "REJECTED"
    state, decided = state_and_acts(world, lot)
    assert state == won and decided == [DECISIONS[0 if won == "RELEASED" else 1][1]]


def test_without_the_lock_both_would_win(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, vials=3).code
    monkeypatch.setattr(Work, "_locking", lambda work, statement: statement)
    barrier = judge_together(monkeypatch, patience_s=30)
    outcomes = decide_at_once(world, lot)
    assert not barrier.broken
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert sorted(state_and_acts(world, lot)[1]) == ["reject_lot", "release_lot"]
