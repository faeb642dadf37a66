"""What these tests ask of the world, and the input of a packing."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, is_usable, record_code
from cellbank.records.production import Vial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.services.lookup.scanning import Card, look_up
from tests.factories.shipping import (
    MINUTE,
    Parcel,
)
from tests.factories.world import World

REASON = "Said so by the test"


def vial_states(world: World, *codes: str) -> list[str]:
    with Session(world.installation.reads) as session:
        found = dict(session.execute(select(Vial.code, Vial.state).where(Vial.code.in_(codes))).all())
    return [found[code] for code in codes]


def placements(world: World, vial: str) -> list[tuple[str, int, Any, Any]]:
    """Where a vial stood: box, position, from, until."""
    with Session(world.installation.reads) as session:
        statement = select(StorageUnit.code, Placement.position, Placement.placed_at, Placement.taken_at)
        statement = statement.join(Placement, Placement.box_id == StorageUnit.id).join(Vial)
        return [tuple(row) for row in session.execute(statement.where(Vial.code == vial).order_by(Placement.id))]


def to_pack(parcel: Parcel, *vials: str, **given: Any) -> dict[str, Any]:
    return {
        "shipment": parcel.code,
        "shipper": parcel.shipper,
        "vials": list(vials or parcel.vials),
        "now": parcel.at + 10 * MINUTE,
        **given,
    }


def refused(world: World, who: str, act: str, **given: Any) -> dict[str, str]:
    """Why an act is refused: code to sentence."""
    return {refusal.code.value: refusal.detail for refusal in world.try_act(who, act, **given).refusals}


def shipment_code() -> str:
    """A well-formed code of no shipment."""
    number = next(number for number in range(900_000, 900_100) if is_usable(Kind.SHIPMENT, number))
    return record_code(Kind.SHIPMENT, number)


def card(world: World, who: str, code: str) -> Card:
    found = look_up(world.installation, world.people[who], code)
    assert isinstance(found, Card)
    return found
