"""Loggers' files as they come: every way to write a reading, and everything that is wrong with a file."""

# A file reads best in lines of its own length.
# ruff: noqa: E501

import datetime
from array import array
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.logger_file import (
    FileAsks,
    FileProblem,
    LoggerFile,
    Mapping,
    Said,
    pack,
    read_logger_file,
    unpacked,
)
from cellbank.domain.logger_rows import TOLD_EVERY
from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.readings import in_order
from cellbank.domain.sheets.temperatures import hundredths_of, read_number
from cellbank.domain.sheets.titles import HEAD_ROWS

KYIV, UTC = ZoneInfo("Europe/Kyiv"), ZoneInfo("UTC")


CELSIUS = Mapping(unit="C")  # learned for the probe


def read(text: str, zone: ZoneInfo = UTC, wanted: Mapping | None = None, **options: object) -> LoggerFile:
    said = Said(zone, wanted or Mapping(), **{"learned": CELSIUS, **options})
    return read_logger_file(lambda: text.splitlines(keepends=True), said)


def shown(file: LoggerFile) -> list[tuple[str, float]]:
    return [
        (f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M:%S}", value / 100)
        for at, value in unpacked(file.readings)
    ]


TWO = [("2026-02-20 08:00:00", -187.2), ("2026-02-20 08:05:00", -186.9)]
SPELLINGS = {
    "semicolons, decimal commas": "Date/Time;Temperature (°C)\n20.02.2026 08:00:00;-187,2\n20.02.2026 08:05:00;-186,9\n",
    "commas, points, quotes": '"Timestamp","Temp °C"\n"2026-02-20 08:00:00","-187.2"\n"2026-02-20 08:05:00","-186.9"\n',
    "tabs, no seconds": "Time\tTemp\n2026-02-20 08:00\t-187.2\n2026-02-20 08:05\t-186.9\n",
    "T and Z": "Datetime,Temperature\n2026-02-20T08:00:00Z,-187.2\n2026-02-20T08:05:00Z,-186.9\n",
    "an offset": "time,temp\n2026-02-20 10:00:00+02:00,-187.2\n2026-02-20 10:05:00+02:00,-186.9\n",
    "a column of the offset": "time,UTC offset,temp\n2026-02-20 10:00:00,+02:00,-187.2\n2026-02-20 10:05:00,+02:00,-186.9\n",
    "date and time apart": "Date;Time;Ch1\n20.02.2026;08:00:00;-187,2\n20.02.2026;08:05:00;-186,9\n",
    "Fahrenheit": "time,Temp (°F)\n2026-02-20 08:00:00,-304.96\n2026-02-20 08:05:00,-304.42\n",
    "thousandths of a second": "time,temp\n2026-02-20 08:00:00.000,-187.2\n2026-02-20 08:05:00.000,-186.9\n",
    "a minus sign and a unit": "time;temp\n2026-02-20 08:00:00;−187.2 °C\n2026-02-20 08:05:00;−186.9 °C\n",
    "a preamble": "My logger\nSerial;LG-1\nModel;X\n\nTime;Temp\n2026-02-20 08:00:00;-187.2\n2026-02-20 08:05:00;-186.9\n",
    "Ukrainian titles": "Дата і час;Температура\n20.02.2026 08:00:00;-187,2\n20.02.2026 08:05:00;-186,9\n",
    "newest first": "time,temp\n2026-02-20 08:05:00,-186.9\n2026-02-20 08:00:00,-187.2\n",
    "a repeated row": "time,temp\n2026-02-20 08:00,-187.2\n2026-02-20 08:00,-187.2\n2026-02-20 08:05,-186.9\n",
    "other columns beside it": "No,time,temp,ambient temp,battery\n1,2026-02-20 08:00,-187.2,21,3.1\n2,2026-02-20 08:05,-186.9,21,3\n",
    "blank lines": "time,temp\n\n2026-02-20 08:00,-187.2\n,\n2026-02-20 08:05,-186.9\n\n",
    "no line end at the end": "time,temp\n2026-02-20 08:00,-187.2\n2026-02-20 08:05,-186.9",
    "halves of the day": "Date;temp\n20.02.2026 08:00:00 AM;-187,2\n20.02.2026 08:05:00 AM;-186,9\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_the_same_two_readings(text: str) -> None:
    assert shown(read(text)) == TWO


def test_what_was_unusual_is_counted() -> None:
    file = read("Serial: LG-7\ntime,temp\n2026-02-20 08:05,-1\n2026-02-20 08:00,-2\n2026-02-20 08:05,-1\n")
    assert (file.rows, file.duplicates, file.out_of_order, file.serial) == (3, 1, 1, "LG-7")
    file = read("time,temp\n2026-02-20 08:00,-1\n2026-02-20 08:05,---\n", skip_unreadable=True)
    assert (file.left_out, len(file.readings)) == (1, 1)


def test_rows_beyond_one_look_are_counted_with_those_before() -> None:
    """Rows are read so many at a time; the last of one piece is compared with the first of the next."""
    rows = [f"2026-02-20 {n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d},-187\n" for n in range(TOLD_EVERY)]
    heard: list[int] = []
    lines = ["time,temp\n", *rows, "2026-02-19 08:00:00,-1\n", "2026-02-21 08:00:00,-2\n", "2026-02-21 08:00:00,-2\n"]
    file = read_logger_file(lambda: lines, Said(UTC, learned=CELSIUS), tell=heard.append)
    assert (file.rows, file.out_of_order, file.duplicates) == (TOLD_EVERY + 3, 1, 1)
    assert shown(file)[0] == ("2026-02-19 08:00:00", -1) and shown(file)[-1] == ("2026-02-21 08:00:00", -2)
    assert heard[:2] == [TOLD_EVERY, TOLD_EVERY + 3]


def test_as_many_rows_as_may_be() -> None:
    lines = ["time,temp\n", "2026-02-20 08:00,-1\n", "2026-02-20 08:05,-1\n"]
    assert read_logger_file(lambda: lines, Said(UTC, learned=CELSIUS), most_rows=2).rows == 2
    with pytest.raises(FileProblem, match="more than 1 rows"):
        read_logger_file(lambda: lines, Said(UTC, learned=CELSIUS), most_rows=1)


KNOWN = "2026-02-20 08:00,A,-1,C\n2026-02-20 09:05,A,-1,C\n"  # hours, minutes, value, logger, unit: all met before


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2026-02-20 09:00,A,-1,C,-2", "Row 4: it has 5 cells under 4 titles"),
        ("2026-02-20 09:00,B,-1,C", "Row 4: it is of the logger 'B'"),
        ("2026-02-20 09:00,A,-1,F", "Row 4: '-1' says °F, and the column is in °C"),
        ("2026-02-20 09:00,A,-1", "Row 4: it has 3 of 4 cells"),
    ],
)
def test_a_row_of_known_parts_is_judged_as_any_other(row: str, sentence: str) -> None:
    titles = "time,serial,temp,unit\n"
    assert shown(read(f"{titles}{KNOWN}2026-02-20 09:00,A,-1,C\n"))[1] == ("2026-02-20 09:00:00", -1)
    with pytest.raises(FileProblem, match=sentence):
        read(f"{titles}{KNOWN}{row}\n")


def test_a_hint_at_decimal_commas_is_given_where_commas_delimit() -> None:
    with pytest.raises(FileProblem) as caught:
        read("time;temp\n2026-02-20 08:00;-1;5\n")
    assert caught.value.problems == ("Row 2: it has 3 cells under 2 titles.",)


def test_month_first_must_be_said() -> None:
    text = "time,temp\n02/03/2026 08:00:00,-187.2\n"
    with pytest.raises(FileProblem, match="day/month or month/day"):
        read(text)
    assert shown(read(text, wanted=Mapping(date_order="day_first")))[0][0] == "2026-03-02 08:00:00"
    assert shown(read(text, wanted=Mapping(date_order="month_first")))[0][0] == "2026-02-03 08:00:00"


def test_the_order_is_looked_for_in_the_column_of_the_date_alone() -> None:
    text = "Date,Time,temp\n03/04/2026,08:00,-1\n\nMinimum\n"
    with pytest.raises(FileAsks, match="'03/04/2026' could be") as caught:
        read(text, skip_unreadable=True)
    assert [choice.value for choice in caught.value.question.choices] == ["day_first", "month_first"]
    text = "temp,Date,Time\n-1,13/04/2026,08:00\nMinimum\n-2,03/04/2026,08:00\n"  # the first row tells
    assert shown(read(text, skip_unreadable=True))[0] == ("2026-04-03 08:00:00", -2)


def test_dates_that_no_order_fits() -> None:
    with pytest.raises(FileProblem, match="in no order of day, month and year"):
        read("time,temp\n13/04/2026 08:00,-1\n04/13/2026 08:00,-1\n")


def test_the_last_value_of_a_long_file_stands_beside_its_columns() -> None:
    rows = [f"2026-02-20 {n // 60:02d}:{n % 60:02d},-1,-{n}.5\n" for n in range(HEAD_ROWS + 50)]
    for more in (rows, rows[: HEAD_ROWS - 1], rows[: HEAD_ROWS - 2]):
        with pytest.raises(FileAsks) as caught:
            read("time,temp 1,temp 2\n" + "".join(more) + "\n\n")
        assert caught.value.question.choices[1].title == f"temp 2: -0.5 … -{len(more) - 1}.5"


def test_named_columns_are_found_in_any_delimiter() -> None:
    text = "when;probe A;probe B\n2026-02-20 08:00;-1;-2\n"
    wanted = Mapping(time="When", value="probe B")
    assert shown(read(text, wanted=wanted)) == [("2026-02-20 08:00:00", -2)]
    assert read(text, wanted=wanted).mapping == Mapping(time="when", value="probe B", unit="C")


WRONG = {
    "empty": ("", "is empty"),
    "only titles": ("time,temp\n", "no reading"),
    "another format": ("a;b\n1;2\n", "No titles of a time and a temperature column"),
    "text in numbers": ("time,temp\n2026-02-20 08:00,cold\n", "'cold' is no temperature"),
    "not a number": ("time,temp\n2026-02-20 08:00,NaN\n", "is no temperature"),
    "colder than can be": ("time,temp\n2026-02-20 08:00,-300\n", "outside −273.15"),
    "text in times": ("time,temp\nyesterday,-187\n", "is no date and time"),
    "no such day": ("time,temp\n2026-02-30 08:00,-187\n", "is no date and time"),
    "cut off in a row": ("time,temp\n2026-02-20 08:00,-187\n2026-02-2", "cut off"),
    "decimal commas between commas": ("time,temp\n2026-02-20 08:00,-187,2\n", "Decimal commas need another delimiter"),
    "two values of one time": ("time,temp\n2026-02-20 08:00,-1\n2026-02-20 08:00,-2\n", "has two values: -2.00 and -1.00"),
    "two columns of temperature": ("time,temp 1,temp 2\n2026-02-20 08:00,-1,-2\n", "Several columns"),
    "two loggers": ("time,serial,temp\n2026-02-20 08:00,A,-1\n2026-02-20 08:05,B,-1\n", "of the logger 'B'"),
    "offset here and not there": ("time,temp\n2026-02-20 08:00Z,-1\n2026-02-20 09:05,-1\n", "others have none"),
    "no such offset": ("time,temp\n2026-02-20 08:00+25:00,-1\n", "no offset"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    with pytest.raises(FileProblem, match=sentence.replace("(", r"\(")):
        read(text)


def test_the_row_is_named_and_faults_are_not_endless() -> None:
    with pytest.raises(FileProblem) as caught:
        read("Serial;1\ntime;temp\n2026-02-20 08:00;-1\n" + "x;y\n" * 100)
    assert caught.value.problems[0].startswith("Row 4:")
    assert len(caught.value.problems) == 21


def test_twenty_faults_are_named_and_no_more() -> None:
    """Whatever is wrong with the rows: that there may be more is said."""
    row = "2026-02-20 08:{:02d}"
    with pytest.raises(FileProblem) as caught:
        read("time,temp\n" + "".join(f"{row.format(n)},cold\n" for n in range(30)))
    assert (len(caught.value.problems), caught.value.problems[-1]) == (21, "There may be more.")
    with pytest.raises(FileProblem) as caught:
        read("time,temp\n" + "".join(f"{row.format(n)},-1\n{row.format(n)},-2\n" for n in range(30)))
    assert len(caught.value.problems) == 20
    file = read(
        "time,temp\n2026-02-20 09:00,-1\n" + "".join(f"{row.format(n)},cold\n" for n in range(30)), skip_unreadable=True
    )
    assert (file.left_out, len(file.left_out_rows), file.left_out_rows[0]) == (30, 20, "Row 3: 2026-02-20 08:00,cold")


def test_more_rows_than_any_logger_writes() -> None:
    rows = [f"2026-02-20 {n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d},-187\n" for n in range(86_400)]
    with pytest.raises(FileProblem, match="more than 30,000 rows"):
        read_logger_file(lambda: ["time,temp\n", *rows], Said(UTC, learned=CELSIUS), most_rows=30_000)


# --- the two nights on which the clocks change ------------------------------------------------


@pytest.mark.requirement("R21")
def test_an_hour_that_did_not_exist() -> None:
    with pytest.raises(FileProblem, match="did not exist in Europe/Kyiv"):
        read("time,temp\n2026-03-29 02:55,-1\n2026-03-29 03:00,-1\n", KYIV)
    assert shown(read("time,temp\n2026-03-29 02:55,-1\n2026-03-29 04:00,-1\n", KYIV))[-1][0] == "2026-03-29 01:00:00"


@pytest.mark.requirement("R21")
def test_an_hour_that_came_twice_is_resolved_by_the_order() -> None:
    walls = ["02:30", "03:00", "03:30", "03:00", "03:30", "04:00"]
    text = "time,temp\n" + "".join(f"2026-10-25 {wall},-1\n" for wall in walls)
    times = [at[11:16] for at, _ in shown(read(text, KYIV))]
    assert times == ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]


def test_an_hour_that_came_twice_and_nothing_tells() -> None:
    with pytest.raises(FileProblem, match="came twice in Europe/Kyiv"):
        read("time,temp\n2026-10-25 03:30,-1\n2026-10-25 03:35,-1\n", KYIV)
    with pytest.raises(FileProblem, match="came twice"):
        read("time,temp\n2026-10-25 06:00,-1\n2026-10-25 03:30,-1\n", KYIV)


def test_each_reading_of_the_doubled_hour_keeps_its_value_whatever_the_order_of_the_rows() -> None:
    walls = ["02:30", "03:00", "03:30", "03:00", "03:30", "04:00"]
    rows = [f"2026-10-25 {wall},-{n}\n" for n, wall in enumerate(walls, 1)]
    for lines, out_of_order in ((rows, 0), (rows[::-1], 5), ([*rows, rows[-1]], 0)):
        file = read("time,temp\n" + "".join(lines), KYIV)
        assert [value for _, value in shown(file)] == [-1, -2, -3, -4, -5, -6]
        assert (file.out_of_order, file.duplicates) == (out_of_order, len(lines) - 6)


@pytest.mark.parametrize(
    "text",
    [
        "time,temp\n2026-03-29 03:30,-1\n",  # the very first row
        "time,temp\n2026-02-20 08:00,-1\n2026-03-29 03:30,-1\n",
        "time,temp\n2026-07-20 08:00,-1\n2026-10-25 03:30,-1\n2026-10-26 08:00,-1\n",
    ],
)
def test_the_zones_offered_are_those_around_the_change(text: str) -> None:
    with pytest.raises(FileAsks) as caught:
        read(text, KYIV)
    assert [choice.value for choice in caught.value.question.choices] == ["UTC+03:00", "UTC+02:00", "UTC"]


def test_the_rows_found_stand_beside_a_question() -> None:
    with pytest.raises(FileAsks) as caught:
        read("time,temp\n" + "".join(f"2026-02-20 08:0{n},-{n}\n" for n in range(5)), learned=Mapping())
    assert caught.value.question.found == (("time", "temp"), *((f"2026-02-20 08:0{n}", f"-{n}") for n in range(3)))


# --- what holds for every file ----------------------------------------------------------------


@given(
    st.dictionaries(st.integers(1_700_000_000, 1_800_000_000), st.integers(-19999, 9999), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
    st.sampled_from([";", "\t", ","]),
)
def test_whatever_was_written_is_read_in_the_order_of_time(readings: dict, chance: object, delimiter: str) -> None:
    rows = list(readings.items())
    chance.shuffle(rows)
    text = f"time{delimiter}temp\n" + "".join(
        f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M:%S}{delimiter}{value / 100:.2f}\n"
        for at, value in rows
    )
    assert list(unpacked(read(text).readings)) == sorted(readings.items())


@given(st.text(max_size=400))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for start in ("", "time;temp\n"):
        try:
            file = read(start + text)
        except FileProblem as problem:
            assert problem.problems
        else:
            assert file.readings


def test_more_readings_than_are_sorted_at_once_stand_in_order() -> None:
    keys = array("q", (pack(n * 7919 % 300_007, n % 100) for n in range(300_007)))
    assert in_order(keys) == array("q", sorted(keys))


@given(st.integers(0, 4_000_000_000), st.integers(-27315, 20000))
def test_a_reading_is_one_number(at: int, value: int) -> None:
    assert list(unpacked([pack(at, value)])) == [(at, value)]


@pytest.mark.parametrize(
    ("text", "unit", "hundredths"),
    [("-187.25", "C", -18725), ("-187,255", "C", -18726), ("-187,245", "C", -18724), ("−80", "C", -8000), ("+4.5 °C", "C", 450),
     ("32", "F", 0), ("-321", "F", -19611), ("-40 F", "F", -4000)],
)  # fmt: skip
def test_temperatures_as_they_are_written(text: str, unit: str, hundredths: int) -> None:
    number, said = read_number(text)
    assert said in ("", unit) and hundredths_of(number, text, unit) == hundredths


def test_what_is_no_temperature() -> None:
    for text in ("", "1e3", "- 5", "--5", "12.3.4", "OL", "200.01"):
        with pytest.raises(Unreadable):
            hundredths_of(read_number(text)[0], text, "C")
