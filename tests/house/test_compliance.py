"""The compliance matrix: it knows every requirement, names constraints that exist, and can turn red."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.compliance import PROVES, REQUIREMENTS, Matrix


def report(nodeid: str, *proves: str, outcome: str = "passed", when: str = "call") -> Any:
    return SimpleNamespace(
        nodeid=nodeid,
        user_properties=[(PROVES, one) for one in proves],
        when=when,
        passed=outcome == "passed",
        failed=outcome == "failed",
    )


def matrix(*reports: Any) -> Matrix:
    made = Matrix()
    for one in reports:
        made.pytest_runtest_logreport(one)
    return made


def test_the_requirements_are_numbered_without_a_gap() -> None:
    assert list(REQUIREMENTS) == [f"R{number}" for number in range(1, 26)]


@pytest.mark.requirement("R24")
def test_every_constraint_of_the_matrix_exists(databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.connect() as connection:
        known = set(connection.scalars(text("SELECT conname FROM pg_constraint")))
        functions = "".join(connection.scalars(text("SELECT prosrc FROM pg_proc WHERE proname !~ '^(pg_|ri_)'")))
        given = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgnargs > 0"  # a rule may be its argument
        functions += "".join(connection.scalars(text(given)))
    engine.dispose()
    for requirement, about in REQUIREMENTS.items():
        for name in about["constraints"]:
            found = name in known or any(one.endswith(f"_{name}") for one in known) or f"'{name}'" in functions
            assert found, f"{requirement}: {name}"


@pytest.mark.requirement("R1")
def test_a_requirement_is_proved_by_passing_tests_only() -> None:
    found = matrix(report("a.py::one[x]", "R1"), report("a.py::two", "R1", "R2", outcome="failed"))
    assert found.proving("R1") == ["a.py::one"]
    assert "R2" in found.unproved() and "R1" not in found.unproved()
    assert "- `a.py::one`" in found.page() and "**nothing**" in found.page()


@pytest.mark.parametrize(
    "failure",
    [report("a.py::one[y]", "R1", outcome="failed"), report("a.py::one[x]", "R1", outcome="failed", when="teardown")],
    ids=["another parameter", "its teardown"],
)
def test_a_test_that_fails_once_proves_nothing(failure: Any) -> None:
    assert matrix(report("a.py::one[x]", "R1"), failure).proving("R1") == []


def test_a_skipped_test_proves_nothing() -> None:
    assert matrix(report("a.py::one", "R1", outcome="skipped")).proving("R1") == []
