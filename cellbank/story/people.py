"""Everybody who plays: the first people by the installation itself, as at its command line; and somebody new, whose
account and training an administrator has asked for and a second person has still to confirm."""

import datetime
from typing import Any

from cellbank.domain import agreement
from cellbank.domain.lifecycle.roles import FLOOR, SIGNERS
from cellbank.services.acts import run_act
from cellbank.services.people.actors import SYSTEM
from cellbank.story.cast import CLINIC, NEWCOMER, PASSWORD, PEOPLE, PEOPLE_THERE, TRAINING_ENDS_SOON
from cellbank.story.player import Player, StoryProblem


def first_people(story: Player, at: datetime.datetime) -> None:
    """Accounts, trainings and the statement that each accepts, at both sites."""
    for name, full_name, role in PEOPLE:
        _install(story, at, name, full_name, role)
    story.do("admin", "add_site", at, **CLINIC)
    for name, full_name, role in PEOPLE_THERE:
        _install(story, at, name, full_name, role, site=str(CLINIC["code"]))


def somebody_new(story: Player) -> None:
    """An account and a training that wait for a second person."""
    name, full_name, role = NEWCOMER
    given = {"name": name, "full_name": full_name, "roles": [role], "new_password": PASSWORD}
    at = story.today - datetime.timedelta(hours=3)
    story.do("admin", "add_person", at, **given)
    story.do("admin", "record_training", at, **_training(name, role, at, 400))


def _install(story: Player, at: datetime.datetime, name: str, full_name: str, role: str, **site: str) -> None:
    """One person, who chose the password themself and may sign from now on."""
    given = {"name": name, "full_name": full_name, "roles": [role], "new_password": PASSWORD, "must_change": False}
    _by_the_installation(story, "add_person", at, {**given, **site})
    if role in FLOOR:
        days = (story.today - at).days + (20 if name == TRAINING_ENDS_SOON else 400)
        _by_the_installation(story, "record_training", at, _training(name, role, at, days))
    if role in SIGNERS:
        story.do(name, "accept_agreement", at, version=agreement.VERSION)
        story.meet(name)


def _training(name: str, role: str, at: datetime.datetime, days: int) -> dict[str, Any]:
    until = (at + datetime.timedelta(days=days)).date()
    return {
        "name": name,
        "role": role,
        "procedure": "SOP-001 version 4",
        "trained_on": at.date().isoformat(),
        "valid_until": until.isoformat(),
    }


def _by_the_installation(story: Player, act: str, at: datetime.datetime, given: dict[str, Any]) -> None:
    outcome = run_act(story.installation, act, given, SYSTEM, door="story", now=at)
    story.acts += 1
    if not outcome.accepted:
        raise StoryProblem(f"{act} of {given['name']} was refused: {outcome.refusals}")
