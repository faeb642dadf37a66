"""A drawing of areas, lines and words, told once: a page draws it as SVG, this file as PDF.

Places are in points from the upper left corner. Areas carry a tone (as the states do) and a pattern that is told from
the others without colour.
"""

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from cellbank.outside.label_fonts import font, unprintable

Point = tuple[float, float]
Pattern = Literal["plain", "rising", "falling", "level", "dots"]
TONES = {
    "good": ("e2f2e6", "14532d"), "wait": ("fcf0d0", "6b4300"), "busy": ("e2edf9", "123f73"),
    "stop": ("fbe4e2", "8b1a1a"), "over": ("eaecec", "3f474b"), "line": ("ffffff", "8a97a4"),
}  # fmt: skip
INK = HexColor("#1b2530")
SIZE = 10.0
STEP = 7.0  # between two lines of a pattern


@dataclass(frozen=True)
class Area:
    """A closed shape."""

    points: tuple[Point, ...]
    tone: str
    pattern: Pattern = "plain"


@dataclass(frozen=True)
class Stroke:
    """A line through points."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Words:
    """A line of text; `anchor` is the end of it that stands at the place."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    strong: bool = False


@dataclass(frozen=True)
class Drawing:
    """The whole of it. `title` says in words what it shows."""

    title: str
    width: float
    height: float
    areas: tuple[Area, ...]
    strokes: tuple[Stroke, ...]
    words: tuple[Words, ...]


def rectangle(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of a rectangle."""
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def drawings_pdf(drawings: Sequence[Drawing], foot: str) -> bytes:
    """Each drawing on a landscape A4 page of its own, under its title."""
    buffer = io.BytesIO()
    width, height = landscape(A4)
    canvas = Canvas(buffer, pagesize=(width, height), invariant=1)
    canvas.setTitle(drawings[0].title if drawings else "")
    for drawing in drawings:
        _text(canvas, Words(40, height - 40, drawing.title, strong=True), 15)
        _text(canvas, Words(40, 24, foot), 8)
        canvas.saveState()
        ratio = min((width - 80) / drawing.width, (height - 110) / drawing.height)
        canvas.translate(40, height - 60)
        canvas.scale(ratio, ratio)
        _draw(canvas, drawing)
        canvas.restoreState()
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Canvas, drawing: Drawing) -> None:
    for area in drawing.areas:
        _area(canvas, area)
    canvas.setStrokeColor(HexColor("#8a97a4"))
    canvas.setLineWidth(0.7)
    for stroke in drawing.strokes:
        canvas.lines([(*one, *other) for one, other in itertools.pairwise([(x, -y) for x, y in stroke.points])])
    for words in drawing.words:
        _text(canvas, Words(words.x, -words.y, words.text, words.anchor, words.strong), SIZE)


def _area(canvas: Canvas, area: Area) -> None:
    fill, edge = (HexColor(f"#{code}") for code in TONES[area.tone])
    path = canvas.beginPath()
    path.moveTo(area.points[0][0], -area.points[0][1])
    for x, y in area.points[1:]:
        path.lineTo(x, -y)
    path.close()
    canvas.setFillColor(fill)
    canvas.setStrokeColor(edge)
    canvas.setLineWidth(0.8)
    canvas.drawPath(path, fill=1, stroke=1)
    if area.pattern == "plain":
        return
    canvas.saveState()
    canvas.clipPath(path, stroke=0, fill=0)
    _hatch(canvas, area)
    canvas.restoreState()


def _hatch(canvas: Canvas, area: Area) -> None:
    xs, ys = [x for x, _ in area.points], [-y for _, y in area.points]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    canvas.setLineWidth(0.5)
    tall, at = high - low, left - (high - low)
    if area.pattern in ("rising", "falling"):
        while at < right:
            start, end = (low, high) if area.pattern == "rising" else (high, low)
            canvas.line(at, start, at + tall, end)
            at += STEP
        return
    if area.pattern == "dots":
        canvas.setDash(1, 4)
    at = low + STEP
    while at < high:
        canvas.line(left, at, right, at)
        at += STEP


def _text(canvas: Canvas, words: Words, size: float) -> None:
    used = font("text", words.strong)
    missing = set(unprintable(words.text, "text", words.strong))
    text = "".join("?" if letter in missing else letter for letter in words.text)
    canvas.setFont(used.fontName, size)
    canvas.setFillColor(INK)
    draw = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
    draw[words.anchor](words.x, words.y, text)
