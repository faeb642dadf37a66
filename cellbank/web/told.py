"""A text that the code has said, said again in the reader's language: a line of a list, a step of a calculation,
evidence, a stored refusal. What is stored stays as it was said then; its sentence is recognised by the templates of the
catalogue, and what filled it fills the translation.

What nothing recognises stays as it is, and so does every word that people typed: it only ever fills a sentence.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from flask_babel import get_locale, get_translations, gettext

FIELD = re.compile(r"\{(\w+)(?:[:.!][^{}]*)?\}")
NUMBER = r"-?[\d.,]+"
CODE = r"[A-Z0-9][A-Z0-9 ,-]*"
KINDS = {
    **dict.fromkeys(("n", "m", "k", "l"), NUMBER), **dict.fromkeys(("code", "codes", "lot"), CODE),
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d[^,;]*", "day": r"\d{4}-\d\d-\d\d",
}  # fmt: skip
ANYTHING = r"(?:(?![.?!] [A-Z]).)+?"  # no fact goes on over the end of a sentence
QUOTED = r"'[^']*'|\"[^\"]*\""
LETTERS = 3  # of a sentence that can be told from others
LONGEST = 4000
SIGNS = ("; ", " · ")


class Template(NamedTuple):
    """A sentence of the catalogue and what it looks like when it is filled."""

    sentence: str
    looks: re.Pattern[str]
    literal: int  # how many of its letters are its own
    piece: str  # the longest of what stands between its facts: a text without it is another one


def told(text: str | None) -> str:
    """The text in the reader's language, as far as it is known."""
    return _told(str(get_locale()), text) if text and len(text) <= LONGEST else text or ""


@lru_cache(maxsize=16384)
def _told(locale: str, text: str) -> str:
    if not text.strip():
        return text  # the catalogue answers nothing with its header
    if text.strip() != text or (said := _whole(locale, text)) is None:
        said = _in_parts(locale, text)
    return said or text


def _whole(locale: str, text: str) -> str | None:
    """The text as one sentence or word of the catalogue."""
    said = gettext(text)
    if said != text:
        return said
    for template in _templates(locale):
        if template.piece in text and (found := template.looks.fullmatch(text)):
            return _filled(gettext(template.sentence).strip(), found.groupdict(), locale)
    return None


def _filled(sentence: str, facts: dict[str, str], locale: str) -> str:
    return FIELD.sub(lambda field: _fact(locale, facts[field[1]]), sentence)


def _fact(locale: str, value: str) -> str:
    """What fills a sentence: a word or a line of the code is said too, anything else stays."""
    return value if value[:1].isdigit() else _whole(locale, value) or value


def _in_parts(locale: str, text: str) -> str | None:
    """Sentences that stand behind each other, or pieces of a line: each that is known."""
    for sign in SIGNS:
        if sign in text:
            return sign.join(_told(locale, part) for part in text.split(sign))
    ends = [end.start() for end in re.finditer(r"(?<=[.?!]) ", text)]
    for end in reversed(ends):
        if (head := _whole(locale, text[:end])) is not None:
            return f"{head} {_told(locale, text[end + 1 :])}"
    return None


@lru_cache(maxsize=8)
def _templates(locale: str) -> tuple[Template, ...]:
    """Every sentence of the catalogue that is filled with facts; what has most signs of its own comes first."""
    return tuple(sorted(_of_the_catalogue(), key=lambda one: -one.literal))


def _of_the_catalogue() -> Iterator[Template]:
    catalogue = getattr(get_translations(), "_catalog", {})
    for sentence in catalogue:
        if isinstance(sentence, str) and FIELD.search(sentence) and (made := template_of(sentence)):
            yield made


def template_of(sentence: str) -> Template | None:
    """What a sentence looks like when it is filled; None for one that has hardly a letter of its own."""
    plain = sentence.strip()
    looks, end, own, seen = "", 0, [], set()
    for field in FIELD.finditer(plain):
        name = field[1]
        own.append(plain[end : field.start()])
        looks += re.escape(own[-1]) + (f"(?P={name})" if name in seen else f"(?P<{name}>{_kind(name)})")
        seen.add(name)
        end = field.end()
    own.append(plain[end:])
    literal = sum(map(str.isalpha, "".join(own)))
    if literal < LETTERS:
        return None
    return Template(sentence, re.compile(looks + re.escape(own[-1])), literal, max(own, key=len))


def _kind(name: str) -> str:
    """What a fact of this name looks like."""
    return QUOTED if name.startswith("quoted") else KINDS.get(name, ANYTHING)
