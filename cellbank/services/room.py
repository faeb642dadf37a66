"""How many may be at something at once, of all who come and of one address: what is slow must not hold the rest up."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoRoom(Exception):
    """Enough are at it already."""


class Room:
    """Places for so many at once, in this process."""

    def __init__(self, of_all: int, of_each: int):
        self._of_all, self._of_each = of_all, of_each
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, address: str) -> Iterator[None]:
        """Be in it, for somebody at this address. Raises NoRoom when enough are, without waiting."""
        with self._lock:
            if self._inside.total() >= self._of_all or self._inside[address] >= self._of_each:
                raise NoRoom()
            self._inside[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[address] -= 1
                if not self._inside[address]:
                    del self._inside[address]
