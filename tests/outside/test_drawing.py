"""The vocabulary of drawings: every tone is known to both of those who draw."""

import re
from pathlib import Path

import pytest

from cellbank.outside.drawing import LOOKS, Drawing, Group, Mark, rectangle
from cellbank.outside.drawing_pdf import FILLS, PENS, TYPES, drawings_pdf
from cellbank.web.drawing import svg

SHEET = Path(__file__).parents[2] / "cellbank/web/static/cellbank.css"
WHOLE = ((10.0, 10.0), (40.0, 20.0))


def every_mark() -> tuple[Mark, ...]:
    filled = [Mark(shape, tone, WHOLE, "EX") for tone in LOOKS for shape in ("band", "box")]
    areas = [Mark("area", tone, rectangle(60, 10, 30, 30)) for tone in LOOKS]
    lines = [Mark("line", tone, ((0, 0), (10, 10), (10, 20))) for tone in PENS]
    words = [Mark("word", tone, ((5, 5), (50, 5)), "Лот <1>") for tone in (*TYPES, "axis")]
    others = [Mark("curve", "link", ((0, 0), (1, 1), (2, 2), (3, 3))), Mark("dot", "curve-0", ((4, 4),))]
    return (*filled, *areas, *lines, *words, *others)


def test_every_mark_is_drawn_on_paper_and_on_a_page() -> None:
    drawing = Drawing("All <of> them", 100, 60, (*every_mark()[:2], Group(every_mark()[2:])))
    assert drawings_pdf([drawing], ["a line"], "foot").startswith(b"%PDF")
    page = svg(drawing)
    assert 'role="img"' in page and 'aria-label="All &lt;of&gt; them"' in page and "Лот &lt;1&gt;" in page
    assert page.count("<title>EX · ") == 2 * len(LOOKS) and "style=" not in page
    used = set(re.findall(r"url\(#([a-z-]+)\)", page))
    assert used == set(re.findall(r'<pattern id="([a-z-]+)"', page)) and len(used) > 5


@pytest.mark.parametrize("colour", sorted({look.colour for look in LOOKS.values()}))
def test_every_colour_is_known_to_paper_and_page(colour: str) -> None:
    assert colour in FILLS and f".fill-{colour} {{" in SHEET.read_text()


@pytest.mark.parametrize("pen", sorted(PENS))
def test_every_line_has_its_colour_on_a_page(pen: str) -> None:
    assert re.search(rf"\.line-{pen}[ ,)]", SHEET.read_text())
