"""Who has in hand what travels in a shipper: told wherever somebody asks where a vial is."""

# In a statement: of a shipper under way 'Shipment SP00001, in hand of …'; NULL of every other unit.
IN_HAND = """(SELECT 'Shipment ' || way.code || ', in hand of ' || coalesce(holder.full_name, hand.carrier)
     || coalesce(' (waybill ' || hand.waybill || ')', '')
  FROM shipment way JOIN custody hand ON hand.shipment_id = way.id AND hand.until IS NULL
  LEFT JOIN person holder ON holder.id = hand.person_id WHERE way.shipper_id = {unit})"""
# The names of a unit from the outside in, as `unit_names` gives them, with that before a shipper's.
LINE = f"array_remove(array[{IN_HAND}] || unit_names({{unit}}), NULL)"
