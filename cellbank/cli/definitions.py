"""Trial protocols and product specifications: checked and imported from files."""

import argparse
from pathlib import Path
from typing import Any

from cellbank.cli.doing import add_person_options, do_as
from cellbank.cli.shared import Stop, WrongUse, add_command, opened_installation
from cellbank.domain.definition import DefinitionProblems, digest
from cellbank.services import catalogue
from cellbank.services.acts import find_act
from cellbank.services.quality.definitions import definition_type, read_definition


def add_commands(commands: Any) -> None:
    """protocol check, protocol import."""
    kinds = commands.add_parser("protocol", help="Trial protocols and product specifications.")
    kinds = kinds.add_subparsers(required=True, metavar="COMMAND")
    check = add_command(kinds, "check", run_check, "Say everything that is wrong with a file; nothing is imported.")
    bring = add_command(
        kinds, "import", run_import, "Import a file as a version; another quality officer makes it effective."
    )
    for command in (check, bring):
        command.add_argument("file", type=Path, metavar="FILE")
    add_person_options(bring)


def run_check(given: argparse.Namespace) -> None:
    """Print what the file is, or every problem of it."""
    type_, content = _read(given.file)
    read = _checked(type_, content)
    print(f"OK: {type_} {read.id}, version {read.version}, sha256 {digest(content)}")


def run_import(given: argparse.Namespace) -> None:
    """Import the file as somebody: who brings it into force is another person."""
    type_, content = _read(given.file)
    _checked(type_, content)
    with opened_installation() as installation:
        catalogue.load()
        do_as(installation, given, find_act("import_definition"), {"type": type_, "content": content})


def _read(file: Path) -> tuple[str, str]:
    """The type and the text of a definition file, its line ends as an import keeps them: they count in the sha256."""
    try:
        content = file.read_bytes().decode().replace("\r\n", "\n")
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise Stop(f"{file} is not text in UTF-8: {error}.") from error
    try:
        return definition_type(content), content
    except (ValueError, RecursionError):  # no TOML, or a number or a depth beyond Python: reading it says where
        return "specification", content


def _checked(type_: str, content: str) -> Any:
    try:
        return read_definition(type_, content)
    except DefinitionProblems as found:
        raise Stop(*found.problems) from found
