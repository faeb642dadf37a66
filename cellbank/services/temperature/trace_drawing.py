"""What every picture of temperatures over time is made of: the frame with its scales, bands, and lines. In points from
the upper left corner."""

import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from cellbank.outside.drawing import Drawing, Mark

WIDTH, HEIGHT = 860.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 92.0, 20.0, 24.0
SIZE = 11.0
COLUMNS = int(WIDTH - LEFT - RIGHT)
Column = tuple[int, float, float]
"""A column of pixels: its number, the lowest and the highest temperature in it."""


class Frame(ABC):
    """The scales of a picture: times from left to right, degrees from `low` to `high`."""

    def __init__(self, since: datetime.datetime, until: datetime.datetime, low: float, high: float):
        self.since, self.until, self.low, self.high = since, until, low, high
        self.seconds = (until - since).total_seconds()

    @abstractmethod
    def marks(self) -> Iterator[Mark]:
        """What is drawn, in the order in which it is drawn."""

    def drawing(self, title: str) -> Drawing:
        """The whole picture."""
        return Drawing(title, WIDTH, HEIGHT, tuple(self.marks()), SIZE)

    def x(self, at: datetime.datetime) -> float:
        """Where a time is."""
        return LEFT + COLUMNS * (at - self.since).total_seconds() / self.seconds

    def y(self, celsius: float) -> float:
        """Where a temperature is."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - celsius) / (self.high - self.low)

    def band(self, kind: str, since: datetime.datetime, until: datetime.datetime, text: str) -> Mark:
        """A time that is shaded from top to bottom; never so narrow that nobody sees it."""
        left, right = self.x(since), self.x(until)
        return Mark("band", kind, ((left, TOP), (max(right - left, 1.5), HEIGHT - TOP - BOTTOM)), text)

    def scales(self, ticks: Iterable[tuple[datetime.datetime, str]]) -> Iterator[Mark]:
        """The degrees as a grid, and these times below."""
        bottom, right = HEIGHT - BOTTOM, LEFT + COLUMNS
        step = next(one for one in (10, 20, 50, 100) if (self.high - self.low) / one <= 8)
        for celsius in range(int(self.low // step + 1) * step, int(self.high) + 1, step):
            y = self.y(celsius)
            yield Mark("line", "grid", ((LEFT, y), (right, y)))
            yield Mark("word", "axis", ((LEFT - 6, y + 4),), f"{celsius}".replace("-", "−"), "end")
        yield Mark("word", "axis", ((LEFT - 6, 10.0),), "°C", "end")
        for at, name in ticks:
            x = self.x(at)
            yield Mark("line", "axis", ((x, bottom), (x, bottom + 4)))
            yield Mark("word", "axis", ((x, bottom + 17),), name, "middle")
        yield Mark("line", "axis", ((LEFT, bottom), (right, bottom)))

    def trace(self, tone: str, columns: Iterable[Column], gap_minutes: float) -> Iterator[Mark]:
        """One line, broken where no reading came for too long."""
        apart = max(2.0, gap_minutes * 60 / (self.seconds / COLUMNS) + 1)
        piece: list[tuple[float, float]] = []
        before = None
        for number, low, high in columns:
            if before is not None and number - before > apart:
                yield Mark("line", tone, tuple(piece))
                piece = []
            x = LEFT + number + 0.5
            ends = ((x, self.y(high)), (x, self.y(low)))
            # From the end that is nearer to where the line is, so that it does not zigzag.
            near = piece and abs(piece[-1][1] - ends[1][1]) < abs(piece[-1][1] - ends[0][1])
            piece += reversed(ends) if near else ends
            before = number
        if piece:
            yield Mark("line", tone, tuple(piece))

    def columns(self, readings: Iterable[tuple[datetime.datetime, float]]) -> Iterator[Column]:
        """The lowest and highest of these readings in each column, for what is short enough to be counted here."""
        found: dict[int, tuple[float, float]] = {}
        for at, value in readings:
            number = min(COLUMNS - 1, int(COLUMNS * (at - self.since).total_seconds() / self.seconds))
            low, high = found.get(number, (value, value))
            found[number] = min(low, value), max(high, value)
        return ((number, low, high) for number, (low, high) in sorted(found.items()))
