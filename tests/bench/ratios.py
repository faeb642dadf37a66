"""Ours against the yardstick: both in turn, several rounds, on the same server, so that a busy machine slows both."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.clients import Clients, Reading
from tests.bench.figures import median_of_ratios

Requests = Sequence[list[bytes]]


class Wrong(AssertionError):
    """Answers that should have been 200 and were not: nothing was measured."""


@dataclass(frozen=True)
class Comparison:
    """Rounds of both."""

    ours: list[Reading]
    bare: list[Reading]

    @property
    def throughput(self) -> float:
        """Ours, as a part of the bare throughput."""
        return median_of_ratios([r.per_second for r in self.ours], [r.per_second for r in self.bare])

    @property
    def latency(self) -> float:
        """Ours, as a multiple of the bare median."""
        return median_of_ratios([r.median for r in self.ours], [r.median for r in self.bare])

    @property
    def note(self) -> str:
        """Both in absolute figures, for orientation."""
        return f"{_typical(self.ours)} against {_typical(self.bare)}"


def _typical(readings: Sequence[Reading]) -> str:
    rate = statistics.median(reading.per_second for reading in readings)
    median = statistics.median(reading.median for reading in readings)
    return f"{rate:.0f}/s, {median * 1000:.2f} ms"


def compare(
    clients: Clients, ours: Callable[[], Requests], bare: Requests, *, rounds: int, seconds: float, again: bool = True
) -> Comparison:
    """Let the clients do both in turn. `ours` gives each round its requests: what is done once cannot be done again."""
    clients.run(bare, seconds / 2)
    found = Comparison([], [])
    for _ in range(rounds):
        found.bare.append(clients.run(bare, seconds))
        found.ours.append(clients.run(ours(), seconds, again=again))
    wrong = [sentence for reading in (*found.ours, *found.bare) for sentence in reading.wrong]
    if wrong:
        raise Wrong(f"{len(wrong)} wrong answers, such as {wrong[0]}")
    return found
