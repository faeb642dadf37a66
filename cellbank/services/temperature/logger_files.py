"""Loggers' files on their way in: kept in the data folder under their sha256 while an act reads them, with a line
beside each that tells how far it is. The file stays there as evidence once its readings are stored."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TextIO

from cellbank.domain.logger_file import FileProblem

FOLDER = "readings"
LARGEST = 600 * 1024 * 1024
PIECE = 1 << 20
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FOREIGN = (
    (b"PK", "a ZIP archive or an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
)


class TooLarge(Exception):
    """More bytes than any logger writes."""


def keep(folder: Path, stream: IO[bytes]) -> str:
    """Write an upload into the data folder, a megabyte at a time; returns its sha256. Raises TooLarge."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    descriptor, draft = tempfile.mkstemp(dir=place, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as out:
            while piece := stream.read(PIECE):
                size += len(piece)
                if size > LARGEST:
                    raise TooLarge(f"The file has more than {LARGEST // 1024 // 1024} MB: it is no logger's file.")
                digest.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, place / digest.hexdigest())
    except BaseException:
        os.unlink(draft)
        raise
    return digest.hexdigest()


def kept(folder: Path, sha256: str) -> Path | None:
    """The file with this digest; None when nobody has sent it."""
    path = folder / FOLDER / sha256
    return path if path.is_file() else None


def all_kept(folder: Path) -> Iterator[Path]:
    """Every file that was sent, under the digest that it had then; drafts and notes of progress are none."""
    return (path for path in sorted((folder / FOLDER).glob("*")) if re.fullmatch("[0-9a-f]{64}", path.name))


def digest_of(path: Path) -> str:
    """The sha256 of a file as it is now. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A logger's file as text: UTF-8 or UTF-16 by its mark, else UTF-8, else the Cyrillic code page of Windows, in
    which the degree sign stands where most loggers write it. Raises FileProblem for what is no text."""
    with path.open("rb") as raw:
        start = raw.read(1 << 16)
    for mark, what in _FOREIGN:
        if start.startswith(mark):
            raise FileProblem(f"This is {what}, not a text file. Export the readings as CSV.")
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if encoding is None:
        if b"\0" in start:
            raise FileProblem("This is not a text file. Export the readings as CSV.")
        encoding = "utf-8" if _is_utf8(start) else "cp1251"
    try:
        with path.open(encoding=encoding, newline="") as lines:
            yield lines
    except UnicodeError as error:
        raise FileProblem(f"The file is damaged: it is not text throughout ({error}).") from None


def _is_utf8(start: bytes) -> bool:
    try:
        start[: start.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError:
        return False
    return True


def ends_cut_off(path: Path) -> bool:
    """Whether the last line has no end although the others have one, and another shape than the line before: then its
    number may be the first half of another one."""
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - 400))
        lines = raw.read().splitlines(keepends=True)
    if len(lines) < 3 or lines[-1].endswith((b"\n", b"\r")) or not lines[-2].endswith(b"\n"):
        return False
    return _shape(lines[-1]) != _shape(lines[-2])


def _shape(line: bytes) -> tuple[int, ...]:
    """How many digits follow each decimal sign or delimiter."""
    parts = line.strip().replace(b",", b".").replace(b";", b".").split(b".")
    return (*(len(part) for part in parts[:1]), len(parts), len(parts[-1]))


# --- how far it is ----------------------------------------------------------------------------


def progress_writer(path: Path, weight: float, before: float = 0.0) -> Callable[[float], None]:
    """A function that notes how far an import is: of its own part, from 0 to 1, which is `weight` of the whole."""
    note = path.with_suffix(".progress")

    def tell(part: float) -> None:
        with contextlib.suppress(OSError):  # only a picture for whoever waits
            note.write_text(f"{before + weight * min(1.0, part):.3f}")

    return tell


def progress(folder: Path, sha256: str) -> float | None:
    """How far the import of this file is, from 0 to 1; None when nobody is reading it."""
    try:
        return float((folder / FOLDER / sha256).with_suffix(".progress").read_text())
    except (OSError, ValueError):
        return None


def end_progress(path: Path) -> None:
    """Nobody is reading it any more."""
    path.with_suffix(".progress").unlink(missing_ok=True)
