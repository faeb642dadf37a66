"""Another design of trial is another file and no code: a fixed dose of 100 million cells, two infusions 48 hours apart,
a cap, two products, no second person at the scale."""

import datetime
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Furnished
from tests.factories.doses import OrderedDose, bedside, dewar, product_lot, row_of
from tests.factories.world import World

FIXED = Path(__file__).parents[1] / "domain" / "fixed-dose.toml"
START = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
HOUR, MINUTE = datetime.timedelta(hours=1), datetime.timedelta(minutes=1)


@pytest.fixture(scope="module")
def other_world(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A bank of its own: definitions in force are for everybody in it."""
    with furnished.world("second_protocol", tmp_path_factory.mktemp("second")) as world:
        yield world


@pytest.fixture(scope="module")
def trial(other_world: World) -> tuple[World, str, Any]:
    """A lot of the first product, both products and the second trial in force, and a subject enrolled in it."""
    world = other_world
    lot = product_lot(world, vials=14)
    other_product = (files("cellbank") / "protocols" / "p-mmsc.toml").read_text().replace('"P-MMSC"', '"UC-MSC"')
    for type_, content in (("specification", other_product), ("protocol", FIXED.read_text())):
        code = world.do("quinn", "import_definition", type=type_, content=content)["code"]
        world.do("oksana", "make_effective", definition=code)
    subject = world.do(
        "clara",
        "enrol_subject",
        trial_number="F-1",
        second_identifier="MRN-1",
        sex="male",
        born_on="1980-05-05",
        consented_on=START.date().isoformat(),
        arm="PL",
        protocol="FIXED-100",
    )["code"]
    world.do("clara", "answer_criteria", subject=subject, answers={"adult": "yes"})
    world.do("cyril", "sign_eligibility", subject=subject)
    return world, subject, lot


def weigh(world: World, subject: str, at: datetime.datetime) -> None:
    """One person at the scale: this protocol asks for no second."""
    world.do("clara", "measure_weight", now=at, subject=subject, weight_kg="120.0", method="standing_scale")


def give(world: World, subject: str, lot: Any, at: datetime.datetime) -> OrderedDose:
    """Order and give a dose; it ends an hour after `at`."""
    weigh(world, subject, at)
    ordered = world.do("clara", "order_dose", now=at, subject=subject)
    dose = OrderedDose(ordered["code"], subject, lot, tuple(ordered["vials"]), len(ordered["vials"]), at, ordered)
    for vial in dose.vials:
        world.do("tina", "pick_vial", now=at, dose=dose.code, box=lot.box, vial=vial, dewar=dewar(world))
    for vial in dose.vials:
        world.do("tina", "thaw_vial", now=at + 5 * MINUTE, dose=dose.code, vial=vial)
    counted = world.do(
        "tina",
        "pool_and_count",
        now=at + 20 * MINUTE,
        dose=dose.code,
        vials=list(dose.vials),
        diluent="albumin",
        pooled_ml="30",
        total_cells_per_ml=4_100_000,
        viability_percent="88",
        method="7-AAD",
    )
    drawn = counted["draw"]["drawn_ml"]
    world.do("taras", "prepare_dose", now=at + 30 * MINUTE, dose=dose.code, drawn_ml=drawn, final_volume_ml="50")
    for who in ("clara", "cyril"):
        world.do(who, "check_dose", now=at + 40 * MINUTE, **bedside(world, dose))
    world.do("clara", "start_infusion", now=at + 45 * MINUTE, dose=dose.code)
    world.do("clara", "stop_infusion", now=at + HOUR, dose=dose.code, volume_given_ml="50")
    return dose


def test_a_trial_of_another_design_is_a_file(trial: tuple[World, str, Any]) -> None:
    world, subject, lot = trial
    first = give(world, subject, lot, START)
    row = row_of(world, first.code)
    # 100 million whatever the weight; at 19.125 million viable cells a vial 5.23, so six; and no spare one
    assert (row.required_cells, row.vials_needed, row.vials_spare) == (100_000_000, 6, 0)
    assert (row.infusion_number, row.day, row.state) == (1, 1, "INFUSED")
    # three hours after thaw with albumin, as the file says, not four as the other trial has it
    assert row.expires_at == START + 5 * MINUTE + 3 * HOUR

    ended = START + HOUR
    weigh(world, subject, ended + 23 * HOUR)
    next_day = world.codes("clara", "order_dose", now=ended + 23 * HOUR, subject=subject)
    assert "OUTSIDE_WINDOW" in next_day and "TOO_EARLY" in next_day
    in_time = give(world, subject, lot, ended + 48 * HOUR)
    assert (row_of(world, in_time.code).day, row_of(world, in_time.code).state) == (3, "INFUSED")
    weigh(world, subject, ended + 100 * HOUR)
    assert "TOO_MANY_DOSES" in world.codes("clara", "order_dose", now=ended + 100 * HOUR, subject=subject)


def test_the_control_arm_of_the_other_trial_receives_nothing(trial: tuple[World, str, Any]) -> None:
    world, _, _ = trial
    other = world.do(
        "clara",
        "enrol_subject",
        trial_number="F-2",
        second_identifier="MRN-2",
        sex="female",
        born_on="1981-05-05",
        consented_on=START.date().isoformat(),
        arm="CTL",
        protocol="FIXED-100",
    )["code"]
    world.do("clara", "answer_criteria", subject=other, answers={"adult": "yes"})
    world.do("cyril", "sign_eligibility", subject=other)
    weigh(world, other, START)
    assert world.codes("clara", "order_dose", subject=other)[0] == "CONTROL_ARM"
