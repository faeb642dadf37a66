"""The keys of the bedside without a network: one pair signs what the server has judged, one opens what browsers seal.

They lie in the data folder beside the secret key. The newest pair signs; the older ones stay, so that what was sealed
for them can still be opened: a pair has an id, and everything that was signed or sealed names it.

Sealed is: ECDH on P-256 with a key of the browser that is used once, HKDF-SHA-256, AES-256-GCM; the header of an
envelope is readable and bound to it.
"""

import base64
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = "bedside_keys"
CURVE = ec.SECP256R1()
PURPOSE = b"cellbank bedside"  # of the derived key: no other use of the same exchange gives the same key


class KeyProblem(Exception):
    """The file of keys cannot be used; the message says why."""


class NotOpened(Exception):
    """An envelope that these keys do not open: sealed for others, or altered on its way."""


@dataclass(frozen=True)
class Pair:
    """One generation of keys."""

    id: str
    signing: Ed25519PrivateKey
    opening: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> dict[str, str]:
        """What a browser needs of it: base64 of the raw Ed25519 key and of the uncompressed point."""
        verify = self.signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        seal = self.opening.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"id": self.id, "verify": encoded(verify), "seal": encoded(seal)}


@dataclass(frozen=True)
class Keys:
    """All generations, the newest last."""

    pairs: tuple[Pair, ...]

    @property
    def newest(self) -> Pair:
        """The pair that signs, and for which is sealed."""
        return self.pairs[-1]

    def sign(self, payload: str) -> dict[str, str]:
        """The payload with its Ed25519 signature and the id of the key."""
        signature = self.newest.signing.sign(payload.encode())
        return {"key": self.newest.id, "payload": payload, "signature": encoded(signature)}

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
    return _read(path)


def add_pair(folder: Path) -> Keys:
    """A new pair for what is signed and sealed from now on; the pairs before it stay. For when a key may be known."""
    path = folder / FILE
    kept_keys(folder)
    descriptor, draft = _draft(path, [*json.loads(path.read_text()), _new_pair()])
    os.close(descriptor)
    os.replace(draft, path)
    return _read(path)


def _read(path: Path) -> Keys:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyProblem(f"{path} must be readable by its owner alone; run: chmod 600 '{path}'.")
    try:
        pairs = tuple(_pair(row) for row in json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise KeyProblem(f"{path} holds no keys; restore it, or delete it to get new ones.") from error
    if not pairs:
        raise KeyProblem(f"{path} holds no keys; restore it, or delete it to get new ones.")
    return Keys(pairs)


def _pair(row: Mapping[str, str]) -> Pair:
    signing = Ed25519PrivateKey.from_private_bytes(base64.b64decode(row["signing"]))
    return Pair(row["id"], signing, ec.derive_private_key(int(row["opening"], 16), CURVE))


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
