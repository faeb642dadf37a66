"""Strangers on the network who open connections and hold them: five kinds, each as a thread of its own."""

import http.client
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
A_SECOND = 1.0
ELSEWHERE = "127.0.0.2"  # not the address of those who work


def silent(port: int, over: threading.Event) -> None:
    """Connects and says nothing."""
    with _connected(port):
        over.wait()


def slow_head(port: int, over: threading.Event) -> None:
    """A head that never ends, a letter each second."""
    with _connected(port) as wire:
        wire.sendall(b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
        while not over.wait(A_SECOND):
            wire.sendall(b"a")


def unfinished_body(port: int, over: threading.Event) -> None:
    """Announces a body, and sends a byte of it."""
    with _connected(port) as wire:
        wire.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        )
        wire.sendall(b"Content-Length: 1000\r\n\r\nn")
        over.wait()


def kept_alive(port: int, over: threading.Event) -> None:
    """Asks for a page now and then, so that its connection stays."""
    with _connected(port) as wire:
        while not over.is_set():
            wire.sendall(b"GET /static/cellbank.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wire.recv(65536)
            over.wait(A_SECOND)


def guessing(port: int, over: threading.Event) -> None:
    """Tries passwords of a name, one after the other."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(ELSEWHERE, 0))
    with closing(wire):
        wire.request("GET", "/sign-in")
        page = wire.getresponse()
        cookie, token = page.getheader("Set-Cookie", "").partition(";")[0], TOKEN.search(page.read().decode())
        assert token is not None
        guess = urllib.parse.urlencode({"csrf_token": token[1], "name": "tina", "password": "a wrong password"})
        form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        while not over.is_set():
            wire.request("POST", "/sign-in", guess, form)
            wire.getresponse().read()


KINDS: dict[str, Callable[[int, threading.Event], None]] = {
    kind.__name__: kind for kind in (silent, slow_head, unfinished_body, kept_alive, guessing)
}


@contextmanager
def strangers(port: int, kind: str, count: int) -> Iterator[None]:
    """So many of one kind, until the end of the block. Who is turned away comes again."""
    over = threading.Event()

    def stay() -> None:
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException):
                KINDS[kind](port, over)
            over.wait(0.1)

    threads = [threading.Thread(target=stay, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(A_SECOND)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(ELSEWHERE, 0))
