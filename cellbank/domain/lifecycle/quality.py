"""The moves that quality decides: releases, holds, notices, deviations, what is put right."""

from cellbank.domain.correction import KINDS as CORRECTED
from cellbank.domain.correction import UNCHECKED, moves_of
from cellbank.domain.lifecycle.moves import APPROVED, PERFORMERS, REJECTED, REVIEWED, Transition, moves
from cellbank.domain.lifecycle.roles import (
    BEDSIDE,
    FLOOR,
    LAB,
    QO,
    C,
    Meaning,
    Q,
    Role,
    T,
)

# Acts about something else that stop every lot below it: what a donor, a reagent or a tank is found to be.
HOLDING: dict[str, frozenset[Role]] = {
    "hold_donor": QO, "recall_reagent": QO, "decide_reagent": QO, "report_storage_failure": LAB,
    "review_results": LAB, "enter_result": LAB, "import_results": LAB, "correct_result": LAB,
    "import_readings": LAB, "record_readings": LAB, "confirm_reading": LAB, "correct_fact": LAB,
}  # fmt: skip
# Every act that stops a frozen lot ends its conditional releases.
STOPPING: dict[str, frozenset[Role]] = {
    "hold_lot": QO, "withdraw_consent": LAB, "determine_eligibility": QO, "reject_lot": QO, "recall_lot": QO,
    **HOLDING,
}  # fmt: skip

MOVES: tuple[Transition, ...] = sum(
    (
        # quality decisions
        moves("batch_review", "review_batch_record", "> REVIEWED", QO, REVIEWED),
        moves("lot", "review_batch_record", "QUARANTINE ON_HOLD =", QO, None, (PERFORMERS,)),
        moves("lot", "release_lot", "QUARANTINE > RELEASED", QO, Meaning.RELEASED, (PERFORMERS,)),
        moves("lot", "reject_lot", "FILLED QUARANTINE ON_HOLD > REJECTED", QO, REJECTED, (PERFORMERS,)),
        moves("lot", "recall_lot", "RELEASED ON_HOLD > RECALLED", QO, REJECTED, (PERFORMERS,)),
        moves("lot", "hold_lot", "QUARANTINE RELEASED > ON_HOLD", QO),
        moves("lot", "hold_lot", "IN_PROCESS FILLED ON_HOLD =", QO),
        moves("lot", "withdraw_consent", "QUARANTINE RELEASED > ON_HOLD", LAB),
        moves("lot", "determine_eligibility", "QUARANTINE RELEASED > ON_HOLD", QO),
        # what was made from it
        *(moves("lot", act, "QUARANTINE RELEASED > ON_HOLD", QO) for act in ("reject_lot", "recall_lot")),
        *(moves("hold", act, "> PLACED", QO) for act in ("reject_lot", "recall_lot")),
        *(moves("lot", act, "QUARANTINE RELEASED > ON_HOLD", roles) for act, roles in HOLDING.items()),
        *(moves("hold", act, "> PLACED", roles) for act, roles in HOLDING.items()),
        moves("donor", "hold_donor", "REGISTERED ELIGIBLE INELIGIBLE =", QO),
        # use of a lot for one subject while results are pending; off unless the specification allows it
        moves("conditional_release", "request_conditional_release", "> REQUESTED", BEDSIDE, APPROVED),
        moves("lot", "request_conditional_release", "QUARANTINE =", BEDSIDE),
        moves(
            "conditional_release",
            "approve_conditional_release",
            "REQUESTED > APPROVED",
            QO,
            APPROVED,
            ("requested_by_id",),
        ),
        moves("lot", "approve_conditional_release", "QUARANTINE =", QO, None, (PERFORMERS,)),
        moves(
            "conditional_release",
            "sign_for_sponsor",
            "APPROVED > IN_FORCE",
            QO,
            APPROVED,
            ("requested_by_id", "approved_by_id"),
        ),
        moves("lot", "sign_for_sponsor", "QUARANTINE =", QO, None, (PERFORMERS,)),
        moves(
            "conditional_release",
            "end_conditional_release",
            "REQUESTED APPROVED IN_FORCE > ENDED",
            frozenset({Q, C}),
        ),
        *(
            moves("conditional_release", act, "REQUESTED APPROVED IN_FORCE > ENDED", roles)
            for act, roles in (("release_lot", QO), *STOPPING.items())
        ),
        # whatever stops product tells the clinicians of its doses
        *(moves("recall_notice", act, "> OPEN", roles) for act, roles in STOPPING.items()),
        moves("recall_notice", "decide_excursion", "> OPEN", QO),
        moves("recall_notice", "answer_notice", "OPEN =", BEDSIDE),
        moves("recall_notice", "answer_notice", "OPEN > ACKNOWLEDGED", BEDSIDE),
        moves("recall_notice", "cancel_dose", "OPEN > ACKNOWLEDGED", BEDSIDE),
        moves("recall_notice", "discard_dose", "OPEN > ACKNOWLEDGED", frozenset({T, C})),
        moves("lot", "lift_hold", "ON_HOLD > QUARANTINE", QO, APPROVED, (PERFORMERS,)),
        moves("lot", "lift_hold", "ON_HOLD > RELEASED", QO, APPROVED, (PERFORMERS,)),
        moves("hold", "hold_lot", "> PLACED", QO),
        moves("hold", "withdraw_consent", "> PLACED", LAB),
        moves("hold", "determine_eligibility", "> PLACED", QO),
        moves("hold", "lift_hold", "PLACED > LIFTED", QO, APPROVED),
        moves("hold", "lift_hold", "> PLACED", QO),  # on each lot of another site, for it to decide
        # deviations and what is done about them
        moves("deviation", "open_deviation", "> OPEN", FLOOR),
        *(moves("deviation", act, "> OPEN", LAB) for act in ("enter_result", "import_results", "correct_result")),
        moves("deviation", "link_deviation", "OPEN INVESTIGATED =", FLOOR),
        moves("deviation", "classify_deviation", "OPEN INVESTIGATED =", QO),
        moves("deviation", "investigate_deviation", "OPEN INVESTIGATED > INVESTIGATED", LAB),
        # graver at once and by one; less grave once it is investigated, and by another, for a stop goes with it
        moves("deviation", "lower_deviation", "INVESTIGATED =", QO, APPROVED, ("opened_by_id", "investigated_by_id")),
        moves(
            "deviation",
            "close_deviation",
            "INVESTIGATED > CLOSED",
            QO,
            APPROVED,
            ("opened_by_id", "investigated_by_id"),
        ),
        moves("deviation", "reopen_deviation", "CLOSED > OPEN", QO, APPROVED),
        moves("corrective_action", "plan_action", "> PLANNED", LAB),
        moves("corrective_action", "complete_action", "PLANNED > DONE", FLOOR),
        moves("corrective_action", "verify_action", "DONE > VERIFIED", QO, APPROVED, ("done_by_id",)),
        moves("corrective_action", "verify_action", "DONE > PLANNED", QO, REJECTED, ("done_by_id",)),
        # what was noted wrongly is put right
        moves("correction", "correct_fact", "> RECORDED", FLOOR, Meaning.PERFORMED),
        moves("deviation", "correct_fact", "> OPEN", FLOOR),
        *(
            moves(record, "correct_fact", f"{state} > {UNCHECKED.get(state, state)}", roles)
            for record in CORRECTED
            for state, roles in moves_of(record).items()
        ),
    ),
    (),
)
