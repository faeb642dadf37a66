"""People: accounts, trainings, codes, sessions and keys."""

from tests.attack.twins.sql import HER, ME, NOW, Attack, another, new
from tests.conftest import UNPLAYED

HERS = "(SELECT id FROM person WHERE name = 'tina')"
CLARA = "(SELECT id FROM person WHERE name = 'clara')"
ASKED = {
    "person_id": HERS, "change": "'other roles'", "roles": "'{auditor}'", "asked_at": ":now",
    "asked_by_id": "(SELECT id FROM person WHERE name = 'ada')", "state": "'ASKED'",
}  # fmt: skip
UNLOCK = {"change": "'unlocked'", "roles": "NULL"}
CONFIRM = f"UPDATE account_change SET state = 'CONFIRMED', decided_at = :now, decided_by_id = {ME}"
TRAINING = {
    "code": "'TR1'", "person_id": HERS, "procedure": "'x'", "role": "'technician'", "state": "'RECORDED'",
    "trained_on": "CURRENT_DATE", "valid_until": "CURRENT_DATE", "recorded_by_id": ME,
}  # fmt: skip
CODE = {
    "person_id": HERS,
    "purpose": "'second factor'",
    "digest": r"'\x00'",
    "made_at": f"{NOW} + interval '1 year'",
}
GIVEN_BY_TWO = new(
    "account_change", ASKED, change="'new password'", roles="NULL", state="'CONFIRMED'", decided_at="'2100-01-01'",
    decided_by_id=HER,
)  # fmt: skip
HAS_FACTOR = "UPDATE person SET totp_secret = 's', totp_confirmed_at = :now, totp_step = 1 WHERE name = 'tina'"
LOCKED = f"UPDATE person SET locked_until = {NOW} + interval '1 hour' WHERE name = 'tina'"
NEW = {"code": "'INVENTED'", "state": "'PROPOSED'", "password_hash": "NULL"}
SESSION = {
    "person_id": HERS, "digest": r"'\x00'", "created_at": "clock_timestamp()", "proved_at": "clock_timestamp()",
    "seen_at": "clock_timestamp()", "idle_minutes": "10", "workstation": "'x'",
}  # fmt: skip
OF_OTTO = "(SELECT id FROM person WHERE name = 'otto')"
KEY = {
    "code": "'KY1'", "person_id": OF_OTTO, "digest": r"'\x00'", "title": "'x'", "state": "'LIVE'",
    "expires_at": f"{NOW} + interval '1 day'",
}  # fmt: skip
ACCOUNTS = [
    Attack("done where somebody works no more", "ada", "change_sites",
           f"UPDATE person SET site_id = :elsewhere WHERE id = {ME}", "an_act_is_done_where_one_works",
           without=("a_record_is_changed_at_its_site",)),
    Attack("a key made for another", "tina", "create_token", new("api_token", KEY), "a_key_is_of_who_makes_it"),
    Attack("a session unlocked behind its back", "tina", "sign_in", "UPDATE web_session SET locked_at = NULL",
           "a_locked_session_opens_for_another_cookie", (new("web_session", SESSION, locked_at="clock_timestamp()"),)),
    Attack("numbers given again", "tina", "register_donor", "UPDATE number_series SET last = last - 1",
           "numbers_only_go_on"),
    *(Attack(f"{who} is a quality officer by their own hand", who, "change_roles",
             f"UPDATE person SET roles = '{{quality_officer}}' WHERE id = {ME}", "a_signer_is_changed_by_two")
      for who in ("tina", "ada", "otto")),
    Attack("a technician who reads everything from now on", "tina", "change_roles",
           f"UPDATE person SET roles = '{{auditor}}' WHERE id = {ME}", "a_signer_is_changed_by_two"),
    Attack("a role put down by whoever has it", "tina", "change_roles",
           f"UPDATE person SET roles = '{{technician}}' WHERE id = {ME}", "accounts_are_an_administrators",
           (f"UPDATE person SET roles = '{{clinician,technician}}' WHERE id = {ME}",)),
    Attack("a site taken away by a colleague", "tina", "change_sites",
           "UPDATE person SET also_at = NULL WHERE name = 'quinn'", "accounts_are_an_administrators",
           ("UPDATE person SET also_at = '{WARD}' WHERE name = 'quinn'",)),
    Attack("the password of another, by an administrator alone", "ada", "reset_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'quinn'", "a_signer_is_changed_by_two"),
    Attack("the password of another, by their own act", "quinn", "change_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'oksana'", "a_signer_is_changed_by_two"),
    Attack("the password of an auditor, by a colleague", "tina", "change_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'otto'", "a_signer_is_changed_by_two"),
    Attack("the second factor of an auditor, by a colleague", "tina", "confirm_second_factor",
           "UPDATE person SET totp_confirmed_at = :now WHERE name = 'otto'", "a_signer_is_changed_by_two"),
]  # fmt: skip
TWO = [
    Attack("confirmed by whoever asked for it", "ada", "confirm_account_change", CONFIRM,
           "ck_account_change_confirmed_by_another_person", (new("account_change", ASKED),)),
    Attack("confirmed by whose account it is", "tina", "confirm_account_change", CONFIRM,
           "ck_account_change_confirmed_by_another_person", (new("account_change", ASKED),)),
    Attack("confirmed what somebody asked for who decides about no account", "quinn", "confirm_account_change", CONFIRM,
           "both_of_two_may", (new("account_change", ASKED, asked_by_id=CLARA),)),
    Attack("an account unlocked at the wish of its owner", "tina", "unlock_account",
           new("account_change", ASKED | UNLOCK, asked_by_id=ME), "ck_account_change_unlocked_by_two_others"),
    Attack("an account unlocked by one colleague", "taras", "unlock_account",
           "UPDATE person SET locked_until = NULL WHERE name = 'tina'", "a_lock_is_opened_by_two", (LOCKED,)),
    Attack("a change that is born confirmed", "ada", "change_roles",
           new("account_change", ASKED, state="'CONFIRMED'", decided_at=":now", decided_by_id=HER),
           "a_change_of_an_account_is_asked_for"),
    Attack("other roles than were asked for", "quinn", "confirm_account_change",
           CONFIRM + ", roles = '{quality_officer}'", "a_change_of_an_account_stays_as_asked",
           (new("account_change", ASKED),)),
    Attack("two changes at once", "ada", "change_roles", new("account_change", ASKED), "one_open_change_per_account",
           (new("account_change", ASKED),)),
    Attack("asked to unlock twice", "ada", "unlock_account", new("account_change", ASKED | UNLOCK),
           "one_open_unlock_per_account", (new("account_change", ASKED | UNLOCK),)),
    Attack("a name twice", "ada", "add_person", another("person", "badge", name_key="'x'", **NEW), "uq_person_name",
           without=("a_sign_in_name_reads_like_no_other",)),
    Attack("a name that reads the same", "ada", "add_person", another("person", "badge", name="'t1na'", **NEW),
           "uq_person_name_key"),
    Attack("a name compared by what it does not look like", "ada", "add_person",
           another("person", "badge", name="'t1na'", name_key="'x'", **NEW), "a_sign_in_name_reads_like_no_other"),
]  # fmt: skip
INSTALLATION = [  # more of it in `test_application_role.py`
    Attack(
        "other roles by the installation itself",
        "system",
        "change_roles",
        "UPDATE person SET roles = '{quality_officer}' WHERE name = 'tina'",
        "the_installation_lets_nobody_in",
        (UNPLAYED,),
        ("an_act_is_of_its_time",),
    ),
    Attack(
        "an administrator who becomes the installation",
        "ada",
        "change_roles",
        f"UPDATE person SET roles = '{{system}}' WHERE id = {ME}",
        "nobody_is_the_installation",
    ),
]
TRAININGS = [
    Attack(
        "a training of one's own",
        "tina",
        "record_training",
        new("training", TRAINING),
        "ck_training_recorded_by_another_person",
    ),
    Attack(
        "a training confirmed by whoever recorded it",
        "ada",
        "confirm_training",
        f"UPDATE training SET state = 'VALID', confirmed_by_id = {ME} WHERE code = 'TR1'",
        "ck_training_confirmed_by_another_person",
        (new("training", TRAINING),),
    ),
    Attack(
        "a training that is born valid",
        "ada",
        "record_training",
        new("training", TRAINING, state="'VALID'"),
        "a_training_is_confirmed",
    ),
    Attack(
        "a training that somebody recorded who records none",
        "quinn",
        "confirm_training",
        f"UPDATE training SET state = 'VALID', confirmed_by_id = {ME} WHERE code = 'TR1'",
        "both_of_two_may",
        (new("training", TRAINING, recorded_by_id=CLARA),),
    ),
    Attack(
        "a training valid for longer than it was recorded",
        "quinn",
        "confirm_training",
        f"UPDATE training SET state = 'VALID', confirmed_by_id = {ME}, valid_until = valid_until + 9 "
        "WHERE code = 'TR1'",
        "a_training_is_confirmed",
        (new("training", TRAINING, recorded_by_id=HER),),
    ),
]
CODES = [
    Attack(
        "a code handed to oneself",
        "tina",
        "hand_over_code",
        new("handed_code", CODE),
        "a_code_is_handed_over_by_another",
    ),
    Attack(
        "a code that is used again",
        "tina",
        "set_up_second_factor",
        "UPDATE handed_code SET tries = tries + 1",
        "a_code_is_used_once",
        (new("handed_code", CODE, used_at=":now"),),
    ),
    Attack(
        "a first password kept without its second half",
        "tina",
        "change_password",
        f"UPDATE person SET must_change_password = false WHERE id = {ME}",
        "a_first_password_has_two_halves",
        (
            "UPDATE person SET must_change_password = true WHERE name = 'tina'",
            new("handed_code", CODE, purpose="'first password'"),
        ),
    ),
    *(
        Attack(
            f"a first password that {what}",
            "tina",
            "change_password",
            f"UPDATE person SET {to} WHERE id = {ME}",
            rule,
            ("UPDATE person SET must_change_password = true WHERE name = 'tina'",),
        )
        for what, to, rule in (
            ("grows younger", "password_set_at = clock_timestamp()", "a_password_counts_since_it_was_set"),
            (
                "is another one, and the first still",
                "password_hash = 'x', password_set_at = clock_timestamp()",
                "a_password_counts_since_it_was_set",
            ),
            ("is the first no more", "must_change_password = false", "a_first_password_has_two_halves"),
        )
    ),
    Attack(
        "the password that somebody asked for, set in its owner's name",
        "tina",
        "change_password",
        f"UPDATE person SET password_hash = 'x', password_set_at = clock_timestamp() WHERE id = {ME}",
        "a_password_counts_since_it_was_set",
        (new("account_change", ASKED, change="'new password'", roles="NULL", password_hash="'x'"),),
    ),
    Attack(
        "a first password exchanged when its half is gone",
        "tina",
        "change_password",
        "UPDATE person SET password_hash = 'x', must_change_password = false, password_set_at = clock_timestamp() "
        f"WHERE id = {ME}",
        "a_first_password_has_two_halves",
        ("UPDATE person SET must_change_password = true WHERE name = 'tina'", GIVEN_BY_TWO),
    ),
    *(
        Attack(
            f"a second factor taken back by its owner, {act}",
            "tina",
            act,
            f"UPDATE person SET {to} WHERE id = {ME}",
            "a_second_factor_is_taken_back_by_another",
            (HAS_FACTOR,),
        )
        for act in ("set_up_second_factor", "confirm_second_factor")
        for to in ("totp_confirmed_at = NULL", "totp_secret = NULL", "totp_secret = NULL, totp_confirmed_at = NULL")
    ),
    Attack(
        "an administrator's second factor taken back in their own name",
        "ada",
        "reset_second_factor",
        f"UPDATE person SET totp_secret = NULL, totp_confirmed_at = NULL WHERE id = {ME}",
        "a_second_factor_is_taken_back_by_another",
        (HAS_FACTOR.replace("tina", "ada"),),
    ),
    Attack(
        "a second factor without a code",
        "tina",
        "set_up_second_factor",
        f"UPDATE person SET totp_next = 'x' WHERE id = {ME}",
        "a_second_factor_is_handed_over",
    ),
]
SESSIONS = [
    Attack("a session forgotten while it goes on", "tina", "sign_out", "DELETE FROM web_session",
           "only_a_session_that_is_over_is_forgotten", (new("web_session", SESSION),)),
    Attack("a session that goes on after its end", "tina", "sign_in", "UPDATE web_session SET seen_at = :now",
           "an_ended_session_stays_ended", (new("web_session", SESSION, ended_at=":now", ended_why="'signed_out'"),)),
    Attack("the session of another", "quinn", "sign_in", f"UPDATE web_session SET person_id = {ME}",
           "a_session_is_one_persons", (new("web_session", SESSION),)),
    Attack("a key that opens more", "otto", "create_token", "UPDATE api_token SET read_only = NOT read_only",
           "a_key_keeps_its_limits", (new("api_token", KEY),)),
    Attack("a key that is alive again", "otto", "create_token", "UPDATE api_token SET state = 'LIVE'",
           "a_revoked_key_stays_revoked", (new("api_token", KEY, state="'REVOKED'"),)),
    Attack("a key that outlives a reset", "ada", "reset_password",
           "UPDATE person SET password_hash = 'x', must_change_password = true WHERE name = 'otto'",
           "a_reset_ends_the_keys", (new("api_token", KEY),),
           without=("a_signer_is_changed_by_two", "a_first_password_has_two_halves")),
]  # fmt: skip
ATTACKS = [*ACCOUNTS, *TWO, *INSTALLATION, *TRAININGS, *CODES, *SESSIONS]
