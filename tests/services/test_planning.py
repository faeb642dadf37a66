"""A dose has its day: on another one it is thawed, checked and started by nobody before a clinician plans it anew."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.rules import plan
from cellbank.records.quality import Signature
from cellbank.services.constraints import refusal_for
from tests.factories.doses import (
    DAY,
    MINUTE,
    OrderedDose,
    bedside,
    checked_dose,
    infused_dose,
    ordered_dose,
    pick,
    picked_dose,
    prepared_dose,
    product_lot,
    row_of,
    weighed,
    weighed_subject,
)
from tests.factories.lots import FrozenLot
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
REASON = "The ward is ready a day early"


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=80)


def second_dose(world: World, lot: FrozenLot, days_later: int) -> OrderedDose:
    """Infusion 2, ordered two days after the first and planned for `days_later` after that: any of them is inside its
    window."""
    first = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    at = first.at + 2 * DAY + 2 * HOUR
    weighed(world, first.subject, "50.0", at)
    return ordered_dose(world, lot=lot, subject=first.subject, at=at, planned_on=_day(at, days_later))


def _day(at: datetime.datetime, later: int = 0) -> str:
    return (at + later * DAY).date().isoformat()


def anew(world: World, dose: OrderedDose, at: datetime.datetime | None = None, **given: Any) -> list[str]:
    return world.codes("clara", "plan_dose_anew", now=at or dose.at, dose=dose.code, **{"reason": REASON, **given})


@pytest.mark.requirement("R16")
def test_a_dose_of_tomorrow_is_not_thawed_today_until_it_is_planned_anew(world: World, lot: FrozenLot) -> None:
    dose = picked_dose(world, second_dose(world, lot, 1))  # picked the evening before: a dewar waits
    thaw = {"dose": dose.code, "vial": dose.vials[0]}
    assert world.codes("tina", "thaw_vial", now=dose.at, **thaw) == ["NOT_THE_PLANNED_DAY"]
    assert anew(world, dose) == []
    assert world.codes("tina", "thaw_vial", now=dose.at, **thaw) == []
    row = row_of(world, dose.code)
    assert (row.planned_on.isoformat(), row.planned_anew_because) == (_day(dose.at), REASON)


@pytest.mark.requirement("R16")
def test_a_dose_that_was_made_ready_before_midnight_is_stop_after_it(world: World, lot: FrozenLot) -> None:
    late = world.now.replace(hour=21, minute=10)  # 23:10 at the site
    subject = weighed_subject(world, at=late)
    dose = prepared_dose(world, ordered_dose(world, lot=lot, subject=subject, at=late))
    scans, after = bedside(world, dose), late + 55 * MINUTE
    world.do("clara", "check_dose", now=late + 45 * MINUTE, **scans)
    assert world.codes("cyril", "check_dose", now=after, **scans) == ["NOT_THE_PLANNED_DAY"]
    assert anew(world, dose, after) == []
    world.do("cyril", "check_dose", now=after, **scans)
    assert world.codes("clara", "start_infusion", now=after, dose=dose.code) == []
    assert row_of(world, dose.code).study_day == 1


def test_what_was_checked_today_does_not_start_tomorrow(world: World, lot: FrozenLot) -> None:
    late = world.now.replace(hour=21, minute=10)
    dose = checked_dose(world, prepared_late(world, lot, late))
    start = {"now": late + 51 * MINUTE, "dose": dose.code}
    assert world.codes("clara", "start_infusion", **start) == ["NOT_THE_PLANNED_DAY"]


def prepared_late(world: World, lot: FrozenLot, late: datetime.datetime) -> OrderedDose:
    subject = weighed_subject(world, at=late)
    return prepared_dose(world, ordered_dose(world, lot=lot, subject=subject, at=late))


def test_vials_leave_the_tank_the_evening_before_and_no_sooner(world: World, lot: FrozenLot) -> None:
    dose = second_dose(world, lot, 2)
    scans = {"dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0]}
    assert world.codes("tina", "pick_vial", now=dose.at, **scans) == ["NOT_THE_PLANNED_DAY"]
    assert world.codes("tina", "pick_vial", now=dose.at + 3 * DAY, **scans) == ["NOT_THE_PLANNED_DAY"]
    assert world.codes("tina", "pick_vial", now=dose.at + DAY, **scans) == []


def test_the_new_day_is_judged_like_the_day_of_an_order(world: World, lot: FrozenLot) -> None:
    dose = second_dose(world, lot, 1)
    assert anew(world, dose, planned_on=_day(dose.at, 1)) == ["ALREADY_EXISTS"]
    assert "OUT_OF_ORDER" in anew(world, dose, planned_on=_day(dose.at, -1))
    assert anew(world, dose, planned_on=_day(dose.at, 4)) == ["OUTSIDE_WINDOW", "WEIGHT_STALE"]
    assert anew(world, dose, planned_on=_day(dose.at, 3), deviation_reason="No bed before") == []
    assert anew(world, dose, planned_on=_day(dose.at, 2)) == []
    assert row_of(world, dose.code).deviation_reason is None  # that was for the other day


def test_a_thawed_dose_is_not_planned_for_a_day_that_it_does_not_reach(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, second_dose(world, lot, 0))
    assert anew(world, dose, planned_on=_day(dose.at, 1)) == ["OUT_OF_TIME"]


def test_only_a_clinician_plans_anew_signs_and_says_why(world: World, lot: FrozenLot) -> None:
    dose = second_dose(world, lot, 1)
    given = {"now": dose.at, "dose": dose.code, "reason": REASON}
    assert world.codes("tina", "plan_dose_anew", **given) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("clara", "plan_dose_anew", **{**given, "password": "another one altogether"}) == [
        "SIGNATURE_WRONG"
    ]
    act = world.try_act("clara", "plan_dose_anew", **given).act
    with Session(world.installation.reads) as session:
        signed = session.scalars(select(Signature).where(Signature.act_id == act)).one()
    assert (signed.record_kind, signed.meaning) == ("dose", "approved")


def test_picked_vials_of_a_dose_that_moves_on_are_named(world: World, lot: FrozenLot) -> None:
    dose = second_dose(world, lot, 0)
    pick(world, dose, dose.vials[0])
    given = {"dose": dose.code, "reason": REASON, "planned_on": _day(dose.at, 2)}
    assert world.do("clara", "plan_dose_anew", now=dose.at, **given)["vials_to_return"] == [dose.vials[0]]


def test_a_given_dose_is_planned_no_more(world: World, lot: FrozenLot) -> None:
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    assert "WRONG_STATE" in anew(world, dose, planned_on=_day(dose.at, 1))


# --- the database alone -----------------------------------------------------------------------


@pytest.mark.requirement("R16")
@pytest.mark.the_database_refuses("a_dose_is_given_on_its_day")
def test_with_the_rule_off_the_database_says_no(world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch) -> None:
    late = world.now.replace(hour=21, minute=10)
    dose = checked_dose(world, prepared_late(world, lot, late))
    monkeypatch.setattr(plan, "_other_day_refusals", lambda facts: ())
    start = {"now": late + 51 * MINUTE, "dose": dose.code}
    assert world.codes("clara", "start_infusion", **start) == ["NOT_THE_PLANNED_DAY"]


def test_the_day_of_a_given_dose_stays(world: World, lot: FrozenLot) -> None:
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE dose SET planned_on = planned_on + 1 WHERE code = :dose"), {"dose": dose.code})
    refusal = refusal_for(caught.value)
    assert refusal is not None and refusal.code.value == "WRONG_STATE"
