"""Subjects: one patient is one subject of a trial, and keeps its arm."""

from tests.attack.twins.sql import Attack, another, change, id_of

ELIGIBLE = change("subject", "screened", """assessment = '{"outcome": "ELIGIBLE"}'""")
NEXT_PLACE = "(SELECT coalesce(max(place), 0) + 1 FROM subject)"
# The other subject of the scene, as a patient whose own wristband is somebody else's.
BUT = {"code": "'INVENTED'", "state": "'SCREENING'", "place": "NULL"}


NUMBERS = ("trial_number", "trial_number_key", "second_identifier", "second_identifier_key")
SOMEBODY = BUT | dict.fromkeys(NUMBERS, "'x'")
ANSWERS = "the_answers_say_who_is_eligible"


def answering(to: str) -> str:
    return change("subject", "screened", f"answers = {to}")


def enrolled(place: str) -> str:
    return change("subject", "screened", f"state = 'ENROLLED', place = {place}")


ATTACKS = [
    Attack("another arm", "clara", "correct_fact", change("subject", "subject", "arm = 'CTL'"),
           "a_subject_keeps_its_arm"),
    Attack("cells for an arm without", "clara", "correct_fact",
           change("subject", "subject", "receives_product = NOT receives_product"), "a_subject_keeps_its_arm"),
    Attack("enrolled without an assessment", "cyril", "sign_eligibility", enrolled(NEXT_PLACE),
           "ck_subject_enrolled_is_eligible", (change("subject", "screened", "assessment = NULL"),), (ANSWERS,)),
    Attack("enrolled by an answer that excludes", "cyril", "sign_eligibility", enrolled(NEXT_PLACE), ANSWERS,
           (ELIGIBLE, answering("answers || '{\"pcr_positive\": false}'"))),
    Attack("enrolled without an answer", "cyril", "sign_eligibility", enrolled(NEXT_PLACE), ANSWERS,
           (ELIGIBLE, answering("answers - 'pneumonia'"))),
    Attack("enrolled by a figure that cannot be", "cyril", "sign_eligibility", enrolled(NEXT_PLACE), ANSWERS,
           (ELIGIBLE, answering("answers || '{\"age\": \"121\"}'"))),
    Attack("failed and eligible by all answers", "cyril", "sign_eligibility",
           change("subject", "screened", "state = 'SCREEN_FAILED'"), ANSWERS,
           (ELIGIBLE.replace("ELIGIBLE", "NOT_ELIGIBLE"),)),
    Attack("enrolled at an age of their own", "cyril", "sign_eligibility", enrolled(NEXT_PLACE),
           "the_dates_say_how_old_somebody_is", (ELIGIBLE, answering("answers || '{\"age\": \"18\"}'"))),
    Attack("cells for the control arm", "clara", "enrol_subject",
           another("subject", "subject", **SOMEBODY, arm="'CTL'"), "a_subject_receives_what_its_arm_does"),
    Attack("an arm that there is not", "clara", "enrol_subject", another("subject", "subject", **SOMEBODY, arm="'XX'"),
           "a_subject_receives_what_its_arm_does"),
    Attack("let into other trials", "clara", "enrol_subject",
           another("subject", "subject", **SOMEBODY, bars_other_trials="false"), "a_subject_is_barred_by_its_protocol"),
    Attack("let into other trials later", "clara", "move_to_amendment",
           change("subject", "subject", "bars_other_trials = NULL"), "a_subject_is_barred_by_its_protocol"),
    Attack("one patient twice, compared by another number", "clara", "enrol_subject",
           another("subject", "subject", **SOMEBODY | {"second_identifier": "r.second_identifier"}),
           "a_number_is_compared_by_its_letters"),
    Attack("enrolled without a place", "cyril", "sign_eligibility", enrolled("NULL"), "ck_subject_enrolled_has_a_place",
           (ELIGIBLE,), ("no_more_subjects_than_planned",)),
    Attack("enrolled in the place of another", "cyril", "sign_eligibility",
           enrolled("(SELECT place FROM subject WHERE code = :subject)"), "one_subject_for_each_place", (ELIGIBLE,)),
    Attack("enrolled beyond the plan", "cyril", "sign_eligibility", enrolled(NEXT_PLACE),
           "no_more_subjects_than_planned", (ELIGIBLE, change("definition", "protocol", "planned_subjects = 1"))),
    Attack("enrolled in two trials", "cyril", "sign_eligibility", enrolled(NEXT_PLACE),
           "no_second_trial_where_one_is_forbidden",
           (ELIGIBLE, change("subject", "screened", "bars_other_trials = true"),
            "UPDATE subject SET trial = 'OTHER', second_identifier_key = s.second_identifier_key, born_on = s.born_on "
            "FROM subject s WHERE s.code = :screened AND subject.code = :subject")),
    Attack("one trial number twice", "clara", "enrol_subject",
           another("subject", "subject", second_identifier="'x'", second_identifier_key="'x'", **BUT),
           "one_trial_number_in_a_trial"),
    Attack("one patient twice", "clara", "enrol_subject",
           another("subject", "subject", trial_number="'x'", trial_number_key="'x'", **BUT), "one_patient_in_a_trial"),
    Attack("under the protocol of another trial", "clara", "move_to_amendment",
           change("subject", "subject", f"protocol_id = {id_of('definition', 'imported')}"),
           "a_subject_stays_in_its_trial"),
    Attack("enrolled under a version that is not in force", "clara", "enrol_subject",
           another("subject", "subject", **SOMEBODY),
           "a_subject_stays_in_its_trial", (change("definition", "protocol", "state = 'SUPERSEDED'"),)),
    Attack("a subject of another site", "clara", "withdraw_subject",
           change("subject", "subject", "state = 'WITHDRAWN'"),
           "a_record_is_changed_at_its_site", (change("subject", "subject", "site_id = :elsewhere"),)),
]  # fmt: skip
