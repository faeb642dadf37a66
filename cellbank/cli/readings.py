"""Temperature readings: a logger's file imported, the digests checked, silent probes looked for."""

import argparse
import sys
import threading
from pathlib import Path
from typing import Any

from cellbank.cli.doing import DOOR, add_site_option, prove_person, report
from cellbank.cli.shared import Stop, WrongUse, add_command, add_password_option, ask_password, opened_installation
from cellbank.services import catalogue
from cellbank.services.acts import find_act, run_act
from cellbank.services.installation import Installation
from cellbank.services.people.passwords import Credentials
from cellbank.services.temperature.excursions import note_silence
from cellbank.services.temperature.logger_files import TooLarge, keep, progress
from cellbank.services.temperature.reading_check import broken_imports

BAR = 40


def add_commands(commands: Any) -> None:
    """readings import, readings import-run, readings verify, readings watch."""
    kinds = commands.add_parser("readings", help="Temperature readings.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    bring = add_command(kinds, "import", run_import, "Import a logger's file, all of it or nothing.")
    bring.add_argument("--probe", required=True, metavar="CODE", help="code of the probe")
    run = add_command(kinds, "import-run", run_import_run, "Import the file of a freezing run, all of it or nothing.")
    run.add_argument("--lot", required=True, metavar="CODE", help="code of the lot that was frozen")
    run.add_argument("--freezer", required=True, metavar="MODEL", help="maker and model of the freezer")
    run.add_argument("--serial", metavar="NUMBER", help="serial number of the freezer")
    for command in (bring, run):
        command.add_argument("file", type=Path, metavar="FILE")
        command.add_argument("--as", required=True, dest="user", metavar="USER", help="sign-in name of who imports it")
        add_site_option(command)
        command.add_argument("--zone", help="time zone of the file, where its times have no offset")
        command.add_argument(
            "--answer", action="append", default=[], metavar="FIELD=VALUE", help="what the file does not tell: unit=F"
        )
        command.add_argument("--dry-run", action="store_true", help="say what would be found")
        add_password_option(command)
    add_command(kinds, "verify", run_verify, "Compute the digest of every import again.")
    add_command(kinds, "watch", run_watch, "Note an excursion for every probe that has gone silent.")


def run_import(given: argparse.Namespace) -> None:
    """Import one file of a logger."""
    _import(given, "import_readings", {"probe": given.probe})


def run_import_run(given: argparse.Namespace) -> None:
    """Import one file of a freezer."""
    serial = {"freezer_serial": given.serial} if given.serial else {}
    _import(given, "import_freezing_run", {"lot": given.lot, "freezer": given.freezer, **serial})


def _import(given: argparse.Namespace, act: str, about: dict[str, str]) -> None:
    """Import a file with a bar on standard error."""
    catalogue.load()
    with opened_installation() as installation:
        password = ask_password(given, f"Password of {given.user}")
        code = (
            ask_password(given, "One-time code, if the account has one")
            if installation.config.second_factor_roles
            else None
        )
        actor, once = prove_person(installation, given.user, Credentials(password, code), find_act(act), given.site)
        try:
            with given.file.open("rb") as stream:
                sha256 = keep(installation.config.data, stream)
        except OSError as error:
            raise WrongUse(f"{given.file} cannot be read: {error.strerror or error}.") from error
        except TooLarge as problem:
            raise Stop(str(problem)) from problem
        inputs = {**about, "sha256": sha256, "file": given.file.name[:200]}
        if given.zone:
            inputs["zone"] = given.zone
        inputs |= dict(_answer(one) for one in given.answer)
        with _Bar(installation, sha256):
            spent = None if given.dry_run else once
            outcome = run_act(installation, act, inputs, actor, door=DOOR, dry_run=given.dry_run, once=spent)
        report(outcome)


def _answer(text: str) -> tuple[str, str]:
    field, sign, value = text.partition("=")
    if not sign:
        raise WrongUse(f"{text!r} is no answer like unit=F.")
    return field, value


class _Bar:
    """A bar that follows an import, where somebody looks at it."""

    def __init__(self, installation: Installation, sha256: str):
        self.installation, self.sha256 = installation, sha256
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        if sys.stderr.isatty():
            self.thread.start()

    def _follow(self) -> None:
        while not self.done.wait(0.2):
            part = progress(self.installation.config.data, self.sha256) or 0.0
            full = round(BAR * part)
            print(f"\r[{'#' * full}{'.' * (BAR - full)}] {part:4.0%}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        self.done.set()
        if self.thread.is_alive():
            self.thread.join()
            print("\r" + " " * (BAR + 8) + "\r", end="", file=sys.stderr, flush=True)


def run_verify(given: argparse.Namespace) -> None:
    """Print that all is well. Raises Stop with every import whose readings have changed."""
    with opened_installation() as installation:
        found = broken_imports(installation)
    if found:
        raise Stop(*(f"{one.code}: {one.what}" if one.code else one.what for one in found))
    print("OK: every reading is the one that was imported.")


def run_watch(given: argparse.Namespace) -> None:
    """Look for silent probes in the name of the installation."""
    catalogue.load()
    with opened_installation() as installation:
        report(note_silence(installation, DOOR))
