"""The file of a controlled-rate freezer: the product's probe and, where the file has it, the chamber.

Each of the two is read as a logger's file is (logger_file.py), with the same titles of time and date; the two columns
are found by their words, or named by a person. A set point, a rate or another probe in the file is left alone.
"""

import contextlib
import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from zoneinfo import ZoneInfo

from cellbank.domain.logger_file import LoggerFile, unpacked
from cellbank.domain.logger_file import read_logger_file as read
from cellbank.domain.logger_header import HEAD_ROWS, FileProblem, Mapping, rows_of_titles, titles_with

MOST_ROWS = 20_000  # five and a half hours, one row a second: no run is longer
_PRODUCT = ("product", "sample", "specimen", "vial", "продукт", "зразок", "пробір")
_CHAMBER = ("chamber", "kammer", "камер")
_OTHER = ("number", "no.", "name", "id", "unit", "limit", "alarm", "set", "rate", "count", "номер", "завдан")
Lines = Callable[[], Iterable[str]]
"""Gives the lines of the file from its beginning."""


@dataclass(frozen=True)
class RunFile:
    """What a freezer's file holds: (second, hundredths of a degree) of product and chamber, in the order of time."""

    mapping: Mapping
    serial: str
    rows: int
    left_out: int
    product: list[tuple[int, int]]
    chamber: list[tuple[int, int]]


def read_run_file(lines: Lines, wanted: Mapping, zone: ZoneInfo, *, skip_unreadable: bool = False) -> RunFile:
    """Read a freezer's file. Raises FileProblem with up to twenty faults."""
    mapping = _with_channels(list(islice(lines(), HEAD_ROWS)), wanted)

    def channel(title: str) -> LoggerFile:
        one = replace(mapping, value=title)
        return read(lines(), one, zone, skip_unreadable=skip_unreadable, most_rows=MOST_ROWS)

    product = channel(mapping.value)
    chamber = list(unpacked(channel(mapping.chamber).readings)) if mapping.chamber else []
    found = replace(product.mapping, chamber=mapping.chamber)
    return RunFile(found, product.serial, product.rows, product.left_out, list(unpacked(product.readings)), chamber)


def _with_channels(head: Sequence[str], wanted: Mapping) -> Mapping:
    """The titles of product and chamber, as far as somebody named them or their words tell. Where they do not, the one
    temperature of the file is the product's."""
    with contextlib.suppress(csv.Error):  # which the reading tells
        for titles in rows_of_titles(head, wanted):
            products, chambers = titles_with(titles, _PRODUCT, _OTHER), titles_with(titles, _CHAMBER, _OTHER)
            if len(products) > 1 and not wanted.value:
                several = ", ".join(map(repr, products))
                raise FileProblem(f"Several columns could be the product's probe: {several}. Name the one to judge by.")
            if products or chambers:
                return wanted.filled_from(Mapping(value="".join(products[:1]), chamber="".join(chambers[:1])))
    return wanted
