"""How the story is played: every step is a real act, done by a person at a time of the story."""

import datetime
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cellbank.domain.actor import Actor
from cellbank.domain.lifecycle.table import asks_password
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.people.actors import actor_by_name
from cellbank.story.cast import PASSWORD

SEED = 4_461_925
HOUR, MINUTE, DAY = datetime.timedelta(hours=1), datetime.timedelta(minutes=1), datetime.timedelta(days=1)


class StoryProblem(Exception):
    """An act of the story was refused, or one that should have been refused was not."""


@dataclass
class Player:
    """Plays acts. `today` is the moment at which the story ends: everything lies before it."""

    installation: Installation
    today: datetime.datetime
    tell: Callable[[str], None] = print
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    acts: int = 0
    _people: dict[str, Actor] = field(default_factory=dict)

    def ago(self, days: float, hour: int = 9, minute: int = 0) -> datetime.datetime:
        """A moment so many days before today, at this hour of the day (UTC)."""
        day = self.today - datetime.timedelta(days=days)
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def do(self, who: str, act: str, at: datetime.datetime, **given: Any) -> dict[str, Any]:
        """Do an act, which must be accepted; returns its result."""
        outcome = self._run(who, act, at, given)
        if not outcome.accepted:
            reasons = "; ".join(refusal.detail for refusal in outcome.refusals)
            raise StoryProblem(f"{act} by {who} at {at:%Y-%m-%d %H:%M} was refused: {reasons}")
        result: dict[str, Any] = outcome.result
        return result

    def near_miss(self, who: str, act: str, at: datetime.datetime, code: str, **given: Any) -> None:
        """Do an act that must be refused with this code: near misses belong to the story."""
        outcome = self._run(who, act, at, given)
        if outcome.accepted or outcome.refusals[0].code.value != code:
            raise StoryProblem(f"{act} by {who} should have been refused with {code}: {outcome}")

    def _run(self, who: str, act: str, at: datetime.datetime, given: dict[str, Any]) -> Any:
        if asks_password(act):
            given = {"password": PASSWORD, **given}
        self.acts += 1
        return run_act(self.installation, act, given, self.person(who), door="story", now=min(at, self.today))

    def person(self, name: str) -> Actor:
        """Somebody of the cast, as they were when they were first met."""
        return self._people.get(name) or self.meet(name)

    def meet(self, name: str) -> Actor:
        """Somebody of the cast as they are now: who is trained and has accepted the statement may sign."""
        actor = actor_by_name(self.installation, name)
        if actor is None:
            raise StoryProblem(f"{name} is not in the cast")
        self._people[name] = actor
        return actor
