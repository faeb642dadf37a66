"""Data Matrix, Code 128 and QR codes, to be drawn in units of one module: as one path, or in a PDF as one mask.

A symbol drawn in one go shows no hairline between its modules at any resolution. Reportlab's own ECC 200 widget is not
used: it mis-encodes `: ; < = > ? @`, which every ISBT 128 data identifier is made of, without an error.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import segno
from barcode.codex import Code128

from cellbank.outside.ecc200 import modules

# Codes are digits, capitals and signs: the other encodations cost time and hardly ever save a module.
_CODECS = ["ascii", "C40"]
_DARK_RUN = re.compile("1+")


class SymbolProblem(ValueError):
    """A text that cannot be a symbol; the message says why."""


@dataclass(frozen=True)
class Symbol:
    """A barcode: its rows of modules from the top, "1" dark.

    A linear code has one row: whoever draws it stretches that row to the height of the bars.
    """

    text: str
    modules: tuple[str, ...]

    @property
    def columns(self) -> int:
        """Modules in a row."""
        return len(self.modules[0])

    @property
    def rows(self) -> int:
        """How many rows of modules there are."""
        return len(self.modules)

    @cached_property
    def dark(self) -> tuple[tuple[int, int, int, int], ...]:
        """Its dark rectangles: (x, y from the top, width, height)."""
        return tuple(_rectangles(self.modules))

    @cached_property
    def path(self) -> str:
        """All dark modules as PDF `re` operators, with the origin at the lower left corner, y upwards: the caller fills
        the path once."""
        return " ".join(f"{x} {self.rows - y - height} {width} {height} re" for x, y, width, height in self.dark)

    @cached_property
    def mask(self) -> str:
        """PDF operators that paint the dark modules in the present colour, in the same place: an inline image mask, one
        sample a module. Of a Data Matrix, whose rows have no long runs, that is shorter than the path."""
        width = -(-self.columns // 8) * 8  # a row ends with a byte
        samples = "".join(f"{_light(row, width):0{width // 4}X}" for row in self.modules)
        size = f"/W {self.columns} /H {self.rows}"
        return f"q {self.columns} 0 0 {self.rows} 0 0 cm BI {size} /BPC 1 /IM true /F /AHx ID {samples}> EI Q"


@lru_cache(maxsize=256)
def data_matrix(text: str) -> Symbol:
    """The smallest square ECC 200 symbol for the text; SymbolProblem unless it is printable ASCII."""
    _require_printable(text)
    try:
        return Symbol(text, modules(text, _CODECS))
    except ValueError as error:
        raise SymbolProblem(f"{text[:40]!r}… is too long for a Data Matrix symbol.") from error


@lru_cache(maxsize=256)
def code_128(text: str) -> Symbol:
    """Code 128 with start, check and stop characters, without its quiet zones; SymbolProblem as above."""
    _require_printable(text)
    return Symbol(text, tuple(Code128(text).build()))


def qr_code(text: str) -> Symbol:
    """A QR code, which telephones read; not kept, for what it says is a secret."""
    dark = segno.make_qr(text, error="m").matrix
    return Symbol(text, tuple("".join(str(int(bool(module))) for module in row) for row in dark))


def _require_printable(text: str) -> None:
    """Scanned codes are capitals, digits and ASCII signs; a Cyrillic look-alike must never be printed."""
    if not text:
        raise SymbolProblem("An empty text cannot be a symbol.")
    wrong = sorted({char for char in text if not " " <= char <= "~"})
    if wrong:
        named = ", ".join(f"{char!r} (U+{ord(char):04X})" for char in wrong)
        raise SymbolProblem(f"{text!r} cannot be a symbol: {named} is not printable ASCII.")


def _light(row: str, width: int) -> int:
    """The bits of a row of a mask: a 0 paints, and what fills the last byte does not."""
    return ~int(row.ljust(width, "0"), 2) & (1 << width) - 1


def _rectangles(modules: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Dark runs, each joined with an equal run straight below it: (x, y from the top, width, height)."""
    open_runs: dict[tuple[int, int], int] = {}
    for y, row in enumerate([*modules, ""]):
        runs = {run.span() for run in _DARK_RUN.finditer(row)}
        for start, end in sorted(open_runs.keys() - runs):
            top = open_runs.pop((start, end))
            yield start, top, end - start, y - top
        for run in runs:
            open_runs.setdefault(run, y)
