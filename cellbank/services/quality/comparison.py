"""Pages about definitions: one version with all that it asks for, and what differs between two of them."""

import datetime
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.comparison import Comparison, compare
from cellbank.domain.lifecycle.states import DefinitionState
from cellbank.domain.protocol import Protocol
from cellbank.domain.rules.result import days_to_result, limit_in_words
from cellbank.domain.specification import ReleaseTest, Specification
from cellbank.records.people import Definition
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.installation import Installation


@dataclass(frozen=True)
class Version:
    """A version of a definition, as a list names it."""

    code: str
    type: str
    title: str
    state: str
    effective_at: datetime.datetime | None
    digest: str


@dataclass(frozen=True)
class TestLine:
    """One test as a page shows it."""

    __test__ = False  # not a pytest class
    test: ReleaseTest
    limit: str
    days: int


@dataclass(frozen=True)
class DefinitionPage:
    """One version; `in_force` is the version that it would replace, or else one of the same type."""

    version: Version
    content: str
    tests: tuple[TestLine, ...]
    others: tuple[Version, ...]
    in_force: Version | None


@dataclass(frozen=True)
class ComparisonPage:
    """What differs from one version to another."""

    before: Version
    after: Version
    comparison: Comparison
    added: tuple[TestLine, ...]
    removed: tuple[TestLine, ...]


def lines_of(tests: tuple[ReleaseTest, ...]) -> tuple[TestLine, ...]:
    """Tests with their limits in words."""
    return tuple(TestLine(test, limit_in_words(test), days_to_result(test)) for test in tests)


def definition_page(installation: Installation, code: str) -> DefinitionPage | None:
    """One version and those that it can be compared with; None when there is none of this code."""
    with Session(installation.reads) as session:
        row = _row(session, code)
        if row is None:
            return None
        same = session.scalars(select(Definition).where(Definition.type == row.type, Definition.id != row.id))
        others = sorted(
            same, key=lambda one: (one.identifier != row.identifier, one.state != DefinitionState.EFFECTIVE, -one.id)
        )
        read = _read(row)
        tests = lines_of(read.tests) if isinstance(read, Specification) else ()
        in_force = next((_version(one) for one in others if one.state == DefinitionState.EFFECTIVE), None)
        return DefinitionPage(_version(row), row.content, tests, tuple(_version(one) for one in others), in_force)


def compare_versions(installation: Installation, before: str, after: str) -> ComparisonPage | None:
    """What differs from one version to another; None unless both are here and of one type."""
    with Session(installation.reads) as session:
        old, new = _row(session, before), _row(session, after)
    if old is None or new is None or old.type != new.type:
        return None
    found = compare(_read(old), _read(new))
    return ComparisonPage(_version(old), _version(new), found, lines_of(found.added), lines_of(found.removed))


# Of the versions in force, the one that would be replaced stands first.
_REPLACED = text(
    """SELECT f.code FROM definition f JOIN definition given ON given.code = :code AND f.type = given.type
        WHERE f.state = 'EFFECTIVE' AND f.id <> given.id ORDER BY f.identifier <> given.identifier, f.id LIMIT 1"""
)


def to_compare(installation: Installation, code: str) -> tuple[str, str] | None:
    """The version in force and this one, to see what would change; None where no other of its type is in force."""
    with installation.reads.connect() as connection:
        before = connection.scalar(_REPLACED, {"code": code})
    return None if before is None else (before, code)


def _row(session: Session, code: str) -> Definition | None:
    if not code.isprintable():  # an address may hold anything
        return None
    return session.scalars(select(Definition).where(Definition.code == code)).one_or_none()


def _read(row: Definition) -> Specification | Protocol:
    return read_protocol(row.content) if row.type == "protocol" else read_specification(row.content)


def _version(row: Definition) -> Version:
    return Version(row.code, row.type, row.title, row.state, row.effective_at, row.digest)
