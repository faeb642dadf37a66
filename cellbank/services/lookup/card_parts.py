"""What the cards of all kinds are made of: a question to the database, and the words for its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cellbank.services.wording.values import shown

Row = Mapping[str, Any]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """How to read a face: the statement (one parameter, the code) and what to make of its row (`on_the_clock`)."""

    statement: str
    title: Callable[[Row], str]
    facts: Callable[[Row], Facts]


def simple(*pairs: tuple[str, str]) -> Callable[[Row], Facts]:
    """Facts straight from columns: (label, column)."""
    return lambda row: tuple((label, shown(row[column])) for label, column in pairs)
