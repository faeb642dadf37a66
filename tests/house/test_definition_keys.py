"""No key of a protocol or specification is accepted and then ignored: the program reads it, or refuses it by name, or
it is there for people and stands on the page of its definition (tests/web/test_definition_keys.py)."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cellbank
import cellbank.domain.protocol
import cellbank.domain.specification
from cellbank.domain.definition import Definition

PACKAGE = Path(cellbank.__file__).parent
# Read by people alone, on the page of the definition; a reason for each that is added.
FOR_PEOPLE = {
    "Arm": {"care"},  # what both arms receive besides; nothing of it is recorded here
    "CultureRules": {"seeding_typical_per_cm2"},  # a habit between two limits, and the limits are judged
    "Protocol": {"other_ids", "phase", "collaborators", "investigator"},  # who and which, for the reader
}
REFUSED = {"DoseRule": {"allow_mixed_lots"}}  # only false is accepted, and true is told why


def models(of: type[Definition] = Definition) -> Iterator[type[Definition]]:
    for model in of.__subclasses__():
        yield model
        yield from models(model)


@cache
def attributes_read() -> set[str]:
    """The names of all attributes that the program reads, but for the checks of the files themselves."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any("field_validator" in ast.dump(d) for d in node.decorator_list):
                node.body = []
        found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found


def test_every_key_is_read_refused_or_for_people() -> None:
    read = attributes_read()
    ignored = {model.__name__: set(model.model_fields) - read for model in models()}
    expected = {name: FOR_PEOPLE.get(name, set()) | REFUSED.get(name, set()) for name in ignored}
    assert {name: keys for name, keys in ignored.items() if keys} == {n: k for n, k in expected.items() if k}


def test_the_walk_finds_a_key_that_nobody_reads() -> None:
    assert "viability_method" in attributes_read() and "a_key_that_nobody_reads" not in attributes_read()
