"""The moves of what stands in the cold and travels: storage, counts, shipments, temperature."""

from cellbank.domain.lifecycle.moves import APPROVED, REJECTED, Transition, moves
from cellbank.domain.lifecycle.roles import (
    LAB,
    QO,
    TECH,
    Meaning,
    Role,
)

_NOT_OF_IT = ("sealed_by_id", "received_by_id", "checked_by_id")  # who packed a shipment or took it in

MOVES: tuple[Transition, ...] = sum(
    (
        # storage
        moves("storage_unit", "add_storage_unit", "> IN_SERVICE", LAB),
        moves("storage_unit", "take_out_of_service", "IN_SERVICE > OUT_OF_SERVICE", LAB),
        moves("storage_unit", "report_storage_failure", "IN_SERVICE OUT_OF_SERVICE > FAILED", LAB),
        moves("storage_unit", "return_to_service", "OUT_OF_SERVICE FAILED > IN_SERVICE", LAB),
        moves("vial", "store_vials", "FROZEN > IN_STOCK", TECH),
        moves("vial", "store_vials", "RECEIVED =", TECH),  # into the cold, not yet into use
        moves("vial", "move_vial", "IN_STOCK RESERVED =", TECH),
        moves("storage_unit", "move_storage_unit", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        moves("storage_unit", "relocate_unit", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        moves("storage_unit", "note_warming", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        moves("vial", "note_warming", "IN_STOCK RESERVED PICKED =", LAB),
        moves("stock_count", "count_box", "> COUNTED_ONCE", LAB),
        moves("stock_count", "count_again", "COUNTED_ONCE > COUNTED_TWICE", LAB, None, ("first_counted_by_id",)),
        moves("stock_count", "close_count", "COUNTED_TWICE > CLOSED", LAB),
        *(
            moves("storage_unit", act, "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB)
            + moves("vial", act, "IN_STOCK RESERVED RECEIVED =", LAB)
            + moves("vial", act, "IN_STOCK RESERVED > MISSING", LAB)
            + moves("vial", act, "FROZEN MISSING > IN_STOCK", LAB)
            + moves("recall_notice", act, "> OPEN", LAB)  # of a dose that counted on what is missing
            for act in ("rescan_box", "reconcile_rack", "close_count")
        ),
        # shipments between sites
        moves("storage_unit", "add_shipper", "> IN_SERVICE", LAB),
        moves("storage_unit", "requalify_shipper", "IN_SERVICE OUT_OF_SERVICE =", LAB),
        moves("shipment", "order_shipment", "> ORDERED", LAB),
        moves("shipment", "pack_vials", "ORDERED PACKING > PACKING", TECH),
        moves("vial", "pack_vials", "IN_STOCK > IN_TRANSIT", TECH),
        moves("shipment", "unpack_vials", "PACKING =", TECH),
        moves("vial", "unpack_vials", "IN_TRANSIT > IN_STOCK", TECH),
        moves("shipment", "seal_shipment", "ORDERED PACKING > SEALED", TECH),
        moves("shipment", "break_seal", "SEALED > PACKING", TECH),
        moves("shipment", "cancel_shipment", "ORDERED PACKING > CANCELLED", LAB),
        moves("shipment", "hand_over_shipment", "SEALED ON_THE_WAY > ON_THE_WAY", LAB, Meaning.PERFORMED),
        moves("shipment", "take_over_shipment", "SEALED ON_THE_WAY ARRIVED =", LAB, Meaning.PERFORMED),
        moves("shipment", "receive_shipment", "ON_THE_WAY > ARRIVED", LAB, Meaning.VERIFIED),
        moves("shipment", "check_in_vials", "ARRIVED CHECKED =", LAB),
        moves("vial", "check_in_vials", "IN_TRANSIT MISSING > RECEIVED", LAB),
        moves("shipment", "close_receipt", "ARRIVED > CHECKED", LAB),
        moves("vial", "close_receipt", "IN_TRANSIT > MISSING", LAB),
        moves("shipment", "accept_shipment", "CHECKED > ACCEPTED", QO, APPROVED, _NOT_OF_IT),
        moves("vial", "accept_shipment", "RECEIVED > IN_STOCK", QO),
        moves("shipment", "reject_shipment", "CHECKED > REJECTED", QO, REJECTED, _NOT_OF_IT),
        # temperature
        moves("probe", "add_probe", "> IN_USE", LAB),
        *(moves("probe", act, "IN_USE =", LAB) for act in ("import_readings", "record_readings")),
        moves("probe", "calibrate_probe", "IN_USE =", LAB),
        moves("probe", "ask_probe_limits", "IN_USE =", LAB),
        moves("probe", "change_probe_limits", "IN_USE =", QO, APPROVED, ("limits_asked_by_id",)),
        moves("probe", "decline_probe_limits", "IN_USE =", LAB),
        moves("probe", "retire_probe", "IN_USE > RETIRED", LAB),
        moves("probe", "record_reading_by_hand", "IN_USE =", LAB),
        moves("probe", "look_for_silence", "IN_USE =", LAB | {Role.SYSTEM}),
        *(moves("reading_import", act, "> STORED", LAB) for act in ("import_readings", "record_readings")),
        moves("reading_import", "record_reading_by_hand", "> ENTERED", LAB),
        moves("reading_import", "confirm_reading", "ENTERED > STORED", LAB, None, ("entered_by_id",)),
        moves("reading_import", "confirm_reading", "ENTERED > REJECTED", LAB, None, ("entered_by_id",)),
        *(moves("excursion", act, "> OPEN", LAB) for act in ("import_readings", "record_readings", "confirm_reading")),
        moves("excursion", "look_for_silence", "> OPEN", LAB | {Role.SYSTEM}),
        moves("excursion", "acknowledge_excursion", "OPEN =", LAB),
        moves("excursion", "end_silence", "OPEN =", QO, APPROVED),
        moves("excursion", "decide_excursion", "OPEN > ACCEPTED", QO, APPROVED),
        moves("excursion", "decide_excursion", "OPEN > REJECTED", QO, REJECTED),
    ),
    (),
)
