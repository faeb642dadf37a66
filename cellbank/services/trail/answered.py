"""What an act was asked about because it can hardly be, and the answer that was given: read out of the act itself,
where nobody can change it any more (`rules/plausible.py` asks, `common.asked_about` keeps)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cellbank.domain.refusals import Code


@dataclass(frozen=True)
class Answered:
    """What could hardly be, a sentence each, and why it is right all the same."""

    asked: tuple[str, ...]
    because: str


def answered(given: Mapping[str, Any], result: Mapping[str, Any]) -> Answered | None:
    """What an act was asked about; None where it was asked nothing, also where an answer was given to no question."""
    warnings = result.get("warnings") or ()
    asked = tuple(one["detail"] for one in warnings if one["code"] == Code.IMPROBABLE.value)
    because = given.get("improbable_because")
    return Answered(asked, because) if asked and because else None
