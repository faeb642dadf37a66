"""The world that tests start from, and the shortest way to do an act as somebody in it.

Factories walk the real acts: a lot in a test has been filled, frozen and released by people, or it does not exist.
"""

import datetime
import random
from typing import Any
from zoneinfo import ZoneInfo

from cellbank.domain import agreement
from cellbank.domain.lifecycle.roles import FLOOR, SIGNERS
from cellbank.records.work import Actor
from cellbank.services import catalogue
from cellbank.services.acts import Outcome, run_act
from cellbank.services.installation import Installation
from cellbank.services.people.actors import SYSTEM, actor_by_name
from tests.factories.stock import Stock

PASSWORD = "correct horse battery"
PEOPLE = {
    "tina": ("Tina Technician", ["technician"]),
    "taras": ("Taras Technician", ["technician"]),
    "quinn": ("Quinn Quality", ["quality_officer"]),
    "oksana": ("Oksana Quality", ["quality_officer"]),
    "clara": ("Clara Clinician", ["clinician"]),
    "cyril": ("Cyril Clinician", ["clinician"]),
    "ada": ("Ada Administrator", ["administrator"]),
    "otto": ("Otto Auditor", ["auditor"]),
}
LATE = datetime.timedelta(minutes=10)
TRAINED = {"trained_on": "2020-01-01", "valid_until": "2099-12-31"}


class Refusal(AssertionError):
    """An act that a factory needs was refused."""


def _told_at(act: str, given: dict[str, Any]) -> datetime.datetime | None:
    """When that happened which an act is given to tell of; None where it says nothing that can be read."""
    earlier = getattr(catalogue.REGISTRY[act].input, "EARLIER_NAME", None)
    told = given.get("happened_at", given.get(earlier)) if earlier is not None else None
    try:
        at = datetime.datetime.fromisoformat(told) if isinstance(told, str) else told
    except ValueError:
        return None
    return at if isinstance(at, datetime.datetime) and at.tzinfo else None


class World:
    """A bank with people; `now` is its clock, which only tests move.

    With a `stock`, its database is a copy of one that was furnished before.
    """

    def __init__(
        self, installation: Installation, chance: random.Random, now: datetime.datetime, stock: Stock | None = None
    ):
        catalogue.load()
        self.installation = installation
        self.chance = chance
        self.now = now
        self.zone = ZoneInfo("Europe/Kyiv")  # of the site
        self.stock = stock or Stock()
        self.people: dict[str, Actor] = dict(self.stock.people)
        if stock is None:
            self._furnish()

    def _furnish(self) -> None:
        """Let people in who can sign, and put the shipped definitions into force, where they are missing."""
        for name, (full_name, roles) in PEOPLE.items():
            if actor_by_name(self.installation, name) is None:
                given = {
                    "name": name,
                    "full_name": full_name,
                    "roles": roles,
                    "new_password": PASSWORD,
                    "must_change": False,
                }
                self.accepted(run_act(self.installation, "add_person", given, SYSTEM, door="test", now=self.now))
            self.meet(name)
        for name in PEOPLE:
            self.may_sign(name)
        from tests.factories.definitions import in_force  # it needs the class that is being defined here

        in_force(self)

    def meet(self, name: str) -> Actor:
        """The person as they are now: what may be signed depends on it."""
        actor = actor_by_name(self.installation, name)
        assert actor is not None
        self.people[name] = actor
        return actor

    def may_sign(self, name: str) -> None:
        """Train a person for every role in which one signs, and let them accept the statement, where it is missing."""
        person = self.people[name]
        signing, signs = person.roles & FLOOR, person.roles & SIGNERS
        for role in sorted(signing - {one.role for one in person.trained}):
            given = {"name": name, "role": role, "procedure": "SOP-1 version 3", **TRAINED}
            self.accepted(run_act(self.installation, "record_training", given, SYSTEM, door="test", now=self.now))
        if signs and person.agreement != agreement.VERSION:
            self.do(name, "accept_agreement", version=agreement.VERSION)
        self.meet(name)

    def try_act(
        self,
        who: str,
        act: str,
        *,
        key: str | None = None,
        dry_run: bool = False,
        now: datetime.datetime | None = None,
        **given: Any,
    ) -> Outcome:
        """Do an act as `who`, at the world's clock or at `now`; signed acts get the password unless one is given. What
        an act tells of is told at once; with a later `now` it is told late, with a reason unless one is given."""
        if catalogue.asks_password(act):
            given.setdefault("password", PASSWORD)
        told = _told_at(act, given)
        if told is not None and now is None:
            now = min(told, self.now)
        elif told is not None and now is not None and now - told > LATE:
            given.setdefault("entered_late_because", "Written down on paper at the bench first")
        return run_act(
            self.installation,
            act,
            given,
            self.people[who],
            door="test",
            key=key,
            dry_run=dry_run,
            now=now or self.now,
        )

    def do(self, who: str, act: str, *, now: datetime.datetime | None = None, **given: Any) -> dict[str, Any]:
        """The same, for an act that must be accepted; returns its result."""
        return self.accepted(self.try_act(who, act, now=now, **given))

    def codes(self, who: str, act: str, **given: Any) -> list[str]:
        """The codes with which an act is refused, gravest first; empty when it is accepted."""
        return [refusal.code.value for refusal in self.try_act(who, act, **given).refusals]

    @staticmethod
    def accepted(outcome: Outcome) -> dict[str, Any]:
        """The result of an accepted outcome; fails the test with the reasons otherwise."""
        if not outcome.accepted:
            raise Refusal("; ".join(refusal.detail for refusal in outcome.refusals))
        return outcome.result

    def unique(self, prefix: str) -> str:
        """A name that nothing in this run has."""
        return f"{prefix}-{self.chance.randrange(10**9):09d}"
