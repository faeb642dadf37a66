"""Files that a browser sends with a form: read on the server, as text."""

import codecs
from collections.abc import Iterable
from contextlib import closing

from flask import request
from flask_babel import gettext

from cellbank.web.forms import Field

# A spreadsheet saves "Unicode text" in UTF-16, and says so by its first two bytes.
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class NoText(Exception):
    """A file that cannot be read as text; `field` is where it was chosen."""

    def __init__(self, field: str, sentence: str):
        self.field = field
        super().__init__(sentence)


def uploaded(fields: Iterable[Field]) -> dict[str, list[str]]:
    """The text of every file that was chosen, by its field. Raises NoText."""
    found = {}
    for item in fields:
        file = request.files.get(item.name) if item.kind == "file" else None
        if file is not None and file.filename:
            with closing(file):  # a large one lies in a temporary file
                found[item.name] = [_text(item.name, file.read())]
    return found


def _text(field: str, content: bytes) -> str:
    if not content.strip():
        raise NoText(field, gettext("The file is empty."))
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        said = gettext("The file is not text in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.")
        raise NoText(field, said) from None
