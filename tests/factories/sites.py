"""A second site with its own people, and somebody acting at another site than at home."""

from dataclasses import dataclass

from cellbank.services.acts import run_act
from cellbank.services.people.actors import SYSTEM, actor_by_name
from tests.factories.people import confirm
from tests.factories.stock import stocked
from tests.factories.world import PASSWORD, World

THERE = {
    "technician": ["technician"],
    "other_technician": ["technician"],
    "quality_officer": ["quality_officer"],
    "other_quality_officer": ["quality_officer"],
    "clinician": ["clinician"],
    "other_clinician": ["clinician"],
}


@dataclass(frozen=True)
class SecondSite:
    """A site beside the first one (MAIN), and the sign-in names of its people, as `World.do` takes them."""

    id: int
    code: str
    technician: str
    other_technician: str
    quality_officer: str
    other_quality_officer: str
    clinician: str
    other_clinician: str


@stocked
def second_site(world: World, timezone: str = "Europe/Warsaw") -> SecondSite:
    """A new site and two people of each kind who work there and nowhere else, each able to sign."""
    code = f"S-{world.chance.randrange(10**8):08d}"
    given = {"name": f"Site {code}", "fin": "A9998", "fin_registered": False, "timezone": timezone}
    world.do("ada", "add_site", code=code, **given)
    people = {who: _person(world, code, roles) for who, roles in THERE.items()}
    return SecondSite(world.people[people["technician"]].site_id, code, **people)


def _person(world: World, site: str, roles: list[str]) -> str:
    name = world.unique("s").replace("-", ".")
    given = {"name": name, "full_name": f"Person {name}", "roles": roles, "new_password": PASSWORD, "site": site}
    World.accepted(
        run_act(world.installation, "add_person", {**given, "must_change": False}, SYSTEM, door="test", now=world.now)
    )
    world.meet(name)
    world.may_sign(name)
    return name


def at(world: World, who: str, site: str) -> str:
    """A name under which the same person acts at the site with this code, where they may work from now on."""
    sites = {*world.people[who].sites[1:], site}
    asked = world.do("ada", "change_sites", name=who, sites=sorted(sites), reason="Works there as well")
    if "warnings" in asked:  # of somebody who signs a second person confirms it
        confirm(world, who)
    world.meet(who)
    actor = actor_by_name(world.installation, who, site)
    assert actor is not None and actor.site_code == site
    name = f"{who} at {site}"
    world.people[name] = actor
    return name
