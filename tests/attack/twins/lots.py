"""Lots: filled, frozen, released when nothing speaks against it."""

from tests.attack.twins.quality import DEVIATION, HOLD, LINK, OF_DONOR, OUT
from tests.attack.twins.sql import HER, ME, NOW, Attack, another, change, excursion_at, id_of, new

RELEASE = change("lot", "waiting", "state = 'RELEASED'")
WAITING = id_of("lot", "waiting")
BOX = f"(SELECT p.box_id FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.lot_id = {WAITING} LIMIT 1)"
# What is put under the lot changes its batch record: it is reviewed anew, so that only what is meant speaks against it.
REVIEWED = f"UPDATE batch_review SET digest = batch_digest(lot_id) WHERE lot_id = {WAITING}"
FROM_BANK = change("culture", "culture", f"parent_id = NULL, source_vial_id = {id_of('vial', 'in_stock')}")
EARLIER = "(SELECT fill_started_at - interval '1 hour' FROM lot WHERE id = r.lot_id)"
CONDITIONAL = {
    "code": "'CR1'", "lot_id": WAITING, "subject_id": id_of("subject", "subject"), "pending": """'["STERILITY"]'""",
    "justification": "'x'", "requested_at": ":now", "requested_by_id": HER, "state": "'REQUESTED'",
}  # fmt: skip
# A specification that lets sterility be pending, and a lot of which it is.
WAITS = (
    """UPDATE definition SET content = content || '[conditional_release]
tests = ["STERILITY"]', says = NULL WHERE id = (SELECT specification_id FROM lot WHERE code = :waiting)""",
    f"DELETE FROM test_result WHERE lot_id = {WAITING} AND test = 'STERILITY'",
)
NO_DONOR_TEST = f"DELETE FROM test_result WHERE donor_id = {id_of('donor', 'donor')} AND test = 'SYPHILIS'"
APPROVE = f"UPDATE conditional_release SET state = 'APPROVED', approved_by_id = {ME}, approved_at = :now"


def of_run(to: str, lot: str = "waiting") -> str:
    return f"UPDATE freezer_run SET {to} WHERE lot_id = {id_of('lot', lot)}"


def back(lot: str, to: str) -> str:
    return change("lot", lot, f"state = '{to}', state_before_hold = NULL")


RELEASES = [
    Attack("released and not signed", "oksana", "release_lot", RELEASE, "a_release_is_signed"),
    Attack("under a hold", "oksana", "release_lot", RELEASE, "no_release_under_a_hold", (new("hold", HOLD),)),
    Attack("under a hold of what it was made from", "oksana", "release_lot", RELEASE, "no_release_under_a_hold",
           (new("hold", HOLD, lot_id="NULL", donor_id=id_of("donor", "donor")),)),
    Attack("frozen under a hold and free", "tina", "record_freezing", change("lot", "waiting", "state = 'QUARANTINE'"),
           "a_held_lot_is_born_on_hold", (change("lot", "waiting", "state = 'FILLED'"), new("hold", HOLD))),
    Attack("of a donor who is not eligible", "oksana", "release_lot", RELEASE, "released_lots_have_an_eligible_donor",
           (change("donor", "donor", "state = 'REGISTERED'"),)),
    Attack("without a consent in force", "oksana", "release_lot", RELEASE, "no_release_without_consent",
           (f"UPDATE consent SET state = 'WITHDRAWN' WHERE donor_id = {id_of('donor', 'donor')}",)),
    Attack("against a result", "oksana", "release_lot", RELEASE, "no_release_against_a_result",
           (f"UPDATE test_result SET {OUT} WHERE lot_id = {WAITING} AND test = 'CD73'",)),
    Attack("with a result that nobody reviewed", "oksana", "release_lot", RELEASE, "no_release_against_a_result",
           ("UPDATE test_result SET state = 'ENTERED', reviewed_by_id = NULL "
            f"WHERE lot_id = {WAITING} AND test = 'CD73'",)),
    Attack("against a result of its culture", "oksana", "release_lot", RELEASE, "no_release_against_a_result",
           (OF_DONOR.replace(OUT, f"{OUT}, donor_id = NULL, culture_id = {id_of('culture', 'culture')}"),)),
    Attack("with a deviation open", "oksana", "release_lot", RELEASE, "no_release_with_an_open_deviation",
           (new("deviation", DEVIATION), new("deviation_link", LINK))),
    Attack("with a batch record that changed since its review", "oksana", "release_lot", RELEASE,
           "no_release_without_a_batch_review",
           (change("culture", "culture", "harvest_note = 'cloudy'"),)),
    Attack("from a lot that was rejected", "oksana", "release_lot", RELEASE, "no_release_from_a_stopped_lot",
           (FROM_BANK, change("lot", "lot", "state = 'REJECTED'"), REVIEWED)),
    Attack("without a freezing run", "oksana", "release_lot", RELEASE, "no_release_without_a_freezing_run",
           (f"DELETE FROM freezer_run WHERE lot_id = {WAITING}", REVIEWED)),
    Attack("with an excursion open", "oksana", "release_lot", RELEASE, "no_release_with_an_open_excursion",
           (excursion_at(BOX),)),
    Attack("without a result of the lot", "oksana", "release_lot", RELEASE, "no_release_without_its_results",
           WAITS[1:]),
    Attack("without a test of the donor", "oksana", "release_lot", RELEASE, "no_release_before_the_donor_is_tested",
           (NO_DONOR_TEST,)),
    Attack("passaged too often", "oksana", "release_lot", RELEASE, "no_release_beyond_the_passages",
           (change("lot", "waiting", "passage = 6"), REVIEWED)),
    Attack("doubled too often", "oksana", "release_lot", RELEASE, "no_release_beyond_the_passages",
           (change("lot", "waiting", "cumulative_doublings = 20.001"), REVIEWED)),
    Attack("with a cell that nobody knows of", "oksana", "release_lot", RELEASE, "no_release_with_cells_unaccounted",
           (change("lot", "waiting", "lost_cells = lost_cells + 1"), REVIEWED)),
    Attack("after its expiry", "oksana", "release_lot", RELEASE, "no_release_after_its_expiry",
           (change("lot", "waiting", f"expires_on = CAST({NOW} AS date) - 1"), REVIEWED)),
    Attack("with a vial that is not put away", "oksana", "release_lot", RELEASE, "no_release_before_it_is_stored",
           (f"UPDATE vial SET state = 'FROZEN' WHERE id = (SELECT max(id) FROM vial WHERE lot_id = {WAITING})",)),
    Attack("recalled in silence", "quinn", "recall_lot", change("lot", "lot", "state = 'RECALLED'"),
           "a_stop_reaches_every_clinician"),
    Attack("changed at another site", "quinn", "release_lot", change("lot", "waiting", "decision_reason = 'x'"),
           "a_record_is_changed_at_its_site", (change("lot", "waiting", "site_id = :elsewhere"),)),
]  # fmt: skip
UNHOLD = (
    "UPDATE hold SET state = 'LIFTED', lifted_at = :now, lift_reason = 'x' "
    "WHERE lot_id = (SELECT id FROM lot WHERE code = :held); "
)
HELD = [
    Attack("let go while its hold stands", "oksana", "lift_hold", back("held", "QUARANTINE"),
           "a_held_lot_stays_on_hold"),
    Attack("let go to where it never was", "oksana", "lift_hold", UNHOLD + back("held", "RELEASED"),
           "a_lot_comes_back_to_where_it_was"),
    Attack("let go by whoever made it", "tina", "lift_hold", UNHOLD + back("held", "QUARANTINE"),
           "the_signer_performed_nothing"),
    Attack("held as if it had been released", "quinn", "hold_lot",
           change("lot", "waiting", "state = 'ON_HOLD', state_before_hold = 'RELEASED'"),
           "a_lot_comes_back_to_where_it_was"),
    Attack("on hold, as if it had been released", "quinn", "lift_hold",
           change("lot", "held", "state_before_hold = 'RELEASED'"), "a_lot_comes_back_to_where_it_was"),
    Attack("recalled and never released", "quinn", "recall_lot", back("held", "RECALLED"),
           "only_what_was_released_is_recalled"),
]  # fmt: skip
REQUESTED = (*WAITS, new("conditional_release", CONDITIONAL))
ALONE = "only_what_is_pending_may_be"
CONDITIONALLY = [
    Attack("two for one subject", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL, code="'CR2'"), "one_live_conditional_release", REQUESTED),
    Attack("a failed test of what one subject may have, and they still may", "taras", "enter_result",
           another("test_result", "entered", code="'INVENTED'", verdict="'OUT_OF_SPECIFICATION'", entered_by_id=ME,
                   lot_id=id_of("lot", "waiting")), "what_is_found_stops_product", REQUESTED,
           without=("a_stop_reaches_every_clinician",)),
    Attack("approved by whoever asked for it", "clara", "approve_conditional_release", APPROVE,
           "ck_conditional_release_three_different_people", REQUESTED),
    Attack("approved by whoever made the lot", "tina", "approve_conditional_release", APPROVE,
           "the_signer_performed_nothing", REQUESTED),
    Attack("of a lot that is not in quarantine", "oksana", "approve_conditional_release", APPROVE,
           "only_a_lot_in_quarantine_is_released_conditionally",
           (new("conditional_release", CONDITIONAL, lot_id=id_of("lot", "lot")),)),
    Attack("signed at a site that has neither lot nor subject", "oksana", "approve_conditional_release", APPROVE,
           "a_record_is_changed_at_its_site",
           (*REQUESTED, change("lot", "waiting", "site_id = :elsewhere"), REVIEWED,
            change("subject", "subject", "site_id = :elsewhere"))),
    Attack("with other tests pending", "clara", "request_conditional_release",
           """UPDATE conditional_release SET pending = '["MYCOPLASMA"]'""", "a_conditional_release_keeps_its_subject",
           REQUESTED),
    Attack("begun again", "clara", "request_conditional_release",
           "UPDATE conditional_release SET state = 'REQUESTED', ended_at = NULL, end_reason = NULL",
           "an_ended_conditional_release_stays_ended",
           (new("conditional_release", CONDITIONAL | {"state": "'ENDED'", "ended_at": ":now", "end_reason": "'x'"}),)),
    Attack("with nothing pending", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL, pending="'[]'"), ALONE, WAITS),
    Attack("with a test pending that has its result", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL), ALONE, WAITS[:1]),
    Attack("with a test pending that may not be", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL), ALONE, WAITS[1:]),
    Attack("approved when its result has come", "oksana", "approve_conditional_release", APPROVE, ALONE,
           (WAITS[0], new("conditional_release", CONDITIONAL))),
    Attack("approved while another result is missing", "oksana", "approve_conditional_release", APPROVE,
           "no_release_without_its_results", (*REQUESTED, WAITS[1].replace("STERILITY", "MYCOPLASMA"))),
    Attack("approved under a hold", "oksana", "approve_conditional_release", APPROVE, "no_release_under_a_hold",
           (*REQUESTED, new("hold", HOLD))),
    Attack("approved without the review of its batch record", "oksana", "approve_conditional_release", APPROVE,
           "no_release_without_a_batch_review",
           (*REQUESTED, change("culture", "culture", "harvest_note = 'cloudy'"))),
    Attack("asked for somebody who is not enrolled", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL), "dose_only_for_an_enrolled_subject",
           (*WAITS, change("subject", "subject", "state = 'WITHDRAWN'"))),
]  # fmt: skip
RUNS = [
    Attack(
        "another temperature",
        "tina",
        "import_freezing_run",
        of_run("worst_c = worst_c - 1"),
        "a_freezing_run_never_changes",
    ),
    Attack(
        "withdrawn after the release",
        "tina",
        "withdraw_freezing_run",
        of_run(f"state = 'WITHDRAWN', withdrawn_by_id = {ME}, withdrawal_reason = 'x'", "lot"),
        "a_run_that_is_relied_on_stays",
    ),
    Attack(
        "begun before the filling",
        "tina",
        "import_freezing_run",
        another("freezer_run", "run", code="'INVENTED'", imported_by_id=ME, began_at=EARLIER, first_at=EARLIER),
        "the_run_began_after_the_filling",
    ),
    Attack(
        "two runs of a lot",
        "tina",
        "import_freezing_run",
        another("freezer_run", "run", code="'INVENTED'", imported_by_id=ME),
        "one_run_of_a_lot",
    ),
]
FILLED = [
    Attack("a lot that keeps longer", "quinn",
           "release_lot", "UPDATE lot SET expires_on = expires_on + 1 WHERE code = :lot",
           "a_lot_keeps_its_expiry"),
    Attack("a lot that was filled later", "quinn", "release_lot",
           "UPDATE lot SET fill_started_at = fill_started_at + interval '1 day', expires_on = expires_on + 1 "
           "WHERE code = :lot",
           "a_lot_keeps_its_expiry"),
    Attack("an expiry put right that is none", "quinn", "correct_fact",
           "UPDATE lot SET expires_on = expires_on + 1 WHERE code = :lot", "a_lot_expires_by_its_specification"),
    Attack("a new lot that keeps longer", "tina", "open_lot",
           another("lot", "lot", code="'INVENTED'", expires_on="r.expires_on + 1", state="'FILLED'"),
           "a_lot_expires_by_its_specification"),
    Attack("more cells in each vial", "quinn", "correct_fact",
           "UPDATE lot SET cells_per_vial = cells_per_vial + 1 WHERE code = :lot", "a_lot_stays_as_it_was_filled"),
    Attack("a lot for another purpose", "quinn",
           "correct_fact", "UPDATE lot SET purpose = 'master_bank' WHERE code = :lot",
           "a_lot_stays_as_it_was_filled"),
]  # fmt: skip
ATTACKS = [*RELEASES, *HELD, *CONDITIONALLY, *RUNS, *FILLED]
