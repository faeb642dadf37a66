"""A temperature logger's file, read strictly and in one pass: every row is a reading, or the whole file is refused.

Decided here, because loggers leave it open: rows in any order are sorted and counted; the same time with the same value
twice is counted once; the same time with two values is a fault; °F and K become °C, rounded to 0.01; a row that is no
reading is asked about, and left out only when a person says so (it then counts as silence). A million rows take 8 MB: a
reading is one number, the second since 1970 and the hundredths of a degree.
"""

import csv
import itertools
from collections import deque
from collections.abc import Callable, Iterable

from cellbank.domain.logger_rows import LoggerFile, RowReader, Said
from cellbank.domain.sheets.clock import ORDERS, OrderUnknown, day_in, looks_like_a_time, possible_orders
from cellbank.domain.sheets.faults import FileAsks, FileProblem, asks
from cellbank.domain.sheets.mapping import Mapping
from cellbank.domain.sheets.readings import pack, unpacked
from cellbank.domain.sheets.rows import legible
from cellbank.domain.sheets.titles import HEAD_ROWS, Columns, find_columns

__all__ = [
    "MOST_ROWS", "FileAsks", "FileProblem", "Lines", "LoggerFile", "Mapping", "Said", "pack", "read_logger_file",
    "unpacked",
]  # fmt: skip

MOST_ROWS = 5_000_000  # 95 years of 10-minute readings

Lines = Callable[[], Iterable[str]]
"""Gives the lines of the file from its beginning."""


def read_logger_file(
    lines: Lines, said: Said, *, most_rows: int = MOST_ROWS, tell: Callable[[int], None] = lambda rows: None
) -> LoggerFile:
    """Read the lines of a file. `tell` hears the number of rows now and then.

    Raises FileProblem with up to twenty faults; FileAsks for what neither the file nor anybody told.
    """
    try:
        columns = _columns(lines, said)
        try:
            return _read(lines, columns, said, said.wanted.date_order, most_rows, tell)
        except OrderUnknown:
            return _read(lines, columns, said, _order(lines, columns, said), most_rows, tell)
    except csv.Error as error:
        raise FileProblem(f"The file is no CSV: {error}.") from None


def _columns(lines: Lines, said: Said) -> Columns:
    stream = iter(lines())
    head = list(itertools.islice(stream, HEAD_ROWS))
    try:
        return find_columns(head, said.wanted, said.learned)
    except FileAsks:
        last = deque(filter(str.strip, stream), maxlen=1)
        find_columns([*head[: HEAD_ROWS - len(last)], *last], said.wanted, said.learned)  # asks, with the last value
        raise


def _read(
    lines: Lines, columns: Columns, said: Said, order: str, most_rows: int, tell: Callable[[int], None]
) -> LoggerFile:
    stream = itertools.islice(iter(lines()), columns.rows_before, None)
    reader = RowReader(columns, said, order, most_rows, tell)
    reader.read(stream)
    return reader.finished()


def _order(lines: Lines, columns: Columns, said: Said) -> str:
    """The order of day, month and year that the dates of the file allow, or that was learned. Asks where neither
    tells."""
    place = columns.time if columns.date is None else columns.date
    rows = csv.reader(itertools.islice(iter(lines()), columns.rows_before, None), delimiter=columns.delimiter)
    with legible():
        dates = {cells[place].strip().split(" ")[0].rstrip(",") for cells in rows if len(cells) > place}
    possible = possible_orders(dates, said.until)
    if not possible:
        raise FileProblem("The dates of the file are in no order of day, month and year that fits all of them.")
    if len(possible) == 1:
        return next(iter(possible))
    if said.learned.date_order in possible:
        return said.learned.date_order
    example = min(text for text in dates if looks_like_a_time(text))
    meant = [(order, f"{ORDERS[order]}: {day_in(example, order)}") for order in ORDERS if order in possible]
    raise asks("date_order", f"{example!r} could be day/month or month/day: say which (order of the date).", meant)
