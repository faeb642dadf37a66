"""Weights, the cells that they ask for, the cells that were drawn, and the clock of what is thawed."""

from tests.attack.twins.sql import HER, HIM, ME, Attack, another, dose_of, of_dose

CLOCKS = [
    Attack(
        "a thawed dose that keeps longer",
        "tina",
        "prepare_dose",
        of_dose("counted", "expires_at = expires_at + interval '1 second'"),
        "a_thawed_dose_keeps_its_clock",
    ),
    Attack(
        "a thaw that began later",
        "tina",
        "prepare_dose",
        of_dose(
            "counted",
            "thaw_started_at = thaw_started_at + interval '1 hour', expires_at = expires_at + interval '1 hour'",
        ),
        "a_thawed_dose_keeps_its_clock",
    ),
    Attack(
        "a diluent in which it keeps less long",
        "tina",
        "prepare_dose",
        of_dose("counted", "diluent = 'tap water'"),
        "a_thawed_dose_keeps_its_clock",
    ),
    Attack(
        "a correction that makes it keep longer",
        "tina",
        "correct_fact",
        of_dose("counted", "expires_at = expires_at + interval '1 hour'"),
        "a_thawed_dose_keeps_its_clock",
        without=("a_correction_names_all_that_it_changes",),
    ),
]
WEIGHTS = [
    Attack("another weight", "clara",
           "correct_fact", "UPDATE weight SET weight_kg = weight_kg + 10 WHERE code = :weight",
           "a_weight_stays_as_measured"),
    Attack("a weight of another subject", "clara", "correct_fact",
           "UPDATE weight SET subject_id = (SELECT subject_id FROM dose WHERE code = :given) WHERE code = :weight",
           "a_weight_stays_as_measured"),
    Attack("a weight measured later", "clara", "measure_weight",
           "UPDATE weight SET measured_at = measured_at + interval '3 days' WHERE code = :weight",
           "a_weight_stays_as_measured"),
    Attack("a weight confirmed by another one", "clara", "confirm_weight",
           f"UPDATE weight SET confirmed_by_id = {ME}, measured_by_id = {HIM} WHERE code = :weight",
           "a_weight_stays_as_measured"),
    Attack("a weight that was measured otherwise before it is confirmed", "clara", "measure_weight",
           "UPDATE weight SET weight_kg = weight_kg + 1 WHERE code = :unconfirmed", "a_weight_stays_as_measured"),
    Attack("confirmed in the name of another", "clara", "confirm_weight",
           f"UPDATE weight SET state = 'CONFIRMED', confirmed_by_id = {HIM}, confirmed_at = :now "
           "WHERE code = :unconfirmed",
           "who_did_it_is_who_acts"),
    Attack("a weight that nobody has", "clara", "measure_weight",
           another("weight", "unconfirmed", code="'INVENTED'", weight_kg="401"), "ck_weight_weight_is_plausible"),
    Attack("measured and confirmed by one", "clara", "confirm_weight",
           f"UPDATE weight SET state = 'CONFIRMED', confirmed_by_id = {ME}, confirmed_at = :now "
           "WHERE code = :unconfirmed", "ck_weight_confirmed_by_another_person"),
    Attack("a weight that is born confirmed", "clara", "measure_weight",
           another("weight", "weight", code="'INVENTED'", measured_by_id=HER), "a_weight_is_seen_by_two"),
]  # fmt: skip
CELLS = [
    Attack("an order for more cells", "clara", "order_dose", dose_of("w.code = :weight", "50000001"),
           "the_cells_are_by_weight_and_protocol"),
    Attack("an order without a weight", "clara", "order_dose",
           dose_of("w.code = :weight", "50000000", weight_id="NULL"), "the_cells_are_by_weight_and_protocol"),
    Attack("an order by a weight that nobody confirmed", "clara",
           "order_dose", dose_of("w.code = :unconfirmed", "61000000"),
           "a_confirmed_weight_decides"),
    *(Attack(f"another {column} after the order", "clara", "correct_fact", of_dose("ordered", f"{column} = {value}"),
             "a_dose_stays_as_ordered")
      for column, value in {"required_cells": "required_cells + 1", "vials_needed": "1", "weight_id": "NULL",
                            "calculation": "'{}'", "ordered_by_id": HIM, "infusion_number": "2"}.items()),
    Attack("more cells than were drawn", "tina",
           "prepare_dose", of_dose("counted", "delivered_cells = delivered_cells + 1"),
           "the_cells_are_those_drawn"),
    Attack("cells of a pool that nobody counted", "tina",
           "pool_and_count", of_dose("ordered", "delivered_cells = 50000000"),
           "the_cells_are_those_drawn"),
    Attack("a count of more than its vials held", "tina", "pool_and_count",
           of_dose("counted", "total_cells_per_ml = total_cells_per_ml * 10, "
                              "delivered_cells = div(total_cells_per_ml * 10 * viability_percent * draw_ml, 100)"),
           "no_more_cells_than_its_vials_held"),
    Attack("a count of vials that are not thawed", "tina", "pool_and_count",
           of_dose("ordered", "total_cells_per_ml = 1000000, viability_percent = 90, pooled_ml = 10, draw_ml = 5, "
                              "delivered_cells = 4500000"), "no_more_cells_than_its_vials_held"),
]  # fmt: skip
ATTACKS = [*CLOCKS, *WEIGHTS, *CELLS]
