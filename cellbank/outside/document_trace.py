"""A temperature trace as a page of PDF: the marks of the drawing, with their tones as colours and patterns."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from cellbank.outside.label_fonts import font

INK = HexColor("#1b2530")
LINES = {
    "grid": (HexColor("#e1e5e9"), 0.5), "axis": (INK, 0.6), "trace": (HexColor("#123f73"), 0.8),
    "warning": (HexColor("#8a5a00"), 0.8), "critical": (HexColor("#b3261e"), 0.8), "reject": (HexColor("#6b0d0d"), 1.2),
    "chamber": (HexColor("#5b6875"), 0.6), "program": (HexColor("#2d7d46"), 0.6),
}  # fmt: skip
DASHED = ("warning", "critical", "reject", "chamber")
AREAS = {"program": HexColor("#e2f2e6")}
BANDS = {"silent": HexColor("#d6d9da"), "warning": HexColor("#f6e3ae"), "critical": HexColor("#f3c3bf"),
         "reject": HexColor("#e3938d"), "warm": HexColor("#f3c3bf"), "cold": HexColor("#cfe0f3"),
         "nucleation": HexColor("#f6e3ae")}  # fmt: skip
MARGIN = 36.0


@dataclass(frozen=True)
class Mark:
    """One thing to draw: a band (x, y, width, height), an area or a line through points, or a word at a point. `tone`
    says what it stands for: axis, grid, a trace, or the name of a limit or kind."""

    shape: str  # band area line word
    tone: str
    points: tuple[tuple[float, float], ...]
    text: str = ""
    anchor: str = "start"


@dataclass(frozen=True)
class Trace:
    """A drawing of temperatures as a block of a document, as wide as the page."""

    width: float
    height: float
    marks: tuple[Mark, ...]


def trace_pdf(title: str, lines: Sequence[str], marks: Iterable[Mark], width: float, height: float) -> bytes:
    """One page: the title, some lines of text, and the drawing as wide as the page."""
    out = io.BytesIO()
    page_width, page_height = landscape(A4)
    canvas = Canvas(out, pagesize=(page_width, page_height), invariant=1)
    canvas.setTitle(title)
    canvas.setFillColor(INK)
    canvas.setFont(font("text", True).fontName, 14)
    canvas.drawString(MARGIN, page_height - MARGIN - 8, title)
    canvas.setFont(font("text", False).fontName, 9)
    for number, line in enumerate(lines):
        canvas.drawString(MARGIN, page_height - MARGIN - 26 - 12 * number, line)
    ratio = (page_width - 2 * MARGIN) / width
    canvas.translate(MARGIN, page_height - MARGIN - 40 - 12 * len(lines))
    canvas.scale(ratio, ratio)
    for mark in marks:
        _draw(canvas, mark)
    canvas.save()
    return out.getvalue()


class TraceFlow(Flowable):
    """Places a trace in a page of a document."""

    def __init__(self, trace: Trace):
        super().__init__()
        self.trace, self.ratio = trace, 1.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.ratio = width / self.trace.width
        return width, self.trace.height * self.ratio

    def draw(self) -> None:
        canvas: Canvas = self.canv
        canvas.saveState()
        canvas.translate(0, self.trace.height * self.ratio)
        canvas.scale(self.ratio, self.ratio)
        for mark in self.trace.marks:
            _draw(canvas, mark)
        canvas.restoreState()


def _draw(canvas: Canvas, mark: Mark) -> None:
    if mark.shape == "band":
        (x, y), (width, height) = mark.points
        canvas.setFillColor(BANDS[mark.tone])
        canvas.rect(x, -y - height, width, height, stroke=0, fill=1)
        return
    colour, thickness = LINES.get(mark.tone, (INK, 0.6))
    if mark.shape == "word":
        _word(canvas, mark, colour if mark.tone != "grid" else INK)
        return
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(thickness)
    canvas.setDash([4, 3] if mark.tone in DASHED else [])
    path = canvas.beginPath()
    path.moveTo(mark.points[0][0], -mark.points[0][1])
    for x, y in mark.points[1:]:
        path.lineTo(x, -y)
    if mark.shape == "area":
        path.close()
        canvas.setFillColor(AREAS[mark.tone])
    canvas.drawPath(path, fill=int(mark.shape == "area"))


def _word(canvas: Canvas, mark: Mark, colour: Color) -> None:
    ((x, y),) = mark.points
    canvas.setFillColor(colour)
    canvas.setFont(font("text", False).fontName, 10)
    draw = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
    draw[mark.anchor](x, -y, mark.text)
