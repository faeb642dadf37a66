"""Vials: in one place at most, reserved once, thawed once, used once."""

from tests.attack.twins.sql import NOW, Attack, change, id_of

SPENT = f"""INSERT INTO warming_event (vial_id, out_at, in_at)
            VALUES ({id_of("vial", "reserved")}, {NOW} - interval '9 hours', :now)"""
LOT_IN_QUARANTINE = change("lot", "lot", "state = 'QUARANTINE'")


def of_vial(vial: str, to: str) -> str:
    return change("vial", vial, to)


def reserved_for(dose: str) -> str:
    return f"state = 'RESERVED', dose_id = {id_of('dose', dose)}"


RESERVED = [
    Attack(
        "a reserved vial for another dose",
        "clara",
        "order_dose",
        of_vial("reserved", f"dose_id = {id_of('dose', 'prepared')}"),
        "one_live_reservation_per_vial",
    ),
    Attack(
        "a vial in stock that belongs to a dose",
        "clara",
        "order_dose",
        of_vial("in_stock", f"dose_id = {id_of('dose', 'ordered')}"),
        "ck_vial_stock_is_reserved_for_nobody",
    ),
    Attack(
        "a vial reserved for nobody",
        "clara",
        "order_dose",
        of_vial("in_stock", "state = 'RESERVED'"),
        "ck_vial_reserved_for_a_dose",
    ),
    Attack(
        "a vial of a lot that is not released",
        "clara",
        "order_dose",
        of_vial("in_stock", reserved_for("ordered")),
        "only_vials_of_a_released_lot_are_reserved",
        (LOT_IN_QUARANTINE,),
    ),
    Attack(
        "a vial of another lot",
        "clara",
        "order_dose",
        of_vial("in_stock", reserved_for("prepared")),
        "a_dose_comes_from_one_lot",
    ),
]
USED = [
    Attack("a vial under another code", "tina", "correct_fact", of_vial("in_stock", "code = 'INVENTED'"),
           "a_vial_keeps_its_identity"),
    Attack("a vial of another lot by a stroke of the pen", "tina", "correct_fact",
           of_vial("in_stock", f"lot_id = {id_of('lot', 'waiting')}"), "a_vial_keeps_its_identity"),
    Attack("frozen again", "tina", "return_vial", of_vial("pooled", "state = 'RESERVED'"), "ck_vial_never_refrozen"),
    Attack("never thawed", "tina", "return_vial", of_vial("pooled", "thawed_at = NULL"), "a_thaw_is_never_undone"),
    Attack("thawed from a lot that is not released", "tina", "thaw_vial",
           of_vial("reserved", "state = 'THAWED', thawed_at = :now"), "dose_only_from_a_released_lot",
           (LOT_IN_QUARANTINE,)),
    Attack("thawed after the lot expired", "tina", "thaw_vial",
           of_vial("reserved", "state = 'THAWED', thawed_at = :now"), "nothing_expired_is_thawed",
           (change("lot", "lot", "expires_on = DATE '2020-01-01'"),)),
    Attack("picked after hours in the warm", "tina", "pick_vial",
           of_vial("reserved", "state = 'PICKED', picked_at = :now"), "no_dose_from_a_vial_that_warmed", (SPENT,)),
    Attack("thawed after hours in the warm", "tina", "thaw_vial",
           of_vial("reserved", "state = 'THAWED', thawed_at = :now"), "no_dose_from_a_vial_that_warmed", (SPENT,)),
    Attack("used again", "tina", "pool_and_count", of_vial("used", "state = 'POOLED'"), "a_used_vial_stays_used"),
    Attack("given after it was thrown away", "clara", "start_infusion", of_vial("pooled", "state = 'INFUSED'"),
           "a_discarded_vial_is_not_given", (of_vial("pooled", "state = 'DISCARDED'"),)),
    Attack("lost in silence", "tina", "discard_vial", of_vial("reserved", "state = 'DISCARDED'"),
           "a_lost_vial_reaches_the_clinician", ("UPDATE dose SET vials_needed = 4 WHERE code = :ordered",)),
    Attack("changed at another site", "tina", "move_vial", of_vial("in_stock", "picked_at = :now"),
           "a_record_is_changed_at_its_site", (of_vial("in_stock", "site_id = :elsewhere"),)),
]  # fmt: skip
ATTACKS = [*RESERVED, *USED]
