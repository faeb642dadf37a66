"""The compliance matrix: which test proves which requirement, written into docs/validation.md by every whole run.

A test says what it proves with `@pytest.mark.requirement("R13")`. A requirement that no passing test proves makes the
run red, and so does a page in docs/ that is not what this run has found.
"""

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
REQUIREMENTS: dict[str, dict[str, Any]] = tomllib.loads((DOCS / "requirements.toml").read_text(encoding="utf-8"))
PAGE = DOCS / "validation.md"
PROVES = "requirement"

HEAD = """# Validation: what is asked, how it is done, what proves it

Written by every run of the whole test suite from `docs/requirements.toml` and the marks of the tests; do not edit.
A requirement without a passing test makes the run fail.

| | requirement | source | proved by |
|---|---|---|---|
"""


class Matrix:
    """What the tests of one run prove. With workers, the reports of all of them arrive in the main process."""

    def __init__(self) -> None:
        self.passed: dict[str, set[str]] = defaultdict(set)
        self.failed: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that passed, or failed in any of its phases, under what it proves."""
        name = report.nodeid.partition("[")[0]
        for key, requirement in report.user_properties:
            if key == PROVES and report.failed:
                self.failed[requirement].add(name)
            elif key == PROVES and report.when == "call" and report.passed:
                self.passed[requirement].add(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After a whole run write the page; red when it lacks something or differs from the one in the tree."""
        if not _is_whole(session.config) or session.exitstatus not in (0, 1):
            return
        before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        page = self.page()
        PAGE.write_text(page, encoding="utf-8")
        problems = [f"{one} is proved by no passing test" for one in self.unproved()]
        if page != before:
            problems.append(f"{PAGE.name} was out of date and has been written anew: look at it and commit it")
        for problem in problems:
            session.config.get_terminal_writer().line(f"compliance: {problem}", red=True)
        if problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def proving(self, requirement: str) -> list[str]:
        """The tests that prove a requirement: passed, and failed with none of their parameters."""
        return sorted(self.passed[requirement] - self.failed[requirement])

    def unproved(self) -> list[str]:
        """The requirements that no passing test proves."""
        return [one for one in REQUIREMENTS if not self.proving(one)]

    def page(self) -> str:
        """The page: the matrix, then each requirement with its rule, mechanism, constraints, what rests on the trail
        alone and why, and tests."""
        rows = "".join(self._row(one, about) for one, about in REQUIREMENTS.items())
        return HEAD + rows + "".join(self._section(one, about) for one, about in REQUIREMENTS.items())

    def _row(self, one: str, about: dict[str, Any]) -> str:
        count = len(self.proving(one))
        proved = f"{count} test{'s' if count != 1 else ''}" if count else "**nothing**"
        return f"| [{one}](#{one.lower()}) | {about['title']} | {about['source']} | {proved} |\n"

    def _section(self, one: str, about: dict[str, Any]) -> str:
        constraints = ", ".join(f"`{name}`" for name in about["constraints"]) or "none of its own"
        rests = f"On the trail alone: {about['trail_alone']}\n\n" if "trail_alone" in about else ""
        tests = "".join(f"- `{name}`\n" for name in self.proving(one)) or "- **none**\n"
        return (
            f"\n## {one}\n\n**{about['title']}** ({about['source']}). {about['rule']}\n\n"
            f"How: {about['mechanism']}\n\nIn the database: {constraints}\n\n{rests}{tests}"
        )


def _is_whole(config: pytest.Config) -> bool:
    """Whether everything was asked for: no path, no word, no mark, no repetition of failures."""
    chosen = config.option.keyword or config.option.markexpr or config.getoption("lf", False)
    return not chosen and config.args == config.getini("testpaths")


def note_requirements(items: list[pytest.Item]) -> None:
    """Let every test carry what it proves in its report. Raises UsageError for a requirement that does not exist."""
    for item in items:
        for mark in item.iter_markers(PROVES):
            for requirement in mark.args:
                if requirement not in REQUIREMENTS:
                    raise pytest.UsageError(f"{item.nodeid}: there is no requirement {requirement!r}")
                item.user_properties.append((PROVES, requirement))
