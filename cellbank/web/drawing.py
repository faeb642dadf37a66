"""Drawings as SVG: each mark with its classes, so that the sheet of the pages gives it its colours."""

from collections.abc import Iterable, Mapping

from flask import url_for
from markupsafe import Markup, escape

from cellbank.outside.document_chart import Chart
from cellbank.outside.document_picture import Picture, Trace
from cellbank.outside.drawing import LOOKS, Drawing, Group, Look, Mark, Point
from cellbank.web.told import said_again
from cellbank.web.words import word

Names = Mapping[str, str]
#: what stands written in pictures of temperatures, and what is said of their bands
NAMED = ("silent", "warning", "critical", "reject", "warm", "cold", "nucleation", "band", "product", "chamber")
PAPER = 700.0  # how wide the curves of a document are on a page
_LINES = {"rising": '<path d="M0 8L8 0"/>', "falling": '<path d="M0 0L8 8"/>', "level": '<path d="M0 4H8"/>',
          "dots": '<circle cx="4" cy="4" r="1.2"/>'}  # fmt: skip


def block_svg(block: Picture | Chart | Trace) -> Markup:
    """A drawing of a document on a page."""
    drawing = block.drawing(PAPER) if isinstance(block, Chart) else block.drawing()
    return svg(drawing, said_again(drawing.title), "on-page")


def svg(drawing: Drawing, name: str = "", kind: str = "") -> Markup:
    """The drawing for a page. `name` is what a screen reader calls it, `kind` is a class more."""
    named = {name: word(name) for name in NAMED}
    drawn = "".join(_part(part, named) for part in drawing.parts)
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    role = "group" if any(isinstance(part, Group) and part.code for part in drawing.parts) else "img"
    return Markup(
        f'<svg class="drawing {kind}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="{role}" '
        f'font-size="{drawing.size:g}" aria-label="{escape(name or drawing.title)}">{_patterns(drawing)}{drawn}</svg>'
    )


def _patterns(drawing: Drawing) -> str:
    """The patterns that it needs: not everybody sees the colours."""
    looks = dict.fromkeys(LOOKS[mark.tone] for mark in drawing.marks if mark.shape in ("area", "band", "box"))
    return "".join(
        f'<pattern id="{look.pattern}-{look.colour}" class="hatch fill-{look.colour}" width="8" height="8" '
        f'patternUnits="userSpaceOnUse"><rect width="8" height="8"/>{_LINES[look.pattern]}</pattern>'
        for look in looks
        if look.pattern != "plain"
    )


def _part(part: Mark | Group, names: Names) -> str:
    if isinstance(part, Mark):
        return _mark(part, names)
    drawn = "".join(_mark(mark, names) for mark in part.marks)
    if part.code is None:
        return f"<g>{drawn}</g>"
    return f'<a href="{escape(url_for("web.record", code=part.code))}">{drawn}</a>'


def _mark(mark: Mark, names: Names) -> str:
    if mark.shape == "word":
        (x, y), text = mark.points[0], escape(names.get(mark.text, mark.text))
        return f'<text class="word-{mark.tone}" x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}">{text}</text>'
    if mark.shape == "dot":
        ((x, y),) = mark.points
        return f'<circle class="line-{mark.tone}" cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>'
    if mark.shape in ("line", "curve"):
        path = _path(mark.points) if mark.shape == "line" else _curve(mark.points)
        return f'<path class="line line-{mark.tone}" d="{path}"/>'
    return _filled(mark, LOOKS[mark.tone], names)


def _filled(mark: Mark, look: Look, names: Names) -> str:
    fill = "" if look.pattern == "plain" else f' fill="url(#{look.pattern}-{look.colour})"'
    drawn = f'class="{mark.shape} fill-{look.colour}" data-of="{mark.tone}"{fill}'
    title = f"<title>{escape(mark.text)} · {escape(names.get(mark.tone, mark.tone))}</title>" if mark.text else ""
    if mark.shape == "area":
        return f'<path {drawn} d="{_path(mark.points)}Z">{title}</path>'
    (x, y), (width, height) = mark.points
    corners = ' rx="7"' if mark.shape == "box" else ""
    place = f'x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}"{corners}'
    return f"<rect {drawn} {place}>{title}</rect>"


def _curve(points: Iterable[Point]) -> str:
    start, *rest = (f"{x:g} {y:g}" for x, y in points)
    return f"M{start}C{' '.join(rest)}"


def _path(points: Iterable[Point]) -> str:
    """Points as a path of steps: V where only the height changes."""
    parts: list[str] = []
    before: float | None = None
    for x, y in points:
        step = f"V{y:.1f}" if x == before else f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}"
        parts.append(step)
        before = x
    return "".join(parts)
