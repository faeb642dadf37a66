"""Sites: each with its own stock, people and chain in the trail; and who works at which.

A donation gets its number from the series of the site's FIN and its year. Sites of one facility may share a FIN: they
then count in one series, so that no number is ever given twice (domain reference §1.6).
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from sqlalchemy import select, text

from cellbank.domain.accounts import Change, gains_site
from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import is_fin, is_unregistered_fin
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.names import reads_alike
from cellbank.records.people import Person, Site
from cellbank.records.work import Work
from cellbank.services.common import asked_about
from cellbank.services.inputs import Identifier, Improbable, Name, OneLine, Reason, SiteCode, Zone
from cellbank.services.installation import Installation
from cellbank.services.parsing import ActInput
from cellbank.services.people.account_changes import Wanted, asks_two, change_account
from cellbank.services.people.actors import SYSTEM, lock_account
from cellbank.services.registry import act

MOST_SITES, LONGEST_NAME = 50, 60


def _short(given: str) -> str:
    """As the setting of the first site's name: it stands on labels."""
    if len(given) > LONGEST_NAME:
        raise ValueError(f"must be 1 to {LONGEST_NAME} characters on one line")
    return given


def _fin(given: str) -> str:
    if not is_fin(given):
        raise ValueError("must be 5 characters: A-N, P-Z or 1-9, two of A-N, P-Z or 0-9, two digits")
    return given


class AddSite(ActInput):
    """Add a site."""

    code: SiteCode = Field(title="Code of the site", description="2 to 12 letters A to Z, digits or hyphens.")
    name: Annotated[OneLine, AfterValidator(_short)] = Field(title="Name of the site")
    fin: Annotated[Identifier, AfterValidator(_fin)] = Field(title="Facility identification number")
    fin_registered: bool = Field(title="The number is registered")
    timezone: Zone = Field(title="Time zone")
    improbable_because: Improbable = None

    @field_validator("fin_registered")
    @classmethod
    def _as_the_number_says(cls, registered: bool, info: ValidationInfo) -> bool:
        """A9990 to A9999 are set aside for whoever is not registered, and for nobody else."""
        if "fin" in info.data and registered == is_unregistered_fin(info.data["fin"]):
            raise ValueError(
                "must be no for A9990 to A9999, which are set aside for tests"
                if registered
                else "must be yes, or the number A9990 to A9999"
            )
        return registered


@act(AddSite)
def add_site(work: Work, given: AddSite) -> Site:
    """Make a site: it begins with no stock and no people, and a chain of its own in the trail. Refuses a code that is
    taken; asks about a name that reads like another."""
    taken = work.session.scalar(select(Site.id).where(Site.code == given.code))
    exists = refuse(Code.ALREADY_EXISTS, "There is a site {code}. Choose another code.", code=given.code)
    others = work.session.execute(select(Site.name, Site.code)).all()
    doubts = reads_alike(given.name, [one for one in others if skeleton(one[0]) == skeleton(given.name)])
    doubted = asked_about(work, doubts, given.improbable_because)
    work.judge(Site, refusals=[exists] if taken else doubted)
    return work.add(Site(**given.model_dump(exclude={"improbable_because"})))


class ChangeSites(ActInput):
    """Change the sites of a person."""

    name: Name = Field(title="Sign-in name")
    sites: list[SiteCode] = Field(
        default=[],
        max_length=MOST_SITES,
        title="Other sites at which they work",
        description="Beside their home site, which stays.",
    )
    reason: Reason


@act(ChangeSites)
def change_sites(work: Work, given: ChangeSites) -> Person:
    """Replace the other sites at which somebody may work; what they recorded there stays theirs. A second person
    confirms another site for an account that has a power. Refuses a site that there is not."""
    person = lock_account(work, given.name)
    known = dict(work.session.execute(select(Site.code, Site.id).where(Site.code.in_(given.sites))).all())
    missing = [_unknown(code) for code in given.sites if code not in known]
    sites = [code for code in dict.fromkeys(given.sites) if known.get(code) != person.site_id]
    two = asks_two(work, person.roles) and gains_site(person.also_at or (), sites)
    wanted = Wanted(sites=sites)
    change_account(work, person, Change.SITES, two=two, reason=given.reason, wanted=wanted, refusals=missing)
    return person


def _unknown(code: str) -> Refusal:
    return refuse(
        Code.NOT_FOUND, "There is no site {code} here. An administrator sees all sites on the page “Sites”.", code=code
    )


class ConfigureSite(ActInput):
    """Set the site's name and numbers."""

    name: OneLine = Field(title="Name of the site")
    fin: Identifier = Field(title="Facility identification number")
    fin_registered: bool = Field(title="The number is registered")
    timezone: OneLine = Field(title="Time zone")


@act(ConfigureSite)
def configure_site(work: Work, given: ConfigureSite) -> Site:
    """Bring the site's row in step with the settings, at start-up."""
    site = work.lock_id(Site, work.actor.site_id)
    work.judge(Site)
    site.name, site.fin, site.fin_registered, site.timezone = (
        given.name,
        given.fin,
        given.fin_registered,
        given.timezone,
    )
    return site


@dataclass(frozen=True)
class SiteSeen:
    """A site as the administrator's list shows it."""

    code: str
    name: str
    fin: str
    fin_registered: bool
    timezone: str
    people: tuple[str, ...]  # sign-in names of those who may work there


_SITES = text(
    """SELECT s.code, s.name, s.fin, s.fin_registered, s.timezone,
              array(SELECT p.name FROM person p
                     WHERE p.state = 'ACTIVE' AND p.id <> :system AND (p.site_id = s.id OR s.code = ANY(p.also_at))
                     ORDER BY p.name) AS people
         FROM site s ORDER BY s.id"""
)


def list_sites(installation: Installation) -> tuple[SiteSeen, ...]:
    """All sites, the first one first, each with the people who may work there."""
    with installation.reads.connect() as connection:
        rows = connection.execute(_SITES, {"system": SYSTEM.id}).mappings()
        return tuple(SiteSeen(**{**row, "people": tuple(row["people"])}) for row in rows)
