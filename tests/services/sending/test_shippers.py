"""Shippers: added, qualified again, and no box among the others."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.quality import Printing
from cellbank.records.storage import StorageUnit
from cellbank.services.acts import Malformed
from tests.factories.lots import box
from tests.factories.shipping import (
    DAY,
    shipper,
)
from tests.factories.world import World
from tests.services.sending.asking import (
    refused,
)

SHIPPER = {"name": "Dry shipper", "rows": 2, "columns": 2, "hold_hours": "240", "qualified_on": "2026-01-15",
           "qualified_until": "2027-01-15"}  # fmt: skip


def test_a_shipper_is_a_unit_with_positions_that_stands_on_the_site_and_has_a_label(world: World) -> None:
    code = world.do("quinn", "add_shipper", **SHIPPER)["code"]
    with Session(world.installation.reads) as session:
        unit = session.scalars(select(StorageUnit).where(StorageUnit.code == code)).one()
        labels = session.scalars(select(Printing).where(Printing.record_code == code)).all()
    assert (unit.type, unit.parent_id, unit.state, unit.hold_hours) == ("shipper", None, "IN_SERVICE", 240)
    assert len(labels) == 1 and labels[0].label_count == 1


def test_two_shippers_do_not_stand_in_one_place(world: World) -> None:
    world.do("tina", "add_shipper", place=9001, **SHIPPER)
    assert world.codes("tina", "add_shipper", place=9001, **SHIPPER) == ["POSITION_TAKEN"]


def test_a_qualification_is_not_of_tomorrow(world: World) -> None:
    tomorrow = (world.now + 2 * DAY).date().isoformat()
    given = {**SHIPPER, "qualified_on": tomorrow, "qualified_until": "2030-01-01"}
    assert world.codes("tina", "add_shipper", **given) == ["IN_THE_FUTURE"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hold_hours", "0"), ("hold_hours", "-5"), ("hold_hours", "NaN"), ("hold_hours", "10000"),
        ("hold_hours", "10 days"), ("hold_hours", "1.25"), ("rows", 27), ("rows", 0), ("columns", 49), ("place", 0),
        ("qualified_on", "15.01.2026"), ("name", ""), ("name", "x" * 201),
    ],
)  # fmt: skip
def test_a_shipper_of_impossible_figures_is_malformed(world: World, field: str, value: Any) -> None:
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "add_shipper", **{**SHIPPER, field: value})
    assert [problem.field for problem in malformed.value.problems] == [field]


def test_a_qualification_ends_after_it_began(world: World) -> None:
    with pytest.raises(Malformed):
        world.try_act("tina", "add_shipper", **{**SHIPPER, "qualified_until": SHIPPER["qualified_on"]})


def test_a_shipper_is_qualified_again_and_nothing_else_is(world: World) -> None:
    unit = shipper(world)
    given = {"hold_hours": "200.5", "qualified_on": "2026-02-20", "qualified_until": "2027-02-20", "certificate": "Q-7"}
    world.do("tina", "requalify_shipper", shipper=unit, **given)
    with Session(world.installation.reads) as session:
        row = session.scalars(select(StorageUnit).where(StorageUnit.code == unit)).one()
    assert (str(row.hold_hours), str(row.qualified_until), row.state) == ("200.5", "2027-02-20", "IN_SERVICE")
    assert world.codes("tina", "requalify_shipper", shipper=box(world), **given) == ["WRONG_KIND"]
    earlier = {**given, "qualified_on": "2026-02-19"}
    assert world.codes("tina", "requalify_shipper", shipper=unit, **earlier) == ["OUT_OF_ORDER"]


def test_vials_come_into_a_shipper_by_packing_alone(world: World, some: Any) -> None:
    """Or stock would leave with it that no shipment knows of."""
    (vial,) = some(1).vials
    unit = shipper(world)
    said = refused(world, "tina", "move_vial", vial=vial, box=unit, now=world.now + 60 * DAY)
    assert list(said) == ["WRONG_KIND"] and "Pack vials" in said["WRONG_KIND"]
