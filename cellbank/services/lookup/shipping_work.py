"""The work that shipments make, at the site that sends and at the one that receives. Where there is one site there is
none, and nothing is said of it."""

from cellbank.services.lookup.worklist_parts import Q, Source, T, today

REQUALIFY_DAYS = 30  # how early a qualification that ends is in sight
_TO, _FROM = "'Shipment to ' || r.name", "'Shipment from ' || s.name"
_SHIPMENTS = "shipment h JOIN site s ON s.id = h.from_site_id JOIN site r ON r.id = h.to_site_id"
_IN_HAND = """'in hand of ' || (SELECT coalesce(p.full_name, c.carrier) FROM custody c
              LEFT JOIN person p ON p.id = c.person_id WHERE c.shipment_id = h.id AND c.until IS NULL)"""
_VIALS = "(SELECT count(*) FROM packed_vial k WHERE k.shipment_id = h.id AND k.ended_at IS NULL)"
_SCANNED = f"{_VIALS[:-1]} AND k.finding IN ('RECEIVED', 'DAMAGED'))"
# In the shipper, or out of it and in no box yet.
_OUTSIDE = """(SELECT count(*) FROM packed_vial k JOIN vial v ON v.id = k.vial_id WHERE k.shipment_id = h.id
               AND k.ended_at IS NULL AND v.state = 'RECEIVED' AND NOT EXISTS (
                 SELECT FROM placement l JOIN storage_unit u ON u.id = l.box_id
                  WHERE l.vial_id = v.id AND l.taken_at IS NULL AND u.type <> 'shipper'))"""

OF_SHIPPING: tuple[Source, ...] = (
    Source("shipment_pack", T, "Shipments to pack", "",
           f"""SELECT h.code, {_TO} AS title, h.state, {_VIALS} || ' of '
               || (SELECT coalesce(sum((w ->> 'count')::int), 0) FROM jsonb_array_elements(h.wanted) w)
               || ' vials packed' AS detail, h.from_site_id AS site_id FROM {_SHIPMENTS}
               WHERE h.state IN ('ORDERED', 'PACKING') ORDER BY h.ordered_at, h.id"""),
    Source("shipment_send", T, "Sealed shipments to hand over", "",
           f"""SELECT h.code, {_TO} AS title, h.state, {_IN_HAND} AS detail, h.from_site_id AS site_id
               FROM {_SHIPMENTS} WHERE h.state = 'SEALED' ORDER BY h.sealed_at""", "hand_over_shipment", "shipment"),
    Source("shipment_coming", T, "Shipments on the way to us", "",
           f"""SELECT h.code, {_FROM} AS title, h.state, {_IN_HAND} AS detail, h.to_site_id AS site_id,
               h.sealed_at + h.planned_hours * interval '1 hour' AS due FROM {_SHIPMENTS}
               WHERE h.state = 'ON_THE_WAY' ORDER BY due""", "receive_shipment", "shipment"),
    Source("shipment_check_in", T, "Shipments to check in", "",
           f"""SELECT h.code, {_FROM} AS title, h.state, {_SCANNED} || ' of ' || {_VIALS} || ' vials scanned' AS detail,
               h.to_site_id AS site_id FROM {_SHIPMENTS} WHERE h.state = 'ARRIVED' ORDER BY h.received_at"""),
    Source("shipment_away", T, "Vials of shipments to put away", "",
           f"""SELECT h.code, {_FROM} AS title, h.state, {_OUTSIDE} || ' vials stand in no box' AS detail,
               h.to_site_id AS site_id FROM {_SHIPMENTS} WHERE h.state = 'CHECKED' AND {_OUTSIDE} > 0
               ORDER BY h.received_at"""),
    Source("traces", T, "Traces of shipments to import", "",
           f"""SELECT p.code, 'Logger ' || p.name AS title, h.state,
               'shipment ' || h.code || ' from ' || s.name AS detail, h.to_site_id AS site_id
               FROM {_SHIPMENTS} JOIN probe p ON p.id = h.logger_id
               WHERE h.state IN ('ARRIVED', 'CHECKED') AND NOT EXISTS (SELECT FROM reading g
                 WHERE g.probe_id = p.id AND g.at BETWEEN h.sealed_at AND h.received_at)
               ORDER BY h.received_at""", "import_readings", "probe"),
    Source("shippers", T, "Shippers to qualify again", "",
           f"""SELECT u.code, u.name AS title, u.state, 'qualified until ' || u.qualified_until AS detail, u.site_id
               FROM storage_unit u WHERE u.type = 'shipper' AND u.state = 'IN_SERVICE'
               AND u.qualified_until < {today("u.site_id")} + {REQUALIFY_DAYS} ORDER BY u.qualified_until, u.id""",
           "requalify_shipper", "shipper"),
    Source("shipment_accept", Q, "Shipments to accept", "",
           f"""SELECT h.code, {_FROM} AS title, h.state, {_SCANNED} || ' of ' || {_VIALS} || ' vials arrived'
               || CASE WHEN h.differences <> '[]' THEN ', ' || jsonb_array_length(h.differences) || ' differences'
                  ELSE '' END AS detail, h.to_site_id AS site_id FROM {_SHIPMENTS}
               WHERE h.state = 'CHECKED' ORDER BY h.checked_at"""),
)  # fmt: skip
