"""Shipments on their way out: ordered, packed, sealed, handed on."""

import pytest

from tests.factories.shipping import custodies, sent_shipment, shipment_row
from tests.factories.world import World


def test_a_shipment_goes_from_the_order_to_the_road(world: World) -> None:
    parcel = sent_shipment(world)
    row = shipment_row(world, parcel.code)
    assert row.state == "ON_THE_WAY"
    assert [(one.person_id, one.carrier is not None) for one in custodies(world, parcel.code)] == [
        (world.people["tina"].id, False), (None, True),
    ]  # fmt: skip
