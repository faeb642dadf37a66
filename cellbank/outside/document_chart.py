"""Curves over days, drawn as vectors: panels beside each other, each with its own scale.

`strokes` is the whole drawing as lines, dots and words, in points from the upper left corner; a page could draw the
same as SVG.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from cellbank.outside.label_fonts import font

INK, GRID = -1, -2
CURVES = ("1d5fa8", "b4471c", "2d7d46", "7a3b96", "8a6d00", "0b7a86")
COLOURS = dict(enumerate(HexColor(f"#{code}") for code in CURVES)) | {
    INK: HexColor("#1b2530"),
    GRID: HexColor("#e1e5e9"),
}
HEIGHT, GAP = 150.0, 14.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 20.0, 26.0
SIZE = 6.5
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Curve:
    """One line through its points: (days, value)."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Panel:
    """One diagram. `logarithmic`: values are above 0 and the scale is in powers of ten."""

    title: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False


@dataclass(frozen=True)
class Chart:
    """Panels side by side over one kind of time; `x_title` stands below each."""

    panels: tuple[Panel, ...]
    x_title: str


@dataclass(frozen=True)
class Stroke:
    """A line through points, a dot (one point) or a word (one point and a text). `colour`: a curve's, INK or GRID."""

    points: tuple[tuple[float, float], ...]
    text: str = ""
    anchor: str = "start"
    colour: int = -1


def strokes(chart: Chart, width: float) -> Iterator[Stroke]:
    """The drawing, of this width and of HEIGHT."""
    count = len(chart.panels)
    room = (width - GAP * (count - 1)) / count
    for number, panel in enumerate(chart.panels):
        yield from _Panel(panel, chart.x_title, number * (room + GAP), room).strokes()


class _Panel:
    """One diagram at its place."""

    def __init__(self, panel: Panel, x_title: str, x: float, width: float):
        self.panel, self.x_title = panel, x_title
        self.left, self.right, self.top, self.bottom = x + LEFT, x + width - RIGHT, TOP, HEIGHT - BOTTOM
        points = [point for curve in panel.curves for point in curve.points] or [(0.0, 1.0)]
        self.x_ticks = ticks(min(0.0, *(x for x, _ in points)), max(x for x, _ in points))
        values = [self._scaled(value) for _, value in points]
        self.y_ticks = _powers(values) if panel.logarithmic else ticks(min(0.0, *values), max(values))

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.panel.logarithmic else value

    def _at(self, days: float, value: float) -> tuple[float, float]:
        across = (days - self.x_ticks[0]) / (self.x_ticks[-1] - self.x_ticks[0])
        up = (value - self.y_ticks[0]) / (self.y_ticks[-1] - self.y_ticks[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def strokes(self) -> Iterator[Stroke]:
        yield Stroke(((self.left - LEFT, 8.0),), self.panel.title)
        for value in self.y_ticks:
            _, y = self._at(0, value)
            yield Stroke(((self.left, y), (self.right, y)), colour=GRID)
            name = f"10{f'{value:g}'.translate(RAISED)}" if self.panel.logarithmic else f"{value:g}"
            yield Stroke(((self.left - 4, y + SIZE / 3),), name, "end")
        for days in self.x_ticks:
            x, _ = self._at(days, self.y_ticks[0])
            yield Stroke(((x, self.bottom), (x, self.bottom + 3)))
            yield Stroke(((x, self.bottom + 10),), f"{days:g}", "middle")
        yield Stroke(((self.left, self.bottom), (self.right, self.bottom)))
        yield Stroke((((self.left + self.right) / 2, HEIGHT - 6),), self.x_title, "middle")
        for number, curve in enumerate(self.panel.curves):
            placed = tuple(self._at(days, self._scaled(value)) for days, value in curve.points)
            if len(placed) > 1:
                yield Stroke(placed, colour=number % len(CURVES))
            yield from (Stroke((place,), colour=number % len(CURVES)) for place in placed)


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Four to eight round numbers that enclose both."""
    high = high if high - low > 1e-6 else low + 1
    span = high - low
    step = 10 ** math.floor(math.log10(span / 4))
    step = next(step * factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 9) for number in range(first, max(last, first + 1) + 1))


def _powers(values: list[float]) -> tuple[float, ...]:
    low, high = math.floor(min(values)), math.ceil(max(values))
    return tuple(float(power) for power in range(low, max(high, low + 1) + 1))


class ChartFlow(Flowable):
    """Places a chart across the page."""

    def __init__(self, chart: Chart):
        super().__init__()
        self.chart = chart

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width = width
        return width, HEIGHT

    def draw(self) -> None:
        canvas: Canvas = self.canv
        canvas.saveState()
        for stroke in strokes(self.chart, self.width):
            _draw(canvas, stroke)
        canvas.restoreState()


def _draw(canvas: Canvas, stroke: Stroke) -> None:
    points = [(x, HEIGHT - y) for x, y in stroke.points]
    canvas.setStrokeColor(COLOURS[stroke.colour])
    canvas.setFillColor(COLOURS[stroke.colour])
    if stroke.text:
        canvas.setFont(font("text", False).fontName, SIZE)
        draw = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
        draw[stroke.anchor](*points[0], stroke.text)
    elif len(points) == 1:
        canvas.circle(*points[0], 1.8, stroke=0, fill=1)
    else:
        canvas.setLineWidth(1.1 if stroke.colour >= 0 else 0.5)
        canvas.lines([(*one, *other) for one, other in itertools.pairwise(points)])
