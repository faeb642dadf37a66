"""Shipments on their way out: shippers, orders, packing, sealing, and who has what in hand."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, is_usable, record_code
from cellbank.records.people import Site
from cellbank.records.production import Vial
from cellbank.records.quality import Printing, Signature
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.temperature import Excursion, Probe
from cellbank.services.acts import Malformed
from cellbank.services.lookup.hints import hints_for
from cellbank.services.lookup.scanning import Card, look_up
from cellbank.services.lookup.worklists import worklists
from cellbank.services.shipping import custody, orders, packing
from tests.factories.doses import ordered_dose, product_lot
from tests.factories.lots import FrozenLot, box, stored_lot
from tests.factories.quality import released_lot, results_read_at
from tests.factories.shipping import (
    CARRIER,
    DAY,
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    logger_of,
    ordered_shipment,
    pack,
    packed_rows,
    packed_shipment,
    sealed_shipment,
    sent_shipment,
    shipment_row,
    shipper,
)
from tests.factories.shipping import sealing as to_seal
from tests.factories.sites import SecondSite, second_site
from tests.factories.temperature import as_csv, import_file, steady, trace
from tests.factories.world import World

REASON = "Said so by the test"
STOCK = 140


@pytest.fixture(scope="module")
def there(world: World) -> SecondSite:
    """Where everything goes."""
    return second_site(world)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    """A released lot that lasts for the whole module; `some` takes vials from it."""
    return released_lot(world, vials=STOCK)


@pytest.fixture(scope="module")
def _taken() -> list[str]:
    return []


@pytest.fixture
def some(lot: FrozenLot, _taken: list[str]) -> Any:
    """Vials of the lot that no other test has."""

    def take(count: int) -> FrozenLot:
        vials = lot.vials[len(_taken) : len(_taken) + count]
        assert len(vials) == count, "the stock of the module is used up"
        _taken.extend(vials)
        return replace(lot, vials=vials)

    return take


@pytest.fixture
def ordered(world: World, there: SecondSite, some: Any) -> Parcel:
    """Three vials ordered, nothing packed."""
    return ordered_shipment(world, there, lot=some(3), vials=3)


@pytest.fixture
def packed(world: World, ordered: Parcel) -> Parcel:
    """The three of them packed."""
    return packed_shipment(world, ordered)


@pytest.fixture
def sealed(world: World, packed: Parcel) -> Parcel:
    """The shipper closed."""
    return sealed_shipment(world, packed)


def vial_states(world: World, *codes: str) -> list[str]:
    with Session(world.bank.reads) as session:
        found = dict(session.execute(select(Vial.code, Vial.state).where(Vial.code.in_(codes))).all())
    return [found[code] for code in codes]


def placements(world: World, vial: str) -> list[tuple[str, int, Any, Any]]:
    """Where a vial stood: box, position, from, until."""
    with Session(world.bank.reads) as session:
        statement = select(StorageUnit.code, Placement.position, Placement.placed_at, Placement.taken_at)
        statement = statement.join(Placement, Placement.box_id == StorageUnit.id).join(Vial)
        return [tuple(row) for row in session.execute(statement.where(Vial.code == vial).order_by(Placement.id))]


def to_pack(parcel: Parcel, *vials: str, **given: Any) -> dict[str, Any]:
    return {"shipment": parcel.code, "shipper": parcel.shipper, "vials": list(vials or parcel.vials),
            "now": parcel.at + 10 * MINUTE, **given}  # fmt: skip


def refused(world: World, who: str, act: str, **given: Any) -> dict[str, str]:
    """Why an act is refused: code to sentence."""
    return {refusal.code.value: refusal.detail for refusal in world.try_act(who, act, **given).refusals}


# --- the whole way ----------------------------------------------------------------------------


def test_a_shipment_goes_from_the_order_to_the_road(world: World, packed: Parcel) -> None:
    parcel = sent_shipment(world, sealed_shipment(world, packed))
    row = shipment_row(world, parcel.code)
    assert (row.state, row.sent_at, row.sealed_at) == ("ON_THE_WAY", parcel.at, parcel.at - 10 * MINUTE)
    assert row.wanted == [{"lot": parcel.lot.code, "count": 3}] and row.seals == list(parcel.seals)
    assert vial_states(world, *parcel.vials) == ["IN_TRANSIT"] * 3
    first, then = custodies(world, parcel.code)
    assert (first.person_id, first.until) == (world.people["tina"].id, parcel.at)
    assert (then.carrier, then.since, then.until) == (CARRIER, parcel.at, None)
    with Session(world.bank.reads) as session:
        signed = session.execute(
            select(Signature.meaning, Signature.full_name).where(
                Signature.record_kind == "shipment", Signature.record_id == row.id
            )
        ).all()
    assert signed == [("verified", "Tina Technician")]


def test_a_vial_leaves_its_box_and_stands_in_the_shipper_at_the_same_moment(world: World, packed: Parcel) -> None:
    tank, road = placements(world, packed.vials[1])
    assert tank[0] == packed.lot.box and tank[3] == road[2] == packed.at
    assert road == (packed.shipper, 2, packed.at, None)
    assert [(row.position, row.packed_at, row.ended_at) for row in packed_rows(world, packed.code)] == [
        (place, packed.at, None) for place in (1, 2, 3)
    ]


# --- shippers ---------------------------------------------------------------------------------

SHIPPER = {"name": "Dry shipper", "rows": 2, "columns": 2, "hold_hours": "240", "qualified_on": "2026-01-15",
           "qualified_until": "2027-01-15"}  # fmt: skip


def test_a_shipper_is_a_unit_with_positions_that_stands_on_the_site_and_has_a_label(world: World) -> None:
    code = world.do("quinn", "add_shipper", **SHIPPER)["code"]
    with Session(world.bank.reads) as session:
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
    with Session(world.bank.reads) as session:
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


# --- ordering ---------------------------------------------------------------------------------


def test_an_order_reserves_nothing(world: World, ordered: Parcel) -> None:
    row = shipment_row(world, ordered.code)
    assert (row.state, row.site_id, row.to_site_id, row.shipper_id) == ("ORDERED", 1, ordered.to.id, None)
    assert vial_states(world, *ordered.vials) == ["IN_STOCK"] * 3
    assert custodies(world, ordered.code) == []


def test_an_order_goes_to_another_site_that_there_is(world: World, there: SecondSite, lot: FrozenLot) -> None:
    with Session(world.bank.reads) as session:
        here = session.get_one(Site, 1).code
    given = {"lots": [lot.code], "counts": [1], "now": results_read_at(world, lot.code) + 3 * DAY}
    assert world.codes("tina", "order_shipment", to=here, **given) == ["WRONG_KIND"]
    assert world.codes("tina", "order_shipment", to="NOWHERE", **given) == ["NOT_FOUND"]
    assert world.codes("clara", "order_shipment", to=there.code, **given) == ["ROLE_NOT_ALLOWED"]


def test_an_order_asks_for_released_vials_that_are_here(world: World, there: SecondSite, lot: FrozenLot) -> None:
    waiting = stored_lot(world, vials=2)
    at = results_read_at(world, lot.code) + 3 * DAY
    given = {"to": there.code, "lots": [waiting.code, lot.code], "counts": [2, STOCK + 1], "now": at}
    said = refused(world, "tina", "order_shipment", **given)
    assert list(said) == ["LOT_NOT_RELEASED", "NOT_ENOUGH_VIALS"]
    assert (
        waiting.code in said["LOT_NOT_RELEASED"] and f"{STOCK + 1} vials of lot {lot.code}" in said["NOT_ENOUGH_VIALS"]
    )
    given["now"] = at + 20 * 365 * DAY
    assert "EXPIRED" in world.codes("tina", "order_shipment", **given)


@pytest.mark.parametrize(
    "given",
    [
        {"lots": ["LT0001K"], "counts": []},
        {"lots": [], "counts": [3]},
        {"lots": ["LT0001K", "LT0001K"], "counts": [1, 1]},
        {"lots": ["LT0001K"], "counts": [0]},
        {"lots": ["LT0001K"], "counts": [10_000]},
        {"lots": ["LT0001K"], "counts": ["three"]},
        {"lots": ["LТ0001K"], "counts": [1]},  # a Cyrillic letter
        {"to": "КЛІНІКА", "lots": [], "counts": []},
        {"note": "x" * 5000},
    ],
)
def test_an_order_that_cannot_be_read_is_malformed(world: World, given: dict) -> None:
    with pytest.raises(Malformed):
        world.try_act("tina", "order_shipment", **{"to": "CLINIC", **given})


# --- packing ----------------------------------------------------------------------------------


def test_vials_take_the_next_free_positions_or_those_given(world: World, there: SecondSite, some: Any) -> None:
    parcel = ordered_shipment(world, there, lot=some(4), vials=4)
    first = world.do("tina", "pack_vials", **to_pack(parcel, parcel.vials[0], positions=["b2"]))
    assert first["positions"] == {parcel.vials[0]: "B2"} and first["packed"] == [
        {"lot": parcel.lot.code, "packed": 1, "ordered": 4}
    ]
    rest = world.do("taras", "pack_vials", **to_pack(parcel, *parcel.vials[1:], positions=["B1"]))
    assert list(rest["positions"].values()) == ["B1", "B3", "B4"]
    assert [one.person_id for one in custodies(world, parcel.code)] == [world.people["tina"].id]  # whoever was first


def test_a_check_shows_where_the_vials_would_stand_and_moves_none(world: World, ordered: Parcel) -> None:
    outcome = world.try_act("tina", "pack_vials", dry_run=True, **to_pack(ordered))
    assert outcome.accepted and list(outcome.result["positions"].values()) == ["A1", "A2", "A3"]
    assert vial_states(world, *ordered.vials) == ["IN_STOCK"] * 3 and packed_rows(world, ordered.code) == []


def test_only_what_was_ordered_is_packed(world: World, ordered: Parcel, some: Any) -> None:
    more, other = some(1), released_lot(world, vials=1)
    said = refused(world, "tina", "pack_vials", **to_pack(ordered, *ordered.vials, *more.vials))
    assert list(said) == ["NOT_IN_SHIPMENT"] and "0 are packed and 4 more were scanned" in said["NOT_IN_SHIPMENT"]
    said = refused(world, "tina", "pack_vials", **to_pack(ordered, *other.vials, now=ordered.at + 300 * DAY))
    assert f"No vial of lot {other.code} was ordered" in said["NOT_IN_SHIPMENT"]


def test_a_vial_kept_for_a_dose_stays_and_the_refusal_says_for_whom(world: World, there: SecondSite) -> None:
    lot = product_lot(world)
    parcel = ordered_shipment(world, there, lot=lot, vials=8)
    dose = ordered_dose(world, lot=lot, at=parcel.at)
    said = refused(world, "tina", "pack_vials", **to_pack(parcel, dose.vials[0]))
    assert set(said) == {"VIAL_NOT_AVAILABLE", "WRONG_STATE"}
    with Session(world.bank.reads) as session:
        number = session.scalar(text("SELECT trial_number FROM subject WHERE code = :code"), {"code": dose.subject})
    assert number in said["VIAL_NOT_AVAILABLE"]


def test_a_vial_is_packed_once(world: World, there: SecondSite, packed: Parcel) -> None:
    other = ordered_shipment(world, there, lot=packed.lot, at=packed.at)
    said = refused(world, "tina", "pack_vials", **to_pack(other, packed.vials[0]))
    assert set(said) == {"VIAL_NOT_AVAILABLE", "WRONG_STATE"} and packed.code in said["VIAL_NOT_AVAILABLE"]


def test_nothing_of_a_lot_on_hold_or_expired_is_packed(world: World, there: SecondSite) -> None:
    parcel = ordered_shipment(world, there, vials=2)
    world.do("quinn", "hold_lot", now=parcel.at, lot=parcel.lot.code, reason=REASON)
    said = refused(world, "tina", "pack_vials", **to_pack(parcel))
    assert list(said) == ["ON_HOLD"] and parcel.lot.code in said["ON_HOLD"]
    late = refused(world, "tina", "pack_vials", **to_pack(parcel, now=parcel.at + 20 * 365 * DAY))
    assert list(late) == ["ON_HOLD", "EXPIRED", "SHIPPER_NOT_READY"]


def test_a_shipment_travels_in_one_shipper_that_is_free_and_fit(
    world: World, there: SecondSite, packed: Parcel, some: Any
) -> None:
    other = ordered_shipment(world, there, lot=some(1), vials=1, at=packed.at)
    taken = refused(world, "tina", "pack_vials", **to_pack(other, shipper=packed.shipper))
    assert list(taken) == ["SHIPPER_NOT_READY"] and packed.code in taken["SHIPPER_NOT_READY"]
    assert world.codes("tina", "pack_vials", **to_pack(other, shipper=box(world))) == ["WRONG_KIND"]
    old = shipper(world, qualified_on="2025-01-01", qualified_until="2026-01-01")
    assert world.codes("tina", "pack_vials", **to_pack(other, shipper=old)) == ["SHIPPER_NOT_READY"]
    world.do("quinn", "take_out_of_service", unit=other.shipper, reason=REASON)
    assert world.codes("tina", "pack_vials", **to_pack(other)) == ["STORAGE_OUT_OF_SERVICE"]
    more = ordered_shipment(world, there, lot=some(2), vials=2, at=packed.at)
    pack(world, more, more.vials[0])
    said = refused(world, "tina", "pack_vials", **to_pack(more, more.vials[1], shipper=shipper(world)))
    assert list(said) == ["SHIPPER_NOT_READY"] and more.shipper in said["SHIPPER_NOT_READY"]


def test_positions_of_a_shipper_are_those_of_a_box(world: World, there: SecondSite, some: Any) -> None:
    parcel = ordered_shipment(world, there, lot=some(3), vials=3)
    small = replace(parcel, shipper=shipper(world, rows=1, columns=2))
    assert world.codes("tina", "pack_vials", **to_pack(small)) == ["STORAGE_FULL"]
    pack(world, small, small.vials[0])
    again = {"positions": ["A1"]}
    said = refused(world, "tina", "pack_vials", **to_pack(small, small.vials[1], **again))
    assert list(said) == ["POSITION_TAKEN"] and small.vials[0] in said["POSITION_TAKEN"]
    assert world.codes("tina", "pack_vials", **to_pack(small, small.vials[1], positions=["B1"])) == ["POSITION_UNKNOWN"]


def test_packing_is_not_of_tomorrow_nor_before_the_vial_was_put_away(world: World, ordered: Parcel) -> None:
    for at, code in ((ordered.at + DAY, "IN_THE_FUTURE"), (ordered.at - 300 * DAY, "OUT_OF_ORDER")):
        assert code in world.codes("tina", "pack_vials", **to_pack(ordered, packed_at=at.isoformat()))


def test_nobody_of_another_site_packs_or_opens_what_is_here(world: World, sealed: Parcel) -> None:
    for act, given in (
        ("hand_over_shipment", {"carrier": CARRIER}),
        ("take_over_shipment", {}),
        ("break_seal", {"reason": REASON}),
    ):
        said = refused(world, sealed.to.technician, act, shipment=sealed.code, now=sealed.at + HOUR, **given)
        assert "OTHER_SITE" in said, act


def test_a_shipper_of_another_site_is_not_packed(world: World, ordered: Parcel) -> None:
    theirs = shipper(world, ordered.to.technician)
    assert world.codes("tina", "pack_vials", **to_pack(ordered, shipper=theirs)) == ["OTHER_SITE"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vials": []}, "vials"),
        ({"vials": ["A999926000001000001"] * 2}, "vials"),
        ({"vials": [f"A999926000001{number:06d}" for number in range(1, 10_001)]}, "vials"),
        ({"vials": ["А999926000001000001"]}, "vials.0"),  # a Cyrillic letter
        ({"positions": ["A1", "A1"]}, "positions"),
        ({"positions": ["A0"]}, "positions.0"),
        ({"positions": ["A1", "A2"]}, "(whole)"),
        ({"packed_at": "2026-05-04 12:00"}, "packed_at"),
        ({"shipment": "LT0001K"}, "shipment"),
        ({"shipper": "SP0001K"}, "shipper"),
    ],
)
def test_what_cannot_be_packed_at_all_is_malformed(world: World, change: dict, field: str) -> None:
    given = {"shipment": "SPZZZZ4", "shipper": "STZZZZG", "vials": ["A999926000001000001"], **change}
    if "shipment" not in change:
        given["shipment"] = shipment_code()
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "pack_vials", **given)
    assert [problem.field for problem in malformed.value.problems] == [field]


def shipment_code() -> str:
    """A well-formed code of no shipment."""
    number = next(number for number in range(900_000, 900_100) if is_usable(Kind.SHIPMENT, number))
    return record_code(Kind.SHIPMENT, number)


def test_a_hundred_vials_are_one_act_of_few_statements(world: World, there: SecondSite) -> None:
    lot = released_lot(world, vials=100)
    parcel = ordered_shipment(world, there, lot=lot, vials=100)
    large = shipper(world, rows=10, columns=10)
    statements: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        statements.append(statement)

    event.listen(world.bank.engine, "before_cursor_execute", count)
    try:
        world.do("tina", "pack_vials", **to_pack(parcel, shipper=large))
    finally:
        event.remove(world.bank.engine, "before_cursor_execute", count)
    assert len(statements) <= 15, statements
    assert vial_states(world, *lot.vials) == ["IN_TRANSIT"] * 100


# --- unpacking --------------------------------------------------------------------------------


def test_what_is_unpacked_is_stock_again_where_it_is_put(world: World, packed: Parcel) -> None:
    home = box(world)
    at = packed.at + HOUR
    given = {"shipment": packed.code, "vials": list(packed.vials[:2]), "box": home, "now": at}
    assert list(world.do("taras", "unpack_vials", **given)["positions"].values()) == ["A1", "A2"]
    assert vial_states(world, *packed.vials) == ["IN_STOCK", "IN_STOCK", "IN_TRANSIT"]
    assert placements(world, packed.vials[0])[1:] == [(packed.shipper, 1, packed.at, at), (home, 1, at, None)]
    assert [row.ended_at for row in packed_rows(world, packed.code)] == [at, at, None]
    again = to_pack(packed, packed.vials[0], now=at + MINUTE)
    assert world.do("tina", "pack_vials", **again)["packed"] == [{"lot": packed.lot.code, "packed": 2, "ordered": 3}]


def test_only_what_is_in_an_open_shipper_is_unpacked(world: World, packed: Parcel, some: Any) -> None:
    (stranger,) = some(1).vials
    given = {"shipment": packed.code, "box": box(world), "now": packed.at + HOUR}
    assert set(refused(world, "tina", "unpack_vials", vials=[stranger], **given)) == {"NOT_IN_SHIPMENT", "WRONG_STATE"}
    inside = {**given, "vials": [packed.vials[0]]}
    assert world.codes("tina", "unpack_vials", **{**inside, "box": packed.shipper}) == ["WRONG_KIND"]
    early = {**inside, "unpacked_at": (packed.at - HOUR).isoformat()}
    assert world.codes("tina", "unpack_vials", **early) == ["OUT_OF_ORDER"]
    closed = sealed_shipment(world, packed)
    assert world.codes("tina", "unpack_vials", **{**inside, "now": closed.at + HOUR}) == ["WRONG_STATE"]


# --- sealing ----------------------------------------------------------------------------------


def seal_codes(world: World, parcel: Parcel, **given: Any) -> list[str]:
    return world.codes("taras", "seal_shipment", now=parcel.at + 10 * MINUTE, **to_seal(parcel, **given))


def test_a_shipment_is_sealed_with_all_that_belongs_to_it(world: World, sealed: Parcel) -> None:
    row = shipment_row(world, sealed.code)
    assert (row.state, row.seals, row.sealed_by_id) == ("SEALED", list(sealed.seals), world.people["taras"].id)
    assert (str(row.charge_kg), str(row.planned_hours)) == ("21.40", "48.0") and row.logger_id
    assert [one.person_id for one in custodies(world, sealed.code)] == [
        world.people["tina"].id
    ]  # who sealed it did not take it


def test_a_shipment_that_lacks_something_is_not_sealed(world: World, packed: Parcel) -> None:
    assert seal_codes(world, packed, seals=[]) == ["CRITERION_OPEN"]
    assert seal_codes(world, packed, logger=None) == ["TRACE_MISSING"]
    assert seal_codes(world, packed, planned_hours="237") == ["SHIPPER_NOT_READY"]
    assert seal_codes(world, packed, charged_at=(packed.at - 300 * HOUR).isoformat()) == ["SHIPPER_NOT_READY"]
    assert seal_codes(world, packed, shipper=shipper(world)) == ["SHIPPER_NOT_READY", "PROBE_MISMATCH"]
    assert seal_codes(world, packed, shipper=box(world)) == ["WRONG_KIND"]
    elsewhere = logger_of(world, shipper(world))
    assert seal_codes(world, packed, logger=elsewhere) == ["PROBE_MISMATCH"]
    due = (packed.at + DAY).date()  # a day before it arrives
    old = logger_of(
        world, packed.shipper, calibrated_on=(due - 300 * DAY).isoformat(), calibration_due_on=due.isoformat()
    )
    assert seal_codes(world, packed, logger=old) == ["SHIPPER_NOT_READY"]
    retired = logger_of(world, packed.shipper)
    world.do("tina", "retire_probe", probe=retired, reason=REASON)
    assert seal_codes(world, packed, logger=retired) == ["WRONG_STATE"]


def test_nothing_ordered_is_sealed_before_it_is_packed(world: World, ordered: Parcel) -> None:
    assert seal_codes(world, ordered) == ["CRITERION_OPEN"]
    assert seal_codes(world, ordered, shipper=ordered.shipper) == ["CRITERION_OPEN"]


def test_sealing_follows_the_charge_and_the_packing(world: World, packed: Parcel) -> None:
    assert seal_codes(world, packed, sealed_at=(packed.at - MINUTE).isoformat()) == ["OUT_OF_ORDER"]
    assert seal_codes(world, packed, charged_at=(packed.at + HOUR).isoformat()) == ["OUT_OF_ORDER"]
    assert "IN_THE_FUTURE" in seal_codes(world, packed, sealed_at=(packed.at + DAY).isoformat())


def test_a_lot_that_was_stopped_after_packing_is_neither_sealed_nor_handed_over(
    world: World, there: SecondSite
) -> None:
    parcel = packed_shipment(world, to=there, vials=2)
    world.do("quinn", "hold_lot", now=parcel.at, lot=parcel.lot.code, reason=REASON)
    assert seal_codes(world, parcel) == ["ON_HOLD"]
    other = sealed_shipment(world, to=there, vials=2)
    world.do("quinn", "hold_lot", now=other.at, lot=other.lot.code, reason=REASON)
    given = {"shipment": other.code, "carrier": CARRIER, "now": other.at + HOUR}
    assert world.codes("tina", "hand_over_shipment", **given) == ["ON_HOLD"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seals", ["SEAL-1", "SEAL-1"]),
        ("seals", ["SЕAL-1"]),  # a Cyrillic letter among Latin ones
        ("seals", ["ВЕК-1"]),  # Cyrillic letters that all look Latin
        ("seals", [""]),
        ("seals", ["S" * 41]),
        ("seals", ["SEAL\u20281"]),
        ("seals", ["🔒"]),
        ("seals", [f"SEAL-{number}" for number in range(21)]),
        ("seals", "SEAL-1\nSEAL-2"),
        ("charge_kg", "-1"),
        ("charge_kg", "21.4 lb"),
        ("charge_kg", "1e9"),
        ("planned_hours", "0"),
        ("planned_hours", "NaN"),
        ("planned_hours", "99999"),
        ("planned_hours", "two days"),
        ("charged_at", "2026-05-04T12:00"),
        ("charged_at", "yesterday"),
        ("sealed_at", "0001-01-01T00:00Z"),
        ("logger", "STZZZZG"),
    ],
)
def test_absurd_seals_hours_and_times_are_malformed(world: World, field: str, value: Any) -> None:
    given = {"shipment": shipment_code(), "seals": ["SEAL-1"], "charged_at": "2026-05-04T12:00Z", "planned_hours": "48"}
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "seal_shipment", **{**given, field: value})
    assert [problem.field.split(".")[0] for problem in malformed.value.problems] == [field]


def test_a_broken_seal_counts_no_more_and_the_shipment_is_packed_on(world: World, sealed: Parcel) -> None:
    assert "WRONG_STATE" in world.codes("tina", "pack_vials", **to_pack(sealed))
    world.do("taras", "break_seal", now=sealed.at + MINUTE, shipment=sealed.code, reason=REASON)
    row = shipment_row(world, sealed.code)
    assert (row.state, row.seals, row.sealed_at, row.sealed_by_id) == ("PACKING", None, None, None)
    assert [one.until for one in custodies(world, sealed.code)] == [None]
    again = replace(sealed, at=sealed.at + MINUTE, seals=(world.unique("SEAL"),))
    assert shipment_row(world, sealed_shipment(world, again).code).seals == list(again.seals)


def test_an_empty_shipper_goes_home_without_logger_seal_or_qualification(world: World, there: SecondSite) -> None:
    code = world.do("tina", "order_shipment", to=there.code)["code"]
    unit = shipper(world, qualified_on="2025-01-01", qualified_until="2026-01-01")
    given = {"shipment": code, "charged_at": (world.now - 900 * HOUR).isoformat(), "planned_hours": "30"}
    assert world.codes("tina", "seal_shipment", **given) == ["NOT_FOUND"]
    world.do("tina", "seal_shipment", shipper=unit, **given)
    assert shipment_row(world, code).seals == []
    assert [one.person_id for one in custodies(world, code)] == [world.people["tina"].id]
    world.do("tina", "break_seal", shipment=code, reason=REASON)
    world.do("taras", "seal_shipment", **given)
    assert world.do("tina", "hand_over_shipment", shipment=code, carrier=CARRIER)["state"] == "ON_THE_WAY"


# --- hands ------------------------------------------------------------------------------------


def test_only_who_has_a_shipment_hands_it_over_and_others_take_it_over_first(world: World, sealed: Parcel) -> None:
    at = sealed.at + HOUR
    given = {"shipment": sealed.code, "carrier": CARRIER, "waybill": "WB 7/2026"}
    said = refused(world, "taras", "hand_over_shipment", now=at, **given)
    assert list(said) == ["WRONG_STATE"] and "in the hands of Tina Technician" in said["WRONG_STATE"]
    world.do("taras", "take_over_shipment", now=at, shipment=sealed.code)
    assert world.codes("taras", "take_over_shipment", now=at, shipment=sealed.code) == ["WRONG_STATE"]
    assert world.codes("tina", "hand_over_shipment", now=at, **given) == ["WRONG_STATE"]
    world.do("taras", "hand_over_shipment", now=at + MINUTE, **given)
    said = refused(world, "taras", "hand_over_shipment", now=at + HOUR, **given)
    assert f"{CARRIER} (waybill WB 7/2026)" in said["WRONG_STATE"]
    held = [(one.person_id, one.carrier, one.since, one.until) for one in custodies(world, sealed.code)]
    tina, taras = world.people["tina"].id, world.people["taras"].id
    assert held == [
        (tina, None, sealed.at - 10 * MINUTE, at),
        (taras, None, at, at + MINUTE),
        (None, CARRIER, at + MINUTE, None),
    ]


def test_a_shipment_that_comes_back_is_taken_over_and_sent_again(world: World, sealed: Parcel) -> None:
    parcel = sent_shipment(world, sealed)
    world.do("quinn", "take_over_shipment", now=parcel.at + HOUR, shipment=parcel.code)
    given = {"shipment": parcel.code, "carrier": "Another one"}
    world.do("quinn", "hand_over_shipment", now=parcel.at + 2 * HOUR, **given)
    assert shipment_row(world, parcel.code).sent_at == parcel.at  # the first time counts
    assert [one.carrier for one in custodies(world, parcel.code)] == [None, CARRIER, None, "Another one"]


def test_a_hand_over_is_signed_and_in_its_order(world: World, sealed: Parcel) -> None:
    given = {"shipment": sealed.code, "carrier": CARRIER, "now": sealed.at + HOUR}
    assert world.codes("tina", "hand_over_shipment", password="wrong password", **given) == ["SIGNATURE_WRONG"]
    assert world.codes("tina", "hand_over_shipment", password=None, **given) == ["SIGNATURE_NEEDED"]
    early, late = sealed.at - MINUTE, sealed.at + DAY
    for act in ("hand_over_shipment", "take_over_shipment"):
        field = "handed_at" if act == "hand_over_shipment" else "taken_at"
        who = "tina" if act == "hand_over_shipment" else "taras"
        more = given if act == "hand_over_shipment" else {"shipment": sealed.code, "now": sealed.at + HOUR}
        assert world.codes(who, act, **more, **{field: early.isoformat()}) == ["OUT_OF_ORDER"]
        assert world.codes(who, act, **more, **{field: late.isoformat()}) == ["IN_THE_FUTURE"]
    assert world.codes("clara", "hand_over_shipment", **given) == ["ROLE_NOT_ALLOWED"]


def test_an_open_shipper_is_not_handed_over(world: World, packed: Parcel) -> None:
    given = {"shipment": packed.code, "carrier": CARRIER, "now": packed.at + HOUR}
    assert world.codes("tina", "hand_over_shipment", **given) == ["WRONG_STATE"]


@pytest.mark.parametrize("given", [{"carrier": ""}, {"carrier": "x" * 201}, {"waybill": "WВ-1"}, {"waybill": "W" * 41}])
def test_a_carrier_that_cannot_be_read_is_malformed(world: World, given: dict) -> None:
    with pytest.raises(Malformed):
        world.try_act("tina", "hand_over_shipment", **{"shipment": shipment_code(), "carrier": CARRIER, **given})


# --- cancelling -------------------------------------------------------------------------------


def test_a_shipment_is_called_off_when_nothing_is_in_it_and_its_shipper_is_free(
    world: World, packed: Parcel, some: Any
) -> None:
    given = {"shipment": packed.code, "reason": REASON, "now": packed.at + HOUR}
    said = refused(world, "quinn", "cancel_shipment", **given)
    assert list(said) == ["WRONG_STATE"] and said["WRONG_STATE"].startswith("3 vials are packed")
    out = {"shipment": packed.code, "vials": list(packed.vials), "box": box(world), "now": packed.at + MINUTE}
    world.do("tina", "unpack_vials", **out)
    world.do("quinn", "cancel_shipment", **given)
    row = shipment_row(world, packed.code)
    assert (row.state, row.decision_reason) == ("CANCELLED", REASON)
    assert [one.until for one in custodies(world, packed.code)] == [packed.at + HOUR]
    other = ordered_shipment(world, packed.to, lot=some(1), vials=1, at=packed.at + HOUR)
    pack(world, replace(other, shipper=packed.shipper), *other.vials)


def test_an_order_is_called_off_and_never_again(world: World, ordered: Parcel) -> None:
    given = {"shipment": ordered.code, "reason": REASON, "now": ordered.at + HOUR}
    assert world.do("tina", "cancel_shipment", **given)["state"] == "CANCELLED"
    assert world.codes("tina", "cancel_shipment", **given) == ["WRONG_STATE"]
    assert world.codes("tina", "pack_vials", **to_pack(ordered)) == ["WRONG_STATE"]


# --- the database has the last word -----------------------------------------------------------


def test_without_the_rule_the_database_keeps_vials_of_a_stopped_lot_here(
    world: World, there: SecondSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = ordered_shipment(world, there, vials=1)
    world.do("quinn", "hold_lot", now=parcel.at, lot=parcel.lot.code, reason=REASON)
    monkeypatch.setattr(packing, "packing_refusals", lambda facts: ())
    assert world.codes("tina", "pack_vials", **to_pack(parcel)) == ["LOT_NOT_RELEASED"]


def test_without_the_rule_the_database_gives_a_shipper_to_one_shipment(
    world: World, packed: Parcel, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ordered_shipment(world, packed.to, lot=some(1), vials=1, at=packed.at)
    monkeypatch.setattr(packing, "shipper_refusals", lambda facts: ())
    said = refused(world, "tina", "pack_vials", **to_pack(other, shipper=packed.shipper))
    assert list(said) == ["CHANGED_MEANWHILE"] and "shipper was taken" in said["CHANGED_MEANWHILE"]


def test_without_the_rule_the_database_cancels_nothing_with_vials_in_it(
    world: World, packed: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "cancelling_refusals", lambda shipment, vials: ())
    given = {"shipment": packed.code, "reason": REASON, "now": packed.at + HOUR}
    said = refused(world, "tina", "cancel_shipment", **given)
    assert list(said) == ["WRONG_STATE"] and "still packed" in said["WRONG_STATE"]


def test_a_vial_on_its_way_is_always_in_a_shipment(
    world: World, ordered: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_note_packed", lambda *given: None)
    assert world.codes("tina", "pack_vials", **to_pack(ordered)) == ["NOT_IN_SHIPMENT"]
    assert vial_states(world, *ordered.vials) == ["IN_STOCK"] * 3


def test_a_shipment_is_never_packed_into_nobodys_hands(
    world: World, ordered: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "hand_on", lambda *given, **more: None)
    said = refused(world, "tina", "pack_vials", **to_pack(ordered))
    assert list(said) == ["CHANGED_MEANWHILE"] and "nobody would have" in said["CHANGED_MEANWHILE"]


def test_a_shipment_is_never_handed_on_to_nobody(world: World, sealed: Parcel, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_nobody(work: Any, shipment: Any, *, at: Any, **who: Any) -> None:
        custody.end_custody(work, shipment, at)

    monkeypatch.setattr(custody, "hand_on", to_nobody)
    given = {"shipment": sealed.code, "carrier": CARRIER, "now": sealed.at + HOUR}
    said = refused(world, "tina", "hand_over_shipment", **given)
    assert list(said) == ["CHANGED_MEANWHILE"] and "nobody would have" in said["CHANGED_MEANWHILE"]


OPEN = text(
    "INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at) "
    "VALUES (1, 1, 'by_hand', '{}', '', 'test', '0', now()) RETURNING set_config('cellbank.act', id::text, true)"
)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE shipment SET to_site_id = 1, from_site_id = 2 WHERE code = '{code}'", "a_shipment_keeps_its_way"),
        ("UPDATE shipment SET site_id = {there} WHERE code = '{code}'", "a_record_is_changed_at_its_site"),
        ("UPDATE shipment SET seals = NULL WHERE code = '{code}'", "ck_shipment_sealed_with_all_that_belongs_to_it"),
        ("UPDATE custody SET carrier = 'X' WHERE shipment_id = {id} AND carrier IS NOT NULL", "a_custody_only_ends"),
        ("UPDATE custody SET until = NULL WHERE shipment_id = {id} AND until IS NOT NULL", "a_custody_only_ends"),
        ("INSERT INTO custody (shipment_id, person_id, since) VALUES ({id}, 1, now())", "one_custodian_at_a_time"),
        ("UPDATE vial SET state = 'RECEIVED' WHERE code = '{stock}'", "only_what_was_sent_is_received"),
        ("UPDATE vial SET site_id = {there} WHERE code = '{vial}'", "a_record_is_changed_at_its_site"),
        ("INSERT INTO packed_vial (shipment_id, vial_id, position, packed_at, packed_by_id) "
         "SELECT {id}, id, 9, now(), 1 FROM vial WHERE code = '{vial}'", "one_live_shipment_per_vial"),
        ("UPDATE storage_unit SET site_id = {there} WHERE code = '{shipper}'", "a_record_is_changed_at_its_site"),
        ("UPDATE storage_unit SET hold_hours = NULL WHERE code = '{shipper}'", "a_shipper_is_qualified"),
        ("UPDATE storage_unit SET qualified_until = qualified_on WHERE code = '{shipper}'",
         "ck_storage_unit_qualified_for_a_time"),
        ("DELETE FROM custody WHERE shipment_id = {id}", "permission denied|never deleted"),
    ],
)  # fmt: skip
def test_no_statement_undoes_a_shipment(
    world: World, on_the_road: Parcel, lot: FrozenLot, statement: str, rule: str
) -> None:
    """What no act does, in the words of the database; each in a transaction that ends here."""
    facts = {
        "code": on_the_road.code, "id": shipment_row(world, on_the_road.code).id, "there": on_the_road.to.id,
        "vial": on_the_road.vials[0], "stock": lot.vials[-1], "shipper": on_the_road.shipper,
    }  # fmt: skip
    with world.bank.engine.connect() as connection:
        connection.execute(OPEN)
        with pytest.raises(DBAPIError, match=rule):
            connection.execute(text(statement.format(**facts)))
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        connection.rollback()


@pytest.fixture(scope="module")
def on_the_road(world: World, there: SecondSite) -> Parcel:
    """One that is on its way for the whole module."""
    return sent_shipment(world, to=there, vials=2)


# --- the logger -------------------------------------------------------------------------------


def silent(world: World, at: datetime.datetime) -> list[str]:
    """The probes that somebody who looks now finds silent; nothing is written."""
    outcome = world.try_act("tina", "look_for_silence", dry_run=True, now=at)
    assert outcome.accepted
    return list(outcome.result["silent"])


def test_a_logger_that_rests_is_not_missed_and_one_that_stops_on_the_way_is(world: World, packed: Parcel) -> None:
    """Months between two shipments are no excursion, nor are the days until a logger is read at the other end."""
    logger, before = packed.logger, packed.at - 30 * DAY
    import_file(world, logger, as_csv(steady(before, 12)), now=before + DAY)
    assert logger not in silent(world, before + 10 * DAY)
    assert logger not in silent(world, packed.at)
    parcel = sealed_shipment(world, packed)
    assert logger not in silent(world, parcel.at + DAY)  # it is read at the other end
    import_file(world, logger, as_csv(steady(parcel.at + MINUTE, 12)), now=parcel.at + DAY)  # it sends on the way
    assert logger in silent(world, parcel.at + DAY)
    with Session(world.bank.reads) as session:
        found = session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()
    assert found == []  # the thirty days before the seal are in none


def test_what_a_resting_shipper_was_warm_ended_with_its_charge(world: World, ordered: Parcel) -> None:
    """A logger goes on after the vials are out: what it shows then must not reach those of the next shipment."""
    logger, before = ordered.logger, ordered.at - 30 * DAY
    import_file(world, logger, as_csv(trace(before, [-190, -150, -20, 20])), now=before + DAY)
    packed = packed_shipment(world, ordered)
    parcel = sealed_shipment(world, packed)
    with Session(world.bank.reads) as session:
        (found,) = session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()
    assert (found.ended_at, found.end_reason) == (packed.at - 4 * HOUR, "The shipper was charged again")
    import_file(world, logger, as_csv(steady(parcel.at, 12)), now=parcel.at + DAY)
    with Session(world.bank.reads) as session:
        assert len(session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()) == 1


# --- scanned ----------------------------------------------------------------------------------


def card(world: World, who: str, code: str) -> Card:
    found = look_up(world.bank, world.people[who], code)
    assert isinstance(found, Card)
    return found


def test_a_scanned_shipment_says_where_it_goes_and_who_has_it(world: World, sealed: Parcel) -> None:
    seen = card(world, "tina", sealed.code)
    facts = dict(seen.facts)
    assert seen.state == "SEALED" and sealed.to.code in seen.title
    assert facts["In hand of"] == "Tina Technician" and facts["Vials"] == "3 of 3 ordered"
    assert facts["Seals"] == ", ".join(sealed.seals) and facts["Shipper"] == sealed.shipper
    acts = [act.name for act in seen.acts]
    assert acts[0] == "hand_over_shipment" and acts.index("take_over_shipment") < acts.index("break_seal")
    assert {"pack_vials", "receive_shipment", "cancel_shipment"}.isdisjoint(acts)


def test_a_scanned_shipper_says_how_long_it_holds_and_is_no_box(world: World, packed: Parcel) -> None:
    seen = card(world, "tina", packed.shipper)
    facts = dict(seen.facts)
    assert facts["Holds"] == "240 h from a full charge" and facts["Qualified"].endswith("until 2028-01-15")
    assert facts["Travels with"] == packed.code and facts["Filled"] == "3 of 16"
    acts = {act.name for act in seen.acts}
    assert {"pack_vials", "requalify_shipper"} <= acts and acts.isdisjoint({"store_vials", "count_box", "rescan_box"})
    assert dict(card(world, "tina", shipper(world)).facts)["Travels with"].startswith("no shipment")
    of_a_box = {act.name for act in card(world, "tina", packed.lot.box).acts}
    assert "store_vials" in of_a_box and of_a_box.isdisjoint({"pack_vials", "requalify_shipper", "seal_shipment"})


def test_a_scanned_vial_stands_in_its_shipper_and_can_be_unpacked(world: World, packed: Parcel) -> None:
    seen = card(world, "tina", packed.vials[0])
    assert seen.state == "IN_TRANSIT" and seen.where.endswith(" › A1") and "Dry shipper" in seen.where
    assert "unpack_vials" in {act.name for act in seen.acts}


def test_what_stands_in_a_shipper_is_neither_counted_nor_rescanned_as_a_box(world: World, packed: Parcel) -> None:
    """Or a vial that was missed on the way could become stock behind the back of its shipment."""
    for act in ("rescan_box", "count_box"):
        assert world.codes("tina", act, box=packed.shipper, vials=list(packed.vials)) == ["WRONG_KIND"]


def test_a_resting_logger_is_on_no_list_of_overdue_probes(world: World, ordered: Parcel) -> None:
    long_ago = ordered.at - 30 * DAY
    import_file(world, ordered.logger, as_csv(steady(long_ago, 2)), now=long_ago + DAY)
    lists = worklists(world.bank.seen_by(world.people["tina"]), world.people["tina"].roles, world.now)
    (overdue,) = [one for one in lists if one.name == "silent"]
    assert ordered.logger not in {item.code for item in overdue.items}


def test_forms_offer_the_other_sites_the_free_shippers_and_the_loggers_in_them(world: World, packed: Parcel) -> None:
    here = world.bank.seen_by(world.people["tina"])
    sites = dict(hints_for(here, "order_shipment", {}).offers["to"])
    assert packed.to.code in sites and world.people["tina"].site_code not in sites
    free = shipper(world)
    offered = dict(hints_for(here, "pack_vials", {"shipment": [packed.code]}).offers["shipper"])
    assert {free, packed.shipper} <= set(offered)  # its own too
    assert packed.shipper not in dict(hints_for(here, "pack_vials", {}).offers["shipper"])
    assert packed.logger in dict(hints_for(here, "seal_shipment", {}).offers["logger"])
    there = world.bank.seen_by(world.people[packed.to.technician])
    assert free not in dict(hints_for(there, "pack_vials", {}).offers["shipper"])
