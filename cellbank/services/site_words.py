"""The words of the site, for paper that leaves the server without a reader: the language of the settings."""

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path

Say = Callable[[str], str]
CATALOGUES = Path(__file__).parents[1] / "web" / "translations"


def as_written(text: str) -> str:
    """The words as the code has them: English."""
    return text


@cache
def site_words(language: str) -> Say:
    """What turns a sentence of the code into the language of the site; without a translation it stays as written."""
    return gettext.translation("messages", CATALOGUES, [language], fallback=True).gettext
