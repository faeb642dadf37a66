"""The trail: verified here, or taken away to be verified elsewhere."""

import argparse
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellbank import config
from cellbank.cli.shared import Stop, WrongUse, add_command, opened_installation
from cellbank.outside.head_file import HeadLine, trail_key
from cellbank.services.installation import Installation
from cellbank.services.trail import verification
from cellbank.services.trail.checks import check_whole, sign

WIDTH = 30
SCRIPT = "verify_trail.py"


def add_commands(commands: Any) -> None:
    """trail verify, export, sign, check, key."""
    kinds = commands.add_parser("trail", help="The trail.").add_subparsers(required=True, metavar="COMMAND")
    said = "Check every act, record, reading and file, and the signed heads."
    verify = add_command(kinds, "verify", run_verify, said)
    verify.add_argument(
        "--against", type=Path, metavar="HEADS", help="a file of signed heads (default: that of this installation)"
    )
    verify.add_argument("--public-key", metavar="KEY", help="who signed it, as “cellbank trail key” prints it")
    export = add_command(
        kinds, "export", run_export, "Write the trail to a file, and a script that verifies it beside it."
    )
    export.add_argument("file", type=Path, metavar="FILE")
    signs = add_command(kinds, "sign", run_sign, "Add the heads of the chains, signed, to the file outside.")
    signs.add_argument(
        "--new-file", metavar="REASON", help="begin another file where the one that was there was moved away"
    )
    look = add_command(kinds, "check", run_check, "Verify the whole trail and keep what was found, if it is due.")
    look.add_argument("--now", action="store_true", help="also if it is not due")
    add_command(kinds, "key", run_key, "Print the public half of the key that signs heads, and where they are kept.")


def run_verify(given: argparse.Namespace) -> None:
    """Say OK with the heads of the chains, or name what is wrong, and all that differs of the schema."""
    with opened_installation() as installation:
        against = _against(given, installation)
        verdict = verification.verify(installation, Bar().show, against)
    notes = [f"Note: {note}" for note in verdict.notes]
    if not verdict.sound:
        trail = [f"The trail is not sound. {fault}." for fault in verdict.faults]
        raise Stop(*trail, *(f"The schema is not that of this version. {one}." for one in verdict.schema), *notes)
    print(f"OK: {verdict.acts} acts, {verdict.changes} changes, {verdict.records} records as the trail says.")
    print(*notes, sep="\n", end="\n" if notes else "")
    _print_signed(against, verdict.signed)
    _print_heads(verdict.heads)


def _against(given: argparse.Namespace, installation: Installation) -> verification.Against | None:
    """The file of heads that counts, and whose signatures. Raises WrongUse."""
    own = verification.own_heads(installation)
    if given.public_key is not None and not re.fullmatch("[0-9a-f]{64}", given.public_key):
        raise WrongUse(
            f"--public-key is what “cellbank trail key” prints, 64 digits and a-f; not {given.public_key!r}."
        )
    key = given.public_key or (own.key if own else None)
    path = given.against or (own.path if own else installation.config.head_file)
    if key is None and (given.against or given.public_key):
        raise WrongUse("This installation has no key of its own: say with --public-key who signed the heads.")
    return verification.Against(path, key) if key else None


def _print_signed(against: verification.Against | None, signed: HeadLine | None) -> None:
    if against is None or signed is None:
        print("There are no signed heads here: an end that is missing, or was made anew, would not show.")
    else:
        print(f"It passes through all heads in {against.path}, the last one (number {signed.number}) signed at")
        print(f"{signed.database_at}; what came after that is not signed yet.")


def run_sign(given: argparse.Namespace) -> None:
    """Add a line where something changed. Raises Stop when the file or the trail is not what was signed before."""
    with opened_installation() as installation:
        signing = sign(installation, new_file_because=given.new_file)
        place = installation.config.head_file
    if signing.fault is not None:
        raise Stop(f"The heads of the trail are not signed. {signing.fault}.")
    print(f"Number {signing.line.number} in {place}" if signing.line else f"Nothing changed since the last in {place}")


def run_check(given: argparse.Namespace) -> None:
    """Verify where it is due. Raises Stop with all that is wrong."""
    with opened_installation() as installation:
        found = check_whole(installation, even_if_not_due=given.now)
    if found is None:
        print("It is not due.")
    elif found:
        raise Stop("The trail is not sound.", *found)
    else:
        print("OK")


def run_key(given: argparse.Namespace) -> None:
    """The public half, for whoever verifies elsewhere."""
    settings = config.load(os.environ)
    print(trail_key(settings.data).public)
    print(f"signs {settings.head_file}", file=sys.stderr)


def run_export(given: argparse.Namespace) -> None:
    """Write the export whole or not at all."""
    if given.file.name in ("", "..", SCRIPT):
        raise WrongUse(f"{given.file} cannot be the export: name a file, and not {SCRIPT}, which is written beside it.")
    draft = given.file.with_name(f"{given.file.name}.part")
    with opened_installation() as installation:
        try:
            with draft.open("wb") as out:
                heads = verification.export(installation, out, Bar().show)
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
