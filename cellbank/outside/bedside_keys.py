"""The keys of the bedside without a network: one pair signs what the server has judged, one opens what browsers seal.

They lie in the data folder beside the secret key. The newest pair signs. Of an older one the half that signs is gone;
the half that verifies is told to screens for as long as what it signed can hold, unless the pair is distrusted; the
half that opens stays, for what browsers have sealed and not sent yet. A pair has an id, and everything that was signed
or sealed names it. A running server sees a new pair at once, for it looks whether the file is another one.

Sealed is: ECDH on P-256 with a key of the browser that is used once, HKDF-SHA-256, AES-256-GCM; the header of an
envelope is readable and bound to it.
"""

import base64
import fcntl
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cellbank.domain.offline import RUNS_AT_MOST

FILE = "bedside_keys"
CURVE = ec.SECP256R1()
PURPOSE = b"cellbank bedside"  # of the derived key: no other use of the same exchange gives the same key


class KeyProblem(Exception):
    """The file of keys cannot be used; the message says why."""


class NotOpened(Exception):
    """An envelope that these keys do not open: sealed for others, or altered on its way."""


@dataclass(frozen=True)
class Pair:
    """One generation of keys. `signing` is there while it is the newest; `verify`, the raw public half, unless it is
    distrusted."""

    id: str
    signing: Ed25519PrivateKey | None
    verify: bytes | None
    opening: ec.EllipticCurvePrivateKey
    replaced_at: datetime | None = None

    @property
    def public(self) -> dict[str, str]:
        """What a browser needs of it: base64 of the raw Ed25519 key and of the uncompressed point."""
        seal = self.opening.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"id": self.id, "verify": encoded(self.verify or b""), "seal": encoded(seal)}

    @property
    def believed_until(self) -> datetime | None:
        """Until when something that it signed may still hold; None of the pair that signs, and of a distrusted one."""
        return self.replaced_at + RUNS_AT_MOST if self.replaced_at and self.verify else None


@dataclass(frozen=True)
class Keys:
    """All generations, the newest last."""

    pairs: tuple[Pair, ...]

    @property
    def newest(self) -> Pair:
        """The pair that signs, and for which is sealed."""
        return self.pairs[-1]

    def believed(self, now: datetime) -> tuple[Pair, ...]:
        """The pairs whose signatures a screen may believe, the newest last."""
        older = (pair for pair in self.pairs[:-1] if pair.believed_until and now < pair.believed_until)
        return (*older, self.newest)

    def sign(self, payload: str) -> dict[str, str]:
        """The payload with its Ed25519 signature and the id of the key."""
        assert self.newest.signing is not None  # looked at when the file was read
        signature = self.newest.signing.sign(payload.encode())
        return {"key": self.newest.id, "payload": payload, "signature": encoded(signature)}

    def is_ours(self, key: str, payload: str, signature: str) -> bool:
        """Whether one of these pairs signed this payload; no more once that pair is distrusted."""
        pair = next((pair for pair in self.pairs if pair.id == key), None)
        if pair is None or not pair.verify:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(pair.verify).verify(
                base64.b64decode(signature, validate=True), payload.encode()
            )
        except (ValueError, InvalidSignature):
            return False
        return True

    def open(self, key: str, header: str, once: str, nonce: str, sealed: str) -> bytes:
        """What a browser sealed under this header. Raises NotOpened."""
        pair = next((pair for pair in self.pairs if pair.id == key), None)
        if pair is None:
            raise NotOpened(f"It was sealed for the key {key}, which this server does not have.")
        try:
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, base64.b64decode(once, validate=True))
            shared = pair.opening.exchange(ec.ECDH(), theirs)
            derived = HKDF(hashes.SHA256(), 32, salt=None, info=PURPOSE).derive(shared)
            content = base64.b64decode(sealed, validate=True)
            return AESGCM(derived).decrypt(base64.b64decode(nonce, validate=True), content, header.encode())
        except (ValueError, InvalidTag) as error:
            raise NotOpened("It was altered since it was sealed.") from error


def encoded(raw: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(raw).decode()


def kept_keys(folder: Path) -> Keys:
    """The keys of the data folder, made first if there are none. All processes that start at once get the same.

    Raises KeyProblem where others may read the file, or where it is none of ours.
    """
    path = folder / FILE
    if not path.exists():
        _write_new(path, [_new_pair()])
    found = path.stat()
    return _read(path, (found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_mode))


def add_pair(folder: Path, now: datetime, *, distrust: bool = False) -> Keys:
    """A new pair for what is signed and sealed from now on; of those before it the half that signs is destroyed.

    `distrust`: a key may be known to others; nothing that was signed before is believed any more.
    """
    path = folder / FILE
    kept_keys(folder)
    with _alone(folder):
        older = [_replaced(row, now, distrust) for row in json.loads(path.read_text())]
        descriptor, draft = _draft(path, [*older, _new_pair()])
        os.close(descriptor)
        os.replace(draft, path)
    return kept_keys(folder)


def _replaced(row: Mapping[str, str], now: datetime, distrust: bool) -> dict[str, str]:
    """A pair that does not sign any more."""
    pair = _pair(row)
    kept = {"id": row["id"], "opening": row["opening"], "replaced_at": row.get("replaced_at", now.isoformat())}
    return kept if distrust or not pair.verify else {**kept, "verify": encoded(pair.verify)}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two who add a pair at once do so one after the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@lru_cache(maxsize=8)
def _read(path: Path, stamp: tuple[int, int, int, int]) -> Keys:
    """The file of this stamp: which it is, when it was changed, who may read it."""
    if stamp[-1] & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyProblem(f"{path} must be readable by its owner alone; run: chmod 600 '{path}'.")
    try:
        pairs = tuple(_pair(row) for row in json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise KeyProblem(f"{path} holds no keys; restore it, or delete it to get new ones.") from error
    if not pairs or pairs[-1].signing is None:
        raise KeyProblem(f"{path} holds no keys; restore it, or delete it to get new ones.")
    return Keys(pairs)


def _pair(row: Mapping[str, str]) -> Pair:
    opening = ec.derive_private_key(int(row["opening"], 16), CURVE)
    replaced_at = datetime.fromisoformat(row["replaced_at"]) if "replaced_at" in row else None
    if "signing" not in row:
        verify = base64.b64decode(row["verify"]) if "verify" in row else None
        return Pair(row["id"], None, verify, opening, replaced_at)
    signing = Ed25519PrivateKey.from_private_bytes(base64.b64decode(row["signing"]))
    return Pair(row["id"], signing, signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), opening)


def _new_pair() -> dict[str, str]:
    opening = ec.generate_private_key(CURVE).private_numbers().private_value
    signing = Ed25519PrivateKey.generate().private_bytes_raw()
    return {"id": secrets.token_hex(4), "signing": encoded(signing), "opening": f"{opening:x}"}


def _write_new(path: Path, rows: list[dict[str, str]]) -> None:
    """A new file, linked into place, so that nobody ever reads half of it."""
    descriptor, draft = _draft(path, rows)
    os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its keys are the ones to use
    finally:
        os.unlink(draft)


def _draft(path: Path, rows: list[dict[str, str]]) -> tuple[int, str]:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    os.write(descriptor, json.dumps(rows).encode())
    return descriptor, draft
