"""What files tell in other words, and what they do not tell: units, zones, orders of dates, times of a start, rows that
are no readings, and the hour that comes twice. What is not certain is asked, with every answer that there can be."""

# A file reads best in lines of its own length.
# ruff: noqa: E501

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cellbank.domain.freezer_file import read_run_file
from cellbank.domain.logger_file import FileAsks, FileProblem, LoggerFile, Mapping, Said, read_logger_file, unpacked
from cellbank.domain.sheets.doubled_hour import passes
from cellbank.domain.sheets.faults import Unreadable
from cellbank.domain.sheets.temperatures import hundredths_of, read_number
from cellbank.domain.sheets.units import PARTS, SCALED, UNITS, in_celsius, unit_of_cell, unit_of_title
from cellbank.domain.sheets.wall_clock import beside_the_skipped, instants
from cellbank.domain.sheets.zones import UnknownZone, called, zone_in, zone_told

KYIV, UTC = ZoneInfo("Europe/Kyiv"), ZoneInfo("UTC")
NOTHING, CELSIUS = Mapping(), Mapping(unit="C")
UNTIL = datetime.date(2026, 11, 30)


def read(text: str, zone: ZoneInfo = KYIV, wanted: Mapping = NOTHING, **more: object) -> LoggerFile:
    return read_logger_file(lambda: text.splitlines(keepends=True), Said(zone, wanted, until=UNTIL, **more))


def first_of(file: LoggerFile) -> int:
    """The first value, in hundredths of a degree."""
    return next(unpacked(file.readings))[1]


def times(file: LoggerFile) -> list[str]:
    return [f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%m-%d %H:%M}" for at, _ in unpacked(file.readings)]


def asked(text: str, zone: ZoneInfo = KYIV, wanted: Mapping = NOTHING, **more: object) -> tuple[str, list[str]]:
    """The field that is asked for, and the answers that are offered."""
    with pytest.raises(FileAsks) as caught:
        read(text, zone, wanted, **more)
    question = caught.value.question
    return question.field, [choice.value for choice in question.choices]


# --- units ------------------------------------------------------------------------------------

TITLES = {
    "F": [
        "Temp (°F)",
        "Temperature (ºF)",
        "Temp(˚F)",
        "Temperature(℉)",
        "Temp (DegF)",
        "Temp deg F",
        "degrees F",
        "temperature_F",
        "Temp F",
        "TempF",
        "Temp [F]",
        "Fahrenheit",
        "Temp °F (LGR S/N: 1)",
        "Температура, °F",
    ],
    "C": [
        "Temp (°C)",
        "Temperature, °C",
        "Temp °С",
        "℃",
        "Temp (ºC)",
        "Celsius(°C)",
        "temp_c",
        "Temp degC",
        "Sample (C)",
        "Temp C°",
        "Температура, град. С",
        "Temperature°C",
        "Centigrade",
        "Temp 10 °C",
        "CH10 °C",
        "Probe C °C",
        "Temperatur / °C",
        "Temp, °C (LGR S/N: 0010, SEN S/N: 100)",
    ],
    "K": ["Temp (°K)", "Kelvin", "Temp deg K"],
    SCALED: [
        "1/10 °C",
        "Temp m°C",
        "Temp (°C x 10)",
        "Temp 0.1 °C",
        "Temp 0,01°C",
        "°C*10",
        "Temp (°C/10)",
        "x0.1 °C",
        "mK",
        "TempX10",
        "Temp (°C) 10^-1",
        "millidegrees C",
        "Zehntelgrad",
        "десяті °C",
        "[10 m°C]",
    ],
    "": [
        "Temperature",
        "Temp",
        "Sample",
        "CH1",
        "Temp °C/°F",
        "Type K",
        "Temp (K)",
        "Factor",
        "Conf",
        "Time F1",
        "Temp 1F",
    ],
}


@pytest.mark.parametrize(("unit", "title"), [(unit, title) for unit, titles in TITLES.items() for title in titles])
def test_the_unit_of_a_title(unit: str, title: str) -> None:
    assert unit_of_title(title) == unit


def test_a_letter_may_be_the_name_of_a_channel() -> None:
    assert unit_of_title("Temp F", ["Temp A", "Temp B"]) == ""
    assert unit_of_title("Temp F", ["Temp C", "Humidity"]) == "F"


@pytest.mark.parametrize(
    ("text", "unit"),
    [("°F", "F"), ("ºF", "F"), ("[°C]", "C"), ("deg C", "C"), ("K", "K"), ("", ""), ("Pa", None), ("%rh", None)],
)
def test_the_unit_in_a_cell(text: str, unit: str | None) -> None:
    assert unit_of_cell(text) == unit


def test_units_are_converted_exactly() -> None:
    assert in_celsius(Decimal("-110.2"), "F") == Decimal("-79")
    assert in_celsius(Decimal("77.15"), "K") == Decimal("-196")
    assert hundredths_of(Decimal("-110.2"), "-110.2 °F", "F") == -7900
    with pytest.raises(Unreadable):
        read_number("-80 Pa")


ROW = "2026-11-20 09:00:00"


def test_a_unit_that_stands_nowhere_is_asked_and_then_known() -> None:
    text = f"time,Temp\n{ROW},-110.2\n"
    assert asked(text) == ("unit", ["C", "F", "K"])
    assert first_of(read(text, wanted=Mapping(unit="F"))) == -7900
    assert first_of(read(text, learned=Mapping(unit="F"))) == -7900


def test_a_title_says_more_than_what_was_learned_and_is_never_contradicted() -> None:
    text = f"time,Temp (°F)\n{ROW},-110.2\n"
    assert first_of(read(text, learned=Mapping(unit="C"))) == -7900
    assert asked(text, wanted=Mapping(unit="C")) == ("unit", ["F"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"time;Temp (°C)\n{ROW};-110.2 °F\n", "Row 2: '-110.2 °F' says °F, and the column is in °C"),
        (f"time;Temp\n{ROW};-80 °C\n2026-11-20 09:05:00;-112 °F\n", "Row 3: '-112 °F' says °F"),
        (f"time;Temp\n{ROW};-80 °C\n2026-11-20 09:05:00;-80\n", "some cells have a unit and others have none"),
        (f"time;Temp\n{ROW};-80\n2026-11-20 09:05:00;-80 °C\n", "some cells have a unit and others have none"),
    ],
)
def test_units_that_contradict_each_other_are_refused_by_row(text: str, said: str) -> None:
    with pytest.raises(FileProblem) as caught:
        read(text)
    assert said in " ".join(caught.value.problems)


@pytest.mark.parametrize("title", ["Temp (1/10 °C)", "Temp m°C", "Temp °C x 10", "Temp 0.1 °C"])
def test_a_factor_is_asked_for_and_answered_for_this_title_only(title: str) -> None:
    text = f"time;{title}\n{ROW};-182\n"
    whole = Mapping(unit="C")  # learned of files without a factor
    assert asked(text) == asked(text, learned=whole) == ("unit", [*PARTS, *UNITS])
    tenths = read(text, wanted=Mapping(unit="C/10"))
    assert first_of(tenths) == -1820
    assert first_of(read(text, learned=tenths.mapping)) == -1820
    assert asked(f"time;{title} B\n{ROW};-182\n", learned=tenths.mapping)[0] == "value_column"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (f"Scale factor;10\nTime;Temp °C\n{ROW};-182\n", "unit"),
        (f"Time;Temp\n;1/10 °C\n{ROW};-182\n", "unit"),
        (f"Temperature unit: °F\nTime;Temp °C\n{ROW};-182\n", "unit"),
        (f"Time;Temp (x10)\n{ROW};-182 °C\n", "unit"),
    ],
)
def test_what_stands_beside_the_title_is_not_passed_over(text: str, field: str) -> None:
    assert asked(text, learned=Mapping(unit="C"))[0] == field


@pytest.mark.parametrize(
    "text",
    [
        f"Temperature unit: °F\nTime;Temp\n{ROW};-110.2\n",
        f"Unit;Fahrenheit\nTime;Temp\n{ROW};-110.2\n",
        f"Time;Temp;Unit\n{ROW};-110.2;F\n",
        f"Time;Humidity;Unit;Temp;Temp unit\n{ROW};48;%;-110.2;°F\n",
    ],
)
def test_a_unit_beside_the_values_or_above_them_says_more_than_what_was_learned(text: str) -> None:
    assert first_of(read(text, learned=Mapping(unit="C"))) == -7900


def test_another_unit_in_the_column_of_units_is_refused_by_its_row() -> None:
    with pytest.raises(FileProblem, match="Row 3: '-110' says °F"):
        read(f"Time;Temp;Unit\n{ROW};-80;C\n2026-11-20 09:05:00;-110;F\n")


def test_a_row_that_is_left_out_leaves_nothing_behind() -> None:
    """What was not judged is not remembered: neither its unit nor its logger."""
    rows = "".join(
        f"2026-11-20 09:{minute:02}:00;-80;{unit}\n" for minute, unit in enumerate(["C", "Pa", "Pa", "Pa", "C"])
    )
    file = read(f"Time;Temp;Unit\n{rows}", skip_unreadable=True)
    assert (len(file.readings), file.left_out) == (2, 3)
    with pytest.raises(FileAsks, match="'Pa' is no unit"):
        read(f"Time;Temp;Unit\n{rows}")
    rows = f"{ROW};no probe;B\n2026-11-20 09:05:00;-80;A\n2026-11-20 09:10:00;-80;A\n"
    file = read(f"Time;Temp °C;Serial\n{rows}", skip_unreadable=True)
    assert (len(file.readings), file.serial) == (2, "A")


UNITS_BESIDE = {  # the first temperature, then the second one
    "Unit;Temp A;Unit;Temp B": ("F;-110.2;C;-80", -7900, -8000),
    "Temp A;Unit;Temp B;Unit": ("-110.2;F;-80;C", -7900, -8000),
    "Temp A;Temp B;Temp B unit;Temp A unit": ("-110.2;-80;C;F", -7900, -8000),
    "Temp A;Unit;Max temp B;Unit": ("-110.2;F;-80;C", -7900, -8000),
}


@pytest.mark.parametrize("titles", UNITS_BESIDE)
def test_each_temperature_has_the_unit_that_stands_on_the_same_side_of_all(titles: str) -> None:
    cells, *expected = UNITS_BESIDE[titles]
    named = [title for title in titles.split(";") if title in ("Temp A", "Temp B", "Max temp B")]
    text = f"Time;{titles}\n{ROW};{cells}\n"
    assert [first_of(read(text, wanted=Mapping(value=title))) for title in named] == expected


@pytest.mark.parametrize(
    ("titles", "cells"),
    [
        ("Temp A;Temp B;Unit;Unit", "-110.2;-80;F;C"),
        ("Temp A;Temp B;Unit", "-110.2;-80;F"),
        ("Temp A;Unit;Temp B", "-110.2;F;-80"),
        ("Unit;Temp A;Unit", "C;-110.2;F"),
    ],
)
def test_a_unit_that_could_be_of_another_temperature_is_asked(titles: str, cells: str) -> None:
    text, temp = f"Time;{titles}\n{ROW};{cells}\n", Mapping(value="Temp A")
    units = [unit for unit in ("C", "F") if unit in cells]
    assert asked(text, wanted=temp) == ("unit", units)
    assert asked(text, wanted=temp, learned=Mapping(value="Temp B", unit="F"))[0] == "unit"
    answered = read(text, wanted=Mapping(value="Temp A", unit="F")).mapping
    assert first_of(read(text, learned=answered)) == -7900
    assert asked(text, learned=Mapping(value="Temp A", unit="K"))[0] == "unit"  # it says another one now


def test_a_row_of_units_under_the_titles() -> None:
    file = read(f"Time;Temp\nhh:mm;°F\n{ROW};-110.2\n")
    assert (first_of(file), file.rows) == (-7900, 1)


# --- zones ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Date Time, GMT+02:00", "UTC+02:00"), ("Timestamp (UTC)", "UTC"), ("Time UTC+3", "UTC+03:00"), ("Time (EET)", "UTC+02:00"),
        ("Date/Time (GMT -0500)", "UTC-05:00"), ("Time [CEST]", "UTC+02:00"), ("Date Time (Europe/Kyiv)", "Europe/Kyiv"),
        ("Date/Time", None), ("Time", None), ("Messwert UTCE", None), ("DATE TIME", None), ("Time [HH:MM:SS]", None),
        ("Date/Time (YYYY-MM-DD)", None), ("Time (Local)", None), ("Time CET", "UTC+01:00"), ("Time MSK", "UTC+03:00"),
        ("Time (cet)", "UTC+01:00"), ("Date/Time (+0300)", "UTC+03:00"), ("Time [+02:00]", "UTC+02:00"), ("Time (Z)", "UTC"),
        ("Time, +02:00", "UTC+02:00"), ("Time (UTC: +3)", "UTC+03:00"), ("Etc/UTC", "Etc/UTC"), ("Time Z", "UTC"),
    ],
)  # fmt: skip
def test_the_zone_in_a_title(text: str, zone: str | None) -> None:
    found = zone_in(text)
    assert (found and called(found)) == zone


@pytest.mark.parametrize(
    ("cells", "zone"),
    [
        (["Zeitzone: MEZ"], "UTC+01:00"), (["Time zone", "UTC+3"], "UTC+03:00"), (["Time zone offset", "2"], "UTC+02:00"),
        (["Часовий пояс", "+02:00"], "UTC+02:00"), (["All times are in UTC"], "UTC"), (["Timezone", "Europe/Kyiv"], "Europe/Kyiv"),
        (["UTC offset: +5"], "UTC+05:00"), (["UTC offset +5"], "UTC+05:00"), (["UTC -5"], "UTC-05:00"), (["GMT +2"], "UTC+02:00"),
        (["TZ: Europe/Kyiv"], "Europe/Kyiv"), (["TZ=UTC+2"], "UTC+02:00"), (["Offset from UTC: 3 h"], "UTC+03:00"),
        (["Zone", "+2"], "UTC+02:00"), (["Local time (GMT+2)"], "UTC+02:00"), (["Timezone (UTC+2)"], "UTC+02:00"),
        (["Serial", "12"], None), (["DST", "off"], None), (["Zone: A"], None), (["Start of run", "29.09.2026 19:46:00"], None),
        (["Exported 2026-11-20 09:00:00 UTC"], None),
    ],
)  # fmt: skip
def test_the_zone_above_the_table(cells: list[str], zone: str | None) -> None:
    found = zone_told([], [cells])
    assert (found and called(found)) == zone


@pytest.mark.parametrize(
    ("title", "above", "possible"),
    [
        ("Time (GMT 2)", [], ["UTC+02:00", "UTC-02:00"]),
        ("Time Etc/GMT+2", [], ["UTC-02:00", "UTC+02:00"]),  # by its definition the sign is turned
        ("Time Etc/GMT-3", [], ["UTC+03:00", "UTC-03:00"]),
        ("Time PST", [], []), ("Time (AKST)", [], []), ("Time (Pacific)", [], []), ("GMT Standard Time", [], []),
        ("Час (Київ)", [], []), ("Time", ["TZ", "PST"], []), ("Time", ["TZ"], []), ("Time", ["DST: on"], []),
        ("Time", ["UTC Offset (minutes)", "120"], []), ("Time", ["Time zone", "E. Europe Standard Time"], []),
        ("Time", ["Start time", "2026-11-20T09:00:00Z"], ["UTC"]),
        ("Time (UTC+2)", ["Time zone: UTC"], ["UTC+02:00", "UTC"]),
    ],
)  # fmt: skip
def test_a_zone_that_is_not_certain_is_asked(title: str, above: list[str], possible: list[str]) -> None:
    with pytest.raises(UnknownZone) as caught:
        zone_told([title], [above])
    assert [called(one) for one in caught.value.possible] == possible


def test_the_zone_in_the_title_of_the_date_and_in_the_row_of_units() -> None:
    row = "2026-07-20;09:00:00;-182\n"
    assert times(read(f"Date (UTC);Time;°C\n{row}")) == ["07-20 09:00"]
    assert times(read(f"Date;Time;Temp\n;UTC+1;°C\n{row}")) == ["07-20 08:00"]


def test_an_answer_about_a_zone_holds_for_what_was_named_then() -> None:
    text = "Time (IST);°C\n2026-11-20 09:00;-80\n"
    answered = read(text, wanted=Mapping(clock="UTC")).mapping
    assert times(read(text, learned=answered)) == ["11-20 09:00"]
    assert asked(text.replace("IST", "PST"), learned=answered)[0] == "zone"
    text = "Time (UTC+2);°C\n2026-11-20 09:00;-80\n"
    answered = read(text, wanted=Mapping(clock="UTC", told_zone="given")).mapping
    assert times(read(text, learned=answered)) == ["11-20 09:00"]
    assert asked(text.replace("+2", "+5"), learned=answered)[0] == "told_zone"


@pytest.mark.parametrize("named", ["IST", "UTC+2"])
def test_an_answer_about_a_zone_is_none_for_a_file_that_names_none(named: str) -> None:
    text = f"Time ({named});°C\n2026-11-20 09:00;-80\n"
    answered = read(text, wanted=Mapping(clock="UTC", told_zone="given")).mapping
    bare = text.replace(f" ({named})", "")
    assert asked(bare, learned=answered) == ("zone", ["UTC", "Europe/Kyiv"])
    with_offset = bare.replace("09:00", "09:00+02:00")
    kept = read(with_offset, learned=answered).mapping  # needs no zone, and says nothing of what was learned
    assert (kept.clock, kept.named_zone) == (answered.clock, answered.named_zone)
    assert times(read(text, learned=kept)) == ["11-20 09:00"]
    assert times(read(bare, learned=read(bare, wanted=Mapping(clock="UTC")).mapping)) == ["11-20 09:00"]


def test_a_zone_that_several_places_have_is_asked() -> None:
    with pytest.raises(UnknownZone):
        zone_in("Time (IST)")
    assert asked("Time (IST);°C\n2026-11-20 09:00;-80\n") == ("zone", ["Europe/Kyiv", "UTC"])
    assert times(read("Time (IST);°C\n2026-11-20 09:00;-80\n", wanted=Mapping(clock="UTC"))) == ["11-20 09:00"]


def test_the_zone_of_the_file_is_used_all_year_and_a_contradiction_is_asked() -> None:
    text = "Date Time, GMT+02:00;Temp, °C\n2026-07-20 09:00:00;-182\n"
    assert times(read(text)) == ["07-20 07:00"]
    assert asked(text, wanted=Mapping(clock="Europe/Kyiv")) == ("told_zone", ["file", "given"])
    assert times(read(text, wanted=Mapping(clock="Europe/Kyiv", told_zone="given"))) == ["07-20 06:00"]
    assert times(read(text, wanted=Mapping(clock="Europe/Kyiv", told_zone="file"))) == ["07-20 07:00"]


def test_times_with_their_own_offset_need_no_zone() -> None:
    text = "Time (UTC);°C\n2026-07-20 09:00:00+03:00;-182\n"
    assert times(read(text, wanted=Mapping(clock="Europe/Kyiv"))) == ["07-20 06:00"]


# --- the order of a date ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "first", "field"),
    [
        (["03/04/2026"], "", "day_first month_first"),
        (["03/04/2026", "25/04/2026"], "04-03", ""),  # the file itself tells
        (["04/03/2026", "04/25/2026"], "04-03", ""),
        (["29/09/26"], "09-29", ""),  # 2029 is not yet
        (["09/11/26"], "", "day_first month_first year_first"),
        (["26-11-20"], "", "day_first year_first"),
        (["20.11.26", "21.11.26"], "", "day_first year_first"),
        (["25.11.26"], "", "day_first year_first"),
        (["29.11.26"], "11-29", ""),
    ],
)
def test_the_order_of_a_date_is_told_by_the_file_or_asked(dates: list[str], first: str, field: str) -> None:
    text = "time;°C\n" + "".join(f"{date} 12:00:00;-80\n" for date in dates)
    if first:
        assert times(read(text, UTC))[0] == f"{first} 12:00"
    else:
        assert asked(text, UTC) == ("date_order", field.split())
        learned = field.split()[0]
        assert read(text, UTC, learned=Mapping(date_order=learned)).mapping.date_order == learned


def test_what_was_learned_gives_way_to_the_file() -> None:
    text = "time;°C\n25/04/2026 12:00:00;-80\n"
    assert times(read(text, UTC, learned=Mapping(date_order="month_first"))) == ["04-25 12:00"]


# --- columns ----------------------------------------------------------------------------------

TWO = "Date/Time;CH1 Temp (°C);CH2 Temp (°C)\n2026-11-20 09:00:00;-182.4;-183.0\n2026-11-20 09:05:00;-182.1;-120.5\n"


def test_a_column_that_could_be_another_is_asked_with_its_values() -> None:
    with pytest.raises(FileAsks) as caught:
        read(TWO)
    question = caught.value.question
    assert question.field == "value_column"
    assert [choice.title for choice in question.choices] == [
        "CH1 Temp (°C): -182.4 … -182.1",
        "CH2 Temp (°C): -183.0 … -120.5",
    ]
    assert question.found[1] == ("2026-11-20 09:00:00", "-182.4", "-183.0")


def test_a_column_that_was_learned_and_is_gone_is_asked() -> None:
    learned = Mapping(value="CH2 Temp (°C)")
    assert first_of(read(TWO, learned=learned)) == -18300
    one = "Date/Time;CH1 Temp (°C)\n2026-11-20 09:00:00;-182.4\n"
    assert asked(one, learned=learned) == ("value_column", ["CH1 Temp (°C)"])


ANOTHER = ["Setpoint (°C)", "Set point °C", "SetTemp", "set_temp", "Solltemperatur", "Soll (°C)", "Target temp", "Room temp", "Ambient °C",
           "Raumtemperatur °C", "SV (°C)", "SP °C", "Temp limit", "High alarm °C", "Avg temp", "Dew point °C", "Температура завдання",
           "Уставка, °C", "Кімнатна температура", "Temp min", "T max °C", "Consigne °C"]  # fmt: skip
UNCERTAIN = ["Compressor °C", "Tank 2 temp", "Lufttemperatur", "Battery temp", "CH1 (lid)", "Internal °C", "Temp ref"]
PLAIN = ["Temp (°C)", "Temp (ºC)", "Temperature", "Actual °C", "PV (°C)", "Isttemperatur", "Messwert °C", "Probe 1 °C", "Sensor 3 temp", "CH1",
         "Temp, °C (LGR S/N: 2099, SEN S/N: 2099, LBL: tank)", "Температура зразка, °C", "T1 (°C)", "Value (°C)"]  # fmt: skip


@pytest.mark.parametrize("title", [*ANOTHER, *UNCERTAIN])
def test_what_may_be_another_temperature_is_never_taken_without_a_word(title: str) -> None:
    text = f"Time;{title}\n{ROW};-80\n"
    assert asked(text, wanted=CELSIUS) == ("value_column", [title])
    assert first_of(read(text, wanted=Mapping(unit="C", value=title))) == -8000
    assert first_of(read(text, learned=Mapping(unit="C", value=title))) == -8000


@pytest.mark.parametrize("title", PLAIN)
def test_what_was_measured_is_taken_beside_what_was_to_be(title: str) -> None:
    for other in ANOTHER:
        text = f"Time;{other};{title}\n{ROW};-20;-80\n"
        assert first_of(read(text, wanted=CELSIUS)) == -8000, other
    for other in UNCERTAIN[:3]:
        assert asked(f"Time;{other};{title} °C\n{ROW};-20;-80\n", wanted=CELSIUS)[0] == "value_column"


@pytest.mark.parametrize(
    ("titles", "cells", "field", "choices"),
    [
        ("Device time;Server time", "2026-11-20 09:00;2026-11-20 11:00", "time_column", ["Device time", "Server time"]),
        ("Timestamp;Received date", "2026-11-20 09:00;2026-11-20 11:00", "time_column", ["Timestamp", "Received date"]),
        ("Date/Time;Local time", "2026-11-20 09:00;11:00:00", "time_column", ["Date/Time", "Local time"]),
        ("Date;Time;Upload time", "2026-11-20;09:00:00;11:00:00", "time_column", ["Time", "Upload time"]),
        ("Date;Time;Received date", "2026-11-20;09:00:00;2026-11-21", "date_column", ["Date", "Received date"]),
        ("Дата;Час логера;Час сервера", "20.11.2026;09:00:00;11:00:00", "time_column", ["Час логера", "Час сервера"]),
    ],
)
def test_of_two_times_one_is_asked_for(titles: str, cells: str, field: str, choices: list[str]) -> None:
    text = f"{titles};°C\n{cells};-80\n"
    assert asked(text, UTC) == (field, choices)
    name = {"time_column": "time", "date_column": "date"}[field]
    answered = read(text, UTC, wanted=Mapping(**{name: choices[0]}))
    assert times(answered) == ["11-20 09:00"]
    assert times(read(text, UTC, learned=answered.mapping)) == ["11-20 09:00"]


def test_a_time_beside_which_nothing_competes_is_found() -> None:
    for titles, cells in [
        ("Date;Time;Run time", "2026-11-20;09:00;00:01:00"),
        ("Date/Time;Time zone", "2026-11-20 09:00;"),
        ("Date/Time;Time of day", "2026-11-20 09:00;morning"),
    ]:
        assert times(read(f"{titles};°C\n{cells};-80\n", UTC)) == ["11-20 09:00"]


def test_the_serial_number_in_a_title_and_in_the_first_row_only() -> None:
    text = '"Date Time, GMT+02:00","Temp, °C (LGR S/N: 2099, SEN S/N: 2099)","Coupler (LGR S/N: 2099)"\n2026-11-20 09:00:00,-182.4,\n'
    assert read(text).serial == "2099"
    text = "No,Time,Celsius(°C),Serial Number\n1,2026-11-20 09:00:00,-78.5,0100\n2,2026-11-20 09:05:00,-78.0\n3,2026-11-20 09:10:00,-78.0,\n"
    assert (read(text).serial, len(read(text).readings)) == ("0100", 3)


# --- rows that are no readings ----------------------------------------------------------------


def test_lines_under_the_table_are_asked_and_reported() -> None:
    text = "time;°C\n2026-11-20 09:00:00;-80\n\nMinimum;-82.6\nEnd of run;;\n"
    with pytest.raises(FileAsks) as caught:
        read(text)
    assert caught.value.question.field == "skip_unreadable"
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["Row 4", "Row 5"]
    file = read(text, skip_unreadable=True)
    assert (file.left_out, file.left_out_rows) == (2, ["Row 4: Minimum;-82.6", "Row 5: End of run;;"])


def test_a_time_that_is_wrong_is_never_left_out() -> None:
    with pytest.raises(FileProblem, match="there is no such day"):
        read("time;°C\n2026-02-30 09:00:00;-80\n2026-03-01 09:00:00;-80\n", skip_unreadable=True)


# --- times that count from a start ------------------------------------------------------------


def run(above: str, title: str, cells: list[str], wanted: Mapping = CELSIUS, **more: object) -> list[str]:
    lines = [f"{above}\n", f"{title};Sample;Chamber\n", *(f"{cell};1;1\n" for cell in cells)]
    found = read_run_file(lambda: lines, Said(KYIV, wanted, until=UNTIL, **more)).product
    return [f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%m-%d %H:%M:%S}" for at, _ in found]


BEGAN = datetime.datetime(2026, 9, 29, 16, 46, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("above", "title", "cells", "given", "expected"),
    [
        (
            "Start of run;29.09.2026 19:46:00",
            "Elapsed time (min)",
            ["0.0", "0.5"],
            None,
            ["09-29 16:46:00", "09-29 16:46:30"],
        ),
        ("Start: 29.09.2026 19:46:00", "Time", ["0:00:00", "1:00:30"], None, ["09-29 16:46:00", "09-29 17:46:30"]),
        ("Run 7", "Runtime (s)", ["0", "90"], BEGAN, ["09-29 16:46:00", "09-29 16:47:30"]),
        ("Date;29.09.2026", "Time", ["23:59:30", "00:00:30"], None, ["09-29 20:59:30", "09-29 21:00:30"]),
        ("Date;2026-09-29", "Time", ["07:46:00 PM"], None, ["09-29 16:46:00"]),
    ],
)
def test_times_that_count_from_a_start(
    above: str, title: str, cells: list[str], given: object, expected: list[str]
) -> None:
    assert run(above, title, cells, start=given) == expected


@pytest.mark.parametrize(
    ("above", "title", "cells", "field", "choices"),
    [
        ("Run 7", "Elapsed time (min)", ["0.0"], "started_at", []),
        ("Run 7", "Time", ["0:00:00"], "times", ["clock", "elapsed"]),
        ("Run 7", "Time", ["0.5"], "times", ["seconds", "minutes", "hours"]),
        ("Date;03/04/2026", "Time", ["19:46:00"], "date_order", ["day_first", "month_first"]),
    ],
)
def test_what_such_a_file_does_not_tell_is_asked(
    above: str, title: str, cells: list[str], field: str, choices: list[str]
) -> None:
    with pytest.raises(FileAsks) as caught:
        run(above, title, cells)
    question = caught.value.question
    assert (question.field, [choice.value for choice in question.choices]) == (field, choices)


def test_the_chamber_is_in_the_unit_of_its_own_title() -> None:
    lines = ["Time;Sample (°F);Chamber (°C)\n", "2026-09-29 19:46:00;39.2;4\n"]
    found = read_run_file(lambda: lines, Said(KYIV))
    assert (found.product[0][1], found.chamber[0][1]) == (400, 400)


# --- the hour that comes twice, and the one that never was ------------------------------------

H = 3600


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(
    ("before", "first", "after", "expected"),
    [
        ([-H], [0, 0], [2 * H], [0, H]),  # hourly: the second is the later pass, whatever its value
        ([-1800], [0, 1800, 0, 1800], [2 * H], [0, 1800, H, H + 1800]),
        ([2 * H], [1800, 0, 1800, 0], [-1800], [H + 1800, H, 1800, 0]),  # the newest first
        ([-600, -300], [0], [2 * H], None),
        ([-600, -300], [0, 300, 600], [], [0, 300, 600]),  # the file ends within the first pass
        ([-600, -300], list(range(0, H, 300)), [2 * H], None),  # once in five minutes: this logger keeps one zone
        ([-600, -300], [0, 300, 300, 600], [], [0, 300, 300, 600]),  # a row that was written twice
        ([], [1800, 2100], [], None),
        ([4 * H], [1800], [], None),
        ([-H], [0], [2 * H], None),
        ([-2 * H], [0], [2 * H], [0]),  # every two hours
    ],
)
def test_the_order_of_the_rows_tells_the_pass_or_does_not(
    before: list[int], first: list[int], after: list[int], expected: list[int] | None
) -> None:
    assert passes(before, first, after) == expected


def test_a_logger_that_shows_the_hour_once_is_asked_for_its_zone() -> None:
    walls = [f"2026-10-25 {minute // 60:02d}:{minute % 60:02d}" for minute in range(170, 250, 5)]
    text = "time;°C\n" + "".join(f"{wall};-80\n" for wall in walls)
    assert asked(text) == ("zone", ["UTC+03:00", "UTC+02:00", "UTC"])
    file = read(text, wanted=Mapping(clock="UTC+02:00"))
    assert (times(file)[0], file.zone) == ("10-25 00:50", "UTC+02:00")


def test_a_time_that_never_was_is_asked_for_the_zone_of_the_logger() -> None:
    assert asked("time;°C\n2026-03-29 02:55;-80\n2026-03-29 03:00;-80\n")[0] == "zone"


@pytest.mark.parametrize(
    ("wall", "offsets"),
    [("2026-10-25T03:30", ["+03:00", "+02:00"]), ("2026-03-29T03:30", []), ("2026-07-01T12:00", ["+03:00"])],
)
def test_the_instants_of_a_wall_clock(wall: str, offsets: list[str]) -> None:
    found = instants(datetime.datetime.fromisoformat(wall), KYIV)
    assert [one.isoformat()[-6:] for one in found] == offsets


def test_what_a_skipped_time_may_stand_for() -> None:
    both = beside_the_skipped(datetime.datetime(2026, 3, 29, 3, 30), KYIV)
    assert [one.isoformat() for one in both] == ["2026-03-29T02:30:00+02:00", "2026-03-29T04:30:00+03:00"]
