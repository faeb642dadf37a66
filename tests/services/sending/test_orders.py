"""Shipments ordered and called off."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from cellbank.records.people import Site
from cellbank.services.acts import Malformed
from tests.factories.lots import FrozenLot, box, stored_lot
from tests.factories.quality import results_read_at
from tests.factories.shipping import (
    DAY,
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    ordered_shipment,
    pack,
    shipment_row,
)
from tests.factories.sites import SecondSite
from tests.factories.world import World
from tests.services.sending.asking import (
    REASON,
    refused,
    to_pack,
    vial_states,
)

# --- ordering ----------------------------------------------------------------------------------


def test_an_order_reserves_nothing(world: World, ordered: Parcel) -> None:
    row = shipment_row(world, ordered.code)
    assert (row.state, row.site_id, row.to_site_id, row.shipper_id) == ("ORDERED", 1, ordered.to.id, None)
    assert vial_states(world, *ordered.vials) == ["IN_STOCK"] * 3
    assert custodies(world, ordered.code) == []


def test_an_order_goes_to_another_site_that_there_is(world: World, there: SecondSite, lot: FrozenLot) -> None:
    with Session(world.installation.reads) as session:
        here = session.get_one(Site, 1).code
    given = {"lots": [lot.code], "counts": [1], "now": results_read_at(world, lot.code) + 3 * DAY}
    assert world.codes("tina", "order_shipment", to=here, **given) == ["WRONG_KIND"]
    assert world.codes("tina", "order_shipment", to="NOWHERE", **given) == ["NOT_FOUND"]
    assert world.codes("clara", "order_shipment", to=there.code, **given) == ["ROLE_NOT_ALLOWED"]


def test_an_order_asks_for_released_vials_that_are_here(world: World, there: SecondSite, lot: FrozenLot) -> None:
    waiting = stored_lot(world, vials=2)
    at = results_read_at(world, lot.code) + 3 * DAY
    given = {"to": there.code, "lots": [waiting.code, lot.code], "counts": [2, len(lot.vials) + 1], "now": at}
    said = refused(world, "tina", "order_shipment", **given)
    assert list(said) == ["LOT_NOT_RELEASED", "NOT_ENOUGH_VIALS"]
    assert (
        waiting.code in said["LOT_NOT_RELEASED"]
        and f"{len(lot.vials) + 1} vials of lot {lot.code}" in said["NOT_ENOUGH_VIALS"]
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


# --- cancelling --------------------------------------------------------------------------------


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
