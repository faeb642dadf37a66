"""Where a finished label PDF goes: a folder that a print server watches, or a CUPS queue.

Printing happens after the act that asked for it is committed; a printer that fails raises PrinterProblem with
a sentence for the person at the bench, and the labels stay printable again.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LP_TIMEOUT_SECONDS = 30


class PrinterProblem(Exception):
    """Labels that could not be handed over; the message says why and what to look at."""


class Printer(Protocol):
    """Anything that takes a PDF."""

    def send(self, pdf: bytes, job: str) -> str:
        """Hand the PDF over under the job's name; returns where it went. PrinterProblem if it did not."""


@dataclass(frozen=True)
class FolderPrinter:
    """Writes `<job>.pdf` into a folder. The file appears whole or not at all."""

    folder: Path

    def send(self, pdf: bytes, job: str) -> str:
        target = self.folder / f"{_checked(job, 'job')}.pdf"
        try:
            _write_whole(target, pdf)
        except OSError as error:
            raise PrinterProblem(
                f"The labels were not written to the print folder {self.folder}: {error.strerror}."
                " Check that the folder exists, is writable and has room."
            ) from error
        return str(target)


def private_folder(folder: Path) -> Path:
    """The folder, made for the service alone, as is one that everybody could enter. A group that was let in stays."""
    folder.mkdir(exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o007:
        folder.chmod(0o700)
    return folder


def _write_whole(target: Path, content: bytes) -> None:
    """A file under another name, then renamed: whoever watches the folder never sees half a PDF. Who may enter the
    folder may read what is in it: the service alone, and its group where the folder was opened to that; nobody else."""
    handle, unfinished = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(unfinished, target.parent.stat().st_mode & 0o660)
        os.replace(unfinished, target)
    except OSError:
        os.unlink(unfinished)
        raise


@dataclass(frozen=True)
class LpPrinter:
    """Prints through CUPS at the PDF's own size: scaled labels do not scan."""

    queue: str

    def send(self, pdf: bytes, job: str) -> str:
        queue = _checked(self.queue, "print queue")
        command = ["lp", "-d", queue, "-t", _checked(job, "job"), "-o", "print-scaling=none"]
        try:
            done = subprocess.run(command, input=pdf, capture_output=True, timeout=_LP_TIMEOUT_SECONDS, check=False)
        except FileNotFoundError as error:
            raise PrinterProblem(
                "The program lp is not installed on the server. Install the CUPS client or use a folder."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise PrinterProblem(
                f"The print queue {queue} did not answer within {_LP_TIMEOUT_SECONDS} s."
                " Look whether the labels came out before printing again."
            ) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip() or f"lp ended with status {done.returncode}"
            raise PrinterProblem(f"The print queue {queue} refused the labels: {said}")
        return done.stdout.decode(errors="replace").strip() or queue


def _checked(name: str, kind: str) -> str:
    """A name that is neither a path nor an option of lp."""
    if not _NAME.fullmatch(name):
        raise PrinterProblem(f"{name!r} is not a name for a {kind}: use letters, digits, '.', '-' and '_'.")
    return name
