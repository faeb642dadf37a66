"""How long and how often a vial may be out of the cold. Source: domain reference §4.3.

Every time counts: on the way between two places, and lifted out with the box that it stands in.
Twin in the database: no_dose_from_a_vial_that_warmed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cellbank.domain.identifiers import printed
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import HandlingRules


@dataclass(frozen=True)
class Budget:
    """What a vial has spent of its time out of the cold, beside the limits of its specification."""

    longest_seconds: float
    total_seconds: float
    times: int
    rules: HandlingRules

    @property
    def is_spent(self) -> bool:
        """Whether one of the limits is passed."""
        return bool(tuple(_over(self)))


def budget(gaps: Sequence[timedelta], rules: HandlingRules) -> Budget:
    """Add up the times out of the cold; a gap of nothing is none."""
    seconds = [gap.total_seconds() for gap in gaps if gap]
    return Budget(max(seconds, default=0), sum(seconds), len(seconds), rules)


def warming_refusals(
    vial: str, spent: Budget, consequence: str = "It may not go back: discard it."
) -> Iterator[Refusal]:
    """Why the vial is not put back, or not given: too long at once, too long in all, or too often."""
    for value, limit, words in _over(spent):
        yield refuse(
            Code.WARMING_BUDGET,
            "Vial {vial} was out of the cold " + words + ". " + consequence,
            vial=printed(vial),
            value=value,
            limit=limit,
        )


def _over(spent: Budget) -> Iterator[tuple[float, int, str]]:
    rules = spent.rules
    figures = (
        (spent.longest_seconds, rules.warming_single_seconds, "{value:.0f} s at once; the limit is {limit} s"),
        (spent.total_seconds, rules.warming_total_seconds, "{value:.0f} s in all; the limit is {limit} s"),
        (spent.times, rules.warming_events_max, "{value} times; the limit is {limit} times"),
    )
    for value, limit, words in figures:
        if value > limit:
            yield value, limit, words
