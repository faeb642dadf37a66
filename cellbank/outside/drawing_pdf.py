"""Drawings as PDF: on pages of their own, and in the flow of a document."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject
from reportlab.platypus import Flowable

from cellbank.outside.drawing import LOOKS, Drawing, Mark, Point
from cellbank.outside.label_fonts import Face, font, unprintable

MARGIN = 36.0
STEP = 7.0  # between two lines of a pattern
MOST_HEIGHT = 640.0  # in a document
INK, MUTED = HexColor("#1b2530"), HexColor("#5b6875")


@dataclass(frozen=True)
class _Pen:
    colour: Color
    width: float
    dash: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Type:
    bold: bool = False
    colour: Color = INK
    face: Face = "text"


#: of each tone: what fills an area, what a band that may be as narrow as a hair, and what edges it
FILLS = {
    "good": ("e2f2e6", "bfe3c8", "14532d"), "wait": ("fcf0d0", "f6e3ae", "6b4300"),
    "busy": ("e2edf9", "cfe0f3", "123f73"), "stop": ("fbe4e2", "f3c3bf", "8b1a1a"),
    "over": ("eaecec", "d6d9da", "3f474b"), "grave": ("e3938d", "e3938d", "6b0d0d"),
    "plain": ("f6f8fa", "f6f8fa", "8a97a4"), "outline": ("ffffff", "ffffff", "1b2530"),
}  # fmt: skip
PENS = {
    "grid": _Pen(HexColor("#e1e5e9"), 0.5), "axis": _Pen(INK, 0.5), "link": _Pen(HexColor("#8a97a4"), 0.7),
    "trace": _Pen(HexColor("#123f73"), 0.8), "chamber": _Pen(MUTED, 0.6, (4, 3)),
    "warning": _Pen(HexColor("#8a5a00"), 0.8, (4, 3)), "critical": _Pen(HexColor("#b3261e"), 0.8, (4, 3)),
    "reject": _Pen(HexColor("#6b0d0d"), 1.2, (4, 3)),
    **{f"curve-{number}": _Pen(HexColor(f"#{code}"), 1.1) for number, code in
       enumerate(("1d5fa8", "b4471c", "2d7d46", "7a3b96", "8a6d00", "0b7a86"))},
}  # fmt: skip
TYPES = {
    "strong": _Type(bold=True), "muted": _Type(colour=MUTED), "code": _Type(face="code"),
    "program": _Type(colour=HexColor("#2d7d46")), "chamber": _Type(colour=MUTED),
    **{name: _Type(colour=PENS[name].colour) for name in ("trace", "warning", "critical", "reject")},
}  # fmt: skip


def drawings_pdf(drawings: Sequence[Drawing], lines: Sequence[str] = (), foot: str = "") -> bytes:
    """Each drawing on a landscape A4 page of its own, under its title and these lines."""
    buffer = io.BytesIO()
    width, height = landscape(A4)
    top = height - MARGIN - 40 - 12 * len(lines)
    canvas = Canvas(buffer, pagesize=(width, height), invariant=1)
    canvas.setTitle(drawings[0].title if drawings else "")
    for drawing in drawings:
        _write(canvas, MARGIN, height - MARGIN - 8, drawing.title, 14, TYPES["strong"])
        for number, line in enumerate(lines):
            _write(canvas, MARGIN, height - MARGIN - 26 - 12 * number, line, 9)
        _write(canvas, MARGIN, 24, foot, 8)
        ratio = min((width - 2 * MARGIN) / drawing.width, (top - MARGIN) / drawing.height)
        _draw(canvas, drawing, MARGIN, top, ratio)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class DrawingFlow(Flowable):
    """Places a drawing in a page of a document, made smaller where the page is."""

    def __init__(self, drawing: Drawing):
        super().__init__()
        self.drawing, self.ratio = drawing, 1.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.ratio = min(1, width / self.drawing.width, MOST_HEIGHT / self.drawing.height)
        return self.drawing.width * self.ratio, self.drawing.height * self.ratio

    def draw(self) -> None:
        _draw(self.canv, self.drawing, 0, self.drawing.height * self.ratio, self.ratio)


def _draw(canvas: Canvas, drawing: Drawing, x: float, top: float, ratio: float) -> None:
    """The drawing with its upper left corner at this place."""
    canvas.saveState()
    canvas.translate(x, top)
    canvas.scale(ratio, ratio)
    for mark in drawing.marks:
        if mark.shape == "word":
            _word(canvas, mark, drawing.size)
        elif mark.shape in OUTLINES:
            _filled(canvas, mark)
        else:
            _stroked(canvas, mark)
    canvas.restoreState()


def _closed(path: PDFPathObject, points: Sequence[Point]) -> None:
    _through(path, points)
    path.close()


def _through(path: PDFPathObject, points: Sequence[Point]) -> None:
    path.moveTo(points[0][0], -points[0][1])
    for x, y in points[1:]:
        path.lineTo(x, -y)


def _band(path: PDFPathObject, points: Sequence[Point]) -> None:
    (x, y), (width, height) = points
    path.rect(x, -y - height, width, height)


def _box(path: PDFPathObject, points: Sequence[Point]) -> None:
    (x, y), (width, height) = points
    path.roundRect(x, -y - height, width, height, 2.5)


OUTLINES: Mapping[str, Callable[[PDFPathObject, Sequence[Point]], None]] = {
    "area": _closed, "band": _band, "box": _box,
}  # fmt: skip


def _filled(canvas: Canvas, mark: Mark) -> None:
    look = LOOKS[mark.tone]
    fill, band, edge = (HexColor(f"#{code}") for code in FILLS[look.colour])
    path = canvas.beginPath()
    OUTLINES[mark.shape](path, mark.points)
    canvas.setFillColor(band if mark.shape == "band" else fill)
    canvas.setStrokeColor(edge)
    canvas.setLineWidth(0.7 if look.colour != "outline" else 1.2)
    canvas.setDash([])
    canvas.drawPath(path, fill=int(look.colour != "outline"), stroke=int(mark.shape != "band"))
    if look.pattern != "plain":
        canvas.saveState()
        canvas.clipPath(path, stroke=0, fill=0)
        _hatch(canvas, mark, look.pattern)
        canvas.restoreState()


def _hatch(canvas: Canvas, mark: Mark, pattern: str) -> None:
    corners = mark.points
    if mark.shape != "area":
        (x, y), (width, height) = mark.points
        corners = ((x, y), (x + width, y + height))
    xs, ys = [x for x, _ in corners], [-y for _, y in corners]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    canvas.setLineWidth(0.3)
    tall, at = high - low, left - (high - low)
    if pattern in ("rising", "falling"):
        start, end = (low, high) if pattern == "rising" else (high, low)
        while at < right:
            canvas.line(at, start, at + tall, end)
            at += STEP
        return
    if pattern == "dots":
        canvas.setDash(1, 4)
    at = low + STEP
    while at < high:
        canvas.line(left, at, right, at)
        at += STEP


def _stroked(canvas: Canvas, mark: Mark) -> None:
    pen = PENS[mark.tone]
    canvas.setStrokeColor(pen.colour)
    canvas.setLineWidth(pen.width)
    canvas.setDash(list(pen.dash))
    if mark.shape == "dot":
        ((x, y),) = mark.points
        canvas.setFillColor(pen.colour)
        canvas.circle(x, -y, 1.8, stroke=0, fill=1)
        return
    path = canvas.beginPath()
    if mark.shape == "curve":
        (x, y), *rest = mark.points
        path.moveTo(x, -y)
        path.curveTo(*(value for x, y in rest for value in (x, -y)))
    else:
        _through(path, mark.points)
    canvas.drawPath(path)


def _word(canvas: Canvas, mark: Mark, size: float) -> None:
    (x, y), *end = mark.points
    used = TYPES.get(mark.tone, _Type())
    if end:
        size *= min(1, (end[0][0] - x) / max(1, font(used.face, used.bold).stringWidth(mark.text, size)))
    _write(canvas, x, -y, mark.text, size, used, mark.anchor)


def _write(
    canvas: Canvas, x: float, y: float, text: str, size: float, used: _Type = _Type(), anchor: str = "start"
) -> None:
    missing = set(unprintable(text, used.face, used.bold))
    canvas.setFont(font(used.face, used.bold).fontName, size)
    canvas.setFillColor(used.colour)
    draw = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
    draw[anchor](x, y, "".join("?" if letter in missing else letter for letter in text))
