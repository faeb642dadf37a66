"""Shipments: one custodian at any moment, sent and received once, used when accepted."""

from tests.attack.twins.sql import ME, NOW, Attack, change, id_of, new

VIAL = id_of("vial", "in_stock")
SHIPMENT = {
    "code": "'S1'", "from_site_id": "1", "to_site_id": ":elsewhere", "site_id": "1", "state": "'PACKING'",
    "wanted": "'[]'", "ordered_at": ":now", "ordered_by_id": ME,
}  # fmt: skip
IT = "(SELECT id FROM shipment WHERE code = 'S1')"
PACKED = {"shipment_id": IT, "vial_id": VIAL, "position": "1", "packed_at": ":now", "packed_by_id": ME}
CUSTODY = {"shipment_id": IT, "person_id": ME, "since": f"{NOW} - interval '1 hour'"}
STANDS, FULL, HELD = new("shipment", SHIPMENT), new("packed_vial", PACKED), new("custody", CUSTODY)
SEALED = {
    "shipper_id": "1", "charged_at": ":now", "planned_hours": "48", "seals": "'[]'", "sealed_at": ":now",
    "sealed_by_id": ME, "checked_at": ":now", "decided_at": ":now",
}  # fmt: skip


def to(state: str) -> str:
    return f"UPDATE shipment SET state = '{state}' WHERE code = 'S1'"


SENT = [
    Attack("one vial in two shipments", "tina", "pack_vials", FULL, "one_live_shipment_per_vial", (STANDS, FULL)),
    Attack("one shipper for two shipments", "tina", "pack_vials",
           new("shipment", SHIPMENT, code="'S2'", shipper_id="5", state="'ORDERED'"), "one_live_shipment_per_shipper",
           (new("shipment", SHIPMENT, shipper_id="5"),)),
    Attack("two who have it in hand", "tina", "take_over_shipment", HELD, "one_custodian_at_a_time", (STANDS, HELD)),
    Attack("packed by nobody", "tina", "pack_vials", to("PACKING"), "a_shipment_has_one_custodian",
           (new("shipment", SHIPMENT, state="'ORDERED'"),)),
    Attack("handed to nobody", "tina", "hand_over_shipment", "UPDATE custody SET until = :now",
           "a_shipment_has_one_custodian", (STANDS, HELD)),
    Attack("had in hand since later", "tina", "take_over_shipment", "UPDATE custody SET since = :now",
           "a_custody_only_ends", (STANDS, HELD)),
    Attack("a reserved vial on its way", "tina", "pack_vials", change("vial", "reserved", "state = 'IN_TRANSIT'"),
           "only_stock_is_shipped"),
    Attack("a vial of a lot in quarantine on its way", "tina", "pack_vials",
           change("vial", "in_stock", "state = 'IN_TRANSIT'"), "only_vials_of_a_released_lot_are_shipped",
           (change("lot", "lot", "state = 'QUARANTINE'"),)),
    Attack("a vial on its way in no shipment", "tina", "pack_vials", change("vial", "in_stock", "state = 'IN_TRANSIT'"),
           "a_vial_on_its_way_is_in_a_shipment"),
    Attack("sealed in a shipper that is no longer qualified", "tina", "seal_shipment", to("SEALED"),
           "only_a_qualified_shipper_is_sealed", (STANDS, FULL)),
    Attack("begun in the name of another site", "quinn", "order_shipment",
           new("shipment", SHIPMENT, from_site_id=":elsewhere", to_site_id="1"), "a_shipment_begins_at_its_sender"),
    Attack("begun at another site", "quinn", "order_shipment", new("shipment", SHIPMENT, site_id=":elsewhere"),
           "a_record_is_changed_at_its_site"),
    Attack("sent elsewhere on the way", "quinn", "order_shipment", "UPDATE shipment SET to_site_id = from_site_id",
           "a_shipment_keeps_its_way", (STANDS,)),
    Attack("cancelled with vials in it", "quinn", "cancel_shipment", to("CANCELLED"),
           "nothing_is_left_in_a_cancelled_shipment", (STANDS, FULL)),
    Attack("packed again after it was cancelled", "tina", "pack_vials", to("PACKING"),
           "a_decided_shipment_stays_decided", (new("shipment", SHIPMENT, state="'CANCELLED'"),)),
]  # fmt: skip
RECEIVED = [
    Attack(
        "received before it was sent",
        "tina",
        "receive_shipment",
        "UPDATE shipment SET site_id = 1",
        "a_shipment_is_received_once",
        (new("shipment", SHIPMENT, from_site_id=":elsewhere", to_site_id="1", site_id=":elsewhere"),),
    ),
    Attack(
        "a vial received that was in stock",
        "tina",
        "check_in_vials",
        change("vial", "in_stock", "state = 'RECEIVED'"),
        "only_what_was_sent_is_received",
    ),
    Attack(
        "found twice",
        "tina",
        "check_in_vials",
        "UPDATE packed_vial SET finding = 'DAMAGED', found_at = :now",
        "a_vial_is_found_once",
        (STANDS, new("packed_vial", PACKED, finding="'RECEIVED'", found_at=":now")),
    ),
    Attack(
        "used before it is accepted",
        "tina",
        "store_vials",
        change("vial", "in_stock", "state = 'IN_STOCK'"),
        "only_accepted_stock_is_used",
        (change("vial", "in_stock", "state = 'RECEIVED'"),),
    ),
    Attack(
        "accepted by whoever sealed it",
        "tina",
        "accept_shipment",
        f"UPDATE shipment SET decided_by_id = {ME}",
        "ck_shipment_decided_by_another_person",
        (new("shipment", SHIPMENT | SEALED, state="'CHECKED'"),),
    ),
]
ATTACKS = [*SENT, *RECEIVED]
