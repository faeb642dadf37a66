"""A conditional release that ends in the very moment in which a dose is ordered under it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cellbank.records.work import Work
from tests.conftest import Furnished
from tests.factories.conditional import allow, in_force, pending_lot, release_row
from tests.factories.doses import weighed_subject
from tests.factories.world import World
from tests.races.test_dosing_races import at_once, both_judge_first

__all__ = ["both_judge_first"]
pytestmark = pytest.mark.races
ENOUGH = "A released lot has come"


@pytest.fixture
def allowing(furnished: Furnished, tmp_path: Path) -> Iterator[World]:
    with furnished.world("conditional_race", tmp_path) as world:
        allow(world)
        yield world


def test_a_dose_is_ordered_before_the_end_and_named_or_after_it_and_refused(
    allowing: World, both_judge_first: Callable[[], None]
) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    both_judge_first()
    ordered, ended = at_once(
        lambda: world.try_act("clara", "order_dose", subject=subject, lot=lot.code),
        lambda: world.try_act("quinn", "end_conditional_release", release=code, reason=ENOUGH),
    )
    assert ended.accepted and release_row(world, code).state == "ENDED"
    if ordered.accepted:
        assert ended.result["doses_under_way"] == [{"dose": ordered.result["code"], "state": "ORDERED"}]
    else:
        assert [one.code.value for one in ordered.refusals] == ["LOT_NOT_RELEASED"]
        assert ended.result["doses_under_way"] == []


def test_without_the_locks_the_database_still_orders_nothing(allowing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    judge = Work.judge

    def judge_and_let_it_end(work: Work, *subjects: Any, **reasons: Any) -> None:
        judge(work, *subjects, **reasons)
        if work.act == "order_dose":
            world.do("quinn", "end_conditional_release", release=code, reason=ENOUGH)

    monkeypatch.setattr(Work, "share", lambda work, cls, record_id: work.session.get_one(cls, record_id))
    monkeypatch.setattr(Work, "judge", judge_and_let_it_end)
    ordered = world.try_act("clara", "order_dose", subject=subject, lot=lot.code)
    assert [one.code.value for one in ordered.refusals] == ["LOT_NOT_RELEASED"]
    assert "Somebody else was faster" in ordered.refusals[0].detail
