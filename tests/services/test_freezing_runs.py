"""Freezing runs: the freezer's file, its comparison, whose run it is, and what a release asks of it."""

import datetime
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cellbank.records.deviations import Deviation
from cellbank.records.people import Definition
from cellbank.records.production import Lot
from cellbank.records.temperature import FreezerReading, FreezerRun, SheetAnswer
from cellbank.services.acts import Malformed
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.production import freezing_runs
from cellbank.services.quality import decisions
from cellbank.services.quality.decisions import release_board
from cellbank.services.quality.definitions import shipped
from cellbank.services.temperature import reading_check
from tests.conftest import Furnished
from tests.factories.freezing import (
    MINUTE,
    MODEL,
    TITLES,
    as_file,
    cooling,
    freezing_run,
    frozen_at,
    run_input,
    run_row,
)
from tests.factories.lots import box, fill_started_at, filled_lot, frozen_lot, stored_lot
from tests.factories.production import donation
from tests.factories.quality import DAY, pass_all_tests, passed_lot, results_read_at
from tests.factories.world import World
from tests.services.test_documents import words

WARM = 25.0  # degrees too many from minute 21 on
WRONG_FILE = "The file of the run before was chosen"


@pytest.fixture(scope="module")
def din(world: World) -> str:
    """One donation for all lots of these tests."""
    return donation(world)


@pytest.fixture(scope="module")
def other_world(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A database of its own: a definition in force is in force for everybody."""
    with furnished.world("freezing_runs", tmp_path_factory.mktemp("freezing_runs")) as world:
        yield world


def after(world: World, lot: str) -> datetime.datetime:
    return frozen_at(world, lot) + 180 * MINUTE


def codes(world: World, lot: str, content: bytes, who: str = "tina", **given) -> list[str]:
    return world.codes(who, "import_freezing_run", now=after(world, lot), **run_input(world, lot, content, **given))


def good(world: World, lot: str) -> bytes:
    return as_file(cooling(frozen_at(world, lot) + 5 * MINUTE))


def deviation_of(world: World, code: str) -> Deviation:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Deviation).where(Deviation.code == code)).one()


def line(world: World, lot: str):
    """The line of the release board about the run."""
    with Session(world.installation.reads) as session:
        board = release_board(session, lot, results_read_at(world, lot) + DAY)
    return next(one for one in board.lines if one.criterion.code == "FREEZING_RUN")


# --- a good run -------------------------------------------------------------------------------


def test_a_run_within_its_band_is_kept_with_its_readings_and_their_digest(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    answer = freezing_run(world, lot)
    assert (answer["kind"], answer["state"], answer["found"]) == ("freezer_run", "WITHIN", "within the band")
    assert "deviation" not in answer
    run = run_row(world, answer["code"])
    began = frozen_at(world, lot) + 5 * MINUTE
    assert (run.began_at, run.first_at, run.last_at) == (began, began - 5 * MINUTE, began + 69 * MINUTE)
    assert (run.program, run.freezer, run.row_count, run.departures, run.worst_c) == ("CRF-1", MODEL, 75, [], 0)
    with Session(world.installation.reads) as session:
        rows = session.execute(
            select(FreezerReading.channel, FreezerReading.celsius)
            .where(FreezerReading.run_id == run.id)
            .order_by("channel", "at")
        ).all()
    assert len(rows) == 150 and rows[0] == ("chamber", Decimal("1.00")) and rows[-1] == ("product", Decimal("-110.00"))
    assert reading_check.broken_imports(world.installation) == ()
    assert line(world, lot).criterion.met and line(world, lot).proofs[0].code == run.code


def test_a_check_tells_what_would_be_found_and_keeps_nothing(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    given = run_input(world, lot, as_file(cooling(frozen_at(world, lot), lag=WARM)))
    checked = world.try_act("tina", "import_freezing_run", now=after(world, lot), dry_run=True, **given)
    assert checked.accepted and checked.result["found"].startswith("2 times outside the band")
    assert line(world, lot).criterion.met is False


def test_what_is_answered_about_a_freezer_is_learned(world: World, din: str) -> None:
    model = world.unique("Freezer")
    first, second = (frozen_lot(world, donation=din).code for _ in range(2))
    titles = "When UTC;T1;T2"
    strange = as_file(cooling(frozen_at(world, first)), titles)
    with pytest.raises(Malformed, match="No titles"):
        codes(world, first, strange, freezer=model)
    named = {"time_column": "When UTC", "product_column": "T1", "chamber_column": "T2", "freezer": model}
    assert codes(world, first, strange, **named) == ["UNIT_UNKNOWN"]
    named["unit"] = "C"
    assert codes(world, first, strange, **named) == []
    with Session(world.installation.reads) as session:
        kept = session.scalars(select(SheetAnswer).where(SheetAnswer.source.contains(model.casefold()))).one()
    assert [kept.answers[name] for name in ("value", "chamber", "unit")] == ["T1", "T2", "C"]
    assert codes(world, second, as_file(cooling(frozen_at(world, second)), titles), freezer=model) == []


def test_a_freezer_that_has_other_titles_by_now_is_asked_about(world: World, din: str) -> None:
    given = {"freezer": world.unique("Freezer"), "unit": "C"}
    first, second = (frozen_lot(world, donation=din).code for _ in range(2))
    assert codes(world, first, as_file(cooling(frozen_at(world, first)), "Time;Sample;Chamber"), **given) == []
    other = as_file(cooling(frozen_at(world, second)), "Time;Product;Air")
    with pytest.raises(Malformed, match="'Sample', by which this freezer was judged, is not here") as asked:
        codes(world, second, other, **given)
    assert [choice.value for choice in asked.value.problems[0].asks.choices] == ["Product"]
    assert codes(world, second, other, product_column="Product", **given) == []


def test_a_run_whose_unit_nobody_told_shows_what_it_would_be_in_each(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    model = world.unique("Freezer")
    content = as_file(cooling(frozen_at(world, lot)), "Time;Sample;Chamber")
    given = run_input(world, lot, content, freezer=model)
    outcome = world.try_act("tina", "import_freezing_run", now=after(world, lot), **given)
    assert [refusal.code.value for refusal in outcome.refusals] == ["UNIT_UNKNOWN"]
    titles = [choice.title for choice in outcome.refusals[0].asks.choices]
    assert titles[0] == "°C: within the band" and titles[1].startswith("°F: ") and titles[0][4:] != titles[1][4:]
    assert line(world, lot).criterion.met is False
    assert codes(world, lot, content, freezer=model, unit="C") == []


def test_a_file_of_elapsed_times_asks_for_its_start_and_offers_the_recorded_one(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    began = frozen_at(world, lot)
    rows = [f"{(at - began).total_seconds() / 60 + 5:.1f};{value:.2f}" for at, value in cooling(began)]
    content = "\n".join(["Run", "Elapsed time (min);Sample (°C)", *rows, ""]).encode()
    given = {"freezer": world.unique("Freezer")}
    with pytest.raises(Malformed, match="does not say when it started") as asked:
        codes(world, lot, content, **given)
    problem = asked.value.problems[0]
    assert problem.field == "started_at" and problem.asks is not None
    assert codes(world, lot, content, started_at=problem.asks.choices[0].value, **given) == []


# --- a run outside its band -------------------------------------------------------------------


@pytest.mark.requirement("R25")
def test_a_run_outside_its_band_opens_a_major_deviation_that_stops_the_release(world: World, din: str) -> None:
    lot = stored_lot(world, donation=din).code
    answer = freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    assert answer["state"] == "OUTSIDE" and answer["found"].startswith("2 times outside the band")
    run, deviation = run_row(world, answer["code"]), deviation_of(world, answer["deviation"])
    assert (run.deviation_id, deviation.classification, deviation.state) == (deviation.id, "major", "OPEN")
    assert run.first_departure_at == deviation.occurred_at == frozen_at(world, lot) + 21 * MINUTE
    assert (run.outside_seconds, run.longest_seconds) == (37 * 60, 35 * 60)
    assert run.worst_c > 10 and run.degree_seconds > 0
    assert [(one["kind"], one["minutes"]) for one in run.departures] == [("warm", "35.0"), ("warm", "2.0")]
    pass_all_tests(world, lot)
    at = results_read_at(world, lot) + 2 * DAY
    refused = world.codes("oksana", "release_lot", now=at, lot=lot)
    assert refused == ["DEVIATION_OPEN", "DEVIATION_OPEN"]  # by the run, and by the board's own line
    assert [way.act for way in line(world, lot).ways] == ["investigate_deviation", "withdraw_freezing_run"]
    told = {"investigation": "The probe had slipped out of its vial", "root_cause": "A clip was missing"}
    world.do("taras", "investigate_deviation", now=at, deviation=deviation.code, **told)
    world.do("quinn", "close_deviation", now=at, deviation=deviation.code, decision="The vials froze as they should")
    assert line(world, lot).criterion.met and "closed" in line(world, lot).criterion.evidence
    assert world.do("oksana", "release_lot", now=at, lot=lot)["state"] == "RELEASED"


def test_the_deviation_is_linked_to_the_run_and_to_the_lot(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    answer = freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    statement = text(
        "SELECT k.record_kind, k.record_code FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id "
        "WHERE d.code = :code ORDER BY 1"
    )
    with world.installation.reads.connect() as connection:
        linked = connection.execute(statement, {"code": answer["deviation"]}).all()
    assert linked == [("freezer_run", answer["code"]), ("lot", lot)]


def test_a_file_that_ends_early_is_a_departure_and_no_refusal(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    answer = freezing_run(world, lot, cooling(frozen_at(world, lot), minutes=40))
    assert answer["state"] == "OUTSIDE" and [one["kind"] for one in answer["departures"]] == ["silent"]


def test_nucleation_is_told_and_is_no_departure(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    began = frozen_at(world, lot)
    bump = [(at, value + 9 if 11 <= (at - began) / MINUTE <= 13 else value) for at, value in cooling(began)]
    answer = freezing_run(world, lot, bump)
    assert answer["state"] == "WITHIN" and [one["kind"] for one in answer["departures"]] == ["nucleation"]


# --- refused ----------------------------------------------------------------------------------


def test_a_lot_has_one_run_and_the_same_file_is_refused(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    content = good(world, lot)
    assert codes(world, lot, content) == []
    assert codes(world, lot, content) == codes(world, lot, good(world, lot)) == ["ALREADY_EXISTS"]


def test_a_run_of_another_time_is_refused_and_a_clock_an_hour_off_is_told(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    at = frozen_at(world, lot)
    assert codes(world, lot, as_file(cooling(at - DAY))) == ["RUN_MISMATCH"]
    given = run_input(world, lot, as_file(cooling(at - 60 * MINUTE)))
    refused = world.try_act("tina", "import_freezing_run", now=after(world, lot), **given).refusals
    assert [one.code.value for one in refused] == ["RUN_MISMATCH"] and "does the freezer's clock" in refused[0].detail


def test_times_without_an_offset_are_of_the_site_or_of_the_zone_given(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    given = {"freezer": world.unique("Freezer")}
    rows = as_file(cooling(frozen_at(world, lot)), "Date/Time;Product (°C);Chamber (°C)").replace(b"Z;", b";")
    assert codes(world, lot, rows, **given) == ["RUN_MISMATCH"]  # in Kyiv it was two hours earlier
    assert codes(world, lot, rows, zone="UTC", **given) == []


def test_a_run_is_no_run_before_it_is_over(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    given = run_input(world, lot, good(world, lot))
    assert world.codes("tina", "import_freezing_run", now=frozen_at(world, lot) + 20 * MINUTE, **given) == [
        "IN_THE_FUTURE"
    ]


def test_a_lot_that_is_not_frozen_has_no_run(world: World, din: str) -> None:
    lot, other = filled_lot(world, donation=din).code, frozen_lot(world, donation=din).code
    given = run_input(world, lot, good(world, other))
    assert world.codes("tina", "import_freezing_run", **given) == ["WRONG_STATE"]


def test_another_freezer_than_the_file_names_is_refused(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    content = b"Serial;CRF-7\n" + good(world, lot)
    assert codes(world, lot, content, freezer_serial="CRF-8") == ["PROBE_MISMATCH"]
    assert codes(world, lot, content, freezer_serial="crf-7") == []


def test_only_technicians_import_and_withdraw(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    assert codes(world, lot, good(world, lot), who="quinn") == ["ROLE_NOT_ALLOWED"]
    code = freezing_run(world, lot)["code"]
    assert world.codes("clara", "withdraw_freezing_run", run=code, reason=WRONG_FILE) == ["ROLE_NOT_ALLOWED"]


def test_a_program_without_a_band_asks_for_no_run(other_world: World) -> None:
    world = other_world
    before, _, rest = shipped()[0].content.partition("[freezing.programs.band]")
    content = (before + rest[rest.index("\n[[freezing.programs]]") :]).replace('version = "2"', 'version = "8"', 1)
    world.do("quinn", "import_definition", type="specification", content=content)
    world.do("oksana", "make_effective", definition="P-MMSC@8")
    lot = stored_lot(world, vials=3).code
    pass_all_tests(world, lot, run=False)
    assert codes(world, lot, good(world, lot)) == ["WRONG_KIND"]
    assert world.do("oksana", "release_lot", now=results_read_at(world, lot) + 2 * DAY, lot=lot)["state"] == "RELEASED"
    with Session(world.installation.reads) as session:
        kept = dict(session.execute(select(Definition.code, Definition.programs_with_a_run)).all())
    assert (kept["P-MMSC@2"], kept["P-MMSC@8"], kept["NCT04461925@1"]) == (["CRF-1", "CRF-2"], ["CRF-2"], [])


# --- bad files --------------------------------------------------------------------------------


BAD = [
    ("a workbook", lambda content: b"PK\x03\x04" + content, "an Excel workbook"),
    ("cut off", lambda content: content[:-4], "cut off"),
    ("text in numbers", lambda content: content.replace(b";-20.00;", b";cold;"), "'cold' is no temperature"),
    ("no reading", lambda _: f"{TITLES}\n".encode(), "no reading"),
    ("nothing", lambda _: b"", "empty"),
    ("far too many rows", lambda content: content + b"".join(
        b"2026-01-01 00:00:%02dZ;1.00;1.00\n" % (number % 60) for number in range(40_000)), "more than 20,000 rows"),
    ("another table", lambda _: b"vial;cells\n1;2\n3;4\n", "No titles of a time"),
]  # fmt: skip


@pytest.mark.requirement("R24")
@pytest.mark.parametrize(("spoil", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_file_is_refused_whole_and_says_why(world: World, din: str, spoil, said: str) -> None:
    lot = frozen_lot(world, donation=din).code
    with pytest.raises(Malformed) as refused:
        codes(world, lot, spoil(good(world, lot)))
    assert said in " ".join(problem.message for problem in refused.value.problems)
    assert line(world, lot).criterion.evidence == "none"


def test_a_file_that_nobody_sent_is_told(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    with pytest.raises(Malformed, match="There is no such file here"):
        world.codes("tina", "import_freezing_run", lot=lot, sha256="0" * 64, file="run.csv", freezer=MODEL)


# --- withdrawn --------------------------------------------------------------------------------


def test_a_wrong_file_is_withdrawn_stays_in_sight_and_makes_room(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    answer = freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    assert world.do("taras", "withdraw_freezing_run", run=answer["code"], reason=WRONG_FILE)["state"] == "WITHDRAWN"
    run = run_row(world, answer["code"])
    assert (run.withdrawal_reason, deviation_of(world, answer["deviation"]).state) == (WRONG_FILE, "OPEN")
    assert [way.act for way in line(world, lot).ways] == ["import_freezing_run"]
    assert world.codes("taras", "withdraw_freezing_run", run=answer["code"], reason=WRONG_FILE) == ["WRONG_STATE"]
    assert freezing_run(world, lot)["state"] == "WITHIN"


def test_two_lots_of_one_run_have_the_same_file(world: World, din: str) -> None:
    first, second = (frozen_lot(world, donation=din).code for _ in range(2))
    content = good(world, first)
    assert abs(frozen_at(world, first) - frozen_at(world, second)) < 30 * MINUTE
    assert codes(world, first, content) == codes(world, second, content) == []


def test_a_run_of_a_released_lot_stays(world: World, din: str) -> None:
    lot = passed_lot(world, donation=din).code
    at = results_read_at(world, lot) + 2 * DAY
    world.do("oksana", "release_lot", now=at, lot=lot)
    code = live_run(world, lot)
    refused = {"now": at, "run": code, "reason": WRONG_FILE}
    assert world.codes("tina", "withdraw_freezing_run", **refused) == ["WRONG_STATE"]
    world.do("quinn", "hold_lot", now=at, lot=lot, reason="A doubt about it")
    assert world.codes("tina", "withdraw_freezing_run", **refused) == ["WRONG_STATE"]


def live_run(world: World, lot: str) -> str:
    with Session(world.installation.reads) as session:
        return session.scalars(select(FreezerRun.code).join(Lot).where(Lot.code == lot)).one()


# --- what it does to the batch record and to people -------------------------------------------


def test_a_run_that_comes_after_the_review_makes_the_review_void(world: World, din: str) -> None:
    lot = stored_lot(world, donation=din).code
    pass_all_tests(world, lot, run=False)
    freezing_run(world, lot)
    at = results_read_at(world, lot) + 2 * DAY
    assert world.codes("oksana", "release_lot", now=at, lot=lot) == ["BATCH_NOT_REVIEWED"]


def test_who_imported_the_run_has_worked_on_the_lot(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din).code
    content = good(world, lot)
    world.do("taras", "import_freezing_run", now=after(world, lot), **run_input(world, lot, content))
    statement = text("SELECT lot_performers(l.id) FROM lot l WHERE l.code = :code")
    with world.installation.reads.connect() as connection:
        assert world.people["taras"].id in set(connection.scalars(statement, {"code": lot}))


# --- the database, with the rules off ---------------------------------------------------------


@pytest.mark.the_database_refuses("no_release_without_a_freezing_run", "no_release_with_an_open_deviation")
def test_the_database_releases_nothing_without_a_run(world: World, din: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = stored_lot(world, donation=din).code
    pass_all_tests(world, lot, run=False)
    at = results_read_at(world, lot) + 2 * DAY
    monkeypatch.setattr(decisions, "release_criteria", lambda _: ())
    assert world.codes("oksana", "release_lot", now=at, lot=lot) == ["CRITERION_OPEN"]
    freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    assert world.codes("oksana", "release_lot", now=at, lot=lot) == ["DEVIATION_OPEN"]


@pytest.mark.the_database_refuses("one_run_of_a_lot")
def test_the_database_keeps_one_run_of_a_lot(world: World, din: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = frozen_lot(world, donation=din).code
    freezing_run(world, lot)
    monkeypatch.setattr(freezing_runs, "_live", lambda work, lot: None)
    assert codes(world, lot, good(world, lot)) == ["ALREADY_EXISTS"]


@pytest.mark.the_database_refuses("a_run_that_is_relied_on_stays")
def test_the_database_keeps_a_run_that_is_relied_on(world: World, din: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = passed_lot(world, donation=din).code
    at = results_read_at(world, lot) + 2 * DAY
    world.do("oksana", "release_lot", now=at, lot=lot)
    monkeypatch.setattr(freezing_runs, "withdrawal_refusals", lambda *_: ())
    given = {"now": at, "run": live_run(world, lot), "reason": WRONG_FILE}
    assert world.codes("tina", "withdraw_freezing_run", **given) == ["WRONG_STATE"]


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE freezer_reading SET celsius = 0", "freezer_reading"),
        ("DELETE FROM freezer_reading", "freezer_reading"),
        ("DELETE FROM freezer_run", "freezer_run"),
        ("UPDATE freezer_run SET worst_c = 0, outside_seconds = 0", "a freezing run keeps what was found"),
    ],
)
def test_nobody_changes_a_run_past_the_acts(
    world: World, din: str, databases: tuple[str, str], statement: str, rule: str
) -> None:
    lot = frozen_lot(world, donation=din).code
    freezing_run(world, lot, cooling(frozen_at(world, lot), lag=WARM))
    engine = create_engine(databases[0])
    with engine.connect() as connection, pytest.raises(DBAPIError, match=rule):
        connection.execute(text(statement))
    engine.dispose()


def test_readings_that_were_changed_behind_the_program_are_found(
    world: World, din: str, databases: tuple[str, str]
) -> None:
    lot = frozen_lot(world, donation=din).code
    code = freezing_run(world, lot)["code"]
    engine = create_engine(databases[0])
    swap = (
        "UPDATE freezer_reading SET celsius = celsius + {} WHERE channel = 'product' AND run_id = (SELECT id FROM "
        "freezer_run WHERE code = :code)"
    )
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(swap.format(1)), {"code": code})
    assert [one.code for one in reading_check.broken_imports(world.installation)] == [code]
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(swap.format(-1)), {"code": code})
    engine.dispose()
    assert reading_check.broken_imports(world.installation) == ()


# --- what cannot be, and what can hardly be ---------------------------------------------------


def at_once(world: World, din: str) -> str:
    """A lot that was frozen as soon as its filling began: its run may begin earlier and still be near the freezing."""
    lot = filled_lot(world, donation=din).code
    at = fill_started_at(world, lot)
    given = {"lot": lot, "program": "CRF-1", "happened_at": at, "entered_late_because": "Power cut"}
    assert world.codes("tina", "record_freezing", now=at + 60 * MINUTE, **given) == ["IMPROBABLE"]
    world.do("tina", "record_freezing", now=at + 60 * MINUTE, improbable_because="Filled by the machine", **given)
    return lot


@pytest.mark.the_database_refuses("the_run_began_after_the_filling")
def test_no_run_begins_before_its_lot_was_filled(world: World, din: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = at_once(world, din)
    content = as_file(cooling(frozen_at(world, lot) - 10 * MINUTE))
    given = run_input(world, lot, content, improbable_because="It was so")
    refused = world.try_act("tina", "import_freezing_run", now=after(world, lot), dry_run=True, **given).refusals
    assert [one.code.value for one in refused] == ["OUT_OF_ORDER"] and "before the filling" in refused[0].detail
    monkeypatch.setattr(freezing_runs, "impossible_run", lambda _: ())
    refused = world.try_act("tina", "import_freezing_run", now=after(world, lot), **given).refusals
    assert [one.code.value for one in refused] == ["OUT_OF_ORDER"]
    assert "the run began before the lot was filled" in refused[0].detail


def test_vials_put_away_while_their_freezer_ran_are_asked_about_on_both_sides(world: World, din: str) -> None:
    lot = frozen_lot(world, donation=din)
    at = frozen_at(world, lot.code) + 40 * MINUTE  # the run goes on for half an hour
    home = box(world)
    put = {"box": home, "happened_at": at, "entered_late_because": "Power cut", "now": at + 120 * MINUTE}
    world.do("taras", "store_vials", vials=list(lot.vials[:1]), **put)
    content = good(world, lot.code)
    assert codes(world, lot.code, content) == ["IMPROBABLE"]
    assert codes(world, lot.code, content, improbable_because="The freezer went on, empty") == []
    said = words(unissued_file(world.installation, "batch_record", lot.code))
    assert "after the first vial of lot" in said and "Right, because: The freezer went on, empty" in said
    assert world.codes("taras", "store_vials", vials=list(lot.vials[1:]), **put) == ["IMPROBABLE"]
    world.do("taras", "store_vials", vials=list(lot.vials[1:]), improbable_because="It went on, empty", **put)
    said = words(unissued_file(world.installation, "batch_record", lot.code))
    assert "before their freezing run ended" in said and "Right, because: It went on, empty" in said
