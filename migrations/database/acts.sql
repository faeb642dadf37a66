-- What each act may do, as the tables of the domain say: who changes one of them makes this anew, by
-- `python -m tools.acts`. What the database asks of it stands in `authority.sql` and `signatures.sql`.

-- The acts that tell of what has happened, maybe a while ago. From `domain/telling.py` (TELLS).
CREATE FUNCTION tells(the_act text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT the_act = ANY ('{acknowledge_excursion,answer_notice,break_seal,check_dose,check_in_vials,close_filling,close_receipt,complete_action,confirm_dose_from_paper,confirm_reading,confirm_weight,count_again,count_box,discard_culture,discard_dose,discard_vial,discard_vials,finish_culture,hand_over_shipment,isolate_tissue,measure_weight,move_storage_unit,move_vial,note_warming,open_lot,open_reagent,pack_vials,passage_culture,pick_vial,pool_and_count,prepare_dose,receive_donation,receive_reagent,receive_shipment,reconcile_infusion,reconcile_rack,record_filling,record_freezing,record_harvest,record_reaction,record_reading_by_hand,register_unordered_dose,relocate_unit,report_storage_failure,rescan_box,return_vial,seal_shipment,start_infusion,stop_infusion,store_vials,take_over_shipment,take_sample,thaw_bank_vial,thaw_vial,unpack_vials,use_vial_for_testing,withdraw_subject}'::text[])
$$;

-- Whether an account with these roles does or reads what not everybody may: two people give it, and
-- change it. From `domain/lifecycle`, by `powers`.
CREATE FUNCTION has_power(roles text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT roles && '{administrator,auditor,clinician,quality_officer,technician}'::text[]
$$;

-- Who may do an act. From `domain/lifecycle`.
CREATE FUNCTION roles_of(the_act text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "accept_agreement": ["administrator", "clinician", "quality_officer", "technician"],
    "accept_shipment": ["quality_officer"],
    "accept_short_dose": ["clinician"],
    "acknowledge_excursion": ["quality_officer", "technician"],
    "add_person": ["administrator", "system"],
    "add_probe": ["quality_officer", "technician"],
    "add_shipper": ["quality_officer", "technician"],
    "add_site": ["administrator"],
    "add_storage_unit": ["quality_officer", "technician"],
    "answer_criteria": ["clinician"],
    "answer_notice": ["clinician"],
    "approve_conditional_release": ["quality_officer"],
    "ask_probe_limits": ["quality_officer", "technician"],
    "break_seal": ["technician"],
    "calibrate_probe": ["quality_officer", "technician"],
    "cancel_dose": ["clinician"],
    "cancel_sample": ["quality_officer", "technician"],
    "cancel_shipment": ["quality_officer", "technician"],
    "change_address": ["administrator"],
    "change_my_address": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "change_password": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "change_probe_limits": ["quality_officer"],
    "change_roles": ["administrator"],
    "change_sites": ["administrator"],
    "check_dose": ["clinician"],
    "check_in_vials": ["quality_officer", "technician"],
    "classify_deviation": ["quality_officer"],
    "close_count": ["quality_officer", "technician"],
    "close_deviation": ["quality_officer"],
    "close_filling": ["technician"],
    "close_receipt": ["quality_officer", "technician"],
    "complete_action": ["clinician", "quality_officer", "technician"],
    "complete_subject": ["clinician"],
    "configure_site": ["system"],
    "confirm_account_change": ["administrator", "quality_officer"],
    "confirm_dose_from_paper": ["clinician"],
    "confirm_reading": ["quality_officer", "technician"],
    "confirm_second_factor": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "confirm_training": ["administrator", "quality_officer"],
    "confirm_unlock": ["administrator", "clinician", "quality_officer", "technician"],
    "confirm_weight": ["clinician"],
    "continue_treatment": ["clinician"],
    "correct_fact": ["clinician", "quality_officer", "technician"],
    "correct_result": ["quality_officer", "technician"],
    "count_again": ["quality_officer", "technician"],
    "count_box": ["quality_officer", "technician"],
    "create_token": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "decide_donation": ["quality_officer"],
    "decide_excursion": ["quality_officer"],
    "decide_reagent": ["quality_officer"],
    "decline_account_change": ["administrator", "quality_officer"],
    "decline_probe_limits": ["quality_officer", "technician"],
    "determine_eligibility": ["quality_officer"],
    "disable_person": ["administrator"],
    "discard_culture": ["technician"],
    "discard_dose": ["clinician", "technician"],
    "discard_vial": ["quality_officer", "technician"],
    "discard_vials": ["quality_officer", "technician"],
    "end_conditional_release": ["clinician", "quality_officer"],
    "end_session": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "end_silence": ["quality_officer"],
    "enrol_subject": ["clinician"],
    "enter_dose_from_paper": ["clinician"],
    "enter_result": ["quality_officer", "technician"],
    "fetch_spare": ["technician"],
    "finish_culture": ["technician"],
    "hand_over_code": ["administrator", "system"],
    "hand_over_shipment": ["quality_officer", "technician"],
    "hold_donor": ["quality_officer"],
    "hold_lot": ["quality_officer"],
    "import_definition": ["quality_officer"],
    "import_freezing_run": ["technician"],
    "import_readings": ["quality_officer", "technician"],
    "import_results": ["quality_officer", "technician"],
    "invalidate_result": ["quality_officer"],
    "investigate_deviation": ["quality_officer", "technician"],
    "isolate_tissue": ["technician"],
    "issue_document": ["auditor", "clinician", "quality_officer", "technician"],
    "lift_hold": ["quality_officer"],
    "link_deviation": ["clinician", "quality_officer", "technician"],
    "look_at_identity": ["auditor", "clinician", "quality_officer"],
    "look_for_silence": ["quality_officer", "system", "technician"],
    "lower_deviation": ["quality_officer"],
    "make_effective": ["quality_officer"],
    "measure_weight": ["clinician"],
    "move_storage_unit": ["quality_officer", "technician"],
    "move_to_amendment": ["clinician"],
    "move_vial": ["technician"],
    "note_warming": ["quality_officer", "technician"],
    "note_wrong_password": ["system"],
    "open_deviation": ["clinician", "quality_officer", "technician"],
    "open_lot": ["technician"],
    "open_reagent": ["quality_officer", "technician"],
    "order_dose": ["clinician"],
    "order_shipment": ["quality_officer", "technician"],
    "pack_vials": ["technician"],
    "passage_culture": ["technician"],
    "pick_vial": ["technician"],
    "plan_action": ["quality_officer", "technician"],
    "plan_dose_anew": ["clinician"],
    "pool_and_count": ["technician"],
    "prepare_dose": ["technician"],
    "print_commands": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "print_label_again": ["clinician", "quality_officer", "technician"],
    "print_labels": ["clinician", "quality_officer", "technician"],
    "recall_lot": ["quality_officer"],
    "recall_reagent": ["quality_officer"],
    "receive_donation": ["quality_officer", "technician"],
    "receive_reagent": ["quality_officer", "technician"],
    "receive_shipment": ["quality_officer", "technician"],
    "reconcile_infusion": ["clinician", "technician"],
    "reconcile_rack": ["quality_officer", "technician"],
    "record_consent": ["quality_officer", "technician"],
    "record_filling": ["technician"],
    "record_freezing": ["technician"],
    "record_harvest": ["technician"],
    "record_reaction": ["clinician"],
    "record_reading_by_hand": ["quality_officer", "technician"],
    "record_readings": ["quality_officer", "technician"],
    "record_training": ["administrator", "quality_officer", "system"],
    "register_donor": ["quality_officer", "technician"],
    "register_unordered_dose": ["clinician"],
    "reject_lot": ["quality_officer"],
    "reject_shipment": ["quality_officer"],
    "release_lot": ["quality_officer"],
    "relocate_unit": ["quality_officer", "technician"],
    "reopen_deviation": ["quality_officer"],
    "report_storage_failure": ["quality_officer", "technician"],
    "report_unreadable_scan": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "requalify_shipper": ["quality_officer", "technician"],
    "request_conditional_release": ["clinician"],
    "rescan_box": ["quality_officer", "technician"],
    "reset_password": ["administrator"],
    "reset_second_factor": ["administrator"],
    "retire_probe": ["quality_officer", "technician"],
    "return_to_service": ["quality_officer", "technician"],
    "return_vial": ["technician"],
    "review_batch_record": ["quality_officer"],
    "review_results": ["quality_officer", "technician"],
    "review_trail": ["quality_officer"],
    "revoke_token": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "revoke_training": ["administrator", "quality_officer"],
    "seal_shipment": ["technician"],
    "set_up_second_factor": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "sign_eligibility": ["clinician"],
    "sign_for_sponsor": ["quality_officer"],
    "sign_in": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "sign_out": ["administrator", "auditor", "clinician", "quality_officer", "technician"],
    "start_infusion": ["clinician"],
    "stop_infusion": ["clinician"],
    "store_vials": ["technician"],
    "take_back_paper_form": ["clinician"],
    "take_out_of_service": ["quality_officer", "technician"],
    "take_over_shipment": ["quality_officer", "technician"],
    "take_sample": ["quality_officer", "technician"],
    "thaw_bank_vial": ["technician"],
    "thaw_vial": ["technician"],
    "unlock_person": ["administrator"],
    "unlock_together": ["administrator", "clinician", "quality_officer", "technician"],
    "unpack_vials": ["technician"],
    "use_vial_for_testing": ["quality_officer", "technician"],
    "verify_action": ["quality_officer"],
    "withdraw_consent": ["quality_officer", "technician"],
    "withdraw_freezing_run": ["technician"],
    "withdraw_subject": ["clinician"]
  }'::jsonb -> the_act
$$;

-- From which state to which an act takes such a record; '=' where it writes one without a move.
-- From `domain/lifecycle` and `domain/writing.py`.
CREATE FUNCTION moves_of(kind text, the_act text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "account_change": {
      "add_person": [">ASKED", "ASKED>ASKED"],
      "change_address": [">ASKED", "ASKED>ASKED"],
      "change_roles": [">ASKED", "ASKED>ASKED"],
      "change_sites": [">ASKED", "ASKED>ASKED"],
      "confirm_account_change": ["ASKED>ASKED", "ASKED>CONFIRMED", "CONFIRMED>CONFIRMED"],
      "confirm_unlock": ["ASKED>ASKED", "ASKED>CONFIRMED", "CONFIRMED>CONFIRMED"],
      "decline_account_change": ["ASKED>ASKED", "ASKED>DECLINED", "DECLINED>DECLINED"],
      "disable_person": ["ASKED>ASKED", "ASKED>DECLINED", "DECLINED>DECLINED"],
      "reset_password": [">ASKED", "ASKED>ASKED"],
      "reset_second_factor": [">ASKED", "ASKED>ASKED"],
      "unlock_together": [">ASKED", "ASKED>ASKED", "ASKED>DECLINED", "DECLINED>DECLINED"]
    },
    "api_token": {
      "change_password": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"],
      "confirm_account_change": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"],
      "confirm_second_factor": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"],
      "create_token": [">LIVE", "LIVE>LIVE"],
      "reset_password": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"],
      "reset_second_factor": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"],
      "revoke_token": ["LIVE>LIVE", "LIVE>REVOKED", "REVOKED>REVOKED"]
    },
    "batch_review": {"review_batch_record": [">REVIEWED", "REVIEWED>REVIEWED"]},
    "conditional_release": {
      "approve_conditional_release": ["APPROVED>APPROVED", "REQUESTED>APPROVED", "REQUESTED>REQUESTED"],
      "confirm_reading": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "correct_fact": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "correct_result": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "decide_reagent": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "determine_eligibility": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "end_conditional_release": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "enter_result": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "hold_donor": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "hold_lot": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "import_readings": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "import_results": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "recall_lot": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "recall_reagent": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "record_readings": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "reject_lot": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "release_lot": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "report_storage_failure": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "request_conditional_release": [">REQUESTED", "REQUESTED>REQUESTED"],
      "review_results": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"],
      "sign_for_sponsor": ["APPROVED>APPROVED", "APPROVED>IN_FORCE", "IN_FORCE>IN_FORCE"],
      "withdraw_consent": ["APPROVED>APPROVED", "APPROVED>ENDED", "ENDED>ENDED", "IN_FORCE>ENDED", "IN_FORCE>IN_FORCE", "REQUESTED>ENDED", "REQUESTED>REQUESTED"]
    },
    "consent": {
      "record_consent": [">GIVEN", "GIVEN>GIVEN"],
      "withdraw_consent": ["GIVEN>GIVEN", "GIVEN>WITHDRAWN", "WITHDRAWN>WITHDRAWN"]
    },
    "correction": {"correct_fact": [">RECORDED", "RECORDED>RECORDED"]},
    "corrective_action": {
      "complete_action": ["DONE>DONE", "PLANNED>DONE", "PLANNED>PLANNED"],
      "plan_action": [">PLANNED", "PLANNED>PLANNED"],
      "verify_action": ["DONE>DONE", "DONE>PLANNED", "DONE>VERIFIED", "PLANNED>PLANNED", "VERIFIED>VERIFIED"]
    },
    "count_sheet": {"count_again": ["="], "count_box": ["="]},
    "culture": {
      "correct_fact": ["DISCARDED>DISCARDED", "FINISHED>FINISHED", "GROWING>GROWING", "HARVESTED>HARVESTED"],
      "discard_culture": ["DISCARDED>DISCARDED", "GROWING>DISCARDED", "GROWING>GROWING", "HARVESTED>DISCARDED", "HARVESTED>HARVESTED"],
      "finish_culture": ["FINISHED>FINISHED", "HARVESTED>FINISHED", "HARVESTED>HARVESTED"],
      "isolate_tissue": [">GROWING", "GROWING>GROWING"],
      "open_lot": ["HARVESTED>HARVESTED"],
      "passage_culture": [">GROWING", "GROWING>GROWING", "HARVESTED>HARVESTED"],
      "record_harvest": ["GROWING>GROWING", "GROWING>HARVESTED", "HARVESTED>HARVESTED"],
      "thaw_bank_vial": [">GROWING", "GROWING>GROWING"]
    },
    "custody": {
      "accept_shipment": ["="],
      "cancel_shipment": ["="],
      "hand_over_shipment": ["="],
      "pack_vials": ["="],
      "receive_shipment": ["="],
      "reject_shipment": ["="],
      "seal_shipment": ["="],
      "take_over_shipment": ["="]
    },
    "definition": {
      "import_definition": [">IMPORTED", "IMPORTED>IMPORTED"],
      "make_effective": ["EFFECTIVE>EFFECTIVE", "EFFECTIVE>SUPERSEDED", "IMPORTED>EFFECTIVE", "IMPORTED>IMPORTED", "SUPERSEDED>SUPERSEDED"]
    },
    "deviation": {
      "acknowledge_excursion": [">OPEN", "OPEN>OPEN"],
      "answer_notice": [">OPEN", "OPEN>OPEN"],
      "break_seal": [">OPEN", "OPEN>OPEN"],
      "check_dose": [">OPEN", "OPEN>OPEN"],
      "check_in_vials": [">OPEN", "OPEN>OPEN"],
      "classify_deviation": ["INVESTIGATED>INVESTIGATED", "OPEN>OPEN"],
      "close_deviation": ["CLOSED>CLOSED", "INVESTIGATED>CLOSED", "INVESTIGATED>INVESTIGATED"],
      "close_filling": [">OPEN", "OPEN>OPEN"],
      "close_receipt": [">OPEN", "OPEN>OPEN"],
      "complete_action": [">OPEN", "OPEN>OPEN"],
      "confirm_dose_from_paper": [">OPEN", "OPEN>OPEN"],
      "confirm_reading": [">OPEN", "OPEN>OPEN"],
      "confirm_weight": [">OPEN", "OPEN>OPEN"],
      "correct_fact": [">OPEN", "OPEN>OPEN"],
      "correct_result": [">OPEN", "OPEN>OPEN"],
      "count_again": [">OPEN", "OPEN>OPEN"],
      "count_box": [">OPEN", "OPEN>OPEN"],
      "discard_culture": [">OPEN", "OPEN>OPEN"],
      "discard_dose": [">OPEN", "OPEN>OPEN"],
      "discard_vial": [">OPEN", "OPEN>OPEN"],
      "discard_vials": [">OPEN", "OPEN>OPEN"],
      "enter_result": [">OPEN", "OPEN>OPEN"],
      "finish_culture": [">OPEN", "OPEN>OPEN"],
      "hand_over_shipment": [">OPEN", "OPEN>OPEN"],
      "import_freezing_run": [">OPEN", "OPEN>OPEN"],
      "import_results": [">OPEN", "OPEN>OPEN"],
      "investigate_deviation": ["INVESTIGATED>INVESTIGATED", "OPEN>INVESTIGATED", "OPEN>OPEN"],
      "isolate_tissue": [">OPEN", "OPEN>OPEN"],
      "link_deviation": ["INVESTIGATED>INVESTIGATED", "OPEN>OPEN"],
      "lower_deviation": ["INVESTIGATED>INVESTIGATED"],
      "measure_weight": [">OPEN", "OPEN>OPEN"],
      "move_storage_unit": [">OPEN", "OPEN>OPEN"],
      "move_vial": [">OPEN", "OPEN>OPEN"],
      "note_warming": [">OPEN", "OPEN>OPEN"],
      "open_deviation": [">OPEN", "OPEN>OPEN"],
      "open_lot": [">OPEN", "OPEN>OPEN"],
      "open_reagent": [">OPEN", "OPEN>OPEN"],
      "pack_vials": [">OPEN", "OPEN>OPEN"],
      "passage_culture": [">OPEN", "OPEN>OPEN"],
      "pick_vial": [">OPEN", "OPEN>OPEN"],
      "pool_and_count": [">OPEN", "OPEN>OPEN"],
      "prepare_dose": [">OPEN", "OPEN>OPEN"],
      "receive_donation": [">OPEN", "OPEN>OPEN"],
      "receive_reagent": [">OPEN", "OPEN>OPEN"],
      "receive_shipment": [">OPEN", "OPEN>OPEN"],
      "reconcile_infusion": [">OPEN", "OPEN>OPEN"],
      "reconcile_rack": [">OPEN", "OPEN>OPEN"],
      "record_filling": [">OPEN", "OPEN>OPEN"],
      "record_freezing": [">OPEN", "OPEN>OPEN"],
      "record_harvest": [">OPEN", "OPEN>OPEN"],
      "record_reaction": [">OPEN", "OPEN>OPEN"],
      "record_reading_by_hand": [">OPEN", "OPEN>OPEN"],
      "register_unordered_dose": [">OPEN", "OPEN>OPEN"],
      "relocate_unit": [">OPEN", "OPEN>OPEN"],
      "reopen_deviation": ["CLOSED>CLOSED", "CLOSED>OPEN", "OPEN>OPEN"],
      "report_storage_failure": [">OPEN", "OPEN>OPEN"],
      "rescan_box": [">OPEN", "OPEN>OPEN"],
      "return_vial": [">OPEN", "OPEN>OPEN"],
      "seal_shipment": [">OPEN", "OPEN>OPEN"],
      "start_infusion": [">OPEN", "OPEN>OPEN"],
      "stop_infusion": [">OPEN", "OPEN>OPEN"],
      "store_vials": [">OPEN", "OPEN>OPEN"],
      "take_over_shipment": [">OPEN", "OPEN>OPEN"],
      "take_sample": [">OPEN", "OPEN>OPEN"],
      "thaw_bank_vial": [">OPEN", "OPEN>OPEN"],
      "thaw_vial": [">OPEN", "OPEN>OPEN"],
      "unpack_vials": [">OPEN", "OPEN>OPEN"],
      "use_vial_for_testing": [">OPEN", "OPEN>OPEN"],
      "withdraw_subject": [">OPEN", "OPEN>OPEN"]
    },
    "deviation_link": {
      "acknowledge_excursion": ["="],
      "answer_notice": ["="],
      "break_seal": ["="],
      "check_dose": ["="],
      "check_in_vials": ["="],
      "close_filling": ["="],
      "close_receipt": ["="],
      "complete_action": ["="],
      "confirm_dose_from_paper": ["="],
      "confirm_reading": ["="],
      "confirm_weight": ["="],
      "correct_fact": ["="],
      "correct_result": ["="],
      "count_again": ["="],
      "count_box": ["="],
      "discard_culture": ["="],
      "discard_dose": ["="],
      "discard_vial": ["="],
      "discard_vials": ["="],
      "enter_result": ["="],
      "finish_culture": ["="],
      "hand_over_shipment": ["="],
      "import_freezing_run": ["="],
      "import_results": ["="],
      "isolate_tissue": ["="],
      "link_deviation": ["="],
      "measure_weight": ["="],
      "move_storage_unit": ["="],
      "move_vial": ["="],
      "note_warming": ["="],
      "open_deviation": ["="],
      "open_lot": ["="],
      "open_reagent": ["="],
      "pack_vials": ["="],
      "passage_culture": ["="],
      "pick_vial": ["="],
      "pool_and_count": ["="],
      "prepare_dose": ["="],
      "receive_donation": ["="],
      "receive_reagent": ["="],
      "receive_shipment": ["="],
      "reconcile_infusion": ["="],
      "reconcile_rack": ["="],
      "record_filling": ["="],
      "record_freezing": ["="],
      "record_harvest": ["="],
      "record_reaction": ["="],
      "record_reading_by_hand": ["="],
      "register_unordered_dose": ["="],
      "relocate_unit": ["="],
      "report_storage_failure": ["="],
      "rescan_box": ["="],
      "return_vial": ["="],
      "seal_shipment": ["="],
      "start_infusion": ["="],
      "stop_infusion": ["="],
      "store_vials": ["="],
      "take_over_shipment": ["="],
      "take_sample": ["="],
      "thaw_bank_vial": ["="],
      "thaw_vial": ["="],
      "unpack_vials": ["="],
      "use_vial_for_testing": ["="],
      "withdraw_subject": ["="]
    },
    "document_issue": {"issue_document": [">ISSUED", "ISSUED>ISSUED"]},
    "donation": {
      "decide_donation": ["ACCEPTED>ACCEPTED", "AWAITING_DECISION>ACCEPTED", "AWAITING_DECISION>AWAITING_DECISION", "AWAITING_DECISION>REJECTED", "REJECTED>REJECTED"],
      "receive_donation": [">ACCEPTED", ">AWAITING_DECISION", "ACCEPTED>ACCEPTED", "AWAITING_DECISION>AWAITING_DECISION"]
    },
    "donor": {
      "determine_eligibility": ["ELIGIBLE>ELIGIBLE", "ELIGIBLE>INELIGIBLE", "INELIGIBLE>ELIGIBLE", "INELIGIBLE>INELIGIBLE", "REGISTERED>ELIGIBLE", "REGISTERED>INELIGIBLE", "REGISTERED>REGISTERED"],
      "hold_donor": ["ELIGIBLE>ELIGIBLE", "INELIGIBLE>INELIGIBLE", "REGISTERED>REGISTERED"],
      "register_donor": [">REGISTERED", "REGISTERED>REGISTERED"]
    },
    "dose": {
      "accept_short_dose": ["COUNTED>COUNTED"],
      "cancel_dose": ["CANCELLED>CANCELLED", "ORDERED>CANCELLED", "ORDERED>ORDERED", "PICKED>CANCELLED", "PICKED>PICKED", "UNORDERED>CANCELLED", "UNORDERED>UNORDERED"],
      "check_dose": ["CHECKED>CHECKED", "CHECKED_ONCE>CHECKED", "CHECKED_ONCE>CHECKED_ONCE", "PREPARED>CHECKED_ONCE", "PREPARED>PREPARED"],
      "confirm_dose_from_paper": ["CANCELLED>CANCELLED", "CANCELLED>INFUSED", "CHECKED>CHECKED", "CHECKED>INFUSED", "CHECKED_ONCE>CHECKED_ONCE", "CHECKED_ONCE>INFUSED", "COUNTED>COUNTED", "COUNTED>INFUSED", "DISCARDED>DISCARDED", "DISCARDED>INFUSED", "INFUSED>INFUSED", "INFUSING>INFUSED", "INFUSING>INFUSING", "ORDERED>INFUSED", "ORDERED>ORDERED", "PICKED>INFUSED", "PICKED>PICKED", "PREPARED>INFUSED", "PREPARED>PREPARED", "THAWING>INFUSED", "THAWING>THAWING", "UNORDERED>INFUSED", "UNORDERED>UNORDERED"],
      "correct_fact": ["CHECKED>CHECKED", "CHECKED>PREPARED", "CHECKED_ONCE>CHECKED_ONCE", "CHECKED_ONCE>PREPARED", "COUNTED>COUNTED", "DISCARDED>DISCARDED", "INFUSED>INFUSED", "INFUSING>INFUSING", "PREPARED>PREPARED", "RECONCILED>RECONCILED"],
      "discard_dose": ["CHECKED>CHECKED", "CHECKED>DISCARDED", "CHECKED_ONCE>CHECKED_ONCE", "CHECKED_ONCE>DISCARDED", "COUNTED>COUNTED", "COUNTED>DISCARDED", "DISCARDED>DISCARDED", "PREPARED>DISCARDED", "PREPARED>PREPARED", "THAWING>DISCARDED", "THAWING>THAWING"],
      "enter_dose_from_paper": ["CANCELLED>CANCELLED", "CHECKED>CHECKED", "CHECKED_ONCE>CHECKED_ONCE", "COUNTED>COUNTED", "DISCARDED>DISCARDED", "INFUSING>INFUSING", "ORDERED>ORDERED", "PICKED>PICKED", "PREPARED>PREPARED", "THAWING>THAWING", "UNORDERED>UNORDERED"],
      "fetch_spare": ["COUNTED>COUNTED", "PICKED>PICKED", "THAWING>THAWING"],
      "order_dose": [">ORDERED", "ORDERED>ORDERED"],
      "pick_vial": ["COUNTED>COUNTED", "ORDERED>ORDERED", "ORDERED>PICKED", "PICKED>PICKED", "THAWING>THAWING"],
      "plan_dose_anew": ["CHECKED>CHECKED", "CHECKED_ONCE>CHECKED_ONCE", "COUNTED>COUNTED", "ORDERED>ORDERED", "PICKED>PICKED", "PREPARED>PREPARED", "THAWING>THAWING"],
      "pool_and_count": ["COUNTED>COUNTED", "THAWING>COUNTED", "THAWING>THAWING"],
      "prepare_dose": ["COUNTED>COUNTED", "COUNTED>PREPARED", "PREPARED>PREPARED"],
      "reconcile_infusion": ["INFUSED>INFUSED", "INFUSED>RECONCILED", "RECONCILED>RECONCILED"],
      "record_reaction": ["INFUSED>INFUSED", "INFUSING>INFUSING", "RECONCILED>RECONCILED"],
      "register_unordered_dose": [">UNORDERED", "UNORDERED>UNORDERED"],
      "start_infusion": ["CHECKED>CHECKED", "CHECKED>INFUSING", "INFUSING>INFUSING"],
      "stop_infusion": ["INFUSED>INFUSED", "INFUSING>INFUSED", "INFUSING>INFUSING"],
      "thaw_vial": ["COUNTED>COUNTED", "COUNTED>THAWING", "PICKED>PICKED", "PICKED>THAWING", "THAWING>THAWING"]
    },
    "dose_paper": {
      "confirm_dose_from_paper": ["CONFIRMED>CONFIRMED", "ENTERED>CONFIRMED", "ENTERED>ENTERED"],
      "enter_dose_from_paper": [">ENTERED", "ENTERED>ENTERED", "ENTERED>REPLACED", "REPLACED>REPLACED"],
      "take_back_paper_form": ["ENTERED>ENTERED", "ENTERED>TAKEN_BACK", "TAKEN_BACK>TAKEN_BACK"]
    },
    "excursion": {
      "acknowledge_excursion": ["OPEN>OPEN"],
      "confirm_reading": ["=", ">OPEN", "OPEN>OPEN"],
      "decide_excursion": ["ACCEPTED>ACCEPTED", "OPEN>ACCEPTED", "OPEN>OPEN", "OPEN>REJECTED", "REJECTED>REJECTED"],
      "end_silence": ["=", "OPEN>OPEN"],
      "import_readings": ["=", ">OPEN", "OPEN>OPEN"],
      "look_for_silence": ["=", ">OPEN", "OPEN>OPEN"],
      "record_readings": ["=", ">OPEN", "OPEN>OPEN"],
      "seal_shipment": ["="]
    },
    "freezer_run": {
      "import_freezing_run": [">OUTSIDE", ">WITHIN", "OUTSIDE>OUTSIDE", "WITHIN>WITHIN"],
      "withdraw_freezing_run": ["OUTSIDE>OUTSIDE", "OUTSIDE>WITHDRAWN", "WITHDRAWN>WITHDRAWN", "WITHIN>WITHDRAWN", "WITHIN>WITHIN"]
    },
    "hold": {
      "confirm_reading": [">PLACED", "PLACED>PLACED"],
      "correct_fact": [">PLACED", "PLACED>PLACED"],
      "correct_result": [">PLACED", "PLACED>PLACED"],
      "decide_reagent": [">PLACED", "PLACED>PLACED"],
      "determine_eligibility": [">PLACED", "PLACED>PLACED"],
      "enter_result": [">PLACED", "PLACED>PLACED"],
      "hold_donor": [">PLACED", "PLACED>PLACED"],
      "hold_lot": [">PLACED", "PLACED>PLACED"],
      "import_readings": [">PLACED", "PLACED>PLACED"],
      "import_results": [">PLACED", "PLACED>PLACED"],
      "lift_hold": [">PLACED", "LIFTED>LIFTED", "PLACED>LIFTED", "PLACED>PLACED"],
      "recall_lot": [">PLACED", "PLACED>PLACED"],
      "recall_reagent": [">PLACED", "PLACED>PLACED"],
      "record_readings": [">PLACED", "PLACED>PLACED"],
      "reject_lot": [">PLACED", "PLACED>PLACED"],
      "report_storage_failure": [">PLACED", "PLACED>PLACED"],
      "review_results": [">PLACED", "PLACED>PLACED"],
      "withdraw_consent": [">PLACED", "PLACED>PLACED"]
    },
    "irregularity": {
      "acknowledge_excursion": ["="],
      "answer_notice": ["="],
      "break_seal": ["="],
      "check_dose": ["="],
      "check_in_vials": ["="],
      "close_filling": ["="],
      "close_receipt": ["="],
      "complete_action": ["="],
      "confirm_dose_from_paper": ["="],
      "confirm_reading": ["="],
      "confirm_weight": ["="],
      "correct_fact": ["="],
      "correct_result": ["="],
      "count_again": ["="],
      "count_box": ["="],
      "discard_culture": ["="],
      "discard_dose": ["="],
      "discard_vial": ["="],
      "discard_vials": ["="],
      "enter_result": ["="],
      "finish_culture": ["="],
      "hand_over_shipment": ["="],
      "import_freezing_run": ["="],
      "import_results": ["="],
      "isolate_tissue": ["="],
      "measure_weight": ["="],
      "move_storage_unit": ["="],
      "move_vial": ["="],
      "note_warming": ["="],
      "open_deviation": ["="],
      "open_lot": ["="],
      "open_reagent": ["="],
      "pack_vials": ["="],
      "passage_culture": ["="],
      "pick_vial": ["="],
      "pool_and_count": ["="],
      "prepare_dose": ["="],
      "receive_donation": ["="],
      "receive_reagent": ["="],
      "receive_shipment": ["="],
      "reconcile_infusion": ["="],
      "reconcile_rack": ["="],
      "record_filling": ["="],
      "record_freezing": ["="],
      "record_harvest": ["="],
      "record_reaction": ["="],
      "record_reading_by_hand": ["="],
      "register_unordered_dose": ["="],
      "relocate_unit": ["="],
      "report_storage_failure": ["="],
      "rescan_box": ["="],
      "return_vial": ["="],
      "seal_shipment": ["="],
      "start_infusion": ["="],
      "stop_infusion": ["="],
      "store_vials": ["="],
      "take_over_shipment": ["="],
      "take_sample": ["="],
      "thaw_bank_vial": ["="],
      "thaw_vial": ["="],
      "unpack_vials": ["="],
      "use_vial_for_testing": ["="],
      "withdraw_subject": ["="]
    },
    "lot": {
      "approve_conditional_release": ["QUARANTINE>QUARANTINE"],
      "close_filling": ["FILLED>FILLED", "IN_PROCESS>FILLED", "IN_PROCESS>IN_PROCESS"],
      "confirm_reading": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "correct_fact": ["FILLED>FILLED", "ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RECALLED>RECALLED", "REJECTED>REJECTED", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "correct_result": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "decide_reagent": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "determine_eligibility": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "enter_result": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "hold_donor": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "hold_lot": ["FILLED>FILLED", "IN_PROCESS>IN_PROCESS", "ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "import_freezing_run": ["ON_HOLD>ON_HOLD", "QUARANTINE>QUARANTINE", "REJECTED>REJECTED"],
      "import_readings": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "import_results": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "lift_hold": ["ON_HOLD>ON_HOLD", "ON_HOLD>QUARANTINE", "ON_HOLD>RELEASED", "QUARANTINE>QUARANTINE", "RELEASED>RELEASED"],
      "open_lot": [">IN_PROCESS", "IN_PROCESS>IN_PROCESS"],
      "recall_lot": ["ON_HOLD>ON_HOLD", "ON_HOLD>RECALLED", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RECALLED>RECALLED", "RELEASED>ON_HOLD", "RELEASED>RECALLED", "RELEASED>RELEASED"],
      "recall_reagent": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "record_filling": ["IN_PROCESS>IN_PROCESS"],
      "record_freezing": ["FILLED>FILLED", "FILLED>ON_HOLD", "FILLED>QUARANTINE", "ON_HOLD>ON_HOLD", "QUARANTINE>QUARANTINE"],
      "record_readings": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "reject_lot": ["FILLED>FILLED", "FILLED>REJECTED", "ON_HOLD>ON_HOLD", "ON_HOLD>REJECTED", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "QUARANTINE>REJECTED", "REJECTED>REJECTED", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "release_lot": ["QUARANTINE>QUARANTINE", "QUARANTINE>RELEASED", "RELEASED>RELEASED"],
      "report_storage_failure": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "request_conditional_release": ["QUARANTINE>QUARANTINE"],
      "review_batch_record": ["ON_HOLD>ON_HOLD", "QUARANTINE>QUARANTINE"],
      "review_results": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"],
      "sign_for_sponsor": ["QUARANTINE>QUARANTINE"],
      "withdraw_consent": ["ON_HOLD>ON_HOLD", "QUARANTINE>ON_HOLD", "QUARANTINE>QUARANTINE", "RELEASED>ON_HOLD", "RELEASED>RELEASED"]
    },
    "lot_source": {"open_lot": ["="]},
    "notice_line": {
      "answer_notice": ["="],
      "cancel_dose": ["="],
      "close_count": ["="],
      "confirm_reading": ["="],
      "correct_fact": ["="],
      "correct_result": ["="],
      "decide_excursion": ["="],
      "decide_reagent": ["="],
      "determine_eligibility": ["="],
      "discard_dose": ["="],
      "discard_vial": ["="],
      "discard_vials": ["="],
      "enter_result": ["="],
      "hold_donor": ["="],
      "hold_lot": ["="],
      "import_readings": ["="],
      "import_results": ["="],
      "recall_lot": ["="],
      "recall_reagent": ["="],
      "reconcile_rack": ["="],
      "record_readings": ["="],
      "reject_lot": ["="],
      "report_storage_failure": ["="],
      "rescan_box": ["="],
      "review_results": ["="],
      "withdraw_consent": ["="]
    },
    "packed_vial": {
      "accept_shipment": ["="],
      "check_in_vials": ["="],
      "close_receipt": ["="],
      "discard_vial": ["="],
      "discard_vials": ["="],
      "pack_vials": ["="],
      "reject_shipment": ["="],
      "unpack_vials": ["="]
    },
    "person": {
      "accept_agreement": ["ACTIVE>ACTIVE"],
      "accept_shipment": ["="],
      "accept_short_dose": ["="],
      "add_person": [">ACTIVE", ">PROPOSED", "ACTIVE>ACTIVE", "PROPOSED>PROPOSED"],
      "approve_conditional_release": ["="],
      "change_address": ["ACTIVE>ACTIVE"],
      "change_my_address": ["=", "ACTIVE>ACTIVE"],
      "change_password": ["ACTIVE>ACTIVE"],
      "change_probe_limits": ["="],
      "change_roles": ["ACTIVE>ACTIVE"],
      "change_sites": ["ACTIVE>ACTIVE"],
      "check_dose": ["="],
      "close_deviation": ["="],
      "confirm_account_change": ["=", "ACTIVE>ACTIVE", "PROPOSED>ACTIVE", "PROPOSED>PROPOSED"],
      "confirm_dose_from_paper": ["="],
      "confirm_second_factor": ["ACTIVE>ACTIVE"],
      "confirm_training": ["="],
      "confirm_unlock": ["=", "ACTIVE>ACTIVE"],
      "continue_treatment": ["="],
      "correct_fact": ["="],
      "create_token": ["="],
      "decide_donation": ["="],
      "decide_excursion": ["="],
      "decide_reagent": ["="],
      "decline_account_change": ["ACTIVE>ACTIVE", "DISABLED>DISABLED", "PROPOSED>DISABLED", "PROPOSED>PROPOSED"],
      "determine_eligibility": ["="],
      "disable_person": ["ACTIVE>ACTIVE", "ACTIVE>DISABLED", "DISABLED>DISABLED", "PROPOSED>DISABLED", "PROPOSED>PROPOSED"],
      "end_session": ["ACTIVE>ACTIVE"],
      "end_silence": ["="],
      "enter_dose_from_paper": ["="],
      "hand_over_code": ["ACTIVE>ACTIVE"],
      "hand_over_shipment": ["="],
      "invalidate_result": ["="],
      "lift_hold": ["="],
      "lower_deviation": ["="],
      "make_effective": ["="],
      "move_to_amendment": ["="],
      "note_wrong_password": ["ACTIVE>ACTIVE"],
      "order_dose": ["="],
      "plan_dose_anew": ["="],
      "recall_lot": ["="],
      "recall_reagent": ["="],
      "receive_shipment": ["="],
      "reject_lot": ["="],
      "reject_shipment": ["="],
      "release_lot": ["="],
      "reopen_deviation": ["="],
      "request_conditional_release": ["="],
      "reset_password": ["ACTIVE>ACTIVE"],
      "reset_second_factor": ["ACTIVE>ACTIVE"],
      "review_batch_record": ["="],
      "review_results": ["="],
      "review_trail": ["="],
      "set_up_second_factor": ["ACTIVE>ACTIVE"],
      "sign_eligibility": ["="],
      "sign_for_sponsor": ["="],
      "sign_in": ["ACTIVE>ACTIVE"],
      "sign_out": ["ACTIVE>ACTIVE"],
      "take_back_paper_form": ["="],
      "take_over_shipment": ["="],
      "unlock_person": ["ACTIVE>ACTIVE"],
      "unlock_together": ["=", "ACTIVE>ACTIVE"],
      "verify_action": ["="]
    },
    "placement": {
      "close_count": ["="],
      "close_receipt": ["="],
      "confirm_dose_from_paper": ["="],
      "discard_vial": ["="],
      "discard_vials": ["="],
      "move_vial": ["="],
      "pack_vials": ["="],
      "pick_vial": ["="],
      "reconcile_rack": ["="],
      "rescan_box": ["="],
      "return_vial": ["="],
      "store_vials": ["="],
      "thaw_bank_vial": ["="],
      "unpack_vials": ["="],
      "use_vial_for_testing": ["="]
    },
    "played_time": {"configure_site": ["="]},
    "printing": {
      "add_person": ["="],
      "add_shipper": ["="],
      "add_storage_unit": ["="],
      "enrol_subject": ["="],
      "isolate_tissue": ["="],
      "open_lot": ["="],
      "passage_culture": ["="],
      "prepare_dose": ["="],
      "print_commands": ["="],
      "print_label_again": ["="],
      "print_labels": ["="],
      "receive_donation": ["="],
      "seal_shipment": ["="],
      "thaw_bank_vial": ["="]
    },
    "probe": {
      "add_probe": [">IN_USE", "IN_USE>IN_USE"],
      "ask_probe_limits": ["IN_USE>IN_USE"],
      "calibrate_probe": ["IN_USE>IN_USE"],
      "change_probe_limits": ["IN_USE>IN_USE"],
      "confirm_reading": ["="],
      "decline_probe_limits": ["IN_USE>IN_USE"],
      "end_silence": ["="],
      "import_readings": ["=", "IN_USE>IN_USE"],
      "look_for_silence": ["=", "IN_USE>IN_USE"],
      "receive_shipment": ["="],
      "record_reading_by_hand": ["IN_USE>IN_USE"],
      "record_readings": ["=", "IN_USE>IN_USE"],
      "retire_probe": ["IN_USE>IN_USE", "IN_USE>RETIRED", "RETIRED>RETIRED"],
      "seal_shipment": ["="]
    },
    "reaction": {"confirm_dose_from_paper": ["="], "enter_dose_from_paper": ["="], "record_reaction": ["="]},
    "reading_import": {
      "confirm_reading": ["ENTERED>ENTERED", "ENTERED>REJECTED", "ENTERED>STORED", "REJECTED>REJECTED", "STORED>STORED"],
      "import_readings": [">STORED", "STORED>STORED"],
      "record_reading_by_hand": [">ENTERED", "ENTERED>ENTERED"],
      "record_readings": [">STORED", "STORED>STORED"]
    },
    "reagent_lot": {
      "decide_reagent": ["ACCEPTED>ACCEPTED", "ACCEPTED>REJECTED", "QUARANTINED>ACCEPTED", "QUARANTINED>QUARANTINED", "QUARANTINED>REJECTED", "REJECTED>ACCEPTED", "REJECTED>REJECTED"],
      "isolate_tissue": ["="],
      "open_lot": ["="],
      "open_reagent": ["ACCEPTED>ACCEPTED"],
      "passage_culture": ["="],
      "recall_reagent": ["ACCEPTED>ACCEPTED", "ACCEPTED>RECALLED", "RECALLED>RECALLED"],
      "receive_reagent": [">QUARANTINED", "QUARANTINED>QUARANTINED"],
      "thaw_bank_vial": ["="]
    },
    "reagent_use": {"isolate_tissue": ["="], "open_lot": ["="], "passage_culture": ["="], "thaw_bank_vial": ["="]},
    "recall_notice": {
      "answer_notice": ["ACKNOWLEDGED>ACKNOWLEDGED", "OPEN>ACKNOWLEDGED", "OPEN>OPEN"],
      "cancel_dose": ["ACKNOWLEDGED>ACKNOWLEDGED", "OPEN>ACKNOWLEDGED", "OPEN>OPEN"],
      "close_count": [">OPEN", "OPEN>OPEN"],
      "confirm_reading": [">OPEN", "OPEN>OPEN"],
      "correct_fact": [">OPEN", "OPEN>OPEN"],
      "correct_result": [">OPEN", "OPEN>OPEN"],
      "decide_excursion": [">OPEN", "OPEN>OPEN"],
      "decide_reagent": [">OPEN", "OPEN>OPEN"],
      "determine_eligibility": [">OPEN", "OPEN>OPEN"],
      "discard_dose": ["ACKNOWLEDGED>ACKNOWLEDGED", "OPEN>ACKNOWLEDGED", "OPEN>OPEN"],
      "discard_vial": [">OPEN", "OPEN>OPEN"],
      "discard_vials": [">OPEN", "OPEN>OPEN"],
      "enter_result": [">OPEN", "OPEN>OPEN"],
      "hold_donor": [">OPEN", "OPEN>OPEN"],
      "hold_lot": [">OPEN", "OPEN>OPEN"],
      "import_readings": [">OPEN", "OPEN>OPEN"],
      "import_results": [">OPEN", "OPEN>OPEN"],
      "recall_lot": [">OPEN", "OPEN>OPEN"],
      "recall_reagent": [">OPEN", "OPEN>OPEN"],
      "reconcile_rack": [">OPEN", "OPEN>OPEN"],
      "record_readings": [">OPEN", "OPEN>OPEN"],
      "reject_lot": [">OPEN", "OPEN>OPEN"],
      "report_storage_failure": [">OPEN", "OPEN>OPEN"],
      "rescan_box": [">OPEN", "OPEN>OPEN"],
      "review_results": [">OPEN", "OPEN>OPEN"],
      "withdraw_consent": [">OPEN", "OPEN>OPEN"]
    },
    "sample": {
      "cancel_sample": ["CANCELLED>CANCELLED", "TAKEN>CANCELLED", "TAKEN>TAKEN"],
      "enter_result": ["REPORTED>REPORTED", "TAKEN>REPORTED", "TAKEN>TAKEN"],
      "import_results": ["REPORTED>REPORTED", "TAKEN>REPORTED", "TAKEN>TAKEN"],
      "take_sample": [">TAKEN", "TAKEN>TAKEN"]
    },
    "scan": {"report_unreadable_scan": [">REPORTED", "REPORTED>REPORTED"]},
    "sheet_answer": {"import_freezing_run": ["="], "import_readings": ["="], "import_results": ["="]},
    "shipment": {
      "accept_shipment": ["ACCEPTED>ACCEPTED", "CHECKED>ACCEPTED", "CHECKED>CHECKED"],
      "break_seal": ["PACKING>PACKING", "SEALED>PACKING", "SEALED>SEALED"],
      "cancel_shipment": ["CANCELLED>CANCELLED", "ORDERED>CANCELLED", "ORDERED>ORDERED", "PACKING>CANCELLED", "PACKING>PACKING"],
      "check_in_vials": ["ARRIVED>ARRIVED", "CHECKED>CHECKED"],
      "close_receipt": ["ARRIVED>ARRIVED", "ARRIVED>CHECKED", "CHECKED>CHECKED"],
      "hand_over_shipment": ["ON_THE_WAY>ON_THE_WAY", "SEALED>ON_THE_WAY", "SEALED>SEALED"],
      "order_shipment": [">ORDERED", "ORDERED>ORDERED"],
      "pack_vials": ["ORDERED>ORDERED", "ORDERED>PACKING", "PACKING>PACKING"],
      "receive_shipment": ["ARRIVED>ARRIVED", "ON_THE_WAY>ARRIVED", "ON_THE_WAY>ON_THE_WAY"],
      "reject_shipment": ["CHECKED>CHECKED", "CHECKED>REJECTED", "REJECTED>REJECTED"],
      "seal_shipment": ["ORDERED>ORDERED", "ORDERED>SEALED", "PACKING>PACKING", "PACKING>SEALED", "SEALED>SEALED"],
      "take_over_shipment": ["ARRIVED>ARRIVED", "ON_THE_WAY>ON_THE_WAY", "SEALED>SEALED"],
      "unpack_vials": ["PACKING>PACKING"]
    },
    "signature": {
      "accept_shipment": ["="],
      "accept_short_dose": ["="],
      "approve_conditional_release": ["="],
      "change_probe_limits": ["="],
      "check_dose": ["="],
      "close_deviation": ["="],
      "confirm_account_change": ["="],
      "confirm_dose_from_paper": ["="],
      "confirm_training": ["="],
      "confirm_unlock": ["="],
      "continue_treatment": ["="],
      "correct_fact": ["="],
      "decide_donation": ["="],
      "decide_excursion": ["="],
      "decide_reagent": ["="],
      "determine_eligibility": ["="],
      "end_silence": ["="],
      "enter_dose_from_paper": ["="],
      "hand_over_shipment": ["="],
      "invalidate_result": ["="],
      "lift_hold": ["="],
      "lower_deviation": ["="],
      "make_effective": ["="],
      "move_to_amendment": ["="],
      "order_dose": ["="],
      "plan_dose_anew": ["="],
      "recall_lot": ["="],
      "recall_reagent": ["="],
      "receive_shipment": ["="],
      "reject_lot": ["="],
      "reject_shipment": ["="],
      "release_lot": ["="],
      "reopen_deviation": ["="],
      "request_conditional_release": ["="],
      "review_batch_record": ["="],
      "review_results": ["="],
      "review_trail": ["="],
      "sign_eligibility": ["="],
      "sign_for_sponsor": ["="],
      "take_back_paper_form": ["="],
      "take_over_shipment": ["="],
      "verify_action": ["="]
    },
    "site": {"add_site": ["="], "configure_site": ["="]},
    "stock_count": {
      "close_count": ["CLOSED>CLOSED", "COUNTED_TWICE>CLOSED", "COUNTED_TWICE>COUNTED_TWICE"],
      "count_again": ["COUNTED_ONCE>COUNTED_ONCE", "COUNTED_ONCE>COUNTED_TWICE", "COUNTED_TWICE>COUNTED_TWICE"],
      "count_box": [">COUNTED_ONCE", "COUNTED_ONCE>COUNTED_ONCE"]
    },
    "storage_unit": {
      "add_shipper": [">IN_SERVICE", "IN_SERVICE>IN_SERVICE"],
      "add_storage_unit": [">IN_SERVICE", "IN_SERVICE>IN_SERVICE"],
      "close_count": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "move_storage_unit": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "note_warming": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "receive_shipment": ["="],
      "reconcile_rack": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "relocate_unit": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "report_storage_failure": ["FAILED>FAILED", "IN_SERVICE>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>FAILED", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "requalify_shipper": ["IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "rescan_box": ["FAILED>FAILED", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "return_to_service": ["FAILED>FAILED", "FAILED>IN_SERVICE", "IN_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>IN_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"],
      "take_out_of_service": ["IN_SERVICE>IN_SERVICE", "IN_SERVICE>OUT_OF_SERVICE", "OUT_OF_SERVICE>OUT_OF_SERVICE"]
    },
    "subject": {
      "answer_criteria": ["SCREENING>SCREENING"],
      "complete_subject": ["COMPLETED>COMPLETED", "ENROLLED>COMPLETED", "ENROLLED>ENROLLED"],
      "enrol_subject": [">SCREENING", "SCREENING>SCREENING"],
      "look_at_identity": ["COMPLETED>COMPLETED", "ENROLLED>ENROLLED", "SCREENING>SCREENING", "SCREEN_FAILED>SCREEN_FAILED", "WITHDRAWN>WITHDRAWN"],
      "move_to_amendment": ["ENROLLED>ENROLLED", "SCREENING>SCREENING"],
      "order_dose": ["ENROLLED>ENROLLED"],
      "register_unordered_dose": ["COMPLETED>COMPLETED", "ENROLLED>ENROLLED", "SCREENING>SCREENING", "SCREEN_FAILED>SCREEN_FAILED", "WITHDRAWN>WITHDRAWN"],
      "sign_eligibility": ["ENROLLED>ENROLLED", "SCREENING>ENROLLED", "SCREENING>SCREENING", "SCREENING>SCREEN_FAILED", "SCREEN_FAILED>SCREEN_FAILED"],
      "withdraw_subject": ["ENROLLED>ENROLLED", "ENROLLED>WITHDRAWN", "SCREENING>SCREENING", "SCREENING>WITHDRAWN", "WITHDRAWN>WITHDRAWN"]
    },
    "test_result": {
      "correct_result": [">ENTERED", "CORRECTED>CORRECTED", "ENTERED>CORRECTED", "ENTERED>ENTERED", "REVIEWED>CORRECTED", "REVIEWED>REVIEWED"],
      "enter_result": [">ENTERED", "ENTERED>ENTERED"],
      "import_results": [">ENTERED", "ENTERED>ENTERED"],
      "invalidate_result": ["INVALIDATED>INVALIDATED", "REVIEWED>INVALIDATED", "REVIEWED>REVIEWED"],
      "review_results": ["DISPUTED>DISPUTED", "ENTERED>DISPUTED", "ENTERED>ENTERED", "ENTERED>REVIEWED", "REVIEWED>REVIEWED"]
    },
    "trail_review": {"review_trail": [">REVIEWED", "REVIEWED>REVIEWED"]},
    "training": {
      "confirm_training": ["RECORDED>RECORDED", "RECORDED>VALID", "VALID>VALID"],
      "record_training": [">RECORDED", ">VALID", "RECORDED>RECORDED", "VALID>VALID"],
      "revoke_training": ["RECORDED>RECORDED", "RECORDED>REVOKED", "REVOKED>REVOKED", "VALID>REVOKED", "VALID>VALID"]
    },
    "treatment_decision": {"continue_treatment": [">DECIDED", "DECIDED>DECIDED"]},
    "unit_stay": {"move_storage_unit": ["="], "receive_shipment": ["="], "relocate_unit": ["="]},
    "vial": {
      "accept_shipment": ["IN_STOCK>IN_STOCK", "RECEIVED>IN_STOCK", "RECEIVED>RECEIVED"],
      "cancel_dose": ["IN_STOCK>IN_STOCK", "PICKED>PICKED", "RESERVED>IN_STOCK", "RESERVED>RESERVED"],
      "check_in_vials": ["IN_TRANSIT>IN_TRANSIT", "IN_TRANSIT>RECEIVED", "MISSING>MISSING", "MISSING>RECEIVED", "RECEIVED>RECEIVED"],
      "close_count": ["FROZEN>FROZEN", "FROZEN>IN_STOCK", "IN_STOCK>IN_STOCK", "IN_STOCK>MISSING", "MISSING>IN_STOCK", "MISSING>MISSING", "RECEIVED>RECEIVED", "RESERVED>MISSING", "RESERVED>RESERVED"],
      "close_filling": ["PRINTED>PRINTED", "PRINTED>VOIDED", "VOIDED>VOIDED"],
      "close_receipt": ["IN_TRANSIT>IN_TRANSIT", "IN_TRANSIT>MISSING", "MISSING>MISSING"],
      "confirm_dose_from_paper": ["DISCARDED>DISCARDED", "DISCARDED>INFUSED", "FROZEN>FROZEN", "FROZEN>INFUSED", "INFUSED>INFUSED", "IN_STOCK>INFUSED", "IN_STOCK>IN_STOCK", "MISSING>INFUSED", "MISSING>MISSING", "PICKED>INFUSED", "PICKED>PICKED", "POOLED>INFUSED", "POOLED>POOLED", "QC_USED>INFUSED", "QC_USED>QC_USED", "RESERVED>INFUSED", "RESERVED>IN_STOCK", "RESERVED>RESERVED", "THAWED>INFUSED", "THAWED>THAWED"],
      "correct_fact": ["INFUSED>INFUSED", "POOLED>POOLED", "THAWED>THAWED"],
      "discard_dose": ["DISCARDED>DISCARDED", "IN_STOCK>IN_STOCK", "POOLED>DISCARDED", "POOLED>POOLED", "RESERVED>IN_STOCK", "RESERVED>RESERVED", "THAWED>DISCARDED", "THAWED>THAWED"],
      "discard_vial": ["DISCARDED>DISCARDED", "FILLED>DISCARDED", "FILLED>FILLED", "FROZEN>DISCARDED", "FROZEN>FROZEN", "IN_STOCK>DISCARDED", "IN_STOCK>IN_STOCK", "IN_TRANSIT>DISCARDED", "IN_TRANSIT>IN_TRANSIT", "MISSING>DISCARDED", "MISSING>MISSING", "PICKED>DISCARDED", "PICKED>PICKED", "POOLED>POOLED", "RECEIVED>DISCARDED", "RECEIVED>RECEIVED", "RESERVED>DISCARDED", "RESERVED>RESERVED", "THAWED>DISCARDED", "THAWED>THAWED"],
      "discard_vials": ["DISCARDED>DISCARDED", "FILLED>DISCARDED", "FILLED>FILLED", "FROZEN>DISCARDED", "FROZEN>FROZEN", "IN_STOCK>DISCARDED", "IN_STOCK>IN_STOCK", "IN_TRANSIT>DISCARDED", "IN_TRANSIT>IN_TRANSIT", "MISSING>DISCARDED", "MISSING>MISSING", "PICKED>DISCARDED", "PICKED>PICKED", "POOLED>POOLED", "RECEIVED>DISCARDED", "RECEIVED>RECEIVED", "RESERVED>DISCARDED", "RESERVED>RESERVED", "THAWED>DISCARDED", "THAWED>THAWED"],
      "move_vial": ["IN_STOCK>IN_STOCK", "RESERVED>RESERVED"],
      "note_warming": ["IN_STOCK>IN_STOCK", "PICKED>PICKED", "RESERVED>RESERVED"],
      "open_lot": [">PRINTED", "PRINTED>PRINTED"],
      "order_dose": ["IN_STOCK>IN_STOCK", "IN_STOCK>RESERVED", "RESERVED>RESERVED"],
      "pack_vials": ["IN_STOCK>IN_STOCK", "IN_STOCK>IN_TRANSIT", "IN_TRANSIT>IN_TRANSIT"],
      "pick_vial": ["PICKED>PICKED", "RESERVED>PICKED", "RESERVED>RESERVED"],
      "pool_and_count": ["POOLED>POOLED", "THAWED>POOLED", "THAWED>THAWED"],
      "prepare_dose": ["IN_STOCK>IN_STOCK", "RESERVED>IN_STOCK", "RESERVED>RESERVED"],
      "reconcile_rack": ["FROZEN>FROZEN", "FROZEN>IN_STOCK", "IN_STOCK>IN_STOCK", "IN_STOCK>MISSING", "MISSING>IN_STOCK", "MISSING>MISSING", "RECEIVED>RECEIVED", "RESERVED>MISSING", "RESERVED>RESERVED"],
      "record_filling": ["FILLED>FILLED", "PRINTED>FILLED", "PRINTED>PRINTED"],
      "record_freezing": ["FILLED>FILLED", "FILLED>FROZEN", "FROZEN>FROZEN"],
      "rescan_box": ["FROZEN>FROZEN", "FROZEN>IN_STOCK", "IN_STOCK>IN_STOCK", "IN_STOCK>MISSING", "MISSING>IN_STOCK", "MISSING>MISSING", "RECEIVED>RECEIVED", "RESERVED>MISSING", "RESERVED>RESERVED"],
      "return_vial": ["IN_STOCK>IN_STOCK", "PICKED>IN_STOCK", "PICKED>PICKED"],
      "stop_infusion": ["INFUSED>INFUSED", "POOLED>INFUSED", "POOLED>POOLED"],
      "store_vials": ["FROZEN>FROZEN", "FROZEN>IN_STOCK", "IN_STOCK>IN_STOCK", "RECEIVED>RECEIVED"],
      "thaw_bank_vial": ["CULTURED>CULTURED", "IN_STOCK>CULTURED", "IN_STOCK>IN_STOCK"],
      "thaw_vial": ["PICKED>PICKED", "PICKED>THAWED", "THAWED>THAWED"],
      "unpack_vials": ["IN_STOCK>IN_STOCK", "IN_TRANSIT>IN_STOCK", "IN_TRANSIT>IN_TRANSIT"],
      "use_vial_for_testing": ["FROZEN>FROZEN", "FROZEN>QC_USED", "IN_STOCK>IN_STOCK", "IN_STOCK>QC_USED", "QC_USED>QC_USED"]
    },
    "warming_event": {
      "close_count": ["="],
      "count_again": ["="],
      "count_box": ["="],
      "move_storage_unit": ["="],
      "note_warming": ["="],
      "reconcile_rack": ["="],
      "relocate_unit": ["="],
      "rescan_box": ["="]
    },
    "weight": {
      "confirm_weight": ["CONFIRMED>CONFIRMED", "MEASURED>CONFIRMED", "MEASURED>MEASURED"],
      "measure_weight": [">MEASURED", "MEASURED>MEASURED"]
    }
  }'::jsonb -> kind -> the_act
$$;

-- Moves that not everybody may make who may do the act, and who may. From `domain/lifecycle`.
CREATE FUNCTION who_may(kind text, the_act text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "conditional_release": {
      "correct_fact": {"APPROVED>ENDED": ["quality_officer", "technician"], "IN_FORCE>ENDED": ["quality_officer", "technician"], "REQUESTED>ENDED": ["quality_officer", "technician"]}
    },
    "culture": {
      "correct_fact": {"DISCARDED>DISCARDED": ["quality_officer", "technician"], "FINISHED>FINISHED": ["quality_officer", "technician"], "GROWING>GROWING": ["quality_officer", "technician"], "HARVESTED>HARVESTED": ["quality_officer", "technician"]}
    },
    "dose": {
      "correct_fact": {"CHECKED>PREPARED": ["quality_officer", "technician"], "CHECKED_ONCE>PREPARED": ["quality_officer", "technician"], "COUNTED>COUNTED": ["quality_officer", "technician"], "DISCARDED>DISCARDED": ["quality_officer", "technician"], "PREPARED>PREPARED": ["quality_officer", "technician"]}
    },
    "hold": {"correct_fact": {">PLACED": ["quality_officer", "technician"]}},
    "lot": {
      "correct_fact": {"FILLED>FILLED": ["quality_officer", "technician"], "ON_HOLD>ON_HOLD": ["quality_officer", "technician"], "QUARANTINE>ON_HOLD": ["quality_officer", "technician"], "QUARANTINE>QUARANTINE": ["quality_officer", "technician"], "RECALLED>RECALLED": ["quality_officer", "technician"], "REJECTED>REJECTED": ["quality_officer", "technician"], "RELEASED>ON_HOLD": ["quality_officer", "technician"], "RELEASED>RELEASED": ["quality_officer", "technician"]}
    },
    "person": {"add_person": {">PROPOSED": ["administrator"]}},
    "recall_notice": {"correct_fact": {">OPEN": ["quality_officer", "technician"]}},
    "training": {"record_training": {">RECORDED": ["administrator", "quality_officer"], ">VALID": ["system"]}},
    "vial": {
      "correct_fact": {"INFUSED>INFUSED": ["quality_officer", "technician"], "POOLED>POOLED": ["quality_officer", "technician"], "THAWED>THAWED": ["quality_officer", "technician"]}
    }
  }'::jsonb -> kind -> the_act
$$;

-- The acts that may give a value of such a record another one. From `domain/writing.py`.
CREATE FUNCTION rewriters_of(kind text, name text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "account_change": {
      "password_hash": ["confirm_account_change", "confirm_unlock", "decline_account_change", "disable_person", "unlock_together"]
    },
    "corrective_action": {
      "done_at": ["verify_action"],
      "done_by_id": ["verify_action"],
      "done_note": ["verify_action"],
      "verification": ["verify_action"],
      "verified_by_id": ["verify_action"]
    },
    "culture": {
      "cells_harvested": ["correct_fact"],
      "cells_left": ["correct_fact", "discard_culture", "finish_culture", "open_lot", "passage_culture"],
      "cells_lost": ["correct_fact"],
      "cells_seeded": ["correct_fact"],
      "confluence_percent": ["correct_fact"],
      "cumulative_doublings": ["correct_fact", "record_harvest"],
      "doubling_time_h": ["correct_fact"],
      "harvested_at": ["correct_fact"],
      "population_doublings": ["correct_fact"],
      "started_at": ["correct_fact"],
      "viability_percent": ["correct_fact"]
    },
    "deviation": {
      "classification": ["classify_deviation", "lower_deviation"],
      "closed_at": ["reopen_deviation"],
      "closed_by_id": ["reopen_deviation"],
      "critical_since": ["classify_deviation", "close_deviation"],
      "decision": ["close_deviation"],
      "due_on": ["classify_deviation", "lower_deviation", "reopen_deviation"],
      "investigated_by_id": ["investigate_deviation"],
      "investigation": ["investigate_deviation"],
      "root_cause": ["investigate_deviation"]
    },
    "donor": {"eligibility_reason": ["determine_eligibility"]},
    "dose": {
      "count_method": ["confirm_dose_from_paper", "pool_and_count"],
      "counted_at": ["confirm_dose_from_paper", "correct_fact", "pool_and_count"],
      "delivered_cells": ["confirm_dose_from_paper", "correct_fact", "pool_and_count", "prepare_dose"],
      "delivered_percent": ["confirm_dose_from_paper", "correct_fact", "pool_and_count", "prepare_dose"],
      "deviation_reason": ["plan_dose_anew"],
      "diluent": ["confirm_dose_from_paper", "pool_and_count"],
      "draw_ml": ["confirm_dose_from_paper", "correct_fact", "pool_and_count", "prepare_dose"],
      "expires_at": ["confirm_dose_from_paper", "correct_fact", "pool_and_count", "thaw_vial"],
      "final_volume_ml": ["confirm_dose_from_paper", "correct_fact"],
      "first_checked_at": ["confirm_dose_from_paper", "correct_fact"],
      "first_checked_by_id": ["confirm_dose_from_paper", "correct_fact"],
      "given_beside": ["confirm_dose_from_paper"],
      "given_cells": ["correct_fact"],
      "given_percent": ["correct_fact"],
      "infusion_started_at": ["correct_fact"],
      "infusion_stopped_at": ["confirm_dose_from_paper", "correct_fact"],
      "is_short": ["confirm_dose_from_paper", "correct_fact", "pool_and_count"],
      "outcome_reason": ["confirm_dose_from_paper"],
      "planned_anew_because": ["plan_dose_anew"],
      "planned_on": ["plan_dose_anew"],
      "pooled_ml": ["confirm_dose_from_paper", "correct_fact", "pool_and_count"],
      "prepared_at": ["confirm_dose_from_paper", "correct_fact"],
      "prepared_by_id": ["confirm_dose_from_paper"],
      "residual_ml": ["correct_fact"],
      "second_checked_at": ["confirm_dose_from_paper", "correct_fact"],
      "second_checked_by_id": ["confirm_dose_from_paper", "correct_fact"],
      "short_dose_reason": ["thaw_vial"],
      "spares_called": ["fetch_spare"],
      "study_day": ["correct_fact"],
      "thaw_started_at": ["confirm_dose_from_paper", "correct_fact", "pool_and_count", "thaw_vial"],
      "total_cells_per_ml": ["confirm_dose_from_paper", "correct_fact", "pool_and_count"],
      "viability_percent": ["confirm_dose_from_paper", "correct_fact", "pool_and_count"],
      "volume_given_ml": ["confirm_dose_from_paper", "correct_fact"]
    },
    "excursion": {
      "category": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "critical_degree_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "critical_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "ended_at": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "peak_c": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "reject_degree_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "reject_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "warn_degree_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "warn_seconds": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"]
    },
    "lot": {
      "cumulative_doublings": ["correct_fact"],
      "expires_on": ["correct_fact"],
      "fill_started_at": ["correct_fact"],
      "frozen_at": ["correct_fact"],
      "lost_cells": ["close_filling", "correct_fact"],
      "sample_cells": ["close_filling", "correct_fact"],
      "state_before_hold": ["lift_hold", "recall_lot", "reject_lot"]
    },
    "packed_vial": {"finding": ["check_in_vials", "close_receipt"], "found_at": ["check_in_vials", "close_receipt"]},
    "person": {
      "agreement_at": ["accept_agreement"],
      "agreement_version": ["accept_agreement"],
      "also_at": ["change_sites", "confirm_account_change"],
      "email": ["change_address", "change_my_address", "confirm_account_change"],
      "failure_count": ["change_password", "confirm_account_change", "confirm_unlock", "note_wrong_password", "reset_password", "sign_in", "unlock_person"],
      "first_failure_at": ["change_password", "confirm_account_change", "confirm_unlock", "note_wrong_password", "reset_password", "sign_in", "unlock_person"],
      "locked_at": ["note_wrong_password", "sign_in"],
      "locked_from": ["note_wrong_password", "sign_in"],
      "locked_until": ["change_password", "confirm_account_change", "confirm_unlock", "note_wrong_password", "reset_password", "sign_in", "unlock_person"],
      "must_change_password": ["change_password", "confirm_account_change", "reset_password"],
      "password_hash": ["change_password", "confirm_account_change", "reset_password"],
      "password_set_at": ["change_password", "confirm_account_change", "reset_password"],
      "roles": ["change_roles", "confirm_account_change"],
      "totp_confirmed_at": ["confirm_account_change", "confirm_second_factor", "reset_second_factor", "set_up_second_factor"],
      "totp_next": ["confirm_account_change", "confirm_second_factor", "reset_second_factor", "set_up_second_factor"],
      "totp_secret": ["confirm_account_change", "confirm_second_factor", "reset_second_factor", "set_up_second_factor"],
      "totp_step": ["accept_shipment", "accept_short_dose", "approve_conditional_release", "change_my_address", "change_probe_limits", "check_dose", "close_deviation", "confirm_account_change", "confirm_dose_from_paper", "confirm_second_factor", "confirm_training", "confirm_unlock", "continue_treatment", "correct_fact", "create_token", "decide_donation", "decide_excursion", "decide_reagent", "determine_eligibility", "end_silence", "enter_dose_from_paper", "hand_over_shipment", "invalidate_result", "lift_hold", "lower_deviation", "make_effective", "move_to_amendment", "order_dose", "plan_dose_anew", "recall_lot", "recall_reagent", "receive_shipment", "reject_lot", "reject_shipment", "release_lot", "reopen_deviation", "request_conditional_release", "reset_second_factor", "review_batch_record", "review_results", "review_trail", "set_up_second_factor", "sign_eligibility", "sign_for_sponsor", "sign_in", "take_back_paper_form", "take_over_shipment", "unlock_together", "verify_action"]
    },
    "probe": {
      "acknowledge_minutes": ["change_probe_limits"],
      "calibrated_on": ["calibrate_probe"],
      "calibration_due_on": ["calibrate_probe"],
      "critical_above_c": ["change_probe_limits"],
      "critical_readings": ["change_probe_limits"],
      "gap_minutes": ["change_probe_limits"],
      "last_at": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings"],
      "limits_asked": ["change_probe_limits", "decline_probe_limits"],
      "limits_asked_because": ["change_probe_limits", "decline_probe_limits"],
      "limits_asked_by_id": ["change_probe_limits", "decline_probe_limits"],
      "reject_above_c": ["change_probe_limits"],
      "site_id": ["receive_shipment"],
      "warn_above_c": ["change_probe_limits"],
      "warn_minutes": ["change_probe_limits"],
      "watch": ["confirm_reading", "end_silence", "import_readings", "look_for_silence", "record_readings", "seal_shipment"]
    },
    "reading_import": {"stored": ["confirm_reading"]},
    "reagent_lot": {
      "certificate": ["decide_reagent", "recall_reagent"],
      "decision_reason": ["decide_reagent", "recall_reagent"],
      "quantity_left": ["isolate_tissue", "open_lot", "passage_culture", "thaw_bank_vial"]
    },
    "sheet_answer": {"answers": ["import_freezing_run", "import_readings", "import_results"]},
    "shipment": {
      "charge_kg": ["seal_shipment"],
      "charged_at": ["seal_shipment"],
      "logger_id": ["seal_shipment"],
      "planned_hours": ["seal_shipment"],
      "sealed_at": ["break_seal", "seal_shipment"],
      "sealed_by_id": ["break_seal", "seal_shipment"],
      "seals": ["break_seal", "seal_shipment"],
      "shipper_id": ["pack_vials", "seal_shipment"],
      "site_id": ["receive_shipment"]
    },
    "site": {
      "fin": ["configure_site"],
      "fin_registered": ["configure_site"],
      "name": ["configure_site"],
      "timezone": ["configure_site"]
    },
    "storage_unit": {
      "hold_hours": ["requalify_shipper"],
      "out_of_service_reason": ["report_storage_failure", "return_to_service", "take_out_of_service"],
      "parent_id": ["move_storage_unit", "receive_shipment", "relocate_unit"],
      "place": ["move_storage_unit", "receive_shipment", "relocate_unit"],
      "qualified_on": ["requalify_shipper"],
      "qualified_until": ["requalify_shipper"],
      "site_id": ["receive_shipment"],
      "stands_since": ["move_storage_unit", "receive_shipment", "relocate_unit"]
    },
    "subject": {
      "answers": ["answer_criteria", "move_to_amendment", "sign_eligibility"],
      "assessment": ["answer_criteria", "move_to_amendment", "sign_eligibility"],
      "bars_other_trials": ["move_to_amendment"],
      "protocol_id": ["move_to_amendment"]
    },
    "vial": {
      "dose_id": ["cancel_dose", "close_count", "confirm_dose_from_paper", "discard_dose", "prepare_dose", "reconcile_rack", "rescan_box", "return_vial"],
      "picked_at": ["return_vial"],
      "site_id": ["check_in_vials"],
      "thawed_at": ["correct_fact"]
    }
  }'::jsonb -> kind -> name
$$;

-- By whom a value of such a record may be put right, and what follows. From `domain/correction.py`.
CREATE FUNCTION corrects(kind text, name text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "culture": {
      "cells_harvested": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cells_left", "it culture.cells_lost", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings"], "roles": ["quality_officer", "technician"]},
      "cells_seeded": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings", "source culture.cells_left", "source culture.cells_lost"], "roles": ["quality_officer", "technician"]},
      "confluence_percent": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings"], "roles": ["quality_officer", "technician"]},
      "harvested_at": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings"], "roles": ["quality_officer", "technician"]},
      "started_at": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings"], "roles": ["quality_officer", "technician"]},
      "viability_percent": {"follows": ["below culture.cumulative_doublings", "below culture.doubling_time_h", "below culture.population_doublings", "below lot.cumulative_doublings", "it culture.cumulative_doublings", "it culture.doubling_time_h", "it culture.population_doublings"], "roles": ["quality_officer", "technician"]}
    },
    "dose": {
      "counted_at": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "draw_ml": {"follows": ["it dose.delivered_cells", "it dose.delivered_percent", "it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "final_volume_ml": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "infusion_started_at": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id", "it dose.study_day"], "roles": ["clinician", "quality_officer"]},
      "infusion_stopped_at": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["clinician", "quality_officer"]},
      "pooled_ml": {"follows": ["it dose.delivered_cells", "it dose.delivered_percent", "it dose.draw_ml", "it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.is_short", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "prepared_at": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "residual_ml": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["clinician", "quality_officer", "technician"]},
      "total_cells_per_ml": {"follows": ["it dose.delivered_cells", "it dose.delivered_percent", "it dose.draw_ml", "it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.is_short", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "viability_percent": {"follows": ["it dose.delivered_cells", "it dose.delivered_percent", "it dose.draw_ml", "it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.is_short", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["quality_officer", "technician"]},
      "volume_given_ml": {"follows": ["it dose.first_checked_at", "it dose.first_checked_by_id", "it dose.second_checked_at", "it dose.second_checked_by_id"], "roles": ["clinician", "quality_officer"]}
    },
    "lot": {
      "fill_started_at": {"follows": ["it lot.expires_on"], "roles": ["quality_officer", "technician"]},
      "frozen_at": {"follows": [], "roles": ["quality_officer", "technician"]},
      "lost_cells": {"follows": [], "roles": ["quality_officer", "technician"]},
      "sample_cells": {"follows": [], "roles": ["quality_officer", "technician"]}
    },
    "vial": {
      "thawed_at": {"follows": ["dose dose.expires_at", "dose dose.first_checked_at", "dose dose.first_checked_by_id", "dose dose.second_checked_at", "dose dose.second_checked_by_id", "dose dose.thaw_started_at"], "roles": ["quality_officer", "technician"]}
    }
  }'::jsonb -> kind -> name
$$;

-- The moves of an act that are signed, by kind of record, with the meaning. From `domain/lifecycle`.
CREATE FUNCTION signed_moves_of(the_act text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "accept_shipment": {"shipment": {"CHECKED>ACCEPTED": "approved"}},
    "accept_short_dose": {"dose": {"COUNTED>COUNTED": "approved"}},
    "approve_conditional_release": {"conditional_release": {"REQUESTED>APPROVED": "approved"}},
    "change_probe_limits": {"probe": {"IN_USE>IN_USE": "approved"}},
    "check_dose": {"dose": {"CHECKED_ONCE>CHECKED": "verified", "PREPARED>CHECKED_ONCE": "verified"}},
    "close_deviation": {"deviation": {"INVESTIGATED>CLOSED": "approved"}},
    "confirm_account_change": {"account_change": {"ASKED>CONFIRMED": "approved"}},
    "confirm_dose_from_paper": {
      "dose": {"CANCELLED>INFUSED": "verified", "CHECKED>INFUSED": "verified", "CHECKED_ONCE>INFUSED": "verified", "COUNTED>INFUSED": "verified", "DISCARDED>INFUSED": "verified", "INFUSING>INFUSED": "verified", "ORDERED>INFUSED": "verified", "PICKED>INFUSED": "verified", "PREPARED>INFUSED": "verified", "THAWING>INFUSED": "verified", "UNORDERED>INFUSED": "verified"},
      "dose_paper": {"ENTERED>CONFIRMED": "verified"}
    },
    "confirm_training": {"training": {"RECORDED>VALID": "approved"}},
    "confirm_unlock": {"account_change": {"ASKED>CONFIRMED": "approved"}},
    "continue_treatment": {"treatment_decision": {">DECIDED": "approved"}},
    "correct_fact": {"correction": {">RECORDED": "performed"}},
    "decide_donation": {
      "donation": {"AWAITING_DECISION>ACCEPTED": "approved", "AWAITING_DECISION>REJECTED": "rejected"}
    },
    "decide_excursion": {"excursion": {"OPEN>ACCEPTED": "approved", "OPEN>REJECTED": "rejected"}},
    "decide_reagent": {
      "reagent_lot": {"ACCEPTED>REJECTED": "rejected", "QUARANTINED>ACCEPTED": "approved", "QUARANTINED>REJECTED": "rejected", "REJECTED>ACCEPTED": "approved"}
    },
    "determine_eligibility": {
      "donor": {"ELIGIBLE>INELIGIBLE": "rejected", "INELIGIBLE>ELIGIBLE": "approved", "REGISTERED>ELIGIBLE": "approved", "REGISTERED>INELIGIBLE": "rejected"}
    },
    "end_silence": {"excursion": {"OPEN>OPEN": "approved"}},
    "enter_dose_from_paper": {
      "dose": {"CANCELLED>CANCELLED": "verified", "CHECKED>CHECKED": "verified", "CHECKED_ONCE>CHECKED_ONCE": "verified", "COUNTED>COUNTED": "verified", "DISCARDED>DISCARDED": "verified", "INFUSING>INFUSING": "verified", "ORDERED>ORDERED": "verified", "PICKED>PICKED": "verified", "PREPARED>PREPARED": "verified", "THAWING>THAWING": "verified", "UNORDERED>UNORDERED": "verified"},
      "dose_paper": {">ENTERED": "verified"}
    },
    "hand_over_shipment": {"shipment": {"ON_THE_WAY>ON_THE_WAY": "performed", "SEALED>ON_THE_WAY": "performed"}},
    "invalidate_result": {"test_result": {"REVIEWED>INVALIDATED": "approved"}},
    "lift_hold": {
      "hold": {"PLACED>LIFTED": "approved"},
      "lot": {"ON_HOLD>QUARANTINE": "approved", "ON_HOLD>RELEASED": "approved"}
    },
    "lower_deviation": {"deviation": {"INVESTIGATED>INVESTIGATED": "approved"}},
    "make_effective": {"definition": {"EFFECTIVE>SUPERSEDED": "approved", "IMPORTED>EFFECTIVE": "approved"}},
    "move_to_amendment": {"subject": {"ENROLLED>ENROLLED": "approved", "SCREENING>SCREENING": "approved"}},
    "order_dose": {"dose": {">ORDERED": "approved"}, "subject": {"ENROLLED>ENROLLED": "approved"}},
    "plan_dose_anew": {
      "dose": {"CHECKED>CHECKED": "approved", "CHECKED_ONCE>CHECKED_ONCE": "approved", "COUNTED>COUNTED": "approved", "ORDERED>ORDERED": "approved", "PICKED>PICKED": "approved", "PREPARED>PREPARED": "approved", "THAWING>THAWING": "approved"}
    },
    "recall_lot": {"lot": {"ON_HOLD>RECALLED": "rejected", "RELEASED>RECALLED": "rejected"}},
    "recall_reagent": {"reagent_lot": {"ACCEPTED>RECALLED": "rejected"}},
    "receive_shipment": {"shipment": {"ON_THE_WAY>ARRIVED": "verified"}},
    "reject_lot": {
      "lot": {"FILLED>REJECTED": "rejected", "ON_HOLD>REJECTED": "rejected", "QUARANTINE>REJECTED": "rejected"}
    },
    "reject_shipment": {"shipment": {"CHECKED>REJECTED": "rejected"}},
    "release_lot": {"lot": {"QUARANTINE>RELEASED": "released"}},
    "reopen_deviation": {"deviation": {"CLOSED>OPEN": "approved"}},
    "request_conditional_release": {"conditional_release": {">REQUESTED": "approved"}},
    "review_batch_record": {"batch_review": {">REVIEWED": "reviewed"}},
    "review_results": {"test_result": {"ENTERED>DISPUTED": "reviewed", "ENTERED>REVIEWED": "reviewed"}},
    "review_trail": {"trail_review": {">REVIEWED": "reviewed"}},
    "sign_eligibility": {"subject": {"SCREENING>ENROLLED": "approved", "SCREENING>SCREEN_FAILED": "rejected"}},
    "sign_for_sponsor": {"conditional_release": {"APPROVED>IN_FORCE": "approved"}},
    "take_back_paper_form": {"dose_paper": {"ENTERED>TAKEN_BACK": "rejected"}},
    "take_over_shipment": {
      "shipment": {"ARRIVED>ARRIVED": "performed", "ON_THE_WAY>ON_THE_WAY": "performed", "SEALED>SEALED": "performed"}
    },
    "verify_action": {"corrective_action": {"DONE>PLANNED": "rejected", "DONE>VERIFIED": "approved"}}
  }'::jsonb -> the_act
$$;

-- What a signature of an act on such a record means, and the columns that it covers. From
-- `domain/lifecycle`, `SIGNED` and `SIGNED_BY` of the records.
CREATE FUNCTION signed_in(the_act text, kind text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT '{
    "accept_shipment": {
      "shipment": {"approved": "code from_site_id to_site_id shipper_id logger_id seals sent_at received_at seals_found differences decision_reason"}
    },
    "accept_short_dose": {
      "dose": {"approved": "code subject_id infusion_number day lot_id required_cells viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason"}
    },
    "approve_conditional_release": {
      "conditional_release": {"approved": "lot_id subject_id pending justification requested_at"}
    },
    "change_probe_limits": {
      "probe": {"approved": "code warn_above_c warn_minutes critical_above_c critical_readings reject_above_c gap_minutes acknowledge_minutes"}
    },
    "check_dose": {
      "dose": {"verified": "code subject_id infusion_number day lot_id required_cells expires_at delivered_cells delivered_percent draw_ml final_volume_ml prepared_by_id prepared_at band_reason viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason"}
    },
    "close_deviation": {
      "deviation": {"approved": "title description classification occurred_at investigation root_cause decision"}
    },
    "confirm_account_change": {
      "account_change": {"approved": "person_id change roles also_at email reason asked_at asked_by_id"}
    },
    "confirm_dose_from_paper": {
      "dose": {"verified": "code subject_id infusion_number day lot_id required_cells expires_at delivered_cells delivered_percent draw_ml final_volume_ml prepared_by_id prepared_at band_reason viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason first_checked_at first_checked_by_id second_checked_at second_checked_by_id infusion_started_at infusion_stopped_at volume_given_ml outcome_reason"},
      "dose_paper": {"verified": "dose_id content irregular"}
    },
    "confirm_training": {"training": {"approved": "person_id role procedure trained_on valid_until recorded_by_id"}},
    "confirm_unlock": {
      "account_change": {"approved": "person_id change roles also_at email reason asked_at asked_by_id"}
    },
    "continue_treatment": {"treatment_decision": {"approved": "code subject_id covers reason decided_at"}},
    "correct_fact": {
      "correction": {"performed": "culture_id lot_id vial_id dose_id column_name before after follows reason"}
    },
    "decide_donation": {
      "donation": {"approved": "code collected_at received_at transport_min_c transport_max_c decision_reason", "rejected": "code collected_at received_at transport_min_c transport_max_c decision_reason"}
    },
    "decide_excursion": {
      "excursion": {"approved": "code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id", "rejected": "code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id"}
    },
    "decide_reagent": {
      "reagent_lot": {"approved": "code name manufacturer_lot certificate expires_on decision_reason", "rejected": "code name manufacturer_lot certificate expires_on decision_reason"}
    },
    "determine_eligibility": {
      "donor": {"approved": "code pseudonym birth_year delivered_at eligibility_reason", "rejected": "code pseudonym birth_year delivered_at eligibility_reason"}
    },
    "end_silence": {
      "excursion": {"approved": "code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id"}
    },
    "enter_dose_from_paper": {
      "dose": {"verified": "code subject_id infusion_number day lot_id required_cells"},
      "dose_paper": {"verified": "dose_id content irregular"}
    },
    "hand_over_shipment": {
      "shipment": {"performed": "code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at"}
    },
    "invalidate_result": {"test_result": {"approved": "code test number choice method started_at resulted_at verdict"}},
    "lift_hold": {
      "hold": {"approved": "donor_id lot_id reagent_lot_id storage_unit_id reason placed_at lift_reason"},
      "lot": {"approved": "code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at"}
    },
    "lower_deviation": {
      "deviation": {"approved": "title description classification occurred_at investigation root_cause decision"}
    },
    "make_effective": {"definition": {"approved": "type identifier version content digest"}},
    "move_to_amendment": {
      "subject": {"approved": "code trial_number second_identifier sex born_on arm protocol_id answers"}
    },
    "order_dose": {
      "dose": {"approved": "code subject_id lot_id weight_id infusion_number day required_cells vials_needed calculation ordered_at vials_spare deviation_reason"},
      "subject": {"approved": "code trial_number second_identifier arm protocol_id"}
    },
    "plan_dose_anew": {
      "dose": {"approved": "code subject_id infusion_number day lot_id required_cells planned_on planned_anew_because"}
    },
    "recall_lot": {
      "lot": {"rejected": "code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at decision_reason"}
    },
    "recall_reagent": {
      "reagent_lot": {"rejected": "code name manufacturer_lot certificate expires_on decision_reason"}
    },
    "receive_shipment": {
      "shipment": {"verified": "code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at received_at seals_found"}
    },
    "reject_lot": {
      "lot": {"rejected": "code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at decision_reason"}
    },
    "reject_shipment": {
      "shipment": {"rejected": "code from_site_id to_site_id shipper_id logger_id seals sent_at received_at seals_found differences decision_reason"}
    },
    "release_lot": {
      "lot": {"released": "code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at"}
    },
    "reopen_deviation": {
      "deviation": {"approved": "title description classification occurred_at investigation root_cause decision"}
    },
    "request_conditional_release": {
      "conditional_release": {"approved": "lot_id subject_id pending justification requested_at"}
    },
    "review_batch_record": {"batch_review": {"reviewed": "lot_id digest note reviewed_at"}},
    "review_results": {"test_result": {"reviewed": "code test number choice method started_at resulted_at verdict"}},
    "review_trail": {"trail_review": {"reviewed": "first_act last_act record_code findings reviewed_at"}},
    "sign_eligibility": {
      "subject": {"approved": "code trial_number second_identifier sex born_on arm protocol_id answers", "rejected": "code trial_number second_identifier sex born_on arm protocol_id answers"}
    },
    "sign_for_sponsor": {"conditional_release": {"approved": "lot_id subject_id pending justification requested_at"}},
    "take_back_paper_form": {"dose_paper": {"rejected": "dose_id content irregular"}},
    "take_over_shipment": {
      "shipment": {"performed": "code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at"}
    },
    "verify_action": {
      "corrective_action": {"approved": "deviation_id type description due_on done_at done_note verification", "rejected": "deviation_id type description due_on done_at done_note verification"}
    }
  }'::jsonb -> the_act -> kind
$$;
