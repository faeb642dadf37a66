"""What a screen at the bedside may know without the server: the judgement of one dose, as text that is signed.

Of the patient it holds the trial number, which stands on the label too, and the wristband as a digest: no second
identifier, no birth date. What the screen cannot compare without the server it does not claim to have compared.

The code on a wristband is short, and whoever has the judgement can try codes: the digest is a slow one, so that each
try takes a good part of a second. It keeps the code from being read, not from being searched for; that nothing stays
of a dose that is over is the better half of the protection.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cellbank.domain.lifecycle.states import DoseState


class Next(StrEnum):
    """What comes next at the bed for a dose that was judged."""

    FIRST = "first"  # the first of two checks
    SECOND = "second"
    START = "start"
    STOP = "stop"  # it runs


NEXT_OF: dict[str, Next] = {
    DoseState.PREPARED: Next.FIRST,
    DoseState.CHECKED_ONCE: Next.SECOND,
    DoseState.CHECKED: Next.START,
    DoseState.INFUSING: Next.STOP,
}
"""The states in which a judgement goes along with the screen; of every other dose nothing is kept."""

RUNS_AT_MOST = timedelta(hours=24)  # however long the network is away, the end of an infusion can be noted


@dataclass(frozen=True)
class Judged:
    """A dose that was judged and accepted: `subject` is the digest of the wristband's code under `salt`, in so many
    `rounds`; `label` what the symbol of its current label says; `people` who may check here, each by the digests of
    sign-in name and badge, so that one person is one person however they say who they are; `barred` the digests of the
    names of those who may not check this dose any more."""

    dose: str
    next: Next
    salt: str
    rounds: int
    subject: str
    label: str
    lot: str
    shown: tuple[tuple[str, str], ...]  # what people compare with the label: name and value
    people: tuple[tuple[str, str], ...]
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


ROUNDS = 600_000
_DIGITS = 16  # of the digest of a name: to tell people apart


def wristband_digest(salt: str, subject: str) -> str:
    """PBKDF2 (HMAC-SHA-256, ROUNDS) of the code on the wristband: it tells whether a scan is the right one."""
    return hashlib.pbkdf2_hmac("sha256", subject.encode(), salt.encode(), ROUNDS).hex()


def person_digest(salt: str, said: str) -> str:
    """The digest of a sign-in name or of the code of a badge. It keeps a screen from listing who works here; a name
    that is known it does not hide."""
    return hashlib.sha256(f"{salt}{said}".encode()).hexdigest()[:_DIGITS]


def valid_until(then: Next, at: datetime, expires_at: datetime, minutes: int) -> datetime:
    """How long a judgement of this instant holds without the server: a hold that is placed meanwhile reaches nobody,
    so not long, and never beyond the expiry of the dose. What runs can be ended whenever it ends."""
    if then is Next.STOP:
        return at + RUNS_AT_MOST
    return min(expires_at, at + timedelta(minutes=minutes))
