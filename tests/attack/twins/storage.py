"""Storage: units that stand where they may, vials at one position each, boxes that two people count."""

from tests.attack.twins.sql import ME, NOW, Attack, another, change, id_of, new

BOX = id_of("storage_unit", "box")
OUT = "state = 'OUT_OF_SERVICE', out_of_service_reason = 'x'"
# A vial that stands nowhere any more, into a position that is free.
PUT = {"vial_id": id_of("vial", "used"), "box_id": BOX, "position": "80", "placed_at": ":now"}
STANDS = f"vial_id = {id_of('vial', 'in_stock')} AND taken_at IS NULL"
THERE = f"(SELECT position FROM placement WHERE {STANDS})"
COUNT = {"code": "'SC1'", "unit_id": BOX, "site_id": "1", "state": "'COUNTED_ONCE'", "first_counted_by_id": ME}
HOLD = {"code": "'H1'", "storage_unit_id": BOX, "reason": "'x'", "placed_at": ":now", "state": "'PLACED'"}


def of_box(to: str) -> str:
    return change("storage_unit", "box", to)


PLACED = [
    Attack("two vials at one position", "tina", "store_vials", new("placement", PUT, position=THERE),
           "one_live_vial_per_position"),
    Attack("a vial at two positions", "tina", "store_vials", new("placement", PUT, vial_id=id_of("vial", "in_stock")),
           "one_live_position_per_vial"),
    Attack("a position that there is not", "tina", "store_vials", new("placement", PUT, position="9999"),
           "the_position_exists"),
    Attack("a box out of service", "tina", "store_vials", new("placement", PUT), "the_box_is_in_service",
           (of_box(OUT),)),
    Attack("a box in a rack out of service", "tina", "store_vials", new("placement", PUT), "the_box_is_in_service",
           (change("storage_unit", "rack", OUT),)),
    Attack("a box of another site", "tina", "store_vials", new("placement", PUT), "a_record_is_changed_at_its_site",
           (of_box("site_id = :elsewhere"),)),
    Attack("a vial in a shipper that no shipment has", "tina", "store_vials", new("placement", PUT),
           "only_packed_vials_stand_in_a_shipper",
           (of_box("type = 'shipper', hold_hours = 10, qualified_on = '2026-01-01', qualified_until = '2027-01-01'"),)),
    Attack("taken before it was put", "tina", "move_vial",
           f"UPDATE placement SET taken_at = placed_at - interval '1 hour' WHERE {STANDS}",
           "ck_placement_taken_after_placed"),
    Attack("moved without a trace", "tina", "move_vial", f"UPDATE placement SET position = 80 WHERE {STANDS}",
           "a_placement_only_ends"),
    Attack("carried in a box", "tina", "pick_vial",
           f"UPDATE placement SET taken_at = :now, dewar_id = box_id WHERE {STANDS}",
           "vials_are_carried_in_a_dewar"),
]  # fmt: skip
UNITS = [
    Attack("two boxes at one place", "tina", "add_storage_unit",
           another("storage_unit", "box", code="'INVENTED'", name="'X'", name_key="'x'"),
           "uq_storage_unit_parent_id_place"),
    Attack("two tanks at one place", "tina", "add_storage_unit",
           another("storage_unit", "tank", code="'INVENTED'", name="'X'", name_key="'x'"),
           "one_unit_per_place_of_the_site"),
    Attack("a rack in itself", "tina", "move_storage_unit", change("storage_unit", "rack", "parent_id = id"),
           "a_unit_never_stands_in_itself"),
    Attack("a box in the open", "tina", "move_storage_unit", of_box("parent_id = NULL"), "a_unit_stands_where_it_may"),
    Attack("a tank in a box", "tina", "move_storage_unit",
           change("storage_unit", "tank", f"parent_id = {BOX}, place = 77"),
           "a_unit_stands_where_it_may", (of_box("parent_id = NULL, place = 999"),)),
    Attack("a place that there is not", "tina", "move_storage_unit", of_box("place = 77, stands_since = :now"),
           "the_place_exists", (change("storage_unit", "rack", "capacity = 1"),)),
    Attack("moved into a rack out of service", "tina", "move_storage_unit", of_box("place = 77, stands_since = :now"),
           "a_unit_goes_where_it_may_be_filled", (change("storage_unit", "rack", OUT),)),
    Attack("moved earlier than before", "tina", "move_storage_unit",
           of_box(f"place = 77, stands_since = {NOW} - interval '1 day'"), "a_move_follows_the_last",
           (of_box("stands_since = :now"),)),
    Attack("a unit that stands at another site", "tina", "add_storage_unit",
           another("storage_unit", "box", code="'INVENTED'", place="77"), "a_record_is_changed_at_its_site",
           (change("storage_unit", "rack", "site_id = :elsewhere"),)),
    Attack("a unit taken to another site", "tina", "move_storage_unit",
           change("storage_unit", "tank", "site_id = :elsewhere"),
           "a_record_is_changed_at_its_site"),
    Attack("a failed box in service with its hold", "tina", "return_unit_to_service",
           of_box("state = 'IN_SERVICE'"), "a_failed_unit_waits_for_its_hold",
           (of_box("state = 'FAILED'"), new("hold", HOLD))),
]  # fmt: skip
COUNTS = [
    Attack(
        "two counts of a box at once",
        "tina",
        "count_box",
        new("stock_count", COUNT, code="'SC2'"),
        "one_open_count_per_box",
        (new("stock_count", COUNT),),
    ),
    Attack(
        "counted twice by one",
        "tina",
        "count_again",
        f"UPDATE stock_count SET state = 'COUNTED_TWICE', second_counted_by_id = {ME}",
        "ck_stock_count_counted_by_another_person",
        (new("stock_count", COUNT),),
    ),
]
ATTACKS = [*PLACED, *UNITS, *COUNTS]
