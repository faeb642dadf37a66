"""The rows of a file that is written with delimiters, or why they cannot be told apart."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cellbank.domain.sheets.faults import FileProblem

LONGEST_CELL = csv.field_size_limit()  # letters


@contextmanager
def legible(problem: Callable[[str], Exception] = FileProblem) -> Iterator[None]:
    """Rows are read in here: what `csv` cannot take apart becomes a problem of the file, with a sentence."""
    try:
        yield
    except csv.Error as error:
        why = "a quotation mark is opened and not closed, or stands in the middle of a cell"
        if "limit" in str(error):
            why = f"a cell has more than {LONGEST_CELL:,} letters; a quotation mark may be opened and not closed"
        raise problem(f"The file cannot be read in rows: {why}.") from None
