"""The trail: verified here, or taken away to be verified elsewhere."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellbank.cli.shared import Stop, WrongUse, add_command, opened_bank
from cellbank.services import trail

WIDTH = 30
SCRIPT = "verify_trail.py"


def add_commands(commands: Any) -> None:
    """trail verify, trail export."""
    kinds = commands.add_parser("trail", help="The trail.").add_subparsers(required=True, metavar="COMMAND")
    add_command(kinds, "verify", run_verify, "Check every act against its seal and every record against the trail.")
    export = add_command(
        kinds, "export", run_export, "Write the trail to a file, and a script that verifies it beside it."
    )
    export.add_argument("file", type=Path, metavar="FILE")


def run_verify(given: argparse.Namespace) -> None:
    """Say OK with the heads of the chains, or name the first row that is wrong."""
    with opened_bank() as bank:
        verdict = trail.verify(bank, progress_bar)
    if verdict.fault is not None:
        raise Stop(f"The trail is not sound. {verdict.fault}.")
    print(f"OK: {verdict.acts} acts, {verdict.changes} changes, {verdict.records} records as the trail says.")
    _print_heads(verdict.heads)


def run_export(given: argparse.Namespace) -> None:
    """Write the export whole or not at all."""
    if given.file.name in ("", "..", SCRIPT):
        raise WrongUse(f"{given.file} cannot be the export: name a file, and not {SCRIPT}, which is written beside it.")
    draft = given.file.with_name(f"{given.file.name}.part")
    with opened_bank() as bank:
        try:
            with draft.open("wb") as out:
                heads = trail.export(bank, out, progress_bar)
                out.flush()
                os.fsync(out.fileno())
            draft.rename(given.file)
            script = given.file.with_name(SCRIPT)
            script.write_bytes(trail.verifier())
        except OSError as error:
            raise WrongUse(f"{given.file} cannot be written: {error.strerror or error}.") from error
        finally:
            with suppress(OSError):  # there is none, or nowhere to have one
                draft.unlink()
    print(f"{given.file} is written. Verify it anywhere with: python3 {script} {given.file}")
    _print_heads(heads)


def _print_heads(heads: tuple[trail.Head, ...]) -> None:
    print("Keep these where nobody who reaches the database can change them; later exports must still contain them:")
    for head in heads:
        print(f"  {head}")


def progress_bar(part: str, done: int, total: int) -> None:
    """One line on a terminal that fills up; nothing in a log file."""
    if sys.stderr.isatty():
        filled = "#" * (WIDTH * done // max(total, 1))
        print(f"\r{part:<14} [{filled:<{WIDTH}}] {done}/{total}\033[K", end="", file=sys.stderr, flush=True)
        if done >= total:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
