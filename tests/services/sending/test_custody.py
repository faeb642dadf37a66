"""The whole way out, and who has a shipment in hand."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.quality import Signature
from cellbank.services.acts import Malformed
from cellbank.services.trail.history import signatures
from tests.factories.shipping import (
    CARRIER,
    DAY,
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    packed_rows,
    sealed_shipment,
    sent_shipment,
    shipment_row,
)
from tests.factories.world import World
from tests.services.sending.asking import (
    REASON,
    placements,
    refused,
    shipment_code,
    vial_states,
)

# --- the whole way -----------------------------------------------------------------------------


def test_a_shipment_goes_from_the_order_to_the_road(world: World, packed: Parcel) -> None:
    parcel = sent_shipment(world, sealed_shipment(world, packed))
    row = shipment_row(world, parcel.code)
    assert (row.state, row.sent_at, row.sealed_at) == ("ON_THE_WAY", parcel.at, parcel.at - 10 * MINUTE)
    assert row.wanted == [{"lot": parcel.lot.code, "count": 3}] and row.seals == list(parcel.seals)
    assert vial_states(world, *parcel.vials) == ["IN_TRANSIT"] * 3
    first, then = custodies(world, parcel.code)
    assert (first.person_id, first.until) == (world.people["tina"].id, parcel.at)
    assert (then.carrier, then.since, then.until) == (CARRIER, parcel.at, None)
    with Session(world.installation.reads) as session:
        signed = session.execute(
            select(Signature.meaning, Signature.full_name).where(
                Signature.record_kind == "shipment", Signature.record_id == row.id
            )
        ).all()
    assert signed == [("performed", "Tina Technician")]


def test_a_vial_leaves_its_box_and_stands_in_the_shipper_at_the_same_moment(world: World, packed: Parcel) -> None:
    tank, road = placements(world, packed.vials[1])
    assert tank[0] == packed.lot.box and tank[3] == road[2] == packed.at
    assert road == (packed.shipper, 2, packed.at, None)
    assert [(row.position, row.packed_at, row.ended_at) for row in packed_rows(world, packed.code)] == [
        (place, packed.at, None) for place in (1, 2, 3)
    ]


# --- hands -------------------------------------------------------------------------------------


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


def test_a_signature_of_whoever_has_it_in_hand_is_void_when_the_seals_are_others(world: World, sealed: Parcel) -> None:
    world.do("taras", "take_over_shipment", now=sealed.at + HOUR, shipment=sealed.code)
    assert [one.is_void for one in signatures(world.installation, "shipment", sealed.code)] == [False]
    world.do("taras", "break_seal", now=sealed.at + 2 * HOUR, shipment=sealed.code, reason=REASON)
    assert [one.is_void for one in signatures(world.installation, "shipment", sealed.code)] == [True]


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
