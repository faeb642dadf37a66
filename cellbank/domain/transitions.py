"""THE table: every move of every record between its states (those stand in states.py), act by act.

One row says: this act takes a record of this kind from this state to that one; these roles may do it; it is signed with
this meaning; the person must differ from whoever stands in these columns. Pages, permissions, four-eyes checks, the
state CHECKs in the database, the diagrams in docs/ and the parametrised tests all read this table and nothing else;
lifecycle.py answers questions about it.
"""

from cellbank.domain.correction import KINDS as CORRECTED
from cellbank.domain.correction import UNCHECKED, moves_of
from cellbank.domain.telling import TELLS
from cellbank.domain.transition import (
    BEDSIDE,
    EVERYBODY,
    FLOOR,
    LAB,
    PERFORMERS,
    SIGNERS,
    A,
    C,
    Meaning,
    Q,
    Role,
    T,
    Transition,
    moves,
)

_ADMIN, _QO, _TECH = frozenset({A}), frozenset({Q}), frozenset({T})
_APPROVED, _REJECTED, _REVIEWED = Meaning.APPROVED, Meaning.REJECTED, Meaning.REVIEWED
_ACCOUNTS = frozenset({A, Q})  # who decides about accounts: two of them for each that signs
_NOT_OWN_CHANGE, _NOT_OWN_TRAINING = ("asked_by_id", "person_id"), ("recorded_by_id", "person_id")
_NOT_OF_IT = ("sealed_by_id", "received_by_id", "checked_by_id")  # who packed a shipment or took it in

_THERE_IS_A_VIAL = "FILLED FROZEN IN_STOCK RESERVED PICKED IN_TRANSIT RECEIVED MISSING THAWED"

# Acts about something else that stop every lot below it: what a donor, a reagent or a tank is found to be.
HOLDING: dict[str, frozenset[Role]] = {
    "hold_donor": _QO, "recall_reagent": _QO, "decide_reagent": _QO, "report_storage_failure": LAB,
    "review_results": LAB, "enter_result": LAB, "import_results": LAB, "correct_result": LAB,
    "import_readings": LAB, "record_readings": LAB, "confirm_reading": LAB, "correct_fact": LAB,
}  # fmt: skip
# Every act that stops a frozen lot ends its conditional releases.
STOPPING: dict[str, frozenset[Role]] = {
    "hold_lot": _QO, "withdraw_consent": LAB, "determine_eligibility": _QO, "reject_lot": _QO, "recall_lot": _QO,
    **HOLDING,
}  # fmt: skip

_MOVES: tuple[Transition, ...] = sum(
    (
        # the site and its people
        moves("site", "configure_site", "> OPEN", frozenset({Role.SYSTEM})),
        moves("site", "add_site", "> OPEN", _ADMIN),
        moves("person", "change_sites", "ACTIVE =", _ADMIN),
        moves("person", "add_person", "> ACTIVE", frozenset({A, Role.SYSTEM})),
        moves("person", "add_person", "> PROPOSED", _ADMIN),
        moves("person", "change_roles", "ACTIVE =", _ADMIN),
        moves("person", "reset_password", "ACTIVE =", _ADMIN),
        moves("person", "unlock_person", "ACTIVE =", _ADMIN),
        moves("person", "unlock_together", "ACTIVE =", SIGNERS, proved=True),
        moves("person", "confirm_unlock", "ACTIVE =", SIGNERS),
        moves("person", "disable_person", "ACTIVE PROPOSED > DISABLED", _ADMIN),
        moves("person", "confirm_account_change", "PROPOSED > ACTIVE", _ACCOUNTS),
        moves("person", "confirm_account_change", "ACTIVE =", _ACCOUNTS),
        moves("person", "decline_account_change", "PROPOSED > DISABLED", _ACCOUNTS),
        moves("person", "decline_account_change", "ACTIVE =", _ACCOUNTS),
        moves("person", "note_wrong_password", "ACTIVE =", frozenset({Role.SYSTEM})),
        moves("person", "sign_in", "ACTIVE =", EVERYBODY),
        moves("person", "sign_out", "ACTIVE =", EVERYBODY),
        moves("person", "end_session", "ACTIVE =", EVERYBODY),
        moves("person", "change_password", "ACTIVE =", EVERYBODY),
        moves("person", "accept_agreement", "ACTIVE =", SIGNERS),
        moves("person", "set_up_second_factor", "ACTIVE =", EVERYBODY),
        moves("person", "confirm_second_factor", "ACTIVE =", EVERYBODY),
        moves("person", "reset_second_factor", "ACTIVE =", _ADMIN),
        moves("person", "change_address", "ACTIVE =", _ADMIN),
        moves("person", "change_my_address", "ACTIVE =", EVERYBODY, proved=True),
        moves("person", "hand_over_code", "ACTIVE =", frozenset({A, Role.SYSTEM})),
        moves("account_change", "add_person", "> ASKED", frozenset({A, Role.SYSTEM})),
        moves("account_change", "change_roles", "> ASKED", _ADMIN),
        moves("account_change", "unlock_together", "> ASKED", SIGNERS, proved=True),
        moves("account_change", "unlock_together", "ASKED > DECLINED", SIGNERS, proved=True),
        moves("account_change", "change_sites", "> ASKED", _ADMIN),
        moves("account_change", "reset_password", "> ASKED", _ADMIN),
        moves("account_change", "reset_second_factor", "> ASKED", _ADMIN),
        moves("account_change", "change_address", "> ASKED", _ADMIN),
        moves("account_change", "confirm_account_change", "ASKED > CONFIRMED", _ACCOUNTS, _APPROVED, _NOT_OWN_CHANGE),
        moves("account_change", "confirm_unlock", "ASKED > CONFIRMED", SIGNERS, _APPROVED, _NOT_OWN_CHANGE),
        moves("account_change", "decline_account_change", "ASKED > DECLINED", _ACCOUNTS),
        moves("account_change", "disable_person", "ASKED > DECLINED", _ADMIN),
        moves("training", "record_training", "> RECORDED", _ACCOUNTS),
        moves("training", "record_training", "> VALID", frozenset({Role.SYSTEM})),
        moves("training", "confirm_training", "RECORDED > VALID", _ACCOUNTS, _APPROVED, _NOT_OWN_TRAINING),
        moves("training", "revoke_training", "RECORDED VALID > REVOKED", _ACCOUNTS),
        moves("api_token", "create_token", "> LIVE", EVERYBODY, proved=True),
        moves("api_token", "revoke_token", "LIVE > REVOKED", EVERYBODY),
        moves("api_token", "change_password", "LIVE > REVOKED", EVERYBODY),
        moves("api_token", "confirm_second_factor", "LIVE > REVOKED", EVERYBODY),
        moves("api_token", "reset_password", "LIVE > REVOKED", _ADMIN),
        moves("api_token", "reset_second_factor", "LIVE > REVOKED", _ADMIN),
        moves("api_token", "confirm_account_change", "LIVE > REVOKED", _ACCOUNTS),
        # definitions: trial protocols and product specifications
        moves("definition", "import_definition", "> IMPORTED", frozenset({Q, Role.SYSTEM})),
        moves("definition", "make_effective", "IMPORTED > EFFECTIVE", _QO, _APPROVED),
        moves("definition", "make_effective", "EFFECTIVE > SUPERSEDED", _QO, _APPROVED),
        # donors and donations
        moves("donor", "register_donor", "> REGISTERED", LAB),
        moves("consent", "record_consent", "> GIVEN", LAB),
        moves("consent", "withdraw_consent", "GIVEN > WITHDRAWN", LAB),
        moves("donor", "determine_eligibility", "REGISTERED INELIGIBLE > ELIGIBLE", _QO, _APPROVED),
        moves("donor", "determine_eligibility", "REGISTERED ELIGIBLE > INELIGIBLE", _QO, _REJECTED),
        moves("donation", "receive_donation", "> ACCEPTED", LAB),
        moves("donation", "receive_donation", "> AWAITING_DECISION", LAB),
        moves("donation", "decide_donation", "AWAITING_DECISION > ACCEPTED", _QO, _APPROVED, ("received_by_id",)),
        moves("donation", "decide_donation", "AWAITING_DECISION > REJECTED", _QO, _REJECTED, ("received_by_id",)),
        # results of donors and of lots
        moves("test_result", "enter_result", "> ENTERED", LAB),
        moves("test_result", "import_results", "> ENTERED", LAB),
        moves("test_result", "correct_result", "> ENTERED", LAB),
        moves("test_result", "correct_result", "ENTERED REVIEWED > CORRECTED", LAB),
        moves("test_result", "invalidate_result", "REVIEWED > INVALIDATED", _QO, _APPROVED, ("entered_by_id",)),
        moves("sample", "take_sample", "> TAKEN", LAB),
        moves("sample", "enter_result", "TAKEN > REPORTED", LAB),
        moves("sample", "import_results", "TAKEN > REPORTED", LAB),
        moves("sample", "cancel_sample", "TAKEN > CANCELLED", LAB),
        moves("test_result", "review_results", "ENTERED > REVIEWED", LAB, _REVIEWED, ("entered_by_id",)),
        moves("test_result", "review_results", "ENTERED > DISPUTED", LAB, _REVIEWED, ("entered_by_id",)),
        # reagents and cultures
        moves("reagent_lot", "receive_reagent", "> QUARANTINED", LAB),
        moves(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED REJECTED > ACCEPTED",
            _QO,
            _APPROVED,
            ("received_by_id",),
        ),
        moves(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED ACCEPTED > REJECTED",
            _QO,
            _REJECTED,
            ("received_by_id",),
        ),
        moves("reagent_lot", "open_reagent", "ACCEPTED =", LAB),
        moves("reagent_lot", "recall_reagent", "ACCEPTED > RECALLED", _QO, _REJECTED),
        moves("culture", "isolate_tissue", "> GROWING", _TECH),
        moves("culture", "record_harvest", "GROWING > HARVESTED", _TECH),
        moves("culture", "passage_culture", "> GROWING", _TECH),
        moves("culture", "passage_culture", "HARVESTED =", _TECH),
        moves("culture", "thaw_bank_vial", "> GROWING", _TECH),
        moves("culture", "finish_culture", "HARVESTED > FINISHED", _TECH),
        moves("culture", "discard_culture", "GROWING HARVESTED > DISCARDED", _TECH),
        # lots and vials
        moves("lot", "open_lot", "> IN_PROCESS", _TECH),
        moves("culture", "open_lot", "HARVESTED =", _TECH),
        moves("vial", "open_lot", "> PRINTED", _TECH),
        moves("lot", "record_filling", "IN_PROCESS =", _TECH),
        moves("vial", "record_filling", "PRINTED > FILLED", _TECH),
        moves("lot", "close_filling", "IN_PROCESS > FILLED", _TECH),
        moves("vial", "close_filling", "PRINTED > VOIDED", _TECH),
        moves("lot", "record_freezing", "FILLED > QUARANTINE", _TECH),
        moves("lot", "record_freezing", "FILLED > ON_HOLD", _TECH),
        moves("vial", "record_freezing", "FILLED > FROZEN", _TECH),
        *(moves("freezer_run", "import_freezing_run", f"> {found}", _TECH) for found in ("WITHIN", "OUTSIDE")),
        moves("lot", "import_freezing_run", "QUARANTINE ON_HOLD REJECTED =", _TECH),
        moves("deviation", "import_freezing_run", "> OPEN", _TECH),
        moves("freezer_run", "withdraw_freezing_run", "WITHIN OUTSIDE > WITHDRAWN", _TECH),
        moves("vial", "thaw_bank_vial", "IN_STOCK > CULTURED", _TECH),
        moves("vial", "use_vial_for_testing", "FROZEN IN_STOCK > QC_USED", LAB),
        *(
            # a vial breaks in any state in which there is one; the cells of a pooled one are its dose's
            moves("vial", act, f"{_THERE_IS_A_VIAL} > DISCARDED", LAB)
            + moves("vial", act, "POOLED =", LAB)
            + moves("recall_notice", act, "> OPEN", LAB)
            for act in ("discard_vial", "discard_vials")
        ),
        # storage
        moves("storage_unit", "add_storage_unit", "> IN_SERVICE", LAB),
        moves("storage_unit", "take_out_of_service", "IN_SERVICE > OUT_OF_SERVICE", LAB),
        moves("storage_unit", "report_storage_failure", "IN_SERVICE OUT_OF_SERVICE > FAILED", LAB),
        moves("storage_unit", "return_to_service", "OUT_OF_SERVICE FAILED > IN_SERVICE", LAB),
        moves("vial", "store_vials", "FROZEN > IN_STOCK", _TECH),
        moves("vial", "store_vials", "RECEIVED =", _TECH),  # into the cold, not yet into use
        moves("vial", "move_vial", "IN_STOCK RESERVED =", _TECH),
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
        moves("shipment", "pack_vials", "ORDERED PACKING > PACKING", _TECH),
        moves("vial", "pack_vials", "IN_STOCK > IN_TRANSIT", _TECH),
        moves("shipment", "unpack_vials", "PACKING =", _TECH),
        moves("vial", "unpack_vials", "IN_TRANSIT > IN_STOCK", _TECH),
        moves("shipment", "seal_shipment", "ORDERED PACKING > SEALED", _TECH),
        moves("shipment", "break_seal", "SEALED > PACKING", _TECH),
        moves("shipment", "cancel_shipment", "ORDERED PACKING > CANCELLED", LAB),
        moves("shipment", "hand_over_shipment", "SEALED ON_THE_WAY > ON_THE_WAY", LAB, Meaning.PERFORMED),
        moves("shipment", "take_over_shipment", "SEALED ON_THE_WAY ARRIVED =", LAB, Meaning.PERFORMED),
        moves("shipment", "receive_shipment", "ON_THE_WAY > ARRIVED", LAB, Meaning.VERIFIED),
        moves("shipment", "check_in_vials", "ARRIVED CHECKED =", LAB),
        moves("vial", "check_in_vials", "IN_TRANSIT MISSING > RECEIVED", LAB),
        moves("shipment", "close_receipt", "ARRIVED > CHECKED", LAB),
        moves("vial", "close_receipt", "IN_TRANSIT > MISSING", LAB),
        moves("shipment", "accept_shipment", "CHECKED > ACCEPTED", _QO, _APPROVED, _NOT_OF_IT),
        moves("vial", "accept_shipment", "RECEIVED > IN_STOCK", _QO),
        moves("shipment", "reject_shipment", "CHECKED > REJECTED", _QO, _REJECTED, _NOT_OF_IT),
        # temperature
        moves("probe", "add_probe", "> IN_USE", LAB),
        *(moves("probe", act, "IN_USE =", LAB) for act in ("import_readings", "record_readings")),
        moves("probe", "calibrate_probe", "IN_USE =", LAB),
        moves("probe", "change_probe_limits", "IN_USE =", _QO, _APPROVED),
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
        moves("excursion", "end_silence", "OPEN =", _QO, _APPROVED),
        moves("excursion", "decide_excursion", "OPEN > ACCEPTED", _QO, _APPROVED),
        moves("excursion", "decide_excursion", "OPEN > REJECTED", _QO, _REJECTED),
        # quality decisions
        moves("batch_review", "review_batch_record", "> REVIEWED", _QO, _REVIEWED),
        moves("lot", "review_batch_record", "QUARANTINE ON_HOLD =", _QO, None, (PERFORMERS,)),
        moves("lot", "release_lot", "QUARANTINE > RELEASED", _QO, Meaning.RELEASED, (PERFORMERS,)),
        moves("lot", "reject_lot", "FILLED QUARANTINE ON_HOLD > REJECTED", _QO, _REJECTED, (PERFORMERS,)),
        moves("lot", "recall_lot", "RELEASED ON_HOLD > RECALLED", _QO, _REJECTED, (PERFORMERS,)),
        moves("lot", "hold_lot", "QUARANTINE RELEASED > ON_HOLD", _QO),
        moves("lot", "hold_lot", "IN_PROCESS FILLED ON_HOLD =", _QO),
        moves("lot", "withdraw_consent", "QUARANTINE RELEASED > ON_HOLD", LAB),
        moves("lot", "determine_eligibility", "QUARANTINE RELEASED > ON_HOLD", _QO),
        # what was made from it
        *(moves("lot", act, "QUARANTINE RELEASED > ON_HOLD", _QO) for act in ("reject_lot", "recall_lot")),
        *(moves("hold", act, "> PLACED", _QO) for act in ("reject_lot", "recall_lot")),
        *(moves("lot", act, "QUARANTINE RELEASED > ON_HOLD", roles) for act, roles in HOLDING.items()),
        *(moves("hold", act, "> PLACED", roles) for act, roles in HOLDING.items()),
        moves("donor", "hold_donor", "REGISTERED ELIGIBLE INELIGIBLE =", _QO),
        # use of a lot for one subject while results are pending; off unless the specification allows it
        moves("conditional_release", "request_conditional_release", "> REQUESTED", BEDSIDE, _APPROVED),
        moves("lot", "request_conditional_release", "QUARANTINE =", BEDSIDE),
        moves(
            "conditional_release",
            "approve_conditional_release",
            "REQUESTED > APPROVED",
            _QO,
            _APPROVED,
            ("requested_by_id",),
        ),
        moves("lot", "approve_conditional_release", "QUARANTINE =", _QO, None, (PERFORMERS,)),
        moves(
            "conditional_release",
            "sign_for_sponsor",
            "APPROVED > IN_FORCE",
            _QO,
            _APPROVED,
            ("requested_by_id", "approved_by_id"),
        ),
        moves("lot", "sign_for_sponsor", "QUARANTINE =", _QO, None, (PERFORMERS,)),
        moves(
            "conditional_release",
            "end_conditional_release",
            "REQUESTED APPROVED IN_FORCE > ENDED",
            frozenset({Q, C}),
        ),
        *(
            moves("conditional_release", act, "REQUESTED APPROVED IN_FORCE > ENDED", roles)
            for act, roles in (("release_lot", _QO), *STOPPING.items())
        ),
        # whatever stops product tells the clinicians of its doses
        *(moves("recall_notice", act, "> OPEN", roles) for act, roles in STOPPING.items()),
        moves("recall_notice", "decide_excursion", "> OPEN", _QO),
        moves("recall_notice", "answer_notice", "OPEN =", BEDSIDE),
        moves("recall_notice", "answer_notice", "OPEN > ACKNOWLEDGED", BEDSIDE),
        moves("recall_notice", "cancel_dose", "OPEN > ACKNOWLEDGED", BEDSIDE),
        moves("recall_notice", "discard_dose", "OPEN > ACKNOWLEDGED", frozenset({T, C})),
        moves("lot", "lift_hold", "ON_HOLD > QUARANTINE", _QO, _APPROVED, (PERFORMERS,)),
        moves("lot", "lift_hold", "ON_HOLD > RELEASED", _QO, _APPROVED, (PERFORMERS,)),
        moves("hold", "hold_lot", "> PLACED", _QO),
        moves("hold", "withdraw_consent", "> PLACED", LAB),
        moves("hold", "determine_eligibility", "> PLACED", _QO),
        moves("hold", "lift_hold", "PLACED > LIFTED", _QO, _APPROVED),
        moves("hold", "lift_hold", "> PLACED", _QO),  # on each lot of another site, for it to decide
        # deviations and what is done about them
        moves("deviation", "open_deviation", "> OPEN", FLOOR),
        *(moves("deviation", act, "> OPEN", LAB) for act in ("enter_result", "import_results", "correct_result")),
        moves("deviation", "link_deviation", "OPEN INVESTIGATED =", FLOOR),
        moves("deviation", "classify_deviation", "OPEN INVESTIGATED =", _QO),
        moves("deviation", "investigate_deviation", "OPEN INVESTIGATED > INVESTIGATED", LAB),
        moves(
            "deviation",
            "close_deviation",
            "INVESTIGATED > CLOSED",
            _QO,
            _APPROVED,
            ("opened_by_id", "investigated_by_id"),
        ),
        moves("deviation", "reopen_deviation", "CLOSED > OPEN", _QO, _APPROVED),
        moves("corrective_action", "plan_action", "> PLANNED", LAB),
        moves("corrective_action", "complete_action", "PLANNED > DONE", FLOOR),
        moves("corrective_action", "verify_action", "DONE > VERIFIED", _QO, _APPROVED, ("done_by_id",)),
        moves("corrective_action", "verify_action", "DONE > PLANNED", _QO, _REJECTED, ("done_by_id",)),
        # what was noted wrongly is put right
        moves("correction", "correct_fact", "> RECORDED", FLOOR, Meaning.PERFORMED),
        moves("deviation", "correct_fact", "> OPEN", FLOOR),
        *(
            moves(record, "correct_fact", f"{state} > {UNCHECKED.get(state, state)}", roles)
            for record in CORRECTED
            for state, roles in moves_of(record).items()
        ),
        # subjects
        moves("subject", "enrol_subject", "> SCREENING", BEDSIDE),
        moves("subject", "answer_criteria", "SCREENING =", BEDSIDE),
        moves("subject", "sign_eligibility", "SCREENING > ENROLLED", BEDSIDE, _APPROVED),
        moves("subject", "sign_eligibility", "SCREENING > SCREEN_FAILED", BEDSIDE, _REJECTED),
        moves("subject", "move_to_amendment", "SCREENING ENROLLED =", BEDSIDE, _APPROVED),
        moves("subject", "withdraw_subject", "SCREENING ENROLLED > WITHDRAWN", BEDSIDE),
        moves("subject", "complete_subject", "ENROLLED > COMPLETED", BEDSIDE),
        moves(
            "subject",
            "look_at_identity",
            "SCREENING ENROLLED SCREEN_FAILED WITHDRAWN COMPLETED =",
            frozenset({Q, C, Role.AUDITOR}),
        ),
        moves("treatment_decision", "continue_treatment", "> DECIDED", BEDSIDE, _APPROVED),
        moves("weight", "measure_weight", "> MEASURED", BEDSIDE),
        moves("weight", "confirm_weight", "MEASURED > CONFIRMED", BEDSIDE, None, ("measured_by_id",)),
        # doses
        moves("dose", "order_dose", "> ORDERED", BEDSIDE, _APPROVED),
        moves("subject", "order_dose", "ENROLLED =", BEDSIDE, _APPROVED),
        moves("vial", "order_dose", "IN_STOCK > RESERVED", BEDSIDE),
        moves("dose", "cancel_dose", "UNORDERED ORDERED PICKED > CANCELLED", BEDSIDE),
        moves(
            "dose",
            "plan_dose_anew",
            "ORDERED PICKED THAWING COUNTED PREPARED CHECKED_ONCE CHECKED =",
            BEDSIDE,
            _APPROVED,
        ),
        moves("vial", "cancel_dose", "RESERVED > IN_STOCK", BEDSIDE),
        moves("vial", "cancel_dose", "PICKED =", BEDSIDE),
        moves("vial", "pick_vial", "RESERVED > PICKED", _TECH),
        moves("dose", "pick_vial", "ORDERED > PICKED", _TECH),
        moves("dose", "pick_vial", "ORDERED PICKED THAWING COUNTED =", _TECH),
        moves("dose", "fetch_spare", "PICKED THAWING COUNTED =", _TECH),
        moves("vial", "return_vial", "PICKED > IN_STOCK", _TECH),
        moves("vial", "thaw_vial", "PICKED > THAWED", _TECH),
        moves("dose", "thaw_vial", "PICKED COUNTED > THAWING", _TECH),
        moves("dose", "thaw_vial", "THAWING =", _TECH),
        moves("dose", "pool_and_count", "THAWING > COUNTED", _TECH),
        moves("vial", "pool_and_count", "THAWED > POOLED", _TECH),
        moves("vial", "pool_and_count", "POOLED =", _TECH),
        moves("dose", "accept_short_dose", "COUNTED =", BEDSIDE, _APPROVED),
        moves("dose", "prepare_dose", "COUNTED > PREPARED", _TECH),
        moves("vial", "prepare_dose", "RESERVED > IN_STOCK", _TECH),
        moves(
            "dose",
            "discard_dose",
            "THAWING COUNTED PREPARED CHECKED_ONCE CHECKED > DISCARDED",
            frozenset({T, C}),
        ),
        moves("vial", "discard_dose", "THAWED POOLED > DISCARDED", frozenset({T, C})),
        moves("vial", "discard_dose", "RESERVED > IN_STOCK", frozenset({T, C})),
        # bedside
        moves("dose", "check_dose", "PREPARED > CHECKED_ONCE", BEDSIDE, Meaning.VERIFIED, ("prepared_by_id",)),
        moves(
            "dose",
            "check_dose",
            "CHECKED_ONCE > CHECKED",
            BEDSIDE,
            Meaning.VERIFIED,
            ("prepared_by_id", "first_checked_by_id"),
        ),
        moves("dose", "start_infusion", "CHECKED > INFUSING", BEDSIDE),
        moves("dose", "stop_infusion", "INFUSING > INFUSED", BEDSIDE),
        moves("vial", "stop_infusion", "POOLED > INFUSED", BEDSIDE),
        moves("dose", "record_reaction", "INFUSING INFUSED RECONCILED =", BEDSIDE),
        moves("dose", "reconcile_infusion", "INFUSED > RECONCILED", frozenset({T, C})),
        # what was given without an order, whatever the subject has become: its form says the rest
        moves("dose", "register_unordered_dose", "> UNORDERED", BEDSIDE),
        moves("subject", "register_unordered_dose", "SCREENING SCREEN_FAILED ENROLLED COMPLETED WITHDRAWN =", BEDSIDE),
        # what was given from its paper form: two people, neither of whom drew it up, sign for what stands on it
        moves("dose_paper", "enter_dose_from_paper", "> ENTERED", BEDSIDE, Meaning.VERIFIED),
        moves("dose_paper", "enter_dose_from_paper", "ENTERED > REPLACED", BEDSIDE),
        moves(
            "dose",
            "enter_dose_from_paper",
            "UNORDERED ORDERED PICKED THAWING COUNTED PREPARED CHECKED_ONCE CHECKED INFUSING DISCARDED CANCELLED =",
            BEDSIDE,
            Meaning.VERIFIED,
            ("prepared_by_id",),
        ),
        moves(
            "dose_paper",
            "confirm_dose_from_paper",
            "ENTERED > CONFIRMED",
            BEDSIDE,
            Meaning.VERIFIED,
            ("entered_by_id",),
        ),
        moves(
            "dose_paper", "take_back_paper_form", "ENTERED > TAKEN_BACK", BEDSIDE, Meaning.REJECTED, ("entered_by_id",)
        ),
        moves(
            "dose",
            "confirm_dose_from_paper",
            "UNORDERED ORDERED PICKED THAWING COUNTED PREPARED CHECKED_ONCE CHECKED INFUSING DISCARDED CANCELLED "
            "> INFUSED",
            BEDSIDE,
            Meaning.VERIFIED,
            ("prepared_by_id",),
        ),
        moves(
            "vial",
            "confirm_dose_from_paper",
            "FROZEN IN_STOCK RESERVED PICKED THAWED POOLED DISCARDED QC_USED MISSING > INFUSED",
            BEDSIDE,
        ),
        moves("vial", "confirm_dose_from_paper", "RESERVED > IN_STOCK", BEDSIDE),
        # labels
        moves("printing", "print_labels", "> PRINTED", frozenset({T, Q, C})),
        moves("printing", "print_label_again", "> PRINTED", frozenset({T, Q, C})),
        moves("printing", "print_commands", "> PRINTED", EVERYBODY),
        # documents and the trail
        moves("document_issue", "issue_document", "> ISSUED", frozenset({T, Q, C, Role.AUDITOR})),
        moves("trail_review", "review_trail", "> REVIEWED", _QO, _REVIEWED),
        # the door
        moves("scan", "report_unreadable_scan", "> REPORTED", EVERYBODY),
    ),
    (),
)


def _of_irregular_facts() -> tuple[Transition, ...]:
    """Whoever tells late of what was not allowed opens the deviation about it in the same act."""
    performers = {act: {role for row in _MOVES if row.act == act for role in row.roles} for act in sorted(TELLS)}
    return sum((moves("deviation", act, "> OPEN", frozenset(roles)) for act, roles in performers.items()), ())


TRANSITIONS: tuple[Transition, ...] = (*_MOVES, *_of_irregular_facts())
