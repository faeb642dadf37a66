"""Curves over days: panels beside each other, each with its own scale. A document is kept as its values; they become a
drawing when somebody looks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.outside.drawing import Drawing, Mark

CURVES = 6  # that are told from each other by their colours
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

    def drawing(self, width: float) -> Drawing:
        """The panels in a drawing of this width."""
        room = (width - GAP * (len(self.panels) - 1)) / len(self.panels)
        marks = tuple(
            mark
            for number, panel in enumerate(self.panels)
            for mark in _Panel(panel, self.x_title, number * (room + GAP), room).marks()
        )
        return Drawing(", ".join(panel.title for panel in self.panels), width, HEIGHT, marks, SIZE)


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

    def marks(self) -> Iterator[Mark]:
        """The panel, scales first."""
        yield Mark("word", "axis", ((self.left - LEFT, 8.0),), self.panel.title)
        for value in self.y_ticks:
            _, y = self._at(0, value)
            yield Mark("line", "grid", ((self.left, y), (self.right, y)))
            name = f"10{f'{value:g}'.translate(RAISED)}" if self.panel.logarithmic else f"{value:g}"
            yield Mark("word", "axis", ((self.left - 4, y + SIZE / 3),), name, "end")
        for days in self.x_ticks:
            x, _ = self._at(days, self.y_ticks[0])
            yield Mark("line", "axis", ((x, self.bottom), (x, self.bottom + 3)))
            yield Mark("word", "axis", ((x, self.bottom + 10),), f"{days:g}", "middle")
        yield Mark("line", "axis", ((self.left, self.bottom), (self.right, self.bottom)))
        yield Mark("word", "axis", (((self.left + self.right) / 2, HEIGHT - 6),), self.x_title, "middle")
        for number, curve in enumerate(self.panel.curves):
            placed = tuple(self._at(days, self._scaled(value)) for days, value in curve.points)
            if len(placed) > 1:
                yield Mark("line", f"curve-{number % CURVES}", placed)
            yield from (Mark("dot", f"curve-{number % CURVES}", (place,)) for place in placed)


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
