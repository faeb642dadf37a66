"""What the code writes into records, why it stops something and what a deviation is about, and what it says among the
facts of a card, is recognised and said in the reader's language: each has its template in `domain/lines.py`."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cellbank.domain.lines import LINES
from cellbank.web.told import template_of

SERVICES = Path(__file__).parents[2] / "cellbank" / "services"
KEPT = {"reason", "title", "description"}
FACTS = ["12.5", "25.0 ×10⁶", "LT0001K", "2026-03-29 04:30 EEST", "2026-03-29", "words of it"]
#: their parts are sentences that are recognised themselves, or texts that people typed
ELSEWHERE = {
    "{reason}, after the {released}",
    "{description}\n{note}",
    "{notice.reason}\n{reason}",
    "Happened {entered}: {work.late_because}",  # the time and who entered it come in one piece
}


def kept_sentences() -> Iterator[tuple[str, Iterator[str]]]:
    """Each sentence with places that is given as a reason, a title or a description, as it is written, and as it may be
    filled."""
    for path in sorted(SERVICES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for value in _given(node):
                yield from ((_written(one), _filled(one)) for one in ast.walk(value) if _is_sentence(one))


def _given(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and _name(node.func) == "Said":
        yield from node.args
    elif isinstance(node, ast.Call) and _name(node.func) != "Field":
        yield from (word.value for word in node.keywords if word.arg in KEPT)
    if isinstance(node, ast.Assign) and any(_name(target) in KEPT for target in node.targets):
        yield node.value


def _is_sentence(node: ast.AST) -> bool:
    """Whether it has places; without any it is the form of a figure."""
    return isinstance(node, ast.JoinedStr) and any(isinstance(part, ast.FormattedValue) for part in node.values)


def _name(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def _written(sentence: Any) -> str:
    return "".join(
        part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}" for part in sentence.values
    )


def _filled(sentence: Any) -> Iterator[str]:
    """As it may be kept: a figure, a code, a time, a day or words in each place."""
    parts = [[part.value] if isinstance(part, ast.Constant) else FACTS for part in sentence.values]
    return map("".join, itertools.product(*parts))


def test_what_the_code_keeps_is_recognised() -> None:
    templates = [made for line in LINES if (made := template_of(line))]
    unknown = {
        written
        for written, filled in kept_sentences()
        if written not in ELSEWHERE and not any(one.looks.fullmatch(text) for text in filled for one in templates)
    }
    assert not unknown, "say each in domain/lines.py, and in Ukrainian"


def test_what_is_recognised_elsewhere_is_still_written() -> None:
    assert {written for written, _ in kept_sentences()} >= ELSEWHERE
