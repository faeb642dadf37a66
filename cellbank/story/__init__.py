"""The story of NCT04461925, played through the real acts: documentation, test data and first impression in one."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from cellbank.services.installation import Installation, server_time
from cellbank.services.people.actors import actor_by_name
from cellbank.services.quality.definitions import shipped
from cellbank.story import clinic, deviations, laboratory, people, production, shipping, temperature
from cellbank.story.cast import CLINIC, PASSWORD, PEOPLE, PEOPLE_THERE
from cellbank.story.player import Player, StoryProblem

__all__ = ["CLINIC", "PASSWORD", "PEOPLE", "PEOPLE_THERE", "Played", "StoryProblem", "play", "was_played"]


@dataclass(frozen=True)
class Played:
    """What was played."""

    acts: int
    logins: tuple[tuple[str, str], ...]  # name, role


def was_played(installation: Installation) -> bool:
    """Whether somebody of the cast already works here: the story is played once."""
    return actor_by_name(installation, PEOPLE[0][0]) is not None


def play(
    installation: Installation, tell: Callable[[str], None] = print, today: datetime.datetime | None = None
) -> Played:
    """Play the whole story up to `today` (else: now). Raises StoryProblem when the rules and the story differ."""
    story = Player(installation, today or server_time(), tell)
    tell("People and definitions")
    _open(story)
    tell("Donors, cultures, banks and lots")
    made = production.play(story)
    tell("Subjects and doses")
    clinic.play(story, made)
    tell("Deviations")
    deviations.play(story, made.lots, made.reagents["TRY-8832"])
    tell("Probes and their readings")
    temperature.play(story)
    tell("Shipments to the clinic")
    shipping.play(story, made)
    tell("Samples, versions and an account that wait")
    laboratory.samples_awaited(story, made.lots)
    laboratory.versions_to_compare(story)
    people.somebody_new(story)
    return Played(story.acts, tuple((name, role) for name, _, role in PEOPLE + PEOPLE_THERE))


def _open(story: Player) -> None:
    at = story.ago(210)
    people.first_people(story, at)
    for definition in shipped():
        given = {"type": definition.type, "content": definition.content}
        code = story.do("iryna", "import_definition", at, **given)["code"]
        story.do("maksym", "make_effective", at, definition=code)
