"""What differs between two versions of a definition: tests added, removed and changed field by field, and settings.

Items of a list are matched by their code, so that a test which only moved is not a change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.protocol import Protocol
from cellbank.domain.specification import Specification

NOTHING = "–"
_SAID_ELSEWHERE = ("id", "version", "tests")


@dataclass(frozen=True)
class FieldChange:
    """One value that differs, as a person reads it; `–` where there is none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class ChangedTest:
    """A test that both versions have, and where it differs."""

    code: str
    title: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that differs; `same_tests` counts the tests that do not."""

    added: tuple[ReleaseTest, ...]
    removed: tuple[ReleaseTest, ...]
    changed: tuple[ChangedTest, ...]
    same_tests: int
    settings: tuple[FieldChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs but the version itself."""
        return not (self.added or self.removed or self.changed or self.settings)


def compare(before: Specification | Protocol, after: Specification | Protocol) -> Comparison:
    """Compare two definitions of one type. Raises TypeError for a protocol and a specification."""
    if type(before) is not type(after):
        raise TypeError("a protocol and a specification have nothing to compare")
    old, new = _tests(before), _tests(after)
    both = [(old[code], new[code]) for code in new if code in old]
    changed = tuple(
        ChangedTest(two.code, two.title, found)
        for one, two in both
        if (found := _changes(one.model_dump(), two.model_dump()))
    )
    return Comparison(
        added=tuple(test for code, test in new.items() if code not in old),
        removed=tuple(test for code, test in old.items() if code not in new),
        changed=changed,
        same_tests=len(both) - len(changed),
        settings=_changes(
            before.model_dump(exclude=set(_SAID_ELSEWHERE)), after.model_dump(exclude=set(_SAID_ELSEWHERE))
        ),
    )


def _tests(definition: Specification | Protocol) -> dict[str, ReleaseTest]:
    return {test.code: test for test in definition.tests} if isinstance(definition, Specification) else {}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    old, new = dict(_flat(before)), dict(_flat(after))
    return tuple(
        FieldChange(name, old.get(name, NOTHING), new.get(name, NOTHING))
        for name in dict.fromkeys([*old, *new])
        if old.get(name, NOTHING) != new.get(name, NOTHING)
    )


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its path in words: 'culture › passage max'."""
    for name, value in values.items():
        path = f"{above} › {name}" if above else name.replace("_", " ")
        yield from _flat_one(value, path.replace("_", " "))


def _flat_one(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from _flat(value, path)
    elif isinstance(value, tuple | list) and value and all(isinstance(item, Mapping) for item in value):
        for place, item in enumerate(value, start=1):
            named = str(item.get("code", item.get("number", place)))
            yield from _flat({key: part for key, part in item.items() if key != "code"}, f"{path} › {named}")
    else:
        yield path, _shown(value)


def _shown(value: Any) -> str:
    if value is None or value == ():
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, tuple | list):
        return ", ".join(_shown(item) for item in value)
    return str(value).replace("_", " ")
