"""What the commands share: opening the bank, asking for passwords, saying no."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from cellbank import config
from cellbank.services import start
from cellbank.services.installation import Installation


class Stop(Exception):
    """Refused or failed: exit status 1, with these sentences."""

    def __init__(self, *sentences: str):
        self.sentences = sentences
        super().__init__("; ".join(sentences))


class WrongUse(Stop):
    """The command was given wrongly: exit status 2."""


@contextmanager
def opened_installation(*, by_owner: bool = False) -> Iterator[Installation]:
    """The bank of the settings, its embedded database running meanwhile; `by_owner`: as the owner of the database,
    where that one is known. Raises SchemaProblem if it is too old."""
    settings = config.load(os.environ)
    with ExitStack() as stack:
        database = start.find_database(settings, stack)
        if by_owner and database.owner_url is not None:
            database = replace(database, app_url=database.owner_url)
        installation = start.open_current(settings, database)
        stack.callback(installation.engine.dispose)
        yield installation


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], object],
    help_text: str,
) -> argparse.ArgumentParser:
    """A command that `run` does."""
    made = commands.add_parser(name, help=help_text, description=help_text)
    made.set_defaults(run=run)
    return made


def add_password_option(command: argparse.ArgumentParser) -> None:
    """For scripts: the password is a line of standard input."""
    command.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def ask_password(given: argparse.Namespace, prompt: str) -> str:
    """A password from the terminal, unseen, or the next line of standard input. Never an argument: those are public."""
    if given.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise WrongUse("There is no terminal to ask for the password: use --password-stdin.")
    return getpass.getpass(f"{prompt}: ")
