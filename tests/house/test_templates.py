"""Templates draw a yes or a STOP by the macros of `parts/verdict.html`, out of a Verdict, and by nothing else."""

import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "cellbank" / "web" / "templates"
# As a class; the amber one only asks, and says neither.
DRAWN = re.compile(r"""class="[^"]*\b(?:verdict-(?!unknown\b)\w|bed-(?:go|stop|match|running)\b)""")
VERDICT = TEMPLATES / "parts" / "verdict.html"


def test_only_the_macros_draw_a_verdict() -> None:
    drawn = {
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*.html")
        if path != VERDICT and DRAWN.search(path.read_text())
    }
    assert drawn == set()
    assert "verdict-{{" in VERDICT.read_text()
