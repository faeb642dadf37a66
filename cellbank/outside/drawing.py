"""The one vocabulary of drawings: box fills, stocks, traces, growth, families. Told once, drawn as SVG on pages
(`web/drawing.py`) and as PDF on paper (`drawing_pdf.py`).

Places are in points from the upper left corner. A mark says what it stands for (its `tone`) and neither
colour nor width: LOOKS gives an area the colour of a state's tone and a pattern that is told from the others without
colour; lines and words are called after what they are, and whoever draws knows their colours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Shape = Literal["band", "box", "area", "line", "curve", "dot", "word"]
Pattern = Literal["plain", "rising", "falling", "level", "dots"]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Look:
    """How an area looks."""

    colour: str
    pattern: Pattern = "plain"


LOOKS = {
    "good": Look("good"), "wait": Look("wait"), "busy": Look("busy"), "stop": Look("stop"), "over": Look("over"),
    "frame": Look("plain"), "record": Look("plain"), "start": Look("outline"), "plain": Look("over"),
    # times that a trace leaves out, or in which it stood where it should not
    "silent": Look("over", "rising"), "warning": Look("wait"), "critical": Look("stop", "falling"),
    "reject": Look("grave", "falling"), "warm": Look("stop", "falling"), "cold": Look("busy", "rising"),
    "nucleation": Look("wait"), "program": Look("good"),
    # what vials are
    "in stock": Look("good"), "reserved": Look("busy", "level"), "not put away": Look("wait", "rising"),
    "shipped": Look("busy", "rising"), "used": Look("over", "dots"), "lost": Look("stop", "falling"),
    # how a tank is
    "free": Look("good"), "nearly full": Look("wait", "rising"), "out of service": Look("stop", "falling"),
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """One thing to draw. A `band` (a time, a share) and a `box` (a record, with round corners) are a corner and their
    size; an `area` is closed, a `line` open; a `curve` is a Bézier's four points; a `word` stands at its point, or from
    one to another, made smaller where it needs more room. `text` is that word, or what a band is of."""

    shape: Shape
    tone: str
    points: tuple[Point, ...]
    text: str = ""
    anchor: Anchor = "start"


@dataclass(frozen=True)
class Group:
    """Marks that belong together; with a code they lead to the page of that record."""

    marks: tuple[Mark, ...]
    code: str | None = None


@dataclass(frozen=True)
class Drawing:
    """The whole of it. `title` says in words what it shows, `size` is that of its letters."""

    title: str
    width: float
    height: float
    parts: tuple[Mark | Group, ...]
    size: float = 10.0

    @property
    def marks(self) -> Iterator[Mark]:
        """All of its marks, in the order in which they are drawn."""
        for part in self.parts:
            yield from part.marks if isinstance(part, Group) else (part,)

    @property
    def in_words(self) -> str:
        """What it shows, and all that stands written in it."""
        return f"{self.title}: {'; '.join(mark.text for mark in self.marks if mark.shape == 'word')}"


def rectangle(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of a rectangle."""
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)
