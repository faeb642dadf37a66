"""When the database is away or too busy, or its disk full: told apart from what is wrong with a statement, waited for,
and said.

A connection is looked at before it is used, without a question to the server: one on which something lies unread is
closed or about to be, and is replaced alone. So a server that was started again is met by new connections at once, and
one that died takes none of the others with it. What dies in the middle of a statement is waited for (`Patience`) by a
few requests of a process; the others are told at once, so that its threads are not all waiting when it comes back.
"""

import errno
import select
import threading
import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# How long a network may keep silent. What the URL of the settings says of any of these counts before it.
CONNECTING: dict[str, Any] = {
    "connect_timeout": 3, "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip
PATIENCE, PAUSE = 8.0, 0.2  # seconds that a request waits for a database on its way back, and between two looks
MOST_WAITING = 4  # of the ten threads of a process
RETRY_AFTER = 5  # seconds: what a program, or a page, is told to wait
_waiting = threading.BoundedSemaphore(MOST_WAITING)

ENDS, CRASHED, STARTS, STANDBY = "57P01", "57P02", "57P03", "25006"
# A lock that did not come, a deadlock, a statement that took too long; no connection, no memory, no disk left for us.
_BUSY, _SHORT_OF = {"55P03", "40001", "40P01", "57014"}, "53"


class Unavailable(Exception):
    """The database cannot do this now, and it was certainly not done; `sentence` says why, for people."""

    def __init__(self, sentence: str):
        self.sentence = sentence
        super().__init__(sentence)


class OutcomeUnknown(Unavailable):
    """The connection was lost while the act was being committed: only its key will tell whether it was recorded."""

    def __init__(self, key: str):
        self.key = key
        super().__init__(LOST)


AWAY = "The database cannot be reached. It is expected back: try again in a moment."
BUSY = "Others are at work on the same record, and it did not come free in time: try again in a moment."
FULL = "The database has no room for this now. Tell the administrator, and try again."
DISK_FULL = "The disk of the server has no room for this now. Tell the administrator, and try again."
LOST = "The connection to the database was lost while this was being recorded."
SENTENCES = (AWAY, BUSY, FULL, DISK_FULL, LOST)


def is_away(error: BaseException) -> bool:
    """Whether this says that the connection is gone or none is to be had, and nothing of the statement."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, psycopg.OperationalError):
        return False
    state = cause.sqlstate or "08"
    return state in (ENDS, CRASHED, STARTS) or state.startswith("08")


def unavailable(error: BaseException) -> Unavailable | None:
    """What people are told of an error that is the database's; None for one that is the program's."""
    if isinstance(error, Unavailable):
        return error
    sentence = _sentence(error)
    if sentence is None:
        return None
    found = Unavailable(sentence)
    found.__cause__ = error
    return found


def _sentence(error: BaseException) -> str | None:
    if isinstance(error, OSError):  # of a file that is kept beside the database, before anything is recorded of it
        return DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None) or ""
    if is_away(error):
        return AWAY
    if state in _BUSY or isinstance(error, PoolTimeout):
        return BUSY
    return FULL if state.startswith(_SHORT_OF) else None


class Patience:
    """The wait of one request for a database that is away."""

    def __init__(self) -> None:
        self.end = time.monotonic() + PATIENCE

    def wait(self) -> bool:
        """Wait a little; False when it was long enough, or when enough others are waiting."""
        if time.monotonic() > self.end or not _waiting.acquire(blocking=False):
            return False
        try:
            time.sleep(PAUSE)
        finally:
            _waiting.release()
        return True


def watch(engine: Engine, *, writes: bool) -> None:
    """Look at each connection of this engine before it is used; let a dead one take no other with it."""
    event.listen(engine, "checkout", _replace_dead)
    event.listen(engine, "handle_error", _drop_one)
    if writes:
        event.listen(engine, "handle_error", _leave_standby)


def _replace_dead(driver: psycopg.Connection[Any], *_: Any) -> None:
    if driver.closed or _has_ended(driver):
        raise DisconnectionError()  # the pool connects anew in its place


def _has_ended(driver: psycopg.Connection[Any]) -> bool:
    """Whether the other side has gone. It has nothing to say to us between two statements but that, or a notice."""
    look = select.poll()
    look.register(driver.fileno(), select.POLLIN)
    for _ in range(3):  # a farewell, the end behind it
        if not look.poll(0):
            return False
        try:
            driver.pgconn.consume_input()
        except psycopg.Error:
            return True
    return True


def _drop_one(context: Any) -> None:
    context.invalidate_pool_on_disconnect = False


def _leave_standby(context: Any) -> None:
    """A server that takes no writes any more is one that we are wrongly connected to."""
    if getattr(context.original_exception, "sqlstate", None) == STANDBY:
        context.is_disconnect = True
