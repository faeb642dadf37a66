"""What travels in a shipper: who has it in hand, told wherever somebody asks where a vial is; and what leaves it."""

import datetime

from sqlalchemy import ColumnElement, update

from cellbank.records.shipping import PackedVial
from cellbank.records.work import Work

# In a statement: of a shipper under way 'Shipment SP00001, in hand of …'; NULL of every other unit.
IN_HAND = """(SELECT 'Shipment ' || way.code || ', in hand of ' || coalesce(holder.full_name, hand.carrier)
     || coalesce(' (waybill ' || hand.waybill || ')', '')
  FROM shipment way JOIN custody hand ON hand.shipment_id = way.id AND hand.until IS NULL
  LEFT JOIN person holder ON holder.id = hand.person_id WHERE way.shipper_id = {unit})"""
# The names of a unit from the outside in, as `unit_names` gives them, with that before a shipper's.
LINE = f"array_remove(array[{IN_HAND}] || unit_names({{unit}}), NULL)"


def end_packed(work: Work, which: ColumnElement[bool], at: datetime.datetime) -> None:
    """Note that these packed vials are in no shipment any more; call it after the judgement."""
    live = update(PackedVial).where(which, PackedVial.ended_at.is_(None))
    work.session.execute(live.values(ended_at=at).execution_options(synchronize_session=False))
