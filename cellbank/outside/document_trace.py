"""A temperature trace as a page of PDF: the marks of the drawing, with their tones as colours and patterns."""

import io
from collections.abc import Iterable, Sequence
from typing import Protocol

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from cellbank.outside.label_fonts import font

INK = HexColor("#1b2530")
LINES = {
    "grid": (HexColor("#e1e5e9"), 0.5), "axis": (INK, 0.6), "trace": (HexColor("#123f73"), 0.8),
    "warning": (HexColor("#8a5a00"), 0.8), "critical": (HexColor("#b3261e"), 0.8), "reject": (HexColor("#6b0d0d"), 1.2),
}  # fmt: skip
BANDS = {"silent": HexColor("#d6d9da"), "warning": HexColor("#f6e3ae"), "critical": HexColor("#f3c3bf"),
         "reject": HexColor("#e3938d")}  # fmt: skip
MARGIN = 36.0


class Mark(Protocol):
    """What is drawn: a band, a line or a word (`services/temperature/temperature_chart.py`)."""

    shape: str
    tone: str
    points: tuple[tuple[float, float], ...]
    text: str
    anchor: str


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
    dashed = mark.tone in ("warning", "critical", "reject")
    canvas.setDash([4, 3] if dashed else [])
    path = canvas.beginPath()
    path.moveTo(mark.points[0][0], -mark.points[0][1])
    for x, y in mark.points[1:]:
        path.lineTo(x, -y)
    canvas.drawPath(path)


def _word(canvas: Canvas, mark: Mark, colour: Color) -> None:
    ((x, y),) = mark.points
    canvas.setFillColor(colour)
    canvas.setFont(font("text", False).fontName, 10)
    draw = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
    draw[mark.anchor](x, -y, mark.text)
