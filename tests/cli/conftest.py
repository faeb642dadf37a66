"""The command line, run in this process over a database of its own."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from cellbank.cli import main


class Terminal(io.StringIO):
    """Standard input where somebody sits."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def urls(fresh_database) -> tuple[str, str]:
    """Owner URL and application URL of a database of this module's own: nobody else's mistakes in the trail."""
    return fresh_database("cli")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of this module."""
    return tmp_path_factory.mktemp("cli")


@pytest.fixture
def environ(urls: tuple[str, str], data: Path) -> Iterator[dict[str, str]]:
    """The settings of the commands in a test; whatever a command or a test changes is put back."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("CELLBANK_")]:
            del os.environ[name]
        os.environ |= {"CELLBANK_DATA": str(data), "CELLBANK_DATABASE_URL": urls[1]}
        yield os.environ


@pytest.fixture
def cellbank(environ, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """A function that runs a command as the installed script does: arguments, and what standard input is or holds."""

    def run(*arguments: object, stdin: str | Terminal = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends the program itself
            status = end.code
        return Said(status, *capsys.readouterr())

    return run
