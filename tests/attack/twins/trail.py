"""The trail: every change in an act, every act of its time, and nothing of it ever changed."""

from tests.attack.twins.sql import ME, THE_ACT, THE_GRANTS, Attack, change, new
from tests.conftest import UNPLAYED

ACT = {
    "site_id": "1", "person_id": ME, "name": "'thaw_vial'", "given": "'{}'", "given_digest": "''", "door": "'web'",
    "version": "'0'", "at": "clock_timestamp()", "outcome": "'accepted'",
}  # fmt: skip
TOMORROW = "clock_timestamp() + interval '1 day'"
LATE = {"happened_at": "clock_timestamp() - interval '3 days'", "late_reason": "'the tablet was locked away'"}
AGAIN = change("donor", "donor", "birth_year = birth_year - 1")
REVIEW = {
    "code": "'RV1'", "site_id": "1", "first_act": "1", "last_act": "2", "findings": "'x'", "reviewed_at": ":now",
    "reviewed_by_id": ME, "state": "'REVIEWED'",
}  # fmt: skip
MESSAGE = {
    "act_id": THE_ACT, "person_id": ME, "channel": "'email'", "address": "'a@b'", "template": "'x'", "values": "'{}'",
    "message_id": "'x'",
}  # fmt: skip
WRITTEN = new("outbox", MESSAGE, act_id="1")
IRREGULARITY = {"act_id": THE_ACT, "rule": "'x'", "detail": "'x'"}
HEADS = {"file": "'x'", "number": "5", "place": "'x'", "digest": "'x'", "signed_at": ":now", "signature": "'x'"}
CHECKED = {"began_at": "clock_timestamp()", "whole": "true", "acts": "1", "found": "'{}'"}

ACTS = [
    Attack("an act of the time of the story, where none is played", "tina", "by_hand", AGAIN, "an_act_is_of_its_time",
           (UNPLAYED,)),
    Attack("two acts in one transaction", "tina", "by_hand", new("act", ACT), "uq_act_opened_in"),
    Attack("a rule of the end asked before it", "tina", "sign_in",
           f"SET CONSTRAINTS account_safety IMMEDIATE; UPDATE person SET failure_count = 1 WHERE id = {ME}",
           "an_act_is_judged_at_its_end"),
    Attack("a change in an act that is closed", "tina", "by_hand",
           f"UPDATE act SET outcome = 'accepted' WHERE id = {THE_ACT}; {AGAIN}", "a_change_needs_an_open_act"),
    Attack("an act left open", "tina", "by_hand", "SET CONSTRAINTS seal_act IMMEDIATE", "an_act_is_closed_at_commit"),
    Attack("a closed act refused afterwards", "tina", "by_hand",
           "UPDATE act SET outcome = 'refused' WHERE id = (SELECT min(id) FROM act WHERE outcome = 'accepted')",
           "a_closed_act_never_changes"),
    Attack("a refused act that changed something", "tina", "by_hand",
           f"{AGAIN}; UPDATE act SET outcome = 'refused' WHERE id = {THE_ACT}", "a_refused_act_changes_nothing"),
    Attack("a code handed over by a refused act", "quinn", "hand_over_code",
           new("handed_code", {"person_id": "(SELECT id FROM person WHERE name = 'tina')", "purpose": "'second factor'",
                               "digest": "'x'", "made_at": ":now"})
           + f"; UPDATE act SET outcome = 'refused' WHERE id = {THE_ACT}; SET CONSTRAINTS ALL IMMEDIATE",
           "a_refused_act_changes_nothing"),
    Attack("an order of the day before yesterday", "clara", "by_hand", new("act", ACT | LATE, name="'order_dose'"),
           "only_what_tells_happened_earlier"),
    Attack("a reason to be late and no time", "tina", "by_hand", new("act", ACT, late_reason="'x'"),
           "ck_act_told_late"),
    Attack("a fact of tomorrow", "tina", "by_hand", new("act", ACT, happened_at=TOMORROW), "ck_act_not_told_ahead"),
    Attack("a late fact without a reason", "tina", "by_hand", new("act", ACT | LATE, late_reason="NULL"),
           "ck_act_a_late_fact_says_why"),
    *(Attack(f"judged by what was there, {isolation.lower()}", "tina", "by_hand", AGAIN,
             "an_act_is_judged_by_what_is_there", isolation=isolation)
      for isolation in ("REPEATABLE READ", "SERIALIZABLE")),
    Attack("a password without its digest", "tina", "change_password",
           f"UPDATE person SET password_hash = 'untold' WHERE id = {ME}", "a_hidden_value_tells_its_digest"),
    Attack("a change taken out of the trail", "tina", "by_hand",
           "DELETE FROM change WHERE id = (SELECT max(id) FROM change)",
           "trail_is_insert_only", without=(THE_GRANTS,)),
    Attack("a seal that is another", "tina", "by_hand", "UPDATE seal SET number = number",
           "trail_is_insert_only", without=(THE_GRANTS,)),
    Attack("a donor who is deleted", "tina", "by_hand", "DELETE FROM donor", "trail_is_insert_only",
           without=(THE_GRANTS,)),
    Attack("a signature that is changed", "tina", "by_hand", "UPDATE signature SET meaning = 'x'",
           "trail_is_insert_only", without=(THE_GRANTS,)),
]  # fmt: skip
TOLD_LATE = [
    Attack(
        "an irregularity of what is not late",
        "tina",
        "by_hand",
        new("irregularity", IRREGULARITY),
        "only_a_late_fact_is_irregular",
    ),
    Attack(
        "an irregularity without a deviation",
        "tina",
        "correct_fact",
        new("irregularity", IRREGULARITY),
        "an_irregular_fact_has_a_deviation",
    ),
]
REVIEWS = [
    Attack(
        "a review that leaves acts out",
        "otto",
        "review_trail",
        new("trail_review", REVIEW, first_act="5", last_act="6"),
        "a_review_of_the_trail_leaves_no_gap",
    ),
    Attack(
        "reviewed twice by one",
        "otto",
        "review_trail",
        new("trail_review", REVIEW, code="'RV2'"),
        "nobody_reviews_the_same_acts_twice",
        (new("trail_review", REVIEW),),
    ),
    Attack(
        "a check of the trail ahead",
        "tina",
        "by_hand",
        new("trail_check", CHECKED, began_at=TOMORROW),
        "a_check_is_of_now",
    ),
    Attack(
        "a check of the trail of last week",
        "tina",
        "by_hand",
        new("trail_check", CHECKED, began_at="clock_timestamp() - interval '2 days'"),
        "a_check_is_of_now",
    ),
    Attack(
        "a file of heads that shrinks",
        "tina",
        "by_hand",
        "UPDATE head_file SET number = 4",
        "trail_is_insert_only",
        (new("head_file", HEADS),),
        without=(THE_GRANTS,),
    ),
]
MESSAGES = [
    Attack(
        "a message of another act",
        "tina",
        "by_hand",
        new("outbox", MESSAGE, act_id="1"),
        "a_message_is_of_the_open_act",
    ),
    Attack(
        "a message to an address of nobody", "tina", "by_hand", new("outbox", MESSAGE), "a_message_goes_to_its_person"
    ),
    Attack(
        "a message sent again",
        "tina",
        "by_hand",
        "UPDATE outbox SET due_at = now()",
        "a_message_that_was_sent_stays",
        (new("outbox", MESSAGE, act_id="1", sent_at="now()"),),
    ),
    Attack(
        "a message to somebody else",
        "tina",
        "by_hand",
        "UPDATE outbox SET address = 'b@c'",
        "a_message_stays_as_it_was_written",
        (WRITTEN,),
    ),
]
ATTACKS = [*ACTS, *TOLD_LATE, *REVIEWS, *MESSAGES]
