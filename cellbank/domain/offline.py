"""What a screen at the bedside may know without the server: the judgement of one dose, as text that is signed.

It holds nobody's identity: the wristband as a salted digest, no second identifier, no birth date. What the screen
cannot compare without the server it does not claim to have compared.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Next(StrEnum):
    """What comes next at the bed for a dose that was judged."""

    FIRST = "first"  # the first of two checks
    SECOND = "second"
    START = "start"
    STOP = "stop"  # it runs


NEXT_OF = {"PREPARED": Next.FIRST, "CHECKED_ONCE": Next.SECOND, "CHECKED": Next.START, "INFUSING": Next.STOP}
"""The states in which a judgement goes along with the screen; of every other dose nothing is kept."""

RUNS_AT_MOST = timedelta(hours=24)  # however long the network is away, the end of an infusion can be noted


@dataclass(frozen=True)
class Judged:
    """A dose that was judged and accepted: `subject` is the digest of the wristband's code under `salt`, `label` what
    the symbol of its current label says, `barred` who may not check it any more (sign-in names)."""

    dose: str
    next: Next
    salt: str
    subject: str
    label: str
    lot: str
    shown: tuple[tuple[str, str], ...]  # what stands on the label for people: name and value
    barred: tuple[str, ...]
    site: str
    expires_at: datetime
    at: datetime
    until: datetime

    @property
    def text(self) -> str:
        """The text over which the server signs."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, default=_as_text)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def wristband_digest(salt: str, subject: str) -> str:
    """sha256 of the salt and the code on the wristband: it tells whether a scan is the right one, and not which."""
    return hashlib.sha256(f"{salt}{subject}".encode()).hexdigest()


def valid_until(then: Next, at: datetime, expires_at: datetime, minutes: int) -> datetime:
    """How long a judgement of this instant holds without the server: a hold that is placed meanwhile reaches nobody,
    so not long, and never beyond the expiry of the dose. What runs can be ended whenever it ends."""
    if then is Next.STOP:
        return at + RUNS_AT_MOST
    return min(expires_at, at + timedelta(minutes=minutes))
