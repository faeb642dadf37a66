"""The times, zones and titles of files at their edges: what each spelling means, and what nobody can mean."""

import csv
import datetime
from zoneinfo import ZoneInfo

import pytest

from cellbank.domain.freezer_file import read_run_file
from cellbank.domain.logger_file import FileAsks, FileProblem, LoggerFile, Mapping, Said, read_logger_file
from cellbank.domain.result_sheet import moment_of, read_sheet
from cellbank.domain.sheets.clock import Clock, OrderUnknown, day_in, fixed_zones, orders_of, possible_orders
from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.mapping import Mapping as Columns
from cellbank.domain.sheets.rows import LONGEST_CELL, legible
from cellbank.domain.sheets.wall_clock import both_passes
from cellbank.domain.sheets.zones import UnknownZone, called, zone_called, zone_in

KYIV, UTC = ZoneInfo("Europe/Kyiv"), ZoneInfo("UTC")
CELSIUS = Mapping(unit="C")


def read(text: str, zone: ZoneInfo = UTC, wanted: Mapping = CELSIUS, **more: object) -> LoggerFile:
    return read_logger_file(lambda: text.splitlines(keepends=True), Said(zone, wanted, **more))


def second(text: str, zone: datetime.tzinfo = UTC, order: str = "day_first") -> str:
    at = datetime.datetime.fromtimestamp(Clock(zone, order).read(text), datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}"


# --- one time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22 12:05 AM", "2026-11-22 00:05:00"),
        ("2026-11-22 12:05 PM", "2026-11-22 12:05:00"),
        ("2026-11-22 01:05 pm", "2026-11-22 13:05:00"),
        ("2026-11-22 11:59:59 P.M.", "2026-11-22 23:59:59"),
        ("22 Nov 2026 14:05", "2026-11-22 14:05:00"),
        ("1-January-2026 00:00:30", "2026-01-01 00:00:30"),
        ("31 Dec. 2026 23:59", "2026-12-31 23:59:00"),
        ("2026/1/2 3:04", "2026-01-02 03:04:00"),
        ("02.01.26 03:04", "2026-01-02 03:04:00"),
        ("2026-11-22 14:05+14:00", "2026-11-22 00:05:00"),
        ("2026-11-22 14:05-05:30", "2026-11-22 19:35:00"),
        ("2026-11-22 14:05+0059", "2026-11-22 13:06:00"),
        ("2026-11-22 14:05 GMT", "2026-11-22 14:05:00"),
        ("2026-11-22 14:05 utc", "2026-11-22 14:05:00"),
    ],
)
def test_a_time_in_each_of_its_spellings(text: str, expected: str) -> None:
    assert second(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-22 13:05 PM", "has no such hour"),
        ("2026-11-22 00:05 AM", "has no such hour"),
        ("2026-11-22 24:00", "is no date and time"),
        ("2026-11-22 23:60", "is no date and time"),
        ("2026-11-22", "is no date and time like"),
        ("22 Nix 2026 14:05", "there is no such day"),
        ("31 Nov 2026 14:05", "there is no such day"),
        ("2026-11-22 14:05+15:00", "is no offset from UTC"),
        ("2026-11-22 14:05+02:60", "is no offset from UTC"),
    ],
)
def test_a_time_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        second(text)


def test_the_order_of_a_date_is_needed_where_there_is_more_than_one() -> None:
    with pytest.raises(OrderUnknown, match="could be day, month, year or month, day, year: say which"):
        second("03/04/2026 12:00", order="")
    with pytest.raises(OrderUnknown):
        second("03/04/2026 12:00", order="year_first")  # which such a date has not
    assert second("03.04.2026 12:00", order="") == "2026-04-03 12:00:00"
    assert [second("03/04/05 12:00", order=one)[:10] for one in ("day_first", "month_first", "year_first")] == [
        "2005-04-03",
        "2005-03-04",
        "2003-04-05",
    ]


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("2026-11-22", None),
        ("soon", None),
        ("22/11/2026", {"day_first"}),
        ("11/22/2026", {"month_first"}),
        ("01/02/2026", {"day_first", "month_first"}),
        ("01/02/03", {"day_first", "month_first", "year_first"}),
        ("01.02.03", {"day_first", "year_first"}),
        ("01.02.2003", {"day_first"}),
        ("32/13/2026", set()),
    ],
)
def test_in_which_orders_a_date_makes_sense(text: str, orders: set[str] | None) -> None:
    assert orders_of(text) == orders


def test_a_date_alone() -> None:
    day = datetime.date(2026, 2, 1)
    assert day_in("2026-02-01", "") == day_in("01.02.26", "day_first") == day_in("02/01/2026", "month_first") == day
    assert day_in("26-02-01", "year_first") == day and day_in("2026-02-30", "") is None and day_in("soon", "") is None


def test_no_date_lies_after_the_last_day_that_can_be() -> None:
    until = datetime.date(2026, 3, 4)
    assert possible_orders(["04/03/2026"], until) == {"day_first"}
    assert possible_orders(["04/03/2026"], datetime.date(2026, 4, 3)) == {"day_first", "month_first"}
    assert possible_orders(["04/03/2026"], None) == {"day_first", "month_first"}
    assert possible_orders(["no date", "2026-03-04"], until) == {"day_first", "month_first", "year_first"}


# --- clocks that change -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("around", "zones"),
    [
        ("2026-10-25T01:00+00:00", ["UTC+03:00", "UTC+02:00", "UTC"]),
        ("2026-10-26T12:00+00:00", ["UTC+03:00", "UTC+02:00", "UTC"]),  # within two days
        ("2026-10-28T12:00+00:00", ["UTC+02:00", "UTC"]),
        ("2026-07-01T12:00+00:00", ["UTC+03:00", "UTC"]),
    ],
)
def test_zones_that_a_clock_may_keep_all_year(around: str, zones: list[str]) -> None:
    found = fixed_zones(KYIV, int(datetime.datetime.fromisoformat(around).timestamp()))
    assert [called(zone) for zone in found] == zones


def test_an_hour_of_thirty_minutes_that_comes_twice() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")  # the clocks go back by half an hour
    clock = Clock(lord_howe)
    assert [clock.read("2026-04-05 01:15") % 3600, clock.doubled] == [900, False]
    first = clock.read("2026-04-05 01:45")
    assert clock.doubled
    one, other = both_passes(first, lord_howe)
    assert (other - one, f"{one:%H:%M%z} {other:%H:%M%z}") == (datetime.timedelta(minutes=30), "01:45+1100 01:45+1030")


def test_a_result_of_the_hour_that_came_twice_needs_its_zone() -> None:
    with pytest.raises(ValueError, match=r"shown twice by the clock of Europe/Kyiv: .*03:30\+0300 or 03:30\+0200"):
        moment_of("2026-10-25 03:30", KYIV)
    with pytest.raises(ValueError, match="was never shown by the clock of Europe/Kyiv"):
        moment_of("2026-03-29 03:30", KYIV)
    assert moment_of("2026-10-25T03:30+02:00", KYIV).isoformat() == "2026-10-25T01:30:00+00:00"


# --- zones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Time UTC+15", "Time (GMT-14:30)", "Time (UTC+14:01)"])
def test_no_zone_is_further_off_than_fourteen_hours(text: str) -> None:
    with pytest.raises(UnknownZone):
        zone_in(text)
    assert called(zone_in("Time UTC+14") or UTC) == "UTC+14:00"
    assert called(zone_in("Time UTC-14:00") or UTC) == "UTC-14:00"


@pytest.mark.parametrize(("name", "zone"), [("Europe/Kyiv", "Europe/Kyiv"), ("utc+02:00", "UTC+02:00"), ("CET", "CET")])
def test_a_zone_by_its_name(name: str, zone: str) -> None:
    assert called(zone_called(name)) == zone


@pytest.mark.parametrize("name", ["", "Kyiv time", "Europe/Nowhere", "noon"])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone_called(name)


# --- rows and titles --------------------------------------------------------------------------


def test_why_rows_cannot_be_told_apart() -> None:
    with pytest.raises(FileProblem, match="a quotation mark is opened and not closed"), legible():
        raise csv.Error("unexpected end of data")
    with pytest.raises(FileProblem, match=f"more than {LONGEST_CELL:,} letters"):
        read(f"time,temp\n2026-02-20 08:00,-1\n2026-02-20 08:05,{'1' * (LONGEST_CELL + 1)}\n")


def test_what_was_found_instead_of_titles_is_named() -> None:
    row = ";".join(f"column {n} {'x' * 30}" for n in range(14))
    with pytest.raises(FileProblem) as caught:
        read(f"a;b\n{row}\nc;d\n")
    named = caught.value.problems[0].partition("The widest row has: ")[2].partition(". Name")[0]
    assert named.count("'column") == 12 and named.startswith(f"'column 0 {'x' * 21}'")
    with pytest.raises(FileProblem, match="is empty"):
        read(" \n\t\n")


@pytest.mark.parametrize(
    ("above", "serial"),
    [
        ("Serial;LG-7", "LG-7"),
        ("Serial number: LG-7", "LG-7"),
        ("Serial: LG-7;", "LG-7"),
        ("Logger ID;LG-7;x", "LG-7"),
        ("Model;LG-7", ""),
        ("", ""),
    ],
)
def test_the_serial_number_above_the_titles(above: str, serial: str) -> None:
    assert read(f"{above}\nTime;Temp (°C)\n2026-11-20 09:00:00;-80\n").serial == serial


def test_two_serial_numbers_in_the_titles_are_none() -> None:
    text = "Time;Temp, °C (S/N: {});Lid (S/N: {})\n2026-11-20 09:00:00;-80;\n"
    assert [read(text.format(*both)).serial for both in (("1", "1"), ("1", "2"))] == ["1", ""]


@pytest.mark.parametrize(
    ("titles", "row", "value"),
    [
        ("Time;CH1;Humidity", "2026-11-20 09:00;-80;40", "CH1"),  # a channel, where no title speaks of a temperature
        ("Time;Set temp;CH1", "2026-11-20 09:00;-20;-80", "CH1"),
        ("Time;Temp;Temp note", "2026-11-20 09:00;-80;", "Temp"),  # in the other there is no number
    ],
)
def test_the_column_of_the_temperature(titles: str, row: str, value: str) -> None:
    assert read(f"{titles}\n{row}\n").mapping.value == value


def test_why_a_column_is_asked_for() -> None:
    def why(titles: str, **more: object) -> str:
        with pytest.raises(FileAsks) as caught:
            read(f"Time;{titles}\n2026-11-20 09:00;-80;-81\n", **more)
        return caught.value.problems[0]

    assert "Several columns could be the temperature: 'Temp 1', 'Temp 2'" in why("Temp 1;Temp 2")
    assert "'Room temp' may be another temperature" in why("Room temp;x")
    assert "'Probe 9', from which this probe was read" in why("Temp 1;x", learned=Mapping(value="Probe 9"))
    assert why("Room temp;Set temp").count("'") == 4  # both are named, for neither is the measured one


# --- times that count from a start, or have their day above -------------------------------------


def run(above: str, title: str, *cells: str, zone: ZoneInfo = KYIV, **more: object) -> list[str]:
    lines = [f"{above}\n", f"{title};Sample;Chamber\n", *(f"{cell};1;1\n" for cell in cells)]
    found = read_run_file(lambda: lines, Said(zone, CELSIUS, **more)).product
    return [f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%m-%d %H:%M:%S}" for at, _ in found]


@pytest.mark.parametrize(
    ("above", "title", "cells", "expected"),
    [
        ("Start: 29.09.2026 19:46:00", "Run time", ["0:01:30", "1:00:00"], ["09-29 16:47:30", "09-29 17:46:00"]),
        ("Start: 29.09.2026 19:46:00", "Elapsed (h)", ["0,5", "1.25"], ["09-29 17:16:00", "09-29 18:01:00"]),
        ("Start: 29.09.2026 19:46:00", "Time", ["19:46:00", "20:46:00"], ["09-29 16:46:00", "09-29 17:46:00"]),
        ("Start: 29.09.2026 23:59:00", "Time", ["23:59:00", "00:01:00"], ["09-29 20:59:00", "09-29 21:01:00"]),
        ("Date;29.09.2026", "Time", ["12:00:00 AM", "12:30 PM"], ["09-28 21:00:00", "09-29 09:30:00"]),
        ("Date;29.09.2026", "Time", ["13:00:00", "12:59:00"], ["09-29 09:59:00", "09-29 10:00:00"]),  # not a day on
        ("Date;30.09.2026", "Time", ["23:00:00", "01:00:00", "23:30:00", "02:00:00"],
         ["09-30 20:00:00", "09-30 22:00:00", "10-01 20:30:00", "10-01 23:00:00"]),
    ],
)  # fmt: skip
def test_times_of_a_day_and_since_a_start(above: str, title: str, cells: list[str], expected: list[str]) -> None:
    assert run(above, title, *cells) == expected


@pytest.mark.parametrize(
    ("above", "title", "cells", "field"),
    [
        ("Start: 25.10.2026 03:30:00", "Run time", ["0:00:00"], "started_at"),  # which came twice
        ("Start: soon", "Run time", ["0:00:00"], "started_at"),
        ("Start: 29.09.2026 00:00:00", "Time", ["0:00:00"], "times"),  # midnight, or the start
        ("Start: 29.09.2026 19:46:00", "Time", ["19:47:00"], "times"),
    ],
)
def test_what_a_start_does_not_tell_is_asked(above: str, title: str, cells: list[str], field: str) -> None:
    with pytest.raises(FileAsks) as caught:
        run(above, title, *cells)
    assert caught.value.question.field == field


def test_times_of_day_without_a_day_are_asked_for_it_and_counted_from_a_start_that_is_given() -> None:
    clock = Mapping(unit="C", times="clock")
    lines = ["Run 7\n", "Time;Sample\n", "10:00:00;1\n"]
    with pytest.raises(FileAsks, match="no date stands above them"):
        read_run_file(lambda: lines, Said(KYIV, clock))
    given = datetime.datetime(2026, 9, 29, 22, 0, tzinfo=datetime.UTC)  # in Kyiv it is the next day
    found = read_run_file(lambda: lines, Said(KYIV, clock, start=given)).product
    assert datetime.datetime.fromtimestamp(found[0][0], datetime.UTC).isoformat() == "2026-09-30T07:00:00+00:00"


@pytest.mark.parametrize("cell", ["0:60:00", "0:00:60", "1:00:61"])
def test_no_minute_has_more_than_sixty_seconds(cell: str) -> None:
    with pytest.raises(FileProblem, match="is no time like 14:05:00"):
        run("Start: 29.09.2026 19:46:00", "Run time", "0:00:00", cell, "0:59:59")


def test_what_is_no_number_of_minutes() -> None:
    with pytest.raises(FileProblem, match="is no number of minutes"):
        run("Start: 29.09.2026 19:46:00", "Elapsed (min)", "0.0", "0:01")


# --- sheets -----------------------------------------------------------------------------------


def test_the_separator_is_the_commonest_of_the_first_row_or_the_one_that_is_said() -> None:
    wanted = {"test": "CD73", "result": "98,5"}
    assert read_sheet("test;result\nCD73;98,5\n").rows[0].cells == wanted
    said = read_sheet("sep=;\ntest;result\nCD73;98,5\n")
    assert (said.rows[0].number, said.rows[0].cells) == (3, wanted)


def test_a_mapping_keeps_what_is_known_of_it() -> None:
    assert Columns(time="when", unit="C").as_json() == {"time": "when", "unit": "C"}
