"""Signatures: of whoever acts, who may sign, and of the record as it stands."""

from tests.attack.twins.sql import HER, HIM, Attack, id_of, signature

SIGNATURES = [
    Attack("an invented digest", "clara", "check_dose", signature(digest="repeat('ab', 32)"),
           "a_signature_covers_its_record"),
    Attack("the digest of another record", "clara", "check_dose",
           signature(record_id="(SELECT id FROM dose WHERE code = :checked)"), "a_signature_covers_its_record"),
    Attack("a record that there is not", "clara", "check_dose", signature(record_id="999999999"),
           "a_signature_covers_its_record"),
    Attack("the digest of less than the act covers", "clara", "check_dose",
           signature(digest="signed_digest('dose', (SELECT id FROM dose WHERE code = :prepared), ARRAY['code'])"),
           "a_signature_covers_its_record"),
    Attack("the meaning of another act", "clara", "check_dose", signature(meaning="'approved'"),
           "a_signature_means_what_its_act_does"),
    Attack("the meaning of another record", "quinn", "release_lot", signature(meaning="'released'"),
           "a_signature_means_what_its_act_does"),
    Attack("an act that signs nothing", "clara", "look_at_identity", signature(),
           "a_signature_means_what_its_act_does"),
    Attack("in the name of another", "clara", "check_dose", signature(person_id=HIM), "a_signature_is_of_who_acts"),
    Attack("under the name of another", "clara", "check_dose", signature(full_name="'Cyril Clinician'"),
           "a_signature_is_of_who_acts"),
    Attack("for an earlier act", "clara", "check_dose", signature(act_id="(SELECT max(act_id) FROM signature)"),
           "a_signature_is_of_who_acts"),
    Attack("at another time", "clara",
           "check_dose", signature(signed_at="CAST(:now AS timestamptz) - interval '1 day'"),
           "a_signature_is_of_who_acts"),
]  # fmt: skip
SIGNERS = [
    Attack("by an administrator", "ada", "check_dose", signature(), "an_administrator_never_signs"),
    Attack(
        "by somebody who has not accepted the statement",
        "clara",
        "check_dose",
        signature(),
        "a_signer_has_accepted_the_agreement",
        ("UPDATE person SET agreement_version = NULL WHERE name = 'clara'",),
    ),
    Attack(
        "by somebody whose training ended",
        "clara",
        "check_dose",
        signature(),
        "a_signer_is_trained",
        (f"UPDATE training SET state = 'REVOKED' WHERE person_id = {HER}",),
    ),
    Attack(
        "a release by whoever filled the lot",
        "tina",
        "release_lot",
        signature(record_kind="'lot'", record_id=id_of("lot", "lot"), meaning="'released'"),
        "the_signer_performed_nothing",
    ),
]
ATTACKS = [*SIGNATURES, *SIGNERS]
