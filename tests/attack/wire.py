"""The wire between the application and PostgreSQL, which can be cut at the worst moment."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

NAME = ".s.PGSQL.5432"


class Wire:
    """Forwards what is said on a socket of its own to the server's.

    `cut_at`: the next time that the application says this, the wire is cut: `after` the server has got it and has
    answered, or before. `down`: nobody gets through.
    """

    def __init__(self, server: str, folder: Path):
        self._server = server
        self.cut_at: bytes | None = None
        self.after = True
        self.down = False
        self.cuts = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / NAME))
        self._listening.listen(50)
        self._open: set[socket.socket] = set()
        self._carrying: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut(self) -> None:
        """All that is connected, as when the server dies."""
        _end(*list(self._open))

    def close(self) -> None:
        """End everything, and wait until it has ended."""
        self.down = True
        _end(self._listening)
        self._accepting.join()
        self._listening.close()
        self.cut()
        for thread in self._carrying:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._carrying.append(threading.Thread(target=self._carry, args=(client,), daemon=True))
                self._carrying[-1].start()

    def _carry(self, client: socket.socket) -> None:
        """One connection, until either side ends it."""
        with client, socket.socket(socket.AF_UNIX) as server:
            if self.down:
                return
            server.connect(self._server)
            self._open |= {client, server}
            answers = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            answers.start()
            with suppress(OSError):
                while said := client.recv(65536):
                    if self.cut_at is not None and self.cut_at in said:
                        self._cut_here(client, server, said)
                        break
                    server.sendall(said)
            _end(client, server)
            answers.join()
            self._open -= {client, server}

    def _cut_here(self, client: socket.socket, server: socket.socket, said: bytes) -> None:
        self.cut_at, self.cuts, self.down = None, self.cuts + 1, True
        _end(client)  # no answer comes through any more
        if self.after:
            server.sendall(said)
            time.sleep(0.3)  # the server does what it was told

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                with suppress(OSError):
                    client.sendall(said)
        _end(client, server)


def _end(*ends: socket.socket) -> None:
    for one in ends:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def wired(url: str, folder: Path) -> Iterator[tuple[Wire, str]]:
    """A wire to the server of this URL, and the URL by which one goes through it."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    wire = Wire(f"{query['host']}/{NAME}", folder)
    try:
        yield wire, urlunsplit(parts._replace(query=urlencode({**query, "host": str(folder)})))
    finally:
        wire.close()
