"""Temperature: readings that are stored once, excursions that are decided once."""

from tests.attack.twins.sql import ME, NOW, PROBE, Attack, another, excursion_at, new

EXCURSION = excursion_at("1")
ENDED = {"ended_at": ":now", "decision_reason": "'x'", "decided_by_id": ME}
ENTERED = {
    "code": "'RI1'",
    "probe_id": PROBE,
    "first_at": ":now",
    "last_at": ":now",
    "entered_by_id": ME,
    "source": "'hand'",
    "hand_celsius": "-190",
    "state": "'ENTERED'",
} | dict.fromkeys(("row_count", "stored", "duplicates", "known_before", "left_out", "out_of_order"), "0")
FILE = ENTERED | {
    "source": "'file'",
    "hand_celsius": "NULL",
    "sha256": "'ab'",
    "mapping": """'{"value": 1}'""",
    "state": "'STORED'",
    "digest": "'ab'",
}
READING = new("reading", {"probe_id": PROBE, "at": ":now", "celsius": "-190", "import_id": "1"})
ANSWER = new("sheet_answer", {"sheet": "'readings'", "source": "'probe 1'", "answers": "'{}'"})

ASKED = (
    "UPDATE probe SET limits_asked = jsonb_build_object('warn_above_c', '-100', 'warn_minutes', '10', "
    "'critical_above_c', '-90', 'critical_readings', '2', 'reject_above_c', '-80', 'gap_minutes', '15', "
    "'acknowledge_minutes', '30'), limits_asked_because = 'x', limits_asked_by_id = {} WHERE code = :probe"
)
BY_TINA = ASKED.format("(SELECT id FROM person WHERE name = 'tina')")
LAX = "UPDATE probe SET warn_above_c = -100, critical_above_c = -90 WHERE code = :probe"

ATTACKS = [
    Attack("a probe that sees nothing, by one person", "tina", "add_probe",
           another("probe", "probe", code="'PB-1'", gap_minutes="1440"), "a_probe_begins_as_its_product_asks"),
    Attack("limits that nobody asked for", "quinn", "change_probe_limits", LAX, "limits_are_changed_by_two"),
    Attack("limits that one asked for and approved", "quinn", "change_probe_limits", LAX, "limits_are_changed_by_two",
           (ASKED.format(ME),)),
    Attack("other limits than were asked for", "quinn", "change_probe_limits",
           LAX.replace("-90", "-85"), "limits_are_changed_by_two", (BY_TINA,)),
    Attack("what was asked for, made laxer first", "quinn", "change_probe_limits",
           "UPDATE probe SET limits_asked = jsonb_set(limits_asked, '{gap_minutes}', '1440') WHERE code = :probe",
           "limits_are_changed_by_two", (BY_TINA,)),
    Attack("limits in the name of nobody", "tina", "ask_probe_limits",
           "UPDATE probe SET limits_asked = '{}' WHERE code = :probe", "ck_probe_limits_asked_whole"),
    Attack("limits of somebody who may not ask any more", "quinn", "change_probe_limits", LAX, "both_of_two_may",
           (BY_TINA, "UPDATE person SET state = 'DISABLED' WHERE name = 'tina'")),
    Attack("two excursions of a probe at once", "tina", "import_readings", excursion_at("1", code="'EX2'"),
           "one_excursion_goes_on", (EXCURSION,)),
    Attack("another peak of what has ended", "tina", "import_readings", "UPDATE excursion SET peak_c = -1",
           "an_ended_excursion_never_changes", (excursion_at("1", ended_at=":now"),)),
    *(Attack(f"milder than it was: {to}", "tina", "import_readings", f"UPDATE excursion SET {to}",
             "an_excursion_never_grows_milder", (excursion_at("1"),))
      for to in ("category = 'warning'", "peak_c = -1", "critical_seconds = -1", "reject_degree_seconds = -1")),
    Attack("found, and its lot let be", "tina", "import_readings",
           excursion_at("(SELECT p.box_id FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.code = :reserved)"),
           "what_is_found_stops_product"),
    Attack("decided again", "quinn", "decide_excursion", "UPDATE excursion SET state = 'REJECTED'",
           "an_excursion_is_decided_once", (excursion_at("1", **ENDED | {"state": "'ACCEPTED'"}),)),
    Attack("rejected in silence", "quinn", "decide_excursion",
           f"UPDATE excursion SET state = 'REJECTED', decided_by_id = {ME}, decision_reason = 'x'",
           "a_stop_reaches_every_clinician",
           (excursion_at("(SELECT p.box_id FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.code = :reserved)",
                         ended_at=":now"),)),
    Attack("one file twice", "tina", "import_readings", new("reading_import", FILE, code="'RI2'"),
           "one_import_of_each_file", (new("reading_import", FILE),)),
    Attack("a reading stored again", "tina", "import_readings", READING, "pk_reading", (READING,)),
    Attack("the answers for a source given again", "tina", "import_readings", ANSWER, "uq_sheet_answer_sheet_source",
           (ANSWER,)),
    Attack("readings of a clock that was never set", "tina", "import_readings",
           new("reading_import", FILE, first_at=f"{NOW} - interval '30 years'"), "of_a_clock_that_was_set"),
    Attack("read and confirmed by one", "tina", "confirm_reading",
           f"UPDATE reading_import SET state = 'STORED', digest = 'ab', confirmed_by_id = {ME}",
           "ck_reading_import_confirmed_by_another_person", (new("reading_import", ENTERED),)),
]  # fmt: skip
