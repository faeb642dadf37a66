"""The sender of messages beside the server: `cellbank outbox send`, one process for as long as the server runs.

It is a process of its own, because the server's parent forks its workers and must hold no connection meanwhile. The
pipe to its standard input tells it when the server is gone, also one that was killed.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SEND = (sys.executable, "-m", "cellbank.cli", "outbox", "send", "--every")
LONGEST, BEFORE_THE_NEXT = 30, 10  # seconds: to finish the message at hand; before one that ended is started anew


@contextmanager
def sending(seconds: int) -> Iterator[None]:
    """Send while something else runs, with so many seconds between two looks; 0: not at all."""
    if not seconds:
        yield
        return
    over = threading.Event()
    keeper = threading.Thread(target=_keep_sending, args=(seconds, over), name="send", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep_sending(seconds: int, over: threading.Event) -> None:
    while not over.is_set():
        try:
            _send_until(over, seconds)
        except OSError as error:
            print(f"cellbank: messages cannot be sent: {error}", file=sys.stderr, flush=True)
        over.wait(BEFORE_THE_NEXT)


def _send_until(over: threading.Event, seconds: int) -> None:
    """One sender, until it ends or is told to: it then finishes the message at hand."""
    command = (*SEND, str(seconds))
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        while sender.poll() is None and not over.wait(1):
            pass
    finally:
        assert sender.stdin is not None
        sender.stdin.close()
        try:
            sender.wait(LONGEST)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()
