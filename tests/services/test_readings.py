"""Readings by file, by gateway and by hand: what is stored, what is refused, what they show."""

import datetime

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.quality import Hold
from cellbank.records.temperature import Excursion, Probe, Reading, ReadingImport, SheetAnswer
from cellbank.services.acts import Malformed
from cellbank.services.temperature import reading_check
from tests.factories.lots import stored_lot
from tests.factories.temperature import MINUTE, as_csv, import_file, probe, sent, steady, tank, trace
from tests.factories.world import World

START = datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def found(world: World, code: str) -> list[tuple[str, str]]:
    """Category and state of the excursions of a probe, in order."""
    with Session(world.installation.reads) as session:
        statement = (
            select(Excursion.category, Excursion.state, Excursion.ended_at).join(Probe).where(Probe.code == code)
        )
        return [
            (row.category, "ended" if row.ended_at else "goes on")
            for row in session.execute(statement.order_by(Excursion.started_at))
        ]


def excursion_of(world: World, code: str) -> Excursion:
    """The first excursion of a probe."""
    with Session(world.installation.reads) as session:
        statement = select(Excursion).join(Probe).where(Probe.code == code).order_by(Excursion.started_at)
        return session.scalars(statement).first()


def stored(world: World, code: str) -> list[tuple[datetime.datetime, float]]:
    with Session(world.installation.reads) as session:
        statement = select(Reading.at, Reading.celsius).join(Probe, Probe.id == Reading.probe_id)
        return [
            (at, float(value))
            for at, value in session.execute(statement.where(Probe.code == code).order_by(Reading.at))
        ]


def tank_of(world: World, box: str) -> str:
    with Session(world.installation.reads) as session:
        statement = text(
            "SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id "
            "JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box"
        )
        return session.execute(statement, {"box": box}).scalar_one()


def test_a_file_is_stored_whole_with_its_digest_and_its_excursions(world: World) -> None:
    code = probe(world)
    readings = trace(START, [-187, -186, -148, -145, -140, -149, -187, -187])
    result = import_file(world, code, as_csv(readings))
    assert stored(world, code) == [(at, value) for at, value in readings]
    assert found(world, code) == [("warning", "ended")]
    with Session(world.installation.reads) as session:
        made = session.scalars(select(ReadingImport).where(ReadingImport.code == result["code"])).one()
        assert (made.row_count, made.stored, made.state, made.source) == (8, 8, "STORED", "file")
        assert made.first_at == START and made.last_at == START + 35 * MINUTE
        kept = session.scalar(select(SheetAnswer.answers).where(SheetAnswer.source == code))
        assert kept["value"] == "Temperature (°C)"
    excursion = excursion_of(world, code)
    assert (excursion.started_at, excursion.ended_at) == (START + 10 * MINUTE, START + 30 * MINUTE)
    assert float(excursion.peak_c) == -140
    assert excursion.warn_seconds == 20 * 60
    assert float(excursion.warn_degree_seconds) == 300 * (2 + 5 + 10 + 1)
    assert reading_check.broken_imports(world.installation) == ()


def test_a_critical_excursion_stops_the_lots_that_stood_there_and_no_others(world: World) -> None:
    lot, elsewhere = stored_lot(world), stored_lot(world)
    code = probe(world, tank_of(world, lot.box))
    result = import_file(world, code, as_csv(trace(START, [-187, -134, -130, -187])))
    assert result.get("lots_stopped") == [lot.code], result
    with Session(world.installation.reads) as session:
        states = dict(
            session.execute(select(Lot.code, Lot.state).where(Lot.code.in_([lot.code, elsewhere.code]))).all()
        )
        assert states == {lot.code: "ON_HOLD", elsewhere.code: "QUARANTINE"}
        hold = session.scalars(select(Hold).where(Hold.excursion_id == excursion_of(world, code).id)).one()
        assert excursion_of(world, code).code in hold.reason


def test_vials_that_came_after_the_excursion_are_not_touched(world: World) -> None:
    lot = stored_lot(world)
    code = probe(world, tank_of(world, lot.box), calibrated_on="2025-07-01")
    long_ago = START - datetime.timedelta(days=200)
    result = import_file(world, code, as_csv(trace(long_ago, [-187, -100, -70, -187])))
    assert result["lots_to_stop"] == []
    assert found(world, code) == [("reject", "ended")]


def test_a_later_import_carries_an_excursion_on_and_stops_a_lot_once(world: World) -> None:
    lot = stored_lot(world)
    code = probe(world, tank_of(world, lot.box))
    import_file(world, code, as_csv(trace(START, [-187, -130, -130])))
    assert found(world, code) == [("critical", "goes on")]
    import_file(world, code, as_csv(trace(START + 15 * MINUTE, [-120, -125])))
    import_file(world, code, as_csv(trace(START + 25 * MINUTE, [-187])))
    assert found(world, code) == [("critical", "ended")]
    excursion = excursion_of(world, code)
    assert (excursion.warn_seconds, float(excursion.peak_c)) == (20 * 60, -120)
    with Session(world.installation.reads) as session:
        assert len(session.scalars(select(Hold).where(Hold.excursion_id == excursion.id)).all()) == 1


def test_a_check_shows_what_would_be_found_and_writes_nothing(world: World) -> None:
    code = probe(world)
    sha256 = sent(world, as_csv(trace(START, [-187, -130, -130, -187])))
    outcome = world.try_act("tina", "import_readings", dry_run=True, probe=code, sha256=sha256, file="x.csv")
    assert [one["kind"] for one in outcome.result["excursions_found"]] == ["critical"]
    assert stored(world, code) == []


def test_the_same_file_twice_names_the_import(world: World) -> None:
    code, content = probe(world), as_csv(steady(START, 3))
    first = import_file(world, code, content)
    outcome = world.try_act("tina", "import_readings", probe=code, sha256=sent(world, content), file="again.csv")
    assert [refusal.code.value for refusal in outcome.refusals] == ["ALREADY_EXISTS"]
    assert first["code"] in outcome.refusals[0].detail


def test_a_file_of_another_logger_is_refused(world: World) -> None:
    code = probe(world, serial="LG-1")
    content = as_csv(steady(START, 3)).replace(b"Date/Time", b"Serial;LG-2\nDate/Time", 1)
    assert world.codes("tina", "import_readings", probe=code, sha256=sent(world, content), file="x") == [
        "PROBE_MISMATCH"
    ]


TWO_TANKS = (
    "Serial;DW-1\nDate/Time (UTC);CH1 Temp (°C);CH2 Temp (°C)\n"
    "2026-02-20 08:{minute}0:00;-182.4;{second}\n2026-02-20 08:{minute}5:00;-182.1;{second}\n"
)


def test_one_logger_in_two_tanks_is_learned_for_each_probe(world: World) -> None:
    model = world.unique("Two channels")
    first, second = (probe(world, serial="DW-1", model=model) for _ in range(2))
    content = TWO_TANKS.format(minute=0, second=-183).encode()
    for code, column in ((first, "CH1 Temp (°C)"), (second, "CH2 Temp (°C)")):
        with pytest.raises(Malformed, match="Several columns could be the temperature") as asked:
            import_file(world, code, content)
        assert [choice.value[:3] for choice in asked.value.problems[0].asks.choices] == ["CH1", "CH2"]
        import_file(world, code, content, value_column=column)
    later = TWO_TANKS.format(minute=1, second=-120).encode()
    assert import_file(world, first, later)["excursions"] == []
    assert len(import_file(world, second, later)["excursions"]) == 1
    assert found(world, second) == [("critical", "goes on")] and found(world, first) == []
    again = {"probe": second, "sha256": sent(world, later), "file": "x"}
    assert world.codes("tina", "import_readings", **again) == ["ALREADY_EXISTS"]


def test_a_unit_is_asked_once_for_a_probe_and_not_for_its_model(world: World) -> None:
    model = world.unique("Bare")
    first, second = (probe(world, model=model) for _ in range(2))

    def bare(minutes: int) -> bytes:
        return as_csv(steady(START + minutes * MINUTE, 1, -300), "Time;Temp")

    with pytest.raises(Malformed, match="does not say in which unit 'Temp' is") as asked:
        import_file(world, first, bare(0))
    assert (asked.value.problems[0].field, asked.value.problems[0].asks.field) == ("unit", "unit")
    import_file(world, first, bare(0), unit="F")
    import_file(world, first, bare(5))
    assert [value for _, value in stored(world, first)] == [-184.44, -184.44]
    with pytest.raises(Malformed, match="does not say in which unit"):
        import_file(world, second, bare(10))


def test_a_zone_that_was_given_is_learned_for_the_probe(world: World) -> None:
    code = probe(world)
    first, later = (f"Export {code}\nTime;°C\n2026-02-20 {hour}:00:00;-187\n".encode() for hour in ("10", "11"))
    assert import_file(world, code, first, zone="UTC+05:00")["zone"] == "UTC+05:00"
    assert import_file(world, code, later)["zone"] == "UTC+05:00"
    assert [at.hour for at, _ in stored(world, code)] == [5, 6]
    told = f"Export {code}\nTime (UTC);°C\n2026-02-20 12:00:00;-187\n".encode()
    with pytest.raises(Malformed, match=r"says that its times are UTC; the time zone given is UTC\+05:00"):
        import_file(world, code, told)


@pytest.mark.parametrize(
    ("titles", "cells", "answer", "value"),
    [
        ("Time;Setpoint (°C)", "2026-02-20 1{}:00:00;-187", {"value_column": "Setpoint (°C)"}, -187),
        ("Time;Temp (1/10 °C)", "2026-02-20 1{}:00:00;-1870", {"unit": "C/10"}, -187),
        ("Time (IST);Temp °C", "2026-02-20 1{}:00:00;-187", {"zone": "UTC+05:30"}, -187),
        (
            "Device time;Server time;Temp °C",
            "2026-02-20 1{0}:00:00;2026-02-20 1{0}:02:00;-187",
            {"time_column": "Device time"},
            -187,
        ),
    ],
)
def test_what_is_not_certain_is_asked_and_then_known_for_this_probe(
    world: World, titles: str, cells: str, answer: dict[str, str], value: float
) -> None:
    code, other = probe(world), probe(world)

    def content(hour: int) -> bytes:
        return f"Export {code}\n{titles}\n{cells.format(hour)}\n".encode()

    for one in (code, other):
        with pytest.raises(Malformed) as asked:
            import_file(world, one, content(0))
        assert [problem.asks.field for problem in asked.value.problems] == list(answer)
        import_file(world, code, content(0), **answer) if one == code else None
    import_file(world, code, content(1))
    assert [celsius for _, celsius in stored(world, code)] == [value, value]


@pytest.mark.parametrize("first", ["1970-01-01 00:00:00", "2000-01-01 00:05:00"])
def test_a_clock_that_was_reset_opens_no_silence_of_decades(world: World, first: str) -> None:
    code = probe(world)
    rows = f"{first}Z;-182\n2026-02-20 08:00:00Z;-182\n2026-02-20 08:05:00Z;-182\n"
    content = f"Export {code} {first}\nTime;°C\n{rows}".encode()
    given = {"probe": code, "sha256": sent(world, content), "file": "x"}
    outcome = world.try_act("tina", "import_readings", **given)
    assert [refusal.code.value for refusal in outcome.refusals] == ["IMPROBABLE_TIME"]
    assert [choice.value for choice in outcome.refusals[0].asks.choices] == ["leave_out"]
    assert world.codes("tina", "import_readings", improbable_times="keep", **given) == ["IMPROBABLE_TIME"]
    assert world.do("tina", "import_readings", improbable_times="leave_out", **given)["new_readings"] == 2
    assert found(world, code) == []


def test_no_way_in_takes_readings_of_another_century(world: World) -> None:
    code = probe(world)
    at = "1999-12-31T23:55:00+00:00"
    batch = [{"at": at, "celsius": "-187"}]
    assert world.codes("tina", "record_readings", probe=code, readings=batch) == ["IMPROBABLE_TIME"]
    by_hand = {"probe": code, "celsius": "-187", "read_at": at}
    assert world.codes("tina", "record_reading_by_hand", **by_hand) == ["IMPROBABLE_TIME"]


@pytest.mark.the_database_refuses("of_a_clock_that_was_set")
def test_the_database_alone_refuses_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellbank.services.temperature.readings.improbable_times", lambda *_: ())
    batch = [{"at": "1999-12-31T23:55:00+00:00", "celsius": "-187"}]
    outcome = world.try_act("tina", "record_readings", probe=probe(world), readings=batch)
    assert [refusal.code.value for refusal in outcome.refusals] == ["IMPROBABLE_TIME"]
    assert "older than any logger" in outcome.refusals[0].detail


def test_a_clock_that_runs_ahead_is_refused(world: World) -> None:
    code = probe(world)
    content = as_csv(steady(world.now - 30 * MINUTE, 19))
    assert world.codes("tina", "import_readings", probe=code, sha256=sent(world, content), file="x") == [
        "IN_THE_FUTURE"
    ]


def test_a_memory_that_overlaps_is_known_and_the_rest_is_new(world: World) -> None:
    code = probe(world)
    import_file(world, code, as_csv(steady(START, 10)))
    result = import_file(world, code, as_csv(steady(START, 20)))
    assert (result["readings_known_before"], result["new_readings"]) == (10, 10)
    assert len(stored(world, code)) == 20 and found(world, code) == []


def test_a_check_of_a_file_that_overlaps_counts_what_is_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellbank.services.temperature.reading_store.ROWS_AT_ONCE", 3)
    code = probe(world)
    import_file(world, code, as_csv(steady(START, 10)))
    sha256 = sent(world, as_csv(steady(START, 12)))
    outcome = world.try_act("tina", "import_readings", dry_run=True, probe=code, sha256=sha256, file="x.csv")
    assert (outcome.result["readings_known_before"], outcome.result["new_readings"]) == (10, 2)


def test_another_value_for_a_stored_time_is_refused(world: World) -> None:
    """As when a file of a clock that is an hour off is imported over the right one."""
    code = probe(world)
    import_file(world, code, as_csv(trace(START, [-187 + number / 10 for number in range(20)])))
    off = as_csv(trace(START + HOUR, [-187 + number / 10 for number in range(20)]))
    assert world.codes("tina", "import_readings", probe=code, sha256=sent(world, off), file="x") == ["READINGS_DIFFER"]


def test_a_gap_filled_later_is_judged_and_changes_nothing_found_before(world: World) -> None:
    code = probe(world)
    import_file(world, code, as_csv([*steady(START, 3), *steady(START + 2 * HOUR, 3)]))
    assert found(world, code) == [("silent", "ended")]
    import_file(world, code, as_csv(trace(START + 15 * MINUTE, [-120] * 20)))
    assert found(world, code) == [("silent", "ended"), ("critical", "ended")]


def test_a_batch_may_be_sent_again(world: World) -> None:
    code = probe(world)
    batch = [{"at": at.isoformat(), "celsius": str(value)} for at, value in steady(START, 5)]
    assert world.do("tina", "record_readings", probe=code, readings=batch)["new_readings"] == 5
    again = world.do("tina", "record_readings", probe=code, readings=[*batch, *batch[:1]])
    assert (again["new_readings"], again["readings_known_before"]) == (0, 5)
    batch[0]["celsius"] = "-100"
    assert world.codes("tina", "record_readings", probe=code, readings=batch) == ["READINGS_DIFFER"]
    twice = [{"at": START.isoformat(), "celsius": "-1"}, {"at": START.isoformat(), "celsius": "-2"}]
    assert "READINGS_DIFFER" in world.codes("tina", "record_readings", probe=code, readings=twice)


@pytest.mark.requirement("R16")
def test_a_reading_by_hand_counts_when_another_person_saw_the_same(world: World) -> None:
    code = probe(world)
    entered = world.do("tina", "record_reading_by_hand", probe=code, celsius="-184.5", read_at=START.isoformat())[
        "code"
    ]
    given = {"readings": entered, "confirmed": True}
    assert stored(world, code) == []
    assert world.codes("tina", "confirm_reading", celsius="-184.5", **given) == ["SAME_PERSON"]
    assert world.codes("taras", "confirm_reading", celsius="-148.5", **given) == ["READINGS_DIFFER"]
    world.do("taras", "confirm_reading", celsius="-184.5", **given)
    assert stored(world, code) == [(START, -184.5)]
    other = world.do("tina", "record_reading_by_hand", probe=code, celsius="-100", read_at=(START + HOUR).isoformat())
    rejected = world.do("taras", "confirm_reading", readings=other["code"], celsius="-180", confirmed=False)
    assert rejected["state"] == "REJECTED" and len(stored(world, code)) == 1
    assert reading_check.broken_imports(world.installation) == ()


def test_a_silent_probe_is_an_excursion_that_a_signature_can_explain(world: World) -> None:
    code = probe(world)
    import_file(world, code, as_csv(steady(world.now - 2 * HOUR, 3)))
    assert code in world.do("taras", "look_for_silence")["silent"]
    assert found(world, code) == [("silent", "goes on")]
    assert code not in world.do("taras", "look_for_silence")["silent"]
    silence = excursion_of(world, code).code
    assert world.codes("quinn", "decide_excursion", excursion=silence, decision="accept", reason="It was nothing") == [
        "WRONG_STATE"
    ]
    assert world.codes("tina", "end_silence", excursion=silence, reason="Cable cut") == ["ROLE_NOT_ALLOWED"]
    world.do("quinn", "end_silence", excursion=silence, reason="Cable cut by the cleaner")
    assert found(world, code) == [("silent", "ended")]
    assert excursion_of(world, code).end_reason == "Sensor failed: Cable cut by the cleaner"
    assert world.codes("quinn", "end_silence", excursion=silence, reason="Once more") == ["WRONG_STATE"]


def test_readings_that_were_only_late_end_the_silence_that_was_noted(world: World) -> None:
    code = probe(world)
    start = world.now - 20 * MINUTE
    import_file(world, code, as_csv(steady(start - 10 * MINUTE, 3)))
    world.do("taras", "look_for_silence")
    import_file(world, code, as_csv(steady(start + 5 * MINUTE, 3)))
    assert found(world, code) == [("silent", "ended")]
    assert excursion_of(world, code).ended_at == start + 5 * MINUTE


@pytest.mark.requirement("R23")
def test_acknowledging_an_alarm_neither_ends_nor_hides_it(world: World) -> None:
    code = probe(world)
    import_file(world, code, as_csv(trace(START, [-187, -130, -130])))
    excursion = excursion_of(world, code).code
    world.do("taras", "acknowledge_excursion", excursion=excursion, note="Lid was open")
    after = excursion_of(world, code)
    assert after.state == "OPEN" and after.ended_at is None and after.acknowledged_at == world.now
    assert world.codes("tina", "acknowledge_excursion", excursion=excursion) == ["ALREADY_EXISTS"]


def limits(world: World, code: str) -> tuple[float, float, int]:
    with Session(world.installation.reads) as session:
        made = session.scalars(select(Probe).where(Probe.code == code)).one()
        return made.warn_above_c, made.critical_above_c, made.gap_minutes


def test_limits_are_the_specifications_or_stricter(world: World) -> None:
    assert limits(world, probe(world, warn_above_c="-160", gap_minutes=10)) == (-160, -135, 10)
    for lax in ({"warn_above_c": "-149"}, {"gap_minutes": 16}, {"critical_readings": 3}, {"acknowledge_minutes": 31}):
        given = {"name": "Top", "model": "M", "calibrated_on": "2026-01-10", "calibration_due_on": "2027-01-10", **lax}
        refused = world.try_act("tina", "add_probe", unit=tank(world), **given)
        assert [one.code.value for one in refused.refusals] == ["SECOND_PERSON_NEEDED"]
        assert str(*lax.values()) in refused.refusals[0].detail


def test_other_limits_are_asked_for_by_one_and_approved_by_another(world: World) -> None:
    code = probe(world)
    slow = {"probe": code, "gap_minutes": 30, "reason": "Slow logger"}
    assert world.codes("quinn", "change_probe_limits", probe=code) == ["NOT_FOUND"]
    assert world.codes("tina", "decline_probe_limits", probe=code, reason="Nothing there") == ["NOT_FOUND"]
    other = {"probe": code, "warn_above_c": "-100", "reason": "Other product"}
    assert world.codes("quinn", "ask_probe_limits", **other) == ["OUTSIDE_LIMITS"]
    world.do("quinn", "ask_probe_limits", **slow)
    assert limits(world, code) == (-150, -135, 15)
    assert world.codes("tina", "ask_probe_limits", **slow) == ["ALREADY_EXISTS"]
    assert world.codes("quinn", "change_probe_limits", probe=code) == ["SAME_PERSON"]
    assert world.codes("tina", "change_probe_limits", probe=code) == ["ROLE_NOT_ALLOWED"]
    world.do("tina", "decline_probe_limits", probe=code, reason="Another logger has come")
    assert limits(world, code) == (-150, -135, 15)
    world.do("tina", "ask_probe_limits", **slow)
    world.do("quinn", "change_probe_limits", probe=code)
    assert limits(world, code) == (-150, -135, 30)
    assert world.codes("oksana", "change_probe_limits", probe=code) == ["NOT_FOUND"]
    import_file(world, code, as_csv(steady(START, 3, every=25)))
    assert found(world, code) == []


def test_calibrations_go_forward(world: World) -> None:
    code = probe(world)
    given = {"probe": code, "certificate": "C-1"}
    early = {"calibrated_on": "2025-12-01", "calibration_due_on": "2026-12-01"}
    late = {"calibrated_on": "2027-01-01", "calibration_due_on": "2028-01-01"}
    assert world.codes("tina", "calibrate_probe", **early, **given) == ["OUT_OF_ORDER"]
    assert world.codes("tina", "calibrate_probe", **late, **given) == ["IN_THE_FUTURE"]
    world.do("tina", "calibrate_probe", calibrated_on="2026-02-01", calibration_due_on="2027-02-01", **given)
    world.do("tina", "retire_probe", probe=code, reason="Broken cable")
    assert world.codes(
        "tina", "calibrate_probe", calibrated_on="2026-02-02", calibration_due_on="2027-02-02", **given
    ) == ["WRONG_STATE"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"PK\x03\x04rest", b"%PDF-1.7", b"a;b\n1;2\n", b"Time;Temp\n2026-02-20 08:00:00;cold\n",
     b"Time;Temp\n2026-02-20 08:00:00;-187.25\n2026-02-20 08:05:00;-18", b"Time;Temp\n\xff\xfe\x00\x00"],
)  # fmt: skip
def test_what_is_no_logger_file_is_malformed_and_nothing_is_stored(world: World, content: bytes) -> None:
    code = probe(world)
    with pytest.raises(Malformed):
        import_file(world, code, content)
    assert stored(world, code) == []


def test_a_file_that_nobody_sent_is_malformed(world: World) -> None:
    with pytest.raises(Malformed):
        world.do("tina", "import_readings", probe=probe(world), sha256="0" * 64, file="x.csv")


def test_readings_are_only_ever_inserted_and_only_within_an_act(world: World, databases: tuple[str, str]) -> None:
    code = probe(world, tank(world))
    import_file(world, code, as_csv(steady(START, 3)))
    engine = create_engine(databases[0])
    for statement in (
        "UPDATE reading SET celsius = 0",
        "DELETE FROM reading",
        "INSERT INTO reading SELECT probe_id, at + interval '1 s', import_id, celsius FROM reading LIMIT 1",
    ):
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(text(statement))
    with engine.connect() as connection:  # what an owner of the database could do, the digest shows
        connection.execute(text("ALTER TABLE reading DISABLE TRIGGER ALL"))
        row = connection.execute(
            text("UPDATE reading SET celsius = celsius + 1 WHERE at = :at RETURNING import_id"), {"at": START}
        )
        changed = row.scalars().all()
        assert changed
        broken = reading_check.broken(connection)
        assert {one.import_id for one in broken} >= set(changed[:1])
        connection.rollback()
    engine.dispose()


@pytest.mark.the_database_refuses("no_lifting_before_the_decision")
def test_the_hold_of_an_excursion_stays_until_it_is_accepted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = stored_lot(world)
    code = probe(world, tank_of(world, lot.box))
    import_file(world, code, as_csv(trace(START, [-187, -134, -130, -187])))
    excursion = excursion_of(world, code)
    with Session(world.installation.reads) as session:
        hold = session.scalars(select(Hold).where(Hold.excursion_id == excursion.id)).one().code
    lift = {"hold": hold, "reason": "The tank is cold again"}
    assert "EXCURSION_OPEN" in world.codes("oksana", "lift_hold", **lift)
    with monkeypatch.context() as patched:
        patched.setattr("cellbank.services.quality.holds.lift_after_excursion_refusals", lambda *_: ())
        assert world.codes("oksana", "lift_hold", **lift) == ["EXCURSION_OPEN"]
    world.do("quinn", "decide_excursion", excursion=excursion.code, decision="accept", reason="Ten minutes at -130")
    world.do("oksana", "lift_hold", **lift)
    assert world.codes("quinn", "decide_excursion", excursion=excursion.code, decision="reject", reason="Again") == [
        "WRONG_STATE"
    ]
