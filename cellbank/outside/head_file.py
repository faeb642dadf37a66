"""The heads of the chains, signed, in a file outside the database: who owns the database alone can then rewrite no more
than came since the last line without being seen.

One line of canonical JSON for each signing: the digest of the line before, where each chain ends, the times of
database and application, the key's public half, and last the signature (Ed25519) over all of it. Lines are only ever
added. One that was torn by a crash stays; the next line holds its digest like that of any other. The key lies in the
data folder. For a witness outside (RFC 3161, say) the digest of a line is what is to be stamped; its answer would be
kept beside the file under the number of the line, and no line changes for it.
"""

import datetime
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cellbank.config.key_file import kept_key

KEY_FILE = "trail_key"
FIRST = "0" * 64  # the digest of the line before the first one
TAIL = 1 << 16
LINE = ("heads", "file", "number", "before", "key", "at", "database_at", "chains", "signature")


class HeadsProblem(Exception):
    """A line, or the file, is not as it was written. `line` counts from 1; 0: the file as a whole."""

    def __init__(self, line: int, what: str) -> None:
        self.line, self.what = line, what
        super().__init__(f"line {line}: {what}" if line else what)


@dataclass(frozen=True)
class HeadLine:
    """One signing: where the chains ended. `chains` is site -> (number, act, digest); `digest` that of the line."""

    place: int  # in the file, from 1
    file: str
    number: int
    before: str
    key: str
    at: str
    database_at: str
    chains: Mapping[int, tuple[int, int, str]]
    signature: str
    digest: str
    signed: bytes  # what the signature is over

    @property
    def signed_at(self) -> datetime.datetime:
        """When, by the clock of the database."""
        return datetime.datetime.fromisoformat(self.database_at)


class TrailKey:
    """The key that signs heads."""

    def __init__(self, kept: str) -> None:
        seed = hashlib.sha256(b"heads of the trail\0" + kept.encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> str:
        """Its public half, in hexadecimal."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, content: bytes) -> str:
        """The signature, in hexadecimal."""
        return self._private.sign(content).hex()


@lru_cache(maxsize=8)
def trail_key(folder: Path) -> TrailKey:
    """The key in this data folder, made when first needed. Raises ConfigProblem: others can read it, or it was cut."""
    return TrailKey(kept_key(folder / KEY_FILE))


def has_key(folder: Path) -> bool:
    """Whether this installation has signed anything."""
    return (folder / KEY_FILE).exists()


def is_signed(line: HeadLine, key: str) -> bool:
    """Whether the line bears the signature of the holder of this key."""
    return is_signed_by(key, line.signed, line.signature)


def is_signed_by(key: str, content: bytes, signature: str) -> bool:
    """Whether the holder of this key signed the content; key and signature in hexadecimal."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), content)
    except (ValueError, InvalidSignature):
        return False
    return True


# --- reading ----------------------------------------------------------------------------------


def read_lines(path: Path, key: str) -> Iterator[HeadLine]:
    """Every line from the first to the last, each proved to follow the one before it; the last one also by its
    signature, which is over all of them. Raises HeadsProblem with the first that is not as it was written by the holder
    of `key`, and for a file that is not there."""
    last: HeadLine | None = None
    before, torn = FIRST, 0
    for place, raw in enumerate(_raw_lines(path), start=1):
        line = _parsed(raw, place)
        if line is None:
            torn, before = torn or place, _digest(raw)
            continue
        _follows(line, last, before, torn)
        if line.key != key:
            raise HeadsProblem(place, f"it is signed with another key, {line.key}, and not with {key}")
        yield line
        last, before, torn = line, line.digest, 0
    if torn:
        raise HeadsProblem(torn, "it is no line as it was written, and no later one holds it")
    if last is None:
        raise HeadsProblem(0, "there is no line in it")
    if not is_signed(last, key):
        raise HeadsProblem(last.place, "its signature does not fit")


def _follows(line: HeadLine, last: HeadLine | None, before: str, torn: int) -> None:
    if line.before != before:
        place = torn or (last.place if last else line.place)
        what = "it is not what was written there: it was changed, or lines behind it were taken out or put in"
        raise HeadsProblem(place, what)
    expected = (last.file, last.number + 1) if last else (line.file, 1)
    if (line.file, line.number) != expected:
        raise HeadsProblem(line.place, f"number {line.number} stands where number {expected[1]} belongs")


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for raw in file:
                yield raw.removesuffix(b"\n")
    except OSError as error:
        raise HeadsProblem(0, f"it cannot be read: {error.strerror or error}") from error


def _parsed(raw: bytes, place: int) -> HeadLine | None:
    """The line, if it is written exactly as this module writes it."""
    try:
        value = json.loads(raw.decode())
        if tuple(value) != LINE or value["heads"] != "cellbank" or _written(value) != raw:
            return None
        chains = {int(site): (one["number"], one["act"], one["digest"]) for site, one in value["chains"].items()}
        rest = {name: value[name] for name in ("file", "number", "before", "key", "at", "database_at", "signature")}
        unsigned = raw[: raw.rindex(b',"signature":')] + b"}"
        return HeadLine(place, chains=chains, digest=_digest(raw), signed=unsigned, **rest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _written(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


# --- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """Where a file of heads ends: its last whole line (None: there is none yet), and what the next one must hold."""

    line: HeadLine | None
    before: str = FIRST
    torn: bool = False  # the file does not end with the end of a line


def end_of(path: Path, key: str) -> End | None:
    """Where the file ends; None where there is no file. Raises HeadsProblem when its last whole line was not signed by
    the holder of `key`."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HeadsProblem(0, f"it cannot be read: {error.strerror or error}") from error
    raws = data.removesuffix(b"\n").split(b"\n") if data else []
    line = next((found for raw in reversed(raws) if (found := _parsed(raw, 0))), None)
    if raws and line is None:
        raise HeadsProblem(0, "its end is no line as it was written")
    if line is not None and not (line.key == key and is_signed(line, key)):
        raise HeadsProblem(0, f"its last line, number {line.number}, is not signed with the key of this installation")
    return End(line, _digest(raws[-1]) if raws else FIRST, bool(data) and not data.endswith(b"\n"))


def append(
    path: Path, key: TrailKey, end: End | None, chains: Mapping[int, tuple[int, int, str]], *, at: str, database_at: str
) -> HeadLine:
    """Add a line behind `end`; it is on the disk when this returns. Raises OSError."""
    last = end.line if end else None
    value: dict[str, Any] = {
        "heads": "cellbank",
        "file": last.file if last else secrets.token_hex(8),
        "number": last.number + 1 if last else 1,
        "before": end.before if end else FIRST,
        "key": key.public,
        "at": at,
        "database_at": database_at,
        "chains": {
            str(site): {"number": number, "act": act, "digest": digest}
            for site, (number, act, digest) in sorted(chains.items())
        },
    }
    raw = _written({**value, "signature": key.sign(_written(value))})
    _write((b"\n" if end and end.torn else b"") + raw + b"\n", path)
    line = _parsed(raw, 0)
    assert line is not None
    return line


def _write(data: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        written = os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes were written")
    if new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new file is there after a crash only once its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
