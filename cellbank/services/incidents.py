"""What goes wrong, for whoever meets it: a bug has a number on the page or in the answer, under which the log tells
what it was; and what of a request is recorded all the same is known, so that nobody is told that nothing was."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from cellbank.records.away import RETRY_AFTER, OutcomeUnknown, Unavailable, unavailable

__all__ = ["RETRY_AFTER", "Truth", "Unavailable", "begin_request", "beside_an_answer", "log_away", "log_incident",
           "note_recorded", "recorded", "truth_of", "unavailable"]  # fmt: skip

log = logging.getLogger("cellbank.incident")
_recorded: ContextVar[int | None] = ContextVar("recorded", default=None)


def begin_request() -> None:
    """Another request begins on this thread: nothing is recorded by it yet."""
    _recorded.set(None)


def note_recorded(act: int) -> None:
    """This act of the request stands, whatever becomes of its answer."""
    _recorded.set(act)


def recorded() -> int | None:
    """The act that the request has recorded last; None: none."""
    return _recorded.get()


@dataclass(frozen=True)
class Truth:
    """What has become of a request whose database is away: "recorded" as this `act`, "not recorded", or "unknown" until
    the `key` tells."""

    outcome: Literal["recorded", "not recorded", "unknown"]
    act: int | None = None
    key: str | None = None


def truth_of(away: Unavailable) -> Truth:
    """What is certain, and what is not; for pages and API alike."""
    if isinstance(away, OutcomeUnknown):
        return Truth("unknown", key=away.key)
    act = recorded()
    return Truth("not recorded") if act is None else Truth("recorded", act)


def log_incident(error: BaseException) -> str:
    """Write the error to the log under a new incident number; returns the number."""
    number = secrets.token_hex(4).upper()
    log.error("incident %s", number, exc_info=error)
    return number


def log_away(error: Unavailable) -> None:
    """Write in one line that the database could not do something: no bug, so no number."""
    log.warning("%s: %s", type(error).__name__, error.__cause__ or error)


@contextmanager
def beside_an_answer() -> Iterator[None]:
    """What is kept besides (who reads, a scan that led nowhere, a STOP that stands on a screen) is not worth an answer:
    a database that cannot write, for its disk is full, still says what it says. Where the answer itself needs the
    database, that one tells that it is away."""
    try:
        yield
    except Exception as error:
        found = unavailable(error)
        if found is None:
            raise
        log_away(found)
