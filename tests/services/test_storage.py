"""The cold store: units, putting away, moving, and where things are."""

import datetime

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from cellbank.records.production import Vial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.trail import Act, Change
from cellbank.services.acts import Malformed
from cellbank.services.storage.whereabouts import pick_order, where
from tests.factories.lots import box, frozen_lot, stored_lot
from tests.factories.world import World

REASON = "The level sensor failed."


def vials(world: World, *codes: str) -> list[Vial]:
    with Session(world.installation.reads) as session:
        found = {vial.code: vial for vial in session.scalars(select(Vial).where(Vial.code.in_(codes)))}
    return [found[code] for code in codes]


def whereabouts(world: World, *codes: str) -> list[str | None]:
    """Where these vials stand, in words; None for one that stands nowhere."""
    ids = [vial.id for vial in vials(world, *codes)]
    with Session(world.installation.reads) as session:
        places = where(session, ids)
    return [places.get(vial_id) for vial_id in ids]


def rack(world: World) -> str:
    tank = world.do("tina", "add_storage_unit", type="tank", name="Tank 1")
    return world.do("tina", "add_storage_unit", type="rack", name="Rack 2", parent=tank["code"], place=2)["code"]


# --- units ------------------------------------------------------------------------------------


def test_units_make_a_tree_and_take_the_next_place(world: World) -> None:
    parent = rack(world)
    codes = [
        world.do("tina", "add_storage_unit", type="box", name=f"Box {letter}", parent=parent, rows=2, columns=2)["code"]
        for letter in "AB"
    ]
    with Session(world.installation.reads) as session:
        found = session.execute(
            select(StorageUnit.place, StorageUnit.state).where(StorageUnit.code.in_(codes)).order_by(StorageUnit.place)
        ).all()
    assert found == [(1, "IN_SERVICE"), (2, "IN_SERVICE")]


def test_two_units_do_not_stand_in_one_place(world: World) -> None:
    parent = rack(world)
    given = {"type": "box", "name": "Box A", "parent": parent, "place": 7, "rows": 2, "columns": 2}
    world.do("tina", "add_storage_unit", **given)
    assert world.codes("tina", "add_storage_unit", **given) == ["POSITION_TAKEN"]


def test_a_box_stands_in_a_rack_or_a_tank_and_nowhere_else(world: World) -> None:
    assert world.codes("tina", "add_storage_unit", type="box", name="Box A", rows=2, columns=2) == ["WRONG_KIND"]
    inner = {"type": "box", "name": "Box A", "parent": box(world), "rows": 2, "columns": 2}
    assert world.codes("tina", "add_storage_unit", **inner) == ["WRONG_KIND"]


@pytest.mark.parametrize(
    "given",
    [
        {"type": "box"},
        {"type": "box", "rows": 9},
        {"type": "tank", "rows": 9, "columns": 9},
        {"type": "rack", "columns": 9},
        {"type": "box", "rows": 27, "columns": 9},
        {"type": "box", "rows": 0, "columns": 9},
        {"type": "freezer"},
        {"type": "tank", "place": 0},
    ],
)
def test_a_unit_of_impossible_size_is_malformed(world: World, given: dict) -> None:
    with pytest.raises(Malformed):
        world.try_act("tina", "add_storage_unit", name="Unit", **given)


def test_a_tank_out_of_service_takes_no_vial_and_no_box_until_it_returns(world: World) -> None:
    lot = frozen_lot(world, vials=1)
    tank = world.do("tina", "add_storage_unit", type="tank", name="Tank 1")["code"]
    parent = world.do("tina", "add_storage_unit", type="rack", name="Rack 1", parent=tank)["code"]
    home = box(world, rack=parent)
    given = {"vials": list(lot.vials), "box": home}
    assert world.do("quinn", "take_out_of_service", unit=tank, reason=REASON)["state"] == "OUT_OF_SERVICE"
    (refusal,) = world.try_act("tina", "store_vials", **given).refusals
    assert refusal.code == "STORAGE_OUT_OF_SERVICE"
    assert tank in refusal.detail and REASON in refusal.detail
    assert world.codes("tina", "add_storage_unit", type="rack", name="Rack 2", parent=tank) == [
        "STORAGE_OUT_OF_SERVICE"
    ]
    assert world.codes("quinn", "take_out_of_service", unit=tank, reason=REASON) == ["WRONG_STATE"]
    assert world.do("quinn", "return_to_service", unit=tank, reason="New sensor, tested.")["state"] == "IN_SERVICE"
    world.do("tina", "store_vials", **given)


# --- putting away -----------------------------------------------------------------------------


def test_vials_take_the_next_free_positions_in_order(world: World) -> None:
    lot, home = frozen_lot(world, vials=4), box(world, rows=2, columns=3)
    world.do("tina", "store_vials", vials=[lot.vials[0]], box=home, positions=["A2"])
    stored = world.do("tina", "store_vials", vials=list(lot.vials[1:]), box=home)
    assert stored["positions"] == dict(zip(lot.vials[1:], ["A1", "A3", "B1"], strict=True))
    assert {vial.state for vial in vials(world, *lot.vials)} == {"IN_STOCK"}
    assert whereabouts(world, lot.vials[0], lot.vials[3]) == [
        text.format(tank=whereabouts(world, lot.vials[0])[0].split(" › ")[0])
        for text in ("{tank} › Rack 1 › Box A › A2", "{tank} › Rack 1 › Box A › B1")
    ]


def test_positions_may_be_given_for_each_vial_or_for_the_first(world: World) -> None:
    lot, home = frozen_lot(world, vials=4), box(world, rows=2, columns=3)
    each = world.do("tina", "store_vials", vials=list(lot.vials[:2]), box=home, positions=["b2", " A3 "])
    assert list(each["positions"].values()) == ["B2", "A3"]
    first = world.do("tina", "store_vials", vials=list(lot.vials[2:]), box=home, positions=["B1"])
    assert list(first["positions"].values()) == ["B1", "B3"]


def test_a_dry_run_shows_the_positions_and_takes_none(world: World) -> None:
    lot, home = frozen_lot(world, vials=1), box(world)
    outcome = world.try_act("tina", "store_vials", dry_run=True, vials=list(lot.vials), box=home)
    assert outcome.accepted and outcome.result["positions"] == {lot.vials[0]: "A1"}
    assert whereabouts(world, lot.vials[0]) == [None]


def test_a_position_that_is_taken_is_refused_naming_the_vial_in_it(world: World) -> None:
    lot, home = frozen_lot(world, vials=2), box(world)
    world.do("tina", "store_vials", vials=[lot.vials[0]], box=home, positions=["C4"])
    (refusal,) = world.try_act("tina", "store_vials", vials=[lot.vials[1]], box=home, positions=["C4"]).refusals
    assert refusal.code == "POSITION_TAKEN"
    assert lot.vials[0] in refusal.detail and "C4" in refusal.detail


def test_a_box_without_room_is_refused_naming_how_much_is_free(world: World) -> None:
    lot, home = frozen_lot(world, vials=3), box(world, rows=1, columns=2)
    (refusal,) = world.try_act("tina", "store_vials", vials=list(lot.vials), box=home).refusals
    assert refusal.code == "STORAGE_FULL"
    assert "has 2 free positions and 3 vials" in refusal.detail


def test_a_position_that_the_box_does_not_have_is_refused(world: World) -> None:
    lot, home = frozen_lot(world, vials=1), box(world, rows=2, columns=2)
    assert world.codes("tina", "store_vials", vials=list(lot.vials), box=home, positions=["C1"]) == ["POSITION_UNKNOWN"]


def test_a_vial_is_put_away_once(world: World) -> None:
    lot = stored_lot(world, vials=1)
    assert world.codes("tina", "store_vials", vials=list(lot.vials), box=box(world)) == ["WRONG_STATE"]


def test_vials_are_not_put_away_before_they_were_frozen(world: World) -> None:
    lot, home = frozen_lot(world, vials=1), box(world)
    year_before = (world.now - datetime.timedelta(days=365)).isoformat()
    year_after = (world.now + datetime.timedelta(days=365)).isoformat()
    for at, code in ((year_before, "OUT_OF_ORDER"), (year_after, "IN_THE_FUTURE")):
        assert world.codes("tina", "store_vials", vials=list(lot.vials), box=home, stored_at=at) == [code]


def test_vials_stand_in_boxes_only(world: World) -> None:
    lot = frozen_lot(world, vials=1)
    assert world.codes("tina", "store_vials", vials=list(lot.vials), box=rack(world)) == ["WRONG_KIND"]


def test_an_unknown_box_or_vial_is_named(world: World) -> None:
    lot = frozen_lot(world, vials=1)
    assert world.codes("tina", "store_vials", vials=list(lot.vials), box="STZZZZG") == ["NOT_FOUND"]
    unknown = lot.vials[0][:13] + "999999"
    assert world.codes("tina", "store_vials", vials=[unknown], box=box(world)) == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vials": lambda given: given * 2}, "vials"),
        ({"vials": lambda given: []}, "vials"),
        ({"positions": lambda given: ["A1", "A1"]}, "positions"),
        ({"positions": lambda given: ["А1"]}, "positions.0"),  # noqa: RUF100  a Cyrillic letter
        ({"positions": lambda given: ["A0"]}, "positions.0"),
        ({"positions": lambda given: ["A1", "A2"]}, "(whole)"),
    ],
)
def test_what_cannot_be_a_list_of_vials_and_positions_is_malformed(world: World, change: dict, field: str) -> None:
    given = {"vials": ["A999926000001000001"], "box": "STZZZZG", "positions": []}
    for name, altered in change.items():
        given[name] = altered(given[name])
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "store_vials", **given)
    assert [problem.field for problem in malformed.value.problems] == [field]


def test_a_box_of_a_hundred_is_one_act_of_few_statements(world: World) -> None:
    lot, home = frozen_lot(world, vials=100), box(world, rows=10, columns=10)
    statements: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        statements.append(statement)

    event.listen(world.installation.engine, "before_cursor_execute", count)
    try:
        world.do("tina", "store_vials", vials=list(lot.vials), box=home)
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", count)
    assert len(statements) <= 10
    assert world.codes("tina", "store_vials", vials=list(frozen_lot(world, vials=1).vials), box=home) == [
        "STORAGE_FULL"
    ]


# --- moving and finding -----------------------------------------------------------------------


def test_a_moved_vial_leaves_its_place_free(world: World) -> None:
    lot = stored_lot(world, vials=2)
    world.do("tina", "move_vial", vial=lot.vials[0], box=lot.box, position="C3")
    assert whereabouts(world, lot.vials[0])[0].endswith("Box A › C3")
    other = box(world)
    world.do("tina", "move_vial", vial=lot.vials[1], box=other)
    assert whereabouts(world, lot.vials[1])[0].endswith("Box A › A1")
    with Session(world.installation.reads) as session:
        history = session.execute(
            select(Placement.position, Placement.taken_at.is_(None))
            .join(Vial, Vial.id == Placement.vial_id)
            .where(Vial.code == lot.vials[0])
            .order_by(Placement.id)
        ).all()
    assert history == [(1, False), (21, True)]


def test_a_vial_is_not_moved_onto_another_or_before_it_stood(world: World) -> None:
    lot = stored_lot(world, vials=2)
    assert world.codes("tina", "move_vial", vial=lot.vials[0], box=lot.box, position="A2") == ["POSITION_TAKEN"]
    early = (world.now - datetime.timedelta(days=365)).isoformat()
    assert world.codes("tina", "move_vial", vial=lot.vials[0], box=lot.box, moved_at=early) == ["OUT_OF_ORDER"]


def test_a_vial_that_stands_nowhere_is_not_moved(world: World) -> None:
    assert world.codes("tina", "move_vial", vial=frozen_lot(world, vials=1).vials[0], box=box(world)) == ["WRONG_STATE"]


def test_vials_are_picked_in_the_order_of_the_tank(world: World) -> None:
    parent = rack(world)
    first, second = box(world, rack=parent), box(world, rack=parent)
    lot = frozen_lot(world, vials=4)
    a, b, c, nowhere = lot.vials
    for vial, home, position in ((a, second, "A1"), (b, first, "B1"), (c, first, "A9")):
        world.do("tina", "store_vials", vials=[vial], box=home, positions=[position])
    with Session(world.installation.reads) as session:
        found = session.scalars(select(Vial).where(Vial.code.in_(lot.vials))).all()
        assert [vial.code for vial in pick_order(session, found)] == [c, b, a, nowhere]


def test_the_trail_tells_who_put_a_vial_where(world: World) -> None:
    lot, home = frozen_lot(world, vials=1), box(world)
    outcome = world.try_act("taras", "store_vials", vials=list(lot.vials), box=home, positions=["B2"])
    with Session(world.installation.reads) as session:
        act = session.get_one(Act, outcome.act)
        changes = session.execute(
            select(Change.record_kind, Change.after).where(Change.act_id == act.id).order_by(Change.id)
        ).all()
    assert (act.person_id, act.record_code) == (world.people["taras"].id, lot.vials[0])
    assert [kind for kind, _ in changes] == ["placement", "vial"]
    assert changes[0].after["position"] == 11 and changes[1].after == {"state": "IN_STOCK"}
