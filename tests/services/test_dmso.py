"""DMSO is judged for the day: what a subject is given with all doses of it, against what the protocol allows and what
is tolerated at all. And a child weighs less than an adult: the limits of the weight are those of the protocol."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.domain.rules import dosing, thaw
from cellbank.services.clinic import preparing
from cellbank.services.constraints import refusal_for
from tests.conftest import Furnished
from tests.factories.by_hand import open_act
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import (
    COUNT,
    DAY,
    MINUTE,
    OrderedDose,
    counted_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    thawed_dose,
    weighed,
)
from tests.factories.world import World
from tests.services.test_one_patient import amended

START = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
# 3 vials × 1 mL × 10 % × 1.1 g/mL in 50 kg are 0.0066 g/kg: once a day is allowed, twice is not
SEVERAL_A_DAY = (
    ("min_hours_between = 48", "min_hours_between = 0"),
    ("one_per_calendar_day = true", "one_per_calendar_day = false"),
    ("dmso_g_per_kg = 1 ", "dmso_g_per_kg = 0.01 "),
)
FOR_CHILDREN = (
    ("{ low = 30, high = 250", "{ low = 0.3, high = 60"),
    ("decimals = 1", "decimals = 2"),
    ("cells_per_kg = 1_000_000", "cells_per_kg = 400_000_000"),
)


@pytest.fixture
def own(furnished: Furnished, tmp_path: Path) -> Iterator[World]:
    """A bank of its own: protocols in force are for everybody in it."""
    with furnished.world("dmso", tmp_path) as world:
        yield world


def ordering_again(world: World, first: OrderedDose, at: datetime.datetime) -> list[str]:
    given = {"subject": first.subject, "lot": first.lot.code, "infusion_number": 2, "deviation_reason": "Twice a day"}
    return world.codes("clara", "order_dose", now=at, **given)


@pytest.mark.requirement("R16")
def test_a_second_dose_of_the_day_brings_its_dmso_on_top(own: World) -> None:
    amended(own, "2", *SEVERAL_A_DAY)
    first = infused_dose(own, prepared_dose(own))
    assert ordering_again(own, first, first.at + 3 * HOUR) == ["DMSO_LIMIT"]
    assert ordering_again(own, first, first.at + DAY) == []  # the next day has a limit of its own


def test_one_more_vial_for_a_short_dose_is_not_thawed_beyond_the_limit(own: World) -> None:
    amended(own, "2", *SEVERAL_A_DAY[:2], ("dmso_g_per_kg = 1 ", "dmso_g_per_kg = 0.007 "))
    dose = counted_dose(own, total_cells_per_ml=3_400_000)
    own.do("tina", "fetch_spare", now=dose.at + 21 * MINUTE, dose=dose.code, reason="The dose is short")
    own.do("tina", "pick_vial", now=dose.at + 22 * MINUTE, dose=dose.code, box=dose.lot.box, vial=dose.vials[3])
    more = {"now": dose.at + 22 * MINUTE, "dose": dose.code, "vial": dose.vials[3]}
    assert own.codes("tina", "thaw_vial", **more) == ["DMSO_LIMIT"]


def test_a_dose_is_not_planned_anew_for_a_day_that_has_its_dmso(own: World) -> None:
    amended(own, "2", *SEVERAL_A_DAY)
    first = infused_dose(own, prepared_dose(own))
    given = {"subject": first.subject, "lot": first.lot.code, "infusion_number": 2}
    tomorrow = (first.at + 2 * DAY).date()
    dose = own.do("clara", "order_dose", now=first.at + 3 * HOUR, planned_on=tomorrow, **given)["code"]
    today = {"dose": dose, "reason": "The ward is ready", "deviation_reason": "Twice a day"}
    assert own.codes("clara", "plan_dose_anew", now=first.at + 4 * HOUR, **today) == ["DMSO_LIMIT"]


def test_what_the_day_brings_is_shown_with_what_it_means(own: World) -> None:
    amended(own, "2", *SEVERAL_A_DAY)
    dose = counted_dose(own)
    steps = {step["label"]: step["value"] for step in dose.result["calculation"]["steps"]}
    assert steps["DMSO"] == "0.006600 g/kg (WARN, limit 0.01)"
    shown = own.do(
        "taras", "prepare_dose", now=dose.at + 30 * MINUTE, dose=dose.code, drawn_ml="13.9", final_volume_ml="50"
    )
    assert shown["dmso_that_day"] == "0.006600 g/kg (WARN, limit 0.01)"


# --- the database alone -------------------------------------------------------------------------


@pytest.mark.the_database_refuses("no_more_dmso_a_day_than_is_tolerated")
def test_the_rules_off_the_database_lets_nobody_be_given_more_than_is_tolerated(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 vials × 1 mL × 10 % × 1.1 g/mL in 0.3 kg are 2.6 g/kg."""
    amended(own, "2", *FOR_CHILDREN)
    lot, subject = product_lot(own, vials=10), enrolled_subject(own)
    weighed(own, subject, "0.3")
    order = {"subject": subject, "lot": lot.code}
    assert own.codes("clara", "order_dose", **order) == ["DMSO_LIMIT", "ENDOTOXIN_LIMIT"]
    for module in (dosing, thaw, preparing):
        monkeypatch.setattr(module, "limit_refusals", lambda *given: ())
    dose = thawed_dose(own, ordered_dose(own, lot=lot, subject=subject))
    count = {**COUNT, "pooled_ml": "35", "vials": list(dose.vials[: dose.needed])}
    drawn = own.do("tina", "pool_and_count", now=dose.at + 20 * MINUTE, dose=dose.code, **count)["draw"]["drawn_ml"]
    prepare = {"dose": dose.code, "drawn_ml": drawn, "final_volume_ml": "50"}
    assert own.codes("taras", "prepare_dose", now=dose.at + 30 * MINUTE, **prepare) == ["DMSO_LIMIT"]


# --- the weight ---------------------------------------------------------------------------------


def test_a_trial_of_children_weighs_children(own: World) -> None:
    subject = enrolled_subject(own)
    assert weighing(own, subject, "12.5") == ["OUTSIDE_LIMITS"]  # the shipped protocol: 30 to 250 kg
    amended(own, "2", *FOR_CHILDREN)
    child = enrolled_subject(own)
    assert weighing(own, child, "61") == ["OUTSIDE_LIMITS"]
    assert weighing(own, child, "3.255") == ["OUTSIDE_LIMITS"]  # finer than this protocol weighs
    code = own.do("clara", "measure_weight", subject=child, weight_kg="3.25", method="bed_scale")["code"]
    own.do("cyril", "confirm_weight", weight=code, weight_kg="3.25")
    with own.installation.reads.connect() as connection:
        kept = connection.scalar(text("SELECT weight_kg FROM weight WHERE code = :code"), {"code": code})
    assert str(kept) == "3.25"


def weighing(world: World, subject: str, weight_kg: str) -> list[str]:
    return world.codes("clara", "measure_weight", subject=subject, weight_kg=weight_kg, method="bed_scale")


@pytest.mark.parametrize("weight_kg", ["0.29", "400.1", "3.2555"])
def test_the_database_alone_keeps_no_weight_that_nobody_has(world: World, weight_kg: str) -> None:
    code = weighed(world, enrolled_subject(world), "50.0")
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        who = world.people["clara"].id
        open_act(connection, "measure_weight", person=who)
        heavier = text("""INSERT INTO weight (subject_id, code, weight_kg, method, measured_at, measured_by_id, state)
                          SELECT subject_id, 'HEAVIER', :kg, method, measured_at, :who, 'MEASURED'
                            FROM weight WHERE code = :code""")
        connection.execute(heavier, {"kg": weight_kg, "code": code, "who": who})
    refusal = refusal_for(caught.value)
    assert refusal is not None and refusal.code.value == "OUTSIDE_LIMITS"
