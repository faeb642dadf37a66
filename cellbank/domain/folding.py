"""Two spellings of one identifier: are they the same to whoever reads them?

``KH4-12 345``, ``kh4–12345`` and ``КН4 12345`` typed on a Cyrillic keyboard are one patient. `folded` is for comparing
only; what was typed is kept and shown as it was typed.
"""

import unicodedata

from cellbank.domain.identifiers import LOOK_ALIKES

# Dashes, spaces, and what leaves no ink: controls, marks that alter nothing to be seen, private and unused characters.
_LEFT_OUT = frozenset({"Pd", "Zs", "Zl", "Zp", "Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me"})
_MINUS = "\N{MINUS SIGN}"


def folded(text: str) -> str:
    """The identifier without case, spaces, dashes and unseen characters, Cyrillic and Greek look-alikes as Latin ones.

    Letters of another alphabet that look like no Latin one stay: ``ЖД12`` folds to ``жд12``.
    """
    plain = "".join(LOOK_ALIKES.get(character, character) for character in unicodedata.normalize("NFKC", text))
    capitals = "".join(LOOK_ALIKES.get(character, character) for character in plain.upper())
    return "".join(c for c in capitals if unicodedata.category(c) not in _LEFT_OUT and c != _MINUS).casefold()
