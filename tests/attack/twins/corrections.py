"""What was noted and is put right: one value, with all that follows from it, said in the row that is signed."""

from tests.attack.twins.quality import DEVIATION
from tests.attack.twins.sql import ME, Attack, id_of, new, of_dose

STANDS = "(SELECT (final_volume_ml{})::text FROM dose WHERE code = :given)"
PUT_RIGHT = {"follows": "'[]'", "reason": "'x'", "corrected_at": ":now", "corrected_by_id": ME, "state": "'RECORDED'"}
OF_DOSE = PUT_RIGHT | {
    "dose_id": id_of("dose", "given"),
    "column_name": "'final_volume_ml'",
    "before": STANDS.format(" - 0.1"),
    "after": STANDS.format(""),
}
OF_CULTURE = PUT_RIGHT | {
    "culture_id": id_of("culture", "culture"),
    "column_name": "'viability_percent'",
    "before": "'1'",
    "after": "(SELECT viability_percent::text FROM culture WHERE code = :culture)",
}
IT_FOLLOWS = f"""jsonb_build_array(jsonb_build_object('kind', 'dose', 'record', CAST(:given AS text),
    'column', 'final_volume_ml', 'before', {STANDS.format(" - 0.1")}, 'after', {STANDS.format("")}))"""
NINE = "'9'"
MOVED = of_dose("given", "final_volume_ml = final_volume_ml + 0.1")
SAID = new("deviation", DEVIATION)


def correction(of: dict[str, str], **but: str) -> str:
    return new("correction", of, **but)


ATTACKS = [
    Attack("a figure of a given dose put right in silence", "tina", "correct_fact", f"{MOVED}; {correction(OF_DOSE)}",
           "what_is_out_is_put_right_with_a_deviation"),
    Attack("a given dose, in silence, beside a culture that is put right", "tina", "correct_fact",
           f"{MOVED}; {correction(OF_CULTURE)}", "what_is_out_is_put_right_with_a_deviation"),
    Attack("a given dose beside a culture that is put right", "tina", "correct_fact",
           f"{MOVED}; {correction(OF_CULTURE)}; {SAID}", "a_correction_names_all_that_it_changes"),
    Attack("a given dose that would follow from a culture", "tina", "correct_fact",
           f"{MOVED}; {correction(OF_CULTURE, follows=IT_FOLLOWS)}; {SAID}", "a_correction_names_all_that_it_changes"),
    Attack("another value than was there first", "tina", "correct_fact",
           f"{MOVED}; {correction(OF_DOSE, before=NINE)}; {SAID}", "a_correction_names_all_that_it_changes"),
    Attack("the filling of a released lot beside a culture that is put right", "tina", "correct_fact",
           "UPDATE lot SET fill_started_at = fill_started_at - interval '1 minute' WHERE code = :lot; "
           f"{correction(OF_CULTURE)}; {SAID}", "a_correction_names_all_that_it_changes"),
    Attack("a right value that does not stand there", "tina", "correct_fact", correction(OF_DOSE, after="'99'"),
           "a_correction_says_what_stands_there"),
    Attack("two values put right in one", "tina", "correct_fact",
           f"{correction(OF_CULTURE)}; {correction(OF_CULTURE)}", "a_correction_puts_one_value_right"),
    Attack("a value that is no noted one", "tina", "correct_fact", correction(OF_DOSE, column_name="'planned_on'"),
           "a_value_is_put_right_by_who_may"),
    Attack("what the laboratory noted, by a clinician", "clara", "correct_fact", correction(OF_DOSE),
           "a_value_is_put_right_by_who_may"),
]  # fmt: skip
