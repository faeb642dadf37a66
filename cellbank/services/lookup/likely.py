"""The order of the next acts after a scan: the likeliest first, what ends or undoes something last."""

from cellbank.domain.lifecycle.states import (
    CultureState,
    DeviationState,
    DonationState,
    DonorState,
    DoseState,
    LotState,
    ReagentState,
    SubjectState,
    UnitState,
    VialState,
)
from cellbank.domain.lifecycle.table import rows_for
from cellbank.services.registry import REGISTRY


def is_about(act: str, type_: str | None) -> bool:
    """Whether somebody with a unit of this type in hand may have come for the act; None: it is no unit."""
    of_shippers = REGISTRY[act].of_shippers
    return type_ is None or of_shippers is None or of_shippers == (type_ == "shipper")


# While this is so with a record (its state, or a mark of it), nobody begins the act with it: it would be refused, or
# would be wrong. It stays to be found under the other acts.
_STOPPED = {"lot stopped", "out of time", "decision due", "given on paper"}
_NOT_ITS_DAY = {"day to come", "day passed"}
_LOT_IS_OVER = {LotState.REJECTED, LotState.RECALLED, "no vial left"}
_NOT_RELEASED = {LotState.IN_PROCESS, LotState.FILLED, LotState.QUARANTINE, LotState.ON_HOLD, *_LOT_IS_OVER}
_REAGENT_NOT_USED = {ReagentState.QUARANTINED, ReagentState.REJECTED, ReagentState.RECALLED, "used up", "expired"}
NOT_NOW: dict[tuple[str, str], set[str]] = {
    ("lot", "record_filling"): {"all filled"},
    ("lot", "close_filling"): {"nothing filled"},
    ("lot", "import_freezing_run"): {"has a run"},
    ("lot", "take_sample"): {LotState.IN_PROCESS, *_LOT_IS_OVER},
    ("lot", "enter_result"): {LotState.IN_PROCESS, *_LOT_IS_OVER},
    ("lot", "order_shipment"): {*_NOT_RELEASED, "no stock"},
    ("lot", "order_dose"): _NOT_RELEASED,
    ("lot", "release_lot"): {"results to review", "not reviewed", "deviation open"},
    ("lot", "request_conditional_release"): {"no stock", "results to review", "not reviewed", "deviation open"},
    ("vial", "pack_vials"): {"lot not released", "expired"},
    ("vial", "thaw_bank_vial"): {"product", "lot not released", "expired"},
    ("vial", "use_vial_for_testing"): {"lot rejected"},
    ("vial", "take_sample"): {
        "lot rejected",
        VialState.PRINTED,
        VialState.VOIDED,
        VialState.RESERVED,
        VialState.PICKED,
        VialState.THAWED,
        VialState.POOLED,
        VialState.INFUSED,
        VialState.CULTURED,
        VialState.DISCARDED,
        VialState.MISSING,
        VialState.IN_TRANSIT,
    },
    ("vial", "reconcile_infusion"): {"given and accounted for"},
    ("vial", "pick_vial"): {"lot stopped", "expired", "not its day", "dose has its vials", "decision due"},
    ("vial", "thaw_vial"): {"lot stopped", "expired", "decision due"},
    ("donation", "isolate_tissue"): {
        DonationState.AWAITING_DECISION,
        DonationState.REJECTED,
        "too old",
        "donor ineligible",
    },
    ("donation", "take_sample"): {DonationState.REJECTED, "too old", "donor ineligible"},
    ("culture", "passage_culture"): {"used up", "not expanded further"},
    ("culture", "open_lot"): {
        "used up",
        CultureState.GROWING,
        CultureState.FINISHED,
        CultureState.DISCARDED,
        "too many doublings",
    },
    ("culture", "take_sample"): {CultureState.FINISHED, CultureState.DISCARDED},
    ("deviation", "close_deviation"): {"actions open"},
    ("hold", "lift_hold"): {"donor ineligible"},
    ("person", "unlock_together"): {"not locked out"},
    ("person", "confirm_unlock"): {"not locked out", "no unlock asked"},
    **{("person", act): {"nothing asked"} for act in ("confirm_account_change", "decline_account_change")},
    ("probe", "ask_probe_limits"): {"limits asked"},
    **{("probe", act): {"no limits asked"} for act in ("change_probe_limits", "decline_probe_limits")},
    ("excursion", "acknowledge_excursion"): {"seen"},
    ("excursion", "decide_excursion"): {"goes on"},
    ("excursion", "end_silence"): {"no silence"},
    # Decided already: to decide otherwise is rare.
    ("donor", "determine_eligibility"): {DonorState.ELIGIBLE, DonorState.INELIGIBLE},
    ("reagent_lot", "decide_reagent"): {ReagentState.ACCEPTED, ReagentState.REJECTED},
    ("reagent_lot", "open_reagent"): {"open", *_REAGENT_NOT_USED},
    **{
        ("reagent_lot", act): _REAGENT_NOT_USED
        for act in ("isolate_tissue", "passage_culture", "open_lot", "thaw_bank_vial", "pool_and_count")
    },
    ("subject", "sign_eligibility"): {"not decided"},
    ("subject", "measure_weight"): {
        "control",
        SubjectState.SCREEN_FAILED,
        SubjectState.WITHDRAWN,
        SubjectState.COMPLETED,
        "all doses ordered",
    },
    ("subject", "order_dose"): {"control", "no weight", "dose waits", "all doses ordered", "decision due"},
    ("subject", "check_dose"): {"nothing to check", "decision due"},
    ("subject", "continue_treatment"): {"nothing to decide"},
    ("subject", "request_conditional_release"): {
        "control",
        SubjectState.SCREENING,
        SubjectState.SCREEN_FAILED,
        SubjectState.WITHDRAWN,
        SubjectState.COMPLETED,
        "all doses ordered",
    },
    ("dose", "pick_vial"): {*_STOPPED, "day passed", "too early to pick", "vials are out", "whole", "short accepted"},
    ("dose", "thaw_vial"): {*_STOPPED, *_NOT_ITS_DAY, "nothing to thaw", "whole", "short accepted"},
    ("dose", "fetch_spare"): {*_STOPPED, "no spare", "whole", "short accepted"},
    ("dose", "pool_and_count"): {"out of time", "more to thaw", "given on paper"},
    ("dose", "accept_short_dose"): {*_STOPPED, "whole", "short accepted"},
    ("dose", "prepare_dose"): {*_STOPPED, "short"},
    ("dose", "check_dose"): {*_STOPPED, *_NOT_ITS_DAY},
    ("dose", "start_infusion"): {*_STOPPED, *_NOT_ITS_DAY},
    **{("dose", act): {"no form entered"} for act in ("confirm_dose_from_paper", "take_back_paper_form")},
    **{("dose", act): {"given on paper"} for act in ("plan_dose_anew", "discard_dose")},
}
# While this is so, the act is what the record waits for.
FIRST: dict[tuple[str, str], set[str]] = {
    ("lot", "record_filling"): {"labels left"},
    ("lot", "review_results"): {"results to review"},
    ("person", "unlock_together"): {"locked out"},
    ("person", "confirm_account_change"): {"change asked"},
    ("probe", "change_probe_limits"): {"limits asked"},
    ("vial", "discard_vial"): {"lot rejected"},
    ("culture", "finish_culture"): {"used up"},
    ("subject", "answer_criteria"): {"not decided"},
    ("subject", "measure_weight"): {"no weight"},
    ("subject", "check_dose"): {"to be checked"},
    ("subject", "continue_treatment"): {"decision due"},
    ("dose", "discard_dose"): {"out of time"},
    ("dose", "plan_dose_anew"): {"day passed"},
    ("dose", "confirm_dose_from_paper"): {"given on paper"},
    ("dose", "enter_dose_from_paper"): {DoseState.UNORDERED},
    ("storage_unit", "relocate_unit"): {UnitState.FAILED},  # a dead tank is emptied before anything else
}
MOVES_ON, PRINTS, ENDING, WRONG_NOW = 0, 3, 4, 5
# They may stay so for years, and nobody is waited for.
RESTS = {
    ("vial", VialState.IN_STOCK),
    ("deviation", DeviationState.CLOSED),
    ("lot", LotState.RELEASED),
    ("reagent_lot", ReagentState.ACCEPTED),
    ("storage_unit", UnitState.IN_SERVICE),
}


def place_of(act: str, record: str, state: str, marks: frozenset[str] = frozenset()) -> int:
    """Where an act stands: -1 cannot wait, 0 moves the record on, 1 uses it, 2 makes something from it, 3 prints, 4
    ends it, 5 would be wrong now. A quality officer's stops stand with 2."""
    so = {state, *marks}
    if NOT_NOW.get((record, act), set()) & so:
        return WRONG_NOW
    if FIRST.get((record, act), set()) & so:
        return -1
    likely = REGISTRY[act].likely
    if likely == "in sight":
        return 2
    if likely == "rarely" or (record == "vial" and likely == "about the box"):
        return ENDING
    if likely == "prints":
        return PRINTS
    rows = [row for row in rows_for(act, record) if row.source == state]
    if any(row.target != state for row in rows):
        return 0
    return 1 if rows else 2
