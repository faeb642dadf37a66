"""The gate of a process: how much of it those who come may hold, before the application looks at anything.

A thread of the server costs little, a place in the application much: a database connection, and a share of the one core
that runs it. So a request is read whole before it takes a place; of requests that dawdle, one address may hold a few;
and acts, which wait for one another's records, never hold all places: a scan always finds one. Who finds none in time
is told to try again, and nothing was recorded.

Silent connections and heads that never end are closed by the server itself (`cli.serving`).
"""

import io
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from cellbank.domain.entering import whole_number
from cellbank.services.incidents import Unavailable
from cellbank.services.room import NoRoom, Room

# Ten places are as many as a pool of database connections serves (`records.base.open_engine`).
PLACES, OF_THEM_FOR_ACTS = 10, 7
WAITING_ACTS = 24  # at the gate; beyond them an act is told to come again
LONGEST_WAIT = 10.0  # seconds
READING, READING_EACH = 64, 8  # requests whose body has not come whole: of all addresses, and of each
UPLOADS = 2  # bodies too large to be read beforehand; the application reads them as they come
# Enough that each of these can stand at the gate without one that has come whole waiting for a thread.
THREADS = PLACES + WAITING_ACTS + READING + UPLOADS + 20

BUSY = "Many are at work just now, and there is no room for more: try again in a moment."
REFUSED = "cellbank.refused"
WITHOUT_BODY = (204, 304)

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Gate:
    """Lets requests into a WSGI application. `held` is how many bytes of a body are read beforehand; `proxies` are the
    addresses from which it is believed for whom a request was passed on."""

    def __init__(self, app: Application, held: int, proxies: Collection[str] = ()):
        self._app, self._held, self._proxies = app, held, frozenset(proxies)
        self._passed_on = ProxyFix(self._enter)
        self._places, self._acts = threading.Semaphore(PLACES), threading.Semaphore(OF_THEM_FOR_ACTS)
        self._waiting, self._uploads = threading.Semaphore(WAITING_ACTS), threading.Semaphore(UPLOADS)
        self._reading = Room(READING, READING_EACH)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """The answer of the application, or its refusal."""
        passed_on = environ.get("REMOTE_ADDR") in self._proxies
        return (self._passed_on if passed_on else self._enter)(environ, start_response)

    def _enter(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        with ExitStack() as held:
            try:
                self._read(environ)
                self._find_place(environ, held)
            except NoRoom:
                environ[REFUSED] = BUSY
            return _answer(self._app, environ, start_response, held)

    def _read(self, environ: Environ) -> None:
        """Read the body, if there is one that may be read beforehand."""
        announced, unsaid = _announced(environ), "HTTP_TRANSFER_ENCODING" in environ
        if announced > self._held or not (announced or unsaid):
            return
        wire, environ["wsgi.input"] = environ["wsgi.input"], io.BytesIO()
        environ["CONTENT_LENGTH"] = "0"
        with self._reading.of(environ.get("REMOTE_ADDR", "")):
            # One that does not say how long it is, and is longer than this, is too long: the application says so.
            body = wire.read(announced or self._held + 1)
        if len(body) < announced:  # who sent it has gone: half of what was sent is not looked at
            raise NoRoom()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))

    def _find_place(self, environ: Environ, held: ExitStack) -> None:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            if _announced(environ) > self._held:
                _take(self._uploads, held, 0)
            with ExitStack() as waiting:
                _take(self._waiting, waiting, 0)
                _take(self._acts, held, LONGEST_WAIT)
        _take(self._places, held, LONGEST_WAIT)


def register(app: Flask, held: int, proxies: Collection[str]) -> None:
    """Let everything that comes to this application pass a gate; who found no room gets the answer that the application
    gives when it cannot do something now."""

    def turned_away() -> None:
        if REFUSED in request.environ:
            raise Unavailable(request.environ[REFUSED])

    app.before_request(turned_away)
    app.wsgi_app = Gate(app.wsgi_app, held, proxies)  # type: ignore[method-assign]  # as Flask says


def _announced(environ: Environ) -> int:
    """How many bytes of a body are to come, as its head says; none where that is no number."""
    return whole_number(environ.get("CONTENT_LENGTH") or "") or 0


def _take(semaphore: threading.Semaphore, held: ExitStack, seconds: float) -> None:
    if not semaphore.acquire(timeout=seconds):
        raise NoRoom()
    held.callback(semaphore.release)


class Leaving:
    """An answer that is made while it is sent; its place is free when it ends, is closed, or is forgotten."""

    def __init__(self, answer: Iterable[bytes], leave: Callable[[], None]):
        self._answer, self._next, self._leave = answer, iter(answer), leave

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._next)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the answer and leave; once."""
        try:
            getattr(self._answer, "close", lambda: None)()
        finally:
            self._leave()

    __del__ = close


def _answer(app: Application, environ: Environ, start_response: Any, held: ExitStack) -> Iterable[bytes]:
    """The answer in one piece, which leaves its place at once; one that is made while it is sent keeps it so long."""
    said: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        said[:] = [int(status[:3]), {name.lower() for name, _ in headers}]
        return start_response(status, headers, *more)

    answer = app(environ, start)
    status, names = said or (200, set())
    if "content-length" not in names and status not in WITHOUT_BODY and environ["REQUEST_METHOD"] != "HEAD":
        return Leaving(answer, held.pop_all().close)
    try:
        return [b"".join(answer)]
    finally:
        getattr(answer, "close", lambda: None)()
