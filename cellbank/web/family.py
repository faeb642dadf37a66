"""The picture of a family on a page; where everything stands is the layout's (`services/lookup/family.py`)."""

from collections.abc import Iterator

from cellbank.outside.document_picture import curve_mark
from cellbank.outside.drawing import Drawing, Group, Mark
from cellbank.services.lookup.family import FamilyBox, Layout, Measures, lay_out
from cellbank.services.lookup.tracing import Trace
from cellbank.web.told import said_again
from cellbank.web.words import face

SIZE = Measures(width=146, height=46, gap_x=26, gap_y=12, margin=6)
LETTERS = 18  # of a title that a box has room for


def layout_of(trace: Trace) -> Layout:
    """Where the boxes of the page stand."""
    return lay_out(trace, SIZE)


def drawing_of(layout: Layout) -> Drawing:
    """The family from left to right: a box leads to its record."""
    boxes = (Group(tuple(_box(box)), box.code) for box in layout.boxes)
    return Drawing("", layout.width, layout.height, (*map(curve_mark, layout.curves), *boxes), 13)


def _box(box: FamilyBox) -> Iterator[Mark]:
    shown = face(box.state)
    place = ((box.x, box.y), (SIZE.width, SIZE.height))
    yield from (Mark("box", tone, place) for tone in (shown.tone, *(("start",) if box.is_start else ())))
    title = said_again(box.title)
    title = title if len(title) <= LETTERS else f"{title[: LETTERS - 3]}…"
    word = f"{box.count} × {shown.word}" if box.count > 1 else shown.word
    yield Mark("word", "strong", ((box.x + 10, box.y + 19),), title)
    yield Mark("word", "muted", ((box.x + 10, box.y + 36),), word)
