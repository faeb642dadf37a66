"""A text that the code has said, said again in the reader's language: a line of a list, a step of a calculation,
evidence, a stored refusal. What is stored stays as it was said then; its sentence is recognised by the templates of the
catalogue, and what filled it fills the translation.

What nothing recognises stays as it is, and so does every word that people typed: it only ever fills a sentence. A
fact is said again only where the name of its place says that the code put a word there (SAID); a name that people gave
stays, though it be a word of the catalogue too.

Anybody can have a text said again, so it costs no more than in proportion to its length: of a template the facts are
taken one after the other, each up to where the sentence next goes on, and none is given back (atomic groups).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, Protocol

from flask_babel import get_locale, get_translations, gettext

from cellbank.domain.identifiers import Kind
from cellbank.domain.lines import LINES
from cellbank.services.lookup.work import LINES as WORK

FIELD = re.compile(r"\{(\w+)(?:[:.!][^{}]*)?\}")
NUMBER = r"-?[\d.,]{1,30}"
CODE = r"[A-Z0-9][A-Z0-9 ,-]*"
KINDS = {
    **dict.fromkeys(("n", "m", "k", "l"), NUMBER),
    **dict.fromkeys(("code", "codes", "lot"), CODE),
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d[^,;]{0,20}",
    "day": r"\d{4}-\d\d-\d\d",
}
_SAID = (
    "a act allowed b begin c classification consequence container criteria d finding kind meaning of other parent_type "
    "purpose record result role roles side source state test tests thing tissue type verdict wanted way_out what which"
)
SAID = frozenset(_SAID.split())
"""Places in a sentence that words and lines of the code fill. In every other one stands what somebody named or typed,
or a figure: it stays."""
NAMED = frozenset({Kind.PERSON, Kind.STORAGE, Kind.TRAINING})  # their title is the name that somebody has or gave
ANYTHING = r"(?:(?![.?!] [A-Z]).)"  # no fact goes on over the end of a sentence
LONGEST_BEFORE_ANOTHER = 200  # of a fact that hardly anything divides from the next one
QUOTED = r"'[^']*'|\"[^\"]*\""
#: what the worklists say is put together in the reader's language: of no text there is it to be recognised
PHRASES = {sentence for lines in WORK.values() for line in lines for sentence in line.sentences()} - {*LINES}
LETTERS = 3  # of a sentence that can be told from others
LONGEST = 2000
MOST_SENTENCES = 4  # of one template
SIGNS = ("\n", "; ", " · ")


class Template(NamedTuple):
    """A sentence of the catalogue and what it looks like when it is filled."""

    sentence: str
    looks: re.Pattern[str]
    literal: int  # how many of its letters are its own
    piece: str  # the longest of what stands between its facts: a text without it is another one


class Titled(Protocol):
    """A record as a list or a card shows it."""

    @property
    def code(self) -> str: ...
    @property
    def title(self) -> str: ...


def said_again(text: str | None) -> str:
    """The text in the reader's language, as far as it is known."""
    return _told(str(get_locale()), text) if text and len(text) <= LONGEST else text or ""


def title_of(item: Titled) -> str:
    """What a record is called, in the reader's language: a name that people gave stays."""
    return item.title if item.code[:2] in NAMED else said_again(item.title)


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
    return FIELD.sub(lambda field: _fact(locale, field[1], facts[field[1]]), sentence)


def _fact(locale: str, place: str, value: str) -> str:
    """What fills a sentence: a word or a line of the code is said too, anything else stays."""
    return (_whole(locale, value) or value) if place in SAID and not value[:1].isdigit() else value


def _in_parts(locale: str, text: str) -> str | None:
    """Sentences that stand behind each other, or pieces of a line: each that is known."""
    for sign in SIGNS:
        if sign in text:
            return sign.join(_told(locale, part) for part in text.split(sign))
    said: list[str] = []
    rest = text
    while found := _head(locale, rest):
        head, rest = found
        said.append(head)
    return " ".join([*said, rest] if rest else said) if said else None


def _head(locale: str, text: str) -> tuple[str, str] | None:
    """The longest beginning of a text that is known, said again, and what follows it."""
    ends = [end.start() for end in islice(re.finditer(r"(?<=[.?!]) ", text), MOST_SENTENCES)]
    for end in (len(text), *reversed(ends)) if text else ():
        if (head := _whole(locale, text[:end])) is not None:
            return head, text[end + 1 :]
    return None


@lru_cache(maxsize=8)
def _templates(locale: str) -> tuple[Template, ...]:
    """Every sentence of the catalogue that is filled with facts; what has most signs of its own comes first."""
    return tuple(sorted(_of_the_catalogue(), key=lambda one: -one.literal))


def _of_the_catalogue() -> Iterator[Template]:
    catalogue = getattr(get_translations(), "_catalog", {})
    for sentence in catalogue:
        if not isinstance(sentence, str) or sentence in PHRASES:
            continue
        if FIELD.search(sentence) and (made := template_of(sentence)):
            yield made


def template_of(sentence: str) -> Template | None:
    """What a sentence looks like when it is filled; None for one that has hardly a letter of its own."""
    plain = sentence.strip()
    fields = list(FIELD.finditer(plain))
    starts, ends = [0, *(one.end() for one in fields)], [*(one.start() for one in fields), len(plain)]
    own = [plain[start:end] for start, end in zip(starts, ends, strict=True)]
    literal = sum(map(str.isalpha, "".join(own)))
    if literal < LETTERS:
        return None
    return Template(sentence, re.compile(_looks(own, [one[1] for one in fields])), literal, max(own, key=len))


def _looks(own: Sequence[str], names: Sequence[str]) -> str:
    """The pattern of a sentence: what is its own, and between it the facts. A fact that may be anything is taken for
    good with all that follows until the next such one, unless hardly a sign divides the two."""
    looks, group, seen = re.escape(own[0]), "", set()
    for place, name in enumerate(names):
        before, free = own[place], _kind(name) is None and name not in seen
        if free and group and len(before) > 1:
            looks, group = looks + f"(?>{group})", ""
        divided = place + 1 == len(names) or len(own[place + 1]) > 1
        anything = ANYTHING + ("+?" if divided else f"{{1,{LONGEST_BEFORE_ANOTHER}}}?")
        group += f"(?P={name})" if name in seen else f"(?P<{name}>{_kind(name) or anything})"
        group += re.escape(own[place + 1])
        seen.add(name)
    return f"{looks}(?>{group}\\Z)"


def _kind(name: str) -> str | None:
    """What a fact of this name looks like; None: it may be anything."""
    return QUOTED if name.startswith("quoted") else KINDS.get(name)
