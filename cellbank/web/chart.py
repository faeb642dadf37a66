"""A temperature trace as SVG; what is drawn where is the drawing's (`services/temperature/trace_drawing.py`)."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from cellbank.outside.document_trace import Mark
from cellbank.services.temperature.temperature_chart import Chart, marks
from cellbank.services.temperature.trace_drawing import HEIGHT, WIDTH

TONES = {"silent": "over", "warning": "wait", "critical": "stop", "reject": "stop"}


def svg_of(chart: Chart, label: str = "", names: dict[str, str] | None = None) -> Markup:
    """The drawing; `names` are the words for kinds and limits in the reader's language."""
    return svg_of_marks(marks(chart), label, names or {})


def svg_of_marks(marked: Iterable[Mark], label: str, names: dict[str, str]) -> Markup:
    """Any drawing of temperatures, from its marks."""
    drawn = "".join(_drawn(mark, names) for mark in marked)
    return Markup(
        f'<svg class="trace" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(label)}">'
        f"{_HATCH}{drawn}</svg>"
    )


# Kinds differ by pattern too: not everybody sees the colours.
_HATCH = (
    '<defs><pattern id="hatch-silent" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch-silent" d="M0 0V6"/></pattern>'
    '<pattern id="hatch-stop" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<path class="hatch-stop" d="M0 0V5"/></pattern></defs>'
)
_PATTERNS = {
    "silent": "hatch-silent",
    "critical": "hatch-stop",
    "reject": "hatch-stop",
    "warm": "hatch-stop",
    "cold": "hatch-silent",
}


def _drawn(mark: Mark, names: dict[str, str]) -> str:
    if mark.shape == "band":
        (x, y), (width, height) = mark.points
        box = f'x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}"'
        title = f"<title>{escape(mark.text)} · {escape(names.get(mark.tone, mark.tone))}</title>"
        pattern = _PATTERNS.get(mark.tone)
        hatched = f'<rect {box} fill="url(#{pattern})"/>' if pattern else ""
        return f'<g><rect class="band band-{mark.tone}" {box}/>{hatched}{title}</g>'
    if mark.shape == "area":
        return f'<path class="area area-{mark.tone}" d="{_path(mark.points)}Z"/>'
    if mark.shape == "word":
        ((x, y),) = mark.points
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}"'
        return f'<text class="word word-{mark.tone}" {place}>{escape(names.get(mark.text, mark.text))}</text>'
    return f'<path class="line line-{mark.tone}" d="{_path(mark.points)}"/>'


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Points as a path of steps: H and V where only one number changes."""
    parts: list[str] = []
    before: tuple[float, float] | None = None
    for x, y in points:
        if before is None:
            parts.append(f"M{x:g} {y:.0f}")
        elif x == before[0]:
            parts.append(f"V{y:.0f}")
        else:
            parts.append(f"L{x:g} {y:.0f}")
        before = (x, y)
    return "".join(parts)
