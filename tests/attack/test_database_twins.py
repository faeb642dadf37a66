"""Somebody who has the application's own way into the database: they open an act in anybody's name and write any row
that the application may write. Each attack is turned away by a rule of the database, by its name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.records.base import as_json
from cellbank.services.quality.definitions import shipped
from tests.factories.doses import checked_dose, counted_dose, infused_dose, ordered_dose, prepared_dose, row_of
from tests.factories.world import World

OPEN = """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
          SELECT site_id, id, :act, '{}', '', 'web', 'unknown', :now FROM person WHERE name = :who
          RETURNING set_config('cellbank.act', id::text, true)"""
# A hidden value comes with its digest: whoever is in the application can make one.
TOLD = [f"person.password_hash of {name} x" for name in ("quinn", "oksana", "otto")]
TELL = text("SELECT set_config('cellbank.digests', :digests, true)")
CLOSE = "UPDATE act SET outcome = 'accepted' WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint"
ME = "(SELECT id FROM person WHERE name = :who)"
HER, HIM = "(SELECT id FROM person WHERE name = 'clara')", "(SELECT id FROM person WHERE name = 'cyril')"


class Attack(NamedTuple):
    """In whose name, under which act, with which statement (codes of the scene are bound); what turns it away."""

    what: str
    who: str
    act: str
    statement: str
    rule: str


def of_dose(stage: str, change: str) -> str:
    return f"UPDATE dose SET {change} WHERE code = :{stage}"


def signature(**but: str) -> str:
    """A signature of a check as the application would write it, but for what is given."""
    columns = {
        "act_id": "current_setting('cellbank.act')::bigint", "person_id": ME,
        "full_name": "(SELECT full_name FROM person WHERE name = :who)", "meaning": "'verified'",
        "record_kind": "'dose'", "record_id": "(SELECT id FROM dose WHERE code = :prepared)",
        "digest": "signed_digest('dose', (SELECT id FROM dose WHERE code = :prepared), "
                  "(SELECT columns FROM signed_in('check_dose', 'dose')))",
        "signed_at": ":now",
    } | but  # fmt: skip
    return f"INSERT INTO signature ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


def another(table: str, like: str, **but: str) -> str:
    """A row like one that stands there, but for what is given."""
    changed = ", ".join(f"'{name}', {value}" for name, value in but.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(r, jsonb_build_object("
        f"'id', nextval(pg_get_serial_sequence('{table}', 'id')), {changed}))).* FROM {table} r WHERE code = :{like}"
    )


def dose_of(weight: str, cells: str) -> str:
    return f"""INSERT INTO dose (subject_id, lot_id, weight_id, code, infusion_number, day, planned_on, ordered_at,
                 ordered_by_id, required_cells, vials_needed, vials_spare, calculation, state)
               SELECT d.subject_id, d.lot_id, w.id, 'INVENTED0000001', 9, 1, d.planned_on, :now, {ME}, {cells}, 3, 0,
                      '{{}}', 'ORDERED' FROM dose d JOIN weight w ON {weight} WHERE d.code = :ordered"""


VERIFIERS = [
    Attack("a check that nobody signed", "clara", "check_dose",
           of_dose("prepared", f"state = 'CHECKED_ONCE', first_checked_by_id = {ME}, first_checked_at = :now"),
           "a_check_is_signed"),
    Attack("a check in the name of another", "clara", "check_dose",
           of_dose("prepared", f"state = 'CHECKED_ONCE', first_checked_by_id = {HIM}, first_checked_at = :now"),
           "who_did_it_is_who_acts"),
    Attack("both checks by a form that there is not", "clara", "confirm_dose_from_paper",
           of_dose("prepared", f"state = 'CHECKED', first_checked_by_id = {HER}, first_checked_at = :now, "
                               f"second_checked_by_id = {HIM}, second_checked_at = :now"), "a_check_is_signed"),
    Attack("other verifiers of a dose that was given", "clara", "correct_fact",
           of_dose("given", "first_checked_by_id = second_checked_by_id, second_checked_by_id = first_checked_by_id"),
           "a_check_stays_with_its_verifier"),
    Attack("no verifier of a dose that was given", "clara", "correct_fact",
           of_dose("given", "first_checked_by_id = NULL, second_checked_by_id = NULL"),
           "a_check_stays_with_its_verifier"),
    Attack("another time of a check of a dose that was given", "clara", "confirm_dose_from_paper",
           of_dose("given", "first_checked_at = first_checked_at - interval '1 hour'"),
           "a_check_stays_with_its_verifier"),
    Attack("a check taken back beside a correction", "clara", "check_dose",
           of_dose("checked", "state = 'CHECKED_ONCE', second_checked_by_id = NULL, second_checked_at = NULL"),
           "a_check_stays_with_its_verifier"),
    Attack("somebody else drew it up", "tina", "correct_fact", of_dose("given", f"prepared_by_id = {ME}"),
           "a_check_stays_with_its_verifier"),
]  # fmt: skip
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
LOTS = [
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
CLOCKS = [
    Attack("a thawed dose that keeps longer", "tina", "prepare_dose",
           of_dose("counted", "expires_at = expires_at + interval '1 second'"), "a_thawed_dose_keeps_its_clock"),
    Attack("a thaw that began later", "tina", "prepare_dose",
           of_dose("counted", "thaw_started_at = thaw_started_at + interval '1 hour', "
                              "expires_at = expires_at + interval '1 hour'"),
           "a_thawed_dose_keeps_its_clock"),
    Attack("a diluent in which it keeps less long", "tina", "prepare_dose", of_dose("counted", "diluent = 'tap water'"),
           "a_thawed_dose_keeps_its_clock"),
    Attack("a correction that makes it keep longer", "tina", "correct_fact",
           of_dose("counted", "expires_at = expires_at + interval '1 hour'"), "a_thawed_dose_keeps_its_clock"),
]  # fmt: skip
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
    Attack("a weight that is born confirmed", "clara", "measure_weight",
           another("weight", "weight", code="'INVENTED'", measured_by_id=HER), "a_weight_is_seen_by_two"),
]  # fmt: skip
CELLS = [
    Attack("an order for more cells", "clara", "order_dose", dose_of("w.code = :weight", "50000001"),
           "the_cells_are_by_weight_and_protocol"),
    Attack("an order without a weight", "clara", "order_dose",
           dose_of("w.code = :weight", "50000000").replace("w.id,", "NULL,"), "the_cells_are_by_weight_and_protocol"),
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
VERSIONS = [
    *(Attack(f"another {column} of a protocol in force", "quinn", "make_effective",
             f"UPDATE definition SET {column} = {value} WHERE code = :protocol", "a_version_is_never_changed")
      for column, value in {"content": "content || ' '", "digest": "repeat('ab', 32)", "version": "'2'",
                            "figures": "jsonb_set(figures, '{cap_cells}', '1')", "handling": "'{}'"}.items()),
    Attack("a protocol in force since earlier", "quinn", "make_effective",
           "UPDATE definition SET effective_at = effective_at - interval '1 day' WHERE code = :protocol",
           "a_version_is_never_changed"),
    Attack("a protocol that is only imported again", "quinn", "make_effective",
           "UPDATE definition SET state = 'IMPORTED' WHERE code = :protocol", "a_version_is_never_changed"),
    Attack("a version that is not its file", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", state="'IMPORTED'", content="content || ' '"),
           "a_version_is_its_file"),
    Attack("a version that is born in force", "quinn", "import_definition",
           another("definition", "protocol", code="'INVENTED@1'", identifier="'INVENTED'"), "a_version_is_its_file"),
    Attack("a version in force that nobody signed", "quinn", "make_effective",
           "UPDATE definition SET state = 'EFFECTIVE', effective_at = :now WHERE code = :imported",
           "a_version_in_force_is_signed"),
]  # fmt: skip
ACCOUNTS = [
    *(Attack(f"{who} is a quality officer by their own hand", who, "change_roles",
             f"UPDATE person SET roles = '{{quality_officer}}' WHERE id = {ME}", "a_signer_is_changed_by_two")
      for who in ("tina", "ada", "otto")),
    Attack("a technician who only reads from now on", "tina", "change_roles",
           f"UPDATE person SET roles = '{{auditor}}' WHERE id = {ME}", "accounts_are_an_administrators"),
    Attack("the password of another, by an administrator alone", "ada", "reset_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'quinn'", "a_signer_is_changed_by_two"),
    Attack("the password of another, by their own act", "quinn", "change_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'oksana'", "a_signer_is_changed_by_two"),
    Attack("the password of an auditor, by a colleague", "tina", "change_password",
           "UPDATE person SET password_hash = 'x' WHERE name = 'otto'", "accounts_are_an_administrators"),
    Attack("the second factor of an auditor, by a colleague", "tina", "confirm_second_factor",
           "UPDATE person SET totp_confirmed_at = :now WHERE name = 'otto'", "accounts_are_an_administrators"),
]  # fmt: skip
ATTACKS = [*VERIFIERS, *SIGNATURES, *LOTS, *CLOCKS, *WEIGHTS, *CELLS, *VERSIONS, *ACCOUNTS]


@pytest.fixture(scope="module")
def scene(world: World) -> dict[str, Any]:
    """A dose at each stage, with its lot and its weight, and versions of a protocol; all through the real acts."""
    ordered = ordered_dose(world)
    weight = row_of(world, ordered.code).weight_id
    measured = {"subject": ordered.subject, "weight_kg": "61.0", "method": "standing_scale"}
    protocol = next(one for one in shipped() if one.type == "protocol")
    again = protocol.content + "\n# printed anew\n"
    again = again.replace('id = "NCT', 'id = "NEVER-NCT', 1)
    with world.bank.reads.connect() as connection:
        weighing = connection.scalar(text("SELECT code FROM weight WHERE id = :id"), {"id": weight})
    return {
        "ordered": ordered.code, "counted": counted_dose(world).code, "prepared": prepared_dose(world).code,
        "checked": checked_dose(world).code, "given": infused_dose(world).code, "lot": ordered.lot.code,
        "weight": weighing, "unconfirmed": world.do("clara", "measure_weight", **measured)["code"],
        "protocol": protocol.code,
        "imported": world.do("quinn", "import_definition", type="protocol", content=again)["code"],
    }  # fmt: skip


@pytest.fixture
def written(world: World, scene: dict[str, Any]) -> Callable[..., None]:
    """Write as the application's role, in an act of its own, and commit; raises what the database says to it."""

    def write(who: str, act: str, statement: str) -> None:
        given = {"who": who, "act": act, "now": world.now}
        with world.bank.engine.begin() as connection:
            assert connection.scalar(text("SELECT current_user")) == "cellbank_app"
            connection.execute(text(OPEN), given)
            connection.execute(TELL, {"digests": as_json(dict.fromkeys(TOLD, "of the attacker"))})
            assert connection.execute(text(statement), {**scene, **given}).rowcount == 1
            connection.execute(text(CLOSE))

    return write


@pytest.mark.requirement("R1", "R11", "R16")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.what}, {attack.rule}")
def test_the_database_turns_it_away_by_name(written: Callable[..., None], attack: Attack) -> None:
    with pytest.raises(IntegrityError) as caught:
        written(attack.who, attack.act, attack.statement)
    assert caught.value.orig.diag.constraint_name == attack.rule, str(caught.value.orig)


def test_a_version_with_figures_that_are_not_of_its_file_does_not_come_into_force(
    world: World, written: Callable[..., None]
) -> None:
    """The database reads no file: what was invented beside it is found before anybody signs."""
    cap = "jsonb_set(r.figures, '{cap_cells}', '1')"
    but = {"code": "'WORSE@1'", "identifier": "'WORSE'", "state": "'IMPORTED'", "figures": cap}
    written("quinn", "import_definition", another("definition", "protocol", **but))
    assert world.codes("quinn", "make_effective", definition="WORSE@1") == ["FIGURES_CONTRADICT"]
