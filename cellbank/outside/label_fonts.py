"""The two faces on a label, embedded in every PDF: Ubuntu for words, Ubuntu Mono for codes.

Ubuntu Mono has a dotted zero and a capital I with serifs, so that 0/O and 1/I cannot be confused in a code.
In small type, where a coarse printer fills the dot in and makes an 8 of it, Ubuntu is the clearer one with
its narrow open 0, wide O, bare I and flagged 1; templates may not use the mono face there.
Both cover Ukrainian, the minus sign and superscript digits. They come from the wheel pymupdf-fonts, so that a
label looks the same on every machine; reportlab's own Vera has no Cyrillic.
"""

import io
from functools import lru_cache
from importlib import import_module
from typing import Literal

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont

Face = Literal["text", "code"]

_FILES = {
    ("text", False): "Ubuntu_Regular",
    ("text", True): "Ubuntu_Bold",
    ("code", False): "UbuntuMono_Regular",
    ("code", True): "UbuntuMono_Bold",
}


@lru_cache
def font(face: Face, bold: bool) -> TTFont:
    """The font, read and registered with reportlab at its first use."""
    file = _FILES[face, bold]
    loaded = TTFont(file.replace("_", "-"), io.BytesIO(import_module(f"pymupdf_fonts.{file}").fontbuffer))
    registerFont(loaded)
    return loaded


def unprintable(text: str, face: Face, bold: bool) -> list[str]:
    """The characters of the text for which the font has no glyph."""
    return sorted({char for char in text if ord(char) not in font(face, bold).face.charToGlyph})
