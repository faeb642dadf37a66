"""What a file or a form does not tell, and nobody may guess: the field that answers it, and the answers that it can
have. A page offers each answer as one click; another program reads them beside the problem or the reason.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """One possible answer: the value of the field, and what it means."""

    value: str
    title: str


@dataclass(frozen=True)
class Question:
    """What is asked: a field, its possible answers, and what was found (rows as they were read)."""

    field: str
    choices: tuple[Choice, ...] = ()
    found: tuple[tuple[str, ...], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The form of the public face."""
        return {
            "field": self.field,
            "choices": [{"value": one.value, "title": one.title} for one in self.choices],
            "found": [list(row) for row in self.found],
        }
