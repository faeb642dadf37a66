"""What runs again and again beside the server: the look for silent probes, the signing of heads, the trail's check.

Each look is a process of its own, because the server's parent forks its workers and must hold no connection and no lock
meanwhile. What goes wrong in one (a database that is away) is said on standard error, and the next one begins anew.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

COMMAND = (sys.executable, "-m", "cellbank.cli")
SOON = 60  # seconds after the start at which the first look begins at the latest
MOMENT = 0.2


@dataclass(frozen=True)
class Look:
    """A command that runs every so many seconds, if any. One that is `left_off` ends with the server."""

    name: str
    arguments: tuple[str, ...]
    seconds: int
    longest: int = 60
    left_off: bool = False


def looks_of(watch_seconds: int, heads_seconds: int, check_hours: int) -> tuple[Look, ...]:
    """What a server with these settings looks at."""
    return (
        Look("look for silent probes", ("readings", "watch"), watch_seconds),
        Look("signing of heads", ("trail", "sign"), heads_seconds),
        Look("check of the trail", ("trail", "check"), 600 if check_hours else 0, longest=6 * 3600, left_off=True),
    )


@contextmanager
def watching(*looks: Look) -> Iterator[None]:
    """Look at all of these while something else runs. A look that has begun is finished, unless it is left off."""
    over = threading.Event()
    with ExitStack() as stack:
        for look in looks:
            if look.seconds:
                watch = threading.Thread(target=_watch, args=(look, over), name=look.name, daemon=True)
                watch.start()
                stack.callback(watch.join)
        stack.callback(over.set)
        yield


def _watch(look: Look, over: threading.Event) -> None:
    wait = min(look.seconds, SOON)
    while not over.wait(wait):
        wait = look.seconds
        try:
            _run(look, over)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"cellbank: the {look.name} failed: {error}", file=sys.stderr, flush=True)


def _run(look: Look, over: threading.Event) -> None:
    """Run it to its end. Raises OSError, TimeoutExpired."""
    with subprocess.Popen([*COMMAND, *look.arguments], stdout=subprocess.DEVNULL) as process:
        try:
            _wait(process, look, over)
        finally:
            process.kill()  # which does nothing to one that has ended


def _wait(process: subprocess.Popen[bytes], look: Look, over: threading.Event) -> None:
    until = time.monotonic() + look.longest
    while process.poll() is None and not (look.left_off and over.is_set()):
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, look.longest)
        time.sleep(MOMENT)
