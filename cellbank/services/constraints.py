"""What a named constraint of the database says to a person, when it had the last word.

Each of these rules also stands in `domain/rules`; it is only when two people act in the same instant that the database
is the one to say no.
"""

from sqlalchemy.exc import IntegrityError

from cellbank.domain.refusals import Code, Refusal, refuse

MEANWHILE = "Somebody else was faster: {what} Scan again to see how it stands now."

SAYS: dict[str, tuple[Code, str]] = {
    "one_live_vial_per_position": (Code.POSITION_TAKEN, "the position is taken."),
    "one_live_position_per_vial": (Code.VIAL_NOT_AVAILABLE, "the vial has been put away."),
    "the_position_exists": (Code.POSITION_UNKNOWN, "the box has no such position."),
    "the_box_is_in_service": (Code.STORAGE_OUT_OF_SERVICE, "the box, or what it stands in, is out of service."),
    "ck_placement_taken_after_placed": (Code.OUT_OF_ORDER, "the vial was put away later than it is taken out."),
    "a_placement_only_ends": (Code.VIAL_NOT_AVAILABLE, "the vial has been taken from its position."),
    "one_live_reservation_per_vial": (Code.VIAL_NOT_AVAILABLE, "the vial is reserved for another dose."),
    "ck_vial_stock_is_reserved_for_nobody": (Code.VIAL_NOT_AVAILABLE, "the vial is reserved for a dose."),
    "ck_vial_reserved_for_a_dose": (Code.VIAL_NOT_AVAILABLE, "the vial is not reserved for a dose."),
    "ck_vial_never_refrozen": (Code.VIAL_THAWED, "the vial has been thawed."),
    "a_thaw_is_never_undone": (Code.VIAL_THAWED, "the vial has been thawed."),
    "only_vials_of_a_released_lot_are_reserved": (Code.LOT_NOT_RELEASED, "the lot is no longer released."),
    "dose_only_from_a_released_lot": (Code.LOT_NOT_RELEASED, "the lot is no longer released."),
    "a_dose_comes_from_one_lot": (Code.MIXED_LOTS, "the vial is of another lot than the dose."),
    "no_dose_for_the_control_arm": (Code.CONTROL_ARM, "the subject is in an arm that receives no cells."),
    "dose_only_for_an_enrolled_subject": (Code.SUBJECT_NOT_ENROLLED, "the subject is no longer enrolled."),
    "one_live_dose_per_subject_and_day": (
        Code.DUPLICATE_DOSE,
        "the subject already has a dose for this day.",
    ),
    "ck_dose_two_different_verifiers": (Code.SAME_PERSON, "the first check is by the same person."),
    "ck_dose_preparer_does_not_verify": (Code.SAME_PERSON, "the dose was prepared by the same person."),
    "ck_dose_no_infusion_without_two_verifiers": (Code.SECOND_PERSON_NEEDED, "two checks are needed."),
    "ck_dose_not_started_after_expiry": (Code.OUT_OF_TIME, "the dose has expired."),
    "ck_dose_prepared_is_complete": (Code.WRONG_STATE, "the dose is not counted and drawn up."),
    "one_running_infusion_per_subject": (Code.DUPLICATE_DOSE, "the subject is receiving another infusion."),
    "an_infusion_starts_once": (Code.WRONG_STATE, "the infusion has started."),
    "a_finished_dose_stays_finished": (Code.WRONG_STATE, "the dose is finished."),
    "nothing_expired_is_thawed": (Code.EXPIRED, "the lot has expired."),
    "a_used_vial_stays_used": (Code.VIAL_NOT_AVAILABLE, "the vial has been used."),
    "the_weight_is_of_the_subject": (Code.WEIGHT_MISSING, "the weight is that of another subject."),
    "ck_test_result_reviewed_by_another_person": (
        Code.SAME_PERSON,
        "the result was entered by the same person.",
    ),
    "ck_weight_confirmed_by_another_person": (
        Code.SAME_PERSON,
        "the weight was measured by the same person.",
    ),
    "ck_culture_cells_left_never_negative": (Code.CELLS_EXCEED_SOURCE, "the culture has fewer cells left."),
    "one_live_conditional_release": (
        Code.ALREADY_EXISTS,
        "a conditional release of the lot for this subject is not ended.",
    ),
    "ck_conditional_release_three_different_people": (Code.SAME_PERSON, "the same person has signed it before."),
    "only_a_lot_in_quarantine_is_released_conditionally": (Code.WRONG_STATE, "the lot is not in quarantine."),
    "a_conditional_release_keeps_its_subject": (Code.CHANGED_MEANWHILE, "it keeps its lot, subject and tests."),
    "an_ended_conditional_release_stays_ended": (Code.WRONG_STATE, "the conditional release has ended."),
    "one_open_notice": (Code.CHANGED_MEANWHILE, "a notice about this dose was opened."),
    "no_release_under_a_hold": (Code.ON_HOLD, "a hold was placed."),
    "released_lots_have_an_eligible_donor": (
        Code.DONOR_NOT_ELIGIBLE,
        "the donor is not determined eligible.",
    ),
    "no_release_without_consent": (Code.CONSENT_MISSING, "no consent of the donor is in force."),
    "no_release_against_a_result": (
        Code.OUT_OF_SPECIFICATION,
        "a result is out of specification or not reviewed.",
    ),
    "a_result_is_never_changed": (Code.CHANGED_MEANWHILE, "a result keeps the value with which it was entered."),
    "a_result_never_counts_again": (Code.WRONG_STATE, "the result no longer counts."),
    "a_result_is_of_its_sample": (Code.WRONG_KIND, "the sample is of another test."),
    "a_sample_is_never_changed": (Code.CHANGED_MEANWHILE, "a sample stays what it was when it was taken."),
    "one_sample_awaited": (Code.ALREADY_EXISTS, "this sample is taken and awaits its result."),
    "an_invalidated_result_has_a_deviation": (
        Code.DEVIATION_OPEN,
        "no investigated deviation is about this result.",
    ),
    "no_release_with_an_open_deviation": (Code.DEVIATION_OPEN, "a major or critical deviation was opened."),
    "no_release_without_a_batch_review": (Code.BATCH_NOT_REVIEWED, "the batch record has changed since its review."),
    "no_release_from_a_stopped_lot": (Code.CRITERION_OPEN, "a lot that it was made from was rejected or recalled."),
    "the_signer_performed_nothing": (Code.SAME_PERSON, "the signer has worked on the lot."),
    "a_signer_has_accepted_the_agreement": (
        Code.AGREEMENT_NEEDED,
        "the signer has not accepted the statement on electronic signatures.",
    ),
    "a_signer_is_trained": (Code.TRAINING_EXPIRED, "no training of the signer is valid on this day."),
    "ck_training_recorded_by_another_person": (Code.SAME_PERSON, "nobody records a training of their own."),
    "an_administrator_never_signs": (Code.ROLE_NOT_ALLOWED, "this account cannot sign."),
    "uq_document_issue_type_record_code_edition": (Code.CHANGED_MEANWHILE, "this edition has been issued."),
    "editions_follow_each_other": (Code.CHANGED_MEANWHILE, "another edition has been issued."),
    "a_further_edition_says_something_else": (Code.CHANGED_MEANWHILE, "this edition has been issued."),
    "ck_document_issue_a_further_edition_has_a_reason": (Code.REASON_NEEDED, "an edition has been issued."),
    "no_dose_from_an_undecided_excursion": (
        Code.EXCURSION_OPEN,
        "a vial of the dose stood in an excursion that is not decided.",
    ),
    "no_release_with_an_open_excursion": (Code.EXCURSION_OPEN, "vials stood in an excursion that is not accepted."),
    "no_lifting_before_the_decision": (Code.EXCURSION_OPEN, "the excursion of the hold is not accepted."),
    "an_ended_excursion_never_changes": (Code.WRONG_STATE, "the excursion has ended."),
    "an_excursion_is_decided_once": (Code.WRONG_STATE, "the excursion is decided."),
    "one_import_of_each_file": (Code.ALREADY_EXISTS, "this very file was imported."),
    "one_excursion_goes_on": (Code.CHANGED_MEANWHILE, "another excursion of the probe goes on."),
    "pk_reading": (Code.READINGS_DIFFER, "readings of the same times were stored."),
    "uq_logger_mapping_model": (Code.CHANGED_MEANWHILE, "the first file of this model was imported."),
    "ck_reading_import_confirmed_by_another_person": (Code.SAME_PERSON, "the reading was entered by the same person."),
    "uq_donor_pseudonym": (Code.ALREADY_EXISTS, "a donor with this pseudonym is registered."),
    "uq_person_name": (Code.ALREADY_EXISTS, "a person with this name exists."),
    "uq_definition_code": (Code.ALREADY_EXISTS, "this version has been imported."),
    "uq_definition_type_identifier_version": (Code.ALREADY_EXISTS, "this version has been imported."),
    "a_subject_keeps_its_arm": (Code.CONTROL_ARM, "a subject keeps the arm of the enrolment."),
    "ck_subject_enrolled_is_eligible": (Code.SUBJECT_NOT_ELIGIBLE, "the subject is not found eligible."),
    "uq_subject_protocol_id_trial_number": (Code.ALREADY_EXISTS, "a subject with this trial number exists."),
    "uq_subject_protocol_id_second_identifier": (
        Code.ALREADY_EXISTS,
        "a subject with this second identifier exists.",
    ),
    "one_version_in_force": (Code.CHANGED_MEANWHILE, "another version came into force."),
    "uq_storage_unit_parent_id_place": (Code.POSITION_TAKEN, "the place is taken by another unit."),
    "one_unit_per_place_of_the_site": (Code.POSITION_TAKEN, "the place is taken by another unit."),
    "a_unit_never_stands_in_itself": (Code.WRONG_KIND, "the unit would stand in itself."),
    "a_unit_stands_where_it_may": (Code.WRONG_KIND, "such a unit may not stand there."),
    "the_place_exists": (Code.STORAGE_FULL, "the unit has no such place."),
    "a_unit_goes_where_it_may_be_filled": (Code.STORAGE_OUT_OF_SERVICE, "it is out of service there."),
    "a_move_follows_the_last": (Code.OUT_OF_ORDER, "the unit was moved later than that."),
    "one_open_count_per_box": (Code.ALREADY_EXISTS, "a count of this box is open."),
    "ck_stock_count_counted_by_another_person": (Code.SAME_PERSON, "the box was counted by the same person."),
    "an_eligible_donor_has_consented": (Code.CONSENT_MISSING, "no consent of the donor is in force."),
    "a_donation_has_a_consent": (Code.CONSENT_MISSING, "the donor never consented."),
    "a_held_lot_is_born_on_hold": (Code.ON_HOLD, "a hold was placed."),
    "cells_only_from_an_accepted_donation": (Code.WRONG_STATE, "the donation is not accepted."),
    "no_cells_from_an_ineligible_donor": (Code.DONOR_NOT_ELIGIBLE, "the donor is determined ineligible."),
    "only_vials_of_a_released_bank_are_cultured": (Code.LOT_NOT_RELEASED, "the bank is no longer released."),
    "only_accepted_reagents_are_used": (Code.REAGENT_QUARANTINED, "the reagent is no longer accepted."),
    "no_expired_reagent_is_used": (Code.REAGENT_EXPIRED, "the reagent has expired."),
    "no_reagent_is_used_too_long_after_opening": (Code.REAGENT_EXPIRED, "the reagent has been open too long."),
    "ck_reagent_lot_never_more_used_than_there_is": (Code.REAGENT_USED_UP, "there is less of the reagent left."),
    "an_accepted_reagent_has_a_certificate": (Code.CRITERION_OPEN, "the reagent has no certificate."),
    "a_reagent_is_opened_once": (Code.WRONG_STATE, "the reagent has been opened."),
    "a_hold_stops_every_lot_below": (Code.CHANGED_MEANWHILE, "a lot below was frozen or released."),
    "no_hold_is_lifted_against_a_result": (Code.OUT_OF_SPECIFICATION, "a result of the donor speaks against it."),
    "a_failed_unit_waits_for_its_hold": (Code.ON_HOLD, "the hold of its failure is in force."),
    "a_closed_deviation_stays_closed": (Code.WRONG_STATE, "the deviation is closed."),
    "nothing_is_added_to_a_closed_deviation": (Code.WRONG_STATE, "the deviation is closed."),
    "no_closing_before_the_correction": (Code.CRITERION_OPEN, "a corrective action is not done."),
    "ck_deviation_closed_by_another_person": (Code.SAME_PERSON, "the same person opened or investigated it."),
    "ck_corrective_action_verified_by_another_person": (Code.SAME_PERSON, "the same person did it."),
    "a_review_of_the_trail_leaves_no_gap": (Code.OUT_OF_ORDER, "acts before it would stay unreviewed."),
    "nobody_reviews_the_same_acts_twice": (Code.ALREADY_EXISTS, "you have reviewed a part of it."),
}


def refusal_for(error: IntegrityError) -> Refusal | None:
    """The refusal that a violated constraint means; None when it has no meaning for people (a bug)."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name not in SAYS:
        return None
    code, what = SAYS[name]
    return refuse(code, MEANWHILE, what=what)
