"""The order of the next acts after a scan: the likeliest first, what ends or undoes something last."""

from cellbank.domain.lifecycle import TRANSITIONS

# Right, but rarely what somebody with a scanner in hand has come for.
ENDINGS = {
    "break_seal", "cancel_dose", "cancel_sample", "cancel_shipment", "complete_subject", "correct_result",
    "confirm_dose_from_paper", "enter_dose_from_paper",
    "disable_person", "discard_culture",
    "discard_dose", "discard_vial", "discard_vials", "end_conditional_release", "retire_probe", "change_probe_limits",
    "finish_culture", "invalidate_result", "link_deviation", "look_at_identity", "move_to_amendment", "open_deviation",
    "plan_dose_anew", "recall_reagent",
    "record_readings", "relocate_unit", "return_vial", "review_trail", "revoke_token", "revoke_training",
    "take_out_of_service", "withdraw_consent", "withdraw_freezing_run", "withdraw_subject",
}  # fmt: skip
# What stops or uses up something is in sight, though not first: a stop must be quick.
IN_SIGHT = {"hold_donor", "hold_lot", "recall_lot", "reject_lot", "reject_shipment", "report_storage_failure",
            "use_vial_for_testing"}  # fmt: skip
# A dead tank is emptied before anything else.
AT_ONCE = {("relocate_unit", "FAILED")}
# They take vials, but nobody begins them with a vial in hand: they are about its box.
ABOUT_THE_BOX = {"count_again", "count_box", "rescan_box"}
# What one does with a shipper, and what one does with every other unit.
OF_A_SHIPPER = {"pack_vials", "requalify_shipper", "seal_shipment"}
NOT_OF_A_SHIPPER = {"add_storage_unit", "count_box", "move_vial", "reconcile_rack", "rescan_box", "relocate_unit",
                    "store_vials", "unpack_vials"}  # fmt: skip
PRINTING = {"print_labels", "print_label_again", "issue_document"}


def is_about(act: str, type_: str | None) -> bool:
    """Whether somebody with a unit of this type in hand may have come for the act; None: it is no unit."""
    return type_ is None or act not in (NOT_OF_A_SHIPPER if type_ == "shipper" else OF_A_SHIPPER)


def place_of(act: str, record: str, state: str) -> int:
    """Where an act stands: -1 cannot wait, 0 moves the record on, 1 uses it, 2 makes something from it, 3 prints, 4
    ends it. A quality officer's stops stand with 2."""
    if (act, state) in AT_ONCE:
        return -1
    if act in IN_SIGHT:
        return 2
    if act in ENDINGS or (record == "vial" and act in ABOUT_THE_BOX):
        return 4
    if act in PRINTING:
        return 3
    rows = [row for row in TRANSITIONS if (row.act, row.record, row.source) == (act, record, state)]
    if any(row.target != state for row in rows):
        return 0
    return 1 if rows else 2
