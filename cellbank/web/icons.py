"""Bootstrap's icons as inline SVG, taken from the wheel: no font, no request, nothing that the policy must allow."""

import re
from functools import cache
from pathlib import Path

import flask_bootstrap
from markupsafe import Markup

SPRITE = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/icons/bootstrap-icons.svg"
_SYMBOL = re.compile(r'<symbol class="[^"]*" viewBox="([^"]*)" id="([^"]*)">(.*?)</symbol>', re.DOTALL)


@cache
def _symbols() -> dict[str, tuple[str, str]]:
    return {name: (box, drawing) for box, name, drawing in _SYMBOL.findall(SPRITE.read_text())}


@cache
def icon_symbol(name: str) -> Markup:
    """The icon to be drawn once, unseen, and used many times on a page: a box of 384 positions has as many icons."""
    box, drawing = _symbols()[name]
    return Markup(f'<symbol id="icon-{name}" viewBox="{box}" fill="currentColor">{drawing}</symbol>')


@cache
def icon_use(name: str) -> Markup:
    """The icon where `icon_symbol` has drawn it."""
    return Markup(f'<svg class="icon" width="1em" height="1em" aria-hidden="true"><use href="#icon-{name}"/></svg>')


@cache
def icon(name: str, size: str = "1em") -> Markup:
    """The icon, coloured as its text is and silent for screen readers: the word beside it says what it means."""
    box, drawing = _symbols()[name]
    return Markup(
        f'<svg class="icon" width="{size}" height="{size}" viewBox="{box}" fill="currentColor" aria-hidden="true">'
        f"{drawing}</svg>"
    )
