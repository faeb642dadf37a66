"""Clients that cost little: each a process with one kept-alive connection that sends prepared requests.

http.client would take as long for a request as the server does, on the same two cores; this one writes bytes and reads
until the announced length has come.
"""

import http.client
import json
import multiprocessing
import re
import socket
import statistics
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from multiprocessing.pool import Pool
from typing import Any

HEAD_END = b"\r\n\r\n"
STARTS_IN = 0.15  # seconds until all clients are at the line
TIMEOUT = 30


@dataclass(frozen=True)
class Reading:
    """What the clients saw in one round: seconds of each answered request, and the first of those answered wrongly."""

    latencies: list[float]
    seconds: float
    wrong: list[str]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)

    def percentile(self, percent: float) -> float:
        """The latency that so many percent of the requests stayed under."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]


def request(
    method: str, path: str, token: str = "", body: Mapping[str, Any] | None = None, key: str = "", cookie: str = ""
) -> bytes:
    """A request as bytes."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(payload)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json"] if payload else []
    lines += [f"Idempotency-Key: {key}"] if key else []
    lines += [f"Cookie: {cookie}"] if cookie else []
    return "\r\n".join(lines).encode() + HEAD_END + payload


def exchange(connection: socket.socket, sent: bytes) -> tuple[int, bytes]:
    """Send a request, return status and body of the answer."""
    connection.sendall(sent)
    received = connection.recv(65536)
    while HEAD_END not in received:
        received += _more(connection)
    head, _, body = received.partition(HEAD_END)
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += _more(connection)
    return int(head[9:12]), body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("the server closed the connection")
    return received


def connect(port: int) -> socket.socket:
    """A connection that sends at once and does not wait for ever."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(port: int, sent: bytes) -> tuple[int, Any]:
    """One request on a connection of its own; the answer's JSON."""
    with connect(port) as connection:
        status, body = exchange(connection, sent)
    return status, json.loads(body)


def signed_in(port: int, name: str, password: str) -> str:
    """The cookies of somebody who has just signed in, as one header."""
    browser, cookies = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT), SimpleCookie[str]()

    def send(method: str, form: Mapping[str, str]) -> tuple[int, str]:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": _sent(cookies)}
        browser.request(method, "/sign-in", urllib.parse.urlencode(form), headers)
        answer = browser.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            cookies.load(line)
        return answer.status, answer.read().decode()

    token = re.search(r'name="csrf-token" content="([^"]+)"', send("GET", {})[1])
    assert token is not None
    status, _ = send("POST", {"csrf_token": token[1], "name": name, "password": password})
    assert status == 302, status
    browser.close()
    return _sent(cookies)


def _sent(cookies: SimpleCookie[str]) -> str:
    return "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())


def _client(work: tuple[int, list[bytes], float, float, bool]) -> tuple[list[float], float, list[str]]:
    """One client: from `start` on for `seconds`, request after request; around again from the first if `again`."""
    port, requests, start, seconds, again = work
    latencies: list[float] = []
    wrong: list[str] = []
    with connect(port) as connection:
        time.sleep(max(0.0, start - time.monotonic()))
        end = begun = time.monotonic()
        for sent in _endless(requests) if again else requests:
            before = time.perf_counter()
            status, body = exchange(connection, sent)
            latencies.append(time.perf_counter() - before)
            if status != 200:
                wrong.append(f"{status} {body[:300].decode(errors='replace')}")
            end = time.monotonic()
            if end - begun >= seconds:
                break
    return latencies, end - begun, wrong


def _endless(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests


class Clients:
    """A pool of client processes; started once, used for every round."""

    def __init__(self, pool: Pool, port: int):
        self.pool = pool
        self.port = port

    def run(self, requests: Sequence[list[bytes]], seconds: float, *, again: bool = True) -> Reading:
        """Let one client work on each list of requests, all at once."""
        start = time.monotonic() + STARTS_IN
        work = [(self.port, some, start, seconds, again) for some in requests]
        done = self.pool.map(_client, work, chunksize=1)
        return Reading(
            latencies=[latency for latencies, _, _ in done for latency in latencies],
            seconds=max(taken for _, taken, _ in done),
            wrong=[sentence for _, _, wrong in done for sentence in wrong],
        )


@contextmanager
def clients(port: int, count: int) -> Iterator[Clients]:
    """That many client processes, ready."""
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.map(time.sleep, [0.2] * count, chunksize=1)
        yield Clients(pool, port)
