"""Documents as PDF: A4 pages with one head and one foot, embedded fonts, the same bytes for the same content.

A document is a cover and a list of blocks; who writes one knows nothing of reportlab. Every page bears the site, the
title, "page x of y", the version of the software and the digest of the record, as text and as Data Matrix, so that a
sheet that lies alone can still be told from one of another record.
"""

import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from cellbank.outside.document_archive import make_archival
from cellbank.outside.document_chart import Chart
from cellbank.outside.document_form import Boxes, BoxesFlow, Sheet, Symbols, SymbolsFlow, fill_path
from cellbank.outside.document_picture import Picture, Trace
from cellbank.outside.drawing_pdf import DrawingFlow
from cellbank.outside.label_fonts import Face, font, unprintable
from cellbank.outside.symbols import data_matrix

SIDE, TOP, BOTTOM = 16 * mm, 34 * mm, 18 * mm
WIDTH = A4[0] - 2 * SIDE
SYMBOL = 15 * mm
MOST_OF_A_PAGE = A4[1] - TOP - BOTTOM - 30 * mm
MARK = 8 * mm  # what a mark takes from the top of each page
_PAD = 6  # points that reportlab leaves free inside its frame
INK, MUTED, ALARM, RULE, SHADE = (
    HexColor("#1b2530"),
    HexColor("#5b6875"),
    HexColor("#a3141b"),
    HexColor("#c3cad1"),
    HexColor("#eef1f4"),
)


@dataclass(frozen=True)
class Cover:
    """What stands on every page. `digest` is that of the record, `symbol` the text of the Data Matrix; `mark` is a line
    in the colour of alarm, `edition` says which issue of the document this is and `issued_at` when it was made."""

    title: str
    subject: str
    site: str
    version: str
    digest: str
    symbol: str
    mark: str = ""
    edition: str = ""
    issued_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Run:
    """A line of a cell in a style of its own: plain, strong, muted, code or alarm."""

    text: str
    style: str = "plain"


Cell = str | Run | tuple[Run, ...]


@dataclass(frozen=True)
class Heading:
    """The title of a section; never left alone at the foot of a page."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    style: str = "plain"


@dataclass(frozen=True)
class Facts:
    """Labels with their values, two pairs in a row."""

    pairs: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class Table:
    """Rows under a head that is repeated on each page; `widths` are shares of the page's width."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]


Block = Heading | Text | Facts | Table | Picture | Chart | Trace | Sheet | Symbols | Boxes


def render_document(cover: Cover, blocks: Sequence[Block]) -> bytes:
    """The PDF of a document. Letters that the fonts lack are shown by their number, never left out."""
    return render_documents([(cover, blocks)])


def render_documents(documents: Sequence[tuple[Cover, Sequence[Block]]]) -> bytes:
    """Several documents in one file, each with its own head, foot and count of pages. The file is named after the
    first of them."""
    cover = documents[0][0]
    buffer = io.BytesIO()
    for face, bold in (("text", False), ("text", True), ("code", False)):
        font(face, bold)
    mark = MARK if any(one.mark for one, _ in documents) else 0
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=SIDE - _PAD,
        rightMargin=SIDE - _PAD,
        topMargin=TOP - _PAD + mark,
        bottomMargin=BOTTOM - _PAD,
        invariant=1,
        title=f"{cover.title}: {cover.subject}",
        author=cover.site,
        creator=cover.version,
        subject=", ".join(filter(None, (cover.edition, f"record sha256 {cover.digest}"))),
    )
    flows: list[Flowable] = []
    for number, (one, blocks) in enumerate(documents):
        flows += [*([PageBreak()] if number else []), _Opens(one), *_all_flows(blocks)]
    template.build(flows, canvasmaker=partial(_Pages, cover=cover))
    return buffer.getvalue()


def _all_flows(blocks: Sequence[Block]) -> list[Flowable]:
    """A sheet begins a page, unless the page is empty still."""
    flows: list[Flowable] = []
    for block in blocks:
        flows += [*([PageBreak()] if isinstance(block, Sheet) and flows else []), *_flows(block)]
    return flows or [Spacer(1, 1)]


# --- pages ------------------------------------------------------------------------------------


class _Pages(Canvas):
    """Draws head and foot when the document is complete, for only then is it known how many pages there are."""

    def __init__(self, *given: Any, cover: Cover, **named: Any):
        # Without a font of its own the canvas names Helvetica, which is not in the file.
        first = font("text", False).fontName
        super().__init__(*given, **{**named, "pdfVersion": (1, 7), "initialFontName": first})
        self._cover = cover
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._kept.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # reportlab's own way to count pages first

    def save(self) -> None:
        for page, (number, count) in zip(self._kept, _numbered([page["_cover"] for page in self._kept]), strict=True):
            self.__dict__.update(page)
            _draw_head(self, self._cover)
            _draw_foot(self, self._cover, f"Page {number} of {count}")
            super().showPage()
        make_archival(self, self._cover.issued_at)
        super().save()


class _Opens(Flowable):
    """Says which document begins here; takes no room."""

    def __init__(self, cover: Cover):
        super().__init__()
        self.cover = cover

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return 0, 0

    def draw(self) -> None:
        assert isinstance(self.canv, _Pages)
        self.canv._cover = self.cover


def _numbered(covers: Sequence[Cover]) -> list[tuple[int, int]]:
    """Each page's number within its document, and how many there are."""
    runs = [len(list(same)) for _, same in groupby(covers, key=id)]
    return [(number, count) for count in runs for number in range(1, count + 1)]


def _draw_head(canvas: Canvas, cover: Cover) -> None:
    top = A4[1] - 12 * mm
    _line(canvas, SIDE, top - 8, cover.site, 8, MUTED)
    _line(canvas, SIDE, top - 24, cover.title, 14, INK, bold=True)
    _line(canvas, SIDE, top - 38, cover.subject, 10, INK)
    symbol = data_matrix(cover.symbol)
    canvas.saveState()
    canvas.translate(A4[0] - SIDE - SYMBOL, top - SYMBOL)
    canvas.scale(SYMBOL / symbol.columns, SYMBOL / symbol.rows)
    canvas.setFillColor(black)
    fill_path(canvas, symbol.path)
    canvas.restoreState()
    _rule(canvas, A4[1] - 30 * mm)
    if cover.mark:
        canvas.setFillColor(ALARM)
        canvas.rect(SIDE, A4[1] - 31 * mm - MARK + 2, WIDTH, MARK - 4, stroke=0, fill=1)
        _line(canvas, SIDE + 6, A4[1] - 31 * mm - MARK / 2 - 3, cover.mark, 10, white, bold=True)


def _draw_foot(canvas: Canvas, cover: Cover, page: str) -> None:
    _rule(canvas, 14 * mm)
    _line(canvas, SIDE, 10 * mm, f"{cover.version} · record sha256", 7, MUTED)
    _line(canvas, SIDE, 7 * mm, cover.digest, 7, MUTED, face="code")
    face = font("text", False)
    canvas.setFont(face.fontName, 8)
    canvas.setFillColor(INK)
    canvas.drawRightString(A4[0] - SIDE, 10 * mm, page)
    canvas.setFont(face.fontName, 7)
    canvas.drawRightString(A4[0] - SIDE, 7 * mm, _shown(cover.edition, "text", False))


def _line(
    canvas: Canvas, x: float, y: float, text: str, size: float, color: Color, *, bold: bool = False, face: Face = "text"
) -> None:
    """A line, made smaller where it would run into the symbol."""
    text = _shown(text, face, bold)
    used, room = font(face, bold), WIDTH - SYMBOL - 6 * mm
    size *= min(1, room / max(1, used.stringWidth(text, size)))
    canvas.setFont(used.fontName, size)
    canvas.setFillColor(color)
    canvas.drawString(x, y, text)


def _rule(canvas: Canvas, y: float) -> None:
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.6)
    canvas.line(SIDE, y, A4[0] - SIDE, y)


# --- blocks -----------------------------------------------------------------------------------


def _style(name: str, face: Face, bold: bool, size: float, color: Color = INK, **more: Any) -> ParagraphStyle:
    file = {("text", False): "Ubuntu-Regular", ("text", True): "Ubuntu-Bold", ("code", False): "UbuntuMono-Regular"}
    return ParagraphStyle(
        name, fontName=file[face, bold], fontSize=size, leading=size * 1.28, textColor=color, alignment=TA_LEFT, **more
    )


STYLES = {
    "plain": _style("plain", "text", False, 8),
    "strong": _style("strong", "text", True, 8),
    "muted": _style("muted", "text", False, 7, MUTED),
    "code": _style("code", "code", False, 8),
    "alarm": _style("alarm", "text", True, 8, ALARM),
    "head": _style("head", "text", True, 7, MUTED),
    "sheet": _style("sheet", "text", True, 17, spaceAfter=4),
    "section": _style("section", "text", True, 11, spaceBefore=12, spaceAfter=4),
}
_GRID: list[tuple[Any, ...]] = [
    ("FONTNAME", (0, 0), (-1, -1), "Ubuntu-Regular"),  # or an empty cell would ask for Helvetica
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 5),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
]


class _Rows(Grid):
    """A table whose rows stay whole, unless one is taller than what a page holds below a heading."""

    def split(self, width: float, height: float) -> list[Flowable]:
        self.splitInRow = 1 if height > MOST_OF_A_PAGE else 0
        return super().split(width, height)


def _flows(block: Block) -> list[Flowable]:
    if isinstance(block, Heading):
        return [CondPageBreak(90), _paragraph(block.text, "section")]
    if isinstance(block, Text):
        return [CondPageBreak(50), _paragraph(block.text, block.style), Spacer(1, 4)]
    if isinstance(block, Picture):
        return [DrawingFlow(block.drawing()), Spacer(1, 4)]
    if isinstance(block, Trace):
        return [CondPageBreak(190), DrawingFlow(block.drawing()), Spacer(1, 4)]
    if isinstance(block, Sheet):
        return [_paragraph(block.text, "sheet")]
    if isinstance(block, Symbols):
        return [SymbolsFlow(block)]
    if isinstance(block, Boxes):
        return [BoxesFlow(block), Spacer(1, 6)]
    if isinstance(block, Chart):
        return [CondPageBreak(170), DrawingFlow(block.drawing(WIDTH)), Spacer(1, 4)]
    return [_facts(block) if isinstance(block, Facts) else _table(block), Spacer(1, 4)]


def _paragraph(text: str, style: str) -> Paragraph:
    face: Face = "code" if style == "code" else "text"
    shown = escape(_shown(text, face, style in ("strong", "alarm", "head", "section", "sheet")))
    return Paragraph(shown.replace("\n", "<br/>"), STYLES[style])


def _cell(cell: Cell) -> list[Paragraph]:
    runs = (Run(cell),) if isinstance(cell, str) else (cell,) if isinstance(cell, Run) else cell
    return [_paragraph(run.text, run.style) for run in runs]


def _facts(block: Facts) -> _Rows:
    cells = [(_cell(Run(label, "head")), _cell(value)) for label, value in block.pairs]
    half = -(-len(cells) // 2)
    empty: tuple[list[Paragraph], list[Paragraph]] = ([], [])
    right = [*cells[half:], *[empty] * (2 * half - len(cells))]
    rows = [[*one, *other] for one, other in zip(cells[:half], right, strict=True)]
    return _Rows(rows, colWidths=[WIDTH * share for share in (0.15, 0.35, 0.15, 0.35)], style=_GRID)


def _table(block: Table) -> _Rows:
    head = [_cell(Run(title, "head")) for title in block.head]
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    widths = [WIDTH * share / sum(block.widths) for share in block.widths]
    style = [*_GRID, ("BACKGROUND", (0, 0), (-1, 0), SHADE)]
    return _Rows([head, *rows], colWidths=widths, style=style, repeatRows=1)


def _shown(text: str, face: Face, bold: bool) -> str:
    """The text with each letter that the font lacks as its number, and breaks of any kind as one."""
    text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    missing = set(unprintable(text, face, bold)) - {"\n"}
    return "".join(f"[U+{ord(letter):04X}]" if letter in missing else letter for letter in text)
