"""Lots: filled, frozen, released when nothing speaks against it."""

from tests.attack.twins.quality import DEVIATION, HOLD, LINK, OF_DONOR, OUT
from tests.attack.twins.sql import HER, ME, Attack, another, change, excursion_at, id_of, new

RELEASE = change("lot", "waiting", "state = 'RELEASED'")
WAITING = id_of("lot", "waiting")
BOX = f"(SELECT p.box_id FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.lot_id = {WAITING} LIMIT 1)"
# What is put under the lot changes its batch record: it is reviewed anew, so that only what is meant speaks against it.
REVIEWED = f"UPDATE batch_review SET digest = batch_digest(lot_id) WHERE lot_id = {WAITING}"
FROM_BANK = change("culture", "culture", f"parent_id = NULL, source_vial_id = {id_of('vial', 'in_stock')}")
EARLIER = "(SELECT fill_started_at - interval '1 hour' FROM lot WHERE id = r.lot_id)"
CONDITIONAL = {
    "code": "'CR1'", "lot_id": WAITING, "subject_id": id_of("subject", "subject"), "pending": "'[]'",
    "justification": "'x'", "requested_at": ":now", "requested_by_id": HER, "state": "'REQUESTED'",
}  # fmt: skip
APPROVE = f"UPDATE conditional_release SET state = 'APPROVED', approved_by_id = {ME}, approved_at = :now"


def of_run(to: str, lot: str = "waiting") -> str:
    return f"UPDATE freezer_run SET {to} WHERE lot_id = {id_of('lot', lot)}"


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
           (f"DELETE FROM freezer_run WHERE lot_id = {WAITING}",)),
    Attack("with an excursion open", "oksana", "release_lot", RELEASE, "no_release_with_an_open_excursion",
           (excursion_at(BOX),)),
    Attack("recalled in silence", "quinn", "recall_lot", change("lot", "lot", "state = 'RECALLED'"),
           "a_stop_reaches_every_clinician"),
    Attack("changed at another site", "quinn", "release_lot", change("lot", "waiting", "decision_reason = 'x'"),
           "a_record_is_changed_at_its_site", (change("lot", "waiting", "site_id = :elsewhere"),)),
]  # fmt: skip
CONDITIONALLY = [
    Attack("two for one subject", "clara", "request_conditional_release",
           new("conditional_release", CONDITIONAL, code="'CR2'"), "one_live_conditional_release",
           (new("conditional_release", CONDITIONAL),)),
    Attack("approved by whoever asked for it", "clara", "approve_conditional_release", APPROVE,
           "ck_conditional_release_three_different_people", (new("conditional_release", CONDITIONAL),)),
    Attack("approved by whoever made the lot", "tina", "approve_conditional_release", APPROVE,
           "the_signer_performed_nothing", (new("conditional_release", CONDITIONAL),)),
    Attack("of a lot that is not in quarantine", "oksana", "approve_conditional_release", APPROVE,
           "only_a_lot_in_quarantine_is_released_conditionally",
           (new("conditional_release", CONDITIONAL, lot_id=id_of("lot", "lot")),)),
    Attack("signed at a site that has neither lot nor subject", "oksana", "approve_conditional_release", APPROVE,
           "a_record_is_changed_at_its_site",
           (new("conditional_release", CONDITIONAL), change("lot", "waiting", "site_id = :elsewhere"),
            change("subject", "subject", "site_id = :elsewhere"))),
    Attack("with other tests pending", "clara", "request_conditional_release",
           """UPDATE conditional_release SET pending = '["STERILITY"]'""", "a_conditional_release_keeps_its_subject",
           (new("conditional_release", CONDITIONAL),)),
    Attack("begun again", "clara", "request_conditional_release",
           "UPDATE conditional_release SET state = 'REQUESTED', ended_at = NULL, end_reason = NULL",
           "an_ended_conditional_release_stays_ended",
           (new("conditional_release", CONDITIONAL | {"state": "'ENDED'", "ended_at": ":now", "end_reason": "'x'"}),)),
]  # fmt: skip
RUNS = [
    Attack("another temperature", "tina", "import_freezing_run", of_run("worst_c = worst_c - 1"),
           "a_freezing_run_never_changes"),
    Attack("withdrawn after the release", "tina", "withdraw_freezing_run",
           of_run(f"state = 'WITHDRAWN', withdrawn_by_id = {ME}, withdrawal_reason = 'x'", "lot"),
           "a_run_that_is_relied_on_stays"),
    Attack("begun before the filling", "tina", "import_freezing_run",
           another("freezer_run", "run", code="'INVENTED'", imported_by_id=ME, began_at=EARLIER, first_at=EARLIER),
           "the_run_began_after_the_filling"),
    Attack("two runs of a lot", "tina", "import_freezing_run",
           another("freezer_run", "run", code="'INVENTED'", imported_by_id=ME), "one_run_of_a_lot"),
]  # fmt: skip
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
ATTACKS = [*RELEASES, *CONDITIONALLY, *RUNS, *FILLED]
