"""People who cannot sign yet, what makes them able to, and something to sign."""

import datetime
from typing import Any

import pyotp
from sqlalchemy import text

from cellbank.domain import agreement
from cellbank.services.acts import run_act
from cellbank.services.people import passwords
from cellbank.services.people.actors import SYSTEM
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from tests.factories.production import received_reagent
from tests.factories.world import PASSWORD, World


def newcomer(world: World, *roles: str, site: str | None = None) -> str:
    """Somebody who has neither accepted the statement nor been trained, of this site or of the first one."""
    name = world.unique("n").replace("-", ".")
    given = {"site": site, "name": name, "full_name": f"Newcomer {name}", "roles": list(roles or ("quality_officer",))}
    World.accepted(
        run_act(
            world.installation,
            "add_person",
            {**given, "new_password": PASSWORD, "must_change": False},
            SYSTEM,
            door="test",
            now=world.now,
        )
    )
    world.meet(name)
    return name


def to_sign(world: World) -> dict[str, str]:
    """A decision of a quality officer to sign: on a reagent that somebody else has received."""
    return {"reagent": received_reagent(world), "decision": "accept", "reason": "Certificate checked"}


def train(world: World, name: str, since: str, until: str, role: str = "quality_officer", by: str = "ada") -> str:
    """Record a training of somebody and confirm it; returns its code."""
    given = {"name": name, "role": role, "procedure": "SOP-7 version 2", "trained_on": since, "valid_until": until}
    code = world.do(by, "record_training", **given)["code"]
    world.do("oksana", "confirm_training", training=code)
    world.meet(name)
    return code


def badge(world: World, name: str) -> str:
    """The code on somebody's badge."""
    with world.installation.reads.connect() as connection:
        return str(connection.scalar(text("SELECT code FROM person WHERE name = :name"), {"name": name}))


def confirm(world: World, name: str, by: str = "oksana", now: datetime.datetime | None = None) -> dict[str, Any]:
    """Confirm what somebody has asked for this account."""
    return world.do(by, "confirm_account_change", person=badge(world, name), now=now)


def by_two(world: World, act: str, name: str, now: datetime.datetime | None = None, **given: Any) -> dict[str, Any]:
    """Let an administrator ask for a change of this account and a quality officer confirm it; what came of that."""
    world.do("ada", act, name=name, now=now, **given)
    return confirm(world, name, now=now)


def accept(world: World, name: str) -> None:
    """Let somebody accept the statement in force."""
    world.do(name, "accept_agreement", version=agreement.VERSION)
    world.meet(name)


def enrol(world: World, name: str, at: datetime.datetime | None = None) -> pyotp.TOTP:
    """Set the second factor up and confirm it a while before now; returns the app."""
    before = (at or world.now) - datetime.timedelta(seconds=120)
    app = pyotp.TOTP(set_up(world, name, handed(world, name, before), before)["secret"])
    world.do(name, "confirm_second_factor", one_time_code=app.at(before), now=before)
    return app


def handed(world: World, name: str, now: datetime.datetime | None = None) -> str:
    """A code that an administrator hands over, to set up a second factor with."""
    return str(world.do("ada", "hand_over_code", name=name, now=now)["handed"])


def set_up(world: World, name: str, code: str, now: datetime.datetime | None = None) -> dict[str, Any]:
    """Set the second factor up with this code, as the page does; what was told."""
    actor, at = world.meet(name), now or world.now
    proved = passwords.prove(
        world.installation, actor, Credentials(PASSWORD, code), at, place=Place("test"), enrols=True
    )
    return World.accepted(
        run_act(world.installation, "set_up_second_factor", {}, actor, door="test", now=at, once=proved.once)
    )
