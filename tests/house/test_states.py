"""A state is named by its member (`LotState.RELEASED`), so that mypy finds a misspelt one: no bare string says it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cellbank.domain.lifecycle.meanings import STATES_OF

PACKAGE = Path(__file__).parents[2] / "cellbank"
KNOWN = {state.value for states in STATES_OF.values() for state in states}
DEFINED_IN = (
    "domain/lifecycle/"  # states, and the rows of the table, which are read against them when they are imported
)

# Words that are written like a state and are none, or stand beside words that are none: file, words, why.
NO_STATES = {
    "domain/eligibility.py": ({"ELIGIBLE"}, "what the criteria say of somebody, before anybody decides"),
    "domain/refusals.py": ({"ON_HOLD"}, "the code of a refusal"),
    "services/documents/custody_form.py": ({"RECEIVED", "MISSING"}, "what was found of a vial at arrival"),
    "services/shipping/receipts.py": ({"RECEIVED", "MISSING"}, "what was found of a vial at arrival"),
    "services/shipping/shipment_board.py": ({"MISSING"}, "what was found of a vial at arrival"),
    "services/shipping/shipment_record.py": ({"RECEIVED"}, "what was found of a vial at arrival"),
    "services/labels/label_rows.py": ({"REJECTED", "QUARANTINE", "ACCEPTED"}, "the large word on a label"),
    "services/lookup/boards.py": ({"OPEN"}, "what is to be said of an infusion that nobody has ordered"),
    "web/words.py": (KNOWN, "tones and icons of words of every kind, most of them states; a test asks for each state"),
}
SQL = re.compile(r"\b(?:SELECT|FROM|WHERE|AND|OR|WHEN|state)\b")


def _files() -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py")) if not path.is_symlink()]


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a file; not the answers of an input (`Literal`), which mypy knows by themselves."""
    tree = ast.parse(path.read_text())
    answers = {
        one
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
        for one in ast.walk(node.slice)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in answers:
            yield node.lineno, node.value


def _bare(path: Path) -> set[str]:
    """The states that strings of a file are, one or a row of them."""
    words = (text.split() for _, text in _strings(path) if text.strip())
    return {word for row in words if set(row) <= KNOWN for word in row}


def test_no_bare_string_names_a_state() -> None:
    bare = {name: _bare(PACKAGE / name) for name in _files() if not name.startswith(DEFINED_IN)}
    found = {name: sorted(words - NO_STATES.get(name, (set(), ""))[0]) for name, words in bare.items()}
    assert not {name: words for name, words in found.items() if words}, "name it by its member"


def test_nothing_is_excused_that_is_not_there() -> None:
    for name, (words, _) in NO_STATES.items():
        found = _bare(PACKAGE / name)
        assert found and words in (KNOWN, found), name


def test_a_member_is_called_what_it_says() -> None:
    """By its name a state is looked up and compared (`State[…]`, as a key): name and text are one."""
    assert all(state.name == state.value for states in STATES_OF.values() for state in states)


def test_sql_names_states_that_there_are() -> None:
    """What mypy cannot see: the states in the text of a query."""
    told = re.compile(r"\bstate\s*(?:=|<>|!=|(?:NOT )?IN)\s*(\([^)]*\)|'[A-Z_]+')")
    for name in _files():
        for line, text in _strings(PACKAGE / name):
            for found in told.findall(text) if SQL.search(text) else ():
                assert set(re.findall(r"'([A-Z_]+)'", found)) <= KNOWN, f"{name}:{line}: {found}"
