"""The watch over silent probes beside the server: `cellbank readings watch`, again and again.

Each look is a process of its own, because the server's parent forks its workers and must hold no connection and no lock
meanwhile. What goes wrong in one (a database that is away) is said on standard error, and the next one begins anew.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOOK = (sys.executable, "-m", "cellbank.cli", "readings", "watch")
LONGEST = 60


@contextmanager
def watching(seconds: int) -> Iterator[None]:
    """Look every so many seconds while something else runs; 0: not at all. A look that has begun is finished."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(seconds, over), name="watch", daemon=True)
    if seconds:
        watch.start()
    try:
        yield
    finally:
        over.set()
        if seconds:
            watch.join()


def _watch(seconds: int, over: threading.Event) -> None:
    while not over.wait(seconds):
        try:
            subprocess.run(LOOK, stdout=subprocess.DEVNULL, timeout=LONGEST, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"cellbank: the look for silent probes failed: {error}", file=sys.stderr, flush=True)
