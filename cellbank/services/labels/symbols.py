"""Barcodes for pages: the same symbols that the labels carry, as the path of an SVG."""

from dataclasses import dataclass
from functools import lru_cache

from cellbank.domain.identifiers import command_code
from cellbank.outside.symbols import Symbol, code_128, data_matrix, qr_code

BAR_HEIGHT = 24  # modules; a linear code has one row, which the page stretches
QUIET_LINEAR, QUIET_MATRIX, QUIET_QR = 10, 2, 4  # modules of white around the symbol


@dataclass(frozen=True)
class SymbolDrawing:
    """A symbol for an inline SVG: its text, the size of the view box in modules, and one path."""

    text: str
    width: int
    height: int
    path: str


@lru_cache(maxsize=256)
def matrix_drawing(text: str) -> SymbolDrawing:
    """The text as a Data Matrix. Raises outside.symbols.SymbolProblem when it cannot be one."""
    symbol = data_matrix(text)
    return _drawing(symbol, symbol.rows, QUIET_MATRIX, QUIET_MATRIX)


@lru_cache(maxsize=256)
def linear_drawing(text: str) -> SymbolDrawing:
    """The text as Code 128 with its quiet zones. Raises as above."""
    return _drawing(code_128(text), BAR_HEIGHT, QUIET_LINEAR, 0)


def qr_drawing(text: str) -> SymbolDrawing:
    """The text as a QR code for a telephone, with the quiet zone that it needs."""
    symbol = qr_code(text)
    return _drawing(symbol, symbol.rows, QUIET_QR, QUIET_QR)


def command_drawing(act_name: str) -> SymbolDrawing:
    """The command barcode that opens the page of an act."""
    return matrix_drawing(command_code(act_name))


def _drawing(symbol: Symbol, height: int, quiet_x: int, quiet_y: int) -> SymbolDrawing:
    stretch = height // symbol.rows
    path = "".join(
        f"M{x + quiet_x} {quiet_y + y * stretch}h{width}v{rows * stretch}h-{width}z"
        for x, y, width, rows in symbol.dark
    )
    return SymbolDrawing(symbol.text, symbol.columns + 2 * quiet_x, height + 2 * quiet_y, path)
