"""One-time codes of an authenticator app (TOTP, RFC 6238): six digits, another every thirty seconds."""

import datetime
import hmac

import pyotp

SECONDS = 30
DRIFT = 1  # steps by which the clock of a telephone may be off, either way


def new_secret() -> str:
    """A secret to share with an authenticator app: 160 bits in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, name: str, site: str) -> str:
    """What the QR code says to the app: the secret, and what it calls the account."""
    return pyotp.TOTP(secret, interval=SECONDS).provisioning_uri(name=name, issuer_name=site)


def step_of(secret: str, code: str, now: datetime.datetime) -> int | None:
    """The number of the thirty seconds to which this code belongs, near now; None when it is not a code of theirs."""
    totp, current = pyotp.TOTP(secret, interval=SECONDS), int(now.timestamp()) // SECONDS
    given = "".join(code.split()).encode(errors="replace")
    near = (current + away for away in range(-DRIFT, DRIFT + 1))
    return next((step for step in near if hmac.compare_digest(totp.generate_otp(step).encode(), given)), None)
