"""Tokens that people and programs carry: whose one is stands in it, and what is kept of it is made with a key outside
the database for that person alone (`outside/account_key.py`). A row that somebody else has written opens nothing.
"""

import secrets
from pathlib import Path
from typing import NamedTuple

from cellbank.domain.entering import whole_number
from cellbank.outside.account_key import account_key

SESSION, KEY = "session", "key"
KEY_BEGINS = "cb_"


class Kept(NamedTuple):
    """By what a token is looked for: both must be those of the row."""

    person: int
    digest: bytes


def new_token(person: int, purpose: str) -> str:
    """A token of this person, which is kept nowhere."""
    return f"{KEY_BEGINS if purpose == KEY else ''}{person}.{secrets.token_urlsafe(32)}"


def kept(folder: Path, token: str, purpose: str) -> Kept | None:
    """What is kept of a token; None when it is none. `folder`: where the key of the installation lies."""
    begins = token.removeprefix(KEY_BEGINS) if purpose == KEY else token
    person = whole_number(begins.partition(".")[0])
    if person is None:
        return None
    return Kept(person, account_key(folder).of_person(purpose, person, ascii(token)))
