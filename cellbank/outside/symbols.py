"""Data Matrix and Code 128 as PDF paths: one literal path a symbol, in units of one module.

A symbol drawn as one path is filled in one go, so that no hairline shows between its modules at any
resolution, and a thousand labels cost a second and not a minute. Reportlab's own ECC 200 widget is not used:
it mis-encodes `: ; < = > ? @`, which every ISBT 128 data identifier is made of, without an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import segno
from barcode.codex import Code128
from ppf.datamatrix import DataMatrix

# Codes are digits, capitals and signs: the other encodations cost time and hardly ever save a module.
_CODECS = ["ascii", "C40"]
_DARK_RUN = re.compile("1+")


class SymbolProblem(ValueError):
    """A text that cannot be a symbol; the message says why."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A barcode of `columns` × `rows` modules; `path` has its origin at the lower left corner, y upwards.

    A linear code has one row: whoever draws it stretches that row to the height of the bars.
    """

    text: str
    columns: int
    rows: int
    path: str


@lru_cache(maxsize=256)
def data_matrix(text: str) -> Symbol:
    """The smallest square ECC 200 symbol for the text; SymbolProblem unless it is printable ASCII."""
    _require_printable(text)
    try:
        modules = ["".join(map(str, row)) for row in DataMatrix(text, codecs=_CODECS).matrix]
    except ValueError as error:
        raise SymbolProblem(f"{text[:40]!r}… is too long for a Data Matrix symbol.") from error
    return Symbol(text, len(modules[0]), len(modules), _path(modules))


@lru_cache(maxsize=256)
def code_128(text: str) -> Symbol:
    """Code 128 with start, check and stop characters, without its quiet zones; SymbolProblem as above."""
    _require_printable(text)
    (bars,) = Code128(text).build()
    return Symbol(text, len(bars), 1, _path([bars]))


def qr_code(text: str) -> Symbol:
    """A QR code, which telephones read; not kept, for what it says is a secret."""
    modules = ["".join(str(int(bool(module))) for module in row) for row in segno.make_qr(text, error="m").matrix]
    return Symbol(text, len(modules[0]), len(modules), _path(modules))


def _require_printable(text: str) -> None:
    """Scanned codes are capitals, digits and ASCII signs; a Cyrillic look-alike must never be printed."""
    if not text:
        raise SymbolProblem("An empty text cannot be a symbol.")
    wrong = sorted({char for char in text if not " " <= char <= "~"})
    if wrong:
        named = ", ".join(f"{char!r} (U+{ord(char):04X})" for char in wrong)
        raise SymbolProblem(f"{text!r} cannot be a symbol: {named} is not printable ASCII.")


def _path(modules: list[str]) -> str:
    """All dark modules ("1") as PDF `re` operators; the caller fills the path once."""
    rows = len(modules)
    return " ".join(f"{x} {rows - y - height} {width} {height} re" for x, y, width, height in _rectangles(modules))


def _rectangles(modules: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Dark runs, each joined with an equal run straight below it: (x, y from the top, width, height)."""
    open_runs: dict[tuple[int, int], int] = {}
    for y, row in enumerate([*modules, ""]):
        runs = {run.span() for run in _DARK_RUN.finditer(row)}
        for start, end in sorted(open_runs.keys() - runs):
            top = open_runs.pop((start, end))
            yield start, top, end - start, y - top
        for run in runs:
            open_runs.setdefault(run, y)
