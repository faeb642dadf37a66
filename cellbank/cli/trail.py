"""The trail: verified here, or taken away to be verified elsewhere."""

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellbank.cli.shared import Stop, WrongUse, add_command, opened_bank
from cellbank.services.trail import verification

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
    """Say OK with the heads of the chains, or name the first row that is wrong, and all that differs of the schema."""
    with opened_bank() as bank:
        verdict = verification.verify(bank, Bar().show)
    if not verdict.sound:
        row = () if verdict.fault is None else (f"The trail is not sound. {verdict.fault}.",)
        raise Stop(*row, *(f"The schema is not that of this version. {one}." for one in verdict.schema))
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
                heads = verification.export(bank, out, Bar().show)
                out.flush()
                os.fsync(out.fileno())
            draft.rename(given.file)
            script = given.file.with_name(SCRIPT)
            script.write_bytes(verification.verifier())
        except OSError as error:
            raise WrongUse(f"{given.file} cannot be written: {error.strerror or error}.") from error
        finally:
            with suppress(OSError):  # there is none, or nowhere to have one
                draft.unlink()
    print(f"{given.file} is written. Verify it anywhere with: python3 {script} {given.file}")
    _print_heads(heads)


def _print_heads(heads: tuple[verification.Head, ...]) -> None:
    print("Keep these where nobody who reaches the database can change them; later exports must still contain them:")
    for head in heads:
        print(f"  {head}")


class Bar:
    """One line on a terminal that fills up, with the rate and the time left; nothing in a log file."""

    def __init__(self) -> None:
        self._part, self._began, self._from = "", 0.0, 0

    def show(self, part: str, done: int, total: int) -> None:
        """So much of this part is done."""
        if not sys.stderr.isatty():
            return
        if part != self._part:  # its rate is counted from the first news of it
            self._part, self._began, self._from = part, time.monotonic(), done
        filled = "#" * (WIDTH * done // max(total, 1))
        line = f"\r{part:<14} [{filled:<{WIDTH}}] {done:,}/{total:,}{self._pace(done, total)}\033[K"
        print("\r\033[K" if done >= total else line, end="", file=sys.stderr, flush=True)

    def _pace(self, done: int, total: int) -> str:
        if done <= self._from or not (seconds := time.monotonic() - self._began):
            return ""
        rate = (done - self._from) / seconds
        minutes, left = divmod(round((total - done) / rate), 60)
        return f"  {rate:,.0f}/s, {minutes}:{left:02d} left"
