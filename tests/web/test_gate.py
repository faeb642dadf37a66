"""The gate of a process, with an application that does what the test wants: who gets a place, who is told to come
again, and when a place is free again."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cellbank import gate
from cellbank.gate import OF_THEM_FOR_ACTS, PLACES, READING_EACH, REFUSED, WAITING_ACTS, Gate

HELD = 1000


class Probe:
    """An application that notes what it is given, and answers as soon as `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.inside, self.seen = threading.Semaphore(0), []
        self.streams = False

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        if REFUSED in environ:
            start_response("503 Not now", [("Content-Length", "0")])
            return []
        self.inside.release()
        assert self.go.wait(20)
        self.seen.append(environ["wsgi.input"].read())
        start_response("200 OK", [] if self.streams else [("Content-Length", "2")])
        return iter([b"o", b"k"])


def ask(gate: Gate, method: str = "GET", body: Any = b"", address: str = "10.0.0.1", **more: str) -> tuple[str, Any]:
    """Status and answer."""
    said: list[str] = []
    length = {} if more or not body else {"CONTENT_LENGTH": str(len(body))}
    wire = io.BytesIO(body) if isinstance(body, bytes) else body
    environ = {"REQUEST_METHOD": method, "REMOTE_ADDR": address, "wsgi.input": wire, **length, **more}
    answer = gate(environ, lambda status, headers, *_: said.append(status))
    return said[0][:3], answer


class Dawdling:
    """A body that does not come until it is let."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), threading.Semaphore(0)

    def __len__(self) -> int:
        return 5

    def read(self, length: int) -> bytes:
        self.asked.release()
        assert self.go.wait(20)
        return b"whole"[:length]


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(100) as pool:
        yield pool


def test_a_body_has_come_whole_before_the_application_sees_it(probe: Probe) -> None:
    status, answer = ask(Gate(probe, HELD), "POST", b"all of it")
    assert (status, list(answer), probe.seen) == ("200", [b"ok"], [b"all of it"])


def test_half_a_body_is_not_looked_at(probe: Probe) -> None:
    status, _ = ask(Gate(probe, HELD), "POST", b"half", CONTENT_LENGTH="8")
    assert (status, probe.seen) == ("503", [])


@pytest.mark.parametrize(("length", "read"), [(HELD, HELD), (HELD + 1, HELD + 1), (HELD + 500, HELD + 1)])
def test_a_body_of_unsaid_length_is_read_so_far_that_it_is_seen_to_be_too_long(
    probe: Probe, length: int, read: int
) -> None:
    ask(Gate(probe, HELD), "POST", b"x" * length, HTTP_TRANSFER_ENCODING="chunked")
    assert [len(body) for body in probe.seen] == [read]


def test_one_address_dawdles_with_a_few_bodies_and_the_others_go_on(probe: Probe, pool: ThreadPoolExecutor) -> None:
    door, slow = Gate(probe, HELD), Dawdling()
    waiting = [pool.submit(ask, door, "POST", slow, CONTENT_LENGTH="5") for _ in range(READING_EACH)]
    for _ in waiting:
        assert slow.asked.acquire(timeout=20)
    assert ask(door, "POST", b"body")[0] == "503"
    assert ask(door, "POST", b"body", address="10.0.0.2")[0] == "200"
    assert ask(door, "GET")[0] == "200"
    slow.go.set()
    assert {one.result()[0] for one in waiting} == {"200"}
    assert ask(door, "POST", b"body")[0] == "200"


def test_acts_never_take_all_places_and_those_beyond_are_told_to_come_again(
    probe: Probe, pool: ThreadPoolExecutor
) -> None:
    door = Gate(probe, HELD)
    probe.go.clear()
    acts = [pool.submit(ask, door, "POST", b"act") for _ in range(OF_THEM_FOR_ACTS + WAITING_ACTS + 20)]
    for _ in range(OF_THEM_FOR_ACTS):
        assert probe.inside.acquire(timeout=20)
    turned_away = [one for one in acts if _done_soon(one)]
    assert len(turned_away) == 20 and {one.result()[0] for one in turned_away} == {"503"}
    looks = [pool.submit(ask, door) for _ in range(PLACES - OF_THEM_FOR_ACTS)]
    for _ in looks:
        assert probe.inside.acquire(timeout=20)  # a scan finds a place beside all the acts
    probe.go.set()
    assert {one.result()[0] for one in looks} == {"200"}
    assert [one.result()[0] for one in acts].count("200") == OF_THEM_FOR_ACTS + WAITING_ACTS


def _done_soon(future: Any) -> bool:
    try:
        return future.exception(timeout=0.3) is None
    except TimeoutError:
        return False


def test_an_answer_that_is_made_while_it_is_sent_keeps_its_place_until_its_end(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.1)
    door, probe.streams = Gate(probe, HELD), True
    answers = [ask(door)[1] for _ in range(PLACES)]
    assert ask(door)[0] == "503"
    assert b"".join(answers[0]) == b"ok"
    answers[0].close()
    assert ask(door)[0] == "200"


@pytest.mark.parametrize("ends", [lambda answer: list(answer), lambda answer: answer.close(), lambda answer: None])
def test_no_place_is_lost_however_a_streamed_answer_ends(
    probe: Probe, monkeypatch: pytest.MonkeyPatch, ends: Callable
) -> None:
    """Read to its end, given up, or forgotten by whoever should have closed it."""
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.1)
    door, probe.streams = Gate(probe, HELD), True
    for _ in range(3 * PLACES):
        status, answer = ask(door)
        assert status == "200"
        ends(answer)
        del answer


@pytest.mark.parametrize(
    ("method", "status"), [("GET", "204 No content"), ("GET", "304 Not modified"), ("HEAD", "200 OK")]
)
def test_an_answer_without_a_body_leaves_at_once(monkeypatch: pytest.MonkeyPatch, method: str, status: str) -> None:
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.1)

    def empty(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        start_response(status, [])
        return iter([])

    door = Gate(empty, HELD)
    kept = [ask(door, method) for _ in range(3 * PLACES)]
    assert {one for one, _ in kept} == {status[:3]}


def test_an_error_of_the_application_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.1)

    def fails(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        raise ZeroDivisionError

    door = Gate(fails, HELD)
    for _ in range(PLACES + 1):
        with pytest.raises(ZeroDivisionError):
            ask(door)


@pytest.mark.parametrize(("comes_from", "asked"), [("10.9.9.9", "203.0.113.5"), ("10.0.0.1", "10.0.0.1")])
def test_for_whom_it_was_passed_on_is_believed_of_a_proxy_alone(comes_from: str, asked: str) -> None:
    seen: list[str] = []

    def note(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        start_response("200 OK", [("Content-Length", "0")])
        return []

    ask(Gate(note, HELD, ("10.9.9.9",)), address=comes_from, HTTP_X_FORWARDED_FOR="203.0.113.5")
    assert seen == [asked]
