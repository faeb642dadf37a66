"""A lot is stopped in the moment in which a dose of it is ordered or starts: the dose is refused, or is in the notice.

With every lock off, the application's and the database's, a dose would be ordered of which no clinician is told; the
last test shows that, so that the others mean something.
"""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from cellbank.services.clinic import dosing
from cellbank.services.stopping import holding
from tests.conftest import Furnished
from tests.factories.doses import checked_dose, product_lot, row_of, weighed_subject
from tests.factories.holds import notices_about
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, judge_together, without_locks

pytestmark = pytest.mark.races
DOUBT = "A doubt about it"
NO_LOCK_OF_THE_DATABASE = [f"ALTER TABLE {one} DISABLE TRIGGER {one}_safety" for one in ("dose", "vial")]


def meet(monkeypatch: pytest.MonkeyPatch, patience_s: float) -> threading.Barrier:
    """The hold has looked for its doses, and the order is about to write its own, before either goes on."""
    both = threading.Barrier(2)

    def waiting(whole: Callable[..., Any]) -> Callable[..., Any]:
        def wait_for_the_other(*given: Any) -> Any:
            found = whole(*given)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(timeout=patience_s)
            return found

        return wait_for_the_other

    monkeypatch.setattr(holding, "tell_clinicians", waiting(holding.tell_clinicians))
    monkeypatch.setattr(dosing, "_dose", waiting(dosing._dose))
    return both


def order_while_holding(world: World, lot: str, subject: str) -> tuple[Outcome, Outcome]:
    with ThreadPoolExecutor(2) as pool:
        order = pool.submit(world.try_act, "clara", "order_dose", subject=subject, lot=lot)
        hold = pool.submit(world.try_act, "quinn", "hold_lot", lot=lot, reason=DOUBT)
        return order.result(), hold.result()


def test_a_dose_that_is_ordered_while_its_lot_is_held_is_refused_or_in_the_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, subject = product_lot(world), weighed_subject(world)
    meet(monkeypatch, patience_s=1)
    order, hold = order_while_holding(world, lot.code, subject)
    assert hold.accepted
    told = [dose for _, dose, _ in notices_about(world, lot.code)]
    assert told == ([order.result["code"]] if order.accepted else [])


def test_an_infusion_that_starts_while_its_lot_is_held_is_in_the_notice_either_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = checked_dose(world)
    judge_together(monkeypatch, patience_s=1)
    with ThreadPoolExecutor(2) as pool:
        start = pool.submit(world.try_act, "clara", "start_infusion", dose=dose.code)
        hold = pool.submit(world.try_act, "quinn", "hold_lot", lot=dose.lot.code, reason=DOUBT)
    assert hold.result().accepted
    assert [told for _, told, _ in notices_about(world, dose.lot.code)] == [dose.code]
    assert row_of(world, dose.code).state == ("INFUSING" if start.result().accepted else "CHECKED")


def test_without_any_lock_nobody_would_be_told(
    furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with furnished.world("untold", tmp_path, NO_LOCK_OF_THE_DATABASE, stock=True) as world:
        lot, subject = product_lot(world), weighed_subject(world)
        without_locks(monkeypatch)
        monkeypatch.setattr(Work, "share", lambda work, cls, record_id: work.session.get_one(cls, record_id))
        monkeypatch.setattr("sqlalchemy.sql.selectable.Select.with_for_update", lambda statement, **_: statement)
        both = meet(monkeypatch, MUST_MEET_S)
        order, hold = order_while_holding(world, lot.code, subject)
        assert not both.broken and order.accepted and hold.accepted
        assert notices_about(world, lot.code) == []
