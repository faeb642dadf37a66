"""Labels as vector PDF: one label a page, at the label's own size, the same bytes for the same input.

Fonts are embedded as subsets, once a document; what is the same on all labels of a job is fitted and drawn
once, as the ground of every page; a symbol is one path; nothing is a picture.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

from cellbank.outside.label_fonts import font, unprintable
from cellbank.outside.label_templates import (
    LEADING,
    REPRINT,
    DataMatrixBlock,
    LabelProblem,
    SymbolBlock,
    Template,
    TextBlock,
    fields,
    load_templates,
)
from cellbank.outside.symbols import Symbol, SymbolProblem, code_128, data_matrix

__all__ = ["LabelProblem", "Template", "fields", "load_templates", "render", "shortened"]

# PDF readers take binary streams; reportlab's text-safe wrapping of them would make a label a quarter larger.
rl_config.useA85 = 0

_SIZE_STEP = 0.25  # points by which a too long text shrinks
_FRAME_MM = 0.15


@dataclass(frozen=True, slots=True)
class _FittedText:
    block: TextBlock
    size: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    texts: tuple[_FittedText, ...]
    symbols: tuple[tuple[SymbolBlock, Symbol], ...]


@dataclass(frozen=True, slots=True)
class LaidOut:
    """Labels with every word at its size and in its place, not drawn yet.

    The ground is the same on all labels; each of `labels` holds what only that label has."""

    ground: _Layout
    labels: tuple[_Layout, ...]


def render(template: Template, rows: Sequence[Mapping[str, str]], *, reprint: int = 0) -> bytes:
    """A PDF with one label for each row; `reprint` n > 0 marks every label as the n-th reprint.

    LabelProblem lists every missing, unknown or empty field, every value that is too long for its place even
    at its smallest size, and every character that cannot be printed; then nothing is rendered.
    """
    job = lay_out(template, rows, reprint)
    buffer = io.BytesIO()
    page = (template.width * mm, template.height * mm)
    canvas = Canvas(buffer, pagesize=page, pageCompression=1, invariant=1)
    canvas.setTitle(f"{template.title} (template {template.name} version {template.version})")
    canvas.setSubject(f"template sha256 {template.digest}")
    canvas.setCreator("cellbank")
    _draw_ground(canvas, template, job.ground)
    for label in job.labels:
        for panel in range(template.panels.count):
            _draw_panel(canvas, template, label, panel)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def shortened(template: Template, field: str, value: str) -> str:
    """The value as it fits the field's place: whole, or its first words and …; `?` for what the font cannot show.

    For names and remarks only. What identifies is never cut: render refuses it instead.
    """
    block = next(text for text in template.texts if text.field == field)
    missing = unprintable(value, block.face, block.bold)
    value = "".join("?" if letter in missing else letter for letter in value)
    words = value.split(" ")
    shorter = (" ".join(words[:count]) for count in range(len(words) - 1, 0, -1))
    letters = (words[0][:count] for count in range(len(words[0]) - 1, 0, -1))
    cut = (begun.rstrip(" ,;:.·") + "…" for begun in (*shorter, *letters))
    return next((text for text in (value, *cut) if _fits(block, text)), value)


def _fits(block: TextBlock, value: str) -> bool:
    return isinstance(_fit(block, block.prefix + value + block.suffix), _FittedText)


def lay_out(template: Template, rows: Sequence[Mapping[str, str]], reprint: int = 0) -> LaidOut:
    """All of `render` but the drawing; LabelProblem as there."""
    problems = [] if rows else ["there is no label to print."]
    if reprint < 0:
        problems.append(f"{reprint} is not a count of reprints.")
    for number, row in enumerate(rows, start=1):
        problems += [f"label {number}: {line}" for line in _field_problems(template, row)]
    _raise_any(template, problems)

    mark = {REPRINT: str(reprint)} if reprint else {}
    values = [{**row, **mark} for row in rows]
    own = _differing_fields(values)
    ground, wrong = _lay_out(template, values[0], own=own, ground=True)
    problems = [f"{'label 1' if len(rows) == 1 else 'all labels'}: {line}" for line in wrong]
    labels = []
    for number, row in enumerate(values, start=1):
        label, wrong = _lay_out(template, row, own=own, ground=False)
        labels.append(label)
        problems += [f"label {number}: {line}" for line in wrong]
    _raise_any(template, problems)
    return LaidOut(ground, tuple(labels))


def _raise_any(template: Template, problems: list[str]) -> None:
    if problems:
        raise LabelProblem([f"{template.name}, {line}" for line in problems])


def _differing_fields(rows: Sequence[Mapping[str, str]]) -> frozenset[str]:
    names = {name for row in rows for name in row}
    return frozenset(name for name in names if len({row.get(name) for row in rows}) > 1)


def _field_problems(template: Template, row: Mapping[str, str]) -> list[str]:
    required = template.required_fields
    problems = [f"the field {name} is missing." for name in sorted(required - row.keys())]
    unknown = row.keys() - required - template.optional_fields
    problems += [f"the field {name} is not on this label." for name in sorted(unknown)]
    empty = [name for name in sorted(required & row.keys()) if not row[name].strip()]
    return problems + [f"the field {name} is empty." for name in empty]


def _lay_out(
    template: Template, row: Mapping[str, str], *, own: frozenset[str], ground: bool
) -> tuple[_Layout, list[str]]:
    """The size and lines of the ground's values, or of a label's own, and what is wrong with them."""
    texts, symbols, problems = [], [], []
    for text in template.texts:
        value = text.text if text.field is None else row.get(text.field, "")
        if value and (text.field in own) != ground:
            fitted = _fit(text, text.prefix + value + text.suffix)
            problems += [fitted] if isinstance(fitted, str) else []
            texts += [fitted] if isinstance(fitted, _FittedText) else []
    for block in template.symbols:
        if (block.field in own) != ground:
            encoded = _encode(block, row[block.field])
            problems += [encoded] if isinstance(encoded, str) else []
            symbols += [(block, encoded)] if isinstance(encoded, Symbol) else []
    return _Layout(tuple(texts), tuple(symbols)), problems


@lru_cache(maxsize=4096)
def _fit(block: TextBlock, value: str) -> _FittedText | str:
    """The text at the largest size at which it fits, or the sentence that says why it does not."""
    if missing := unprintable(value, block.face, block.bold):
        return f"the {block.title} has characters that cannot be printed: {', '.join(map(ascii, missing))}."
    width = (block.width - 2 * block.padding) * mm
    steps = int((block.size - block.smallest) / _SIZE_STEP)
    for size in [*(block.size - step * _SIZE_STEP for step in range(steps + 1)), block.smallest]:
        lines = _wrapped(block, value, size, width)
        if len(lines) <= block.lines and all(_width(block, line, size) <= width for line in lines):
            return _FittedText(block, size, tuple(lines))
    return (
        f"the {block.title} is too long: {value!r} does not fit {block.lines} line(s) of {block.width:g} mm"
        f" at {block.smallest:g} pt. Shorten it, or use a larger label."
    )


def _wrapped(block: TextBlock, value: str, size: float, width: float) -> list[str]:
    """The value broken at spaces into lines no wider than `width` where that is possible."""
    if block.lines == 1:
        return [value]
    lines: list[str] = []
    for word in value.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(block, longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _width(block: TextBlock, line: str, size: float) -> float:
    return font(block.face, block.bold).stringWidth(line, size)


def _encode(block: SymbolBlock, value: str) -> Symbol | str:
    """The symbol, or the sentence that says why the value cannot be one in this place."""
    encode = data_matrix if isinstance(block, DataMatrixBlock) else code_128
    try:
        symbol = encode(value)
    except SymbolProblem as problem:
        return f"the {block.title}: {problem}"
    if symbol.columns > block.modules:
        return (
            f"the {block.title} is too long: {value!r} needs {symbol.columns} modules,"
            f" the label has room for {block.modules}."
        )
    return symbol


def _draw_ground(canvas: Canvas, template: Template, ground: _Layout) -> None:
    """The ground as a PDF form, which every page then shows by its name."""
    canvas.beginForm("ground", 0, 0, template.width * mm, template.height * mm)
    canvas.translate(0, template.height * mm)
    for rule in template.rules:
        canvas.rect(rule.x * mm, -(rule.y + rule.height) * mm, rule.width * mm, rule.height * mm, 0, 1)
    _draw_layout(canvas, ground)
    canvas.endForm()


def _draw_panel(canvas: Canvas, template: Template, label: _Layout, panel: int) -> None:
    """The ground and what is the label's own, in its place along the label."""
    canvas.saveState()
    canvas.translate(panel * template.panels.pitch * mm, 0)
    canvas.doForm("ground")
    canvas.translate(0, template.height * mm)
    _draw_layout(canvas, label)
    canvas.restoreState()


def _draw_layout(canvas: Canvas, layout: _Layout) -> None:
    """Frames, then words, then symbols; the origin is the label's upper left corner."""
    for fitted in layout.texts:
        if fitted.block.padding:
            _draw_background(canvas, fitted)
    if layout.texts:
        _draw_texts(canvas, layout.texts)
    for block, symbol in layout.symbols:
        _draw_symbol(canvas, block, symbol)


def _left_of(fitted: _FittedText, line: str) -> float:
    """Where the line begins, in points."""
    block = fitted.block
    pad = block.padding * mm
    room = block.width * mm - 2 * pad - _width(block, line, fitted.size)
    return block.x * mm + pad + room * {"left": 0, "centre": 0.5, "right": 1}[block.align]


def _draw_background(canvas: Canvas, fitted: _FittedText) -> None:
    """The frame or the black ground, as wide as the words and as high as their size."""
    block, pad = fitted.block, fitted.block.padding * mm
    left = min(_left_of(fitted, line) for line in fitted.lines) - pad
    width = max(_width(block, line, fitted.size) for line in fitted.lines) + 2 * pad
    _, top, _, bottom = block.box_of(fitted.size, len(fitted.lines))
    filled = int(block.inverse)
    canvas.setLineWidth(_FRAME_MM * mm)
    canvas.rect(left, -bottom * mm, width, (bottom - top) * mm, stroke=1 - filled, fill=filled)


def _draw_texts(canvas: Canvas, texts: Sequence[_FittedText]) -> None:
    """All words in one text object; white ones last, so that the colour changes once."""
    text = canvas.beginText()
    for fitted in sorted(texts, key=lambda one: one.block.inverse):
        block = fitted.block
        text.setFont(font(block.face, block.bold).fontName, fitted.size)
        if block.inverse:
            text.setFillGray(1)
        for number, line in enumerate(fitted.lines):
            text.setTextOrigin(_left_of(fitted, line), -block.y * mm - number * LEADING * fitted.size)
            text.textOut(line)
    canvas.drawText(text)
    if any(fitted.block.inverse for fitted in texts):
        canvas.setFillGray(0)


def _draw_symbol(canvas: Canvas, block: SymbolBlock, symbol: Symbol) -> None:
    module = block.module * mm
    left, top, height = block.x * mm, block.y * mm, module * symbol.rows
    if isinstance(block, DataMatrixBlock):
        spare = (block.modules - symbol.columns) / 2 * module
        left, top = left + spare, top + spare
    else:
        height = block.height * mm
    canvas.saveState()
    canvas.transform(module, 0, 0, height / symbol.rows, left, -top - height)
    if isinstance(block, DataMatrixBlock):
        canvas._code.append(symbol.mask)  # type: ignore[attr-defined]  # reportlab knows no inline masks
    else:
        canvas.drawPath(PDFPathObject([symbol.path]), stroke=0, fill=1)
    canvas.restoreState()
