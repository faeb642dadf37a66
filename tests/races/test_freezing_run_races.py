"""Two people at one freezing run in the same instant: real threads, real connections. The lock on the lot lets one of
them win; without it the database does."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from cellbank.records.work import Work
from cellbank.services.production import freezing_runs
from tests.factories.freezing import MINUTE, as_file, cooling, frozen_at, run_input
from tests.factories.lots import frozen_lot
from tests.factories.quality import DAY, passed_lot, results_read_at
from tests.factories.world import World
from tests.races.meeting import judge_together, without_locks

pytestmark = pytest.mark.races


def import_at_once(world: World, lot: str) -> list[list[str]]:
    """The refusals of two people who import a file each."""
    began = frozen_at(world, lot)
    files = [run_input(world, lot, as_file(cooling(began))) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(world.codes, who, "import_freezing_run", now=began + 180 * MINUTE, **given)
            for who, given in zip(("tina", "taras"), files, strict=True)
        ]
        return sorted(one.result() for one in running)


def live_runs(world: World, lot: str) -> int:
    statement = text(
        "SELECT count(*) FROM freezer_run r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot "
        "AND r.state <> 'WITHDRAWN'"
    )
    with world.installation.reads.connect() as connection:
        return int(connection.scalar(statement, {"lot": lot}))


def test_a_lot_gets_one_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = frozen_lot(world).code
    judge_together(monkeypatch)
    assert import_at_once(world, lot) == [[], ["ALREADY_EXISTS"]]
    assert live_runs(world, lot) == 1


def test_without_the_lock_the_index_keeps_one_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = frozen_lot(world).code
    judge_together(monkeypatch)
    without_locks(monkeypatch)
    assert import_at_once(world, lot) == [[], ["ALREADY_EXISTS"]]
    assert live_runs(world, lot) == 1


def write_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody commit before both have written, if the database lets them both."""
    both, sign = threading.Barrier(2), Work.sign

    def write_and_wait(work: Work) -> None:
        work.session.flush()
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=1.5)
        sign(work)

    monkeypatch.setattr(Work, "sign", write_and_wait)


def test_a_lot_is_not_released_while_its_run_is_withdrawn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes first decides: never a released lot without its run."""
    lot = passed_lot(world, vials=3).code
    statement = text("SELECT r.code FROM freezer_run r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot")
    with world.installation.reads.connect() as connection:
        run = connection.scalar(statement, {"lot": lot})
    at = results_read_at(world, lot) + 2 * DAY
    write_together(monkeypatch)
    without_locks(monkeypatch)
    monkeypatch.setattr(freezing_runs, "withdrawal_refusals", lambda *_: ())
    with ThreadPoolExecutor(2) as pool:
        released = pool.submit(world.codes, "oksana", "release_lot", now=at, lot=lot)
        withdrawn = pool.submit(world.codes, "tina", "withdraw_freezing_run", now=at, run=run, reason="The wrong file")
        assert [released.result() == [], withdrawn.result() == []].count(True) == 1
