"""The picture of a family as SVG; where everything stands is the layout's (`services/lookup/family.py`)."""

from dataclasses import dataclass

from cellbank.services.lookup.family import Curve, Measures, lay_out
from cellbank.services.lookup.tracing import Trace
from cellbank.web.words import face

SIZE = Measures(width=146, height=46, gap_x=26, gap_y=12, margin=6)


@dataclass(frozen=True)
class DrawnBox:
    """One box of the picture."""

    title: str
    word: str
    tone: str
    link: str | None
    is_start: bool
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """The picture: boxes, and curves between them as SVG paths."""

    width: int
    height: int
    boxes: tuple[DrawnBox, ...]
    lines: tuple[str, ...]
    hidden: int


def drawing_of(trace: Trace) -> Drawing:
    """Draw the family from left to right."""
    layout = lay_out(trace, SIZE)
    boxes = []
    for box in layout.boxes:
        shown = face(box.state)
        word = f"{box.count} × {shown.word}" if box.count > 1 else shown.word
        boxes.append(DrawnBox(box.title, word, shown.tone, box.code, box.is_start, round(box.x), round(box.y)))
    lines = tuple(map(_path, layout.curves))
    return Drawing(round(layout.width), round(layout.height), tuple(boxes), lines, layout.hidden)


def _path(curve: Curve) -> str:
    x1, y1, x2, y2, x3, y3, x4, y4 = (f"{value:g}" for value in curve)
    return f"M{x1} {y1}C{x2} {y2} {x3} {y3} {x4} {y4}"
