"""What is said of a record in a line: a sentence of ours and its facts. It is put together where it is read, in the
reader's language, and not before."""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.identifiers import printed
from cellbank.domain.quantities import millions
from cellbank.domain.wall import on_the_wall, text_on_the_wall

SIGN = " · "  # between the phrases of a line

#: Facts under these names are names of the code, and said as words; those under TEXTS are texts that people typed or
#: the code has said and kept; one under CELLS is a count of cells.
WORDS = frozenset({"role", "roles", "verdict", "lot_state", "classification"})
TEXTS = frozenset({"title", "reason", "why", "description", "result", "change"})
CELLS = "cells"
CODE = re.compile(r"\b[A-Z0-9]{6,40}\b")  # it stands in its groups


class Said(str):
    """A line of ours among facts that people typed: one of `domain/lines.py`, recognised where it is shown."""


@dataclass(frozen=True)
class If:
    """A sentence for a row in which this fact is so: neither nothing nor no; for the others another one, or none."""

    fact: str
    so: str
    otherwise: str | None = None


@dataclass(frozen=True)
class By:
    """A sentence for each value of a fact, and one for a value that nobody thought of: a page that says less of a line
    is better than no page."""

    fact: str
    said: Mapping[str, str]
    otherwise: str


Wording = str | If | By
Say = Callable[[str], str]


@dataclass(frozen=True)
class Phrase:
    """A sentence with its facts."""

    sentence: str
    facts: Mapping[str, Any]
    zone: datetime.tzinfo

    def said(self, say: Say = str, word: Say = str.lower, tell: Say = str) -> str:
        """In the language of `say`; names of the code by `word`, texts that were kept by `tell`."""
        facts = {name: self._fact(name, value, word, tell) for name, value in self.facts.items()}
        return say(self.sentence).format_map(facts)

    def _fact(self, name: str, value: Any, word: Say, tell: Say) -> str:
        if name in WORDS and value:
            return ", ".join(word(one.replace("_", " ")) for one in ([value] if isinstance(value, str) else value))
        if isinstance(value, datetime.datetime):
            return on_the_wall(value, self.zone)
        if name == CELLS:
            return millions(value)
        said = f"{value:f}" if isinstance(value, Decimal) else CODE.sub(lambda found: printed(found[0]), str(value))
        return tell(text_on_the_wall(said, self.zone)) if name in TEXTS else said


def phrases(wordings: Iterable[Wording], row: Mapping[str, Any], zone: datetime.tzinfo) -> tuple[Phrase, ...]:
    """What these wordings say of a row."""
    chosen = (_chosen(one, row) for one in wordings)
    return tuple(Phrase(sentence, row, zone) for sentence in chosen if sentence)


def sentences(wordings: Iterable[Wording]) -> Iterator[str]:
    """All that they may say, to be translated."""
    for one in wordings:
        if isinstance(one, str):
            yield one
        elif isinstance(one, If):
            yield from filter(None, (one.so, one.otherwise))
        else:
            yield from (*one.said.values(), one.otherwise)


def in_english(said: Iterable[Phrase]) -> str:
    """The phrases of a line, in the language of the code."""
    return SIGN.join(one.said() for one in said)


def _chosen(wording: Wording, row: Mapping[str, Any]) -> str | None:
    if isinstance(wording, str):
        return wording
    if isinstance(wording, If):
        return wording.so if row[wording.fact] else wording.otherwise
    return wording.said.get(row[wording.fact], wording.otherwise)
