"""From a donor to a harvested culture, through the real acts. Times run forward from a delivery that lies well before
the world's clock, so that results, passages and freezing fit in between."""

import datetime
from functools import cache
from typing import Any

from cellbank.domain.rules.plausible import MOST_CELLS_PER_CM2
from cellbank.services.common import read_specification
from cellbank.services.quality.definitions import shipped
from tests.factories.stock import shared, stocked
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def delivered(world: World) -> datetime.datetime:
    """When the donors of these factories were delivered, unless a test says otherwise."""
    return world.now - 100 * DAY


def donor(world: World, *, delivered_at: datetime.datetime | None = None, **given: Any) -> str:
    """A registered donor; returns her code."""
    at = delivered_at or delivered(world)
    registered = {"pseudonym": world.unique("D"), "birth_year": 1993, "delivered_at": at, **given}
    return str(world.do("tina", "register_donor", now=at + HOUR, **registered)["code"])


def consented_donor(world: World, *, delivered_at: datetime.datetime | None = None) -> str:
    """A donor who has consented a week before the delivery."""
    at = delivered_at or delivered(world)
    code = donor(world, delivered_at=at)
    consent(world, code, given_on=(at - 7 * DAY).date())
    return code


def consent(world: World, donor: str, *, given_on: datetime.date | None = None) -> str:
    """A consent of this donor; returns its code."""
    given = {"donor": donor, "version": "3", "scope": "clinical_use"}
    on = given_on or (delivered(world) - 7 * DAY).date()
    return str(world.do("tina", "record_consent", given_on=on, **given)["code"])


@cache
def panel_codes() -> tuple[str, ...]:
    """The donor tests of the shipped specification."""
    content = next(one.content for one in shipped() if one.type == "specification")
    return tuple(test.code for test in read_specification(content).donor.tests)


def donor_results(
    world: World,
    donor: str,
    *,
    tests: tuple[str, ...] | None = None,
    taken_at: datetime.datetime | None = None,
    choice: str = "negative",
    reviewed: bool = True,
) -> list[str]:
    """Results of the panel, or of these tests, entered by one technician from one sheet and reviewed by another."""
    at = taken_at or delivered(world)
    rows = [f"{donor};{test};{choice};ELISA or PCR;{at.isoformat()};{at + 2 * DAY}" for test in tests or panel_codes()]
    sheet = "\n".join(["donor;test;result;method;started_at;resulted_at", *rows])
    results = list(world.do("tina", "import_results", now=at + 3 * DAY, sheet=sheet)["results"])
    if reviewed:
        world.do("taras", "review_results", now=at + 4 * DAY, results=results, confirmed=True)
    return results


def eligible_donor(world: World, *, delivered_at: datetime.datetime | None = None) -> str:
    """A donor with consent, a negative panel taken at the delivery, and the signed determination."""
    at = delivered_at or delivered(world)
    code = consented_donor(world, delivered_at=at)
    donor_results(world, code, taken_at=at)
    determined = {"donor": code, "decision": "eligible", "reason": "Panel complete and negative"}
    world.do("quinn", "determine_eligibility", now=at + 5 * DAY, **determined)
    return code


def arrival(world: World, donor: str, tissue: str = "cord", **given: Any) -> dict[str, Any]:
    """What is given for a donation that arrives in time and cold, an hour after the delivery and six on the way."""
    collected_at = given.pop("collected_at", delivered(world) + HOUR)
    usual = {"received_at": collected_at + 6 * HOUR, "transport_min_c": "3", "transport_max_c": "6"}
    usual["mass_g"] = "80" if tissue == "cord" else "500"
    return {"donor": donor, "tissue": tissue, "collected_at": collected_at, **usual, **given}


@stocked
def donation(world: World, donor: str | None = None, tissue: str = "cord", **given: Any) -> str:
    """An accepted donation, of an eligible donor unless another is given; returns the DIN."""
    given = arrival(world, donor or eligible_donor(world), tissue, **given)
    return str(world.do("tina", "receive_donation", now=given["received_at"], **given)["code"])


def accepted_reagent(world: World, *, expires_on: datetime.date | None = None) -> str:
    """A reagent lot that a quality officer has accepted; returns its code."""
    code = received_reagent(world, expires_on=expires_on)
    given = {"reagent": code, "decision": "accept", "reason": "Certificate checked"}
    world.do("quinn", "decide_reagent", now=world.now - 400 * DAY, **given)
    return code


def received_reagent(world: World, *, expires_on: datetime.date | None = None) -> str:
    """A reagent lot in quarantine."""
    given = {
        "name": "MEM alpha",
        "manufacturer": "Maker",
        "manufacturer_lot": world.unique("M"),
        "certificate": "CoA 12",
        "expires_on": expires_on or (world.now + 300 * DAY).date(),
    }
    return str(world.do("tina", "receive_reagent", now=world.now - 400 * DAY, **given)["code"])


@shared
def medium(world: World) -> str:
    """The accepted reagent lot that cultures use when a test does not care which."""
    return accepted_reagent(world)


@stocked
def growing_culture(
    world: World,
    din: str | None = None,
    *,
    started_at: datetime.datetime | None = None,
    reagent: str | None = None,
    area_cm2: int = 175,
) -> str:
    """P0 from tissue, a day after the delivery; returns its code."""
    at, used = started_at or delivered(world) + DAY, reagent or medium(world)
    given = {"method": "explant", "vessel": "T175", "area_cm2": area_cm2, "reagents": [used], "started_at": at}
    return str(world.do("tina", "isolate_tissue", now=at, donation=din or donation(world), **given)["code"])


def harvested_culture(
    world: World,
    din: str | None = None,
    *,
    total_cells: int = 200_000_000,
    viability_percent: str = "95",
    passages: int = 0,
    started_at: datetime.datetime | None = None,
    reagent: str | None = None,
) -> str:
    """A harvested culture: P0 fourteen days after isolation, each further passage of 3 000 000 living cells four days
    later; the last harvest has `total_cells`, on vessels with room for them. Returns the code of the last culture."""
    at = started_at or delivered(world) + DAY
    area = max(175, -(-total_cells // MOST_CELLS_PER_CM2))
    culture = growing_culture(world, din, started_at=started_at, reagent=reagent, area_cm2=area)
    for passage in range(passages + 1):
        at += 14 * DAY if passage == 0 else 4 * DAY
        last = passage == passages
        harvest(
            world, culture, at, total_cells=total_cells if last else 12_000_000, viability_percent=viability_percent
        )
        if not last:
            culture = passaged(world, culture, at)[0]
    return culture


def harvest(world: World, culture: str, at: datetime.datetime, **given: Any) -> dict[str, Any]:
    """Harvest a culture."""
    counted = {"total_cells": 12_000_000, "viability_percent": "95", "confluence_percent": "80", **given}
    return world.do("tina", "record_harvest", now=at, culture=culture, harvested_at=at, **counted)


def passaged(world: World, culture: str, at: datetime.datetime, **given: Any) -> list[str]:
    """Passage a culture; returns the codes of the new ones."""
    seeded = {"vessel": "T1000", "area_cm2": 1000, "viable_cells": 3_000_000, "reagents": [medium(world)], **given}
    return list(world.do("tina", "passage_culture", now=at, culture=culture, seeded_at=at, **seeded)["cultures"])
