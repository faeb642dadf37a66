"""THE table: every move of every record between its states (those stand in states.py).

One row says: this act takes a record of this kind from this state to that one; these roles may do it; it is signed with
this meaning; the person must differ from whoever stands in these columns. Pages, permissions, four-eyes checks, the
state CHECKs in the database, the diagrams in docs/ and the parametrised tests all read this table and nothing else.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cellbank.domain.states import STATES

__all__ = [
    "PERFORMERS", "STATES", "TRANSITIONS", "Meaning", "Role", "Transition", "acts_from", "is_signed",
    "roles_for", "rows_for",
]  # fmt: skip


class Role(StrEnum):
    """What a person may be. An administrator holds no other role: accounts without any power over product."""

    TECHNICIAN = "technician"
    QUALITY_OFFICER = "quality_officer"
    CLINICIAN = "clinician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"  # the installation itself: the first account, an unreadable scan of nobody


class Meaning(StrEnum):
    """What a signature says (21 CFR 11.50)."""

    VERIFIED = "verified"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"


PERFORMERS = "performers"  # in `differs`: everybody who did anything to the lot, its cultures, vials or results

T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR
LAB = frozenset({T, Q})
FLOOR = frozenset({T, Q, C})  # everybody who works on product or with subjects
BEDSIDE = frozenset({C})
EVERYBODY = frozenset({T, Q, C, A, Role.AUDITOR})


@dataclass(frozen=True)
class Transition:
    """One row of the table. `source` None: the act creates the record. Equal source and target: allowed, no move."""

    record: str
    act: str
    source: str | None
    target: str
    roles: frozenset[Role]
    meaning: Meaning | None = None
    differs: tuple[str, ...] = ()


def _rows(
    record: str,
    act: str,
    moves: str,
    roles: frozenset[Role],
    meaning: Meaning | None = None,
    differs: tuple[str, ...] = (),
) -> tuple[Transition, ...]:
    """Rows from 'A B > C': from A or from B to C; '> C' creates; 'A =' stays in A."""
    sources_text, arrow, target = moves.partition(">")
    if not arrow:
        stay = moves.replace("=", " ").split()
        return tuple(Transition(record, act, state, state, roles, meaning, differs) for state in stay)
    sources: list[str | None] = list(sources_text.split()) or [None]
    return tuple(Transition(record, act, source, target.strip(), roles, meaning, differs) for source in sources)


_ADMIN, _QO, _TECH = frozenset({A}), frozenset({Q}), frozenset({T})
_APPROVED, _REJECTED, _REVIEWED = Meaning.APPROVED, Meaning.REJECTED, Meaning.REVIEWED

# Acts about something else that stop every lot below it: what a donor, a reagent or a tank is found to be.
HOLDING: dict[str, frozenset[Role]] = {
    "hold_donor": _QO, "recall_reagent": _QO, "decide_reagent": _QO, "report_storage_failure": LAB,
    "review_results": LAB, "enter_result": LAB, "import_results": LAB, "correct_result": LAB,
    "import_readings": LAB, "record_readings": LAB, "confirm_reading": LAB,
}  # fmt: skip
# Every act that stops a frozen lot ends its conditional releases.
STOPPING: dict[str, frozenset[Role]] = {
    "hold_lot": _QO, "withdraw_consent": LAB, "determine_eligibility": _QO, "reject_lot": _QO, "recall_lot": _QO,
    **HOLDING,
}  # fmt: skip

TRANSITIONS: tuple[Transition, ...] = sum(
    (
        # the site and its people
        _rows("site", "configure_site", "> OPEN", frozenset({Role.SYSTEM})),
        _rows("person", "add_person", "> ACTIVE", frozenset({A, Role.SYSTEM})),
        _rows("person", "change_roles", "ACTIVE =", _ADMIN),
        _rows("person", "reset_password", "ACTIVE =", _ADMIN),
        _rows("person", "unlock_person", "ACTIVE =", _ADMIN),
        _rows("person", "disable_person", "ACTIVE > DISABLED", _ADMIN),
        _rows("person", "note_wrong_password", "ACTIVE =", frozenset({Role.SYSTEM})),
        _rows("person", "sign_in", "ACTIVE =", EVERYBODY),
        _rows("person", "sign_out", "ACTIVE =", EVERYBODY),
        _rows("person", "change_password", "ACTIVE =", EVERYBODY),
        _rows("person", "accept_agreement", "ACTIVE =", FLOOR),
        _rows("person", "set_up_second_factor", "ACTIVE =", EVERYBODY),
        _rows("person", "confirm_second_factor", "ACTIVE =", EVERYBODY),
        _rows("person", "reset_second_factor", "ACTIVE =", _ADMIN),
        _rows("training", "record_training", "> VALID", frozenset({A, Q})),
        _rows("training", "revoke_training", "VALID > REVOKED", frozenset({A, Q})),
        _rows("api_token", "create_token", "> LIVE", EVERYBODY),
        _rows("api_token", "revoke_token", "LIVE > REVOKED", EVERYBODY),
        # definitions: trial protocols and product specifications
        _rows("definition", "import_definition", "> IMPORTED", frozenset({Q, Role.SYSTEM})),
        _rows("definition", "make_effective", "IMPORTED > EFFECTIVE", _QO, _APPROVED),
        _rows("definition", "make_effective", "EFFECTIVE > SUPERSEDED", _QO, _APPROVED),
        # donors and donations
        _rows("donor", "register_donor", "> REGISTERED", LAB),
        _rows("consent", "record_consent", "> GIVEN", LAB),
        _rows("consent", "withdraw_consent", "GIVEN > WITHDRAWN", LAB),
        _rows("donor", "determine_eligibility", "REGISTERED INELIGIBLE > ELIGIBLE", _QO, _APPROVED),
        _rows("donor", "determine_eligibility", "REGISTERED ELIGIBLE > INELIGIBLE", _QO, _REJECTED),
        _rows("donation", "receive_donation", "> ACCEPTED", LAB),
        _rows("donation", "receive_donation", "> AWAITING_DECISION", LAB),
        _rows("donation", "decide_donation", "AWAITING_DECISION > ACCEPTED", _QO, _APPROVED, ("received_by_id",)),
        _rows("donation", "decide_donation", "AWAITING_DECISION > REJECTED", _QO, _REJECTED, ("received_by_id",)),
        # results of donors and of lots
        _rows("test_result", "enter_result", "> ENTERED", LAB),
        _rows("test_result", "import_results", "> ENTERED", LAB),
        _rows("test_result", "correct_result", "> ENTERED", LAB),
        _rows("test_result", "correct_result", "ENTERED REVIEWED > CORRECTED", LAB),
        _rows("test_result", "invalidate_result", "REVIEWED > INVALIDATED", _QO, _APPROVED, ("entered_by_id",)),
        _rows("sample", "take_sample", "> TAKEN", LAB),
        _rows("sample", "enter_result", "TAKEN > REPORTED", LAB),
        _rows("sample", "import_results", "TAKEN > REPORTED", LAB),
        _rows("sample", "cancel_sample", "TAKEN > CANCELLED", LAB),
        _rows("test_result", "review_results", "ENTERED > REVIEWED", LAB, _REVIEWED, ("entered_by_id",)),
        _rows("test_result", "review_results", "ENTERED > DISPUTED", LAB, _REVIEWED, ("entered_by_id",)),
        # reagents and cultures
        _rows("reagent_lot", "receive_reagent", "> QUARANTINED", LAB),
        _rows(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED REJECTED > ACCEPTED",
            _QO,
            _APPROVED,
            ("received_by_id",),
        ),
        _rows(
            "reagent_lot",
            "decide_reagent",
            "QUARANTINED ACCEPTED > REJECTED",
            _QO,
            _REJECTED,
            ("received_by_id",),
        ),
        _rows("reagent_lot", "open_reagent", "ACCEPTED =", LAB),
        _rows("reagent_lot", "recall_reagent", "ACCEPTED > RECALLED", _QO, _REJECTED),
        _rows("culture", "isolate_tissue", "> GROWING", _TECH),
        _rows("culture", "record_harvest", "GROWING > HARVESTED", _TECH),
        _rows("culture", "passage_culture", "> GROWING", _TECH),
        _rows("culture", "passage_culture", "HARVESTED =", _TECH),
        _rows("culture", "thaw_bank_vial", "> GROWING", _TECH),
        _rows("culture", "finish_culture", "HARVESTED > FINISHED", _TECH),
        _rows("culture", "discard_culture", "GROWING > DISCARDED", _TECH),
        # lots and vials
        _rows("lot", "open_lot", "> IN_PROCESS", _TECH),
        _rows("culture", "open_lot", "HARVESTED =", _TECH),
        _rows("vial", "open_lot", "> PRINTED", _TECH),
        _rows("lot", "record_filling", "IN_PROCESS =", _TECH),
        _rows("vial", "record_filling", "PRINTED > FILLED", _TECH),
        _rows("lot", "close_filling", "IN_PROCESS > FILLED", _TECH),
        _rows("vial", "close_filling", "PRINTED > VOIDED", _TECH),
        _rows("lot", "record_freezing", "FILLED > QUARANTINE", _TECH),
        _rows("lot", "record_freezing", "FILLED > ON_HOLD", _TECH),
        _rows("vial", "record_freezing", "FILLED > FROZEN", _TECH),
        _rows("vial", "thaw_bank_vial", "IN_STOCK > CULTURED", _TECH),
        _rows("vial", "use_vial_for_testing", "FROZEN IN_STOCK > QC_USED", LAB),
        _rows("vial", "discard_vial", "FILLED FROZEN IN_STOCK PICKED MISSING THAWED > DISCARDED", LAB),
        # storage
        _rows("storage_unit", "add_storage_unit", "> IN_SERVICE", LAB),
        _rows("storage_unit", "take_out_of_service", "IN_SERVICE > OUT_OF_SERVICE", LAB),
        _rows("storage_unit", "report_storage_failure", "IN_SERVICE OUT_OF_SERVICE > FAILED", LAB),
        _rows("storage_unit", "return_to_service", "OUT_OF_SERVICE FAILED > IN_SERVICE", LAB),
        _rows("vial", "store_vials", "FROZEN > IN_STOCK", _TECH),
        _rows("vial", "move_vial", "IN_STOCK RESERVED =", _TECH),
        _rows("storage_unit", "move_storage_unit", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        _rows("storage_unit", "relocate_unit", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        _rows("storage_unit", "note_warming", "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB),
        _rows("vial", "note_warming", "IN_STOCK RESERVED PICKED =", LAB),
        _rows("stock_count", "count_box", "> COUNTED_ONCE", LAB),
        _rows("stock_count", "count_again", "COUNTED_ONCE > COUNTED_TWICE", LAB, None, ("first_counted_by_id",)),
        _rows("stock_count", "close_count", "COUNTED_TWICE > CLOSED", LAB),
        *(
            _rows("storage_unit", act, "IN_SERVICE OUT_OF_SERVICE FAILED =", LAB)
            + _rows("vial", act, "IN_STOCK RESERVED =", LAB)
            + _rows("vial", act, "IN_STOCK RESERVED > MISSING", LAB)
            + _rows("vial", act, "FROZEN MISSING > IN_STOCK", LAB)
            for act in ("rescan_box", "reconcile_rack", "close_count")
        ),
        # temperature
        _rows("probe", "add_probe", "> IN_USE", LAB),
        *(_rows("probe", act, "IN_USE =", LAB) for act in ("import_readings", "record_readings")),
        _rows("probe", "calibrate_probe", "IN_USE =", LAB),
        _rows("probe", "change_probe_limits", "IN_USE =", _QO, _APPROVED),
        _rows("probe", "retire_probe", "IN_USE > RETIRED", LAB),
        _rows("probe", "record_reading_by_hand", "IN_USE =", LAB),
        _rows("probe", "look_for_silence", "IN_USE =", LAB | {Role.SYSTEM}),
        *(_rows("reading_import", act, "> STORED", LAB) for act in ("import_readings", "record_readings")),
        _rows("reading_import", "record_reading_by_hand", "> ENTERED", LAB),
        _rows("reading_import", "confirm_reading", "ENTERED > STORED", LAB, None, ("entered_by_id",)),
        _rows("reading_import", "confirm_reading", "ENTERED > REJECTED", LAB, None, ("entered_by_id",)),
        *(_rows("excursion", act, "> OPEN", LAB) for act in ("import_readings", "record_readings", "confirm_reading")),
        _rows("excursion", "look_for_silence", "> OPEN", LAB | {Role.SYSTEM}),
        _rows("excursion", "acknowledge_excursion", "OPEN =", LAB),
        _rows("excursion", "end_silence", "OPEN =", _QO, _APPROVED),
        _rows("excursion", "decide_excursion", "OPEN > ACCEPTED", _QO, _APPROVED),
        _rows("excursion", "decide_excursion", "OPEN > REJECTED", _QO, _REJECTED),
        # quality decisions
        _rows("batch_review", "review_batch_record", "> REVIEWED", _QO, _REVIEWED),
        _rows("lot", "review_batch_record", "QUARANTINE ON_HOLD =", _QO, None, (PERFORMERS,)),
        _rows("lot", "release_lot", "QUARANTINE > RELEASED", _QO, Meaning.RELEASED, (PERFORMERS,)),
        _rows("lot", "reject_lot", "FILLED QUARANTINE ON_HOLD > REJECTED", _QO, _REJECTED, (PERFORMERS,)),
        _rows("lot", "recall_lot", "RELEASED ON_HOLD > RECALLED", _QO, _REJECTED, (PERFORMERS,)),
        _rows("lot", "hold_lot", "QUARANTINE RELEASED > ON_HOLD", _QO),
        _rows("lot", "hold_lot", "IN_PROCESS FILLED ON_HOLD =", _QO),
        _rows("lot", "withdraw_consent", "QUARANTINE RELEASED > ON_HOLD", LAB),
        _rows("lot", "determine_eligibility", "QUARANTINE RELEASED > ON_HOLD", _QO, _REJECTED),
        # what was made from it
        *(_rows("lot", act, "QUARANTINE RELEASED > ON_HOLD", _QO) for act in ("reject_lot", "recall_lot")),
        *(_rows("hold", act, "> PLACED", _QO) for act in ("reject_lot", "recall_lot")),
        *(_rows("lot", act, "QUARANTINE RELEASED > ON_HOLD", roles) for act, roles in HOLDING.items()),
        *(_rows("hold", act, "> PLACED", roles) for act, roles in HOLDING.items()),
        _rows("donor", "hold_donor", "REGISTERED ELIGIBLE INELIGIBLE =", _QO),
        # use of a lot for one subject while results are pending; off unless the specification allows it
        _rows("conditional_release", "request_conditional_release", "> REQUESTED", BEDSIDE, _APPROVED),
        _rows("lot", "request_conditional_release", "QUARANTINE =", BEDSIDE),
        _rows(
            "conditional_release",
            "approve_conditional_release",
            "REQUESTED > APPROVED",
            _QO,
            _APPROVED,
            ("requested_by_id",),
        ),
        _rows("lot", "approve_conditional_release", "QUARANTINE =", _QO, None, (PERFORMERS,)),
        _rows(
            "conditional_release",
            "sign_for_sponsor",
            "APPROVED > IN_FORCE",
            _QO,
            _APPROVED,
            ("requested_by_id", "approved_by_id"),
        ),
        _rows("lot", "sign_for_sponsor", "QUARANTINE =", _QO, None, (PERFORMERS,)),
        _rows(
            "conditional_release",
            "end_conditional_release",
            "REQUESTED APPROVED IN_FORCE > ENDED",
            frozenset({Q, C}),
        ),
        *(
            _rows("conditional_release", act, "REQUESTED APPROVED IN_FORCE > ENDED", roles)
            for act, roles in (("release_lot", _QO), *STOPPING.items())
        ),
        *(_rows("recall_notice", act, "> OPEN", LAB) for act in ("enter_result", "import_results", "correct_result")),
        _rows("recall_notice", "recall_lot", "> OPEN", _QO),
        _rows("recall_notice", "reject_lot", "> OPEN", _QO),
        _rows("recall_notice", "acknowledge_recall", "OPEN > ACKNOWLEDGED", BEDSIDE),
        _rows("lot", "lift_hold", "ON_HOLD > QUARANTINE", _QO, _APPROVED, (PERFORMERS,)),
        _rows("lot", "lift_hold", "ON_HOLD > RELEASED", _QO, _APPROVED, (PERFORMERS,)),
        _rows("hold", "hold_lot", "> PLACED", _QO),
        _rows("hold", "withdraw_consent", "> PLACED", LAB),
        _rows("hold", "determine_eligibility", "> PLACED", _QO),
        _rows("hold", "lift_hold", "PLACED > LIFTED", _QO, _APPROVED),
        # deviations and what is done about them
        _rows("deviation", "open_deviation", "> OPEN", FLOOR),
        *(_rows("deviation", act, "> OPEN", LAB) for act in ("enter_result", "import_results", "correct_result")),
        _rows("deviation", "link_deviation", "OPEN INVESTIGATED =", FLOOR),
        _rows("deviation", "classify_deviation", "OPEN INVESTIGATED =", _QO),
        _rows("deviation", "investigate_deviation", "OPEN INVESTIGATED > INVESTIGATED", LAB),
        _rows(
            "deviation",
            "close_deviation",
            "INVESTIGATED > CLOSED",
            _QO,
            _APPROVED,
            ("opened_by_id", "investigated_by_id"),
        ),
        _rows("deviation", "reopen_deviation", "CLOSED > OPEN", _QO, _APPROVED),
        _rows("corrective_action", "plan_action", "> PLANNED", LAB),
        _rows("corrective_action", "complete_action", "PLANNED > DONE", FLOOR),
        _rows("corrective_action", "verify_action", "DONE > VERIFIED", _QO, _APPROVED, ("done_by_id",)),
        _rows("corrective_action", "verify_action", "DONE > PLANNED", _QO, _REJECTED, ("done_by_id",)),
        # subjects
        _rows("subject", "enrol_subject", "> SCREENING", BEDSIDE),
        _rows("subject", "answer_criteria", "SCREENING =", BEDSIDE),
        _rows("subject", "sign_eligibility", "SCREENING > ENROLLED", BEDSIDE, _APPROVED),
        _rows("subject", "sign_eligibility", "SCREENING > SCREEN_FAILED", BEDSIDE, _REJECTED),
        _rows("subject", "withdraw_subject", "SCREENING ENROLLED > WITHDRAWN", BEDSIDE),
        _rows("subject", "complete_subject", "ENROLLED > COMPLETED", BEDSIDE),
        _rows(
            "subject",
            "look_at_identity",
            "SCREENING ENROLLED SCREEN_FAILED WITHDRAWN COMPLETED =",
            frozenset({Q, C, Role.AUDITOR}),
        ),
        _rows("weight", "measure_weight", "> MEASURED", BEDSIDE),
        _rows("weight", "confirm_weight", "MEASURED > CONFIRMED", BEDSIDE, None, ("measured_by_id",)),
        # doses
        _rows("dose", "order_dose", "> ORDERED", BEDSIDE, _APPROVED),
        _rows("subject", "order_dose", "ENROLLED =", BEDSIDE, _APPROVED),
        _rows("vial", "order_dose", "IN_STOCK > RESERVED", BEDSIDE, _APPROVED),
        _rows("dose", "cancel_dose", "ORDERED PICKED > CANCELLED", BEDSIDE),
        _rows("vial", "cancel_dose", "RESERVED > IN_STOCK", BEDSIDE),
        _rows("vial", "cancel_dose", "PICKED =", BEDSIDE),
        _rows("vial", "pick_vial", "RESERVED > PICKED", _TECH),
        _rows("dose", "pick_vial", "ORDERED > PICKED", _TECH),
        _rows("dose", "pick_vial", "ORDERED PICKED THAWING COUNTED =", _TECH),
        _rows("vial", "return_vial", "PICKED > IN_STOCK", _TECH),
        _rows("vial", "thaw_vial", "PICKED > THAWED", _TECH),
        _rows("dose", "thaw_vial", "PICKED COUNTED > THAWING", _TECH),
        _rows("dose", "thaw_vial", "THAWING =", _TECH),
        _rows("dose", "pool_and_count", "THAWING > COUNTED", _TECH),
        _rows("vial", "pool_and_count", "THAWED > POOLED", _TECH),
        _rows("vial", "pool_and_count", "POOLED =", _TECH),
        _rows("dose", "accept_short_dose", "COUNTED =", BEDSIDE, _APPROVED),
        _rows("dose", "prepare_dose", "COUNTED > PREPARED", _TECH),
        _rows("vial", "prepare_dose", "RESERVED > IN_STOCK", _TECH),
        _rows(
            "dose",
            "discard_dose",
            "THAWING COUNTED PREPARED CHECKED_ONCE CHECKED > DISCARDED",
            frozenset({T, C}),
        ),
        _rows("vial", "discard_dose", "THAWED POOLED > DISCARDED", frozenset({T, C})),
        _rows("vial", "discard_dose", "RESERVED > IN_STOCK", frozenset({T, C})),
        # bedside
        _rows("dose", "check_dose", "PREPARED > CHECKED_ONCE", BEDSIDE, Meaning.VERIFIED, ("prepared_by_id",)),
        _rows(
            "dose",
            "check_dose",
            "CHECKED_ONCE > CHECKED",
            BEDSIDE,
            Meaning.VERIFIED,
            ("prepared_by_id", "first_checked_by_id"),
        ),
        _rows("dose", "start_infusion", "CHECKED > INFUSING", BEDSIDE),
        _rows("dose", "stop_infusion", "INFUSING > INFUSED", BEDSIDE),
        _rows("vial", "stop_infusion", "POOLED > INFUSED", BEDSIDE),
        _rows("dose", "record_reaction", "INFUSING INFUSED RECONCILED =", BEDSIDE),
        _rows("dose", "reconcile_infusion", "INFUSED > RECONCILED", frozenset({T, C})),
        # labels
        _rows("printing", "print_labels", "> PRINTED", frozenset({T, Q, C})),
        _rows("printing", "print_label_again", "> PRINTED", frozenset({T, Q, C})),
        _rows("printing", "print_commands", "> PRINTED", EVERYBODY),
        # documents and the trail
        _rows("document_issue", "issue_document", "> ISSUED", frozenset({T, Q, C, Role.AUDITOR})),
        _rows("trail_review", "review_trail", "> REVIEWED", _QO, _REVIEWED),
        # the door
        _rows("scan", "report_unreadable_scan", "> REPORTED", EVERYBODY),
    ),
    (),
)


@lru_cache
def rows_for(act: str, record: str | None = None) -> tuple[Transition, ...]:
    """The rows of one act, of one kind of record or of all."""
    return tuple(row for row in TRANSITIONS if row.act == act and record in (None, row.record))


@lru_cache
def roles_for(act: str) -> frozenset[Role]:
    """Who may do an act at all, whatever the record."""
    return frozenset().union(*(row.roles for row in rows_for(act)))


@lru_cache
def is_signed(act: str) -> bool:
    """Whether the act asks for the password again."""
    return any(row.meaning for row in rows_for(act))


def acts_from(record: str, state: str, roles: frozenset[Role]) -> tuple[str, ...]:
    """The acts that a person with these roles may try on a record in this state, in the order of the table."""
    names = (row.act for row in TRANSITIONS if row.record == record and row.source == state and row.roles & roles)
    return tuple(dict.fromkeys(names))
