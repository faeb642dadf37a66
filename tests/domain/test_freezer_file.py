"""A freezer's file: which column is the product, which the chamber, and what is no freezer's file."""

from zoneinfo import ZoneInfo

import pytest

from cellbank.domain.freezer_file import MOST_ROWS, RunFile, read_run_file
from cellbank.domain.logger_file import FileAsks, FileProblem, Mapping, Said

KYIV, FIND = ZoneInfo("Europe/Kyiv"), Mapping()
ROWS = ("2026-03-02 10:00:00Z;4.0;1.0", "2026-03-02 10:01:00Z;3.0;0.5")


CELSIUS = Mapping(unit="C")


def read(
    titles: str,
    *rows: str,
    wanted: Mapping = FIND,
    learned: Mapping = CELSIUS,
    above: str = "Freezer run",
    **given: bool,
) -> RunFile:
    lines = [f"{line}\n" for line in (above, titles, *(rows or ROWS))]
    return read_run_file(lambda: lines, Said(KYIV, wanted, learned, **given))


@pytest.mark.parametrize(
    "titles",
    [
        "Date/Time;Product (°C);Chamber (°C)",
        "Time stamp;Sample temp;Chamber temp",
        "Дата і час;Зразок, °C;Камера, °C",
        "Date Time;Vial;Chamber",
    ],
)
def test_product_and_chamber_are_found_by_their_words(titles: str) -> None:
    found = read(titles)
    assert [value for _, value in found.product] == [400, 300]
    assert [value for _, value in found.chamber] == [100, 50]
    assert (found.rows, found.mapping.value, found.mapping.chamber) == (2, *titles.split(";")[1:])


def test_one_temperature_is_the_products() -> None:
    found = read("Date/Time;Temperature (°C)", "2026-03-02 10:00:00Z;4.0")
    assert [value for _, value in found.product] == [400] and found.chamber == []


@pytest.mark.parametrize(
    ("titles", "product", "chamber"),
    [("Date/Time;Product", [400, 300], []), ("Date/Time;Temperature (°C);Chamber", [400, 300], [100, 50])],
)
def test_one_of_the_two_may_be_found_alone(titles: str, product: list[int], chamber: list[int]) -> None:
    found = read(titles, *(row if "Chamber" in titles else row.rpartition(";")[0] for row in ROWS))
    assert [[value for _, value in probe] for probe in (found.product, found.chamber)] == [product, chamber]


FOUR = "Date/Time;Sample 1;Sample 2;Chamber 1;Chamber 2"
FOUR_ROWS = [f"2026-03-02 10:0{minute}:00Z;4.0;5.0;1.0;2.0" for minute in range(5)]
LEARNED = Mapping(value="Sample 2", chamber="Chamber 2", unit="C")


def test_the_columns_of_the_last_file_are_read_again() -> None:
    found = read(FOUR, *FOUR_ROWS, learned=LEARNED)
    assert (found.product[0][1], found.chamber[0][1]) == (500, 200)


@pytest.mark.parametrize(
    ("learned", "field", "titles", "sentence"),
    [
        (CELSIUS, "product_column", ["Sample 1", "Sample 2"], "Several columns could be the product's probe"),
        (Mapping(value="Sample 2", unit="C"), "chamber_column", ["Chamber 1", "Chamber 2"], "could be the chamber"),
        (Mapping(value="Sample 9", unit="C"), "product_column", ["Sample 1", "Sample 2"],
         "The column 'Sample 9', by which this freezer was judged, is not here"),
    ],
)  # fmt: skip
def test_of_several_columns_one_is_asked_for_with_its_first_rows(
    learned: Mapping, field: str, titles: list[str], sentence: str
) -> None:
    with pytest.raises(FileAsks, match=sentence) as asked:
        read(FOUR, *FOUR_ROWS, learned=learned)
    question = asked.value.question
    assert (question.field, [choice.value for choice in question.choices]) == (field, titles)
    assert question.found == tuple(tuple(row.split(";")) for row in (FOUR, *FOUR_ROWS[:3]))


def test_the_one_column_left_is_not_taken_for_the_one_that_has_gone() -> None:
    with pytest.raises(FileAsks, match="'Sample 9'"):
        read("Date/Time;Product;Chamber", learned=Mapping(value="Sample 9", unit="C"))
    found = read("Date/Time;Product;Chamber", learned=Mapping(value="Product", chamber="Chamber", unit="C"))
    assert (found.product[0][1], found.chamber[0][1]) == (400, 100)


def test_a_set_point_is_left_alone_and_named_columns_win() -> None:
    titles = "Date/Time;Sample set point;Sample 1;Sample 2;Chamber"
    row = "2026-03-02 10:00:00Z;0;4.0;5.0;1.0"
    with pytest.raises(FileProblem, match="Several columns could be the product's probe: 'Sample 1', 'Sample 2'"):
        read(titles, row)
    found = read(titles, row, wanted=Mapping(value="Sample 2", chamber="Sample 1"))
    assert ([v for _, v in found.product], [v for _, v in found.chamber]) == ([500], [400])


def test_lines_above_the_titles_may_name_a_sample() -> None:
    assert len(read("Date/Time;Product;Chamber", above="Sample;LT0001").product) == 2


def test_decimal_commas_fahrenheit_and_a_zone() -> None:
    found = read("Date/Time;Product (°F);Chamber (°F)", "02.03.2026 12:00;39,2;33,8", wanted=Mapping(unit="F"))
    assert found.product == [(1772445600, 400)] and found.chamber == [(1772445600, 100)]


@pytest.mark.parametrize(
    ("titles", "rows", "said"),
    [
        ("Date/Time;Product;Chamber", ("2026-03-02 10:00:00Z;cold;1.0",), "Row 3: 'cold' is no temperature"),
        ("Date/Time;Product;Chamber", ("2026-03-02 10:00:00Z;4.0;---",), "'---' is no temperature"),
        ("Date/Time;Product;Chamber", ("yesterday;4.0;1.0",), "is no date and time"),
        ("Date/Time;Product;Chamber", ("2026-03-02 10:00:00Z;4.0",), "cut off there"),
        ("Lot;Cells;Vials", ("LT1;5;6",), "No titles of a time and a temperature column"),
        ("Date/Time;Product;Chamber", tuple(f"2026-03-{d:02d} {h:02d}:{m:02d}:{s:02d}Z;1;1" for d in (2, 3)
         for h in range(24) for m in range(60) for s in range(0, 60, 5)), f"more than {MOST_ROWS:,} rows"),
    ],
)  # fmt: skip
def test_what_is_no_freezers_file_says_why(titles: str, rows: tuple[str, ...], said: str) -> None:
    with pytest.raises(FileProblem) as refused:
        read(titles, *rows)
    assert said in " ".join(refused.value.problems)


def test_rows_without_a_number_are_left_out_when_somebody_says_so() -> None:
    found = read("Date/Time;Product;Chamber", *ROWS, "2026-03-02 10:02:00Z;---;1", skip_unreadable=True)
    assert (len(found.product), len(found.chamber), found.left_out) == (2, 3, 1)


@pytest.mark.parametrize(
    ("titles", "field"),
    [
        ("Time;Product target;Chamber temp", "product_column"),
        ("Time;Sample Soll °C;Chamber °C", "product_column"),
        ("Time;Product;Chamber 1;Chamber 2", "chamber_column"),
        ("Time;Sample m°C;Chamber °C", "unit"),
        ("Time;Зразок завдання °C;Камера °C", "product_column"),
    ],
)
def test_what_is_not_certainly_the_product_or_the_chamber_is_asked(titles: str, field: str) -> None:
    with pytest.raises(FileAsks) as asked:
        read(titles, "2026-03-02 10:00:00Z;4.0;1.0" + ";1" * (titles.count(";") - 2))
    assert asked.value.question.field == field


def test_an_answer_about_a_factor_is_for_both_columns_or_for_none() -> None:
    row, tenths = "2026-03-02 10:00:00Z;40;10", Mapping(unit="C/10")
    found = read("Time;Sample (1/10 °C);Chamber (1/10 °C)", row, wanted=tenths)
    assert (found.product[0][1], found.chamber[0][1]) == (400, 100)
    with pytest.raises(FileProblem, match="Export both in one unit"):
        read("Time;Sample (1/10 °C);Chamber (°C)", row, wanted=tenths)
