"""What travels in a shipper: who has it in hand, told wherever somebody asks where a vial is; and what leaves it."""

import datetime
from collections.abc import Sequence

from sqlalchemy import ColumnElement, update

from cellbank.records.shipping import PackedVial
from cellbank.records.work import Work

# In a statement: of a shipper under way its shipment, who has it in hand, and the waybill; NULL of every other unit.
IN_HAND = """(SELECT ARRAY[way.code, coalesce(holder.full_name, hand.carrier), hand.waybill]
  FROM shipment way JOIN custody hand ON hand.shipment_id = way.id AND hand.until IS NULL
  LEFT JOIN person holder ON holder.id = hand.person_id WHERE way.shipper_id = {unit})"""
# The columns from which `whereabouts.place_text` says where something is: that, and the names of the units.
LINE = f"{IN_HAND} AS in_hand, unit_names({{unit}}) AS line"


def in_hand_of(found: Sequence[str | None] | None) -> tuple[str, ...]:
    """Who has what travels: 'Shipment SP00001, in hand of …'; nothing of what does not."""
    if found is None:
        return ()
    shipment, holder, waybill = found
    return (f"Shipment {shipment}, in hand of {holder}{f' (waybill {waybill})' if waybill else ''}",)


def end_packed(work: Work, which: ColumnElement[bool], at: datetime.datetime) -> None:
    """Note that these packed vials are in no shipment any more; call it after the judgement."""
    live = update(PackedVial).where(which, PackedVial.ended_at.is_(None))
    work.session.execute(live.values(ended_at=at).execution_options(synchronize_session=False))
