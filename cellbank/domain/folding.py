"""Two spellings of one name or identifier: are they the same to whoever reads them?

``KH4-12 345``, ``kh4–12345`` and ``КН4 12345`` typed on a Cyrillic keyboard are one patient. A skeleton is for
comparing only; what was typed is kept and shown as it was typed. Twin in the database, of what is typed in ASCII:
a_number_is_compared_by_its_letters.
"""

import unicodedata
from functools import cache

from cellbank.domain.identifiers import LOOK_ALIKES

# What counts: letters and numerals. Whatever parts them (dash, space, dot, slash, a mark that is hardly seen) is typed
# now so, now otherwise. A lengthening mark (Lm) looks like a dash.
_COUNTS = ("L", "N")
_DASH_LIKE = "Lm"


def skeleton(text: str) -> str:
    """The letters and numerals without case, those that look like Latin ones as Latin ones (Unicode TR39; for the
    alphabets that are typed here, `LOOK_ALIKES` says it for small and capital letters).

    O and 0, l, I and 1 stay apart: they stand on every keyboard, and numbers are told apart by them. Letters of another
    alphabet that look like no Latin one stay: ``ЖД12`` becomes ``жд12``.
    """
    plain = _latin(unicodedata.normalize("NFKC", text))
    return "".join(c for c in _latin(plain.upper()) if _counts(unicodedata.category(c))).casefold()


_ASCII_ALIKE = str.maketrans("01i", "oll")


def name_skeleton(name: str) -> str:
    """Of a sign-in name, which is read and not copied: besides, 0 is o, 1 and i are l, rn is m and vv is w. A number is
    told apart by these, a colleague is not. Twin in the database: a_sign_in_name_reads_like_no_other."""
    return skeleton(name).translate(_ASCII_ALIKE).replace("rn", "m").replace("vv", "w")


def _latin(text: str) -> str:
    return text if text.isascii() else "".join(map(_look, text))


def _look(character: str) -> str:
    if character.isascii() or not character.isalnum():
        return character
    return LOOK_ALIKES.get(character) or _confusables().get(character, character)


@cache
def _confusables() -> dict[str, str]:
    """The letters and numerals that look like one of ASCII. Read when first needed: the table takes a third of a
    second, and most texts have no such letter."""
    from confusable_homoglyphs.confusables import confusables_data

    alike = ((character, _ascii(found)) for character, found in confusables_data.items() if not character.isascii())
    return {character: ascii_one for character, ascii_one in alike if ascii_one}


def _ascii(found: list[dict[str, str]]) -> str:
    return next((one["c"] for one in found if len(one["c"]) == 1 and one["c"].isascii() and one["c"].isalnum()), "")


def _counts(category: str) -> bool:
    return category.startswith(_COUNTS) and category != _DASH_LIKE
