"""Two spellings of one identifier: are they the same to whoever reads them?

``KH4-12 345``, ``kh4–12345`` and ``КН4 12345`` typed on a Cyrillic keyboard are one patient. `folded` is for comparing
only; what was typed is kept and shown as it was typed.
"""

import unicodedata

from cellbank.domain.identifiers import LOOK_ALIKES

# What counts: letters and numerals. Whatever parts them (dash, space, dot, slash, a mark that is hardly seen) is typed
# now so, now otherwise. A lengthening mark (Lm) looks like a dash.
_COUNTS = ("L", "N")
_DASH_LIKE = "Lm"


def folded(text: str) -> str:
    """The letters and numerals of the identifier without case, Cyrillic and Greek look-alikes as Latin ones.

    Letters of another alphabet that look like no Latin one stay: ``ЖД12`` folds to ``жд12``.
    """
    plain = "".join(LOOK_ALIKES.get(character, character) for character in unicodedata.normalize("NFKC", text))
    capitals = "".join(LOOK_ALIKES.get(character, character) for character in plain.upper())
    return "".join(c for c in capitals if _counts(unicodedata.category(c))).casefold()


def _counts(category: str) -> bool:
    return category.startswith(_COUNTS) and category != _DASH_LIKE
