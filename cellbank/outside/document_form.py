"""What a form on paper has besides words: boxes for a pen, and symbols that lead back to the screen."""

from dataclasses import dataclass

from reportlab.lib.colors import HexColor, black
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from cellbank.outside.label_fonts import font, unprintable
from cellbank.outside.symbols import data_matrix

MODULE = 0.6 * mm  # almost five dots of a printer with 203 dpi
QUIET = 4 * mm  # white beside a symbol, and between two
INK, MUTED, LINE = HexColor("#1b2530"), HexColor("#5b6875"), HexColor("#5b6875")
CAPTION, LABEL = 8, 7  # points


@dataclass(frozen=True)
class Mark:
    """A Data Matrix with what it is and the code that it stands for, as people read it."""

    caption: str
    code: str
    symbol: str


@dataclass(frozen=True)
class Symbols:
    """Symbols beside each other."""

    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Boxes:
    """Rows of empty boxes for a pen, each with its label in the corner. `widths` are shares of the page's width,
    `height_mm` is that of a row."""

    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    height_mm: float = 11


@dataclass(frozen=True)
class Sheet:
    """Begins a page of its own, with a title that is read from across a bench."""

    text: str


class SymbolsFlow(Flowable):
    """Draws symbols in columns of one width: the symbol, and beside it what it is."""

    def __init__(self, block: Symbols):
        super().__init__()
        self.drawn = [(mark, data_matrix(mark.symbol)) for mark in block.marks]
        self.side = max(symbol.rows for _, symbol in self.drawn) * MODULE

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.column = width / max(3, len(self.drawn))
        return width, self.side + 2 * QUIET

    def draw(self) -> None:
        canvas: Canvas = self.canv
        for place, (mark, symbol) in enumerate(self.drawn):
            left = place * self.column
            side = symbol.columns * MODULE
            canvas.saveState()
            canvas.translate(left + QUIET, QUIET + self.side - side)
            canvas.scale(MODULE, MODULE)
            canvas.setFillColor(black)
            fill_path(canvas, symbol.path)
            canvas.restoreState()
            beside, room = left + side + 2 * QUIET, self.column - side - 2 * QUIET
            _line(canvas, beside, QUIET + self.side - CAPTION, mark.caption, CAPTION, room, bold=True)
            _line(canvas, beside, QUIET + self.side - 2.4 * CAPTION, mark.code, CAPTION, room)


class BoxesFlow(Flowable):
    """Draws the boxes; rows stay together, for a person signs beside their own time."""

    def __init__(self, block: Boxes):
        super().__init__()
        self.block = block

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.room = width
        return width, len(self.block.rows) * self.block.height_mm * mm

    def draw(self) -> None:
        canvas: Canvas = self.canv
        height = self.block.height_mm * mm
        widths = [self.room * share / sum(self.block.widths) for share in self.block.widths]
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.7)
        for number, row in enumerate(self.block.rows):
            bottom, left = (len(self.block.rows) - 1 - number) * height, 0.0
            for label, width in zip(row, widths, strict=True):
                canvas.rect(left, bottom, width, height)
                _line(canvas, left + 3, bottom + height - LABEL - 1.5, label, LABEL, width - 6)
                left += width


def fill_path(canvas: Canvas, path: str) -> None:
    """Fill a path that is written in the words of PDF already."""
    canvas._code.append(f"{path} f")  # type: ignore[attr-defined]  # reportlab has no public way to add to a page


def _line(canvas: Canvas, x: float, y: float, text: str, size: float, room: float, *, bold: bool = False) -> None:
    """A line, made smaller where its box is narrow; a letter that the font lacks is a question mark."""
    used = font("text", bold)
    missing = set(unprintable(text, "text", bold))
    text = "".join("?" if letter in missing else letter for letter in text)
    size *= min(1, room / max(1, used.stringWidth(text, size)))
    canvas.setFont(used.fontName, size)
    canvas.setFillColor(INK if bold else MUTED)
    canvas.drawString(x, y, text)
