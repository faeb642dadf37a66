"""A picture of boxes and the lines between them, drawn once as vectors; the layout is the caller's."""

from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from cellbank.outside.label_fonts import Face, font, unprintable

Curve = tuple[float, float, float, float, float, float, float, float]
"""A Bézier curve: start, two control points, end; y downwards."""

INK, MUTED, LINE, FILL, START = (HexColor(f"#{code}") for code in ("1b2530", "5b6875", "8a97a4", "f6f8fa", "dbe9f6"))
PADDING = 3.5


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


class PictureFlow(Flowable):
    """Places a picture in a page, made smaller where the page is."""

    def __init__(self, picture: Picture):
        super().__init__()
        self.picture = picture
        self.ratio = 1.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.ratio = min(1, width / self.picture.width, 640 / self.picture.height)
        return self.picture.width * self.ratio, self.picture.height * self.ratio

    def draw(self) -> None:
        canvas: Canvas = self.canv
        canvas.saveState()
        canvas.translate(0, self.picture.height * self.ratio)
        canvas.scale(self.ratio, self.ratio)
        _draw_curves(canvas, self.picture.curves)
        for box in self.picture.boxes:
            _draw_box(canvas, self.picture, box)
        canvas.restoreState()


def _draw_curves(canvas: Canvas, curves: tuple[Curve, ...]) -> None:
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.7)
    for x1, y1, x2, y2, x3, y3, x4, y4 in curves:
        canvas.bezier(x1, -y1, x2, -y2, x3, -y3, x4, -y4)


def _draw_box(canvas: Canvas, picture: Picture, box: PictureBox) -> None:
    canvas.setFillColor(START if box.strong else FILL)
    canvas.setStrokeColor(INK if box.strong else LINE)
    canvas.setLineWidth(1 if box.strong else 0.6)
    canvas.roundRect(box.x, -box.y - picture.box_height, picture.box_width, picture.box_height, 2.5, fill=1)
    room, step = picture.box_width - 2 * PADDING, picture.box_height / 3.5
    rows: tuple[tuple[str, Face, bool], ...] = (
        (box.title, "text", True),
        (box.code, "code", False),
        (box.word, "text", False),
    )
    for number, (text, face, bold) in enumerate(rows, start=1):
        canvas.setFillColor(MUTED if number == 3 else INK)
        _draw_fitted(canvas, box.x + PADDING, -box.y - number * step, text, face, bold, room)


def _draw_fitted(canvas: Canvas, x: float, y: float, text: str, face: Face, bold: bool, room: float) -> None:
    """A line of 6.5 points, or as small as it must be to stay in its box."""
    used = font(face, bold)
    missing = set(unprintable(text, face, bold))
    text = "".join("?" if letter in missing else letter for letter in text)
    size = 6.5 * min(1, room / max(1, used.stringWidth(text, 6.5)))
    canvas.setFont(used.fontName, size)
    canvas.drawString(x, y, text)
