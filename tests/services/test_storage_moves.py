"""Units that are moved with everything in them: what the tree allows, what history keeps, and who has the last word."""

import datetime
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from cellbank.domain.storage_tree import LEVELS, PAIRS
from cellbank.records.storage import StorageUnit, UnitStay
from cellbank.services.documents.chain_custody import stays
from cellbank.services.storage import storage_moves
from tests.factories.lots import box, stored_lot
from tests.factories.shipping import shipper
from tests.factories.world import World

MINUTE = datetime.timedelta(minutes=1)
SIZE = {"rows": 2, "columns": 2}


def unit(world: World, type_: str, parent: str | None = None, **given: Any) -> str:
    """The code of a new unit with a name of its own."""
    if type_ == "shipper":
        return shipper(world)
    size = SIZE if LEVELS[type_].has_positions else {"cold_minutes": 30} if type_ == "dewar" else {}
    name = world.unique(type_.capitalize())
    return world.do("tina", "add_storage_unit", type=type_, name=name, parent=parent, **{**size, **given})["code"]


def rows(world: World, statement: str, **given: Any) -> list[tuple[Any, ...]]:
    with Session(world.installation.reads) as session:
        return [tuple(row) for row in session.execute(text(statement), given)]


def names(world: World, code: str, at: datetime.datetime | None = None) -> list[str]:
    """What a unit stands in, from the outside in, itself included."""
    return rows(world, "SELECT unit_names(id, :at) FROM storage_unit WHERE code = :code", code=code, at=at)[0][0]


def name(world: World, code: str) -> str:
    return rows(world, "SELECT name FROM storage_unit WHERE code = :code", code=code)[0][0]


def test_every_level_stands_where_the_table_says(world: World) -> None:
    room = unit(world, "room")
    tank = unit(world, "tank", room)
    canister = unit(world, "canister", tank)
    rack = unit(world, "rack", canister)
    for inner in (unit(world, "box", rack), unit(world, "visotube", canister), unit(world, "cassette", tank)):
        assert names(world, inner)[0] == name(world, room)
    assert names(world, unit(world, "box", rack))[:4] == [name(world, code) for code in (room, tank, canister, rack)]


def test_a_moved_tank_takes_everything_with_it_and_history_keeps_where_it_stood(world: World) -> None:
    lot = stored_lot(world, vials=2)
    tank_name = names(world, lot.box)[0]
    tank = rows(world, "SELECT code FROM storage_unit WHERE name = :name", name=tank_name)[0][0]
    room = unit(world, "room")
    before = world.now + MINUTE
    moved = world.do("taras", "move_storage_unit", now=world.now + 2 * MINUTE, unit=tank, into=room)
    assert moved["vials"] == 2 and moved["place"] == 1
    assert names(world, lot.box)[:2] == [name(world, room), tank_name]
    assert names(world, lot.box, before)[0] == tank_name
    with Session(world.installation.reads) as session:
        stays = session.scalars(
            select(UnitStay).join(StorageUnit, StorageUnit.id == UnitStay.unit_id).where(StorageUnit.code == tank)
        ).all()
    assert [(stay.parent_id, stay.until) for stay in stays] == [(None, world.now + 2 * MINUTE)]
    line = rows(
        world,
        "SELECT u.name, l.until = 'infinity' FROM storage_unit b, unit_line(b.id) l JOIN storage_unit u "
        "ON u.id = l.unit_id WHERE b.code = :box ORDER BY 1",
        box=lot.box,
    )
    assert (name(world, room), True) in line and (tank_name, True) in line


def test_a_move_is_one_act_of_few_statements_whatever_stands_in_it(world: World) -> None:
    lot = stored_lot(world, vials=81)
    rack = rows(
        world,
        "SELECT p.code FROM storage_unit b JOIN storage_unit p ON p.id = b.parent_id WHERE b.code = :b",
        b=lot.box,
    )[0][0]
    statements: list[str] = []
    listen = lambda *given: statements.append(given[2])  # noqa: E731
    event.listen(world.installation.engine, "before_cursor_execute", listen)
    try:
        act = world.try_act("tina", "move_storage_unit", now=world.now + MINUTE, unit=rack, into=unit(world, "tank"))
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", listen)
    assert act.accepted and len(statements) <= 30  # with those that add the tank
    changed = rows(
        world, "SELECT record_kind, count(*) FROM change WHERE act_id = :act GROUP BY 1 ORDER BY 1", act=act.act
    )
    assert changed == [("storage_unit", 1), ("unit_stay", 1)]


@pytest.mark.parametrize(
    ("what", "into", "code"),
    [
        ("rack", "room", "WRONG_KIND"),
        ("rack", "box", "WRONG_KIND"),
        ("rack", None, "WRONG_KIND"),
        ("room", "room in it", "WRONG_KIND"),
        ("room", "itself", "WRONG_KIND"),
        ("rack", "tank", "WRONG_STATE"),
        ("rack", "tank out of service", "STORAGE_OUT_OF_SERVICE"),
        ("rack", "full tank", "STORAGE_FULL"),
    ],
)
def test_a_unit_goes_only_where_it_may(world: World, what: str, into: str | None, code: str) -> None:
    room = unit(world, "room")
    tank = unit(world, "tank", room)
    known = {"room": room, "tank": tank, "rack": unit(world, "rack", tank)}
    target = {**known, "itself": room, None: None}.get(into)
    if into == "box":
        target = unit(world, "box", known["rack"])
    if into == "room in it":
        target = unit(world, "room", room)
    if into == "tank out of service":
        target = unit(world, "tank")
        world.do("tina", "take_out_of_service", unit=target, reason="The lid is broken")
    if into == "full tank":
        target = unit(world, "tank", capacity=1)
        unit(world, "rack", target)
    assert code in world.codes("tina", "move_storage_unit", now=world.now + MINUTE, unit=known[what], into=target)


def test_two_units_never_stand_in_one_place(world: World) -> None:
    tank = unit(world, "tank")
    unit(world, "rack", tank, place=3)
    other = unit(world, "rack", tank)
    assert world.codes("tina", "move_storage_unit", now=world.now + MINUTE, unit=other, into=tank, place=3) == [
        "POSITION_TAKEN"
    ]


def test_a_move_lies_after_the_last_one(world: World) -> None:
    rack, into = unit(world, "rack", unit(world, "tank")), unit(world, "tank")
    early = (world.now - MINUTE).isoformat()
    assert "OUT_OF_ORDER" in world.codes("tina", "move_storage_unit", unit=rack, into=into, moved_at=early)


# --- the database has the last word -----------------------------------------------------------


@pytest.fixture
def no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of the application say nothing."""
    monkeypatch.setattr(storage_moves, "move_refusals", lambda _: ())
    monkeypatch.setattr(storage_moves, "relocation_refusals", lambda _: ())


@pytest.mark.the_database_refuses("a_unit_never_stands_in_itself")
def test_the_database_refuses_a_circle(world: World, no_rule: None) -> None:
    outer = unit(world, "room")
    inner = unit(world, "room", outer)
    (refusal,) = world.try_act("tina", "move_storage_unit", now=world.now + MINUTE, unit=outer, into=inner).refusals
    assert refusal.code == "WRONG_KIND" and "stand in itself" in refusal.detail


@pytest.mark.parametrize("type_", LEVELS)
@pytest.mark.parametrize("above", [None, *LEVELS])
@pytest.mark.the_database_refuses("a_unit_stands_where_it_may", "one_unit_per_place_of_the_site")
def test_the_database_knows_the_same_table(world: World, no_rule: None, type_: str, above: str | None) -> None:
    homes = {"room": None, "tank": None, "dewar": None, "canister": "tank", "rack": "tank"}
    moving = unit(world, type_, unit(world, "tank") if not LEVELS[type_].on_site else None)
    into = None
    if above:
        home = homes.get(above, "tank")
        into = unit(world, above, unit(world, home) if home else None)
    outcome = world.try_act("tina", "move_storage_unit", now=world.now + MINUTE, unit=moving, into=into, place=4711)
    allowed = LEVELS[type_].on_site if above is None else (type_, above) in PAIRS
    if above is None and allowed:
        return  # place 4711 of the site serves one of them only
    assert outcome.accepted == allowed
    assert allowed or "may not stand there" in outcome.refusals[0].detail


@pytest.mark.the_database_refuses("a_unit_goes_where_it_may_be_filled", "the_place_exists")
def test_the_database_refuses_a_place_that_is_not_there_and_a_unit_out_of_service(world: World, no_rule: None) -> None:
    rack, small = unit(world, "rack", unit(world, "tank")), unit(world, "tank", capacity=2)
    given = {"now": world.now + MINUTE, "unit": rack, "into": small}
    assert world.codes("tina", "move_storage_unit", place=3, **given) == ["STORAGE_FULL"]
    world.do("tina", "take_out_of_service", unit=small, reason="The lid is broken")
    assert world.codes("tina", "move_storage_unit", place=1, **given) == ["STORAGE_OUT_OF_SERVICE"]


# --- a tank is lost ---------------------------------------------------------------------------


def test_a_dead_tank_is_emptied_into_a_spare_in_one_act(world: World) -> None:
    tank, spare = unit(world, "tank"), unit(world, "tank")
    racks = [unit(world, "rack", tank, place=place) for place in (2, 5)]
    home = box(world, rack=racks[0])
    world.do("tina", "report_storage_failure", unit=tank, reason="No nitrogen since the night", failed_at=None)
    done = world.do("tina", "relocate_unit", now=world.now + MINUTE, unit=tank, into=spare, reason="Tank 1 is dead")
    assert (done["units"], done["into"]) == (2, spare)
    placed = rows(
        world,
        "SELECT r.code, r.place FROM storage_unit r JOIN storage_unit t ON t.id = r.parent_id "
        "WHERE t.code = :tank ORDER BY r.place",
        tank=spare,
    )
    assert placed == [(racks[0], 2), (racks[1], 5)]
    assert names(world, home)[0] == name(world, spare)
    assert world.codes(
        "tina", "relocate_unit", now=world.now + 2 * MINUTE, unit=tank, into=spare, reason="Again, nothing is left"
    ) == ["WRONG_STATE"]


def test_what_was_relocated_is_still_held_by_the_failure(world: World) -> None:
    lot = stored_lot(world, vials=1)
    tank = rows(world, "SELECT id, code FROM storage_unit WHERE name = :name", name=names(world, lot.box)[0])[0]
    world.do(
        "tina",
        "relocate_unit",
        now=world.now + 3 * MINUTE,
        unit=tank[1],
        into=unit(world, "tank"),
        reason="Alarm at night, moved at once",
    )
    asked = (
        "SELECT lot_stood_in(l.id, :tank, :at), l.id IN (SELECT lots_reached('storage_unit', :tank, :at)) "
        "FROM lot l WHERE l.code = :lot"
    )
    assert rows(world, asked, tank=tank[0], at=world.now, lot=lot.code) == [(True, True)]
    assert rows(world, asked, tank=tank[0], at=world.now + 4 * MINUTE, lot=lot.code) == [(False, False)]


def test_a_spare_takes_only_what_it_can(world: World) -> None:
    tank, spare = unit(world, "tank"), unit(world, "tank", capacity=3)
    unit(world, "rack", tank, place=1)
    unit(world, "rack", tank, place=4)
    unit(world, "rack", spare, place=1)
    given = {"now": world.now + MINUTE, "unit": tank, "reason": "Tank 1 is dead"}
    assert world.codes("tina", "relocate_unit", into=spare, **given) == ["POSITION_TAKEN", "STORAGE_FULL"]
    assert world.codes("tina", "relocate_unit", into=tank, **given) == ["WRONG_KIND"]
    world.do("tina", "take_out_of_service", unit=spare, reason="Being cleaned")
    assert "STORAGE_OUT_OF_SERVICE" in world.codes("tina", "relocate_unit", into=spare, **given)


def test_the_chain_of_custody_tells_of_the_tank_that_was_moved(world: World) -> None:
    lot = stored_lot(world, vials=1)
    tank_name = names(world, lot.box)[0]
    tank = rows(world, "SELECT code FROM storage_unit WHERE name = :name", name=tank_name)[0][0]
    room = unit(world, "room")
    world.do("taras", "move_storage_unit", now=world.now + 2 * MINUTE, unit=tank, into=room)
    ids = [row[0] for row in rows(world, "SELECT id FROM vial WHERE code = :code", code=lot.vials[0])]
    with world.installation.reads.connect() as connection:
        places = [(stay.where, stay.person) for stay in stays(connection, ids, {}) if "Box A" in stay.where]
    assert places == [
        (f"{tank_name} › Rack 1 › Box A › A1", "Taras Technician"),
        (f"{name(world, room)} › {tank_name} › Rack 1 › Box A › A1", "Taras Technician"),
    ]
