"""The moves of subjects and their doses: from enrolment to the empty syringe, at the bedside and from paper."""

from cellbank.domain.lifecycle.moves import APPROVED, REJECTED, Transition, moves
from cellbank.domain.lifecycle.roles import (
    BEDSIDE,
    TECH,
    C,
    Meaning,
    Q,
    Role,
    T,
)

MOVES: tuple[Transition, ...] = sum(
    (
        # subjects
        moves("subject", "enrol_subject", "> SCREENING", BEDSIDE),
        moves("subject", "answer_criteria", "SCREENING =", BEDSIDE),
        moves("subject", "sign_eligibility", "SCREENING > ENROLLED", BEDSIDE, APPROVED),
        moves("subject", "sign_eligibility", "SCREENING > SCREEN_FAILED", BEDSIDE, REJECTED),
        moves("subject", "move_to_amendment", "SCREENING ENROLLED =", BEDSIDE, APPROVED),
        moves("subject", "withdraw_subject", "SCREENING ENROLLED > WITHDRAWN", BEDSIDE),
        moves("subject", "complete_subject", "ENROLLED > COMPLETED", BEDSIDE),
        moves(
            "subject",
            "look_at_identity",
            "SCREENING ENROLLED SCREEN_FAILED WITHDRAWN COMPLETED =",
            frozenset({Q, C, Role.AUDITOR}),
        ),
        moves("treatment_decision", "continue_treatment", "> DECIDED", BEDSIDE, APPROVED),
        moves("weight", "measure_weight", "> MEASURED", BEDSIDE),
        moves("weight", "confirm_weight", "MEASURED > CONFIRMED", BEDSIDE, None, ("measured_by_id",)),
        # doses
        moves("dose", "order_dose", "> ORDERED", BEDSIDE, APPROVED),
        moves("subject", "order_dose", "ENROLLED =", BEDSIDE, APPROVED),
        moves("vial", "order_dose", "IN_STOCK > RESERVED", BEDSIDE),
        moves("dose", "cancel_dose", "UNORDERED ORDERED PICKED > CANCELLED", BEDSIDE),
        moves(
            "dose",
            "plan_dose_anew",
            "ORDERED PICKED THAWING COUNTED PREPARED CHECKED_ONCE CHECKED =",
            BEDSIDE,
            APPROVED,
        ),
        moves("vial", "cancel_dose", "RESERVED > IN_STOCK", BEDSIDE),
        moves("vial", "cancel_dose", "PICKED =", BEDSIDE),
        moves("vial", "pick_vial", "RESERVED > PICKED", TECH),
        moves("dose", "pick_vial", "ORDERED > PICKED", TECH),
        moves("dose", "pick_vial", "ORDERED PICKED THAWING COUNTED =", TECH),
        moves("dose", "fetch_spare", "PICKED THAWING COUNTED =", TECH),
        moves("vial", "return_vial", "PICKED > IN_STOCK", TECH),
        moves("vial", "thaw_vial", "PICKED > THAWED", TECH),
        moves("dose", "thaw_vial", "PICKED COUNTED > THAWING", TECH),
        moves("dose", "thaw_vial", "THAWING =", TECH),
        moves("dose", "pool_and_count", "THAWING > COUNTED", TECH),
        moves("vial", "pool_and_count", "THAWED > POOLED", TECH),
        moves("vial", "pool_and_count", "POOLED =", TECH),
        moves("dose", "accept_short_dose", "COUNTED =", BEDSIDE, APPROVED),
        moves("dose", "prepare_dose", "COUNTED > PREPARED", TECH),
        moves("vial", "prepare_dose", "RESERVED > IN_STOCK", TECH),
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
    ),
    (),
)
