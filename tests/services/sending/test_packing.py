"""Vials into a shipper and out of it again."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from cellbank.services.acts import Malformed
from tests.factories.doses import ordered_dose, product_lot
from tests.factories.lots import box
from tests.factories.quality import released_lot
from tests.factories.shipping import (
    CARRIER,
    DAY,
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    ordered_shipment,
    pack,
    packed_rows,
    sealed_shipment,
    shipper,
)
from tests.factories.sites import SecondSite
from tests.factories.world import World
from tests.services.sending.asking import (
    REASON,
    placements,
    refused,
    shipment_code,
    to_pack,
    vial_states,
)

# --- packing -----------------------------------------------------------------------------------


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
    with Session(world.installation.reads) as session:
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
        ({"happened_at": "2026-05-04 12:00"}, "happened_at"),
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


def test_a_hundred_vials_are_one_act_of_few_statements(world: World, there: SecondSite) -> None:
    lot = released_lot(world, vials=100)
    parcel = ordered_shipment(world, there, lot=lot, vials=100)
    large = shipper(world, rows=10, columns=10)
    statements: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        statements.append(statement)

    event.listen(world.installation.engine, "before_cursor_execute", count)
    try:
        world.do("tina", "pack_vials", **to_pack(parcel, shipper=large))
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", count)
    assert len(statements) <= 15, statements
    assert vial_states(world, *lot.vials) == ["IN_TRANSIT"] * 100


# --- unpacking ---------------------------------------------------------------------------------


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
