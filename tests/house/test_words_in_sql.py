"""Statements give facts, and no words for people: those are said in the reader's language, by Python or a template."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import cellbank
from cellbank.records.migrate import SCRIPTS

PACKAGE = Path(cellbank.__file__).parent
IS_SQL = re.compile(r"\b(SELECT|FROM|JOIN|CASE WHEN)\b|\|\|")
LITERAL = r"'((?:[^']|'')*)'"
JOINED = re.compile(rf"\|\|\s*{LITERAL}|{LITERAL}\s*\|\|")
ANSWERED = re.compile(rf"\b(?:THEN|ELSE|coalesce\([^'()]*,)\s*{LITERAL}")
WORD, PHRASE = re.compile(r"[A-Za-z]{2,}"), re.compile(r"[a-z]{2,} [a-zA-Z]|^[A-Z][a-z]+$")

#: Statements that say something; none is added.
STILL_SAYING: dict[str, int] = {
    "records/fingerprint.py": 40,  # it describes the database to whoever runs it, and is no page
}


def prose(statement: str) -> Iterator[str]:
    """The words for people in a statement: a literal that is joined to something, a sentence that is answered."""
    for found in JOINED.finditer(statement):
        if WORD.search(said := found[1] or found[2] or ""):
            yield said
    for found in ANSWERED.finditer(statement):
        if PHRASE.search(found[1]):
            yield found[1]


def statements(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if IS_SQL.search(text) and not text.lstrip().startswith("INSERT"):
            yield text


def test_prose_is_found() -> None:
    assert list(prose("SELECT 'Lot ' || l.code")) == ["Lot "]
    assert list(prose("SELECT l.code || ', frozen ' || x")) == [", frozen "]
    assert list(prose("SELECT CASE WHEN a THEN 'still locked' ELSE 'not locked' END")) == ["still locked", "not locked"]
    assert not list(prose("SELECT coalesce(a, '') || ' ' || b, CASE WHEN c THEN 'IN_STOCK' ELSE 'thaw_vial' END"))


def test_no_statement_says_words_for_people() -> None:
    found: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if number := len({said for statement in statements(path) for said in prose(statement)}):
            found[path.relative_to(PACKAGE).as_posix()] = number
    assert found == STILL_SAYING


def test_no_view_of_what_waits_says_words_for_people() -> None:
    assert not list(prose((SCRIPTS / "database" / "work.sql").read_text()))
