"""Donors, donations, cultures and reagents: cells only from what is accepted."""

from tests.attack.twins.quality import OF_DONOR, OUT
from tests.attack.twins.sql import ME, NOW, Attack, another, change, id_of, new

LETTERS = "a_number_is_compared_by_its_letters"
DONOR = id_of("donor", "donor")
NO_CONSENT = f"DELETE FROM consent WHERE donor_id = {DONOR}"
UNTESTED = f"DELETE FROM test_result WHERE donor_id = {DONOR}"
USE = {"culture_id": id_of("culture", "culture"), "reagent_lot_id": id_of("reagent_lot", "reagent"), "used_at": ":now"}
ELIGIBLE, REGISTERED = (change("donor", "donor", f"state = '{state}'") for state in ("ELIGIBLE", "REGISTERED"))
FROM_TISSUE = {"code": "'INVENTED'", "parent_id": "NULL", "source_vial_id": "NULL"}


def of_reagent(to: str) -> str:
    return change("reagent_lot", "reagent", to)


DONORS = [
    Attack("a pseudonym twice", "tina", "register_donor",
           another("donor", "donor", code="'INVENTED'", pseudonym_key="'x'"), "uq_donor_pseudonym",
           without=(LETTERS,)),
    Attack("a pseudonym that reads the same", "tina", "register_donor",
           another("donor", "donor", code="'INVENTED'", pseudonym="'x'"), "uq_donor_pseudonym_key",
           without=(LETTERS,)),
    Attack("eligible without consent", "quinn", "determine_eligibility", ELIGIBLE,
           "an_eligible_donor_has_consented", (NO_CONSENT, REGISTERED)),
    Attack("eligible against a result", "quinn", "determine_eligibility", ELIGIBLE,
           "no_eligible_donor_against_a_result", (REGISTERED, OF_DONOR)),
    Attack("eligible without a test of the panel", "quinn", "determine_eligibility", ELIGIBLE,
           "an_eligible_donor_is_shown_healthy", (REGISTERED, f"{UNTESTED} AND test = 'SYPHILIS'")),
    Attack("eligible while the window period is open", "quinn", "determine_eligibility", ELIGIBLE,
           "an_eligible_donor_is_shown_healthy", (REGISTERED, f"{UNTESTED} AND test = 'HIV-NAT'")),
    Attack("eligible by blood of another time", "quinn", "determine_eligibility", ELIGIBLE,
           "an_eligible_donor_is_shown_healthy",
           (REGISTERED, f"UPDATE test_result SET started_at = started_at - interval '8 d' WHERE donor_id = {DONOR}")),
    Attack("eligible by a test that is no longer acceptable", "quinn", "determine_eligibility", ELIGIBLE,
           "an_eligible_donor_is_shown_healthy",
           (REGISTERED, f"UPDATE test_result SET choice = 'positive' WHERE donor_id = {DONOR} AND test = 'HBSAG'")),
    Attack("eligible by a result that nobody reviewed", "quinn", "determine_eligibility", ELIGIBLE,
           "no_eligible_donor_against_a_result", (REGISTERED, OF_DONOR.replace(
               OUT, "state = 'ENTERED', reviewed_by_id = NULL"))),
    Attack("a donation without consent", "tina", "receive_donation",
           another("donation", "donation", code="'INVENTED'", received_by_id=ME), "a_donation_has_a_consent",
           (NO_CONSENT,)),
    Attack("a donor of another site", "tina", "record_delivery", change("donor", "donor", "birth_year = 1980"),
           "a_record_is_changed_at_its_site", (change("donor", "donor", "site_id = :elsewhere"),)),
]  # fmt: skip
CULTURES = [
    Attack("from a rejected donation", "tina", "isolate_tissue", another("culture", "culture", **FROM_TISSUE),
           "cells_only_from_an_accepted_donation", (change("donation", "donation", "state = 'REJECTED'"),)),
    Attack("from an ineligible donor", "tina", "isolate_tissue", another("culture", "culture", **FROM_TISSUE),
           "no_cells_from_an_ineligible_donor", (change("donor", "donor", "state = 'INELIGIBLE'"),)),
    Attack("from a vial of the product", "tina", "thaw_bank_vial",
           another("culture", "culture", **FROM_TISSUE | {"source_vial_id": id_of("vial", "in_stock")}),
           "only_vials_of_a_released_bank_are_cultured"),
    Attack("fewer cells than none left", "tina", "passage_culture", change("culture", "culture", "cells_left = -1"),
           "ck_culture_cells_left_never_negative"),
    Attack("more cells left than were harvested", "tina", "passage_culture",
           change("culture", "culture", "cells_left = cells_harvested + 1"), "ck_culture_cells_left_never_negative"),
    Attack("other figures of a harvest", "tina", "record_harvest",
           change("culture", "culture", "cells_harvested = cells_harvested * 2"), "a_noted_value_is_only_put_right"),
]  # fmt: skip
GROWING = change("culture", "culture", "state = 'GROWING'")
LOT = "(SELECT id FROM lot WHERE code = :lot)"
ONE_MORE = {
    "site_id": "1",
    "lot_id": LOT,
    "donation_id": "(SELECT donation_id FROM lot WHERE code = :lot)",
    "code": "left(:in_stock, 13) || '000999'",
    "state": "'PRINTED'",
}
OF_LOT = {"lot_id": LOT, "culture_id": id_of("culture", "culture"), "cells_used": "1"}
CLOSED, HARVESTED = "what_a_lot_is_made_of_is_fixed", "cells_come_from_what_was_harvested"
OTHER = "(SELECT max(id) FROM donation WHERE code <> :donation)"
MADE_OF = [
    Attack("a vial put into a released lot", "tina", "open_lot",
           new("vial", ONE_MORE), CLOSED),
    Attack("a label filled when the lot is closed", "tina", "record_filling",
           change("vial", "in_stock", "state = 'FILLED'"), CLOSED, (change("vial", "in_stock", "state = 'PRINTED'"),)),
    Attack("cells put into a released lot", "tina", "open_lot", new("lot_source", OF_LOT), CLOSED),
    Attack("a reagent put into a released lot", "tina", "open_lot",
           new("reagent_use", USE | {"lot_id": LOT, "culture_id": "NULL"}), CLOSED),
    Attack("a run of a lot that is released", "tina", "import_freezing_run",
           another("freezer_run", "run", code="'INVENTED'", imported_by_id=ME, lot_id=LOT), CLOSED),
    Attack("a reagent put into a culture that is harvested", "tina", "passage_culture", new("reagent_use", USE),
           "what_a_culture_is_made_of_is_fixed"),
    Attack("passaged from a culture that is finished", "tina", "passage_culture",
           another("culture", "culture", code="'INVENTED'", parent_id="r.id"), HARVESTED,
           (change("culture", "culture", "state = 'FINISHED'"),)),
    Attack("filled from a culture that still grows", "tina", "open_lot", new("lot_source", OF_LOT), HARVESTED,
           (change("lot", "lot", "state = 'IN_PROCESS'"), GROWING)),
    Attack("filled with cells of another donation", "tina", "open_lot", new("lot_source", OF_LOT),
           "cells_of_two_donations_never_meet",
           (change("lot", "lot", f"state = 'IN_PROCESS', donation_id = {OTHER}"),
            change("culture", "culture", "state = 'HARVESTED'"))),
    Attack("a vial of another donation than its lot", "tina", "open_lot",
           new("vial", ONE_MORE, donation_id=id_of("donation", "donation")),
           "cells_of_two_donations_never_meet", (change("lot", "lot", "state = 'IN_PROCESS'"),)),
]  # fmt: skip
REAGENTS = [
    Attack("used in quarantine", "tina", "passage_culture", new("reagent_use", USE), "only_accepted_reagents_are_used",
           (GROWING, of_reagent("state = 'QUARANTINED'"))),
    Attack("used after it expired", "tina", "passage_culture", new("reagent_use", USE), "no_expired_reagent_is_used",
           (GROWING, of_reagent("expires_on = DATE '2020-01-01'"))),
    Attack("used and never opened", "tina", "passage_culture", new("reagent_use", USE),
           "no_reagent_is_used_too_long_after_opening", (GROWING, of_reagent("days_once_open = 1, opened_at = NULL"))),
    Attack("used too long after opening", "tina", "passage_culture", new("reagent_use", USE),
           "no_reagent_is_used_too_long_after_opening",
           (GROWING, of_reagent(f"days_once_open = 1, opened_at = {NOW} - interval '2 days'"))),
    Attack("more used than there is", "tina", "passage_culture", of_reagent("quantity_left = -1"),
           "ck_reagent_lot_never_more_used_than_there_is",
           (of_reagent("unit = 'mL', quantity_received = 10, quantity_left = 1"),)),
    Attack("accepted without a certificate", "quinn", "decide_reagent", of_reagent("state = 'ACCEPTED'"),
           "an_accepted_reagent_has_a_certificate", (of_reagent("state = 'QUARANTINED', certificate = NULL"),)),
    Attack("opened again", "tina", "open_reagent", of_reagent("opened_at = :now"), "a_reagent_is_opened_once",
           (of_reagent(f"opened_at = {NOW} - interval '2 days'"),)),
]  # fmt: skip
ATTACKS = [*DONORS, *CULTURES, *MADE_OF, *REAGENTS]
