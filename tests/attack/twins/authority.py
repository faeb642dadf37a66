"""What an act may do at all: what is its own, of whom it is, what it signs, and that what is written stays."""

from tests.attack.twins.sql import ME, Attack, another, signed_by
from tests.factories.by_hand import AUTHORITY

WHOSE, WRITTEN, WHO, SIGNED = AUTHORITY


def state(kind: str, code: str, becomes: str) -> str:
    """A record, named in the scene, put into another state."""
    return f"UPDATE {kind} SET state = '{becomes}' WHERE code = :{code}"


INELIGIBLE = ("donor", "donor", "INELIGIBLE")
LIFTED = (
    "UPDATE hold SET state = 'LIFTED', lifted_at = :now, lift_reason = 'x' "
    "WHERE lot_id = (SELECT id FROM lot WHERE code = :held)"
)
ENROLLED = """UPDATE subject SET state = 'ENROLLED', assessment = '{{"outcome": "ELIGIBLE"}}',
                place = (SELECT max(place) + 1 FROM subject) WHERE code = :{}"""
A_DONOR = another(
    "donor", "donor", code="'DR99990'", pseudonym="'nobody'", pseudonym_key="'nobody'", state="'REGISTERED'"
)
# Moves that are no business of the act under which they are made.
MOVES = [
    Attack("a donor made ineligible", "quinn", "hold_lot", state(*INELIGIBLE), WHOSE),
    Attack("a subject enrolled", "clara", "measure_weight", ENROLLED.format("screened"), WHOSE),
    Attack("a screening failure enrolled", "clara", "sign_eligibility", ENROLLED.format("failed"), WHOSE),
    Attack("a hold lifted", "quinn", "close_deviation", LIFTED, WHOSE),
    Attack("a lot taken off its hold", "quinn", "review_results",
           "UPDATE lot SET state = 'QUARANTINE', state_before_hold = NULL WHERE code = :held", WHOSE,
           without=("a_held_lot_stays_on_hold",)),
    Attack("a lot rejected by the way", "quinn", "hold_lot", state("lot", "waiting", "REJECTED"), WHOSE),
    Attack("a vial picked by a count", "tina", "count_box",
           "UPDATE vial SET state = 'MISSING' WHERE code = :in_stock", WHOSE),
    Attack("a vial discarded by an order", "clara", "order_dose",
           "UPDATE vial SET state = 'DISCARDED' WHERE code = :in_stock", WHOSE),
    Attack("a consent given again", "tina", "register_donor", state("consent", "consent", "WITHDRAWN"), WHOSE,
           without=("what_ends_says_why",)),
    Attack("a deviation investigated", "quinn", "classify_deviation",
           f"UPDATE deviation SET state = 'INVESTIGATED', investigated_by_id = {ME}, "
           "investigation = 'x' WHERE code = :deviation", WHOSE),
    Attack("a rejected reagent in use", "tina", "open_reagent", state("reagent_lot", "reagent", "QUARANTINED"), WHOSE),
    Attack("another culture in the lot", "tina", "close_filling",
           "UPDATE lot_source SET cells_used = 1 WHERE lot_id = (SELECT id FROM lot WHERE code = :waiting)", WHOSE),
    Attack("a vial taken from its place", "tina", "measure_weight",
           "UPDATE placement SET taken_at = :now WHERE taken_at IS NULL "
           "AND vial_id = (SELECT id FROM vial WHERE code = :in_stock)", WHOSE),
    Attack("a donor by somebody who signs in", "tina", "sign_in", A_DONOR, WHOSE),
    Attack("whatever, by an act that there is not", "quinn", "set_right", state(*INELIGIBLE), WHOSE),
]  # fmt: skip
# What stands is given another value by an act that may write the record.
VALUES = [
    Attack("another patient", "clara", "answer_criteria",
           "UPDATE subject SET second_identifier = 'of another' WHERE code = :screened", WRITTEN,
           without=("a_number_is_compared_by_its_letters",)),
    Attack("another birth date", "clara", "answer_criteria",
           "UPDATE subject SET born_on = '1950-01-01' WHERE code = :screened", WRITTEN),
    Attack("a deviation downgraded", "tina", "investigate_deviation",
           "UPDATE deviation SET classification = 'minor' WHERE code = :deviation", WRITTEN,
           without=("a_deviation_is_lowered_with_a_signature", "a_deviation_is_lowered_by_another")),
    Attack("a reagent that keeps longer", "tina", "open_reagent",
           "UPDATE reagent_lot SET expires_on = '2099-01-01' WHERE code = :reagent", WRITTEN),
    Attack("a dose on another day", "tina", "pick_vial",
           "UPDATE dose SET planned_on = planned_on + 1 WHERE code = :ordered", WRITTEN),
    Attack("a count of another time", "tina", "fetch_spare",
           "UPDATE dose SET counted_at = :now WHERE code = :counted", WRITTEN),
    Attack("put away at another time", "tina", "move_vial",
           "UPDATE placement SET placed_at = placed_at - interval '1 hour' "
           "WHERE vial_id = (SELECT id FROM vial WHERE code = :in_stock)", WRITTEN),
    Attack("an older donor", "quinn", "hold_donor", "UPDATE donor SET birth_year = 1950 WHERE code = :donor", WRITTEN),
]  # fmt: skip
# The right act, without what it asks for.
PEOPLE = [
    Attack("a technician who rejects", "tina", "reject_lot", state("lot", "waiting", "REJECTED"), WHO),
    Attack("a clinician who lifts a hold", "clara", "lift_hold", LIFTED, WHO),
    Attack("an auditor who registers", "otto", "register_donor", A_DONOR, WHO),
    Attack(
        "a clinician who corrects the work of the laboratory",
        "clara",
        "correct_fact",
        "UPDATE culture SET cells_harvested = cells_harvested + 1 WHERE id = "
        "(SELECT culture_id FROM lot_source WHERE lot_id = (SELECT id FROM lot WHERE code = :waiting))",
        WHO,
    ),
]
UNSIGNED = [
    Attack("a donor made ineligible", "quinn", "determine_eligibility", state(*INELIGIBLE), SIGNED),
    Attack("a hold lifted", "quinn", "lift_hold", LIFTED, SIGNED),
    Attack(
        "a subject enrolled",
        "clara",
        "sign_eligibility",
        state("subject", "screened", "SCREEN_FAILED"),
        SIGNED,
        without=("the_answers_say_who_is_eligible",),
    ),
    Attack(
        "a plan made anew",
        "clara",
        "plan_dose_anew",
        "UPDATE dose SET planned_anew_because = 'tomorrow' WHERE code = :ordered",
        SIGNED,
    ),
]
DETERMINED = ("donor", "donor", "ELIGIBLE")
PLANNED = signed_by("plan_dose_anew", "approved", "dose", "counted")
ANOTHER_WAY = [
    Attack(
        "a donor made eligible by a signature that rejects",
        "quinn",
        "determine_eligibility",
        f"{state(*DETERMINED)}; " + signed_by("determine_eligibility", "rejected", "donor", "donor"),
        SIGNED,
        (state(*INELIGIBLE),),
    ),
    Attack(
        "a donation accepted by a signature that rejects",
        "quinn",
        "decide_donation",
        "UPDATE donation SET state = 'ACCEPTED' WHERE code = :donation; "
        + signed_by("decide_donation", "rejected", "donation", "donation"),
        SIGNED,
        ("UPDATE donation SET state = 'AWAITING_DECISION' WHERE code = :donation",),
    ),
    Attack(
        "a plan made anew by the signature on another dose",
        "clara",
        "plan_dose_anew",
        f"UPDATE dose SET planned_anew_because = 'tomorrow' WHERE code = :ordered; {PLANNED}",
        SIGNED,
    ),
]
WRITTEN_AFTERWARDS = [
    Attack(
        "a plan that is another one once it was signed",
        "clara",
        "plan_dose_anew",
        f"{PLANNED}; UPDATE dose SET planned_anew_because = 'tomorrow' WHERE code = :counted",
        "a_signature_covers_its_record",
    ),
]
ATTACKS = [*ANOTHER_WAY, *WRITTEN_AFTERWARDS, *MOVES, *VALUES, *PEOPLE, *UNSIGNED]
