"""How a sentence says its facts: in the words of people, for whom IN_STOCK is no word and None no answer."""

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from cellbank.domain.lifecycle.meanings import STATES

NAMES_OF_THE_CODE = frozenset(
    {*(state for states in STATES.values() for state in states), "IN_SPECIFICATION", "OUT_OF_SPECIFICATION"}
    | {"master_bank", "working_bank", "quality_officer"}
)
NOTHING = "–"


def plain_word(name: str) -> str:
    """A name of the code within a sentence: IN_STOCK is "in stock". What is no name of the code stays as it is."""
    return name.replace("_", " ").lower() if name in NAMES_OF_THE_CODE else name


def plain(value: Any, word: Callable[[str], str] = plain_word) -> Any:
    """A fact as people say it: names as words, several side by side, nothing as a dash. Instants
    are said on a wall clock before (wall.py)."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return word("yes" if value else "no")
    if isinstance(value, str):
        return word(value)
    if isinstance(value, tuple | list):
        return ", ".join(str(plain(one, word)) for one in value) or NOTHING
    return value


class _Sentence(Formatter):
    def __init__(self, word: Callable[[str], str]):
        self.word = word

    def format_field(self, value: Any, format_spec: str) -> str:
        """Where the sentence says how, its way; else as people say it."""
        if format_spec and value is not None:
            return format(value, format_spec)
        return str(plain(value, self.word))


def fill(sentence: str, facts: Mapping[str, Any], word: Callable[[str], str] = plain_word) -> str:
    """The sentence with its facts; `word` says a name of the code in the reader's language. Raises KeyError for a fact
    that is missing."""
    return _Sentence(word).vformat(sentence, (), facts)
