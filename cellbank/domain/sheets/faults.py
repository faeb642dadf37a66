"""What stops a file: faults, or a question that only a person can answer."""

from collections.abc import Sequence

from cellbank.domain.question import Choice, Question


class Unreadable(ValueError):
    """A cell that is no time, or no temperature; the sentence says why."""


class FileProblem(Exception):
    """A file that cannot be read as readings; `problems` has a sentence for each fault. Nothing of it is kept."""

    def __init__(self, *problems: str):
        self.problems = problems
        super().__init__("; ".join(problems))


class FileAsks(FileProblem):
    """A file that does not tell something; `question` has the field that answers it."""

    def __init__(self, question: Question, *problems: str):
        self.question = question
        super().__init__(*problems)


def asks(
    field: str, sentence: str, choices: Sequence[tuple[str, str]], found: Sequence[Sequence[str]] = ()
) -> FileAsks:
    """A question about a file: the field, the sentence, and (value, meaning) of each answer."""
    rows = tuple(tuple(cell[:60] for cell in row) for row in found)
    return FileAsks(Question(field, tuple(Choice(*one) for one in choices), rows), sentence)
