"""The moves of what is made: from the donor through results, reagents and cultures to the frozen vial."""

from cellbank.domain.lifecycle.moves import APPROVED, REJECTED, REVIEWED, Transition, moves
from cellbank.domain.lifecycle.roles import (
    LAB,
    QO,
    TECH,
)

_THERE_IS_A_VIAL = "FILLED FROZEN IN_STOCK RESERVED PICKED IN_TRANSIT RECEIVED MISSING THAWED"

MOVES: tuple[Transition, ...] = sum(
    (
        # donors and donations
        moves("donor", "register_donor", "> REGISTERED", LAB),
        moves("consent", "record_consent", "> GIVEN", LAB),
        moves("consent", "withdraw_consent", "GIVEN > WITHDRAWN", LAB),
        moves("donor", "determine_eligibility", "REGISTERED INELIGIBLE > ELIGIBLE", QO, APPROVED),
        moves("donor", "determine_eligibility", "REGISTERED ELIGIBLE > INELIGIBLE", QO, REJECTED),
        moves("donation", "receive_donation", "> ACCEPTED", LAB),
        moves("donation", "receive_donation", "> AWAITING_DECISION", LAB),
        moves("donation", "decide_donation", "AWAITING_DECISION > ACCEPTED", QO, APPROVED, ("received_by_id",)),
        moves("donation", "decide_donation", "AWAITING_DECISION > REJECTED", QO, REJECTED, ("received_by_id",)),
        # results of donors and of lots
        moves("test_result", "enter_result", "> ENTERED", LAB),
        moves("test_result", "import_results", "> ENTERED", LAB),
        moves("test_result", "correct_result", "> ENTERED", LAB),
        moves("test_result", "correct_result", "ENTERED REVIEWED > CORRECTED", LAB),
        moves("test_result", "invalidate_result", "REVIEWED > INVALIDATED", QO, APPROVED, ("entered_by_id",)),
        moves("sample", "take_sample", "> TAKEN", LAB),
        moves("sample", "enter_result", "TAKEN > REPORTED", LAB),
        moves("sample", "import_results", "TAKEN > REPORTED", LAB),
        moves("sample", "cancel_sample", "TAKEN > CANCELLED", LAB),
        moves("test_result", "review_results", "ENTERED > REVIEWED", LAB, REVIEWED, ("entered_by_id",)),
        moves("test_result", "review_results", "ENTERED > DISPUTED", LAB, REVIEWED, ("entered_by_id",)),
        # reagents and cultures
        moves("reagent_lot", "receive_reagent", "> QUARANTINED", LAB),
        moves(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED REJECTED > ACCEPTED",
            QO,
            APPROVED,
            ("received_by_id",),
        ),
        moves(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED ACCEPTED > REJECTED",
            QO,
            REJECTED,
            ("received_by_id",),
        ),
        moves("reagent_lot", "open_reagent", "ACCEPTED =", LAB),
        moves("reagent_lot", "recall_reagent", "ACCEPTED > RECALLED", QO, REJECTED),
        moves("culture", "isolate_tissue", "> GROWING", TECH),
        moves("culture", "record_harvest", "GROWING > HARVESTED", TECH),
        moves("culture", "passage_culture", "> GROWING", TECH),
        moves("culture", "passage_culture", "HARVESTED =", TECH),
        moves("culture", "thaw_bank_vial", "> GROWING", TECH),
        moves("culture", "finish_culture", "HARVESTED > FINISHED", TECH),
        moves("culture", "discard_culture", "GROWING HARVESTED > DISCARDED", TECH),
        # lots and vials
        moves("lot", "open_lot", "> IN_PROCESS", TECH),
        moves("culture", "open_lot", "HARVESTED =", TECH),
        moves("vial", "open_lot", "> PRINTED", TECH),
        moves("lot", "record_filling", "IN_PROCESS =", TECH),
        moves("vial", "record_filling", "PRINTED > FILLED", TECH),
        moves("lot", "close_filling", "IN_PROCESS > FILLED", TECH),
        moves("vial", "close_filling", "PRINTED > VOIDED", TECH),
        moves("lot", "record_freezing", "FILLED > QUARANTINE", TECH),
        moves("lot", "record_freezing", "FILLED > ON_HOLD", TECH),
        moves("vial", "record_freezing", "FILLED > FROZEN", TECH),
        *(moves("freezer_run", "import_freezing_run", f"> {found}", TECH) for found in ("WITHIN", "OUTSIDE")),
        moves("lot", "import_freezing_run", "QUARANTINE ON_HOLD REJECTED =", TECH),
        moves("deviation", "import_freezing_run", "> OPEN", TECH),
        moves("freezer_run", "withdraw_freezing_run", "WITHIN OUTSIDE > WITHDRAWN", TECH),
        moves("vial", "thaw_bank_vial", "IN_STOCK > CULTURED", TECH),
        moves("vial", "use_vial_for_testing", "FROZEN IN_STOCK > QC_USED", LAB),
        *(
            # a vial breaks in any state in which there is one; the cells of a pooled one are its dose's
            moves("vial", act, f"{_THERE_IS_A_VIAL} > DISCARDED", LAB)
            + moves("vial", act, "POOLED =", LAB)
            + moves("recall_notice", act, "> OPEN", LAB)
            for act in ("discard_vial", "discard_vials")
        ),
    ),
    (),
)
