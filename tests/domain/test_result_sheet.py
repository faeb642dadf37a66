"""A results sheet as spreadsheets and instruments write it, and everything that can be wrong with its form."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from cellbank.domain.result_sheet import MOST_ROWS, moment_of, number_and_unit, read_sheet

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    "text",
    [
        "lot,test,result\nLT0017W,CD73,98.5\n",
        "lot;test;result\r\nLT0017W;CD73;98.5\r\n",
        "lot\ttest\tresult\nLT0017W\tCD73\t98.5",
        "\ufefflot,test,result\nLT0017W,CD73,98.5\n",
        'Lot, Test ,RESULT\n"LT0017W","CD73"," 98.5 "\n',
        "result,test,lot\n98.5,CD73,LT0017W\n",
    ],
)
def test_a_sheet_is_read_whatever_its_separator(text: str) -> None:
    sheet = read_sheet(text)
    assert sheet.problems == ()
    assert [(row.number, row.cells) for row in sheet.rows] == [
        (2, {"lot": "LT0017W", "test": "CD73", "result": "98.5"})
    ]


def test_rows_are_counted_as_a_spreadsheet_counts() -> None:
    sheet = read_sheet('test,result\n\nCD73,1\n,\n"CD\n90",2\nCD105,3\n')
    assert [row.number for row in sheet.rows] == [3, 5, 6]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["header"]),
        (" \n \n", ["header"]),
        ("\ufeff", ["header"]),
        ("test,result\n", ["header"]),
        ("test,value,colour\nCD73,1,red\n", ["header", "header"]),
        ("test\nCD73\n", ["header"]),
        ("test,result,test\nCD73,1,CD73\n", ["header"]),
        ("test,result\nCD73,1,2,3\n", ["row 2"]),
        ('test,result\nCD73,"1\nCD90,2\n', ["row 2"]),
        ('test,result\nCD73,"1"2\n', ["row 2"]),
        ("test,result\nCD73,=1+1\nCD90,@SUM(A1)\nCD105,+cmd\nCD105,-cmd\nCD105,-1\n",
         ["row 2.result", "row 3.result", "row 4.result", "row 5.result"]),
        ("test,result\nSTERILITY,nо growth\n", ["row 2.result"]),  # a Cyrillic о
        ("test,result\n" + "CD73,1\n" * (MOST_ROWS + 1), ["header"]),
        ("test,result\nCD73," + "1" * 200_000 + "\n", ["row 2"]),
    ],
)  # fmt: skip
def test_a_fault_of_the_form_is_named_by_its_place(text: str, places: list[str]) -> None:
    assert [problem.place for problem in read_sheet(text).problems] == places


def test_the_largest_sheet_is_read() -> None:
    assert len(read_sheet("test,result\n" + "CD73,1\n" * MOST_ROWS).rows) == MOST_ROWS


@pytest.mark.parametrize(
    ("cell", "utc"),
    [
        ("2026-11-22 14:05", "2026-11-22T12:05"),  # winter in Kyiv
        ("2026-07-22T14:05:30", "2026-07-22T11:05:30"),
        ("2026-11-22T14:05+01:00", "2026-11-22T13:05"),
        ("2026-11-22T14:05Z", "2026-11-22T14:05"),
        ("28.11.2026 9:05", "2026-11-28T07:05"),  # as a spreadsheet writes it here
    ],
)
def test_a_time_without_a_zone_is_that_of_the_wall(cell: str, utc: str) -> None:
    assert moment_of(cell, KYIV) == datetime.datetime.fromisoformat(utc + "+00:00")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("2026-11-22", "is no date and time like"),
        ("20261122T1405", "is no date and time like"),
        ("2026-02-30 10:00", "is no date and time"),
        ("2026-11-22 25:00", "is no date and time"),
        ("2026-03-29 03:30", "never shown"),  # skipped in spring
        ("2026-10-25 03:30", r"shown twice .* give it with its zone, 03:30\+0300 or 03:30\+0200"),
        ("11/12/2026 09:05", "could be day, month, year or month, day, year"),
    ],
)
def test_a_time_that_nobody_can_mean_is_refused(cell: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        moment_of(cell, KYIV)


@pytest.mark.parametrize(
    ("cell", "number", "unit"),
    [("85,5 %", "85,5", "%"), ("85.5%", "85.5", "%"), ("2.45E6 cells", "2.45E6", "cells"), ("85,5", "85,5", None),
     ("85 500", "85 500", None), ("<0,05", "<0,05", None), ("no growth", "no growth", None)],
)  # fmt: skip
def test_a_unit_may_stand_behind_its_number(cell: str, number: str, unit: str | None) -> None:
    assert number_and_unit(cell) == (number, unit)
