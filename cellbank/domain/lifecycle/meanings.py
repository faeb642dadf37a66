"""The states of each kind of record, and what they mean."""

from cellbank.domain.lifecycle.states import (
    AccountChangeState,
    ActionState,
    BatchReviewState,
    ConditionalState,
    ConsentState,
    CorrectionState,
    CountState,
    CultureState,
    DefinitionState,
    DeviationState,
    DonationState,
    DonorState,
    DoseState,
    ExcursionState,
    HoldState,
    IssueState,
    LotState,
    NoticeState,
    PaperState,
    PersonState,
    PrintingState,
    ProbeState,
    ReadingState,
    ReagentState,
    ResultState,
    RunState,
    SampleState,
    ScanState,
    ShipmentState,
    SiteState,
    State,
    SubjectState,
    TokenState,
    TrailReviewState,
    TrainingState,
    TreatmentState,
    UnitState,
    VialState,
    WeightState,
)

#: by kind of record
STATES_OF: dict[str, type[State]] = {
    "site": SiteState,
    "person": PersonState,
    "api_token": TokenState,
    "account_change": AccountChangeState,
    "training": TrainingState,
    "definition": DefinitionState,
    "donor": DonorState,
    "consent": ConsentState,
    "donation": DonationState,
    "reagent_lot": ReagentState,
    "culture": CultureState,
    "lot": LotState,
    "freezer_run": RunState,
    "vial": VialState,
    "storage_unit": UnitState,
    "stock_count": CountState,
    "test_result": ResultState,
    "sample": SampleState,
    "deviation": DeviationState,
    "corrective_action": ActionState,
    "conditional_release": ConditionalState,
    "correction": CorrectionState,
    "batch_review": BatchReviewState,
    "recall_notice": NoticeState,
    "printing": PrintingState,
    "document_issue": IssueState,
    "trail_review": TrailReviewState,
    "probe": ProbeState,
    "reading_import": ReadingState,
    "excursion": ExcursionState,
    "shipment": ShipmentState,
    "scan": ScanState,
    "hold": HoldState,
    "subject": SubjectState,
    "treatment_decision": TreatmentState,
    "weight": WeightState,
    "dose_paper": PaperState,
    "dose": DoseState,
}
STATES: dict[str, dict[str, str]] = {
    record: {state: state.means for state in states} for record, states in STATES_OF.items()
}
# What a lot that is released is good for depends on what it was made for.
RELEASED_FOR = {
    "master_bank": "may be thawed into cultures; never for patients",
    "working_bank": "may be thawed into cultures; never for patients",
    "product": "may be used for patients",
}


def state_means(record: str, state: str, purpose: str | None = None) -> str:
    """What a state means, of a lot with this purpose."""
    if record == "lot" and state == LotState.RELEASED and purpose in RELEASED_FOR:
        return RELEASED_FOR[purpose]
    return STATES[record][state]
