"""Seals as the browser does (`static/kept.js`), so that the server's side is tested without one."""

import base64
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cellbank.outside.bedside_keys import CURVE, encoded
from tests.factories.world import PASSWORD, World


def seal(public: dict[str, str], header: dict[str, Any], content: Any) -> dict[str, str]:
    """One part of an envelope, sealed for this public half."""
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, base64.b64decode(public["seal"]))
    once = ec.generate_private_key(CURVE)
    key = HKDF(hashes.SHA256(), 32, salt=bytes(32), info=b"cellbank bedside").derive(once.exchange(ec.ECDH(), theirs))
    said, nonce = json.dumps({**header, "key": public["id"]}), secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, json.dumps(content).encode(), said.encode())
    point = once.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"header": said, "once": encoded(point), "nonce": encoded(nonce), "sealed": encoded(sealed)}


def signed(world: World, dose: str, at: datetime, minutes: int = 60, site: str = "MAIN") -> dict[str, str]:
    """A judgement of this dose, as the server gives it to a screen: what is read again of it when it comes back."""
    held = {"dose": dose, "site": site, "at": at.isoformat(), "until": (at + timedelta(minutes=minutes)).isoformat()}
    return world.installation.keys.sign(json.dumps(held))


def kept(
    world: World,
    who: str,
    act: str,
    at: Any,
    given: dict[str, Any],
    *,
    password: str = PASSWORD,
    judgement: dict[str, str] | None = None,
    said: str | None = None,
    **header: Any,
) -> dict[str, Any]:
    """An act that a screen has kept, with the judgement by which it went on; `said`: not by the sign-in name."""
    whole = {
        "id": secrets.token_hex(16), "act": act, "dose": given.get("dose", "the one on the label"), "name": who,
        "site": world.people[who].site_code, "at": at.isoformat(), **header,
    }  # fmt: skip
    content = {"name": said or who, "password": password, "given": given, "judgement": judgement}
    return {"act": seal(world.installation.keys.newest.public, whole, content)}
