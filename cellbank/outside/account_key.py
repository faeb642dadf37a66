"""The key of what the database keeps of people's second factors and codes: it lies in the data folder, outside it.

Whoever reads the database alone can then make no one-time code, and try no code that was handed over.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from cellbank.config import kept_key

FILE = "account_key"


class AccountKey:
    """Closes and opens secrets, and makes digests that only its holder can make."""

    def __init__(self, key: str):
        self._digests = hashlib.sha256(b"digests of codes\0" + key.encode()).digest()
        self._hidden = hashlib.sha256(b"hidden columns\0" + key.encode()).digest()
        #: tells this key from others, and nothing of it
        self.name = hashlib.sha256(b"name\0" + self._hidden).hexdigest()[:8]
        self._secrets = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"secrets\0" + key.encode()).digest()))

    def closed(self, secret: str) -> str:
        """The secret as the database keeps it."""
        return self._secrets.encrypt(secret.encode()).decode()

    def opened(self, kept: str | None) -> str | None:
        """The secret again; None where there is none, or where it was closed with another key. One that was kept before
        there was this key stands as it is: base 32 has no small letters."""
        if not kept or kept.isupper():
            return kept or None
        try:
            return self._secrets.decrypt(kept.encode()).decode()
        except InvalidToken:
            return None

    def digest(self, code: str) -> bytes:
        """What is kept of a code."""
        return hmac.digest(self._digests, code.encode(), "sha256")

    def of_hidden(self, value: str) -> str:
        """What the trail holds of a value that it must not hold; first the name of the key."""
        return f"{self.name}:{hmac.digest(self._hidden, value.encode(), 'sha256').hex()}"


@lru_cache(maxsize=8)
def account_key(folder: Path) -> AccountKey:
    """The key in this data folder, made when first needed. Raises ConfigProblem: others can read it, or it was cut."""
    return AccountKey(kept_key(folder / FILE))
