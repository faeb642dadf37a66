"""The figures of the issue with their bounds, and the table in which they are reported."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

BOUNDS = {"at most": lambda value, bound: value <= bound, "at least": lambda value, bound: value >= bound}


@dataclass(frozen=True)
class Figure:
    """One line of the table. Without a bound it is there for orientation."""

    name: str
    value: float
    unit: str
    kind: Literal["at most", "at least", ""] = ""
    bound: float = 0.0
    note: str = ""

    @property
    def verdict(self) -> str:
        """ok, short, or nothing where there is no bound."""
        return "" if not self.kind else ("ok" if BOUNDS[self.kind](self.value, self.bound) else "SHORT")

    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        bound = f"{self.kind} {self.bound:g} {self.unit}".strip() if self.kind else "–"
        return self.name, bound, f"{self.value:.3g} {self.unit}".strip(), self.verdict, self.note


@dataclass
class Table:
    """All figures of a run."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, figures: Iterable[Figure]) -> None:
        """Add lines, and show them at once: a bench that is stopped has said what it knew."""
        for figure in figures:
            self.figures.append(figure)
            print("  ".join(cell for cell in figure.cells() if cell), flush=True)

    @property
    def short(self) -> list[Figure]:
        """The figures that miss their bound."""
        return [figure for figure in self.figures if figure.verdict == "SHORT"]

    def text(self) -> str:
        """The whole table in columns."""
        rows = [("figure", "bound", "measured", "", "note"), *(figure.cells() for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([lines[0], "-" * sum(widths), *lines[1:]])


def median_of_ratios(ours: Sequence[float], bare: Sequence[float]) -> float:
    """The median over rounds: each ratio is of two measurements that followed each other."""
    return statistics.median(our / their for our, their in zip(ours, bare, strict=True))
