"""Doses: ordered by weight and protocol, thawed and counted once, checked by two, given in time."""

from tests.attack.twins.sql import (
    HER,
    HIM,
    ME,
    NOW,
    Attack,
    change,
    dose_of,
    excursion_at,
    form_of,
    id_of,
    new,
    of_dose,
)

CHECKED_ONCE = f"state = 'CHECKED_ONCE', first_checked_by_id = {ME}, first_checked_at = :now"
CHECK = of_dose("prepared", CHECKED_ONCE)
ORDER = dose_of("w.code = :weight", "50000000")
REACTION = {
    "dose_id": id_of("dose", "prepared"), "happened_at": ":now", "noted_at": ":now", "noted_by_id": HER,
    "is_serious": "true", "text": "'Fever'",
}  # fmt: skip
DECISION = {
    "code": "'TD1'", "subject_id": f"(SELECT subject_id FROM dose WHERE id = {id_of('dose', 'prepared')})",
    "reason": "'x'", "decided_at": ":now", "decided_by_id": ME, "state": "'DECIDED'",
}  # fmt: skip
ABOUT_IT = "(SELECT jsonb_build_array(jsonb_build_object('kind', 'reaction', 'id', max(id))) FROM reaction)"
OF_THE_SAME_SUBJECT = of_dose(
    "given", "subject_id = (SELECT subject_id FROM dose p WHERE p.code = :prepared), infusion_number = 5"
)
BOX_OF_PREPARED = f"""(SELECT p.box_id FROM placement p JOIN vial v ON v.id = p.vial_id
                        WHERE v.dose_id = {id_of("dose", "prepared")} LIMIT 1)"""

ORDERED = [
    Attack("for the control arm", "clara", "order_dose", ORDER, "no_dose_for_the_control_arm",
           (change("subject", "subject", "receives_product = false"),)),
    Attack("for somebody who has withdrawn", "clara", "order_dose", ORDER, "dose_only_for_an_enrolled_subject",
           (change("subject", "subject", "state = 'WITHDRAWN'"),)),
    Attack("from a lot in quarantine", "clara", "order_dose", ORDER, "dose_only_from_a_released_lot",
           (change("lot", "lot", "state = 'QUARANTINE'"),)),
    Attack("by the weight of another", "clara", "order_dose",
           dose_of("w.id = (SELECT weight_id FROM dose WHERE code = :given)", "50000000"),
           "the_weight_is_of_the_subject"),
    Attack("a second dose of the same day", "clara", "order_dose",
           dose_of("w.code = :weight", "50000000", infusion_number="d.infusion_number"),
           "one_live_dose_per_subject_and_day"),
    Attack("a second dose beside it", "clara", "order_dose",
           dose_of("w.code = :weight", "50000000", infusion_number="d.infusion_number", given_beside="true"),
           "one_live_dose_per_subject_and_day"),
    Attack("a dose that nobody ordered", "clara", "order_dose",
           dose_of("w.code = :weight", "50000000", state="'UNORDERED'"),
           "only_what_was_given_has_no_order"),
    Attack("a dose without an order that is prepared", "tina", "prepare_dose", of_dose("ordered", "state = 'PREPARED'"),
           "only_what_was_given_has_no_order", (of_dose("ordered", "state = 'UNORDERED'"),)),
    Attack("a dose for another subject", "clara", "correct_fact",
           of_dose("ordered", "subject_id = (SELECT subject_id FROM dose WHERE code = :given)"),
           "a_dose_keeps_its_subject"),
]  # fmt: skip
PREPARED = [
    Attack(
        "prepared and nothing drawn",
        "tina",
        "prepare_dose",
        of_dose("counted", "state = 'PREPARED'"),
        "ck_dose_prepared_is_complete",
    ),
    Attack(
        "thawed on another day",
        "tina",
        "thaw_vial",
        of_dose("ordered", f"thaw_started_at = {NOW} + interval '1 day'"),
        "a_dose_is_given_on_its_day",
    ),
    Attack(
        "other figures of what was drawn",
        "taras",
        "prepare_dose",
        of_dose("prepared", "draw_ml = draw_ml - 1"),
        "a_noted_value_is_only_put_right",
    ),
    Attack(
        "other figures of what was checked",
        "taras",
        "correct_fact",
        of_dose("checked", "pooled_ml = pooled_ml - 1"),
        "what_was_checked_is_checked_again",
    ),
    Attack(
        "a cancelled dose that goes on",
        "tina",
        "thaw_vial",
        of_dose("ordered", "state = 'ORDERED'"),
        "a_finished_dose_stays_finished",
        (of_dose("ordered", "state = 'CANCELLED'"),),
    ),
]
# Raw rows: a preparation of another size than was counted, in the words of a good one.
A_REST = "pooled_ml = 1, is_short = true"
HELD = [
    Attack("the percent of another volume", "tina", "pool_and_count", of_dose("counted", "delivered_percent = 99"),
           "the_percent_is_of_what_was_drawn"),
    Attack("no percent of what was drawn", "tina", "prepare_dose", of_dose("counted", "delivered_percent = NULL"),
           "the_percent_is_of_what_was_drawn"),
    Attack("a short pool that is said to be enough", "tina", "pool_and_count", of_dose("counted", "is_short = false"),
           "a_dose_is_short_by_its_count", (of_dose("counted", A_REST),)),
    Attack("nobody says whether it is short", "tina", "pool_and_count", of_dose("counted", "is_short = NULL"),
           "a_dose_is_short_by_its_count"),
    Attack("drawn up far too small", "tina", "prepare_dose", of_dose("counted", "state = 'PREPARED'"),
           "no_dose_out_of_its_band", (of_dose("counted", "draw_ml = draw_ml / 10"),)),
    Attack("drawn up far too large", "tina", "prepare_dose", of_dose("counted", "state = 'PREPARED'"),
           "no_dose_out_of_its_band", (of_dose("counted", "draw_ml = draw_ml * 1.3"),)),
    Attack("drawn up short, which nobody accepted", "tina", "prepare_dose", of_dose("counted", "state = 'PREPARED'"),
           "a_short_dose_is_accepted", (of_dose("counted", A_REST),)),
    Attack("a check of a tenth of the cells", "clara", "check_dose", CHECK, "no_dose_out_of_its_band",
           (of_dose("prepared", "draw_ml = draw_ml / 10"),)),
    Attack("a check of what is short", "clara", "check_dose", CHECK, "a_short_dose_is_accepted",
           (of_dose("prepared", A_REST),)),
    Attack("a check of dead cells", "clara", "check_dose", CHECK, "no_dose_below_its_viability",
           (of_dose("prepared", "viability_percent = 10"),)),
    Attack("a second check of dead cells", "cyril", "check_dose", of_dose("prepared", "state = 'CHECKED'"),
           "no_dose_below_its_viability", (of_dose("prepared", "viability_percent = 10, state = 'CHECKED_ONCE'"),)),
    *(Attack(f"begun with {what}", "clara", "start_infusion", of_dose("checked", "infusion_started_at = :now"), rule,
             (of_dose("checked", given),))
      for what, rule, given in (("a tenth of the cells", "no_dose_out_of_its_band", "draw_ml = draw_ml / 10"),
                                ("dead cells", "no_dose_below_its_viability", "viability_percent = 10"),
                                ("too few, which nobody accepted", "a_short_dose_is_accepted", A_REST))),
]  # fmt: skip
CHECKS = [
    Attack("both checks by one", "clara", "check_dose",
           of_dose("prepared", f"{CHECKED_ONCE}, second_checked_by_id = {ME}, second_checked_at = :now"),
           "ck_dose_two_different_verifiers"),
    Attack("a check by whoever drew it up", "taras", "check_dose", CHECK, "ck_dose_preparer_does_not_verify"),
    Attack("checked by nobody", "clara", "check_dose", of_dose("prepared", "state = 'CHECKED'"),
           "ck_dose_no_infusion_without_two_verifiers"),
    Attack("a check with a reaction undecided", "clara", "check_dose", CHECK, "a_decision_comes_before_the_next_dose",
           (new("reaction", REACTION),)),
    Attack("a check of what stood in an excursion", "clara", "check_dose", CHECK, "no_dose_from_an_undecided_excursion",
           (excursion_at(BOX_OF_PREPARED),)),
    Attack("a check of what a form tells as given", "clara", "check_dose", CHECK,
           "what_paper_tells_as_given_is_not_given_again", (form_of("prepared"),)),
    Attack("a check while a form of another dose waits", "clara", "check_dose", CHECK,
           "a_form_is_confirmed_before_the_next_dose", (OF_THE_SAME_SUBJECT, form_of("given"))),
    Attack("a decision about one's own reaction", "clara", "continue_treatment",
           new("treatment_decision", DECISION, covers=ABOUT_IT), "another_clinician_decides_about_a_reaction",
           (new("reaction", REACTION),)),
    Attack("a decision about nothing", "cyril", "continue_treatment",
           new("treatment_decision", DECISION, covers="'[]'"),
           "a_decision_is_about_what_is_open"),
    Attack("a decision about what is decided", "cyril", "continue_treatment",
           new("treatment_decision", DECISION, covers=ABOUT_IT), "a_decision_is_about_what_is_open",
           (new("reaction", REACTION), new("treatment_decision", DECISION, covers=ABOUT_IT),)),
]  # fmt: skip
GIVEN = [
    Attack("given without a check", "clara", "start_infusion", of_dose("prepared", "state = 'INFUSED'"),
           "no_infusion_without_two_verifiers"),
    Attack("given with a preparation that nobody knows", "clara", "start_infusion",
           of_dose("prepared", "state = 'INFUSED'"), "prepared_is_complete",
           (of_dose("prepared", f"state = 'COUNTED', delivered_percent = NULL, first_checked_by_id = {HER}, "
                                f"second_checked_by_id = {HIM}"),)),
    Attack("begun after it expired", "clara", "start_infusion",
           of_dose("checked", "infusion_started_at = expires_at + interval '1 second'"), "not_started_after_expiry"),
    Attack("two infusions at once", "clara", "start_infusion", of_dose("checked", "state = 'INFUSING'"),
           "one_running_infusion_per_subject",
           (of_dose("given", "state = 'INFUSING', infusion_number = 5, subject_id = (SELECT subject_id FROM dose c "
                             "WHERE c.code = :checked)"),)),
    Attack("too much DMSO for a day", "clara", "start_infusion", of_dose("checked", "infusion_started_at = :now"),
           "no_more_dmso_a_day_than_is_tolerated",
           ("UPDATE lot SET volume_ml = 100000 WHERE id = (SELECT lot_id FROM dose WHERE code = :checked)",)),
    Attack("a start that is told anew", "clara", "start_infusion",
           of_dose("given", "infusion_started_at = infusion_started_at + interval '1 minute'"),
           "an_infusion_starts_once"),
    Attack("a cancelled dose that is given", "clara", "start_infusion", of_dose("checked", "state = 'INFUSED'"),
           "a_finished_dose_is_not_given", (of_dose("checked", "state = 'CANCELLED'"),)),
    Attack("another day of what was given", "clara", "plan_dose_anew", of_dose("given", "planned_on = planned_on + 1"),
           "a_given_dose_keeps_its_day"),
    Attack("more given than prepared", "clara", "stop_infusion", of_dose("checked", "volume_given_ml = 51"),
           "no_more_than_prepared"),
    Attack("ended before it began", "clara", "stop_infusion",
           of_dose("checked", f"infusion_started_at = :now, infusion_stopped_at = {NOW} - interval '1 minute'"),
           "stopped_after_started"),
]  # fmt: skip
FORMS = [
    Attack("a form entered by a technician", "tina", "enter_dose_from_paper", form_of("ordered", ME),
           "a_clinician_verifies_the_form"),
    Attack("a form replaced by none", "clara", "enter_dose_from_paper",
           "UPDATE dose_paper SET state = 'REPLACED'", "a_replaced_form_has_its_successor", (form_of("ordered"),)),
    Attack("a form that nobody signed", "clara", "enter_dose_from_paper", form_of("ordered", ME),
           "a_form_is_signed_by_both"),
    Attack("a second form of a dose", "clara", "enter_dose_from_paper", form_of("ordered", ME),
           "one_open_form_per_dose", (form_of("ordered"),)),
    Attack("a form by whoever drew the dose up", "taras", "enter_dose_from_paper", form_of("prepared", ME),
           "preparer_does_not_sign_the_form"),
    Attack("a form confirmed by whoever entered it", "clara", "confirm_dose_from_paper",
           f"UPDATE dose_paper SET state = 'CONFIRMED', confirmed_by_id = {ME}, confirmed_at = :now",
           "ck_dose_paper_confirmed_by_another_person", (form_of("ordered"),)),
    Attack("a form taken back by whoever entered it", "clara", "take_back_paper_form",
           "UPDATE dose_paper SET state = 'TAKEN_BACK'", "a_form_is_taken_back_by_another", (form_of("ordered"),)),
]  # fmt: skip
VERIFIERS = [
    Attack("a check that nobody signed", "clara", "check_dose", CHECK, "a_check_is_signed"),
    Attack("a check in the name of another", "clara", "check_dose",
           of_dose("prepared", f"state = 'CHECKED_ONCE', first_checked_by_id = {HIM}, first_checked_at = :now"),
           "who_did_it_is_who_acts"),
    Attack("both checks by a form that there is not", "clara", "confirm_dose_from_paper",
           of_dose("prepared", f"state = 'CHECKED', first_checked_by_id = {HER}, first_checked_at = :now, "
                               f"second_checked_by_id = {HIM}, second_checked_at = :now"), "a_check_is_signed"),
    Attack("other verifiers of a dose that was given", "clara", "correct_fact",
           of_dose("given", "first_checked_by_id = second_checked_by_id, second_checked_by_id = first_checked_by_id"),
           "a_check_stays_with_its_verifier"),
    Attack("no verifier of a dose that was given", "clara", "correct_fact",
           of_dose("given", "first_checked_by_id = NULL, second_checked_by_id = NULL"),
           "a_check_stays_with_its_verifier"),
    Attack("another time of a check of a dose that was given", "clara", "confirm_dose_from_paper",
           of_dose("given", "first_checked_at = first_checked_at - interval '1 hour'"),
           "a_check_stays_with_its_verifier"),
    Attack("a check taken back beside a correction", "clara", "check_dose",
           of_dose("checked", "state = 'CHECKED_ONCE', second_checked_by_id = NULL, second_checked_at = NULL"),
           "a_check_stays_with_its_verifier"),
    Attack("somebody else drew it up", "tina", "correct_fact", of_dose("given", f"prepared_by_id = {ME}"),
           "a_check_stays_with_its_verifier"),
]  # fmt: skip
ATTACKS = [*ORDERED, *PREPARED, *HELD, *CHECKS, *GIVEN, *FORMS, *VERIFIERS]
