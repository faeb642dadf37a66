"""Documents and refusals are read by people: what the story of the trial prints or refuses says nothing in the words of
a program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import cellbank
from cellbank.domain.identifiers import RECORDS
from cellbank.domain.saying import NAMES_OF_THE_CODE
from cellbank.services import catalogue
from cellbank.services.documents.document_types import TYPES, DocumentType
from cellbank.services.documents.papers import as_blocks, snapshot
from cellbank.services.installation import Installation

catalogue.load()
ROOT = Path(cellbank.__file__).parent
MOST = 40  # records of a kind
# Words of the program, and what a page says to whoever sits before it.
OF_THE_PROGRAM = re.compile(
    r"\bNone\b(?!\.$)|\bTrue\b|\bFalse\b|\(code=|Decimal\(|datetime\.|[{}]"
    r"|\b[a-z]+_[a-z_]+\b|\b[A-Z]{2,}_[A-Z_]+\b|[Gg]ive your|[Cc]lick"
)


def said(data: Any) -> Iterator[str]:
    """Every text of a paper."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from () if name in ("type", "style") else said(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from said(value)
    elif isinstance(data, str):
        yield data


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("type_", TYPES.values(), ids=list(TYPES))
def test_no_document_of_the_story_speaks_as_a_program(story: Installation, type_: DocumentType) -> None:
    found, read = set(), 0
    with snapshot(story.engine) as connection:
        for kind in sorted(type_.kinds, key=str):
            latest = text(f"SELECT code FROM {RECORDS[kind]} ORDER BY id DESC LIMIT {MOST}")
            for code in connection.scalars(latest):
                paper = type_.read(connection, code)
                read += paper is not None
                texts = said([paper.title, paper.subject, paper.mark, as_blocks(paper.blocks)]) if paper else ()
                found |= {(code, one) for one in texts if OF_THE_PROGRAM.search(one)}
    assert read and not found


@pytest.mark.parametrize("one", ["for dose None", "Version(code=1)", "IN_SPECIFICATION", "give your password"])
def test_what_is_looked_for_is_found(one: str) -> None:
    assert OF_THE_PROGRAM.search(one)


# What a refusal may not say: a state, None, an instant as programs write it.
NAMES = re.compile(rf"\b({'|'.join(sorted(NAMES_OF_THE_CODE))})\b|\bNone\b|\d-\d\dT\d\d:|\+00:00")


@pytest.mark.requirement("R6")
def test_no_refusal_of_the_story_speaks_as_a_program(story: Installation) -> None:
    with story.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, name, refusals FROM act WHERE outcome = 'refused'")).all()
    said = [(row.id, row.name, one["detail"]) for row in rows for one in row.refusals]
    assert len(said) > 10
    assert [one for one in said if NAMES.search(one[2])] == []


def _sentences() -> Iterator[tuple[str, str]]:
    """Every text of the rules and of the acts, with its file."""
    for path in sorted(p for folder in ("domain", "records", "services") for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refuse":
                for one in ast.walk(node):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and " " in one.value:
                        yield path.name, one.value


@pytest.mark.requirement("R6")
def test_no_sentence_of_a_refusal_is_written_in_the_words_of_a_program() -> None:
    found = list(_sentences())
    assert len(found) > 150
    assert [one for one in found if NAMES.search(one[1])] == []
