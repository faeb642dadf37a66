"""The file of a controlled-rate freezer: the product's probe and, where the file has it, the chamber.

Each of the two is read as a logger's file is (logger_file.py), with the same titles of time and date; the two columns
are found by their words, or named by a person. A set point, a rate or another probe in the file is left alone.
"""

import contextlib
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from cellbank.domain.logger_file import Lines, LoggerFile, Said, unpacked
from cellbank.domain.logger_file import read_logger_file as read
from cellbank.domain.sheets.faults import FileAsks, FileProblem, asks
from cellbank.domain.sheets.mapping import NOTHING, Mapping
from cellbank.domain.sheets.titles import HEAD_ROWS, rows_of_titles, titles_with
from cellbank.domain.sheets.units import EVERY_UNIT, PARTS, SCALED, unit_of_title

MOST_ROWS = 20_000  # five and a half hours, one row a second: no run is longer
PRODUCT_FIELD = "product_column"
_PRODUCT = ("product", "sample", "specimen", "vial", "продукт", "зразок", "пробір")
_CHAMBER = ("chamber", "kammer", "камер")
_OTHER = ("number", "no.", "name", "id", "unit", "limit", "alarm", "set", "rate", "count", "номер", "завдан")


@dataclass(frozen=True)
class RunFile:
    """What a freezer's file holds: (second, hundredths of a degree) of product and chamber, in the order of time."""

    mapping: Mapping
    zone: str
    serial: str
    rows: int
    left_out: int
    left_out_rows: tuple[str, ...]
    product: list[tuple[int, int]]
    chamber: list[tuple[int, int]]


def read_run_file(lines: Lines, said: Said) -> RunFile:
    """Read a freezer's file. Raises FileProblem with up to twenty faults; FileAsks for what it does not tell."""
    mapping = _with_channels(list(islice(lines(), HEAD_ROWS)), said.wanted, said.learned)

    def channel(title: str, unit: str) -> LoggerFile:
        return read(lines, replace(said, wanted=replace(mapping, value=title, unit=unit)), most_rows=MOST_ROWS)

    try:
        product = channel(mapping.value, mapping.unit)
        chamber = _chamber(lines, said, mapping, product) if mapping.chamber else []
    except FileAsks as asked:
        raise _by_the_product(asked) from None
    found = replace(product.mapping, chamber=mapping.chamber)
    return RunFile(
        found,
        product.zone,
        product.serial,
        product.rows,
        product.left_out,
        tuple(product.left_out_rows),
        list(unpacked(product.readings)),
        chamber,
    )


def _chamber(lines: Lines, said: Said, mapping: Mapping, product: LoggerFile) -> list[tuple[int, int]]:
    """The chamber's readings: in the unit that its own title tells, else in the product's. Refuses titles of which only
    one speaks of a factor: an answer for one is none for the other."""
    if (unit_of_title(mapping.chamber) == SCALED) != (product.mapping.unit in PARTS):
        told = f"{product.mapping.value!r} is in {EVERY_UNIT[product.mapping.unit]}, and {mapping.chamber!r} is not"
        raise FileProblem(f"{told}. Export both in one unit.")
    learned = replace(said.learned, value=mapping.chamber, unit=product.mapping.unit)
    wanted = replace(mapping, value=mapping.chamber, unit="", date_order=product.mapping.date_order)
    return list(unpacked(read(lines, replace(said, wanted=wanted, learned=learned), most_rows=MOST_ROWS).readings))


def _by_the_product(asked: FileAsks) -> FileAsks:
    """A question about the file, by the name that the field has for a freezer."""
    if asked.question.field != "value_column":
        return asked
    return FileAsks(replace(asked.question, field=PRODUCT_FIELD), *asked.problems)


def _with_channels(head: Sequence[str], wanted: Mapping, learned: Mapping = NOTHING) -> Mapping:
    """The titles of product and chamber, as far as somebody named them, the last file had them, or their words tell.
    Where they do not, the one temperature of the file is the product's. Asks where several could be it."""
    with contextlib.suppress(csv.Error):  # which the reading tells
        for titles, below in rows_of_titles(head, wanted):
            products, chambers = titles_with(titles, _PRODUCT, _OTHER), titles_with(titles, _CHAMBER, _OTHER)
            if learned.value in titles:
                products = [learned.value]
            gone = learned.value if products and learned.value not in products else ""
            if (len(products) > 1 or gone) and not wanted.value:
                raise _which_product(products, gone, [titles, *below[:3]])
            if learned.chamber in titles:
                chambers = [learned.chamber]
            if len(chambers) > 1 and not wanted.chamber:
                raise _which_chamber(chambers, [titles, *below[:3]])
            if products or chambers:
                return wanted.filled_from(Mapping(value="".join(products), chamber="".join(chambers)))
    return wanted


def _which_product(products: Sequence[str], gone: str, found: Sequence[Sequence[str]]) -> FileAsks:
    several = ", ".join(map(repr, products))
    sentence = f"Several columns could be the product's probe: {several}. Name the one to judge by."
    if gone:
        sentence = f"The column {gone!r}, by which this freezer was judged, is not here. Name the product's probe."
    return asks(PRODUCT_FIELD, sentence, [(title, title) for title in products], found)


def _which_chamber(chambers: Sequence[str], found: Sequence[Sequence[str]]) -> Exception:
    sentence = f"Several columns could be the chamber: {', '.join(map(repr, chambers))}. Name the one to show."
    return asks("chamber_column", sentence, [(title, title) for title in chambers], found)
