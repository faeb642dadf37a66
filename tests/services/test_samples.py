"""Samples: taken for one test, due on a day of the site's calendar, reported by a result or cancelled."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.quality import Sample, TestResult
from cellbank.services.acts import Malformed
from cellbank.services.quality import samples
from tests.factories.lots import FrozenLot, frozen_lot
from tests.factories.quality import frozen_at
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return frozen_lot(world, vials=3)


def row(world: World, code: str) -> Sample:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Sample).where(Sample.code == code)).one()


def taken(world: World, lot: FrozenLot, test: str, **given: Any) -> str:
    at = given.pop("taken_at", frozen_at(world, lot.code) + HOUR)
    sampled = {"lot": lot.code, "test": test, "material": "Supernatant of the last culture", "taken_at": at, **given}
    return str(world.do("tina", "take_sample", **sampled)["code"])


def test_a_sample_is_due_when_its_method_is_done(world: World, lot: FrozenLot) -> None:
    code = taken(world, lot, "STERILITY")
    sample = row(world, code)
    assert (sample.state, sample.number, sample.test) == ("TAKEN", 1, "STERILITY")
    assert sample.due_on == sample.taken_at.date() + 14 * DAY
    world.do("tina", "cancel_sample", sample=code, reason="The bottle was broken")
    assert (row(world, code).state, row(world, code).cancel_reason) == ("CANCELLED", "The bottle was broken")
    assert world.codes("tina", "cancel_sample", sample=code, reason="Once more") == ["WRONG_STATE"]


def test_the_day_is_that_of_the_wall_of_the_site(world: World, lot: FrozenLot) -> None:
    """23:30 in Greenwich is half past one of the next day in Kyiv."""
    late = (world.now - 3 * DAY).replace(hour=23, minute=30)
    code = taken(world, lot, "MYCOPLASMA", taken_at=late)
    assert row(world, code).due_on == late.date() + DAY + 28 * DAY


def test_a_result_takes_everything_from_its_sample(world: World, lot: FrozenLot) -> None:
    code = taken(world, lot, "KARYOTYPE", material="Cells of the last harvest")
    read_at = row(world, code).taken_at + 9 * DAY
    given = {"sample": code, "choice": "normal", "resulted_at": read_at, "instrument": "Microscope 2"}
    answer = world.do("taras", "enter_result", **given)
    assert answer["verdict"] == "IN_SPECIFICATION"
    with Session(world.installation.reads) as session:
        result = session.scalars(select(TestResult).where(TestResult.code == answer["code"])).one()
        sample = session.scalars(select(Sample).where(Sample.code == code)).one()
    assert (result.lot_id, result.test, result.sample_id) == (sample.lot_id, "KARYOTYPE", sample.id)
    assert (result.sample_number, result.started_at, result.instrument) == (1, sample.taken_at, "Microscope 2")
    assert sample.state == "REPORTED"
    assert world.codes("taras", "enter_result", **given) == ["WRONG_STATE"]


@pytest.mark.the_database_refuses("one_sample_awaited")
def test_one_sample_is_awaited_at_a_time(world: World, lot: FrozenLot, monkeypatch: pytest.MonkeyPatch) -> None:
    code = taken(world, lot, "TRILINEAGE")
    again = {"lot": lot.code, "test": "TRILINEAGE", "material": "Cells"}
    refused = world.try_act("tina", "take_sample", **again)
    assert [refusal.code.value for refusal in refused.refusals] == ["ALREADY_EXISTS"]
    assert code in refused.refusals[0].detail
    monkeypatch.setattr(samples, "_awaited", lambda *_: ())
    assert world.codes("tina", "take_sample", **again) == ["ALREADY_EXISTS"]  # of the database: one_sample_awaited


def test_a_sample_of_a_thawed_vial_is_younger_than_the_freezing(world: World, lot: FrozenLot) -> None:
    early = {"taken_at": frozen_at(world, lot.code) - HOUR, "lot": lot.code, "test": "PT-IDENTITY", "material": "Vial"}
    assert world.codes("tina", "take_sample", **early) == ["OUT_OF_ORDER"]
    code = taken(world, lot, "PT-IDENTITY", vial=lot.vials[0], material="A thawed vial")
    assert row(world, code).vial_id is not None
    assert row(world, code).due_on == row(world, code).taken_at.date() + 7 * DAY  # nobody says how long it takes


def test_a_vial_of_another_lot_is_no_sample(world: World, lot: FrozenLot) -> None:
    other = frozen_lot(world, vials=3)
    given = {"lot": lot.code, "test": "PT-VIABILITY", "material": "A thawed vial", "vial": other.vials[0]}
    assert world.codes("tina", "take_sample", **given) == ["VIAL_MISMATCH"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": 2}, "number"),  # the specification asks for one sample
        ({"number": 0}, "number"),
        ({"material": ""}, "material"),
        ({"donor": "DR00001"}, "donor"),
        ({"lot": None}, "(whole)"),
    ],
)
def test_what_cannot_be_a_sample_is_malformed(world: World, lot: FrozenLot, change: dict[str, Any], field: str) -> None:
    given = {"lot": lot.code, "test": "CD73", "material": "Cells", **change}
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "take_sample", **given)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_sample_is_not_taken_tomorrow_nor_for_a_test_that_is_not_there(world: World, lot: FrozenLot) -> None:
    given = {"lot": lot.code, "test": "CD73", "material": "Cells"}
    assert world.codes("tina", "take_sample", **given, taken_at=world.now + DAY) == ["IN_THE_FUTURE"]
    assert world.codes("tina", "take_sample", **{**given, "test": "CD999"}) == ["NOT_FOUND"]
    assert world.codes("clara", "take_sample", **given) == ["ROLE_NOT_ALLOWED"]


def test_a_sample_says_all_or_the_result_does(world: World, lot: FrozenLot) -> None:
    code = taken(world, lot, "CD90")
    for extra in ({"test": "CD90"}, {"lot": lot.code}, {"started_at": world.now - DAY}, {"sample_number": 1}):
        with pytest.raises(Malformed) as caught:
            world.try_act("taras", "enter_result", sample=code, number="99", **extra)
        assert "leave these out" in caught.value.problems[0].message
