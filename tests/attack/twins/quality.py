"""Quality: results and samples, deviations and holds, notices, issued documents."""

from tests.attack.twins.sql import HIM, ME, Attack, another, change, excursion_at, id_of, new

TAKEN = {
    "code": "'SA1'", "lot_id": id_of("lot", "waiting"), "test": "'IDENTITY'", "material": "'vial'", "taken_at": ":now",
    "due_on": "CURRENT_DATE", "taken_by_id": ME, "state": "'TAKEN'",
}  # fmt: skip
SAMPLE = new("sample", TAKEN)
OUT = "verdict = 'OUT_OF_SPECIFICATION', state = 'REVIEWED'"
OF_DONOR = f"UPDATE test_result SET {OUT} WHERE donor_id = {id_of('donor', 'donor')}"
UNSTOPPED = "what_is_found_stops_product"
REVIEW = "UPDATE test_result SET state = 'REVIEWED'"
REACTIVE = f"donor_id = {id_of('donor', 'donor')} AND test = 'HBSAG'"
FOUND = "UPDATE test_result SET verdict = 'OUT_OF_SPECIFICATION', state = 'ENTERED', reviewed_by_id = NULL WHERE"
DEVIATION = {
    "code": "'DV1'", "title": "'x'", "description": "'x'", "classification": "'major'", "occurred_at": ":now",
    "due_on": "CURRENT_DATE", "opened_by_id": ME, "site_id": "1", "state": "'OPEN'",
}  # fmt: skip
INVESTIGATED = {"investigation": "'x'", "investigated_by_id": HIM, "decision": "'x'", "closed_at": ":now"}
CLOSED = {**INVESTIGATED, "state": "'CLOSED'", "closed_by_id": HIM, "opened_by_id": "1", "investigated_by_id": "1"}
IT = "(SELECT id FROM deviation WHERE code = 'DV1')"
LINK = {"deviation_id": IT, "record_kind": "'lot'", "record_id": id_of("lot", "waiting"), "record_code": ":waiting"}
OF_RESULT = LINK | {
    "record_kind": "'test_result'", "record_id": id_of("test_result", "entered"), "record_code": ":entered",
}  # fmt: skip
ACTION = {
    "code": "'CA1'", "deviation_id": IT, "type": "'corrective'", "description": "'x'", "due_on": "CURRENT_DATE",
    "responsible_id": ME, "state": "'PLANNED'",
}  # fmt: skip
DONE = {"state": "'DONE'", "done_at": ":now", "done_by_id": ME, "done_note": "'x'"}
LOWER = "UPDATE deviation SET classification = 'minor' WHERE code = 'DV1'"
EXPLAINED = DEVIATION | {
    "state": "'INVESTIGATED'", "investigation": "'x'", "opened_by_id": HIM, "investigated_by_id": HIM,
}  # fmt: skip
CLOSE = f"UPDATE deviation SET state = 'CLOSED', closed_by_id = {ME} WHERE code = 'DV1'"
HOLD = {"code": "'HD1'", "reason": "'x'", "placed_at": ":now", "state": "'PLACED'", "lot_id": id_of("lot", "waiting")}
OF_HER = new("hold", HOLD, lot_id="NULL", donor_id=id_of("donor", "donor"))
LIFT = "UPDATE hold SET state = 'LIFTED', lifted_at = :now, lift_reason = 'x' WHERE code = 'HD1'"
EXCURSION = "(SELECT id FROM excursion WHERE code = 'EX1')"
NOTICE = new(
    "recall_notice",
    {
        "code": "'RN1'",
        "record_kind": "'lot'",
        "record_code": ":lot",
        "reason": "'x'",
        "opened_at": ":now",
        "site_id": "1",
        "state": "'OPEN'",
    },
)
LINE = {"notice_id": "(SELECT id FROM recall_notice WHERE code = 'RN1')", "dose_id": id_of("dose", "given")}
ANSWERED = {"done": "'patient_told'", "answered_at": ":now", "answered_by_id": ME}
ANSWER = f"UPDATE notice_line SET done = 'other', answered_at = :now, answered_by_id = {ME}"
DOCUMENT = {
    "code": "'DC1'", "type": "'coa'", "record_kind": "'lot'", "record_code": ":lot", "content": "'{}'",
    "digest": "'one'",
    "pdf_digest": "'x'", "edition": "1", "issued_at": ":now", "state": "'ISSUED'",
}  # fmt: skip
SECOND = {"code": "'DC2'", "edition": "2", "digest": "'two'", "reason": "'x'"}


def of_result(to: str) -> str:
    return change("test_result", "entered", to)


def issued(**but: str) -> str:
    return new("document_issue", DOCUMENT, **but)


GONE, OTHER_TEST = "state = 'CORRECTED', change_reason = 'x'", "'IDENTITY'"
RIGHT = {"code": "'INVENTED'", "entered_by_id": ME, "corrects_id": id_of("test_result", "entered")}

RESULTS = [
    Attack("reviewed by whoever entered it", "taras", "review_results",
           of_result(f"state = 'REVIEWED', reviewed_by_id = {ME}"), "ck_test_result_reviewed_by_another_person"),
    Attack("another value", "taras", "review_results", of_result("number = number + 1"), "a_result_is_never_changed"),
    Attack("another verdict", "taras", "review_results", of_result("verdict = 'INFORMATIVE'"),
           "a_result_is_never_changed"),
    Attack("a corrected result that counts again", "taras", "review_results", of_result("state = 'ENTERED'"),
           "a_result_never_counts_again", (of_result("state = 'CORRECTED', change_reason = 'x'"),)),
    Attack("corrected and nothing in its place", "taras", "correct_result",
           of_result("state = 'CORRECTED', change_reason = 'x'"), "a_corrected_result_has_the_right_one"),
    Attack("corrected by a result of another test", "taras", "correct_result",
           f"{of_result(GONE)}; {another('test_result', 'entered', **RIGHT, test=OTHER_TEST)}",
           "a_corrected_result_has_the_right_one"),
    Attack("invalidated without a deviation", "quinn", "invalidate_result",
           of_result(f"state = 'INVALIDATED', change_reason = 'x', reviewed_by_id = {ME}"),
           "an_invalidated_result_has_a_deviation"),
    Attack("invalidated by whoever investigated it", "quinn", "invalidate_result",
           of_result(f"state = 'INVALIDATED', change_reason = 'x', reviewed_by_id = {ME}"),
           "a_result_is_invalidated_by_another",
           (new("deviation", EXPLAINED, investigated_by_id=ME), new("deviation_link", OF_RESULT))),
    Attack("invalidated by whoever entered it", "quinn", "invalidate_result",
           of_result("state = 'INVALIDATED', change_reason = 'x'"), "a_result_is_invalidated_by_another",
           (new("deviation", EXPLAINED), new("deviation_link", OF_RESULT), of_result(f"entered_by_id = {ME}"))),
    Attack("a result out of specification in silence", "taras", "enter_result",
           another("test_result", "entered", code="'INVENTED'", verdict="'OUT_OF_SPECIFICATION'", entered_by_id=ME,
                   lot_id=id_of("lot", "lot")), "a_stop_reaches_every_clinician", without=(UNSTOPPED,)),
    Attack("a result of a sample of another test", "taras", "enter_result",
           another("test_result", "entered", code="'INVENTED'", entered_by_id=ME,
                   sample_id="(SELECT max(id) FROM sample)"),
           "a_result_is_of_its_sample", (SAMPLE,)),
    Attack("a sample of something else", "tina", "take_sample",
           "UPDATE sample SET material = 'water' WHERE code = 'SA1'",
           "a_sample_is_never_changed", (SAMPLE,)),
    Attack("a sample taken twice", "tina", "take_sample", new("sample", TAKEN, code="'SA2'"), "one_sample_awaited",
           (SAMPLE,)),
]  # fmt: skip
DEVIATIONS = [
    Attack("a closed deviation investigated again", "quinn", "investigate_deviation",
           "UPDATE deviation SET state = 'INVESTIGATED', closed_by_id = NULL", "a_closed_deviation_stays_closed",
           (new("deviation", DEVIATION | CLOSED),)),
    Attack("a record added to a closed deviation", "tina", "link_deviation", new("deviation_link", LINK),
           "nothing_is_added_to_a_closed_deviation", (new("deviation", DEVIATION | CLOSED),)),
    Attack("an action added to a closed deviation", "quinn", "plan_action", new("corrective_action", ACTION),
           "nothing_is_added_to_a_closed_deviation", (new("deviation", DEVIATION | CLOSED),)),
    Attack("closed before its correction is done", "quinn", "close_deviation", CLOSE,
           "no_closing_before_the_correction",
           (new("deviation", DEVIATION | INVESTIGATED | {"opened_by_id": HIM}), new("corrective_action", ACTION))),
    Attack("closed by whoever opened it", "quinn", "close_deviation", CLOSE, "ck_deviation_closed_by_another_person",
           (new("deviation", DEVIATION | INVESTIGATED),)),
    Attack("closed by whoever investigated it", "quinn", "close_deviation", CLOSE,
           "ck_deviation_closed_by_another_person",
           (new("deviation", DEVIATION | INVESTIGATED | {"opened_by_id": HIM, "investigated_by_id": ME}),)),
    Attack("made less grave without a signature", "quinn", "classify_deviation", LOWER,
           "a_deviation_is_lowered_with_a_signature", (new("deviation", EXPLAINED),)),
    Attack("made less grave by whoever opened it", "quinn", "lower_deviation", LOWER,
           "a_deviation_is_lowered_by_another", (new("deviation", EXPLAINED, opened_by_id=ME),)),
    Attack("made less grave by whoever investigated it", "quinn", "lower_deviation", LOWER,
           "a_deviation_is_lowered_by_another", (new("deviation", EXPLAINED, investigated_by_id=ME),)),
    Attack("made less grave before anybody investigated it", "quinn", "lower_deviation", LOWER,
           "a_deviation_is_lowered_by_another", (new("deviation", DEVIATION, opened_by_id=HIM),)),
    Attack("an action verified by whoever did it", "quinn", "verify_action",
           f"UPDATE corrective_action SET state = 'VERIFIED', verified_by_id = {ME}",
           "ck_corrective_action_verified_by_another_person",
           (new("deviation", DEVIATION), new("corrective_action", ACTION | DONE))),
]  # fmt: skip
HOLDS = [
    Attack("a hold that leaves a lot as it is", "quinn", "hold_lot", new("hold", HOLD), "a_hold_stops_every_lot_below"),
    Attack("a hold in silence", "quinn", "hold_lot",
           new("hold", HOLD, lot_id=id_of("lot", "lot")) + f"; {change('lot', 'lot', 'state = state')}",
           "a_stop_reaches_every_clinician",
           (change("lot", "lot", "state = 'ON_HOLD', state_before_hold = 'RELEASED'"),)),
    Attack("an ineligible donor and no hold", "quinn", "determine_eligibility",
           change("donor", "donor", "state = 'INELIGIBLE'"), UNSTOPPED),
    Attack("a consent withdrawn and no hold", "tina", "withdraw_consent",
           f"UPDATE consent SET state = 'WITHDRAWN', withdrawal_reason = 'x' "
           f"WHERE donor_id = {id_of('donor', 'donor')}", UNSTOPPED),
    Attack("found reactive and no hold", "taras", "review_results", f"{REVIEW}, reviewed_by_id = {ME} WHERE {REACTIVE}",
           UNSTOPPED, (f"{FOUND} {REACTIVE}",)),
    Attack("a reagent recalled and no hold", "quinn", "recall_reagent",
           change("reagent_lot", "reagent", "state = 'RECALLED'"), UNSTOPPED),
    Attack("a tank that failed and no hold", "tina", "report_storage_failure",
           change("storage_unit", "tank", "state = 'FAILED', out_of_service_reason = 'x'"), UNSTOPPED),
    *(Attack(f"{what}, and nobody says why", who, act, f"UPDATE {what}", "what_ends_says_why", given)
      for what, who, act, given in (
          ("hold SET state = 'LIFTED', lifted_at = :now, lift_reason = ' ' WHERE code = 'HD1'", "quinn", "lift_hold",
           (OF_HER,)),
          ("sample SET state = 'CANCELLED' WHERE code = 'SA1'", "tina", "cancel_sample", (SAMPLE,)),
          ("probe SET state = 'RETIRED' WHERE code = :probe", "tina", "retire_probe", ()),
          ("storage_unit SET state = 'FAILED' WHERE code = :tank", "tina", "report_storage_failure", ()),
          (f"training SET state = 'REVOKED' WHERE person_id = {HIM}", "quinn", "revoke_training", ()),
          (f"consent SET state = 'WITHDRAWN' WHERE donor_id = {id_of('donor', 'donor')}", "tina", "withdraw_consent",
           ()),
      )),
    Attack("a released lot that fails a test, and stays", "taras", "enter_result",
           another("test_result", "entered", code="'INVENTED'", verdict="'OUT_OF_SPECIFICATION'", entered_by_id=ME,
                   lot_id=id_of("lot", "lot")), UNSTOPPED, without=("a_stop_reaches_every_clinician",)),
    Attack("lifted against a result", "quinn", "lift_hold", LIFT, "no_hold_is_lifted_against_a_result",
           (OF_DONOR, OF_HER)),
    Attack("lifted on an ineligible donor", "quinn", "lift_hold", LIFT, "no_hold_is_lifted_on_an_ineligible_donor",
           (change("donor", "donor", "state = 'INELIGIBLE'"), OF_HER)),
    Attack("lifted on a donor who withdrew", "quinn", "lift_hold", LIFT, "no_hold_is_lifted_without_consent",
           (f"UPDATE consent SET state = 'WITHDRAWN' WHERE donor_id = {id_of('donor', 'donor')}", OF_HER)),
    Attack("lifted before the excursion is accepted", "quinn", "lift_hold", LIFT, "no_lifting_before_the_decision",
           (excursion_at("1"), new("hold", HOLD, excursion_id=EXCURSION))),
]  # fmt: skip
NOTICES = [
    Attack(
        "a dose added to a notice of before",
        "quinn",
        "recall_lot",
        new("notice_line", LINE),
        "nothing_is_added_to_what_is_closed",
        (NOTICE,),
    ),
    Attack(
        "a notice at an end without answers",
        "clara",
        "answer_notice",
        "UPDATE recall_notice SET state = 'ACKNOWLEDGED'",
        "a_notice_ends_with_its_last_answer",
        (NOTICE, new("notice_line", LINE)),
    ),
    Attack(
        "another answer",
        "clara",
        "answer_notice",
        ANSWER + ", note = 'x'",
        "an_answer_to_a_notice_stays",
        (NOTICE, new("notice_line", LINE | ANSWERED)),
    ),
    Attack(
        "an answer that says nothing",
        "clara",
        "answer_notice",
        ANSWER,
        "ck_notice_line_a_note_says_why",
        (NOTICE, new("notice_line", LINE)),
    ),
]
DOCUMENTS = [
    Attack(
        "an edition left out",
        "quinn",
        "issue_document",
        issued(**SECOND | {"edition": "3"}),
        "editions_follow_each_other",
        (issued(),),
    ),
    Attack(
        "an edition twice",
        "quinn",
        "issue_document",
        issued(**SECOND | {"edition": "1"}),
        "uq_document_issue_type_record_code_edition",
        (issued(),),
        ("editions_follow_each_other",),
    ),
    Attack(
        "an edition that says the same",
        "quinn",
        "issue_document",
        issued(**SECOND | {"digest": "'one'"}),
        "a_further_edition_says_something_else",
        (issued(),),
    ),
    Attack(
        "an edition without a reason",
        "quinn",
        "issue_document",
        issued(**SECOND | {"reason": "' '"}),
        "ck_document_issue_a_further_edition_has_a_reason",
        (issued(),),
    ),
]
ATTACKS = [*RESULTS, *DEVIATIONS, *HOLDS, *NOTICES, *DOCUMENTS]
