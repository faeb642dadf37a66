"""What an act writes beside the moves of THE table (lifecycle), and what of a record is written more than once.

An act writes records whose state it moves or keeps, rows of the kinds in `NOTES`, and nothing else. A fact stands once
it is written: what has a value is given no other one, but by the acts in `REWRITES`, and where a correction puts it
right (correction.py).

Twin in the database: `an_act_writes_what_is_its_own`, `what_is_written_stays` (`migrations/database/authority.sql`),
which read this by way of `acts.sql`.
"""

from cellbank.domain.correction import CHANGED_BY_CORRECTION
from cellbank.domain.lifecycle.table import TRANSITIONS


def _making(record: str) -> str:
    """The acts that make such a record."""
    return " ".join(row.act for row in TRANSITIONS if row.record == record and row.source is None)


_SIGNED = " ".join(row.act for row in TRANSITIONS if row.meaning)
_BY_PASSWORD = " ".join(row.act for row in TRANSITIONS if row.meaning or row.proved)  # and by a code, which it uses up
_FORM = "confirm_dose_from_paper"
_USING_REAGENTS = "isolate_tissue passage_culture thaw_bank_vial open_lot"
_INTO_AND_OUT_OF_PLACES = (
    "store_vials move_vial return_vial pack_vials unpack_vials rescan_box reconcile_rack close_count close_receipt "
    "pick_vial thaw_bank_vial use_vial_for_testing discard_vial discard_vials confirm_dose_from_paper"
)

_DECIDING_ACCOUNTS = "confirm_account_change confirm_unlock decline_account_change disable_person unlock_together"
_READINGS = "import_readings record_readings confirm_reading look_for_silence end_silence"

# Kinds of record, and the acts that write them without a move of their state: rows that have none, and what an act
# about something else takes along.
_NOTES = {
    "signature": _SIGNED,
    "played_time": "configure_site",  # of a story, which an installation tells for good
    "person": _BY_PASSWORD,
    "printing": "add_person add_storage_unit add_shipper receive_donation isolate_tissue "
                "passage_culture thaw_bank_vial open_lot enrol_subject prepare_dose seal_shipment",
    "deviation_link": _making("deviation") + " link_deviation",
    "irregularity": _making("deviation"),
    "notice_line": _making("recall_notice") + " answer_notice cancel_dose discard_dose",
    "sheet_answer": "import_freezing_run import_readings import_results",
    # production and the cold store
    "reagent_use": _USING_REAGENTS,
    "reagent_lot": _USING_REAGENTS,
    "lot_source": "open_lot",
    "placement": _INTO_AND_OUT_OF_PLACES,
    "count_sheet": "count_box count_again",
    "warming_event": "note_warming move_storage_unit relocate_unit rescan_box reconcile_rack count_box count_again "
                     "close_count",
    "unit_stay": "receive_shipment move_storage_unit relocate_unit",
    # shipments: what is in a shipper goes with it
    "packed_vial": "pack_vials unpack_vials check_in_vials close_receipt accept_shipment reject_shipment discard_vial "
                   "discard_vials",
    "custody": "pack_vials seal_shipment hand_over_shipment take_over_shipment receive_shipment cancel_shipment "
               "accept_shipment reject_shipment",
    "excursion": f"{_READINGS} seal_shipment",
    "probe": f"{_READINGS} seal_shipment receive_shipment",
    "storage_unit": "receive_shipment",
    # the clinic
    "reaction": "record_reaction enter_dose_from_paper confirm_dose_from_paper",
}  # fmt: skip
NOTES: dict[str, frozenset[str]] = {record: frozenset(acts.split()) for record, acts in _NOTES.items()}

# What of which kind of record is written anew, and by which acts.
_REWRITES = {
    "account_change": {"password_hash": _DECIDING_ACCOUNTS},
    "corrective_action": {"done_at done_by_id done_note verification verified_by_id": "verify_action"},
    "culture": {
        "cells_left": "passage_culture open_lot finish_culture discard_culture",
        "cumulative_doublings": "record_harvest",
    },
    "deviation": {
        "classification": "classify_deviation lower_deviation",
        "critical_since": "classify_deviation close_deviation",
        "due_on": "classify_deviation lower_deviation reopen_deviation",
        "investigation root_cause investigated_by_id": "investigate_deviation",
        "decision": "close_deviation",
        "closed_at closed_by_id": "reopen_deviation",
    },
    "donor": {"eligibility_reason": "determine_eligibility"},
    "dose": {
        "spares_called": "fetch_spare",
        "planned_on planned_anew_because deviation_reason": "plan_dose_anew",
        # thawed and counted again with another vial, and drawn up from that
        "thaw_started_at expires_at": f"thaw_vial pool_and_count {_FORM}",
        "short_dose_reason": "thaw_vial",
        "diluent count_method": f"pool_and_count {_FORM}",
        "pooled_ml total_cells_per_ml viability_percent counted_at": f"pool_and_count {_FORM}",
        "is_short": f"pool_and_count {_FORM}",
        "draw_ml delivered_cells delivered_percent": f"pool_and_count prepare_dose {_FORM}",
        "final_volume_ml prepared_at prepared_by_id": _FORM,
        "first_checked_at first_checked_by_id second_checked_at second_checked_by_id": _FORM,
        "infusion_stopped_at volume_given_ml given_beside outcome_reason": _FORM,
        "given_cells given_percent": "correct_fact",  # PostgreSQL computes them
    },
    "excursion": {"category ended_at peak_c warn_seconds warn_degree_seconds critical_seconds critical_degree_seconds "
                  "reject_seconds reject_degree_seconds": _READINGS},
    "lot": {"sample_cells lost_cells": "close_filling", "state_before_hold": "lift_hold recall_lot reject_lot"},
    "person": {
        "email": "change_address change_my_address confirm_account_change",
        "agreement_version agreement_at": "accept_agreement",
        "roles": "change_roles confirm_account_change",
        "also_at": "change_sites confirm_account_change",
        "password_hash password_set_at must_change_password": "change_password reset_password confirm_account_change",
        "totp_secret totp_next totp_confirmed_at": "set_up_second_factor confirm_second_factor reset_second_factor "
                                                   "confirm_account_change",
        "totp_step": f"{_BY_PASSWORD} sign_in set_up_second_factor confirm_second_factor reset_second_factor",
        # a new password forgets the wrong ones
        "failure_count first_failure_at locked_until": "note_wrong_password sign_in unlock_person confirm_unlock "
                                                       "change_password reset_password confirm_account_change",
        "locked_at locked_from": "note_wrong_password sign_in",
    },
    "packed_vial": {"finding found_at": "check_in_vials close_receipt"},
    "probe": {
        "last_at": _READINGS, "watch": f"{_READINGS} seal_shipment", "site_id": "receive_shipment",
        "calibrated_on calibration_due_on": "calibrate_probe",
        "warn_above_c warn_minutes critical_above_c critical_readings reject_above_c gap_minutes "
        "acknowledge_minutes": "change_probe_limits",
        "limits_asked limits_asked_by_id limits_asked_because": "change_probe_limits decline_probe_limits",
    },
    "reading_import": {"stored": "confirm_reading"},
    "reagent_lot": {"decision_reason certificate": "decide_reagent recall_reagent", "quantity_left": _USING_REAGENTS},
    "sheet_answer": {"answers": "import_freezing_run import_readings import_results"},
    "shipment": {
        # sealed again after the seal was broken, maybe in another shipper
        "shipper_id": "pack_vials seal_shipment",
        "logger_id charged_at charge_kg planned_hours": "seal_shipment",
        "seals sealed_at sealed_by_id": "seal_shipment break_seal",
        "site_id": "receive_shipment",
    },
    "site": {"name fin fin_registered timezone": "configure_site"},
    "storage_unit": {
        "out_of_service_reason": "return_to_service take_out_of_service report_storage_failure",
        "qualified_on qualified_until hold_hours": "requalify_shipper",
        "site_id": "receive_shipment",
        "parent_id place stands_since": "receive_shipment move_storage_unit relocate_unit",
    },
    "subject": {
        "answers": "answer_criteria sign_eligibility move_to_amendment",
        "assessment": "answer_criteria sign_eligibility move_to_amendment",
        "protocol_id bars_other_trials": "move_to_amendment",
    },
    "vial": {
        "dose_id": "cancel_dose return_vial prepare_dose discard_dose confirm_dose_from_paper rescan_box "
                   "reconcile_rack close_count",
        "picked_at": "return_vial", "site_id": "check_in_vials",
    },
}  # fmt: skip
REWRITES: dict[str, dict[str, frozenset[str]]] = {
    record: {column: frozenset(acts.split()) for columns, acts in of.items() for column in columns.split()}
    for record, of in _REWRITES.items()
}


def rewriters(record: str, column: str) -> frozenset[str]:
    """The acts that may give this value of such a record another one."""
    corrected = {"correct_fact"} if f"{record}.{column}" in CHANGED_BY_CORRECTION else set()
    return REWRITES.get(record, {}).get(column, frozenset()) | corrected
