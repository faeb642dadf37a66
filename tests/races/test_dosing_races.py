"""Clinicians in the same instant: real threads, real connections.

Where a race would go wrong between looking and writing, it is held open there: nobody writes before both have judged,
or before a lock has kept the second one out for a moment. Each race is run again with the lock off, where the database
has the last word, and with the constraint off too, where it does go wrong: so the tests above it test something.
"""

import datetime
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session

from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import Outcome
from cellbank.services.clinic import supply
from tests.conftest import Furnished
from tests.factories.by_hand import ASIDE
from tests.factories.doses import MINUTE, bedside, checked_dose, prepared_dose, product_lot, row_of, weighed_subject
from tests.factories.world import World
from tests.races.meeting import judge_together

pytestmark = pytest.mark.races
CLIENTS = 8


def at_once(*tasks: Callable[[], Outcome]) -> list[Outcome]:
    """Run the tasks side by side, each in its own thread and connection, all starting together."""
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], Outcome]) -> Outcome:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def came_of(outcomes: list[Outcome]) -> list[str]:
    """What came of each, sorted: "accepted" or the gravest code."""
    return sorted("accepted" if one.accepted else one.refusals[0].code.value for one in outcomes)


@pytest.fixture
def both_judge_first(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let nobody write before two have judged, or a lock has kept the second one out for half a second."""
    return partial(judge_together, monkeypatch)


@pytest.fixture
def scratch(furnished: Furnished, tmp_path: Path) -> Iterator[tuple[World, Callable[[str], None]]]:
    """A world in a database of its own, and what its owner does to that database."""

    def as_owner(statement: str) -> None:
        owner = create_engine(furnished.urls("dosing_race")[0])
        with owner.begin() as connection:
            connection.execute(text(statement))
        owner.dispose()

    with furnished.world("dosing_race", tmp_path, stock=True) as world:
        yield world, as_owner


def lock_nothing(monkeypatch: pytest.MonkeyPatch, *unlocked: type) -> None:
    """Take away the lock on these records: they are only read."""
    lock, lock_id = Work.lock, Work.lock_id

    def lock_others(work: Work, cls: type, code: str) -> Any:
        return work.find(cls, code) if cls in unlocked else lock(work, cls, code)

    def lock_others_by_id(work: Work, cls: type, record_id: int) -> Any:
        return work.session.get_one(cls, record_id) if cls in unlocked else lock_id(work, cls, record_id)

    monkeypatch.setattr(Work, "lock", lock_others)
    monkeypatch.setattr(Work, "lock_id", lock_others_by_id)


def take_vials_without_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find free vials by looking only."""

    def look(work: Work, lot: Any, count: int) -> list[Vial]:
        free = select(Vial).where(Vial.lot_id == lot.id, Vial.state == "IN_STOCK").order_by(Vial.number).limit(count)
        return list(work.session.scalars(free))

    monkeypatch.setattr(supply, "_free_vials", look)


def orders(world: World, lot: str, subjects: list[str]) -> list[Callable[[], Outcome]]:
    """An order for each subject, by two clinicians in turn."""
    who = ("clara", "cyril")
    return [
        lambda n=n, subject=subject: world.try_act(who[n % 2], "order_dose", subject=subject, lot=lot)
        for n, subject in enumerate(subjects)
    ]


def given_out(outcomes: list[Outcome]) -> list[str]:
    """The vials of all accepted orders."""
    return [vial for one in outcomes if one.accepted for vial in one.result["vials"]]


# --- one hot lot ------------------------------------------------------------------------------


def test_eight_clinicians_order_from_one_lot_and_each_vial_is_reserved_once(world: World) -> None:
    lot = product_lot(world, vials=CLIENTS * 4)
    outcomes = at_once(*orders(world, lot.code, [weighed_subject(world) for _ in range(CLIENTS)]))
    assert came_of(outcomes) == ["accepted"] * CLIENTS
    assert sorted(given_out(outcomes)) == sorted(lot.vials)
    with Session(world.installation.reads) as session:
        kept = select(func.count()).where(Vial.code.in_(lot.vials), Vial.state == "RESERVED").group_by(Vial.dose_id)
        assert session.scalars(kept).all() == [4] * CLIENTS


def test_a_lot_too_small_for_all_is_given_out_once_and_the_others_are_told(world: World) -> None:
    lot = product_lot(world, vials=14)
    outcomes = at_once(*orders(world, lot.code, [weighed_subject(world) for _ in range(CLIENTS)]))
    assert set(came_of(outcomes)) == {"accepted", "NOT_ENOUGH_VIALS"}
    assert len(given_out(outcomes)) == len(set(given_out(outcomes))) <= 12


def test_without_the_lock_the_constraint_keeps_a_vial_from_two_doses(
    world: World, monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    lot, subjects = product_lot(world), [weighed_subject(world) for _ in range(2)]
    take_vials_without_a_lock(monkeypatch)
    both_judge_first()
    outcomes = at_once(*orders(world, lot.code, subjects))
    assert came_of(outcomes) == ["VIAL_NOT_AVAILABLE", "accepted"]
    assert given_out(outcomes) == list(lot.vials[:4])


def test_without_lock_and_constraint_a_vial_is_kept_for_two_patients(
    scratch: tuple[World, Callable], monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    world, as_owner = scratch
    lot, subjects = product_lot(world), [weighed_subject(world) for _ in range(2)]
    as_owner(ASIDE)
    as_owner("ALTER TABLE vial DISABLE TRIGGER vial_safety")
    take_vials_without_a_lock(monkeypatch)
    both_judge_first()
    outcomes = at_once(*orders(world, lot.code, subjects))
    assert came_of(outcomes) == ["accepted", "accepted"]
    assert sorted(given_out(outcomes)) == sorted(lot.vials[:4] * 2)


# --- the same dose twice ----------------------------------------------------------------------


def order_twice(world: World, lot: str, subject: str) -> list[Outcome]:
    given = {"subject": subject, "lot": lot, "infusion_number": 1}
    return at_once(*(lambda who=who: world.try_act(who, "order_dose", **given) for who in ("clara", "cyril")))


def live_doses(world: World, subject: str) -> int:
    with Session(world.installation.reads) as session:
        doses = select(func.count(Dose.id)).join(Subject, Subject.id == Dose.subject_id)
        return session.scalar(doses.where(Subject.code == subject)) or 0


def test_the_same_dose_ordered_twice_at_once_exists_once(world: World, both_judge_first: Callable) -> None:
    lot, subject = product_lot(world), weighed_subject(world)
    both_judge_first()
    assert came_of(order_twice(world, lot.code, subject)) == ["DUPLICATE_DOSE", "accepted"]
    assert live_doses(world, subject) == 1


def test_without_the_lock_the_constraint_keeps_a_subject_from_two_doses(
    world: World, monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    lot, subject = product_lot(world), weighed_subject(world)
    lock_nothing(monkeypatch, Subject)
    both_judge_first()
    assert came_of(order_twice(world, lot.code, subject)) == ["DUPLICATE_DOSE", "accepted"]
    assert live_doses(world, subject) == 1


def test_without_lock_and_constraint_a_subject_has_two_doses_for_one_day(
    scratch: tuple[World, Callable], monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    world, as_owner = scratch
    lot, subject = product_lot(world), weighed_subject(world)
    as_owner("DROP INDEX one_live_dose_per_subject_and_day")
    lock_nothing(monkeypatch, Subject)
    both_judge_first()
    assert came_of(order_twice(world, lot.code, subject)) == ["accepted", "accepted"]
    assert live_doses(world, subject) == 2


# --- the same infusion twice ------------------------------------------------------------------


def start_twice(world: World, dose: str, at: datetime.datetime) -> list[Outcome]:
    seconds = {"clara": 0, "cyril": 1}
    return at_once(
        *(
            lambda who=who, late=late: world.try_act(
                who, "start_infusion", dose=dose, now=at + datetime.timedelta(seconds=late)
            )
            for who, late in seconds.items()
        )
    )


def test_an_infusion_started_by_two_people_at_once_starts_once(world: World, both_judge_first: Callable) -> None:
    dose = checked_dose(world)
    both_judge_first()
    assert came_of(start_twice(world, dose.code, dose.at + 45 * MINUTE)) == ["WRONG_STATE", "accepted"]


def test_without_the_lock_the_constraint_lets_an_infusion_start_once(
    world: World, monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    dose = checked_dose(world)
    lock_nothing(monkeypatch, Subject, Dose)
    both_judge_first()
    outcomes = start_twice(world, dose.code, dose.at + 45 * MINUTE)
    assert came_of(outcomes) == ["WRONG_STATE", "accepted"]
    assert "Somebody else was faster" in next(one.refusals[0].detail for one in outcomes if not one.accepted)


def test_without_lock_and_constraint_two_people_start_one_infusion(
    scratch: tuple[World, Callable], monkeypatch: pytest.MonkeyPatch, both_judge_first: Callable
) -> None:
    world, as_owner = scratch
    dose = checked_dose(world)
    as_owner(ASIDE)
    as_owner("ALTER TABLE dose DISABLE TRIGGER dose_safety")
    lock_nothing(monkeypatch, Subject, Dose)
    both_judge_first()
    assert came_of(start_twice(world, dose.code, dose.at + 45 * MINUTE)) == ["accepted", "accepted"]


def test_one_person_checking_twice_at_once_is_one_check(world: World, both_judge_first: Callable) -> None:
    dose = prepared_dose(world)
    scans = {**bedside(world, dose), "now": dose.at + 40 * MINUTE}
    both_judge_first()
    outcomes = at_once(*[lambda: world.try_act("clara", "check_dose", **scans)] * 2)
    assert came_of(outcomes) == ["SAME_PERSON", "accepted"]
    assert row_of(world, dose.code).state == "CHECKED_ONCE"


def test_two_technicians_pick_one_vial_once(world: World, both_judge_first: Callable) -> None:
    lot, subject = product_lot(world), weighed_subject(world)
    order = world.do("clara", "order_dose", subject=subject, lot=lot.code)
    given = {"dose": order["code"], "box": lot.box, "vial": order["vials"][0]}
    both_judge_first()
    outcomes = at_once(*(lambda who=who: world.try_act(who, "pick_vial", **given) for who in ("tina", "taras")))
    assert came_of(outcomes) == ["POSITION_MISMATCH", "accepted"]
