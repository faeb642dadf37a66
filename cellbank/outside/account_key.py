"""The key of all that the database keeps to know people by: passwords, second factors, codes, sessions, keys of
programs, screens. It lies in the data folder, outside the database.

What is made with it is good for one person alone: whoever writes to the database, and has no key, makes nothing that
lets anybody in as another, also not out of what lets themselves in. Whoever only reads it can try neither codes nor
passwords.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from cellbank.config.key_file import kept_key

FILE = "account_key"


class AccountKey:
    """Closes and opens secrets, and makes digests that only its holder can make."""

    def __init__(self, key: str):
        self._passwords = hashlib.sha256(b"passwords\0" + key.encode()).digest()
        self._digests = hashlib.sha256(b"digests of codes\0" + key.encode()).digest()
        self._hidden = hashlib.sha256(b"hidden columns\0" + key.encode()).digest()
        #: tells this key from others, and nothing of it
        self.name = hashlib.sha256(b"name\0" + self._hidden).hexdigest()[:8]
        self._secrets = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"secrets\0" + key.encode()).digest()))

    def closed(self, secret: str, *, of: str) -> str:
        """The secret of the person with this sign-in name, as the database keeps it."""
        return self._secrets.encrypt(f"{of} {secret}".encode()).decode()

    def opened(self, kept: str | None, *, of: str) -> str | None:
        """The secret again; None where there is none, or where it was closed for another person or with another key."""
        try:
            whose, _, secret = self._secrets.decrypt((kept or "").encode()).decode().partition(" ")
        except InvalidToken:
            return None
        return secret if whose == of else None

    def digest(self, text: str) -> bytes:
        """What is kept of something that is only compared."""
        return hmac.digest(self._digests, text.encode(), "sha256")

    def of_person(self, purpose: str, person: int, secret: str) -> bytes:
        """What is kept of a code or a token: good for this person and purpose alone."""
        return self.digest(f"{purpose} of {person} {secret}")

    def of_password(self, name: str, password: str) -> str:
        """What is hashed of the password of the person with this sign-in name."""
        given = password.encode(errors="replace")  # half a pair of surrogates is in nobody's password
        return hmac.digest(self._passwords, f"{name} ".encode() + given, "sha256").hex()

    def of_hidden(self, value: str) -> str:
        """What the trail holds of a value that it must not hold; first the name of the key."""
        return f"{self.name}:{hmac.digest(self._hidden, value.encode(), 'sha256').hex()}"


@lru_cache(maxsize=8)
def account_key(folder: Path) -> AccountKey:
    """The key in this data folder, made when first needed. Raises ConfigProblem: others can read it, or it was cut."""
    return AccountKey(kept_key(folder / FILE))
