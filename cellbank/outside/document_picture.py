"""Pictures in documents, as what they say: the boxes of a family with the lines between them, and a trace. A document
is kept as this; it becomes a drawing when somebody looks."""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.outside.drawing import Drawing, Mark

Curve = tuple[float, float, float, float, float, float, float, float]
"""A Bézier curve: start, two control points, end; y downwards."""

PADDING, SIZE = 3.5, 6.5


@dataclass(frozen=True)
class PictureBox:
    """A box with a title, a code and a word below each other; `strong` is the one that the picture is about."""

    x: float
    y: float
    title: str
    code: str
    word: str
    strong: bool = False


@dataclass(frozen=True)
class Picture:
    """Boxes of one size and curves, in points from the upper left corner."""

    width: float
    height: float
    box_width: float
    box_height: float
    boxes: tuple[PictureBox, ...]
    curves: tuple[Curve, ...]

    def drawing(self) -> Drawing:
        """The lines, and the boxes over them."""
        boxes = tuple(mark for box in self.boxes for mark in self._box(box))
        return Drawing("Family", self.width, self.height, (*map(curve_mark, self.curves), *boxes), SIZE)

    def _box(self, box: PictureBox) -> Iterator[Mark]:
        place = ((box.x, box.y), (self.box_width, self.box_height))
        yield from (Mark("box", tone, place) for tone in (("busy", "start") if box.strong else ("record",)))
        left, right = box.x + PADDING, box.x + self.box_width - PADDING
        for number, (of, text) in enumerate((("strong", box.title), ("code", box.code), ("muted", box.word)), start=1):
            y = box.y + number * self.box_height / 3.5
            yield Mark("word", of, ((left, y), (right, y)), text)


def curve_mark(curve: Curve) -> Mark:
    """The line from a parent to a child."""
    x1, y1, x2, y2, x3, y3, x4, y4 = curve
    return Mark("curve", "link", ((x1, y1), (x2, y2), (x3, y3), (x4, y4)))


@dataclass(frozen=True)
class Trace:
    """The temperatures of a freezing run beside their band, as they were drawn."""

    width: float
    height: float
    marks: tuple[Mark, ...]

    def drawing(self) -> Drawing:
        """The trace as it is kept."""
        return Drawing("Freezing run and band", self.width, self.height, self.marks)
